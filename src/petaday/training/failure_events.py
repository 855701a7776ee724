"""A training job event by event: failures drawn at random, checkpoints, restarts, replicas that leave and join.

It confirms the closed form of `petaday.training.goodput`, and says how far single runs lie from the mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from petaday.training.goodput import Failing, Goodput


@dataclass(frozen=True)
class Cycle:
    """Checkpoints as a clock of the time in which the job runs: `inner` stretches of work and stall, then the outer stall.

    Seconds; without checkpoints in memory there is one inner stretch, whose stall is 0.
    """

    inner: int
    work: float
    inner_stall: float
    outer_stall: float
    delay: float

    @property
    def stretch(self) -> float:
        """Seconds of a stretch of work and its stall."""
        return self.work + self.inner_stall

    @property
    def length(self) -> float:
        """Seconds from one checkpoint on storage to the next."""
        return self.inner * self.stretch + self.outer_stall

    def useful(self, active: float) -> float:
        """Seconds of work in the first `active` seconds of running."""
        whole, rest = divmod(active, self.length)
        stretches, left = divmod(min(rest, self.inner * self.stretch), self.stretch)
        return (whole * self.inner + stretches) * self.work + min(left, self.work)

    def last_inner(self, active: float) -> float:
        """When the last checkpoint in memory was complete."""
        whole, rest = divmod(active, self.length)
        return whole * self.length + min(rest // self.stretch, self.inner) * self.stretch

    def last_outer(self, active: float) -> float:
        """When the last checkpoint was complete that storage can give back."""
        return max(active - self.delay, 0.0) // self.length * self.length


@dataclass
class _Run:
    """Work since the last checkpoint on storage, as pieces of constant throughput over the clock of running time."""

    clock: float = 0.0
    starts: list[float] = field(default_factory=list)
    works: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    saved: float = 0.0
    work: float = 0.0

    def advance(self, seconds: float, throughput: float, cycle: Cycle) -> None:
        """Run on for a while."""
        self.starts.append(self.clock)
        self.works.append(self.work)
        self.rates.append(throughput)
        before = cycle.useful(self.clock)
        self.clock += seconds
        self.work += (cycle.useful(self.clock) - before) * throughput

    def work_at(self, clock: float, cycle: Cycle) -> float:
        """Work that had been done at an earlier reading of the clock."""
        index = int(np.searchsorted(self.starts, clock, side="right")) - 1
        if index < 0:
            return self.saved
        done = cycle.useful(clock) - cycle.useful(self.starts[index])
        return self.works[index] + done * self.rates[index]

    def fall_back(self, cycle: Cycle, from_memory: bool) -> None:
        """Go back to the last checkpoint."""
        begun = self.starts[0] if self.starts else self.clock
        outer = cycle.last_outer(self.clock)
        if outer > begun:
            self.saved = self.work_at(outer, cycle)
        inner = cycle.last_inner(self.clock)
        if from_memory:
            self.work = self.work_at(inner, cycle) if inner > begun else (self.works[0] if self.works else self.work)
            self.clock = max(inner, begun)
        else:
            self.work, self.clock = self.saved, 0.0
        self.starts, self.works, self.rates = [], [], []


def cycle_of(job: Failing, priced: Goodput) -> Cycle:
    """The clock of a job's checkpoints at the intervals that the closed form took."""
    storage, interval = job.storage, float(priced.interval)
    if job.memory is None or priced.memory_interval is None:
        return Cycle(1, interval, 0.0, float(storage.stall), float(storage.delay))
    inner = max(1, round(interval / float(priced.memory_interval)))
    return Cycle(inner, interval / inner, float(job.memory.stall), float(storage.stall), float(storage.delay))


def simulate(
    job: Failing, cycle: Cycle, seconds: float, runs: int, seed: int, *, elastic: bool
) -> NDArray[np.float64]:
    """Useful share of the wall time of `runs` runs (runs,) that each need `seconds` of work; `job` is one job, of scalars.

    What is no event, slow machines and late-found corruption and waiting for spares, is left out.
    """
    generator = np.random.default_rng(seed)
    return np.array([seconds / _wall(job, cycle, seconds, generator, elastic) for _ in range(runs)])


def _wall(job: Failing, cycle: Cycle, seconds: float, generator: np.random.Generator, elastic: bool) -> float:
    """Wall seconds of one run."""
    rates = np.asarray(job.rates, dtype=float).reshape(-1)
    whole = (
        np.broadcast_to(np.asarray(job.whole).reshape(-1) > 0, rates.shape) if elastic else np.ones(len(rates), bool)
    )
    away = np.broadcast_to((job.detection + job.swap).reshape(-1), rates.shape)
    chance = rates / rates.sum()
    replicas = float(job.replicas) if elastic else 1.0
    now = stalled = recovering = 0.0
    absent: list[float] = []
    run = _Run()
    failure = generator.exponential(1 / rates.sum())
    while True:
        running = now >= max(stalled, recovering)
        throughput = 1 - len(absent) / replicas
        until = min([failure, *absent, *(each for each in (stalled, recovering) if each > now)])
        if running and throughput > 0:
            if run.work + (cycle.useful(run.clock + until - now) - cycle.useful(run.clock)) * throughput >= seconds:
                return now + _time_for((seconds - run.work) / throughput, run.clock, cycle)
            run.advance(until - now, throughput, cycle)
        now = until
        if now in absent:
            absent.remove(now)
        elif now == failure:
            failure += generator.exponential(1 / rates.sum())
            kind = int(generator.choice(len(rates), p=chance))
            if whole[kind]:
                lost = job.memory is None or generator.random() < float(job.replica_lost)
                run.fall_back(cycle, from_memory=not lost)
                recovering = now + away[kind] + float(job.restart)
            # A failure strikes one of the replicas, and only those that are there can be struck.
            elif generator.random() < throughput:
                stalled = now + float(job.elastic_stall)
                absent.append(now + away[kind] + float(job.replica_restart))


def _time_for(work: float, clock: float, cycle: Cycle) -> float:
    """Seconds of running until `work` more seconds of work are done: found by halving, since `useful` is a staircase."""
    low, high = 0.0, 2 * (work + cycle.length) * (cycle.length / (cycle.inner * cycle.work))
    goal = cycle.useful(clock) + work
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if cycle.useful(clock + middle) >= goal else (middle, high)
    return high

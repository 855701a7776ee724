"""What failures leave of a training job: its useful share of the wall time, and where the rest goes.

Everything takes floats or arrays (n,) that broadcast; classes of failures lie in the first axis, (k, n). The losses and the
useful share add up to 1 exactly.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from petaday.fabric.network import Floats
from petaday.training.recovery import alive, best_interval, share_kept

LOSSES = ("checkpoint", "lost_work", "detection", "swap", "restart", "elastic", "spares", "silent", "slow_machines")


@dataclass(frozen=True)
class Checkpoint:
    """One level of checkpoints, in seconds: (n,).

    interval: work between two of them; None asks for the best; shortest: below which none can be taken
    stall: the job waits for each; delay: after it until the checkpoint can be restored
    """

    interval: Floats | None
    shortest: Floats
    stall: Floats
    delay: Floats

    def taken_every(self, rate: Floats) -> Floats:
        """Seconds of work between checkpoints under failures at this rate."""
        chosen = best_interval(rate, self.stall) if self.interval is None else np.asarray(self.interval)
        # A write has to end before the next begins.
        return np.asarray(np.maximum(chosen, np.maximum(self.shortest, self.delay - np.asarray(self.stall))))


@dataclass(frozen=True)
class Failing:
    """A job as failures see it. Rates are 1/s, times seconds, shares of 1.

    rates, detection, swap: by class (k, n): how often, until it is known, and to bring another node in
    whole: by class (k, 1): whether it stops every replica, as a bug does, or only the one it strikes
    restart: of the whole job; replica_restart: of one replica
    storage: checkpoints on storage; memory: those in the memory of other nodes, or None
    replica_lost: share of the failures that take all copies in memory, and need the storage
    replicas: that can leave one by one; elastic_stall: of all when one leaves; both only where recovery is elastic
    waiting, short: share of time without enough nodes, and nodes that are missing on average
    silent_rate, silent_delay: corruptions and how late they are found
    slow_machines: throughput lost to machines not yet found slow
    """

    rates: Floats
    detection: Floats
    swap: Floats
    whole: Floats
    restart: Floats
    replica_restart: Floats
    storage: Checkpoint
    memory: Checkpoint | None
    replica_lost: Floats
    replicas: Floats
    elastic_stall: Floats
    waiting: Floats
    short: Floats
    silent_rate: Floats
    silent_delay: Floats
    slow_machines: Floats


@dataclass(frozen=True)
class Goodput:
    """Arrays (n,).

    share: useful over wall time; losses: shares of the wall time by LOSSES, which with `share` add up to 1
    mtbf: seconds between failures; interval: of work between checkpoints on storage; memory_interval: in memory
    """

    share: Floats
    losses: dict[str, Floats]
    mtbf: Floats
    interval: Floats
    memory_interval: Floats | None


def synchronous(job: Failing) -> Goodput:
    """The goodput of a job that stops as a whole at every failure and restarts from its last checkpoint."""
    return _recovered(job, job.rates, np.ones(()), 1 - np.asarray(job.waiting))


def elastic(job: Failing) -> Goodput:
    """The goodput of a job whose replicas leave and join one by one (FT-HSDP, arXiv:2602.00277).

    A failure that strikes one replica stalls all for `elastic_stall` and takes that replica's share of the throughput
    away until it has been detected, replaced and restarted: a replica is there for 1 / (1 + λ T / R) of the time. A node
    that is missing for want of spares takes a replica away. What strikes the whole job restarts it as a whole.
    """
    whole = np.asarray(job.whole)
    apart = job.rates * (1 - whole)
    away = job.detection + job.swap + job.replica_restart
    present = 1 / (1 + np.sum(apart * away, axis=0) / job.replicas)
    struck = np.sum(apart, axis=0) * present
    kept = np.exp(-struck * job.elastic_stall) * present
    return _recovered(job, job.rates * whole, kept, np.maximum(1 - np.asarray(job.short) / job.replicas, 0.0))


def _recovered(job: Failing, rates: Floats, elastic_kept: Floats, with_nodes: Floats) -> Goodput:
    """Goodput where failures at `rates` (k, n) stop all; what replicas coming and going keep, and want of nodes."""
    total = np.sum(job.rates, axis=0)
    stopping = np.asarray(np.sum(rates, axis=0), dtype=float)
    some = stopping > 0
    rate = np.where(some, stopping, 1e-30)
    weights = np.where(some, rates / rate, 1.0 / len(rates))
    ends = np.cumsum(np.stack(np.broadcast_arrays(job.detection + 0 * weights, job.swap, job.restart)), axis=0)
    up = [np.ones(()), *(alive(rate, end, weights) for end in ends)]
    phases = [before - after for before, after in itertools.pairwise(up)]
    storage_rate = rate if job.memory is None else rate * job.replica_lost
    interval = job.storage.taken_every(storage_rate)
    kept = _kept(storage_rate, interval, job.storage)
    stall = job.storage.stall / interval
    memory_interval = None
    if job.memory is not None:
        memory_interval = job.memory.taken_every(rate)
        kept = kept * _kept(rate, memory_interval, job.memory)
        stall = stall + job.memory.stall / memory_interval
    running = up[-1]
    useful = running * kept
    losses = {
        "checkpoint": useful * stall,
        "lost_work": running - useful * (1 + stall),
        **dict(zip(("detection", "swap", "restart"), phases, strict=True)),
    }
    # What follows takes a share of the useful time that is left, one after the other.
    for name, keeps in (
        ("elastic", elastic_kept),
        ("spares", with_nodes),
        ("silent", np.exp(-np.asarray(job.silent_rate) * job.silent_delay)),
        ("slow_machines", 1 - np.asarray(job.slow_machines)),
    ):
        losses[name] = useful * (1 - keeps)
        useful = useful * keeps
    return Goodput(useful, losses, np.asarray(1 / total), interval, memory_interval)


def _kept(rate: Floats, interval: Floats, level: Checkpoint) -> Floats:
    return share_kept(rate, interval, level.stall, level.delay)

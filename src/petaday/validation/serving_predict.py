"""Throughput and latency of the rows of the serving record in closed form, a function for each scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from petaday.catalog.engine import Engine as Profile
from petaday.serving.engine import Engine, iteration_work
from petaday.serving.layout import Floats, Layout
from petaday.serving.memory import most_sequences
from petaday.serving.steady import mean_of, throughput
from petaday.serving.waves import decode_seconds, prefill_seconds, run_seconds
from petaday.validation.mlperf import Limits, limits_of
from petaday.validation.serving_cells import Cell, Loads

LATER = 0.85
"""Mean seconds of an output token over their 99th percentile where a service runs as full as its limit allows: requests
meet other numbers of prompts. A round number."""

BUSY = 0.95
"""Share of its capacity that a service with random arrivals runs at when first tokens are wanted within seconds: a
round number."""

STEPS = 24
"""Numbers of sequences that are tried between one and the most."""


@dataclass(frozen=True)
class Service:
    """A cell under a profile.

    most: sequences that a replica runs together, one where none fits; fits: whether one does
    prefills: 1 where the replica computes the prompts too, 0 where their tokens are in its caches already
    limits: of MLPerf's scenarios with random arrivals
    """

    loads: Loads
    layout: Layout
    engine: Engine
    most: Floats
    fits: NDArray[np.bool_]
    chunk: Floats
    mixes: bool
    prefills: float
    limits: Limits | None

    def steady(self, sequences: Floats) -> Floats:
        """Tokens a second of a replica with a constant number of sequences."""
        loads = self.loads
        return throughput(
            self.engine,
            self.layout,
            np.maximum(sequences, 1.0),
            loads.prompt,
            loads.output,
            chunk=self.chunk,
            mixes=self.mixes,
        )

    def run(self, requests: Floats) -> Floats:
        """Tokens a second of a run of so many requests of one length."""
        loads = self.loads
        seconds = run_seconds(
            self.engine, self.layout, requests, self.most, loads.prompt, loads.output, chunk=self.chunk
        )
        return np.asarray(requests * loads.output / seconds)

    @property
    def running(self) -> Floats:
        """Sequences that run together: as many as there are, where known, and no more than fit."""
        asked = np.where(np.isnan(self.loads.sequences), self.loads.requests, self.loads.sequences)
        return np.where(np.isnan(asked), self.most, np.minimum(asked, self.most))

    def token_work(self, name: str) -> Floats:
        """Seconds that an output token's FLOP ("arithmetic") or bytes ("traffic") take every chip at datasheet rates."""
        loads, running = self.loads, self.running
        per_iteration = mean_of(
            lambda batch: getattr(iteration_work(self.engine, self.layout, batch), name),
            self.layout,
            running,
            loads.prompt,
            loads.output,
            self.chunk,
            self.prefills * running * loads.prompt / loads.output,
            mixes=self.mixes,
        )
        return np.asarray(per_iteration / running)

    def decode(self, sequences: Floats, context: Floats) -> Floats:
        """Seconds of an iteration that only decodes."""
        return decode_seconds(self.engine, self.layout, sequences, context)


def service_of(cell: Cell, profile: Profile) -> Service:
    """The cell under the profile, at least one sequence at a time."""
    engine, chunk = cell.engine(profile), np.full_like(cell.loads.prompt, profile.chunk.value)
    most = held(cell, profile, engine, chunk)
    limits = limits_of(cell.model, cell.scenario)
    return Service(
        cell.loads,
        cell.layout,
        engine,
        most=np.maximum(most, 1.0),
        fits=most > 0,
        chunk=chunk,
        mixes=profile.mixes,
        prefills=float(cell.scenario != "decode"),
        limits=limits,
    )


def predict(cell: Cell, profile: Profile) -> Floats:
    """Tokens a second of all replicas, of each entry of a cell; 0 where the weights do not fit."""
    service = service_of(cell, profile)
    return np.where(service.fits, SCENARIOS[cell.scenario](service) * cell.replicas, 0.0)


def held(cell: Cell, profile: Profile, engine: Engine, chunk: Floats) -> Floats:
    """Sequences that a replica runs together: what its caches hold, and what the engine allows.

    Requests of one length grow together and need room for the last token; others are half through on average.
    """
    loads = cell.loads
    length = loads.prompt + loads.output * np.where(loads.fixed > 0, 1.0, 0.5)
    fits = most_sequences(engine, cell.layout, profile.memory.value * cell.memory, length, chunk)
    return np.minimum(fits, profile.running.value * cell.layout.dp)


def static_batch(service: Service) -> Floats:
    """A batch from its first prompt to its last token, in waves where memory holds less."""
    return service.run(service.loads.sequences)


def offline(service: Service) -> Floats:
    """All requests queued: a burst where their number is known, else a steady state with as many as fit."""
    requests = service.loads.requests
    known = replace(service, loads=replace(service.loads, requests=np.where(np.isnan(requests), 1.0, requests)))
    return np.where(np.isnan(requests), service.steady(service.most), burst(known))


def burst(service: Service) -> Floats:
    """All requests at once: waves of those of one length; of several, a steady state until the last ones are under way."""
    loads = service.loads
    running = np.maximum(np.minimum(service.most, loads.requests), 1.0)
    queued = (loads.requests - running) * loads.output / service.steady(running)
    first = prefill_seconds(service.engine, service.layout, running, loads.prompt, chunk=service.chunk)
    mixed = loads.requests * loads.output / (first + queued + drain_seconds(service, running))
    return np.where(loads.fixed > 0, service.run(loads.requests), mixed)


def drain_seconds(service: Service, running: Floats) -> Floats:
    """Seconds until `running` requests have ended whose lengths are exponential around their mean, so that what is left of
    each is too: S·exp(-u) of them run after u mean lengths, down to the last one at u = ln(S)."""
    loads, share = service.loads, np.linspace(0.0, 1.0, STEPS)
    ends = np.log(running)
    left = running[:, None] ** (1 - share)
    context = (loads.prompt + loads.output)[:, None]
    layout = Layout(*(size[:, None] for size in service.layout))
    seconds = decode_seconds(service.engine, layout, left, context)
    # The last one still has a mean length before it.
    return np.asarray(loads.output * (ends * np.trapezoid(seconds, share, axis=1) + seconds[:, -1]))


def concurrency(service: Service) -> Floats:
    """A constant number of requests under way; what the caches cannot hold waits."""
    return service.steady(np.minimum(service.loads.sequences, service.most))


def fixed_rate(service: Service) -> Floats:
    """Requests at a constant rate: as many as come or as can be served, and the time of the last one."""
    loads, most = service.loads, service.most
    context = loads.prompt + loads.output
    served = np.minimum(loads.rate * loads.output, service.steady(most))
    running = np.clip(served * service.decode(most / 2, context), 1.0, most)
    tokens, last = loads.requests * loads.output, loads.output * service.decode(running, context)
    return np.where(np.isnan(tokens), served, tokens / (tokens / served + last))


def within_limits(service: Service) -> Floats:
    """The largest rate of random arrivals whose output tokens stay under the limit."""
    assert service.limits is not None
    loads = service.loads
    tried = service.most[:, None] ** np.linspace(0.0, 1.0, STEPS)
    rate = throughput(
        service.engine,
        Layout(*(size[:, None] for size in service.layout)),
        tried,
        loads.prompt[:, None],
        loads.output[:, None],
        chunk=service.chunk[:, None],
        mixes=service.mixes,
    )
    allowed = LATER * service.limits.seconds(loads.output)
    kept = np.where(tried / rate <= allowed[:, None], rate, 0.0)
    return np.asarray(np.minimum(kept.max(axis=1), BUSY * rate[:, -1]))


def decode_only(service: Service) -> Floats:
    """Tokens a second of replicas that only decode."""
    loads = service.loads
    running = np.minimum(loads.sequences, service.most)
    return np.asarray(running / service.decode(running, loads.prompt + np.maximum(loads.output - 1, 0) / 2))


def prefill_only(service: Service) -> Floats:
    """Prompt tokens a second: of so many prompts at once, or of chunks that follow each other."""
    loads, layout = service.loads, service.layout
    together = np.where(np.isnan(loads.sequences), np.ceil(service.chunk * layout.dp / loads.prompt), loads.sequences)
    seconds = prefill_seconds(service.engine, layout, together, loads.prompt, chunk=service.chunk)
    return np.asarray(together * loads.prompt / seconds)


SCENARIOS: dict[str, Callable[[Service], Floats]] = {
    "static batch": static_batch,
    "offline": offline,
    "burst": burst,
    "concurrency": concurrency,
    "steady state": concurrency,
    "fixed qps": fixed_rate,
    "mlperf offline": offline,
    "mlperf server": within_limits,
    "mlperf interactive": within_limits,
    "decode": decode_only,
    "prefill": prefill_only,
}

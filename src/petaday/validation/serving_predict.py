"""Throughput and latency of the rows of the serving record in closed form, a function for each scenario."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from petaday.catalog.engine import Engine as Profile
from petaday.serving.engine import Engine
from petaday.serving.layout import Floats, Layout
from petaday.serving.memory import most_sequences
from petaday.serving.steady import throughput
from petaday.serving.waves import decode_seconds, prefill_seconds, run_seconds
from petaday.validation.mlperf import LIMITS, WHOLE_ANSWER
from petaday.validation.serving_cells import Cell

LATER = 0.85
"""Mean seconds of an output token over their 99th percentile where a service runs as full as its limit allows: requests
meet other numbers of prompts. A round number."""

BUSY = 0.95
"""Share of its capacity that a service with random arrivals runs at when first tokens are wanted within seconds: a
round number."""

STEPS = 24
"""Numbers of sequences that are tried between one and the most."""


def predict(cell: Cell, profile: Profile) -> Floats:
    """Tokens a second of all replicas, of each entry of a cell; 0 where the weights do not fit."""
    engine, chunk = cell.engine(profile), np.full_like(cell.loads.prompt, profile.chunk.value)
    most = held(cell, profile, engine, chunk)
    rate = SCENARIOS[cell.scenario](cell, engine, np.maximum(most, 1.0), chunk)
    return np.where(most > 0, rate * cell.replicas, 0.0)


def held(cell: Cell, profile: Profile, engine: Engine, chunk: Floats) -> Floats:
    """Sequences that a replica runs together: what its caches hold, and what the engine allows.

    Requests of one length grow together and need room for the last token; others are half through on average.
    """
    loads = cell.loads
    length = loads.prompt + loads.output * np.where(loads.fixed > 0, 1.0, 0.5)
    room = profile.memory.value * cell.memory
    fits = most_sequences(engine, cell.layout, room, length, chunk)
    return np.minimum(fits, profile.running.value * cell.layout.dp * cell.layout.pp)


def static_batch(cell: Cell, engine: Engine, most: Floats, chunk: Floats) -> Floats:
    """A batch from its first prompt to its last token, in waves where memory holds less."""
    return _run(cell, engine, most, chunk, cell.loads.sequences)


def offline(cell: Cell, engine: Engine, most: Floats, chunk: Floats) -> Floats:
    """All requests queued: waves where their number and length are known, else a steady state as full as it gets."""
    loads = cell.loads
    steady = _steady(cell, engine, most, chunk)
    known = np.where(np.isnan(loads.requests), 1.0, loads.requests)
    return np.where(np.isnan(loads.requests), steady, _run(cell, engine, most, chunk, known))


def burst(cell: Cell, engine: Engine, most: Floats, chunk: Floats) -> Floats:
    """All requests at once, of one length or of several."""
    loads = cell.loads
    waves = _run(cell, engine, most, chunk, loads.requests)
    running = np.minimum(most, loads.requests)
    seconds = loads.requests * loads.output / _steady(cell, engine, running, chunk)
    # The last requests end one after another, in smaller and smaller batches.
    tail = loads.output / 2 * decode_seconds(engine, cell.layout, running / 2, loads.prompt + loads.output)
    return np.where(loads.fixed > 0, waves, loads.requests * loads.output / (seconds + tail))


def concurrency(cell: Cell, engine: Engine, most: Floats, chunk: Floats) -> Floats:
    """A constant number of requests under way; what the caches cannot hold waits."""
    return _steady(cell, engine, np.minimum(cell.loads.sequences, most), chunk)


def fixed_rate(cell: Cell, engine: Engine, most: Floats, chunk: Floats) -> Floats:
    """Requests at a constant rate: as many as come or as can be served, and the time of the last one."""
    loads = cell.loads
    capacity = _steady(cell, engine, most, chunk)
    served = np.minimum(loads.rate * loads.output, capacity)
    waiting = np.clip(served * decode_seconds(engine, cell.layout, most / 2, loads.prompt + loads.output), 1.0, most)
    last = loads.output * decode_seconds(engine, cell.layout, waiting, loads.prompt + loads.output)
    total = loads.requests * loads.output
    return np.where(np.isnan(total), served, total / (total / served + last))


def within_limits(cell: Cell, engine: Engine, most: Floats, chunk: Floats) -> Floats:
    """The largest rate of random arrivals whose output tokens stay under MLPerf's limits."""
    loads, share = cell.loads, np.linspace(0.0, 1.0, STEPS)
    tried = most[:, None] ** share
    wide = Layout(*(size[:, None] for size in cell.layout))
    prompt, output = loads.prompt[:, None], loads.output[:, None]
    rate = throughput(engine, wide, tried, prompt, output, chunk=chunk[:, None])
    kind = cell.scenario.split()[-1]
    if (cell.model, kind) in LIMITS:
        allowed = LATER * LIMITS[cell.model, kind].output_token
    else:
        allowed = LATER * WHOLE_ANSWER[cell.model] / output
    kept = np.where(tried / rate <= allowed, rate, 0.0)
    return np.minimum(kept.max(axis=1), BUSY * rate[:, -1])


def decode_only(cell: Cell, engine: Engine, most: Floats, chunk: Floats) -> Floats:
    """Tokens a second of replicas that only decode."""
    loads = cell.loads
    running = np.minimum(loads.sequences, most)
    return running / decode_seconds(engine, cell.layout, running, loads.prompt + np.maximum(loads.output - 1, 0) / 2)


def prefill_only(cell: Cell, engine: Engine, most: Floats, chunk: Floats) -> Floats:
    """Prompt tokens a second: of so many prompts at once, or of chunks that follow each other."""
    loads = cell.loads
    together = np.where(np.isnan(loads.sequences), np.ceil(chunk * cell.layout.dp / loads.prompt), loads.sequences)
    return together * loads.prompt / prefill_seconds(engine, cell.layout, together, loads.prompt, chunk=chunk)


Predict = Callable[[Cell, Engine, Floats, Floats], Floats]

SCENARIOS: dict[str, Predict] = {
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


def _run(cell: Cell, engine: Engine, most: Floats, chunk: Floats, requests: Floats) -> Floats:
    loads = cell.loads
    seconds = run_seconds(engine, cell.layout, requests, most, loads.prompt, loads.output, chunk=chunk)
    return np.asarray(requests * loads.output / seconds)


def _steady(cell: Cell, engine: Engine, sequences: Floats, chunk: Floats) -> Floats:
    loads = cell.loads
    return throughput(engine, cell.layout, np.maximum(sequences, 1.0), loads.prompt, loads.output, chunk=chunk)

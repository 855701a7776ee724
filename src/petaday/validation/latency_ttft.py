"""Seconds to the first token (TTFT) against measurements, from a simulation of each run: a closed form has no queue.

The runs are closed loops: so many requests at a time, each ending lets the next one come, and at the start all come at
once, so the mean TTFT carries that crowd. How they were made, and with which settings of the engine, their own scripts say
(`latency_settings.py`). The means are compared.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from petaday.catalog import load
from petaday.serving.law import Laws, iteration_laws
from petaday.serving.layout import Layout
from petaday.serving.memory import room_tokens
from petaday.serving.requests import Trace, requests
from petaday.serving.simulate.outcome import Ledger
from petaday.serving.simulate.run import simulate
from petaday.serving.simulate.service import Pool, Service
from petaday.study.engines import board_memory
from petaday.validation.latency import Cell, cells_of, checked, half_of, halves, held_out, profile_of
from petaday.validation.latency_record import read_record
from petaday.validation.latency_settings import settings_of
from petaday.validation.suite import Checked, Suite

Row = dict[str, str]

REQUESTS = 10
"""Requests of a run for each that is under way, under both clients (10·c in their scripts)."""

FEWEST, MOST = 20, 6000
"""Requests of a simulated run: more than the longest ones change nothing."""

MOST_SEQUENCES = 4096
MOST_CHUNK = 65_536
"""Tokens of an iteration beyond which the tables stop."""


class Predicted(NamedTuple):
    """Mean seconds of a simulated run, without what the stack adds to the first token."""

    ttft: float
    tpot: float


@functools.cache
def simulated() -> dict[int, Predicted]:
    """Every comparable run of replicas that compute their prompts, by its place in the record."""
    rows = read_record()
    found: dict[int, Predicted] = {}
    for cell in cells_of(rows):
        found |= _cell(cell, rows)
    return found


def _cell(cell: Cell, rows: list[Row]) -> dict[int, Predicted]:
    profile = load.engine(cell.profile)
    engine, capacity = cell.engine(profile), profile.memory.value * board_memory(load.chip(cell.chip))
    laws: dict[tuple[float, ...], Laws] = {}
    found = {}
    for row in np.flatnonzero(cell.prefills):
        place = cell.places[row]
        settings = settings_of(rows[place], profile)
        layout = Layout(*(size[[row]] for size in cell.layout))
        groups = int(layout.dp[0] * layout.pp[0])
        chunk = min(settings.chunk * groups, MOST_CHUNK)
        key = (*(float(size[0]) for size in layout), chunk)
        if key not in laws:
            own = replace(engine, chunk=float(settings.chunk))
            laws[key] = iteration_laws(own, layout.row(0), chunk=chunk, sequences=MOST_SEQUENCES)
        under_way = max(1, round(float(cell.sequences[row])))
        prompt, output = float(cell.prompt[row]), float(cell.output[row])
        room = float(room_tokens(engine, layout, capacity, np.array([float(settings.chunk)]))[0])
        # Where not even some requests seem to fit, they did: the room of the runs is unknown and limits nothing.
        if room < 2 * (prompt + output):
            room = 2 * under_way * (prompt + output)
        stages = int(layout.pp[0])
        pool = Pool(*laws[key], 1, MOST_SEQUENCES, chunk, room, mixed=settings.mixes, stages=stages)
        found[place] = _run(pool, under_way, prompt, output, settings.shortest)
    return found


def _run(pool: Pool, under_way: int, prompt: float, output: float, shortest: float) -> Predicted:
    count = min(max(REQUESTS * under_way, FEWEST), MOST)
    draw = np.random.default_rng(1)

    def lengths(named: float) -> np.ndarray:
        return draw.integers(max(int(named * shortest), 1), int(named) + 1, count)

    ledger = Ledger()
    trace = Trace("closed loop", [requests(np.zeros(count), lengths(prompt), lengths(output))])
    simulate(Service((pool,), loop=under_way), trace, ledger)
    return Predicted(ledger.mean("ttft"), ledger.mean("tpot"))


def comparable(rows: Iterable[Row]) -> list[int]:
    """Places of the rows that are simulated."""
    return [place for place, row in enumerate(rows) if not row["skipped"] and row["mode"] == "agg"]


def ttft_suites() -> list[Suite]:
    """TTFT of dense models and of mixtures of experts, held out of the fits and fitted."""
    rows = read_record()
    kept, found = held_out(rows), simulated()
    suites: dict[str, list[Checked]] = {name: [] for name in halves("TTFT")}
    for place in comparable(rows):
        row = rows[place]
        first = load.first_tokens().get(profile_of(row))
        predicted = found[place].ttft + (first.answer if first else 0.0)
        suites[half_of("TTFT", row, kept[place])].append(
            checked(row, "ttft", predicted, first.held_out_p90 if first else None)
        )
    return [Suite(name, tuple(rows_of)) for name, rows_of in suites.items()]

"""Every legal layout of a pool, aggregated and disaggregated: latency against throughput a chip, in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from petaday.serving.capacity import Points, front, split
from petaday.serving.layout import Floats, Layout
from petaday.study.serve import Asking, layouts_of
from petaday.study.serve_parts import Stack
from petaday.study.serve_size import QUEUED


@dataclass(frozen=True)
class Way:
    """Replicas of a layout at a number of sequences, alone or behind others that compute the prompts.

    prefill: the layout that computes prompts apart, None where replicas do both; replicas: of each side
    requests: a second, of all chips; output: tokens a second and chip; within: whether it keeps the limits of latency
    """

    layout: Layout
    replicas: int
    prefill: Layout | None
    prefill_replicas: int
    sequences: float
    ttft: float
    tpot: float
    requests: float
    output: float
    within: bool


@dataclass(frozen=True)
class Sweep:
    """ways: each layout, alone and behind others, where it gives most within the limits, else at its quickest; those
    within come first, by throughput; front: the ways that nothing beats in TPOT and in throughput, by TPOT
    layouts: how many are legal; points: how many were priced
    """

    ways: tuple[Way, ...]
    front: tuple[Way, ...]
    layouts: int
    points: int
    chips: int


@dataclass(frozen=True)
class _Table:
    """Working points of one kind as columns, and how a row reads as a way."""

    place: Floats
    ttft: Floats
    tpot: Floats
    requests: Floats
    way: Callable[[int], Way]


def sweep(asking: Asking, stack: Stack, chips: int) -> Sweep:
    """Price every legal layout on `chips` chips by itself, and every layout that decodes with the best that prefill."""
    load, wanted = asking.workload.load, asking.scenario.objectives
    layout = layouts_of(stack, chips)
    ttft, tpot = QUEUED * (wanted.ttft or math.inf), wanted.tpot or math.inf
    both, first, then = (price(layout, load) for price in (stack.together, stack.prefill, stack.decode))

    def keeps(quick: float, flowing: float) -> bool:
        return quick <= ttft and flowing <= tpot

    tables = [_aggregated(layout, both, chips, load.output, keeps)]
    if len(first.rate) and len(then.rate):
        tables.append(_disaggregated(layout, first, then, chips, load.output, ttft, keeps))
    ways = [table.way(row) for table in tables for row in _best_rows(table, ttft, tpot)]
    ways.sort(key=lambda way: (not way.within, -way.output))
    edge = [table.way(int(row)) for table in tables for row in front(table.tpot, table.requests)]
    kept = front(np.array([way.tpot for way in edge]), np.array([way.requests for way in edge]))
    priced = len(both.rate) + len(first.rate) + len(then.rate)
    return Sweep(tuple(ways), tuple(edge[place] for place in kept), len(layout.tp), priced, chips)


def _best_rows(table: _Table, ttft: float, tpot: float) -> list[int]:
    """Of each layout the row with the most throughput within the limits, or its quickest."""
    within = (table.ttft <= ttft) & (table.tpot <= tpot)
    rows = []
    for place in np.unique(table.place):
        own = np.flatnonzero(table.place == place)
        able = own[within[own]]
        rows.append(int(able[np.argmax(table.requests[able])] if len(able) else own[np.argmin(table.tpot[own])]))
    return rows


def _aggregated(
    layout: Layout, points: Points, chips: int, output: float, keeps: Callable[[float, float], bool]
) -> _Table:
    replicas = chips // points.chips
    requests = replicas * points.rate

    def way(row: int) -> Way:
        quick, flowing = float(points.ttft[row]), float(points.tpot[row])
        return Way(
            layout=layout.row(int(points.layout[row])),
            replicas=int(replicas[row]),
            prefill=None,
            prefill_replicas=0,
            sequences=float(points.sequences[row]),
            ttft=quick,
            tpot=flowing,
            requests=float(requests[row]),
            output=float(requests[row]) * output / chips,
            within=keeps(quick, flowing),
        )

    return _Table(points.layout, points.ttft, points.tpot, requests, way)


def _disaggregated(
    layout: Layout,
    first: Points,
    then: Points,
    chips: int,
    output: float,
    ttft: float,
    keeps: Callable[[float, float], bool],
) -> _Table:
    """Every layout that decodes with the prefill layout that suits it."""
    found = split(first, then, chips, ttft)
    place = then.layout[found.decode]

    def way(row: int) -> Way:
        quick, flowing = float(found.ttft[row]), float(found.tpot[row])
        return Way(
            layout=layout.row(int(place[row])),
            replicas=int(found.decode_replicas[row]),
            prefill=layout.row(int(first.layout[found.prefill[row]])),
            prefill_replicas=int(found.prefill_replicas[row]),
            sequences=float(then.sequences[found.decode[row]]),
            ttft=quick,
            tpot=flowing,
            requests=float(found.rate[row]),
            output=float(found.rate[row]) * output / chips,
            within=keeps(quick, flowing),
        )

    return _Table(place, found.ttft, found.tpot, found.rate, way)

"""Every legal layout of a pool, aggregated and disaggregated: latency against throughput a chip, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from petaday.serving.capacity import Points, aggregated, decoders, front, prefillers, split
from petaday.serving.layout import Layout
from petaday.study.serve import Asking, layouts_of
from petaday.study.serve_parts import Stack
from petaday.study.serve_size import QUEUED


@dataclass(frozen=True)
class Way:
    """A layout, or a pair of them, at the number of sequences where it gives most within the limits of latency.

    prefill: the layout that computes prompts apart, None where replicas do both; replicas: of each side
    requests: a second, of all chips; output: tokens a second and chip; front: whether nothing beats it in both TPOT and
    throughput
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
    front: bool = False


@dataclass(frozen=True)
class Sweep:
    """The ways of a sweep, those within the limits first by throughput; layouts: how many are legal; points: how many
    working points were priced; curve: the front of all points as (TPOT, output tokens a second and chip, place of the
    side)"""

    ways: tuple[Way, ...]
    layouts: int
    points: int
    chips: int


def sweep(asking: Asking, stack: Stack, chips: int) -> Sweep:
    """Price every legal layout on `chips` chips by itself, and every layout that decodes with the best that prefill."""
    load = asking.workload.load
    layout = layouts_of(stack, chips)
    room = stack.room(layout)
    both = aggregated(
        stack.engine, layout, room, load, chunk=stack.chunk, running=stack.running, mixes=stack.profile.mixes
    )
    wanted = asking.scenario.objectives
    ttft, tpot = QUEUED * (wanted.ttft or math.inf), wanted.tpot or math.inf
    ways = _aggregated(layout, both, chips, load.output, ttft, tpot)
    first = prefillers(stack.engine, layout, room, load, chunk=stack.chunk)
    then = decoders(stack.engine, layout, room, load, running=stack.running)
    if len(first.rate) and len(then.rate):
        ways += _disaggregated(layout, first, then, chips, load.output, ttft, tpot)
    ways = _marked(ways)
    ways.sort(key=lambda way: (not way.within, -way.output))
    return Sweep(tuple(ways), len(layout.tp), len(both.rate) + len(first.rate) + len(then.rate), chips)


def _aggregated(layout: Layout, points: Points, chips: int, output: float, ttft: float, tpot: float) -> list[Way]:
    """Of each layout the best point within the limits, or its quickest."""
    within = (points.ttft <= ttft) & (points.tpot <= tpot)
    ways = []
    for place in np.unique(points.layout):
        own = np.flatnonzero(points.layout == place)
        able = own[within[own]]
        row = able[np.argmax(points.rate[able])] if len(able) else own[0]
        replicas = int(chips // points.chips[row])
        requests = float(replicas * points.rate[row])
        ways.append(
            Way(
                layout=layout.row(int(place)),
                replicas=replicas,
                prefill=None,
                prefill_replicas=0,
                sequences=float(points.sequences[row]),
                ttft=float(points.ttft[row]),
                tpot=float(points.tpot[row]),
                requests=requests,
                output=requests * output / chips,
                within=bool(within[row]),
            )
        )
    return ways


def _disaggregated(
    layout: Layout, first: Points, then: Points, chips: int, output: float, ttft: float, tpot: float
) -> list[Way]:
    """Of each layout that decodes the best point within the limits, with the prefill layout that suits it."""
    found = split(first, then, chips, ttft)
    place = then.layout[found.decode]
    within = (found.ttft <= ttft) & (found.tpot <= tpot)
    ways = []
    for each in np.unique(place):
        own = np.flatnonzero(place == each)
        able = own[within[own]]
        row = able[np.argmax(found.rate[able])] if len(able) else own[0]
        ways.append(
            Way(
                layout=layout.row(int(each)),
                replicas=int(found.decode_replicas[row]),
                prefill=layout.row(int(first.layout[found.prefill[row]])),
                prefill_replicas=int(found.prefill_replicas[row]),
                sequences=float(then.sequences[found.decode[row]]),
                ttft=float(found.ttft[row]),
                tpot=float(found.tpot[row]),
                requests=float(found.rate[row]),
                output=float(found.rate[row]) * output / chips,
                within=bool(within[row]),
            )
        )
    return ways


def _marked(ways: list[Way]) -> list[Way]:
    """The ways with their front marked."""
    on = set(front(np.array([way.tpot for way in ways]), np.array([way.output for way in ways])).tolist())
    return [Way(**{**vars(way), "front": place in on}) for place, way in enumerate(ways)]

"""What layouts give under a steady load: latency against throughput, for every number of sequences.

Aggregated: replicas compute prompts and decode. Disaggregated: some replicas compute prompts, others decode, and the
numbers of the two are such that neither waits for the other. No queue is in here; a simulation confirms what is chosen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from petaday.serving.batch import Batch
from petaday.serving.engine import Engine, iteration_seconds
from petaday.serving.layout import Floats, Layout
from petaday.serving.speculation import PLAIN, Speculation
from petaday.serving.steady import rounds, seconds_of
from petaday.serving.waves import prefill_seconds

STEPS = 24
"""Numbers of sequences tried for each layout, from one to the most by equal factors."""


class Load(NamedTuple):
    """What one replica is asked for: mean tokens of prompts and outputs."""

    prompt: float
    output: float


class Points(NamedTuple):
    """Working points, a column each. layout: its place in the list of layouts; chips: of one replica
    sequences: under way on a replica; ttft: seconds of a prompt without a queue; tpot: seconds of an output token
    rate: requests a second of one replica
    """

    layout: Floats
    chips: Floats
    sequences: Floats
    ttft: Floats
    tpot: Floats
    rate: Floats

    def take(self, chosen: Floats) -> Points:
        """Some of the points."""
        return Points(*(column[chosen] for column in self))


def aggregated(
    engine: Engine,
    layout: Layout,
    room: Floats,
    load: Load,
    *,
    chunk: int,
    running: int,
    mixes: bool,
    speculation: Speculation = PLAIN,
) -> Points:
    """Points of replicas that do both, without layouts that hold not one request.

    room: tokens of a replica's caches; running: most sequences of an attention group; mixes: whether decodes join the
    iterations that compute prompts
    """
    length = load.prompt + load.output / 2
    sequences, one = _grid(layout, room, length, running)
    decodes = _decodes(sequences, length, speculation)
    owed = sequences * load.prompt / load.output * speculation.gained
    prompt, most = np.asarray(load.prompt), np.asarray(float(chunk))
    found = rounds(seconds_of(engine, one), one, decodes, prompt, most, owed, mixes=mixes)
    ttft = np.ceil(load.prompt / chunk) * found.chunked + found.alone / 2
    mean, alone = (_drafted(each, engine, speculation) / speculation.gained for each in (found.mean, found.alone))
    # A sequence spends its first TTFT on its prompt and only the rest of its stay on output (Little's law).
    tpot = np.maximum(mean - ttft / load.output, alone)
    return _points(layout, sequences, one, ttft, tpot, mean * load.output)


def decoders(
    engine: Engine, layout: Layout, room: Floats, load: Load, *, running: int, speculation: Speculation = PLAIN
) -> Points:
    """Points of replicas that only decode; their TTFT is 0."""
    length = load.prompt + load.output / 2
    sequences, one = _grid(layout, room, length, running)
    seconds = iteration_seconds(engine, one, _decodes(sequences, length, speculation)).total
    tpot = _drafted(seconds, engine, speculation) / speculation.gained
    return _points(layout, sequences, one, 0 * tpot, tpot, tpot * load.output)


def _decodes(sequences: Floats, length: float, speculation: Speculation) -> Batch:
    """Sequences whose tokens are verified together, over caches that are read once."""
    none = np.zeros_like(sequences)
    return Batch(sequences * speculation.verified, sequences * length, none, none)


def _drafted(seconds: Floats, engine: Engine, speculation: Speculation) -> Floats:
    """Seconds of an iteration with its drafts, whose layers take their share of the model's."""
    return seconds * (1 + speculation.drafted * speculation.layers / engine.model.layers)


def prefillers(engine: Engine, layout: Layout, room: Floats, load: Load, *, chunk: int) -> Points:
    """A point for each layout that only computes prompts, as many at a time as fill an iteration of each group."""
    fits = room >= load.prompt
    one = Layout(*(size[fits] for size in layout))
    together = one.dp * one.pp * max(1.0, np.floor(chunk / load.prompt))
    seconds = prefill_seconds(engine, one, together, np.asarray(load.prompt), chunk=np.asarray(float(chunk)))
    place = np.flatnonzero(fits).astype(float)
    return Points(place, one.chips, together, seconds, np.zeros_like(seconds), together / seconds)


def _grid(layout: Layout, room: Floats, length: float, running: int) -> tuple[Floats, Layout]:
    """Numbers of sequences by layout and step, and the layouts beside them; 0 sequences where none fits."""
    most = np.minimum(np.floor(room / length), running * layout.dp)
    sequences = np.where(most[:, None] >= 1, np.maximum(most, 1)[:, None] ** np.linspace(0, 1, STEPS), 0.0)
    return np.rint(sequences), Layout(*(np.broadcast_to(size[:, None], sequences.shape) for size in layout))


def _points(layout: Layout, sequences: Floats, one: Layout, ttft: Floats, tpot: Floats, stay: Floats) -> Points:
    """The points of a grid; stay: seconds of a sequence on its replica."""
    place = np.broadcast_to(np.arange(float(len(layout.tp)))[:, None], sequences.shape)
    # Small layouts hold few sequences, and round to the same number several times.
    new = (sequences > 0) & (np.diff(sequences, axis=1, prepend=0) > 0)
    chips = np.broadcast_to(one.chips, sequences.shape)
    rate = np.divide(sequences, stay, out=np.zeros_like(sequences), where=new)
    return Points(*(column[new] for column in (place, chips, sequences, ttft, tpot, rate)))


class Split(NamedTuple):
    """Disaggregated pools, a column each: places among the points of both sides, replicas of each, and what they give
    together: requests a second and latencies."""

    prefill: Floats
    decode: Floats
    prefill_replicas: Floats
    decode_replicas: Floats
    ttft: Floats
    tpot: Floats
    rate: Floats


def split(prefill: Points, decode: Points, chips: int, ttft: float) -> Split:
    """For every decode point the prefill replicas that serve most requests on `chips` chips with it.

    ttft: seconds that a prompt may take; where none is quick enough, none is left out
    """
    quick = prefill.ttft <= ttft
    places = np.flatnonzero(quick if quick.any() else np.ones(len(quick), dtype=bool))
    places = places[front(prefill.ttft[places], prefill.rate[places] / prefill.chips[places])]
    own = prefill.take(places)
    # Equal rates on both sides: n_p·rate_p = n_d·rate_d with n_p·chips_p + n_d·chips_d = chips, rounded both ways.
    need = (own.rate / decode.rate[:, None]) * decode.chips[:, None] + own.chips
    exact = chips / need
    best: tuple[Floats, ...] | None = None
    for rounded in (np.floor(exact), np.ceil(exact)):
        first = np.maximum(rounded, 1)
        second = np.floor((chips - first * own.chips) / decode.chips[:, None])
        rate = np.where(second >= 1, np.minimum(first * own.rate, second * decode.rate[:, None]), 0.0)
        found = (rate, first, second)
        if best is None:
            best = found
        else:
            better = rate > best[0]
            best = tuple(np.where(better, new, old) for new, old in zip(found, best, strict=True))
    assert best is not None
    rate, first, second = best
    chosen, rows = np.argmax(rate, axis=1), np.arange(len(decode.rate))
    kept = rate[rows, chosen] > 0
    rows, chosen = rows[kept], chosen[kept]
    return Split(
        places[chosen], rows, first[rows, chosen], second[rows, chosen], own.ttft[chosen], decode.tpot[rows],
        rate[rows, chosen],
    )  # fmt: skip


def front(latency: Floats, gain: Floats) -> Floats:
    """Places of the points that no other one beats in both, by rising latency."""
    order = np.lexsort((-gain, latency))
    best = np.maximum.accumulate(gain[order])
    first = np.concatenate([[True], gain[order][1:] > best[:-1]]) if len(order) else np.zeros(0, dtype=bool)
    return np.asarray(order[first])

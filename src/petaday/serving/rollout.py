"""Seconds of generating a batch of rollouts: all are there at once, and the batch ends with its longest.

Every running sequence gets one token an iteration, so what runs when does not depend on seconds: a slot that becomes
free takes the next sequence in line. Between two such events the batch of a replica is fixed and an iteration is linear
in the context sum, so k iterations take k times the mean of the first and the last. Where a sliding window cuts the
contexts inside a stretch, that is a trapezoid and no longer exact.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from petaday.serving.batch import Batch
from petaday.serving.engine import Engine, iteration_seconds
from petaday.serving.forward import forward_seconds
from petaday.serving.layout import Floats, Layout

Ints = NDArray[np.int64]

GRID = np.linspace(-8.0, 8.0, 1 << 16)
"""Standard deviations at which the normal distribution is tabulated."""

GOLDEN = (5**0.5 - 1) / 2
"""Multiples of this modulo 1 are spread evenly at any number of them (Weyl's sequence)."""


def normal_quantiles(count: int) -> Floats:
    """Standard normal deviates at the `count` middles of equal shares of probability, ascending."""
    below = np.cumsum(np.exp(-(GRID**2) / 2))
    return np.interp((np.arange(count) + 0.5) / count, below / below[-1], GRID)


def response_lengths(count: int, mean: float, sigma: float, longest: int) -> Floats:
    """Lengths in whole tokens, ascending: quantiles of a lognormal law that is cut at `longest`.

    mean: of the lengths after the cut; sigma: standard deviation of ln(length) before it; both as measured of replies
    """
    shape = np.exp(sigma * normal_quantiles(count))

    def cut(scale: float) -> Floats:
        return np.clip(np.rint(scale * shape), 1.0, longest)

    low, high = 0.0, float(longest) / shape[0]
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if cut(middle).mean() < mean else (low, middle)
    return cut(high)


def dealt(lengths: Floats, replicas: Ints, rank: Ints) -> Floats:
    """Lengths that a replica gets when they are dealt from the longest on: the one of rank 0 ends last.

    lengths: (n,) ascending; replicas, rank: (rows,); gives (rows, most of one replica), ascending after zeros
    """
    most = -(-len(lengths) // int(replicas.min()))
    place = len(lengths) - 1 - rank[:, None] - replicas[:, None] * np.arange(most - 1, -1, -1)
    return np.where(place >= 0, lengths[np.maximum(place, 0)], 0.0)


class Generation(NamedTuple):
    """A replica's batch, an array of one number a row.

    seconds: until its last token, with the prompts; prefill: of these the prompts'
    running: seconds of all slots in which they decode; slots: those that ever do
    tail: seconds in which less than half of these decode
    """

    seconds: Floats
    prefill: Floats
    running: Floats
    slots: Floats
    tail: Floats

    @property
    def idle(self) -> Floats:
        """Seconds of all slots after their last sequence, until the replica's last one ends."""
        return np.asarray(self.slots * (self.seconds - self.prefill) - self.running)


def generate(
    engine: Engine, layout: Layout, lengths: Floats, slots: Floats, *, prompt: float, samples: int, chunk: float
) -> Generation:
    """Seconds that replicas take for their batches.

    layout: of (rows,); lengths: (rows, n) ascending, with zeros in front for no sequence
    slots: most sequences that a replica runs at once, (rows,), 1 or more
    samples: sequences that share one prompt and its prefill; chunk: most prompt tokens an attention group computes
    """
    steps = np.maximum(lengths - 1, 0.0)  # the prompt's iteration gives the first token
    batch = np.minimum(np.count_nonzero(lengths, axis=1), slots)
    start = _starts(lengths, steps, slots)
    time = np.concatenate([start, start + steps], axis=1)
    order = np.argsort(time, axis=1, kind="stable")
    real = np.where(lengths > 0, 1.0, 0.0)
    # A sequence joins with its prompt and first token in the cache, and leaves with all it has gained.
    joins = np.take_along_axis(np.concatenate([real, -real], axis=1), order, axis=1)
    context = np.concatenate([real * (prompt + 1), -real * (prompt + 1 + steps)], axis=1)
    time = np.take_along_axis(time, order, axis=1)
    k = np.diff(time, axis=1)
    alive = np.cumsum(joins, axis=1)[:, :-1]
    grown = np.cumsum(alive * k, axis=1) - alive * k
    first = np.cumsum(np.take_along_axis(context, order, axis=1), axis=1)[:, :-1] + grown
    rows, columns = np.nonzero((k > 0) & (alive > 0))
    k, alive, first = (part[rows, columns] for part in (k, alive, first))
    own = Layout(*(np.broadcast_to(np.asarray(size, dtype=float), slots.shape)[rows] for size in layout))
    none = np.zeros_like(k)
    ends = [
        iteration_seconds(engine, own, Batch(alive, cached, none, none)).total
        for cached in (first, first + alive * (k - 1))
    ]
    seconds = k * (ends[0] + ends[1]) / 2

    def of_rows(parts: Floats) -> Floats:
        return np.asarray(np.bincount(rows, weights=parts, minlength=len(slots)), dtype=float)

    prompts = np.ceil(np.count_nonzero(lengths, axis=1) / samples) * prompt
    prefill = forward_seconds(engine, layout, prompts, prompt, chunk)
    return Generation(
        seconds=prefill + of_rows(seconds),
        prefill=prefill,
        running=of_rows(seconds * alive),
        slots=batch,
        tail=of_rows(np.where(alive < batch[rows] / 2, seconds, 0.0)),
    )


def even_mix(count: int) -> Ints:
    """An order of `count` sorted things whose every stretch has all sizes, with the largest in the middle."""
    return np.argsort(((np.arange(count) - (count - 1)) * GOLDEN + 0.5) % 1.0)


def _starts(lengths: Floats, steps: Floats, slots: Floats) -> Floats:
    """Iteration at which each sequence joins: list scheduling (Graham 1966).

    Nobody knows the lengths beforehand, so the line is an even mix of them with the longest in its middle. It takes
    within 6 % of the mean over random lines, of which one takes 3 to 11 % more or less than another.
    """
    start = np.zeros_like(lengths)
    for row in np.flatnonzero(np.count_nonzero(lengths, axis=1) > slots):
        sequences = np.flatnonzero(lengths[row])
        line = sequences[even_mix(len(sequences))]
        running = [float(steps[row, each]) for each in line[: int(slots[row])]]
        heapq.heapify(running)
        for each in line[int(slots[row]) :]:
            start[row, each] = running[0]
            heapq.heapreplace(running, running[0] + float(steps[row, each]))
    return start

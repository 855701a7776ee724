"""Seconds of a finite run: prompts computed in chunks, then decoded together, wave after wave.

Requests of one length that start together also end together, so a run of more requests than the caches hold is a row of
full waves and a smaller last one.
"""

from __future__ import annotations

import numpy as np

from petaday.serving.batch import Batch, decoding
from petaday.serving.engine import Engine, iteration_seconds
from petaday.serving.layout import Floats, Layout


def prefill_seconds(engine: Engine, layout: Layout, sequences: Floats, prompt: Floats, *, chunk: Floats) -> Floats:
    """Seconds of computing the prompts of `sequences`, at most `chunk` tokens of an attention group in an iteration."""
    together = _spread(layout, sequences)
    iterations = np.ceil(together * prompt / (chunk * layout.dp * layout.pp))
    none = np.zeros_like(together * prompt)
    batch = Batch(none, none, together * prompt / iterations, together * prompt * prompt / 2 / iterations)
    return np.asarray(iterations * iteration_seconds(engine, layout, batch).total)


def decode_seconds(engine: Engine, layout: Layout, sequences: Floats, context: Floats) -> Floats:
    """Seconds of one iteration that decodes `sequences` with `context` tokens each."""
    return iteration_seconds(engine, layout, decoding(_spread(layout, sequences), context)).total


def wave_seconds(
    engine: Engine, layout: Layout, sequences: Floats, prompt: Floats, output: Floats, *, chunk: Floats
) -> Floats:
    """Seconds from the first prompt to the last token of `sequences` that run together; 0 for none of them."""
    some = np.maximum(sequences, 1.0)
    first = prefill_seconds(engine, layout, some, prompt, chunk=chunk)
    others = np.maximum(output - 1, 0) * decode_seconds(engine, layout, some, prompt + output / 2)
    return np.where(sequences > 0, first + others, 0.0)


def run_seconds(
    engine: Engine,
    layout: Layout,
    requests: Floats,
    most: Floats,
    prompt: Floats,
    output: Floats,
    *,
    chunk: Floats,
) -> Floats:
    """Seconds of `requests` of one length on a replica that holds `most` of them at a time."""
    full = np.floor(requests / most)
    whole = wave_seconds(engine, layout, np.minimum(requests, most), prompt, output, chunk=chunk)
    rest = wave_seconds(engine, layout, requests - full * most, prompt, output, chunk=chunk)
    return np.asarray(full * whole + rest)


def _spread(layout: Layout, sequences: Floats) -> Floats:
    """Sequences that take an iteration as long: a group or stage without one waits for those that have."""
    return np.maximum(sequences, layout.dp * layout.pp)

"""Seconds of an output token, and tokens a second, when a replica serves a constant number of sequences.

Every decode iteration also owes its share of the prompts: a sequence that ends is followed by one whose prompt must be
computed, so `sequences` of them bring prompt/output prompt tokens each an iteration. A chunk of prompt joins the decodes
of some iterations and lengthens them for all; a sequence does not wait for its own prompt after its first token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from petaday.serving.batch import Batch, decoding, with_chunk
from petaday.serving.engine import Engine, iteration_seconds
from petaday.serving.layout import Floats, Layout

Cost = Callable[[Batch], Floats]
"""What an iteration costs, by its batch: seconds or joules."""


def output_token_seconds(
    engine: Engine,
    layout: Layout,
    sequences: Floats,
    prompt: Floats,
    output: Floats,
    *,
    chunk: Floats,
    prefills: Floats,
) -> Floats:
    """Mean seconds between output tokens of `sequences` on one replica.

    chunk: the most prompt tokens that an attention group computes in one iteration
    prefills: 1 where the replica computes the prompts too, 0 where others do (disaggregated serving)
    """
    owed = prefills * np.maximum(sequences - 1, 0) * prompt / output
    return mean_of(seconds_of(engine, layout), layout, sequences, prompt, output, chunk, owed, mixes=True)


def throughput(
    engine: Engine,
    layout: Layout,
    sequences: Floats,
    prompt: Floats,
    output: Floats,
    *,
    chunk: Floats,
    mixes: bool,
) -> Floats:
    """Output tokens a second of one replica that computes the prompts of its `sequences` too.

    chunk: the most prompt tokens that an attention group computes in one iteration
    mixes: whether decodes join the iterations that compute prompts
    """
    owed = sequences * prompt / output
    seconds = mean_of(seconds_of(engine, layout), layout, sequences, prompt, output, chunk, owed, mixes=mixes)
    return np.asarray(sequences / seconds)


def seconds_of(engine: Engine, layout: Layout) -> Cost:
    """The seconds of an iteration as a function of its batch."""
    return lambda batch: iteration_seconds(engine, layout, batch).total


def mean_of(
    cost: Cost,
    layout: Layout,
    sequences: Floats,
    prompt: Floats,
    output: Floats,
    chunk: Floats,
    owed: Floats,
    *,
    mixes: bool,
) -> Floats:
    """Mean cost of a decode iteration that owes so many prompt tokens, of sequences half through on average."""
    return rounds(cost, layout, decoding(sequences, prompt + output / 2), prompt, chunk, owed, mixes=mixes).mean


class Rounds(NamedTuple):
    """What an iteration costs without prompts, with them, and on average."""

    alone: Floats
    chunked: Floats
    mean: Floats


def rounds(
    cost: Cost, layout: Layout, decodes: Batch, prompt: Floats, chunk: Floats, owed: Floats, *, mixes: bool
) -> Rounds:
    """Iterations that owe so many prompt tokens each: the chunks of some of them carry these, or, where decodes and
    prompts do not mix, iterations of their own in between."""
    alone = cost(decodes)
    size = np.maximum(np.maximum(np.minimum(prompt, chunk), 1.0) * layout.dp, owed)
    joined = decodes if mixes else decoding(np.zeros_like(alone), prompt)
    chunked = cost(with_chunk(joined, size, np.maximum(prompt - chunk, 0) / 2))
    return Rounds(alone, chunked, np.asarray(alone + owed / size * (chunked - alone * mixes)))

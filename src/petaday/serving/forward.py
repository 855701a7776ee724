"""Seconds of forward passes over whole sequences: prompts before their replies, and texts that are scored."""

from __future__ import annotations

import numpy as np

from petaday.serving.batch import Batch
from petaday.serving.engine import Engine, iteration_seconds
from petaday.serving.layout import Floats, Layout
from petaday.serving.products import gemm


def forward_seconds(
    engine: Engine, layout: Layout, tokens: Floats, length: Floats | float, chunk: float, *, logits: bool = False
) -> Floats:
    """Seconds of a replica to pass over `tokens` in full chunks that decode nothing beside.

    length: tokens of a sequence; of sequences that differ, the sum of squares over the sum, which keeps the number of
        query-key pairs; chunk: tokens that an attention group computes in one iteration
    logits: whether the distribution over the vocabulary is computed for every token, as for the likelihood of a text
    """
    size = np.minimum(chunk * layout.dp, np.maximum(tokens, 1.0))
    none = np.zeros_like(size)
    seconds = iteration_seconds(engine, layout, Batch(none, none, size, size * length / 2)).total
    if logits:
        own, vocab = size / layout.dp, engine.model.vocab / layout.tp
        seconds = seconds + gemm(own, vocab, np.full_like(own, engine.model.hidden), engine.wide).seconds
    return np.asarray(tokens / size * seconds)

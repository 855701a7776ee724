"""What a chip of a replica holds in bytes, and how many sequences fit beside the weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from petaday.serving.engine import Engine
from petaday.serving.layout import Floats, Layout, held, kv_heads, latent_width
from petaday.serving.products import WIDE

PAGE = 16
"""Tokens of a page of the KV cache: vLLM's default block size (PagedAttention, arXiv:2309.06180, section 7.2)."""

SAMPLED = 1024
"""Most sequences whose logits an iteration keeps, in 32 bit: what the engines allow to run together by default."""


class Memory(NamedTuple):
    """Bytes on one chip: weights, activations of the largest iteration, and a cached token of each sequence."""

    weights: Floats
    activations: Floats
    token: Floats


def weight_bytes(engine: Engine, layout: Layout) -> Floats:
    """Bytes of the weights on one chip of the fullest stage."""
    own = held(engine.model, layout)
    return np.asarray(
        own.projections * engine.projections.bytes
        + own.ffn * engine.ffn.bytes
        + own.experts * engine.experts.bytes
        + own.wide * engine.wide.bytes
    )


def token_bytes(engine: Engine, layout: Layout) -> Floats:
    """Bytes that one cached token takes on each chip of its attention group."""
    model = engine.model
    elements = latent_width(model) + 0 * layout.tp if model.mla else 2 * model.head_dim * kv_heads(model, layout)
    return np.asarray(np.ceil(model.layers / layout.pp) * elements * engine.cache_bytes)


def activation_bytes(engine: Engine, layout: Layout, tokens: Floats) -> Floats:
    """Bytes of the activations of an iteration with `tokens` on an attention group, and of its logits in fp32.

    A token keeps its residual and the norm of it, and beside them what the widest FFN computes (gate, up, and their
    product) with, in a mixture of experts, a copy of itself for each of them.
    """
    model = engine.model
    dense, copies = 3 * max(model.ffn, model.heads * model.head_dim), 0
    routed = 3 * model.moe.topk * model.moe.ffn if model.moe else 0
    if model.moe and routed > dense:
        copies = 2 * model.moe.topk
    kept = (2 + copies) * model.hidden + max(dense, routed) / layout.tp
    return np.asarray(tokens * WIDE * kept + np.minimum(tokens, SAMPLED) * 4.0 * model.vocab / layout.tp)


def memory(engine: Engine, layout: Layout, tokens: Floats) -> Memory:
    """What a chip holds when iterations have at most `tokens` on an attention group."""
    return Memory(weight_bytes(engine, layout), activation_bytes(engine, layout, tokens), token_bytes(engine, layout))


def most_sequences(engine: Engine, layout: Layout, capacity: float, length: Floats, tokens: Floats) -> Floats:
    """Sequences of `length` tokens that a replica's caches hold in whole pages; 0 where the weights do not fit.

    capacity: bytes of a chip's memory that the engine may take
    """
    own = memory(engine, layout, tokens)
    free = np.maximum(capacity - own.weights - own.activations, 0.0)
    pages = np.floor(free / (own.token * PAGE))
    return np.asarray(np.floor(pages / np.ceil(length / PAGE)) * layout.dp)

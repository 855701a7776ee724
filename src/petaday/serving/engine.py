"""Seconds of one iteration of a serving engine, in closed form, for arrays of layouts and batches.

An iteration passes all layers once for every token of its batch. With t tokens on a chip, T on the experts' chips:

    projections, FFN   max(FLOP/(peak·e), bytes/(bandwidth·e_mem)) + launch, where bytes count every weight once
    decode attention   context · max(bytes of a cached token/(bandwidth·share), FLOP of it/(peak·e)) + launch
    prefill attention  FLOP of the query-key pairs at the rate of fused attention
    experts            grouped GEMMs of the busiest rank: T·k/ep + sqrt(2·ln(ep)·T·k/ep) rows over the experts awake
    collectives        2 all-reduces over tp a layer; with data-parallel attention dispatch and combine instead of one
    engine             a time an iteration, a layer and a sequence, and for every rank that the scheduler has to tell

For given sequences and prefill the seconds are linear in the context sum, as long as no window cuts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from petaday.catalog.model import Model
from petaday.chip.roofline import attention_seconds
from petaday.fabric.collective import all_reduce, point_to_point, routed_all_to_all
from petaday.fabric.network import Network, group
from petaday.serving.batch import Batch
from petaday.serving.layout import Floats, Layout, kv_heads, latent_width
from petaday.serving.products import WIDE, Weights, Work, gemm, grouped_gemm, nothing
from petaday.workload.architecture import LayerKind, layer_kinds


@dataclass(frozen=True)
class Overheads:
    """What an engine adds to its kernels.

    iteration, layer, routing, sequence: seconds for each iteration, layer, MoE layer beside that, and sequence
    rank: seconds an iteration for each further tensor rank that the scheduler hands its work to
    reduce_start: seconds that an all-reduce by the engine's own kernels takes beside moving its bytes
    exposed: seconds of collectives that the iteration waits for over those that they take
    decode_bandwidth: share that decode attention reaches of what streaming reaches of the memory bandwidth
    """

    iteration: float
    layer: float
    routing: float
    sequence: float
    rank: float
    reduce_start: float
    exposed: float
    decode_bandwidth: float


@dataclass(frozen=True)
class Engine:
    """A model under an engine on a chip and a network; `wide` weights are those of the head and the router.

    cache_bytes: of an element of the KV cache. The laws' launch is what is left of it in a replayed graph.
    """

    model: Model
    network: Network
    overheads: Overheads
    projections: Weights
    ffn: Weights
    experts: Weights
    wide: Weights
    cache_bytes: float


class Iteration(NamedTuple):
    """Seconds of an iteration by what they go to."""

    projections: Floats
    attention: Floats
    ffn: Floats
    experts: Floats
    collectives: Floats
    head: Floats
    overhead: Floats

    @property
    def total(self) -> Floats:
        """Seconds of the iteration."""
        return np.asarray(sum(self))


class Kernels(NamedTuple):
    """What the kernels of an iteration cost each chip of a replica, by what they do."""

    projections: Work
    attention: Work
    ffn: Work
    experts: Work
    head: Work


def iteration_seconds(engine: Engine, layout: Layout, batch: Batch) -> Iteration:
    """Seconds of an iteration of a replica; its stages work on equal parts of the batch, one after another."""
    layout, own = _parts(layout, batch)
    model, tokens, kinds = engine.model, own.decodes + own.prefill, layer_kinds(engine.model)
    moe_layers = sum(count for kind, count in kinds if kind.moe)
    exchanged = (2 * model.layers - moe_layers) * _reduce(engine, layout, tokens)
    if moe_layers:
        exchanged = exchanged + moe_layers * _exchange(engine, layout, tokens)
    leaves = layout.tp * layout.dp * layout.pp > engine.network.domain
    handed = (layout.pp - 1) * point_to_point(tokens * model.hidden * WIDE, leaves, engine.network)
    over = engine.overheads
    layers = over.layer * model.layers + over.routing * moe_layers
    # Every stage has a host of its own, which does this for each of the batch's parts in turn.
    hosted = layout.pp * (over.iteration + over.rank * (layout.tp - 1) + over.sequence * own.decodes)
    work = _kernels(engine, layout, own)
    return Iteration(
        projections=work.projections.seconds,
        attention=work.attention.seconds,
        ffn=work.ffn.seconds,
        experts=work.experts.seconds,
        collectives=over.exposed * exchanged + handed,
        head=work.head.seconds,
        overhead=np.where(tokens > 0, layers + hosted, 0.0),
    )


def iteration_work(engine: Engine, layout: Layout, batch: Batch) -> Work:
    """What the kernels of an iteration of a replica cost each of its chips, all together."""
    projections, attention, ffn, experts, head = _kernels(engine, *_parts(layout, batch))
    return projections + attention + ffn + experts + head


def _parts(layout: Layout, batch: Batch) -> tuple[Layout, Batch]:
    """Both as arrays of one shape, and of the batch the part of one attention group in one stage.

    Every attention group has its part of the sequences, every stage its part of those in flight.
    """
    shape = np.broadcast(*layout, *batch).shape
    layout = Layout(*(np.broadcast_to(np.asarray(size, dtype=float), shape) for size in layout))
    parts = layout.dp * layout.pp
    return layout, Batch(*(np.broadcast_to(np.asarray(part, dtype=float), shape) / parts for part in batch))


def _kernels(engine: Engine, layout: Layout, own: Batch) -> Kernels:
    model, tokens = engine.model, own.decodes + own.prefill
    attention = ffn = experts = nothing(tokens)
    for kind, count in layer_kinds(model):
        attention = attention + _attention(engine, layout, own, kind).times(count)
        if kind.moe:
            experts = experts + _experts(engine, layout, tokens).times(count)
            ffn = ffn + _shared(engine, layout, tokens).times(count)
        else:
            ffn = ffn + _ffn(float(model.ffn), engine, layout, tokens).times(count)
    sampled = own.decodes + (own.prefill > 0)
    hidden = np.full_like(tokens, model.hidden)
    return Kernels(
        projections=_projections(engine, layout, own).times(model.layers),
        attention=attention,
        ffn=ffn,
        experts=experts,
        head=gemm(sampled, model.vocab / layout.tp, hidden, engine.wide),
    )


def _projections(engine: Engine, layout: Layout, own: Batch) -> Work:
    """Query, key, value and output of one layer; with MLA decodes work in the latent space, prefill in the heads'."""
    model, weights = engine.model, engine.projections
    tokens, heads = own.decodes + own.prefill, model.heads / layout.tp
    hidden = np.full_like(tokens, model.hidden)
    if model.mla is None:
        width = (heads + 2 * kv_heads(model, layout)) * model.head_dim
        return gemm(tokens, width, hidden, weights) + gemm(tokens, hidden, heads * model.head_dim, weights)
    mla = model.mla
    latent, inner = np.full_like(tokens, mla.kv_lora_rank), np.full_like(tokens, mla.q_lora_rank or model.hidden)
    keys, values = np.full_like(tokens, mla.qk_nope_head_dim), np.full_like(tokens, mla.v_head_dim)
    down = np.full_like(tokens, latent_width(model) + (mla.q_lora_rank or 0))
    return (
        gemm(tokens, down, hidden, weights)
        + gemm(tokens, heads * model.head_dim, inner, weights)
        + gemm(own.decodes, latent, keys, engine.wide, heads)
        + gemm(own.decodes, values, latent, engine.wide, heads)
        + gemm(own.prefill, heads * (mla.qk_nope_head_dim + mla.v_head_dim), latent, weights)
        + gemm(tokens, hidden, heads * mla.v_head_dim, weights)
    )


def _attention(engine: Engine, layout: Layout, own: Batch, kind: LayerKind) -> Work:
    """Attention of one layer: the cache read once for decodes, and the chunks' pairs."""
    model, law = engine.model, engine.wide.law
    heads = model.heads / layout.tp
    bandwidth = law.memory_bandwidth * law.memory * engine.overheads.decode_bandwidth
    if model.mla:
        elements = np.full_like(heads, latent_width(model))
        flops = 2 * heads * (latent_width(model) + model.mla.kv_lora_rank)
        per_pair = 2 * heads * (model.head_dim + model.mla.v_head_dim)
    else:
        elements, flops = 2 * model.head_dim * kv_heads(model, layout), 4 * heads * model.head_dim
        per_pair = flops
    context, pairs = own.context, own.pairs
    if kind.window is not None:
        context = np.minimum(context, own.decodes * kind.window)
        pairs = np.minimum(pairs, own.prefill * kind.window)
    token = np.maximum(
        elements * engine.cache_bytes / bandwidth, flops / (law.attention_peak * law.attention_forward)
    )
    decode = np.where(own.decodes > 0, context * token + law.launch, 0.0)
    length = np.where(own.prefill > 0, 2 * pairs / np.where(own.prefill > 0, own.prefill, 1.0), 1.0)
    moved = own.prefill * WIDE * heads * model.head_dim * 4
    return Work(
        decode + attention_seconds(per_pair * pairs, moved, law, seq_len=length, backward=False),
        np.asarray((flops * context + per_pair * pairs) / law.attention_peak),
        np.asarray((elements * engine.cache_bytes * context + moved) / law.memory_bandwidth),
    )


def _ffn(width: float, engine: Engine, layout: Layout, tokens: Floats) -> Work:
    """Up (and gate) and down of a dense FFN of this width."""
    gates = 2.0 if engine.model.gated else 1.0
    hidden, inner = np.full_like(tokens, engine.model.hidden), width / layout.tp
    return gemm(tokens, gates * inner, hidden, engine.ffn) + gemm(tokens, hidden, inner, engine.ffn)


def _shared(engine: Engine, layout: Layout, tokens: Floats) -> Work:
    """The shared experts of one layer, one FFN of their widths together."""
    moe = engine.model.moe
    assert moe is not None
    width = float(moe.shared_experts * moe.shared_ffn)
    return _ffn(width, engine, layout, tokens) if width else nothing(tokens)


def busiest_rows(routed: Floats, ep: Floats) -> Floats:
    """Rows of the fullest of `ep` ranks when `routed` rows fall on them at random: the largest of normal deviates
    lies sqrt(2·ln(ep)) standard deviations above the mean; never more than all of them."""
    mean = routed / ep
    return np.asarray(np.minimum(mean + np.sqrt(2 * np.log(ep) * mean), routed))


def _experts(engine: Engine, layout: Layout, tokens: Floats) -> Work:
    """The router, and the grouped GEMMs of the busiest rank over the experts that have any token."""
    model = engine.model
    moe = model.moe
    assert moe is not None
    routed = tokens * layout.dp  # every attention group sends its tokens
    local = moe.experts / layout.ep
    rows = busiest_rows(routed * moe.topk, layout.ep)
    awake = local * (1 - (1 - 1 / local) ** rows)
    gates = 2.0 if model.gated else 1.0
    hidden, inner = np.full_like(tokens, model.hidden), moe.ffn / layout.etp
    return (
        gemm(tokens, np.full_like(tokens, moe.experts), hidden, engine.wide)
        + grouped_gemm(rows, awake, gates * inner, hidden, engine.experts)
        + grouped_gemm(rows, awake, hidden, inner, engine.experts)
    )


def _reduce(engine: Engine, layout: Layout, tokens: Floats) -> Floats:
    """One all-reduce of the tokens over `tp`: by the engine's own kernels inside a domain, or by the library's."""
    size, network = layout.tp.astype(np.int64), engine.network
    moved = tokens * engine.model.hidden * WIDE
    library = all_reduce(moved, group(size, np.ones_like(size), network), network)
    direct = direct_all_reduce(moved, layout.tp, engine.overheads.reduce_start, network)
    return np.where(layout.tp <= network.domain, np.minimum(direct, library), library)


def direct_all_reduce(size_bytes: Floats, ranks: Floats, start: float, network: Network) -> Floats:
    """Seconds of an all-reduce whose ranks read each other's memory, the faster of two ways: all read all, in one step,
    or each reads and adds one part and all gather the parts, in two."""
    once = start + (ranks - 1) * size_bytes / network.up
    twice = 2 * start + 2 * (ranks - 1) / ranks * size_bytes / network.up
    return np.where((ranks > 1) & (size_bytes > 0), np.minimum(once, twice), 0.0)


def _exchange(engine: Engine, layout: Layout, tokens: Floats) -> Floats:
    """What follows the experts of a layer: an all-reduce, or with data-parallel attention dispatch and combine."""
    moe = engine.model.moe
    assert moe is not None
    size = (layout.tp * layout.dp).astype(np.int64)
    where = group(size, np.ones_like(size), engine.network)
    sent = tokens / layout.tp * engine.model.hidden * moe.topk
    dispatch = routed_all_to_all(sent * engine.experts.law.element_bytes, where, engine.network, topk=moe.topk)
    combine = routed_all_to_all(sent * WIDE, where, engine.network, topk=moe.topk)
    return np.where(layout.dp > 1, dispatch + combine, _reduce(engine, layout, tokens))

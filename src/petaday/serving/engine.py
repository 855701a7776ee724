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
from petaday.fabric.collective import all_reduce, point_to_point, routed_all_to_all
from petaday.fabric.network import Network, group
from petaday.serving.batch import Batch
from petaday.serving.layout import Floats, Layout, kv_heads, latent_width
from petaday.serving.products import WIDE, Weights, gemm, grouped_gemm
from petaday.workload.architecture import layer_kinds


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


def iteration_seconds(engine: Engine, layout: Layout, batch: Batch) -> Iteration:
    """Seconds of an iteration of a replica; its stages work on equal parts of the batch, one after another."""
    shape = np.broadcast(*layout, *batch).shape
    layout = Layout(*(np.broadcast_to(np.asarray(size, dtype=float), shape) for size in layout))
    # Every attention group has its part of the sequences, every stage its part of those in flight.
    own = Batch(*(np.broadcast_to(np.asarray(part, dtype=float), shape) / (layout.dp * layout.pp) for part in batch))
    tokens = own.decodes + own.prefill
    parts = token_seconds(engine, layout, tokens)
    attention = sum(kind.seconds(own) for kind in attention_laws(engine, layout))
    latent = latent_decode_seconds(engine, layout, own.decodes) + latent_prefill_seconds(engine, layout, own.prefill)
    return parts._replace(
        projections=parts.projections + latent,
        attention=np.asarray(attention),
        head=head_seconds(engine, layout, own.decodes + (own.prefill > 0)),
        overhead=parts.overhead + layout.pp * engine.overheads.sequence * own.decodes,
    )


def token_seconds(engine: Engine, layout: Layout, tokens: Floats) -> Iteration:
    """What depends on the tokens of an attention group alone, be they decoded or of prompts."""
    model, over, zero = engine.model, engine.overheads, np.zeros_like(tokens)
    ffn, experts, exchanged = zero, zero, model.layers * _reduce(engine, layout, tokens)
    moe_layers = 0
    for kind, count in layer_kinds(model):
        if kind.moe:
            moe_layers += count
            experts = experts + count * _experts(engine, layout, tokens)
            ffn = ffn + count * _shared(engine, layout, tokens)
            exchanged = exchanged + count * _exchange(engine, layout, tokens)
        else:
            ffn = ffn + count * _ffn(float(model.ffn), engine, layout, tokens)
            exchanged = exchanged + count * _reduce(engine, layout, tokens)
    leaves = layout.tp * layout.dp * layout.pp > engine.network.domain
    handed = (layout.pp - 1) * point_to_point(tokens * model.hidden * WIDE, leaves, engine.network)
    layers = over.layer * model.layers + over.routing * moe_layers
    # Every stage has a host of its own, which does this for each of the batch's parts in turn.
    hosted = layout.pp * (over.iteration + over.rank * (layout.tp - 1))
    return Iteration(
        projections=model.layers * _projections(engine, layout, tokens),
        attention=zero,
        ffn=ffn,
        experts=experts,
        collectives=over.exposed * exchanged + handed,
        head=zero,
        overhead=np.where(tokens > 0, layers + hosted, 0.0),
    )


def head_seconds(engine: Engine, layout: Layout, sampled: Floats) -> Floats:
    """Seconds of the head over the positions that are sampled."""
    model = engine.model
    return gemm(sampled, model.vocab / layout.tp, np.zeros_like(sampled) + model.hidden, engine.wide)


def _projections(engine: Engine, layout: Layout, tokens: Floats) -> Floats:
    """Query, key, value and output of one layer; with MLA without the products that differ by phase."""
    model, weights = engine.model, engine.projections
    heads = model.heads / layout.tp
    hidden = np.full_like(tokens, model.hidden)
    if model.mla is None:
        width = (heads + 2 * kv_heads(model, layout)) * model.head_dim
        return gemm(tokens, width, hidden, weights) + gemm(tokens, hidden, heads * model.head_dim, weights)
    mla = model.mla
    inner = np.full_like(tokens, mla.q_lora_rank or model.hidden)
    down = np.full_like(tokens, latent_width(model) + (mla.q_lora_rank or 0))
    return np.asarray(
        gemm(tokens, down, hidden, weights)
        + gemm(tokens, heads * model.head_dim, inner, weights)
        + gemm(tokens, hidden, heads * mla.v_head_dim, weights)
    )


def latent_decode_seconds(engine: Engine, layout: Layout, decodes: Floats) -> Floats:
    """Seconds of all layers' products into and out of the latent space, where MLA decodes; 0 without MLA."""
    mla = engine.model.mla
    if mla is None:
        return np.zeros_like(decodes)
    heads = engine.model.heads / layout.tp
    latent = np.full_like(decodes, mla.kv_lora_rank)
    keys, values = np.full_like(decodes, mla.qk_nope_head_dim), np.full_like(decodes, mla.v_head_dim)
    into, out = (gemm(decodes, *size, engine.wide, heads) for size in ((latent, keys), (values, latent)))
    return np.asarray(engine.model.layers * (into + out))


def latent_prefill_seconds(engine: Engine, layout: Layout, prefill: Floats) -> Floats:
    """Seconds of all layers' products from latents to keys and values of prompts under MLA; 0 without MLA."""
    mla = engine.model.mla
    if mla is None:
        return np.zeros_like(prefill)
    width = engine.model.heads / layout.tp * (mla.qk_nope_head_dim + mla.v_head_dim)
    latent = np.full_like(prefill, mla.kv_lora_rank)
    return np.asarray(engine.model.layers * gemm(prefill, width, latent, engine.projections))


UNBOUNDED = 1e15
"""Tokens of the window of full attention: more than any context, and finite, since infinity times nothing is no number."""


@dataclass(frozen=True)
class AttentionLaw:
    """Seconds of the attention of all layers of one kind on a chip; arrays over layouts.

    count: layers; window: tokens that a query sees at most; token: seconds of a cached token of a decode
    pair: of a query-key pair of prompts; prompt: of a prompt token where its memory traffic binds
    sequence: prompt length at which the pairs' rate is half; launch: of each layer
    """

    count: int
    window: float
    token: Floats
    pair: Floats
    prompt: Floats
    sequence: float
    launch: float

    def seconds(self, own: Batch) -> Floats:
        """Decodes read their caches once; a chunk takes its pairs, at a rate that its length fills:
        pairs·(1 + s0/s) = pairs + s0·prefill/2 with s = 2·pairs/prefill."""
        context = np.minimum(own.context, own.decodes * self.window)
        pairs = np.minimum(own.pairs, own.prefill * self.window)
        arithmetic = self.pair * (pairs + self.sequence * own.prefill / 2)
        chunk = np.maximum(arithmetic, self.prompt * own.prefill) + self.launch
        decode = context * self.token + self.launch
        return np.asarray(self.count * (np.where(own.decodes > 0, decode, 0.0) + np.where(own.pairs > 0, chunk, 0.0)))


def attention_laws(engine: Engine, layout: Layout, queries: int = 1) -> tuple[AttentionLaw, ...]:
    """The law of each kind of layer, dense and MoE layers of one window together.

    queries: tokens of a sequence that decode at once; they share its cache's bytes and not the arithmetic
    """
    model, law = engine.model, engine.wide.law
    heads = model.heads / layout.tp
    bandwidth = law.memory_bandwidth * law.memory
    reads = bandwidth * engine.overheads.decode_bandwidth
    peak = law.attention_peak * law.attention_forward
    if model.mla:
        elements = np.full_like(heads, latent_width(model))
        flops = 2 * heads * (latent_width(model) + model.mla.kv_lora_rank)
        per_pair = 2 * heads * (model.head_dim + model.mla.v_head_dim)
    else:
        elements, flops = 2 * model.head_dim * kv_heads(model, layout), 4 * heads * model.head_dim
        per_pair = flops
    counts: dict[int | None, int] = {}
    for kind, count in layer_kinds(model):
        counts[kind.window] = counts.get(kind.window, 0) + count
    return tuple(
        AttentionLaw(
            count=count,
            window=UNBOUNDED if window is None else float(window),
            token=np.maximum(elements * engine.cache_bytes / reads, queries * flops / peak),
            pair=per_pair / peak,
            prompt=WIDE * heads * model.head_dim * 4 / bandwidth,
            sequence=law.attention_sequence,
            launch=law.launch,
        )
        for window, count in counts.items()
    )


def _ffn(width: float, engine: Engine, layout: Layout, tokens: Floats) -> Floats:
    """Up (and gate) and down of a dense FFN of this width."""
    gates = 2.0 if engine.model.gated else 1.0
    hidden, inner = np.full_like(tokens, engine.model.hidden), width / layout.tp
    return gemm(tokens, gates * inner, hidden, engine.ffn) + gemm(tokens, hidden, inner, engine.ffn)


def _shared(engine: Engine, layout: Layout, tokens: Floats) -> Floats:
    """The shared experts of one layer, one FFN of their widths together."""
    moe = engine.model.moe
    assert moe is not None
    width = float(moe.shared_experts * moe.shared_ffn)
    return _ffn(width, engine, layout, tokens) if width else np.zeros_like(tokens)


def busiest_rows(routed: Floats, ep: Floats) -> Floats:
    """Rows of the fullest of `ep` ranks when `routed` rows fall on them at random: the largest of normal deviates
    lies sqrt(2·ln(ep)) standard deviations above the mean; never more than all of them."""
    mean = routed / ep
    return np.asarray(np.minimum(mean + np.sqrt(2 * np.log(ep) * mean), routed))


def _experts(engine: Engine, layout: Layout, tokens: Floats) -> Floats:
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
    return np.asarray(
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

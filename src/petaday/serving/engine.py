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
from petaday.serving.products import WIDE, Weights, Work, gemm, grouped_gemm, nothing
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

    cache_bytes: of an element of the KV cache; chunk: most prompt tokens of an attention group's iteration
    The laws' launch is what is left of it in a replayed graph.
    """

    model: Model
    network: Network
    overheads: Overheads
    projections: Weights
    ffn: Weights
    experts: Weights
    wide: Weights
    cache_bytes: float
    chunk: float


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
    prefill = fullest_prompt(own.prefill * layout.pp, layout.pp, engine.chunk) / layout.pp
    own = own._replace(prefill=prefill, pairs=own.pairs * prefill / np.where(own.prefill > 0, own.prefill, 1.0))
    tokens = own.decodes + own.prefill
    work = _kernels(engine, layout, own)
    return Iteration(
        projections=work.projections.seconds,
        attention=work.attention.seconds,
        ffn=work.ffn.seconds,
        experts=work.experts.seconds,
        collectives=exchange_seconds(engine, layout, tokens),
        head=work.head.seconds,
        overhead=overhead_seconds(engine, layout, tokens) + layout.pp * engine.overheads.sequence * own.decodes,
    )


def iteration_work(engine: Engine, layout: Layout, batch: Batch) -> Work:
    """What the kernels of an iteration of a replica cost each of its chips, all together."""
    projections, attention, ffn, experts, head = _kernels(engine, *_parts(layout, batch))
    return projections + attention + ffn + experts + head


def _parts(layout: Layout, batch: Batch) -> tuple[Layout, Batch]:
    """Both as arrays of one shape, and of the batch the part of one attention group that is in one stage at a time.

    Every attention group has its part of the sequences, every stage its part of those in flight.
    """
    shape = np.broadcast(*layout, *batch).shape
    layout = Layout(*(np.broadcast_to(np.asarray(size, dtype=float), shape) for size in layout))
    parts = layout.dp * layout.pp
    return layout, Batch(*(np.broadcast_to(np.asarray(part, dtype=float), shape) / parts for part in batch))


def fullest_prompt(prompt: Floats, stages: Floats, chunk: float) -> Floats:
    """Prompt tokens of a group, times its stages, if all its batches in flight had as many as the fullest.

    A chunk of a prompt is in one of them. While it passes the stages one after another the others wait, so that up to
    one chunk costs the round as many times as there are stages; `stages` full chunks share them.
    """
    return np.asarray(np.maximum(prompt, np.minimum(prompt * stages, chunk * stages)))


def _kernels(engine: Engine, layout: Layout, own: Batch) -> Kernels:
    shared = token_kernels(engine, layout, own.decodes + own.prefill)
    attention = nothing(own.decodes)
    for law in attention_laws(engine, layout):
        attention = attention + law.work(own)
    latent = latent_decode(engine, layout, own.decodes) + latent_prefill(engine, layout, own.prefill)
    return shared._replace(
        projections=shared.projections + latent,
        attention=attention,
        head=head(engine, layout, own.decodes + (own.prefill > 0)),
    )


def token_kernels(engine: Engine, layout: Layout, tokens: Floats) -> Kernels:
    """What depends on the tokens of an attention group alone, be they decoded or of prompts; no attention, no head."""
    model, none = engine.model, nothing(tokens)
    ffn, experts = none, none
    for kind, count in layer_kinds(model):
        if kind.moe:
            experts = experts + _experts(engine, layout, tokens).times(count)
            ffn = ffn + _shared(engine, layout, tokens).times(count)
        else:
            ffn = ffn + _ffn(float(model.ffn), engine, layout, tokens).times(count)
    return Kernels(_projections(engine, layout, tokens).times(model.layers), none, ffn, experts, none)


def exchange_seconds(engine: Engine, layout: Layout, tokens: Floats) -> Floats:
    """Seconds of the collectives of all layers that the iteration waits for, and of hand-overs between stages."""
    model, moe_layers = engine.model, _moe_layers(engine)
    exchanged = (2 * model.layers - moe_layers) * _reduce(engine, layout, tokens)
    if moe_layers:
        exchanged = exchanged + moe_layers * _exchange(engine, layout, tokens)
    leaves = layout.tp * layout.dp * layout.pp > engine.network.domain
    handed = (layout.pp - 1) * point_to_point(tokens * model.hidden * WIDE, leaves, engine.network)
    return np.asarray(engine.overheads.exposed * exchanged + handed)


def overhead_seconds(engine: Engine, layout: Layout, tokens: Floats) -> Floats:
    """Seconds of the engine's own that do not depend on who is in the batch."""
    over = engine.overheads
    layers = over.layer * engine.model.layers + over.routing * _moe_layers(engine)
    # Every stage has a host of its own, which does this for each of the batch's parts in turn.
    hosted = layout.pp * (over.iteration + over.rank * (layout.tp - 1))
    return np.where(tokens > 0, layers + hosted, 0.0)


def _moe_layers(engine: Engine) -> int:
    return sum(count for kind, count in layer_kinds(engine.model) if kind.moe)


def head(engine: Engine, layout: Layout, sampled: Floats) -> Work:
    """The head over the positions that are sampled."""
    model = engine.model
    return gemm(sampled, model.vocab / layout.tp, np.zeros_like(sampled) + model.hidden, engine.wide)


def _projections(engine: Engine, layout: Layout, tokens: Floats) -> Work:
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
    return (
        gemm(tokens, down, hidden, weights)
        + gemm(tokens, heads * model.head_dim, inner, weights)
        + gemm(tokens, hidden, heads * mla.v_head_dim, weights)
    )


def latent_decode(engine: Engine, layout: Layout, decodes: Floats) -> Work:
    """All layers' products into and out of the latent space, where MLA decodes; nothing without MLA."""
    mla = engine.model.mla
    if mla is None:
        return nothing(decodes)
    heads = engine.model.heads / layout.tp
    latent = np.full_like(decodes, mla.kv_lora_rank)
    keys, values = np.full_like(decodes, mla.qk_nope_head_dim), np.full_like(decodes, mla.v_head_dim)
    into, out = (gemm(decodes, *size, engine.wide, heads) for size in ((latent, keys), (values, latent)))
    return (into + out).times(engine.model.layers)


def latent_prefill(engine: Engine, layout: Layout, prefill: Floats) -> Work:
    """All layers' products from latents to keys and values of prompts under MLA; nothing without MLA."""
    mla = engine.model.mla
    if mla is None:
        return nothing(prefill)
    width = engine.model.heads / layout.tp * (mla.qk_nope_head_dim + mla.v_head_dim)
    latent = np.full_like(prefill, mla.kv_lora_rank)
    return gemm(prefill, width, latent, engine.projections).times(engine.model.layers)


UNBOUNDED = 1e15
"""Tokens of the window of full attention: more than any context, and finite, since infinity times nothing is no number."""


@dataclass(frozen=True)
class AttentionLaw:
    """The attention of all layers of one kind on a chip; arrays over layouts.

    count: layers; window: tokens that a query sees at most; token: of a cached token of a decode
    pair: of a query-key pair of prompts; prompt: of a prompt token, its seconds where its memory traffic binds
    sequence: prompt length at which the pairs' rate is half; launch: seconds of each layer
    """

    count: int
    window: float
    token: Work
    pair: Work
    prompt: Work
    sequence: float
    launch: float

    def work(self, own: Batch) -> Work:
        """Decodes read their caches once; a chunk takes its pairs, at a rate that its length fills:
        pairs·(1 + s0/s) = pairs + s0·prefill/2 with s = 2·pairs/prefill."""
        context = np.minimum(own.context, own.decodes * self.window)
        pairs = np.minimum(own.pairs, own.prefill * self.window)
        filled = self.pair.seconds * (pairs + self.sequence * own.prefill / 2)
        chunk = np.maximum(filled, self.prompt.seconds * own.prefill) + self.launch
        decode = context * self.token.seconds + self.launch
        seconds = np.where(own.decodes > 0, decode, 0.0) + np.where(own.pairs > 0, chunk, 0.0)
        linear = self.token.times(context) + self.pair.times(pairs) + self.prompt.times(own.prefill)
        return Work(np.asarray(seconds), linear.arithmetic, linear.traffic).times(self.count)


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
    cached, moved, none = elements * engine.cache_bytes, WIDE * heads * model.head_dim * 4, np.zeros_like(heads)
    token = Work(
        np.maximum(cached / reads, queries * flops / peak),
        queries * flops / law.attention_peak,
        cached / law.memory_bandwidth,
    )
    pair = Work(per_pair / peak, per_pair / law.attention_peak, none)
    prompt = Work(moved / bandwidth, none, moved / law.memory_bandwidth)
    counts: dict[int | None, int] = {}
    for kind, count in layer_kinds(model):
        counts[kind.window] = counts.get(kind.window, 0) + count
    return tuple(
        AttentionLaw(
            count=count,
            window=UNBOUNDED if window is None else float(window),
            token=token,
            pair=pair,
            prompt=prompt,
            sequence=law.attention_sequence,
            launch=law.launch,
        )
        for window, count in counts.items()
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

"""Exact parameter counts of a catalog model, as sums over its matrices and vectors.

Nomenclature: h hidden, n heads, g key-value heads, d head dimension, w FFN width, V vocabulary. All results
are numbers of parameters. For a GPT with 4h-wide FFN, biases and LayerNorm the sums reduce to Megatron-LM's
P = 12 l h^2 (1 + 13 / (12 h) + (V + s) / (12 l h)), plus the 2 h of the final norm (Narayanan et al. 2021,
arXiv 2104.04473, equation 2).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from petaday.catalog.model import Mla, Model, Moe


@dataclass(frozen=True)
class LayerKind:
    """Layers of one kind cost the same: dense or MoE, over the whole sequence (None) or a window."""

    moe: bool
    window: int | None


@dataclass(frozen=True)
class ParameterCount:
    """Parameters of a model; MTP modules are not in `total`.

    `active` counts what the model's authors count (`published.active_includes`): the layers' share that one
    token visits, with embedding and LM head, the head only, or neither. Without published figures it counts
    both, so that a dense model has active = total. `matmul_active` is what a token is multiplied with,
    whatever the authors count: the matrices of the layers it visits and of the LM head, but neither the
    embedding's look-up nor vectors (biases, norms, sinks). A forward pass takes 2 matmul_active FLOP per
    token, attention scores apart.
    """

    total: int
    active: int
    matmul_active: int
    embedding: int
    position: int
    head: int  # 0 where tied to the embedding
    attention_per_layer: int  # without the layer's own norms
    dense_ffn_per_layer: int
    moe_per_layer: int  # every expert, the shared ones and the router
    expert: int  # one routed expert
    shared: int  # all shared experts of one layer, with their gate
    router: int
    norms: int  # of all layers and the final one
    mtp: int
    dense_layers: int
    moe_layers: int


def layer_kinds(model: Model) -> tuple[tuple[LayerKind, int], ...]:
    """The kinds of layers and how many there are of each, in order of first appearance."""
    kinds = Counter(LayerKind(is_moe(model, i), window(model, i)) for i in range(model.layers))
    return tuple(kinds.items())


def is_moe(model: Model, layer: int) -> bool:
    """Whether a layer, counted from 0, is a mixture of experts."""
    moe = model.moe
    return (
        moe is not None and layer >= moe.first_dense_layers and (layer - moe.first_dense_layers + 1) % moe.every == 0
    )


def window(model: Model, layer: int) -> int | None:
    """The tokens that a layer, counted from 0, looks back over; None for the whole sequence."""
    sliding = model.sliding_window
    if sliding is None or (sliding.every and (layer + 1) % sliding.every == 0):
        return None
    return sliding.window


def parameters(model: Model) -> ParameterCount:
    """Every parameter of a model, counted exactly."""
    h = model.hidden
    moe_layers = sum(is_moe(model, i) for i in range(model.layers))
    dense_layers = model.layers - moe_layers

    embedding = model.vocab * h
    position = model.max_position * h
    head = 0 if model.tied_embeddings else embedding
    attention = attention_matrices(model) + attention_vectors(model)
    dense_ffn = ffn_matrices(model, model.ffn) + ffn_vectors(model, model.ffn) if dense_layers else 0
    layer_norms = (4 if model.sandwich_norms else 2) * norm(model, h)
    norms = model.layers * layer_norms + norm(model, h)

    expert = shared = router = experts = topk = 0
    routed_matrices = 0
    if moe := model.moe:
        experts, topk = moe.experts, moe.topk
        expert = ffn_matrices(model, moe.ffn) + ffn_vectors(model, moe.ffn)
        shared = moe.shared_experts * (ffn_matrices(model, moe.shared_ffn) + ffn_vectors(model, moe.shared_ffn)) + (
            h if moe.shared_gate else 0
        )
        router = h * experts + (experts if moe.router_bias else 0)
        routed_matrices = visited_matrices(model, moe)
    moe_ffn = experts * expert + shared + router

    total = (
        embedding
        + position
        + head
        + norms
        + model.layers * attention
        + dense_layers * dense_ffn
        + moe_layers * moe_ffn
    )
    idle = moe_layers * (experts - topk) * expert
    return ParameterCount(
        total=total,
        active=total - idle - not_counted_active(model, embedding, position, head),
        matmul_active=model.layers * attention_matrices(model)
        + dense_layers * ffn_matrices(model, model.ffn)
        + moe_layers * routed_matrices
        + model.vocab * h,
        embedding=embedding,
        position=position,
        head=head,
        attention_per_layer=attention,
        dense_ffn_per_layer=dense_ffn,
        moe_per_layer=moe_ffn,
        expert=expert,
        shared=shared,
        router=router,
        norms=norms,
        # One module: norms of embedding, hidden state and output, a 2h -> h projection, and a layer like the
        # model's last; it shares embedding and LM head (DeepSeek-V3, arXiv 2412.19437, section 2.2).
        mtp=model.mtp_layers
        * (
            3 * norm(model, h)
            + 2 * h * h
            + layer_norms
            + attention
            + (moe_ffn if is_moe(model, model.layers - 1) else dense_ffn)
        ),
        dense_layers=dense_layers,
        moe_layers=moe_layers,
    )


def not_counted_active(model: Model, embedding: int, position: int, head: int) -> int:
    """What the model's authors leave out of its active parameters, of embedding, positions and LM head."""
    includes = model.published.active_includes if model.published else "embedding and head"
    if includes == "neither":
        return embedding + position + head
    if includes == "head":
        return position + (0 if model.tied_embeddings else embedding)
    return 0


def attention_matrices(model: Model) -> int:
    """h n d + 2 h g d + n d h: query, key, value and output projections of one layer."""
    h, n, g, d = model.hidden, model.heads, model.kv_heads, model.head_dim
    if model.mla:
        return mla_matrices(model, model.mla)
    return h * n * d + 2 * h * g * d + n * d * h


def mla_matrices(model: Model, mla: Mla) -> int:
    """Projections of one layer's latent attention, down to the latents and up to the heads."""
    h, n, d = model.hidden, model.heads, model.head_dim
    queries = (h + n * d) * mla.q_lora_rank if mla.q_lora_rank else h * n * d
    keys_values = h * (mla.kv_lora_rank + mla.qk_rope_head_dim) + mla.kv_lora_rank * n * (
        mla.qk_nope_head_dim + mla.v_head_dim
    )
    return queries + keys_values + n * mla.v_head_dim * h


def attention_vectors(model: Model) -> int:
    """Biases, norms of queries and keys or of the latents, and sinks of one layer's attention."""
    vectors = 0
    if model.linear_bias or model.qkv_bias:
        vectors += (model.heads + 2 * model.kv_heads) * model.head_dim
    if model.linear_bias or model.attention_out_bias:
        vectors += model.hidden
    if model.qk_norm:
        vectors += 2 * norm(model, model.head_dim)
    if model.mla:
        vectors += norm(model, model.mla.q_lora_rank or 0) + norm(model, model.mla.kv_lora_rank)
    if model.attention_sinks:
        vectors += model.heads
    return vectors


def ffn_matrices(model: Model, width: int) -> int:
    """2 h w, or 3 h w where gated: the matrices of one FFN, or of one expert."""
    return (3 if model.gated else 2) * model.hidden * width


def ffn_vectors(model: Model, width: int) -> int:
    """Biases of one FFN, or of one expert."""
    return (2 if model.gated else 1) * width + model.hidden if model.linear_bias else 0


def visited_matrices(model: Model, moe: Moe) -> int:
    """Matrices of one MoE layer that a token visits: the router, its experts and the shared ones."""
    return (
        model.hidden * moe.experts
        + moe.topk * ffn_matrices(model, moe.ffn)
        + moe.shared_experts * ffn_matrices(model, moe.shared_ffn)
        + (model.hidden if moe.shared_gate else 0)
    )


def norm(model: Model, width: int) -> int:
    """Scales of a norm, and offsets where it is a LayerNorm."""
    return (2 if model.norm == "layernorm" else 1) * width

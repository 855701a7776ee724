"""The operators of one transformer layer on one rank, with FLOPs and bytes forward and backward.

Sizes are arrays over parallel plans. A GEMM y = x·W costs 2·M·N·K forward and twice that backward (input and weight
gradients). Fused attention does half the score matrix of a causal mask and recomputes it backward (2.5× the forward
FLOPs, FlashAttention-2, Dao 2023, §3.2); unfused attention does all of it and streams the scores through memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from petaday.catalog.model import Model
from petaday.workload.architecture import LayerKind
from petaday.workload.shard import Floats, Shard

ELEMENT = 2.0
"""Bytes of an activation outside the GEMMs: 16-bit in every recipe of the catalog."""

ALIGNMENT = 16
"""Bytes that a row of a matrix must be a multiple of for the matrix units (NVIDIA, Matrix Multiplication Background
User's Guide): heads of 150 or 108 elements in 16 bit are not."""

SOFTMAX_BYTES = (4.0, 6.0)
"""Unfused attention, bytes per score forward and backward: masked softmax reads and writes one tensor; its backward
reads two and writes one."""

DROPOUT_BYTES = (5.0, 5.0)
"""Dropout on the scores reads and writes them beside a one-byte mask, in either direction."""


@dataclass(frozen=True)
class Recipe:
    """What the training software does to the operators.

    attention: "unfused" or "fused"; context: context-parallel ranks pass keys and values around a ring (Liu et al.
    2023, arXiv:2310.01889) or exchange the sequence for heads (DeepSpeed-Ulysses, arXiv:2309.14509)
    dropout: the recipe drops activations (and stores the masks)
    expert_imbalance: rows on the busiest expert rank over the mean
    eager: element-wise operators are not fused, and each keeps its input
    """

    attention: Literal["unfused", "fused"]
    context: Literal["ring", "all-to-all"]
    dropout: bool
    expert_imbalance: float
    eager: bool = False

    @property
    def fused(self) -> bool:
        """Whether attention keeps its scores on the chip."""
        return self.attention == "fused"


@dataclass(frozen=True)
class Operator:
    """One operator. A GEMM has its sizes m, n, k and count; the other kinds have FLOPs and bytes a direction;
    `attended` is the longest stretch that one call of fused attention looks back over.

    `cheap` marks what selective recomputation repeats: little time for much memory. In unfused attention that is
    the core (Korthikanti et al. 2022, arXiv:2205.05198, §5); with fused attention, which keeps no scores, it is the
    norms, the activation function and MLA's up-projections (DeepSeek-V3, arXiv:2412.19437, §3.2.3). A `frozen`
    GEMM has no weight gradient; one that is not `aligned` leaves the matrix units idle, and a
    `wide` one stays in 16 bit where others run in 8 or 4. `routed` operators are those of the experts.
    """

    name: str
    kind: Literal["gemm", "attention", "stream"]
    m: Floats | float = 0.0
    n: Floats | float = 0.0
    k: Floats | float = 0.0
    count: Floats | float = 1.0
    attention_flops: Floats | float = 0.0
    attended: Floats | float = 0.0
    forward_bytes: Floats | float = 0.0
    backward_bytes: Floats | float = 0.0
    cheap: bool = False
    frozen: bool = False
    aligned: bool = True
    wide: bool = False
    routed: bool = False

    @property
    def forward_flops(self) -> Floats:
        """FLOP executed forward."""
        return np.asarray(2.0 * self.m * self.n * self.k * self.count + self.attention_flops)

    @property
    def backward_flops(self) -> Floats:
        """FLOP executed backward: two GEMMs a GEMM, one where the weight is frozen; 2.5 times the fused attention, which
        repeats its scores."""
        passes = 2.0 if self.frozen else 4.0
        return np.asarray(passes * self.m * self.n * self.k * self.count + 2.5 * self.attention_flops)


def _gemm(name: str, m: Floats | float, n: Floats | float, k: Floats | float, **more: object) -> Operator:
    return Operator(name, "gemm", m=m, n=n, k=k, **more)  # type: ignore[arg-type]


def _stream(name: str, elements: Floats, forward: float, backward: float, *, cheap: bool = False) -> Operator:
    return Operator(name, "stream", forward_bytes=elements * forward, backward_bytes=elements * backward, cheap=cheap)


def attended_pairs(seq_len: int, window: int | None) -> float:
    """Query-key pairs of one causal sequence: s²/2, or s·w - w²/2 under a sliding window of w."""
    width = min(window or seq_len, seq_len)
    return seq_len * width - width * width / 2


def head_dims(model: Model) -> tuple[int, int]:
    """Width of a query-key head and of a value head."""
    if model.mla is not None:
        return model.mla.qk_nope_head_dim + model.mla.qk_rope_head_dim, model.mla.v_head_dim
    return model.head_dim, model.head_dim


def attention_core(model: Model, kind: LayerKind, shard: Shard, recipe: Recipe) -> list[Operator]:
    """Scores, softmax and weighted sum: one fused kernel, or batched GEMMs around memory-bound operators."""
    qk_dim, v_dim = head_dims(model)
    heads = model.heads / shard.tp
    s, b = shard.seq_len, shard.micro_batch
    rows = s / shard.cp
    if not recipe.fused:
        scores = b * heads * rows * s
        batch = b * heads
        forward, backward = (
            of_softmax + (of_dropout if recipe.dropout else 0.0)
            for of_softmax, of_dropout in zip(SOFTMAX_BYTES, DROPOUT_BYTES, strict=True)
        )
        aligned = qk_dim * ELEMENT % ALIGNMENT == 0 and v_dim * ELEMENT % ALIGNMENT == 0
        return [
            _gemm("scores", rows, float(s), float(qk_dim), count=batch, cheap=True, aligned=aligned, wide=True),
            _stream("softmax", scores, forward, backward, cheap=True),
            _gemm("weighted_sum", rows, float(v_dim), float(s), count=batch, cheap=True, aligned=aligned, wide=True),
        ]
    flops = 2.0 * b * heads * (qk_dim + v_dim) * attended_pairs(s, kind.window) / shard.cp
    kv_heads = np.maximum((model.heads if model.mla else model.kv_heads) / shard.tp, 1.0)
    query_bytes = ELEMENT * b * rows * heads * (qk_dim + v_dim)
    key_bytes = ELEMENT * b * s * kv_heads * (qk_dim + v_dim)
    moved = query_bytes + key_bytes
    ring = recipe.context == "ring"
    stretch = s / shard.cp if ring else np.full_like(shard.cp, s)
    fused = [
        Operator(
            "attention",
            "attention",
            attention_flops=flops,
            attended=np.minimum(kind.window or s, stretch),
            forward_bytes=moved,
            backward_bytes=3 * moved,
        )
    ]
    if not ring:
        return fused
    # A ring merges the partial result of each hop into the sum in fp32, and its gradients alike.
    partial = (shard.cp - 1) * b * rows * heads * v_dim
    return [*fused, _stream("ring_merge", partial, ELEMENT + 2 * 4.0, 3 * ELEMENT)]


def attention_projections(model: Model, shard: Shard, recipe: Recipe) -> list[Operator]:
    """Query, key, value and output GEMMs; with MLA the low-rank pairs (DeepSeek-V2, arXiv:2405.04434, §2.1)."""
    t, h, tp = shard.tokens, float(model.hidden), shard.tp
    qk_dim, v_dim = head_dims(model)
    output = _gemm("attention_output", t, h, model.heads * v_dim / tp)
    if model.mla is None:
        kv_heads = np.maximum(model.kv_heads / tp, 1.0)
        return [_gemm("qkv", t, (model.heads / tp + 2 * kv_heads) * model.head_dim, h), output]
    mla = model.mla
    if mla.q_lora_rank:
        query = [
            _gemm("q_down", t / shard.split, float(mla.q_lora_rank), h),
            _gemm("q_up", t, model.heads * qk_dim / tp, float(mla.q_lora_rank), cheap=recipe.fused),
        ]
    else:
        query = [_gemm("q", t, model.heads * qk_dim / tp, h)]
    up_width = model.heads * (mla.qk_nope_head_dim + v_dim) / tp
    return [
        *query,
        _gemm("kv_down", t / shard.split, float(mla.kv_lora_rank + mla.qk_rope_head_dim), h),
        _gemm("kv_up", t, up_width, float(mla.kv_lora_rank), cheap=recipe.fused),
        output,
    ]


def rotary(model: Model, shard: Shard) -> list[Operator]:
    """Rotation of queries and keys: reads and writes both."""
    if model.max_position:
        return []
    dim = model.mla.qk_rope_head_dim if model.mla else model.head_dim
    keys = 1.0 if model.mla else np.maximum(model.kv_heads / shard.tp, 1.0)
    heads = model.heads / shard.tp + keys
    return [_stream("rotary", shard.tokens * heads * dim, 2 * ELEMENT, 2 * ELEMENT)]


def _activation(name: str, elements: Floats, model: Model, recipe: Recipe) -> Operator:
    gates = 2.0 if model.gated else 1.0
    forward, backward = (gates + 1) * ELEMENT, (2 * gates + 1) * ELEMENT
    return _stream(f"{name}_activation", elements, forward, backward, cheap=recipe.fused)


def _dense_ffn(name: str, width: float, model: Model, shard: Shard, recipe: Recipe) -> list[Operator]:
    t, h = shard.tokens, float(model.hidden)
    inner = width / shard.tp
    gates = 2.0 if model.gated else 1.0
    return [
        _gemm(f"{name}_up", t, gates * inner, h),
        _activation(name, t * inner, model, recipe),
        _gemm(f"{name}_down", t, h, inner),
    ]


def expert_rows(model: Model, shard: Shard) -> Floats:
    """Token rows that one expert rank computes when routing is balanced: its share of tokens × top-k."""
    assert model.moe is not None
    return shard.tokens / shard.tp * model.moe.topk * shard.etp


def _moe_ffn(model: Model, shard: Shard, recipe: Recipe) -> list[Operator]:
    moe = model.moe
    assert moe is not None
    h, gates = float(model.hidden), 2.0 if model.gated else 1.0
    rows = expert_rows(model, shard) * recipe.expert_imbalance
    local_experts = moe.experts / shard.ep
    inner = moe.ffn / shard.etp
    per_expert = rows / local_experts
    shared = (
        _dense_ffn("shared_expert", float(moe.shared_experts * moe.shared_ffn), model, shard, recipe)
        if moe.shared_experts
        else []
    )
    routed = [
        _gemm("router", shard.tokens / shard.split, float(moe.experts), h, wide=True),
        _stream("permute", rows * h, 2 * ELEMENT, 2 * ELEMENT),
        _gemm("expert_up", per_expert, gates * inner, h, count=local_experts),
        _activation("expert", rows * inner, model, recipe),
        _gemm("expert_down", per_expert, h, inner, count=local_experts),
        _stream("unpermute", rows * h, 2 * ELEMENT, 2 * ELEMENT),
    ]
    return [*(replace(each, routed=True) for each in routed), *shared]


def _norms_and_residuals(model: Model, shard: Shard, recipe: Recipe) -> list[Operator]:
    """Two norms and two residual additions, fused with bias and dropout; split over tp by sequence parallelism."""
    elements = shard.tokens * model.hidden / shard.split
    mask = 1.0 if recipe.dropout else 0.0
    return [
        _stream("norm_1", elements, 2 * ELEMENT, 3 * ELEMENT, cheap=recipe.fused),
        _stream("norm_2", elements, 2 * ELEMENT, 3 * ELEMENT, cheap=recipe.fused),
        _stream("residual_1", elements, 3 * ELEMENT + mask, 2 * ELEMENT + mask),
        _stream("residual_2", elements, 3 * ELEMENT + mask, 2 * ELEMENT + mask),
    ]


def adapters(model: Model, shard: Shard, rank: int) -> list[Operator]:
    """Low-rank adapters beside the attention projections: down, up and the addition to the frozen projection's result
    (Hu et al. 2021, arXiv:2106.09685, §4.1)."""
    t, r = shard.tokens, float(rank)
    operators: list[Operator] = []
    for name, inputs, outputs in adapted_widths(model, shard.tp):
        operators += [
            _gemm(f"{name}_adapter_down", t, r, inputs, wide=True),
            _gemm(f"{name}_adapter_up", t, outputs, r, wide=True),
            _stream(f"{name}_adapter_add", t * outputs, 3 * ELEMENT, ELEMENT),
        ]
    return operators


def adapted_widths(model: Model, tp: Floats) -> tuple[tuple[str, Floats, Floats], ...]:
    """Inputs and outputs of the adapted projections on one rank: query, key and value in one, and the output's."""
    _, v_dim = head_dims(model)
    hidden = np.full_like(tp, model.hidden)
    kv_heads = np.maximum((model.heads if model.mla else model.kv_heads) / tp, 1.0)
    qkv = (model.heads / tp + 2 * kv_heads) * model.head_dim
    return ("qkv", hidden, qkv), ("attention_output", model.heads * v_dim / tp, hidden)


def layer_operators(
    model: Model, kind: LayerKind, shard: Shard, recipe: Recipe, lora_rank: int = 0
) -> list[Operator]:
    """Every operator of one layer of this kind on one rank; with `lora_rank` adapters are trained and the rest frozen."""
    ffn = _moe_ffn(model, shard, recipe) if kind.moe else _dense_ffn("mlp", float(model.ffn), model, shard, recipe)
    operators = [
        *frozen_if(lora_rank, attention_projections(model, shard, recipe)),
        *rotary(model, shard),
        *attention_core(model, kind, shard, recipe),
        *frozen_if(lora_rank, ffn),
        *_norms_and_residuals(model, shard, recipe),
    ]
    return [*operators, *adapters(model, shard, lora_rank)] if lora_rank else operators


def frozen_if(lora_rank: int, operators: list[Operator]) -> list[Operator]:
    """The operators, with frozen weights where adapters of some rank are trained instead."""
    return [replace(each, frozen=True) for each in operators] if lora_rank else operators


def head_operators(model: Model, shard: Shard) -> list[Operator]:
    """The language-model head and the loss over its logits in fp32, pass by pass as in Megatron-LM's cross entropy.

    Forward casts from 16 bit, takes the maximum, subtracts it, takes exponentials, sums and divides; backward scales the
    softmax by the incoming gradient and casts back.
    """
    vocab = model.vocab / shard.tp
    logits = shard.tokens * vocab
    return [
        _gemm("lm_head", shard.tokens, vocab, float(model.hidden), wide=True),
        _stream("loss", logits, ELEMENT + 9 * 4.0, ELEMENT + 3 * 4.0),
    ]


def embedding_operators(model: Model, shard: Shard) -> list[Operator]:
    """The embedding look-up: reads rows and writes them ; backward scatters."""
    elements = shard.tokens * model.hidden
    return [_stream("embedding", elements, 2 * ELEMENT, 3 * ELEMENT)]

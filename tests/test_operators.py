"""FLOPs and bytes of a layer's operators, against published formulas and their conservation over ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import FUSED, GPT, GQA, MLA, MODELS, MOE, PLAIN, UNFUSED, job_of, plan_of, running, shard_of
from petaday.catalog import load
from petaday.catalog.model import Model
from petaday.training.pricer import Pricer
from petaday.training.space import layout
from petaday.workload.architecture import LayerKind, ffn_matrices, layer_kinds, parameters
from petaday.workload.operators import (
    Operator,
    Recipe,
    attended_pairs,
    attention_core,
    embedding_operators,
    head_operators,
    layer_operators,
)
from petaday.workload.shard import Shard

DENSE, EXPERTS = LayerKind(moe=False, window=None), LayerKind(moe=True, window=None)
POWERS = st.sampled_from([1, 2, 4, 8])


def forward(operators: list[Operator]) -> float:
    return sum(float(np.sum(op.forward_flops)) for op in operators)


def backward(operators: list[Operator]) -> float:
    return sum(float(np.sum(op.backward_flops)) for op in operators)


def layer(
    model: Model, kind: LayerKind = DENSE, shard: Shard | None = None, recipe: Recipe = PLAIN
) -> list[Operator]:
    return layer_operators(model, kind, shard or shard_of(), recipe)


# Published formulas


@given(b=st.integers(1, 16), s=st.sampled_from([512, 1024, 2048, 8192]))
def test_a_gpt_layer_takes_24bsh2_and_4bs2h_forward(b: int, s: int) -> None:
    """Narayanan et al. 2021, arXiv:2104.04473, appendix: 24 b s h² + 4 b s² h, and twice that backward."""
    h = GPT.hidden
    operators = layer(GPT, shard=shard_of(s, micro_batch=b), recipe=UNFUSED)
    assert forward(operators) == pytest.approx(24 * b * s * h**2 + 4 * b * s**2 * h, rel=1e-12)
    assert backward(operators) == pytest.approx(2 * forward(operators), rel=1e-12)


def test_the_head_takes_6_bsh_and_the_vocabulary() -> None:
    operators = head_operators(GPT, shard_of(1024, micro_batch=3))
    assert forward(operators) + backward(operators) == pytest.approx(6 * 3 * 1024 * GPT.hidden * GPT.vocab)


def test_the_embedding_multiplies_nothing() -> None:
    assert forward(embedding_operators(GPT, shard_of())) == 0


MEGATRON_LADDER = {
    "megatron-1.7b": (1, 1, 512), "megatron-3.6b": (2, 1, 512), "megatron-7.5b": (4, 1, 512),
    "megatron-18.4b": (8, 1, 1024), "megatron-39.1b": (8, 2, 1536), "megatron-76.1b": (8, 4, 1792),
    "megatron-145.6b": (8, 8, 2304), "megatron-310.1b": (8, 16, 2160), "megatron-529.6b": (8, 35, 2520),
    "megatron-1008b": (8, 64, 3072),
}  # fmt: skip
"""Tensor and pipeline ranks, and the batch, of Narayanan et al. 2021, table 1."""


@pytest.mark.parametrize("name", MEGATRON_LADDER)
def test_the_megatron_ladder_executes_96bslh2(name: str) -> None:
    """Equation 3 of the scaling paper: F = 96 B s l h² (1 + s/6h + V/16lh), with every activation recomputed."""
    model = load.model(name)
    tp, pp, batch = MEGATRON_LADDER[name]
    s, h, layers, vocab = 2048, model.hidden, model.layers, model.vocab
    job = job_of(model, seq_len=s, global_batch=batch, chips=tp * pp, software=running(UNFUSED))
    ends = layout(layers, pp, 1)
    assert ends is not None
    plan = plan_of(
        tp=tp, pp=pp, first_layers=ends[0], last_layers=ends[1], recompute=2, recompute_layers=-(-layers // pp)
    )
    executed = Pricer(job).terms(plan, job.precisions[0]).executed_flops()[0]
    published = 96 * batch * s * layers * h**2 * (1 + s / (6 * h) + vocab / (16 * layers * h))
    assert executed == pytest.approx(published, rel=1e-9)


@pytest.mark.parametrize("recipe", [FUSED, UNFUSED], ids=["fused", "unfused"])
def test_full_recomputation_repeats_every_forward_pass(recipe: Recipe) -> None:
    job = job_of(GPT, chips=1, software=running(recipe))
    plans = [plan_of(recompute=mode, recompute_layers=8 if mode else 0) for mode in (0, 1, 2)]
    none, selective, full = (Pricer(job).terms(plan, job.precisions[0]).executed_flops()[0] for plan in plans)
    operators = layer(GPT, recipe=recipe)
    step = job.global_batch * GPT.layers
    assert full - none == pytest.approx(step * forward(operators), rel=1e-12)
    cheap = forward([op for op in operators if op.cheap])
    assert selective - none == pytest.approx(step * cheap, rel=1e-12, abs=1)


def test_full_recomputation_is_four_thirds_of_the_layers() -> None:
    """Unfused, a forward pass is a third of the layers' FLOP."""
    job = job_of(GPT, chips=1, software=running(PLAIN))
    executed = [
        Pricer(job).terms(plan_of(recompute=mode, recompute_layers=8), job.precisions[0]).executed_flops()[0]
        for mode in (0, 2)
    ]
    head = job.global_batch * 6 * job.seq_len * GPT.hidden * GPT.vocab
    assert executed[1] - head == pytest.approx(4 / 3 * (executed[0] - head), rel=1e-12)


# Attention


def test_causal_attention_is_half_of_the_square() -> None:
    assert attended_pairs(4096, None) == 4096**2 / 2
    fused, unfused = (attention_core(GPT, DENSE, shard_of(4096), recipe) for recipe in (FUSED, PLAIN))
    assert forward(fused) == pytest.approx(forward(unfused) / 2)
    assert backward(fused) == pytest.approx(2.5 * forward(fused))  # FlashAttention-2, section 3.2


@given(s=st.integers(1, 600), w=st.integers(1, 600))
def test_a_window_counts_the_pairs_it_sees(s: int, w: int) -> None:
    """Against the sum over queries, to half a pair a query: the diagonal counts half."""
    seen = sum(min(query + 1, w) for query in range(s))
    assert attended_pairs(s, w) == pytest.approx(seen - min(w, s) / 2, abs=1e-6)
    assert attended_pairs(s, w) <= attended_pairs(s, None)
    assert attended_pairs(s, s) == attended_pairs(s, None)


def test_grouped_queries_save_key_and_value_gemms_alone() -> None:
    """h·(n + 2g)·d for the projections; the scores are those of all n heads."""
    few, many = GQA, GQA.model_copy(update={"kv_heads": GQA.heads})
    saved = forward(layer(many)) - forward(layer(few))
    tokens = shard_of().tokens[0]
    assert saved == pytest.approx(2 * tokens * GQA.hidden * 2 * (GQA.heads - GQA.kv_heads) * GQA.head_dim)


def test_latent_attention_multiplies_its_low_rank_pairs() -> None:
    names = ("q_down", "q_up", "kv_down", "kv_up", "attention_output")
    operators = [op for op in layer(MLA, EXPERTS) if op.name in names]
    h, n = 512, 8
    matrices = h * 256 + 256 * n * 96 + h * (128 + 32) + 128 * n * (64 + 64) + n * 64 * h
    assert forward(operators) == pytest.approx(2 * shard_of().tokens[0] * matrices)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_gemms_visit_the_active_matrices(model: Model) -> None:
    """Without attention, a forward pass takes 2 FLOP a token and parameter that it is multiplied with."""
    shard = shard_of()
    operators = head_operators(model, shard)
    for kind, count in layer_kinds(model):
        core = {op.name for op in attention_core(model, kind, shard, PLAIN)}
        operators += [op for op in layer(model, kind) if op.name not in core] * count
    assert forward(operators) == pytest.approx(2 * shard.tokens[0] * parameters(model).matmul_active, rel=1e-12)


@pytest.mark.parametrize("name", ["llama-3.1-405b", "mixtral-8x7b", "deepseek-v3", "qwen3-235b-a22b"])
def test_shipped_models_visit_their_active_matrices(name: str) -> None:
    model = load.model(name)
    test_gemms_visit_the_active_matrices(model)


def test_experts_take_top_k_times_one_expert() -> None:
    moe = MOE.moe
    assert moe is not None
    experts = [op for op in layer(MOE, EXPERTS) if op.name.startswith("expert_")]
    assert forward(experts) == pytest.approx(2 * shard_of().tokens[0] * moe.topk * ffn_matrices(MOE, moe.ffn))


# Conservation


@given(tp=POWERS, cp=POWERS, sp=st.sampled_from([0, 1]), recipe=st.sampled_from([PLAIN, FUSED]))
@pytest.mark.parametrize("model", [GPT, MLA.model_copy(update={"moe": None})], ids=["gpt", "mla"])
def test_tensor_and_context_ranks_share_all_flops(model: Model, tp: int, cp: int, sp: int, recipe: Recipe) -> None:
    whole = layer(model, recipe=recipe)
    part = layer(model, shard=shard_of(tp=tp, cp=cp, sequence_parallel=sp), recipe=recipe)
    # Without sequence parallelism every tensor rank computes the latents.
    copied = [op for op in part if op.name in ("q_down", "kv_down")] if not sp else []
    for flops in (forward, backward):
        repeated = (tp - 1) * cp * flops(copied)
        assert tp * cp * flops(part) - repeated == pytest.approx(flops(whole), rel=1e-12)


@given(tp=POWERS, ep=POWERS, expert_split=st.booleans())
def test_expert_ranks_share_all_flops(tp: int, ep: int, expert_split: bool) -> None:
    """tp·cp ranks compute one micro-batch's rows, wherever the experts live and however they are cut."""
    shard = shard_of(tp=tp, ep=ep, etp=tp if expert_split else 1, sequence_parallel=1)
    whole, part = layer(MOE, EXPERTS), layer(MOE, EXPERTS, shard)
    experts = ("expert_up", "expert_down", "router")
    assert tp * forward([op for op in part if op.name in experts]) == pytest.approx(
        forward([op for op in whole if op.name in experts]), rel=1e-12
    )


def test_key_value_heads_are_copied_where_they_are_fewer_than_ranks() -> None:
    qkv = {tp: next(op for op in layer(GQA, shard=shard_of(tp=tp)) if op.name == "qkv") for tp in (1, 2, 8)}
    assert float(qkv[2].n[0]) == float(qkv[1].n[0]) / 2  # type: ignore[index]
    assert float(qkv[8].n[0]) == (GQA.heads / 8 + 2) * GQA.head_dim  # type: ignore[index]


@pytest.mark.parametrize("recipe", [PLAIN, FUSED], ids=["unfused", "fused"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_every_size_scales_with_the_micro_batch(model: Model, recipe: Recipe) -> None:
    for kind, _ in layer_kinds(model):
        one, four = (layer(model, kind, shard_of(micro_batch=b), recipe) for b in (1, 4))
        assert forward(four) == pytest.approx(4 * forward(one))
        for small, large in zip(one, four, strict=True):
            if small.kind == "stream":
                assert large.forward_bytes == pytest.approx(4 * np.asarray(small.forward_bytes))
                assert large.backward_bytes == pytest.approx(4 * np.asarray(small.backward_bytes))


def test_imbalance_slows_the_busiest_rank_in_proportion() -> None:
    busy = Recipe("fused", "ring", dropout=False, expert_imbalance=1.5)
    even = Recipe("fused", "ring", dropout=False, expert_imbalance=1.0)
    up = [next(op for op in layer(MOE, EXPERTS, recipe=recipe) if op.name == "expert_up") for recipe in (even, busy)]
    assert forward(up[1:]) == pytest.approx(1.5 * forward(up[:1]))

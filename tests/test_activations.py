"""Bytes that a layer keeps, against Korthikanti et al. 2022 (arXiv:2205.05198), equations 1 to 4."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import FUSED, GPT, MLA, MODELS, MOE, UNFUSED, shard_of
from petaday.catalog.model import Model
from petaday.workload.activations import layer_activations, layer_input_bytes
from petaday.workload.architecture import LayerKind, layer_kinds
from petaday.workload.operators import Recipe, attention_core, layer_operators
from petaday.workload.shard import Shard

DENSE, EXPERTS = LayerKind(moe=False, window=None), LayerKind(moe=True, window=None)
SIZES = {"s": st.sampled_from([512, 2048, 8192]), "b": st.integers(1, 8), "t": st.sampled_from([1, 2, 4, 8])}


def kept(model: Model, shard: Shard, recipe: Recipe, kind: LayerKind = DENSE, *, selective: bool = False) -> float:
    tensors = layer_activations(model, kind, shard, recipe, 2.0)
    return sum(float(np.sum(tensor.size_bytes)) for tensor in tensors if not (selective and tensor.cheap))


@given(s=SIZES["s"], b=SIZES["b"])
def test_equation_1_one_rank(s: int, b: int) -> None:
    h, a = GPT.hidden, GPT.heads
    assert kept(GPT, shard_of(s, micro_batch=b), UNFUSED) == pytest.approx(s * b * h * (34 + 5 * a * s / h))


@given(**SIZES)
def test_equation_2_tensor_parallel(s: int, b: int, t: int) -> None:
    h, a = GPT.hidden, GPT.heads
    expected = s * b * h * (10 + 24 / t + 5 * a * s / (h * t))
    assert kept(GPT, shard_of(s, micro_batch=b, tp=t), UNFUSED) == pytest.approx(expected)


@given(**SIZES)
def test_equation_4_sequence_parallel(s: int, b: int, t: int) -> None:
    h, a = GPT.hidden, GPT.heads
    shard = shard_of(s, micro_batch=b, tp=t, sequence_parallel=1)
    assert kept(GPT, shard, UNFUSED) == pytest.approx(s * b * h / t * (34 + 5 * a * s / h))


@given(**SIZES)
def test_equation_6_selective_recomputation(s: int, b: int, t: int) -> None:
    shard = shard_of(s, micro_batch=b, tp=t, sequence_parallel=1)
    assert kept(GPT, shard, UNFUSED, selective=True) == pytest.approx(34 * s * b * GPT.hidden / t)


@given(s=SIZES["s"], b=SIZES["b"])
def test_full_recomputation_keeps_2sbh(s: int, b: int) -> None:
    assert layer_input_bytes(GPT, shard_of(s, micro_batch=b))[0] == 2 * s * b * GPT.hidden


def test_context_ranks_share_all_of_it() -> None:
    assert 4 * kept(GPT, shard_of(cp=4), UNFUSED) == pytest.approx(kept(GPT, shard_of(), UNFUSED))


def test_fused_attention_keeps_no_scores() -> None:
    """Then memory grows with s and not with s²."""
    assert kept(GPT, shard_of(16384), FUSED) == pytest.approx(8 * kept(GPT, shard_of(2048), FUSED))


def test_no_dropout_no_masks() -> None:
    s, h, a = 2048, GPT.hidden, GPT.heads
    dry = replace(UNFUSED, dropout=False)
    masks = 2 * s * h + a * s * s  # residuals; scores
    dropped_scores = 2 * a * s * s
    assert kept(GPT, shard_of(s), UNFUSED) - kept(GPT, shard_of(s), dry) == pytest.approx(masks + dropped_scores)


def test_narrow_operands_are_kept_narrow() -> None:
    wide, narrow = (
        sum(float(np.sum(each.size_bytes)) for each in layer_activations(GPT, DENSE, shard_of(), FUSED, width))
        for width in (2.0, 1.0)
    )
    s, h = 2048, GPT.hidden
    assert wide - narrow == pytest.approx(s * h * (1 + 1 + 4))  # inputs of attention, FFN and FFN down


@pytest.mark.parametrize("recipe", [FUSED, UNFUSED], ids=["fused", "unfused"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_recomputing_more_keeps_less(model: Model, recipe: Recipe) -> None:
    for kind, _ in layer_kinds(model):
        shard = shard_of(tp=2)
        full = layer_input_bytes(model, shard)[0]
        assert full < kept(model, shard, recipe, kind, selective=True) < kept(model, shard, recipe, kind)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_what_selective_recomputation_drops_it_can_repeat(model: Model) -> None:
    """Cheap tensors come from cheap operators: neither is there without the other."""
    for recipe in (FUSED, UNFUSED):
        for kind, _ in layer_kinds(model):
            tensors = layer_activations(model, kind, shard_of(), recipe, 2.0)
            operators = layer_operators(model, kind, shard_of(), recipe)
            assert any(tensor.cheap for tensor in tensors) == any(op.cheap for op in operators)
    unfused = attention_core(GPT, DENSE, shard_of(), UNFUSED)
    assert all(op.cheap for op in unfused)


def test_an_expert_layer_keeps_top_k_rows_a_token() -> None:
    moe = MOE.moe
    assert moe is not None
    recipe = replace(FUSED, expert_imbalance=1.0)
    more = MOE.model_copy(update={"moe": moe.model_copy(update={"topk": 2 * moe.topk})})
    tokens = shard_of().tokens[0]
    row = 2 * MOE.hidden + 2 * MOE.hidden + 2 * 2 * moe.ffn + 2 * moe.ffn  # in, out, gate and up, down's input
    grown = kept(more, shard_of(), recipe, EXPERTS) - kept(MOE, shard_of(), recipe, EXPERTS)
    assert grown == pytest.approx(tokens * moe.topk * row)


@given(tp=SIZES["t"], ep=st.sampled_from([1, 2, 4]))
def test_experts_rows_do_not_depend_on_where_the_experts_live(tp: int, ep: int) -> None:
    here, there = (kept(MOE, shard_of(tp=tp, ep=e), FUSED, EXPERTS) for e in (1, ep))
    assert here == pytest.approx(there)


def test_latents_are_kept_and_heads_repeated() -> None:
    """DeepSeek-V3 (arXiv:2412.19437, section 3.2.1) recomputes the up-projections of its latents."""
    assert MLA.mla is not None
    tensors = {each.name: each for each in layer_activations(MLA, EXPERTS, shard_of(), FUSED, 2.0)}
    assert tensors["q, k, v"].cheap
    assert not tensors["latents"].cheap
    assert tensors["latents"].size_bytes[0] == 2 * 2 * 2048 * (256 + 128 + 32)


def test_a_frozen_ffn_keeps_no_inputs_of_its_matrices():
    """Adapters on attention alone: a frozen GEMM's input is no operand of any gradient (arXiv:2106.09685, section 4.2)."""
    trained = {each.name: each for each in layer_activations(GPT, DENSE, shard_of(), FUSED, 2.0)}
    frozen = {each.name for each in layer_activations(GPT, DENSE, shard_of(), FUSED, 2.0, frozen_ffn=True)}
    assert set(trained) - frozen == {"FFN input", "FFN down input"}

"""Bytes of activations that one layer keeps for its backward pass, tensor by tensor.

For a GPT layer in 16 bit with dropout the sum is s·b·h·(10 + 24/t + 5·a·s/(h·t)), and s·b·h·(34 + 5·a·s/h)/t with
sequence parallelism (Korthikanti et al. 2022, arXiv:2205.05198, equations 2 and 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.catalog.model import Model
from petaday.workload.architecture import LayerKind
from petaday.workload.operators import ELEMENT, Recipe, expert_rows, head_dims
from petaday.workload.shard import Floats, Shard


@dataclass(frozen=True)
class Kept:
    """One kept tensor; `cheap` ones are dropped by selective recomputation.

    of_weights: kept for the gradients of FFN weights alone, so not where adapters leave those frozen
    """

    name: str
    size_bytes: Floats
    cheap: bool = False
    of_weights: bool = False


def layer_input_bytes(model: Model, shard: Shard) -> Floats:
    """What full recomputation keeps of a layer: its input."""
    return ELEMENT * shard.tokens * model.hidden / shard.split


def layer_activations(
    model: Model, kind: LayerKind, shard: Shard, recipe: Recipe, operand_bytes: float, *, frozen_ffn: bool = False
) -> list[Kept]:
    """Every tensor that one layer keeps on one rank; `operand_bytes` is the width of a kept GEMM input."""
    whole = shard.tokens * model.hidden / shard.split
    kept = [
        Kept("norm inputs", 2 * ELEMENT * whole),
        Kept("attention input", operand_bytes * whole, cheap=recipe.fused),
        Kept("FFN input", operand_bytes * whole, cheap=recipe.fused, of_weights=not kind.moe),
        *_attention(model, shard, recipe),
        *(_experts if kind.moe else _mlp)(model, shard, recipe, operand_bytes),
    ]
    if recipe.dropout:
        kept.append(Kept("dropout masks", 2 * whole))
    return [each for each in kept if not (frozen_ffn and each.of_weights)]


def _attention(model: Model, shard: Shard, recipe: Recipe) -> list[Kept]:
    t, tp = shard.tokens, shard.tp
    qk_dim, v_dim = head_dims(model)
    output = Kept("attention output", ELEMENT * t * model.heads * v_dim / tp)
    if model.mla is None:
        kv_heads = np.maximum(model.kv_heads / tp, 1.0)
        projected = [Kept("q, k, v", ELEMENT * t * (model.heads / tp + 2 * kv_heads) * model.head_dim)]
    else:
        latent = (model.mla.q_lora_rank or 0) + model.mla.kv_lora_rank + model.mla.qk_rope_head_dim
        up = model.heads * (2 * qk_dim + v_dim) / tp
        projected = [
            Kept("latents", 2 * ELEMENT * t * latent / shard.split),
            Kept("q, k, v", ELEMENT * t * up, cheap=recipe.fused),
        ]
    if recipe.eager:
        projected.append(Kept("q, k, v before rotation", np.asarray(sum(each.size_bytes for each in projected))))
    if recipe.fused:
        return [*projected, Kept("log-sum-exp", 4.0 * t * model.heads / tp), output]
    per_score = ELEMENT + (ELEMENT + 1.0 if recipe.dropout else 0.0)
    scores = shard.micro_batch * model.heads / tp * shard.seq_len**2 / shard.cp
    return [*projected, Kept("scores", per_score * scores, cheap=True), output]


def _gated_pair(name: str, elements: Floats, model: Model, recipe: Recipe, operand_bytes: float) -> list[Kept]:
    gates = 2.0 if model.gated else 1.0
    kept = [
        Kept(f"{name} up output", gates * ELEMENT * elements),
        Kept(f"{name} down input", operand_bytes * elements, cheap=recipe.fused, of_weights=True),
    ]
    if recipe.eager and model.gated:
        kept.append(Kept(f"{name} activated gate", ELEMENT * elements))
    return kept


def _mlp(model: Model, shard: Shard, recipe: Recipe, operand_bytes: float) -> list[Kept]:
    return _gated_pair("FFN", shard.tokens * model.ffn / shard.tp, model, recipe, operand_bytes)


def _experts(model: Model, shard: Shard, recipe: Recipe, operand_bytes: float) -> list[Kept]:
    moe = model.moe
    assert moe is not None
    rows = expert_rows(model, shard) * recipe.expert_imbalance
    kept = [
        Kept("router probabilities", 4.0 * shard.tokens * moe.experts / shard.split),
        Kept("expert input", operand_bytes * rows * model.hidden, of_weights=True),
        Kept("expert output", ELEMENT * rows * model.hidden),
        *_gated_pair("expert", rows * moe.ffn / shard.etp, model, recipe, operand_bytes),
    ]
    if moe.shared_experts:
        width = moe.shared_experts * moe.shared_ffn / shard.tp
        kept += _gated_pair("shared expert", shard.tokens * width, model, recipe, operand_bytes)
    return kept

"""Seconds and bytes of one layer, of the vocabulary ends and of a hand-over, for each distinct sharding of a table.

A layer's time depends on a few columns only (how it is sharded, the micro-batch, what is recomputed), so it is
priced once for each distinct combination and gathered by the plans that share it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, replace

import numpy as np

from petaday.catalog.model import Model
from petaday.chip.law import ChipLaw
from petaday.chip.roofline import attention_seconds, gemm_seconds, streaming_seconds
from petaday.fabric.network import Floats
from petaday.training.exchange import context_seconds, expert_seconds, tensor_seconds
from petaday.training.job import Job, Precision
from petaday.training.plan import Plans, Recompute
from petaday.workload.activations import layer_activations, layer_input_bytes
from petaday.workload.architecture import LayerKind, is_moe, layer_kinds, window
from petaday.workload.operators import (
    ELEMENT,
    Operator,
    embedding_operators,
    frozen_if,
    head_operators,
    layer_operators,
)
from petaday.workload.shard import Shard

KEY = ("tp", "cp", "ep", "etp", "micro_batch", "sequence_parallel", "recompute", "tp_overlap", "schedule")
"""The plan columns that a block's costs depend on."""


@dataclass(frozen=True)
class LayerCost:
    """Seconds and bytes of one layer (or of one end of the model) for one micro-batch, each an array (n,).

    forward, backward: seconds with the exposed communication; weight_grad: the part of backward that computes weight
    gradients; recompute: seconds that a recomputed layer adds; kept: bytes it keeps; saved: bytes it keeps when
    recomputed; parts: where forward + backward went, by name; flops, recompute_flops: FLOP executed.
    """

    forward: Floats
    backward: Floats
    weight_grad: Floats
    recompute: Floats
    kept: Floats
    saved: Floats
    flops: Floats
    recompute_flops: Floats
    parts: dict[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True)
class BlockCosts:
    """Costs for each distinct sharding: of a lead-in layer, of a body layer, of embedding and head; of a hand-over.

    hop_bytes: what a stage hands to the next, per rank; logits: bytes of the loss's buffers on the last stage;
    gathered: bytes of a layer's whole input where sequence-parallel ranks gather it, else 0.
    """

    lead: LayerCost
    body: LayerCost
    embedding: LayerCost
    head: LayerCost
    hop_bytes: Floats
    embedding_kept: Floats
    logits: Floats
    gathered: Floats


def shard_of(plans: Plans, seq_len: int) -> Shard:
    """The plan columns that operators depend on, as floats."""
    columns = (plans.micro_batch, plans.tp, plans.cp, plans.ep, plans.etp, plans.sequence_parallel)
    return Shard(seq_len, *(column.astype(float) for column in columns))


def law_of(operator: Operator, precision: Precision) -> ChipLaw:
    """The law that an operator runs under."""
    return precision.law if operator.kind == "gemm" and not operator.wide else precision.wide_law


def forward_seconds(operator: Operator, precision: Precision) -> Floats:
    """Seconds of an operator's forward pass."""
    law = law_of(operator, precision)
    if operator.kind == "gemm":
        m, n, k = np.asarray(operator.m), np.asarray(operator.n), np.asarray(operator.k)
        return gemm_seconds(m, n, k, law, count=operator.count, aligned=operator.aligned)
    if operator.kind == "attention":
        return attention_seconds(
            np.asarray(operator.attention_flops),
            np.asarray(operator.forward_bytes),
            law,
            seq_len=np.asarray(operator.attended),
            backward=False,
        )
    return streaming_seconds(np.asarray(operator.forward_bytes), law)


def backward_seconds(operator: Operator, precision: Precision) -> tuple[Floats, Floats]:
    """Seconds of an operator's input-gradient and weight-gradient passes (the latter 0 where it has no weights)."""
    law = law_of(operator, precision)
    if operator.kind == "gemm":
        m, n, k = np.asarray(operator.m), np.asarray(operator.n), np.asarray(operator.k)
        count, aligned = operator.count, operator.aligned
        inputs = gemm_seconds(m, k, n, law, count=count, aligned=aligned)
        return inputs, np.zeros(1) if operator.frozen else gemm_seconds(k, n, m, law, count=count, aligned=aligned)
    if operator.kind == "attention":
        flops = 2.5 * np.asarray(operator.attention_flops)
        moved = np.asarray(operator.backward_bytes)
        return attention_seconds(flops, moved, law, seq_len=np.asarray(operator.attended), backward=True), np.zeros(1)
    return streaming_seconds(np.asarray(operator.backward_bytes), law), np.zeros(1)


def _compute(
    operators: list[Operator], job: Job, precision: Precision
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Forward, backward, weight-gradient and cheap-forward seconds; FLOP forward and backward of the operators."""
    slower = [1 / job.software.expert_rate if op.routed else 1.0 for op in operators]
    once = [forward_seconds(op, precision) * factor for op, factor in zip(operators, slower, strict=True)]
    forward = sum(once)
    cheap = sum((seconds for op, seconds in zip(operators, once, strict=True) if op.cheap), start=np.zeros(1))
    gradients = [backward_seconds(op, precision) for op in operators]
    weight = sum(g[1] * factor for g, factor in zip(gradients, slower, strict=True))
    backward = sum(g[0] * factor for g, factor in zip(gradients, slower, strict=True)) + weight
    flops = sum(op.forward_flops + op.backward_flops for op in operators)
    scale = (np.asarray(seconds) * job.operator_factor for seconds in (forward, backward, weight, cheap))
    return *scale, np.asarray(flops)  # type: ignore[return-value]


def _layer(kind: LayerKind, plans: Plans, shard: Shard, job: Job, precision: Precision) -> LayerCost:
    operators = layer_operators(job.model, kind, shard, job.software.recipe, job.lora_rank)
    forward, backward, weight, cheap, _ = _compute(operators, job, precision)
    tensor = tensor_seconds(plans, job)
    expert = expert_seconds(plans, job, precision.law) if kind.moe else np.zeros(len(plans))
    core = [op for op in operators if op.name in ("attention", "scores", "softmax", "weighted_sum")]
    core_forward, core_backward, *_ = _compute(core, job, precision)
    context_forward, context_backward = context_seconds(plans, job, core_forward, core_backward)
    host = job.software.host_launch * sum(np.asarray(forward_seconds(op, precision) > 0) for op in operators)
    host = host + (job.software.expert_host if kind.moe else 0.0)
    busy_forward = forward + tensor + expert + context_forward
    busy_backward = backward + tensor + expert + context_backward
    total_forward = np.maximum(busy_forward, host)
    total_backward = np.maximum(busy_backward, 2 * host)
    repeat = {
        Recompute.NONE: np.zeros(len(plans)),
        Recompute.SELECTIVE: np.broadcast_to(cheap, len(plans)),
        Recompute.FULL: total_forward,
    }
    # An uneven load moves rows to the busiest rank; it adds no FLOP.
    recipe = replace(job.software.recipe, expert_imbalance=1.0)
    balanced = layer_operators(job.model, kind, shard, recipe, job.lora_rank) if kind.moe else operators
    flops = np.asarray(sum(op.forward_flops + op.backward_flops for op in balanced))
    forward_flops = np.asarray(sum(op.forward_flops for op in balanced))
    cheap_flops = np.asarray(sum((op.forward_flops for op in balanced if op.cheap), start=np.zeros(1)))
    repeat_flops = {
        Recompute.NONE: np.zeros(len(plans)),
        Recompute.SELECTIVE: np.broadcast_to(cheap_flops, len(plans)),
        Recompute.FULL: forward_flops,
    }
    tensors = layer_activations(
        job.model, kind, shard, job.software.recipe, precision.law.element_bytes, frozen_ffn=job.lora_rank > 0
    )
    kept = np.asarray(sum(tensor.size_bytes for tensor in tensors))
    lean = np.asarray(sum(tensor.size_bytes for tensor in tensors if not tensor.cheap))
    saved = {
        Recompute.NONE: kept,
        Recompute.SELECTIVE: lean,
        Recompute.FULL: layer_input_bytes(job.model, shard),
    }
    return LayerCost(
        forward=total_forward,
        backward=total_backward,
        weight_grad=weight,
        recompute=_by_mode(plans, repeat),
        kept=kept,
        saved=_by_mode(plans, saved),
        flops=flops,
        recompute_flops=_by_mode(plans, repeat_flops),
        parts={
            "forward": forward,
            "backward": backward,
            "tensor": 2 * tensor,
            "expert": 2 * expert,
            "context": context_forward + context_backward,
            "host": total_forward - busy_forward + total_backward - busy_backward,
        },
    )


def _by_mode(plans: Plans, values: dict[Recompute, Floats]) -> Floats:
    return np.choose(plans.recompute, [values[mode] for mode in Recompute])


def _end(operators: list[Operator], plans: Plans, job: Job, precision: Precision, tensor: Floats) -> LayerCost:
    """An end of the model (embedding, or head and loss), priced as a layer that is never recomputed."""
    forward, backward, weight, _, flops = _compute(operators, job, precision)
    zeros = np.zeros(len(plans))
    return LayerCost(
        forward=forward + tensor,
        backward=backward + tensor,
        weight_grad=weight + zeros,
        recompute=zeros,
        kept=zeros,
        saved=zeros,
        flops=flops + zeros,
        recompute_flops=zeros,
        parts={"forward": forward + zeros, "backward": backward + zeros, "tensor": 2 * tensor},
    )


def _count_kinds(model: Model, start: int, stop: int) -> Counter[LayerKind]:
    return Counter(LayerKind(is_moe(model, layer), window(model, layer)) for layer in range(start, stop))


def _mean(costs: dict[LayerKind, LayerCost], counts: Counter[LayerKind]) -> LayerCost:
    """The average layer of a mixture of kinds."""

    def mix(values: dict[LayerKind, Floats]) -> Floats:
        weighted = sum(values[kind] * count for kind, count in counts.items())
        return np.asarray(weighted / counts.total())

    names = [column.name for column in fields(LayerCost) if column.name != "parts"]
    mixed = {name: mix({kind: getattr(cost, name) for kind, cost in costs.items()}) for name in names}
    names = list(next(iter(costs.values())).parts)
    parts = {name: mix({kind: cost.parts[name] for kind, cost in costs.items()}) for name in names}
    return LayerCost(**mixed, parts=parts)


def lead_layers(job: Job) -> int:
    """Dense layers before the first mixture of experts; they stand on the first stage."""
    return job.model.moe.first_dense_layers if job.model.moe else 0


def block_costs(plans: Plans, job: Job, precision: Precision) -> BlockCosts:
    """Costs of the rows of `plans`, which the caller has made distinct in KEY."""
    shard = shard_of(plans, job.seq_len)
    lead_count = lead_layers(job)
    kinds = {kind: _layer(kind, plans, shard, job, precision) for kind, _ in layer_kinds(job.model)}
    body = _mean(kinds, _count_kinds(job.model, lead_count, job.model.layers))
    lead = _mean(kinds, _count_kinds(job.model, 0, lead_count)) if lead_count else body
    tokens_bytes = ELEMENT * shard.tokens * job.model.hidden
    vocabulary = tensor_seconds(plans, job) / 2
    logits_bytes = shard.tokens * job.model.vocab / shard.tp * job.software.footprint.logit_bytes
    gathers = (plans.sequence_parallel > 0) & (plans.tp > 1)
    divided = np.where((plans.sequence_parallel > 0) | np.full(len(plans), job.software.scatter_gather), plans.tp, 1)
    return BlockCosts(
        lead=lead,
        body=body,
        embedding=_end(embedding_operators(job.model, shard), plans, job, precision, vocabulary / 2),
        head=_end(frozen_if(job.lora_rank, head_operators(job.model, shard)), plans, job, precision, vocabulary / 2),
        hop_bytes=tokens_bytes / divided,
        embedding_kept=tokens_bytes / shard.split * (0.5 if job.software.recipe.dropout else 0.0),
        logits=logits_bytes,
        gathered=np.where(gathers, tokens_bytes, 0.0),
    )

"""Weights, gradients and optimizer of a rank: how many bytes they are, how long they take to synchronise and update.

Everything here depends on how parameters are divided, not on micro-batches, so it is priced for the distinct
divisions of a table. Parameters fall in two classes: experts, replicated over dp·cp·tp/(ep·etp) ranks, and all
others, replicated over dp·cp.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petaday.fabric import collective
from petaday.fabric.network import Floats, Group, group
from petaday.training.block import lead_layers
from petaday.training.job import Job
from petaday.training.layout import Stage, stage_layers
from petaday.training.plan import Ints, Plans, Schedule
from petaday.workload.operators import adapted_widths

KEY = (
    "tp", "cp", "pp", "dp", "ep", "etp", "zero", "shard", "first_layers", "last_layers", "schedule", "dp_overlap",
    "weight_bytes", "grad_bytes", "moment_bytes", "optimizer_offload",
)  # fmt: skip
"""The plan columns that a rank's state depends on."""

BUCKETED = 2
"""Bytes of a gradient as buckets are filled: PyTorch's DDP counts the parameters' own 16 bit."""


@dataclass(frozen=True)
class Held:
    """Parameters that one rank of a stage computes with: experts and the rest."""

    shared: Floats
    expert: Floats

    @property
    def total(self) -> Floats:
        """All of them."""
        return self.shared + self.expert


@dataclass(frozen=True)
class State:
    """Bytes per rank by stage, seconds per step or per layer and micro-batch, each an array (n,).

    weights, gradients, optimizer: bytes by stage; working: bytes of gathered weights (ZeRO-3)
    staging: bytes by stage of the flat copies through which ZeRO-1 hands out updated weights
    gather_layer: seconds to gather one layer's weights (ZeRO-3), twice a micro-batch
    scatter_layer: seconds to reduce-scatter one layer's gradients in every micro-batch (ZeRO-2 and 3)
    sync: seconds to reduce the heaviest stage's gradients once a step; regather: seconds to hand out updated weights
    tied: seconds to add the two copies of a tied embedding's gradient
    update: seconds of the optimizer on the slowest stage
    """

    weights: dict[Stage, Floats]
    gradients: dict[Stage, Floats]
    optimizer: dict[Stage, Floats]
    staging: dict[Stage, Floats]
    working: Floats
    gather_layer: Floats
    scatter_layer: Floats
    sync: Floats
    regather: Floats
    tied: Floats
    update: Floats


def layer_parameters(plans: Plans, job: Job, *, lead: bool) -> Held:
    """Parameters of a lead-in layer or of the average body layer on one rank; norms are not divided."""
    count = job.count
    lead_count = lead_layers(job)
    moe_share = 0.0 if lead else count.moe_layers / (job.model.layers - lead_count)
    moe_fixed = count.shared + count.router
    fixed = count.attention_per_layer + moe_share * moe_fixed + (1 - moe_share) * count.dense_ffn_per_layer
    experts = moe_share * count.expert * (job.model.moe.experts if job.model.moe else 0)
    norms = count.norms / job.model.layers
    return Held(fixed / plans.tp + norms, experts / (plans.ep * plans.etp))


def held_parameters(plans: Plans, job: Job, stage: Stage) -> Held:
    """Parameters on one rank of a stage, with the embedding on the first and the head on the last."""
    layers = stage_layers(plans, job.model.layers, lead_layers(job), stage)
    lead, body = layer_parameters(plans, job, lead=True), layer_parameters(plans, job, lead=False)
    vocabulary = job.count.embedding / plans.tp
    position = job.count.position
    ends = np.zeros(len(plans))
    if stage is Stage.FIRST:
        untied_head = 0.0 if job.model.tied_embeddings else vocabulary
        ends = vocabulary + position + np.where(plans.pp == 1, untied_head, 0.0)
    elif stage is Stage.LAST:
        ends = np.where(plans.pp > 1, vocabulary, 0.0)
    body_layers = layers.total - layers.lead
    return Held(
        layers.lead * lead.shared + body_layers * body.shared + ends,
        layers.lead * lead.expert + body_layers * body.expert,
    )


def trained_parameters(plans: Plans, job: Job, held: Held, layers: Floats) -> Held:
    """What has gradients of `held`: all of it, or the adapters of its layers."""
    if not job.lora_rank:
        return held
    widths = sum(inputs + outputs for _, inputs, outputs in adapted_widths(job.model, plans.tp.astype(float)))
    return Held(layers * job.lora_rank * np.asarray(widths), np.zeros(1))


@dataclass(frozen=True)
class Replicas:
    """The ranks that hold the same weights: `every` of them, the `shards` that divide a copy, the `copies` of a shard."""

    every: Group
    shards: Group
    copies: Group


def replicas(plans: Plans, job: Job) -> tuple[Replicas, Replicas]:
    """The replicas of the shared parameters, and of an expert's."""

    def among(size: Ints, stride: Ints) -> Replicas:
        shards = np.where(plans.shard > 0, np.gcd(plans.shard, size), size)
        return Replicas(
            group(size, stride, job.network),
            group(shards, stride, job.network),
            group(size // shards, stride * shards, job.network),
        )

    expert_ranks = np.maximum(plans.dp * plans.cp * plans.tp // (plans.ep * plans.etp), 1)
    return among(plans.dp * plans.cp, plans.tp), among(expert_ranks, plans.ep * plans.etp)


def rank_state(plans: Plans, job: Job) -> State:
    """State of the rows of `plans`, which the caller has made distinct in KEY."""
    of_shared, of_expert = replicas(plans, job)
    held = {stage: held_parameters(plans, job, stage) for stage in Stage}
    trained = {
        stage: trained_parameters(
            plans,
            job,
            held[stage],
            np.asarray(stage_layers(plans, job.model.layers, lead_layers(job), stage).total * 1.0),
        )
        for stage in Stage
    }

    def divided(parts: Held, where: NDArray[np.bool_]) -> Floats:
        """Parameters, divided over the replicas that share them."""
        shares = parts.shared / of_shared.shards.size + parts.expert / of_expert.shards.size
        return np.where(where, shares, parts.total)

    owns = plans.zero >= 1
    footprint = job.software.footprint
    bucket = np.where(plans.dp * plans.cp > 1, footprint.bucket_bytes, 0.0)
    copied_grad = np.where(plans.zero >= 1, footprint.shard_grad_bytes, 0.0)
    # A DualPipe rank holds the stage of either direction.
    copies = np.where(plans.schedule == Schedule.DUALPIPE, 2.0, 1.0)
    per_parameter = master_bytes(plans, job) + job.optimizer.moments * plans.moment_bytes
    on_chip = np.where(plans.optimizer_offload > 0, 0.0, per_parameter)
    layer = layer_parameters(plans, job, lead=False)

    def over_replicas(parts: Held, width: Floats, operation: Spread) -> Floats:
        shared = operation(parts.shared * width, of_shared, job)
        if job.model.moe is None:
            return shared
        return shared + operation(parts.expert * width, of_expert, job)

    weight, grad = plans.weight_bytes.astype(float), plans.grad_bytes.astype(float)

    def in_buckets(parts: Held, width: Floats, operation: Spread) -> Floats:
        """A stage's gradients or weights, in messages of the software's bucket: each pays the group's latency."""
        bucket = job.software.sync_bucket
        if not bucket:
            return over_replicas(parts, width, operation)
        messages = np.maximum(parts.total * BUCKETED / bucket, 1.0)
        return messages * over_replicas(Held(parts.shared / messages, parts.expert / messages), width, operation)

    def slowest_stage(width: Floats, operation: Spread) -> Floats:
        if job.model.moe is None:
            heaviest = np.maximum.reduce([trained[stage].shared for stage in Stage])
            return in_buckets(Held(heaviest, np.zeros(1)), width, operation)
        return np.asarray(np.maximum.reduce([in_buckets(trained[stage], width, operation) for stage in Stage]))

    reduce_once = np.where(plans.zero == 0, slowest_stage(grad, reduce_whole), slowest_stage(grad, reduce_shards))
    # A pipeline interleaves micro-batches: ZeRO-2 sums whole gradients there and scatters them once a step, and some
    # stacks keep the weights of ZeRO-3 gathered as long.
    once = (plans.pp > 1) & (plans.zero >= 3) & job.software.pipeline_gathers_once
    gathers = (plans.zero >= 3) & ~once
    scatters = gathers | ((plans.zero == 2) & (plans.pp == 1))
    hands_out = (plans.zero == 1) | (plans.zero == 2) | once

    def per_layer(parts: Held, width: Floats, operation: Spread) -> Floats:
        """A layer's weights or gradients, in as many messages as the software cuts them."""
        messages, share = job.software.shard_messages, job.software.shard_bandwidth
        return messages * over_replicas(parts, width / (messages * share), operation)

    gather = per_layer(layer, weight, gather_shards)
    scatter = per_layer(trained_parameters(plans, job, layer, np.ones(1)), grad, reduce_shards)
    turns = np.where((plans.zero == 1) & (of_shared.shards.size > 1), of_shared.shards.size, 0)
    starts = turns * job.software.shard_start
    kept = {stage: np.where(once, held[stage].total, 0.0) for stage in Stage}
    tied_bytes = np.where(plans.pp > 1, job.count.embedding / plans.tp * grad, 0.0)
    ends = group(np.full_like(plans.tp, 2), np.full_like(plans.tp, job.network.domain), job.network)
    tied = collective.all_reduce(tied_bytes, ends, job.network)
    return State(
        weights={stage: copies * (divided(held[stage], plans.zero >= 3) + kept[stage]) * weight for stage in Stage},
        gradients={
            stage: copies * (divided(trained[stage], scatters) * grad + trained[stage].total * bucket)
            for stage in Stage
        },
        optimizer={stage: divided(trained[stage], owns) * (on_chip + copied_grad) for stage in Stage},
        staging={
            stage: np.where(plans.zero == 1, trained[stage].total + divided(trained[stage], owns), 0.0)
            * footprint.staging_bytes
            for stage in Stage
        },
        working=np.where(gathers, 2 * layer.total * weight, 0.0),
        gather_layer=np.where(gathers, gather, 0.0),
        scatter_layer=np.where(scatters, scatter, 0.0),
        sync=np.where(scatters, 0.0, reduce_once),
        regather=np.where(hands_out, slowest_stage(weight, gather_shards), 0.0) + starts,
        tied=tied if job.model.tied_embeddings and not job.lora_rank else np.zeros(len(plans)),
        update=np.maximum.reduce([_update_seconds(plans, divided(trained[stage], owns), job) for stage in Stage]),
    )


Spread = Callable[[Floats, Replicas, Job], Floats]
"""Seconds to bring parameters of some bytes to their replicas, or their gradients from them."""


def reduce_whole(size_bytes: Floats, among: Replicas, job: Job) -> Floats:
    """Gradients summed on every replica."""
    return collective.all_reduce(size_bytes, among.every, job.network)


def reduce_shards(size_bytes: Floats, among: Replicas, job: Job) -> Floats:
    """Gradients scattered over the shards, then summed over the copies of each."""
    scattered = collective.reduce_scatter(size_bytes, among.shards, job.network)
    return scattered + collective.all_reduce(size_bytes / among.shards.size, among.copies, job.network)


def gather_shards(size_bytes: Floats, among: Replicas, job: Job) -> Floats:
    """Weights gathered from the shards."""
    return collective.all_gather(size_bytes, among.shards, job.network)


def master_bytes(plans: Plans, job: Job) -> Ints:
    """Bytes of a parameter's fp32 master copy; weights stored in fp32 are their own."""
    return np.where(plans.weight_bytes >= 4, 0, job.optimizer.master_bytes)


def _update_seconds(plans: Plans, owned: Floats, job: Job) -> Floats:
    """Seconds of the optimizer step over the parameters a rank owns, as the bytes that its passes touch.

    Mixed-precision optimizers pass over the fp32 gradients to copy them from 16 bit where they are accumulated so,
    to unscale them (fp16 only), for their norm and to clip them; the update reads gradients and rewrites master copy
    and moments, and a last pass casts the master to the weight (Megatron-LM's mixed-precision optimizer). On the
    host, the same bytes move at the rate of the host link, which bounds them from below.
    """
    fp32 = 4
    copied = np.where(plans.grad_bytes < fp32, plans.grad_bytes + fp32, 0)
    unscaled = 2 * fp32 if job.loss_scaling else 0
    norm_and_clip = fp32 + 2 * fp32
    master = master_bytes(plans, job)
    state = np.maximum(master, plans.weight_bytes * (master == 0)) + job.optimizer.moments * plans.moment_bytes
    cast = np.where(master > 0, master + plans.weight_bytes, 0)
    touched = copied + unscaled + norm_and_clip + (fp32 + 2 * state) + cast
    on_chip = owned * touched / (job.law.memory_bandwidth * job.law.memory)
    on_host = owned * touched / job.host_bandwidth
    return np.asarray(np.where(plans.optimizer_offload > 0, on_host, on_chip))

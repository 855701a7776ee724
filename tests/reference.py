"""A slow and obvious price of one plan: plain floats, real layers, every pipeline stage in turn.

It shares no arithmetic with the package: operators, collectives, schedules and memory are written again from the
published formulas. What it takes from the package are inputs (model, law, network, software) and parameter counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd

from petaday.training.job import Job, Precision
from petaday.workload.architecture import is_moe
from reference_rank import (
    DUALPIPE,
    NONE,
    ONE_F_ONE_B,
    SELECTIVE,
    ZERO_BUBBLE,
    Plan,
    Rank,
    gather,
    reduce_all,
    send,
)


@dataclass
class Layer:
    """Seconds and bytes of a layer for one micro-batch."""

    forward: float
    backward: float
    weights: float
    repeat: float
    kept: float
    saved: float

    @classmethod
    def mean(cls, layers: list[Layer]) -> Layer:
        return cls(*(sum(getattr(x, name) for x in layers) / len(layers) for name in cls.__dataclass_fields__))


def layer_of(rank: Rank, index: int) -> Layer:
    """The layer at `index` with what its communication leaves exposed."""
    job, mode = rank.job, rank.plan["recompute"]
    ops, slow = rank.operators(index), rank.job.operator_factor
    core = [op for op in ops if op.core]
    forward = slow * sum(op.forward for op in ops)
    weights = slow * sum(op.weights for op in ops)
    backward = slow * sum(op.inputs for op in ops) + weights
    sent = rank.tensor() + (rank.dispatch() if is_moe(job.model, index) else 0.0)
    beside = rank.context(slow * sum(op.forward for op in core), slow * sum(op.inputs + op.weights for op in core))
    forward, backward = forward + sent + beside[0], backward + sent + beside[1]
    host = job.software.host_launch * sum(op.forward > 0 for op in ops)
    host += job.software.expert_host if is_moe(job.model, index) else 0.0
    forward, backward = max(forward, host), max(backward, 2 * host)
    repeat = (0.0, slow * sum(op.forward for op in ops if op.cheap), forward)[mode]
    return Layer(forward, backward, weights, repeat, rank.kept(index, NONE), rank.kept(index, mode))


# A step


def stage_sizes(plan: Plan, layers: int) -> list[int]:
    """Layers of every stage; the middle ones share what the ends leave, the fuller first."""
    if plan["pp"] == 1:
        return [layers]
    ends, middle = (plan["first_layers"], plan["last_layers"]), plan["pp"] - 2
    between = layers - sum(ends)
    return [ends[0], *(between // middle + (i < between % middle) for i in range(middle)), ends[1]]


class Step:
    """The whole step of one plan under one precision."""

    def __init__(self, plan: Plan, job: Job, precision: Precision) -> None:
        self.plan, self.job, self.rank = plan, job, Rank(plan, job, precision.law, precision.wide_law)
        model = job.model
        self.lead = model.moe.first_dense_layers if model.moe else 0
        self.body = Layer.mean([layer_of(self.rank, i) for i in range(self.lead, model.layers)])
        leading = [layer_of(self.rank, i) for i in range(self.lead)]
        self.layers = leading + [self.body] * (model.layers - self.lead)
        self.sizes = stage_sizes(plan, model.layers)
        self.micro_batches = job.global_batch // (plan["dp"] * plan["micro_batch"])

    # Parameters

    def replicas(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Size and stride of the groups that share shared parameters, and experts."""
        p = self.plan
        experts = p["dp"] * p["cp"] * p["tp"] // (p["ep"] * p["etp"])
        return (p["dp"] * p["cp"], p["tp"]), (max(experts, 1), p["ep"] * p["etp"])

    def layer_parameters(self, index: int) -> tuple[float, float]:
        """Parameters of a layer on one rank: shared ones, experts'. Body layers are averaged."""
        count, model, p = self.job.count, self.job.model, self.plan
        share = 0.0 if index < self.lead else count.moe_layers / (model.layers - self.lead)
        shared = count.attention_per_layer + (1 - share) * count.dense_ffn_per_layer
        shared += share * (count.shared + count.router)
        experts = share * count.expert * (model.moe.experts if model.moe else 0)
        return shared / p["tp"] + count.norms / model.layers, experts / (p["ep"] * p["etp"])

    def stage_parameters(self, stage: int) -> tuple[float, float]:
        start = sum(self.sizes[:stage])
        held = [self.layer_parameters(i) for i in range(start, start + self.sizes[stage])]
        shared, experts = sum(h[0] for h in held), sum(h[1] for h in held)
        count, last = self.job.count, self.plan["pp"] - 1
        if stage == 0:
            shared += count.embedding / self.plan["tp"] + count.position
        if stage == last and (last > 0 or not self.job.model.tied_embeddings):
            shared += count.embedding / self.plan["tp"]
        return shared, experts

    def trained(self, parameters: tuple[float, float], layers: int) -> tuple[float, float]:
        """Of these parameters those that have gradients: all, or the adapters of some layers."""
        if not self.job.lora_rank:
            return parameters
        return layers * self.job.lora_rank * sum(sum(widths) for widths in self.rank.adapted()), 0.0

    def shards(self, size: int) -> int:
        """Replicas that share a copy."""
        return gcd(self.plan["shard"], size) if self.plan["shard"] else size

    def owned(self, stage: int, sharded: bool, *, trained: bool = True) -> float:
        """Parameters whose state a rank owns, sharded over its replicas or not."""
        shared, experts = self.stage_parameters(stage)
        if trained:
            shared, experts = self.trained((shared, experts), self.sizes[stage])
        (dense, _), (expert, _) = self.replicas()
        if not sharded:
            return shared + experts
        return shared / self.shards(dense) + experts / self.shards(expert)

    def over_replicas(self, parameters: tuple[float, float], width: float, how: str) -> float:
        """Seconds to gather weights from their shards, to scatter gradients to them, or to sum them everywhere."""
        network, total = self.job.network, 0.0
        for number, (size, stride) in zip(parameters, self.replicas(), strict=True):
            shards, bytes_ = self.shards(size), number * width
            if how == "sum":
                total += reduce_all(bytes_, size, stride, network)
                continue
            total += gather(bytes_, shards, stride, network)
            if how == "scatter":
                total += reduce_all(bytes_ / shards, size // shards, stride * shards, network)
        return total

    # Seconds

    def exchange(self, layer: Layer, kept: float) -> float:
        """What a layer's passes do not hide of its weights, gradients and activations under way."""
        p, soft = self.plan, self.job.software
        cut = soft.shard_messages * soft.shard_bandwidth
        held = self.layer_parameters(self.lead)

        def seconds(parameters: tuple[float, float], width: float, how: str) -> float:
            return soft.shard_messages * self.over_replicas(parameters, width / cut, how)

        weights = seconds(held, p["weight_bytes"], "gather") if p["zero"] == 3 else 0.0
        grads = seconds(self.trained(held, 1), p["grad_bytes"], "scatter") if self.scatters() else 0.0
        transfer = kept / self.job.host_bandwidth if p["activation_offload"] else 0.0
        late = max(transfer - layer.forward, 0), max(transfer - layer.backward, 0)
        if not p["dp_overlap"]:
            return 2 * weights + grads + sum(late)
        first = weights - soft.dp_hidden * min(weights, layer.forward)
        second = weights + grads - soft.dp_hidden * min(weights + grads, layer.backward)
        return max(first, late[0]) + max(second, late[1])

    def scatters(self) -> bool:
        """Whether gradients are scattered in every micro-batch; in a pipeline ZeRO-2 waits for the end."""
        return self.plan["zero"] == 3 or (self.plan["zero"] == 2 and self.plan["pp"] == 1)

    def hand_over(self) -> float:
        p, rank, job = self.plan, self.rank, self.job
        if p["pp"] == 1:
            return 0.0
        whole = 2 * rank.tokens * job.model.hidden
        cut = p["sequence_parallel"] or job.software.scatter_gather
        crosses = p["tp"] * p["cp"] * p["dp"] * p["pp"] > job.network.domain
        hop = send(whole / (p["tp"] if cut else 1), crosses, job.network)
        if job.software.scatter_gather and not p["sequence_parallel"]:
            hop += gather(whole, p["tp"], 1, job.network)
        return 2 * p["vpp"] * hop * (1 - job.software.pp_overlap)

    def vocabulary(self) -> tuple[float, float]:
        """Seconds of the embedding, and of head and loss, forward and backward."""
        rank, slow, hidden = self.rank, self.job.operator_factor, self.job.model.hidden
        elements, vocab = rank.tokens * hidden, self.job.model.vocab / rank.tp
        logits = rank.tokens * vocab
        head = rank.gemm(rank.tokens, vocab, hidden, wide=True)
        ends = (
            [rank.stream(4 * elements, 6 * elements)],
            [head.frozen() if self.job.lora_rank else head, rank.stream(38 * logits, 14 * logits)],
        )
        first, last = (slow * sum(op.forward + op.inputs + op.weights for op in ops) for ops in ends)
        return first + rank.tensor() / 2, last + rank.tensor() / 2

    def repeated(self, stage: int) -> int:
        return min(self.plan["recompute_layers"], self.sizes[stage])

    def stage_seconds(self, stage: int) -> float:
        start, size = sum(self.sizes[:stage]), self.sizes[stage]
        embedding, head = self.vocabulary()
        own = self.layers[start : start + size]
        seconds = sum(layer.forward + layer.backward for layer in own)
        seconds += sum(layer.repeat for layer in own[: self.repeated(stage)]) + self.hand_over()
        seconds += sum(self.exchange(layer, layer.saved) for layer in own[: self.repeated(stage)])
        seconds += sum(self.exchange(layer, layer.kept) for layer in own[self.repeated(stage) :])
        seconds += embedding if stage == 0 else 0.0
        return seconds + (head if stage == self.plan["pp"] - 1 else 0.0)

    def bubble(self, stages: list[float]) -> float:
        p, body = self.plan, self.body
        share = self.job.model.layers / p["pp"]
        others = sum(stages) - max(stages)
        if p["schedule"] == ONE_F_ONE_B:
            return others / p["vpp"]
        if p["schedule"] == ZERO_BUBBLE:
            return max(others - 2 * (p["pp"] - 1) * share * body.weights, 0)
        backward = share * body.backward + min(p["recompute_layers"], share) * body.repeat
        return max((p["pp"] / 2 - 1) * (share * body.forward + 2 * backward - 3 * share * body.weights), 0)

    def synchronisation(self) -> float:
        p, job, size = self.plan, self.job, max(self.sizes[0], 1)
        stages = [self.trained(self.stage_parameters(stage), self.sizes[stage]) for stage in range(p["pp"])]
        reduce = hand_out = 0.0
        if not self.scatters():
            how = "scatter" if p["zero"] else "sum"
            reduce = max(self.over_replicas(held, p["grad_bytes"], how) for held in stages)
        if p["zero"] in (1, 2):
            hand_out = max(self.over_replicas(held, p["weight_bytes"], "gather") for held in stages)
        tied = 0.0
        if job.model.tied_embeddings and p["pp"] > 1 and not job.lora_rank:
            tied = reduce_all(job.count.embedding / p["tp"] * p["grad_bytes"], 2, job.network.domain, job.network)
        if p["dp_overlap"]:
            hides = job.software.dp_hidden
            reduce -= hides * min(reduce * (1 - 1 / size), size * self.body.backward)
            hand_out -= hides * min(hand_out * (1 - 1 / size), size * self.body.forward)
        return reduce + hand_out + tied

    def master_bytes(self) -> int:
        """Of an fp32 copy, where the weights are not fp32 themselves."""
        return 0 if self.plan["weight_bytes"] >= 4 else self.job.optimizer.master_bytes

    def update(self) -> float:
        p, job = self.plan, self.job
        master = self.master_bytes()
        state = (master or p["weight_bytes"]) + job.optimizer.moments * p["moment_bytes"]
        touched = p["grad_bytes"] + 4 if p["grad_bytes"] < 4 else 0  # copy to fp32
        touched += 8 if any(each.dtype == "fp16" for each in job.precisions) else 0  # unscale
        touched += 4 + 8  # norm, clip
        touched += 4 + 2 * state  # update
        touched += master + p["weight_bytes"] if master else 0  # cast
        most = max(self.owned(stage, p["zero"] >= 1) for stage in range(p["pp"]))
        law = max(job.precisions, key=lambda each: each.share).law
        rate = job.host_bandwidth if p["optimizer_offload"] else law.memory_bandwidth * law.memory
        return most * touched / rate

    def seconds(self) -> float:
        stages = [self.stage_seconds(stage) for stage in range(self.plan["pp"])]
        passes = self.micro_batches * max(stages) + self.bubble(stages)
        return passes + self.synchronisation() + self.update() + self.job.software.step_overhead

    # Bytes

    def in_flight(self, stage: int) -> float:
        """Micro-batches that a stage holds, by walking the schedule's warm-up."""
        pp, vpp, schedule = self.plan["pp"], self.plan["vpp"], self.plan["schedule"]
        held: float = pp - stage
        if vpp > 1:
            held = (2 * (pp - stage - 1) + (vpp - 1) * pp + 1) / vpp
        if schedule:
            held = pp + (schedule == DUALPIPE)
        return min(held, self.micro_batches)

    def stage_bytes(self, stage: int) -> float:
        p, job, rank = self.plan, self.job, self.rank
        start, size, copies = sum(self.sizes[:stage]), self.sizes[stage], 2 if p["schedule"] == DUALPIPE else 1
        own, repeated = self.layers[start : start + size], self.repeated(stage)
        activations = sum(layer.saved for layer in own[:repeated]) + sum(layer.kept for layer in own[repeated:])
        if stage == 0 and rank.dropout:
            activations += rank.tokens * job.model.hidden / rank.split
        activations *= self.in_flight(stage)
        if p["activation_offload"]:
            activations = min(activations, 2 * self.body.kept)
        per_parameter = self.master_bytes() + job.optimizer.moments * p["moment_bytes"]
        state = copies * self.owned(stage, p["zero"] >= 3, trained=False) * p["weight_bytes"]
        state += copies * self.owned(stage, self.scatters()) * p["grad_bytes"]
        state += self.owned(stage, p["zero"] >= 1) * (0 if p["optimizer_offload"] else per_parameter)
        working = 2 * sum(self.layer_parameters(self.lead)) * p["weight_bytes"] if p["zero"] == 3 else 0.0
        if p["recompute"] and p["recompute_layers"]:
            working += max(layer.kept - layer.saved for layer in self.layers)
        logits = 6 * rank.tokens * job.model.vocab / rank.tp if stage == p["pp"] - 1 else 0.0
        return state + activations + working + logits + job.reserve


def step_time(plan: Plan, job: Job) -> float:
    """Seconds per step, averaged over the job's precisions."""
    return sum(each.share * Step(plan, job, each).seconds() for each in job.precisions)


def memory(plan: Plan, job: Job) -> float:
    """Bytes on the fullest chip of any stage, under the hungriest precision."""
    steps = [Step(plan, job, each) for each in job.precisions]
    return max(step.stage_bytes(stage) for step in steps for stage in range(plan["pp"]))


def executed_flops(plan: Plan, job: Job, precision: Precision) -> float:
    """FLOP of a step on all chips: every layer and its repetition, and the head. An uneven load adds none."""
    even = replace(job.software, recipe=replace(job.software.recipe, expert_imbalance=1.0))
    step = Step(plan, replace(job, software=even), precision)
    rank, model = step.rank, job.model
    layers = [rank.operators(i) for i in range(model.layers)]
    total = sum(op.forward_flops + op.backward_flops for ops in layers for op in ops)
    start = 0
    for stage, size in enumerate(step.sizes):
        for ops in layers[start : start + step.repeated(stage)]:
            full = plan["recompute"] not in (NONE, SELECTIVE)
            total += sum(op.forward_flops for op in ops if full or (plan["recompute"] and op.cheap))
        start += size
    head = (4 if job.lora_rank else 6) * rank.tokens * model.vocab / rank.tp * model.hidden
    return (total + head) * step.micro_batches * plan["tp"] * plan["cp"] * plan["dp"]

"""A slow and obvious price of one plan: plain floats, real layers, every pipeline stage in turn.

It shares no arithmetic with the package: operators, collectives, schedules and memory are written again from the
published formulas. What it takes from the package are inputs (model, law, network, software) and parameter counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log2

from petaday.chip.law import ChipLaw
from petaday.fabric.network import Network
from petaday.training.job import Job
from petaday.workload.architecture import is_moe, window

Plan = Mapping[str, int]
NONE, SELECTIVE = 0, 1
ONE_F_ONE_B, ZERO_BUBBLE, DUALPIPE = 0, 1, 2


# Collectives


def placement(size: int, stride: int, network: Network) -> tuple[int, int]:
    """Members of a group in one domain, and its domains."""
    local = min(max(network.domain // stride, 1), size)
    return local, ceil(size / local)


def bus(local: int, domains: int, network: Network) -> float:
    up = network.scale_up_bandwidth * network.scale_up_efficiency
    out = network.scale_out_bandwidth * network.scale_out_efficiency
    return up if domains == 1 else min(up, local * out)


def ring_latency(size: int, domains: int, network: Network) -> float:
    inside = (size - domains) * network.scale_up_latency
    return network.base_latency + inside + (domains - 1) * network.scale_out_latency


def gather(size_bytes: float, size: int, stride: int, network: Network) -> float:
    """All-gather or reduce-scatter on a ring."""
    if size == 1 or size_bytes == 0:
        return 0.0
    local, domains = placement(size, stride, network)
    latency = network.base_latency + (size - 1) * network.scale_up_latency
    if domains > 1:
        latency = ring_latency(size, domains, network)
    return latency + size_bytes * (size - 1) / size / bus(local, domains, network)


def reduce_all(size_bytes: float, size: int, stride: int, network: Network) -> float:
    """All-reduce by the fastest of ring, double binary tree and the switch."""
    if size == 1 or size_bytes == 0:
        return 0.0
    local, domains = placement(size, stride, network)
    options = [2 * gather(size_bytes, size, stride, network)]
    if domains > 1:
        climb = (local - 1) * network.scale_up_latency + ceil(log2(domains)) * network.scale_out_latency
        rate = 0.92 * bus(local, domains, network)
        options.append(network.base_latency + 2 * climb + 2 * size_bytes / rate)
    elif network.in_switch_reduction:
        rate = 0.85 * bus(local, domains, network)
        options.append(
            network.base_latency + 2 * network.scale_up_latency + size_bytes * (size + 1) / size / rate
        )
    return min(options)


def exchange(size_bytes: float, size: int, stride: int, network: Network) -> float:
    """All-to-all: NVLink and NICs at once."""
    if size == 1 or size_bytes == 0:
        return 0.0
    local, domains = placement(size, stride, network)
    inside = size_bytes * (local - 1) / size / bus(1, 1, network)
    across = size_bytes * (size - local) / size / (network.scale_out_bandwidth * network.scale_out_efficiency)
    hop = network.scale_out_latency if domains > 1 else network.scale_up_latency
    return network.base_latency + hop + max(inside, across)


def send(size_bytes: float, crosses: bool, network: Network) -> float:
    if crosses:
        return network.scale_out_latency + size_bytes / (network.scale_out_bandwidth * network.scale_out_efficiency)
    return network.scale_up_latency + size_bytes / (network.scale_up_bandwidth * network.scale_up_efficiency)


# Operators


@dataclass
class Op:
    """Seconds forward, of input gradients and of weight gradients; FLOP forward and backward."""

    forward: float
    inputs: float
    weights: float = 0.0
    forward_flops: float = 0.0
    backward_flops: float = 0.0
    cheap: bool = False
    core: bool = False


class Rank:
    """One rank's operators and communication under one plan and chip law."""

    def __init__(self, plan: Plan, job: Job, law: ChipLaw) -> None:
        self.plan, self.job, self.law, self.model = plan, job, law, job.model
        self.tp, self.cp, self.ep, self.etp = (plan[name] for name in ("tp", "cp", "ep", "etp"))
        self.tokens = plan["micro_batch"] * job.seq_len / self.cp
        self.split = self.tp if plan["sequence_parallel"] else 1
        self.fused = job.software.recipe.attention == "fused"
        self.dropout = job.software.recipe.dropout
        self.gates = 2 if job.model.gated else 1

    def gemm_seconds(self, m: float, n: float, k: float, count: float) -> float:
        law = self.law
        reached = law.gemm * m / (m + law.gemm_m) * n / (n + law.gemm_n) * k / (k + law.gemm_k)
        moved = count * (law.element_bytes * (m * k + k * n) + 2 * m * n)
        arithmetic = 2 * m * n * k * count / (law.peak * reached)
        return max(arithmetic, moved / (law.memory_bandwidth * law.memory)) + law.launch

    def gemm(self, m: float, n: float, k: float, count: float = 1, *, cheap: bool = False, core: bool = False) -> Op:
        seconds = (self.gemm_seconds(*sizes, count) for sizes in ((m, n, k), (m, k, n), (k, n, m)))
        return Op(*seconds, 2 * m * n * k * count, 4 * m * n * k * count, cheap, core)

    def stream(self, forward: float, backward: float, *, cheap: bool = False, core: bool = False) -> Op:
        rate = self.law.memory_bandwidth * self.law.memory
        return Op(forward / rate + self.law.launch, backward / rate + self.law.launch, cheap=cheap, core=core)

    def flash(self, flops: float, moved: float, attended: float) -> Op:
        law = self.law

        def seconds(work: float, bytes_: float, share: float) -> float:
            reached = share * attended / (attended + law.attention_sequence)
            arithmetic = work / (law.attention_peak * reached)
            return max(arithmetic, bytes_ / (law.memory_bandwidth * law.memory)) + law.launch

        return Op(
            seconds(flops, moved, law.attention_forward),
            seconds(2.5 * flops, 3 * moved, law.attention_backward),
            forward_flops=flops,
            backward_flops=2.5 * flops,
            core=True,
        )

    def head_widths(self) -> tuple[int, int]:
        mla = self.model.mla
        if mla:
            return mla.qk_nope_head_dim + mla.qk_rope_head_dim, mla.v_head_dim
        return self.model.head_dim, self.model.head_dim

    def projections(self) -> list[Op]:
        model, t, tp, mla = self.model, self.tokens, self.tp, self.model.mla
        qk, v = self.head_widths()
        output = self.gemm(t, model.hidden, model.heads * v / tp)
        if mla is None:
            columns = (model.heads / tp + 2 * max(model.kv_heads / tp, 1)) * model.head_dim
            return [self.gemm(t, columns, model.hidden), output]
        down, up = t / self.split, self.fused
        return [
            self.gemm(down, mla.q_lora_rank or 0, model.hidden),
            self.gemm(t, model.heads * qk / tp, mla.q_lora_rank or 0, cheap=up),
            self.gemm(down, mla.kv_lora_rank + mla.qk_rope_head_dim, model.hidden),
            self.gemm(t, model.heads * (mla.qk_nope_head_dim + v) / tp, mla.kv_lora_rank, cheap=up),
            output,
        ]

    def attention(self, lookback: int | None) -> list[Op]:
        model, s, b = self.model, self.job.seq_len, self.plan["micro_batch"]
        heads, rows = model.heads / self.tp, s / self.cp
        qk, v = self.head_widths()
        if not self.fused:
            scores = b * heads * rows * s
            masks = 5 if self.dropout else 0
            return [
                self.gemm(rows, s, qk, b * heads, cheap=True, core=True),
                self.stream(scores * (4 + masks), scores * (6 + masks), cheap=True, core=True),
                self.gemm(rows, v, s, b * heads, cheap=True, core=True),
            ]
        width = min(lookback or s, s)
        pairs = s * width - width**2 / 2
        kv_heads = max((model.heads if model.mla else model.kv_heads) / self.tp, 1)
        moved = 2 * b * (rows * heads + s * kv_heads) * (qk + v)
        return [self.flash(2 * b * heads * (qk + v) * pairs / self.cp, moved, width / self.cp)]

    def ffn(self, rows: float, width: float, count: float = 1, streamed_rows: float | None = None) -> list[Op]:
        gates, hidden = self.gates, self.model.hidden
        elements = (rows if streamed_rows is None else streamed_rows) * width
        return [
            self.gemm(rows, gates * width, hidden, count),
            self.stream(2 * (gates + 1) * elements, 2 * (2 * gates + 1) * elements, cheap=self.fused),
            self.gemm(rows, hidden, width, count),
        ]

    def expert_rows(self) -> float:
        moe = self.model.moe
        assert moe is not None
        return self.tokens / self.tp * moe.topk * self.etp * self.job.software.recipe.expert_imbalance

    def experts(self) -> list[Op]:
        model, moe, t = self.model, self.model.moe, self.tokens
        assert moe is not None
        rows, local = self.expert_rows(), moe.experts / self.ep
        move = self.stream(4 * rows * model.hidden, 4 * rows * model.hidden)
        ops = [self.gemm(t / self.split, moe.experts, model.hidden), move, move]
        ops += self.ffn(rows / local, moe.ffn / self.etp, local, streamed_rows=rows)
        if moe.shared_experts:
            ops += self.ffn(t, moe.shared_experts * moe.shared_ffn / self.tp)
        return ops

    def operators(self, layer: int) -> list[Op]:
        model, mask = self.model, 1 if self.dropout else 0
        elements = self.tokens * model.hidden / self.split
        norm = self.stream(4 * elements, 6 * elements, cheap=self.fused)
        residual = self.stream((6 + mask) * elements, (4 + mask) * elements)
        ops = [*self.projections(), *self.attention(window(model, layer)), norm, norm, residual, residual]
        if not model.max_position:
            turned = model.mla.qk_rope_head_dim if model.mla else model.head_dim
            heads = (model.heads + (1 if model.mla else model.kv_heads)) / self.tp
            ops.append(self.stream(4 * self.tokens * heads * turned, 4 * self.tokens * heads * turned))
        return ops + (self.experts() if is_moe(model, layer) else self.ffn(self.tokens, model.ffn / self.tp))

    # Communication of one layer forward

    def tensor(self) -> float:
        size = 2 * self.tokens * self.model.hidden
        if self.plan["sequence_parallel"]:
            seconds = 4 * gather(size, self.tp, 1, self.job.network)
        else:
            seconds = 2 * reduce_all(size, self.tp, 1, self.job.network)
        return seconds * (1 - self.job.software.tp_overlap * self.plan["tp_overlap"])

    def dispatch(self) -> float:
        moe, network = self.model.moe, self.job.network
        assert moe is not None
        elements = self.expert_rows() / self.etp * self.model.hidden
        there = exchange(elements * self.law.element_bytes, self.ep, self.etp, network)
        back = exchange(elements * 2, self.ep, self.etp, network)
        inside = 2 * gather(elements * self.etp * 2, self.etp, 1, network)
        hidden = 1.0 if self.plan["schedule"] == DUALPIPE else self.job.software.ep_overlap
        return (there + back + inside) * (1 - hidden)

    def ring(self) -> float:
        model, network = self.model, self.job.network
        kv_heads = max((model.heads if model.mla else model.kv_heads) / self.tp, 1)
        size = 2 * self.tokens * 2 * kv_heads * model.head_dim
        crosses = placement(self.cp, self.tp, network)[1] > 1
        return (self.cp - 1) * send(size, crosses, network)

    # Bytes kept of one layer

    def kept(self, layer: int, recompute: int) -> float:
        """Bytes kept of one micro-batch when the layer recomputes nothing, selectively or all."""
        model, t, tp, mla = self.model, self.tokens, self.tp, self.model.mla
        whole = t * model.hidden / self.split
        if recompute not in (NONE, SELECTIVE):
            return 2 * whole
        wide = self.law.element_bytes
        qk, v = self.head_widths()
        always = 4 * whole + 2 * t * model.heads * v / tp + (2 * whole if self.dropout else 0)
        kernels = 2 * wide * whole  # inputs of attention and FFN: norms repeat them
        scores = 0.0
        if mla is None:
            always += 2 * t * (model.heads / tp + 2 * max(model.kv_heads / tp, 1)) * model.head_dim
        else:
            latent = (mla.q_lora_rank or 0) + mla.kv_lora_rank + mla.qk_rope_head_dim
            always += 4 * t * latent / self.split
            kernels += 2 * t * model.heads * (2 * qk + v) / tp
        if self.fused:
            always += 4 * t * model.heads / tp
        else:
            s = self.job.seq_len
            scores = (5 if self.dropout else 2) * self.plan["micro_batch"] * model.heads / tp * s * s / self.cp
        for elements in self.inner_elements(layer):
            always += self.gates * 2 * elements
            kernels += wide * elements
        if is_moe(model, layer):
            assert model.moe is not None
            always += 4 * t * model.moe.experts / self.split + (wide + 2) * self.expert_rows() * model.hidden
        if recompute == SELECTIVE:
            return always if self.fused else always + kernels
        return always + kernels + scores

    def inner_elements(self, layer: int) -> list[float]:
        """Elements inside each FFN of a layer."""
        model = self.model
        if not is_moe(model, layer):
            return [self.tokens * model.ffn / self.tp]
        assert model.moe is not None
        moe = model.moe
        return [
            self.expert_rows() * moe.ffn / self.etp,
            self.tokens * moe.shared_experts * moe.shared_ffn / self.tp,
        ]


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
    ring = rank.ring()
    forward += sent + max(ring - slow * sum(op.forward for op in core), 0)
    backward += sent + max(2 * ring - slow * sum(op.inputs + op.weights for op in core), 0)
    host = job.software.host_launch * len(ops)
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
    """The whole step of one plan under one chip law."""

    def __init__(self, plan: Plan, job: Job, law: ChipLaw) -> None:
        self.plan, self.job, self.rank = plan, job, Rank(plan, job, law)
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
        return shared / p["tp"], experts / (p["ep"] * p["etp"])

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

    def owned(self, stage: int, sharded: bool) -> float:
        """Parameters whose state a rank owns, sharded over its replicas or not."""
        shared, experts = self.stage_parameters(stage)
        (dense, _), (expert, _) = self.replicas()
        return shared / dense + experts / expert if sharded else shared + experts

    def over_replicas(self, parameters: tuple[float, float], width: float, law: object) -> float:
        groups = zip(parameters, self.replicas(), strict=True)
        return sum(law(n * width, size, stride, self.job.network) for n, (size, stride) in groups)  # type: ignore[operator]

    # Seconds

    def zero_layer(self) -> float:
        """What gathering a layer's weights and scattering its gradients costs every micro-batch."""
        p, soft = self.plan, self.job.software
        cut = soft.shard_messages * soft.shard_bandwidth
        parameters = self.layer_parameters(self.lead)

        def seconds(width: float) -> float:
            return soft.shard_messages * self.over_replicas(parameters, width / cut, gather)

        weights = seconds(p["weight_bytes"]) if p["zero"] == 3 else 0.0
        grads = seconds(p["grad_bytes"]) if p["zero"] >= 2 else 0.0
        if not p["dp_overlap"]:
            return 2 * weights + grads
        return max(weights - self.body.forward, 0) + max(weights + grads - self.body.backward, 0)

    def hand_over(self) -> float:
        p, rank, job = self.plan, self.rank, self.job
        if p["pp"] == 1:
            return 0.0
        whole = 2 * rank.tokens * job.model.hidden
        cut = p["sequence_parallel"] or job.software.scatter_gather
        hop = send(whole / (p["tp"] if cut else 1), p["tp"] * p["cp"] * p["dp"] * p["pp"] > job.network.domain, job.network)
        if job.software.scatter_gather and not p["sequence_parallel"]:
            hop += gather(whole, p["tp"], 1, job.network)
        return 2 * p["vpp"] * hop * (1 - job.software.pp_overlap)

    def vocabulary(self) -> tuple[float, float]:
        """Seconds of the embedding, and of head and loss, forward and backward."""
        rank, slow = self.rank, self.job.operator_factor
        elements = rank.tokens * self.job.model.hidden
        logits = rank.tokens * self.job.model.vocab / rank.tp
        ends = (
            [rank.stream(4 * elements, 6 * elements)],
            [rank.gemm(rank.tokens, self.job.model.vocab / rank.tp, self.job.model.hidden), rank.stream(14 * logits, 6 * logits)],
        )
        embedding, head = (slow * sum(op.forward + op.inputs + op.weights for op in ops) for ops in ends)
        return embedding + rank.tensor() / 2, head + rank.tensor() / 2

    def repeated(self, stage: int) -> int:
        return min(self.plan["recompute_layers"], self.sizes[stage])

    def offload(self, kept: float) -> float:
        """What a layer's passes do not hide of its activations' way to the host and back."""
        transfer = kept / self.job.host_bandwidth
        return max(transfer - self.body.forward, 0) + max(transfer - self.body.backward, 0)

    def stage_seconds(self, stage: int) -> float:
        start, size = sum(self.sizes[:stage]), self.sizes[stage]
        embedding, head = self.vocabulary()
        own = self.layers[start : start + size]
        seconds = sum(layer.forward + layer.backward for layer in own) + size * self.zero_layer()
        seconds += sum(layer.repeat for layer in own[: self.repeated(stage)]) + self.hand_over()
        if self.plan["activation_offload"]:
            seconds += sum(self.offload(layer.saved) for layer in own[: self.repeated(stage)])
            seconds += sum(self.offload(layer.kept) for layer in own[self.repeated(stage) :])
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
        return max((p["pp"] / 2 - 1) * share * (body.forward + 2 * body.backward - 3 * body.weights), 0)

    def synchronisation(self) -> float:
        p, job, size = self.plan, self.job, max(self.sizes[0], 1)
        first = self.stage_parameters(0)
        reduce = 0.0
        if p["zero"] < 2:
            reduce = self.over_replicas(first, p["grad_bytes"], gather if p["zero"] else reduce_all)
        hand_out = self.over_replicas(first, p["weight_bytes"], gather) if p["zero"] in (1, 2) else 0.0
        tied = 0.0
        if job.model.tied_embeddings and p["pp"] > 1:
            tied = reduce_all(job.count.embedding / p["tp"] * p["grad_bytes"], 2, job.network.domain, job.network)
        if p["dp_overlap"]:
            reduce = max(reduce - size * self.body.backward, reduce / size)
            hand_out = max(hand_out - size * self.body.forward, hand_out / size)
        return reduce + hand_out + tied

    def update(self) -> float:
        p, job = self.plan, self.job
        state = job.optimizer.master_bytes + job.optimizer.moments * p["moment_bytes"]
        touched = p["grad_bytes"] + 4 if p["grad_bytes"] < 4 else 0  # copy to fp32
        touched += 8 if any(each.dtype == "fp16" for each in job.precisions) else 0  # unscale
        touched += 4 + 8  # norm, clip
        touched += 4 + 2 * state  # update
        touched += job.optimizer.master_bytes + p["weight_bytes"]  # cast
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
        per_parameter = 0 if p["optimizer_offload"] else job.optimizer.master_bytes + job.optimizer.moments * p["moment_bytes"]
        state = copies * self.owned(stage, p["zero"] >= 3) * p["weight_bytes"]
        state += copies * self.owned(stage, p["zero"] >= 2) * p["grad_bytes"]
        state += self.owned(stage, p["zero"] >= 1) * per_parameter
        working = 2 * sum(self.layer_parameters(self.lead)) * p["weight_bytes"] if p["zero"] == 3 else 0.0
        if p["recompute"] and p["recompute_layers"]:
            working += self.body.kept - self.body.saved
        logits = 6 * rank.tokens * job.model.vocab / rank.tp if stage == p["pp"] - 1 else 0.0
        return state + activations + working + logits + job.reserve


def step_time(plan: Plan, job: Job) -> float:
    """Seconds per step, averaged over the job's precisions."""
    return sum(each.share * Step(plan, job, each.law).seconds() for each in job.precisions)


def memory(plan: Plan, job: Job) -> float:
    """Bytes on the fullest chip of any stage, under the hungriest precision."""
    steps = [Step(plan, job, each.law) for each in job.precisions]
    return max(step.stage_bytes(stage) for step in steps for stage in range(plan["pp"]))


def executed_flops(plan: Plan, job: Job, law: ChipLaw) -> float:
    """FLOP of a step on all chips: every layer and its repetition, and the head."""
    step = Step(plan, job, law)
    rank, model = step.rank, job.model
    layers = [rank.operators(i) for i in range(model.layers)]
    total = sum(op.forward_flops + op.backward_flops for ops in layers for op in ops)
    start = 0
    for stage, size in enumerate(step.sizes):
        for ops in layers[start : start + step.repeated(stage)]:
            full = plan["recompute"] not in (NONE, SELECTIVE)
            total += sum(op.forward_flops for op in ops if full or (plan["recompute"] and op.cheap))
        start += size
    head = 6 * rank.tokens * model.vocab / rank.tp * model.hidden
    return (total + head) * step.micro_batches * plan["tp"] * plan["cp"] * plan["dp"]


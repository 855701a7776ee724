"""The lower half of the slow reference: collectives, and one rank's operators, communication and kept bytes."""

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
    return up if domains == 1 else min(up, local * nic(network))


def nic(network: Network) -> float:
    return network.scale_out_bandwidth * network.scale_out_efficiency * network.path_share


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
    """All-reduce by the fastest of ring, double binary tree and reducing switches."""
    if size == 1 or size_bytes == 0:
        return 0.0
    local, domains = placement(size, stride, network)
    base, hop, up = network.base_latency, network.scale_up_latency, bus(1, 1, network)
    climb = 2 * ceil(log2(domains)) * network.scale_out_latency
    reduced = size_bytes * (local + 1) / local / (0.85 * up)
    options = [2 * gather(size_bytes, size, stride, network)]
    if domains > 1:
        rate = 0.92 * bus(local, domains, network)
        options.append(base + 2 * (local - 1) * hop + climb + 2 * size_bytes / rate)
    if domains > 1 and network.in_switch_reduction:
        options.append(base + climb + max(reduced, 2 * size_bytes / local / (0.92 * nic(network))))
    if domains > 1 and network.in_network_reduction:
        ring = 2 * size_bytes * (local - 1) / local / up
        options.append(base + climb + max(ring, size_bytes / local / nic(network)))
    if domains == 1 and network.in_switch_reduction:
        options.append(base + 2 * hop + reduced)
    return min(options)


def exchange(size_bytes: float, size: int, stride: int, network: Network) -> float:
    """All-to-all: NVLink and NICs at once."""
    if size == 1 or size_bytes == 0:
        return 0.0
    local, domains = placement(size, stride, network)
    inside = size_bytes * (local - 1) / size / bus(1, 1, network)
    across = size_bytes * (size - local) / size / nic(network)
    hop = network.scale_out_latency if domains > 1 else network.scale_up_latency
    return network.base_latency + hop + max(inside, across)


def route(size_bytes: float, size: int, stride: int, network: Network, topk: int, most_domains: float) -> float:
    """All-to-all of experts: a token travels once to each domain, and there once to each rank, of its topk experts."""
    if size == 1:
        return 0.0
    _, domains = placement(size, stride, network)
    visited = min(domains * (1 - (1 - 1 / domains) ** topk), most_domains)
    across = size_bytes / topk * visited * (domains - 1) / domains / nic(network)
    ranks = size * (1 - (1 - 1 / size) ** topk)
    inside = size_bytes / topk * ranks * (size - 1) / size / bus(1, 1, network)
    hop = network.scale_out_latency if domains > 1 else network.scale_up_latency
    return network.base_latency + hop + max(inside, across)


def send(size_bytes: float, crosses: bool, network: Network) -> float:
    if crosses:
        return network.scale_out_latency + size_bytes / nic(network)
    return network.scale_up_latency + size_bytes / bus(1, 1, network)


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

    def slower(self, factor: float) -> Op:
        """The same work at another rate."""
        seconds = (self.forward * factor, self.inputs * factor, self.weights * factor)
        return Op(*seconds, self.forward_flops, self.backward_flops, self.cheap, self.core)

    def frozen(self) -> Op:
        """A GEMM whose weights are not trained."""
        if not self.weights:
            return self
        return Op(self.forward, self.inputs, 0.0, self.forward_flops, self.forward_flops, self.cheap, self.core)


class Rank:
    """One rank's operators and communication under one plan, the law of its GEMMs and that of the rest."""

    def __init__(self, plan: Plan, job: Job, law: ChipLaw, wide: ChipLaw) -> None:
        self.plan, self.job, self.law, self.wide, self.model = plan, job, law, wide, job.model
        self.tp, self.cp, self.ep, self.etp = (plan[name] for name in ("tp", "cp", "ep", "etp"))
        self.tokens = plan["micro_batch"] * job.seq_len / self.cp
        self.split = self.tp if plan["sequence_parallel"] else 1
        self.fused = job.software.recipe.attention == "fused"
        self.dropout = job.software.recipe.dropout
        self.gates = 2 if job.model.gated else 1

    def gemm_seconds(self, m: float, n: float, k: float, count: float, wide: bool) -> float:
        law = self.wide if wide else self.law
        reached = law.gemm * m / (m + law.gemm_m) * n / (n + law.gemm_n) * k / (k + law.gemm_k)
        moved = count * (law.element_bytes * (m * k + k * n) + 2 * m * n)
        arithmetic = 2 * m * n * k * count / (law.peak * reached)
        return max(arithmetic, moved / (law.memory_bandwidth * law.memory)) + law.launch

    def gemm(
        self,
        m: float,
        n: float,
        k: float,
        count: float = 1,
        *,
        cheap: bool = False,
        core: bool = False,
        wide: bool = False,
    ) -> Op:
        seconds = (self.gemm_seconds(*sizes, count, wide) for sizes in ((m, n, k), (m, k, n), (k, n, m)))
        return Op(*seconds, 2 * m * n * k * count, 4 * m * n * k * count, cheap, core)

    def stream(self, forward: float, backward: float, *, cheap: bool = False, core: bool = False) -> Op:
        rate, launch = self.wide.memory_bandwidth * self.wide.memory, self.wide.launch
        if not forward:
            return Op(0.0, 0.0, cheap=cheap, core=core)
        return Op(forward / rate + launch, backward / rate + launch, cheap=cheap, core=core)

    def flash(self, flops: float, moved: float, attended: float) -> Op:
        law = self.wide

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
                self.gemm(rows, s, qk, b * heads, cheap=True, core=True, wide=True),
                self.stream(scores * (4 + masks), scores * (6 + masks), cheap=True, core=True),
                self.gemm(rows, v, s, b * heads, cheap=True, core=True, wide=True),
            ]
        width = min(lookback or s, s)
        pairs = s * width - width**2 / 2
        kv_heads = max((model.heads if model.mla else model.kv_heads) / self.tp, 1)
        moved = 2 * b * (rows * heads + s * kv_heads) * (qk + v)
        ring = self.job.software.recipe.context == "ring"
        fused = self.flash(2 * b * heads * (qk + v) * pairs / self.cp, moved, min(width, s / self.cp if ring else s))
        if not ring:
            return [fused]
        partial = (self.cp - 1) * b * rows * heads * v
        return [fused, self.stream(10 * partial, 6 * partial)]

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
        ops = [self.gemm(t / self.split, moe.experts, model.hidden, wide=True), move, move]
        ops += self.ffn(rows / local, moe.ffn / self.etp, local, streamed_rows=rows)
        ops = [op.slower(1 / self.job.software.expert_rate) for op in ops]
        if moe.shared_experts:
            ops += self.ffn(t, moe.shared_experts * moe.shared_ffn / self.tp)
        return ops

    def operators(self, layer: int) -> list[Op]:
        model, mask = self.model, 1 if self.dropout else 0
        elements = self.tokens * model.hidden / self.split
        norm = self.stream(4 * elements, 6 * elements, cheap=self.fused)
        residual = self.stream((6 + mask) * elements, (4 + mask) * elements)
        ffn = self.experts() if is_moe(model, layer) else self.ffn(self.tokens, model.ffn / self.tp)
        linear = [*self.projections(), *ffn]
        if self.job.lora_rank:
            linear = [*(op.frozen() for op in linear), *self.adapters()]
        ops = [*linear, *self.attention(window(model, layer)), norm, norm, residual, residual]
        if not model.max_position:
            turned = model.mla.qk_rope_head_dim if model.mla else model.head_dim
            heads = model.heads / self.tp + (1 if model.mla else max(model.kv_heads / self.tp, 1))
            ops.append(self.stream(4 * self.tokens * heads * turned, 4 * self.tokens * heads * turned))
        return ops

    def adapted(self) -> list[tuple[float, float]]:
        """Inputs and outputs of the projections with adapters."""
        model, tp = self.model, self.tp
        kv_heads = max((model.heads if model.mla else model.kv_heads) / tp, 1)
        columns = (model.heads / tp + 2 * kv_heads) * model.head_dim
        return [(model.hidden, columns), (model.heads * self.head_widths()[1] / tp, model.hidden)]

    def adapters(self) -> list[Op]:
        ops, t, rank = [], self.tokens, self.job.lora_rank
        for inputs, outputs in self.adapted():
            ops += [self.gemm(t, rank, inputs, wide=True), self.gemm(t, outputs, rank, wide=True)]
            ops.append(self.stream(6 * t * outputs, 2 * t * outputs))
        return ops

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
        there, back = elements * self.law.element_bytes, elements * 2
        domains = self.job.software.expert_domains
        if domains:
            sent = sum(route(size, self.ep, self.etp, network, moe.topk, domains) for size in (there, back))
        else:
            sent = sum(exchange(size, self.ep, self.etp, network) for size in (there, back))
        inside = 2 * gather(elements * self.etp * 2, self.etp, 1, network)
        hidden = 1.0 if self.plan["schedule"] == DUALPIPE else self.job.software.ep_overlap
        return (sent + inside) * (1 - hidden)

    def context(self, forward: float, backward: float) -> tuple[float, float]:
        """What context parallelism exposes beside attention of these seconds."""
        if self.job.software.recipe.context == "ring":
            ring = self.ring()
            return max(ring - forward, 0), max(2 * ring - backward, 0)
        model = self.model
        heads = 2 * model.heads + 2 * (model.heads if model.mla else model.kv_heads)
        size = 2 * self.tokens * heads * model.head_dim / self.tp
        seconds = exchange(size, self.cp, self.tp, self.job.network)
        return seconds, seconds

    def ring(self) -> float:
        model, network = self.model, self.job.network
        kv_heads = max((model.heads if model.mla else model.kv_heads) / self.tp, 1)
        size = 2 * self.tokens * kv_heads * sum(self.head_widths())
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
        # Adapters stand beside attention only: what the FFN's weight gradients would need is not kept.
        needed = 0.0 if self.job.lora_rank else wide
        moe_layer = is_moe(model, layer)
        kernels = (wide + (wide if moe_layer else needed)) * whole  # inputs of attention and FFN: norms repeat them
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
            kernels += needed * elements
        if moe_layer:
            assert model.moe is not None
            always += 4 * t * model.moe.experts / self.split + (needed + 2) * self.expert_rows() * model.hidden
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

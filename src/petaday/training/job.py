"""What a training job is, apart from its parallel plan."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import log2

from petaday.catalog.model import Model
from petaday.chip.law import ChipLaw
from petaday.fabric.network import Network
from petaday.training.footprint import Footprint
from petaday.workload.architecture import ParameterCount, parameters
from petaday.workload.operators import Recipe


@dataclass(frozen=True)
class Precision:
    """A stretch of training at one GEMM dtype: `share` of the tokens runs under this chip law.

    wide_law: the law of what stays in 16 bit where the layers' GEMMs run in 8 or 4 (Transformer Engine): attention, the
    LM head, adapters, routers and what moves memory
    """

    dtype: str
    share: float
    law: ChipLaw
    wide_law: ChipLaw


@dataclass(frozen=True)
class Optimizer:
    """State an optimizer keeps per parameter besides the weight: `moments` tensors and an fp32 master copy or not.

    Adam keeps two moments and the master (ZeRO, arXiv:1910.02054, §3.1: 12 bytes a parameter in fp32).
    """

    name: str
    moments: int
    master_bytes: int


OPTIMIZERS = {
    "adam": Optimizer("adam", 2, 4),
    "adamw": Optimizer("adamw", 2, 4),
    "muon": Optimizer("muon", 1, 4),
    "sgd-momentum": Optimizer("sgd-momentum", 1, 4),
    "sgd": Optimizer("sgd", 0, 4),
}


@dataclass(frozen=True)
class Software:
    """What the training software does, beyond the operators' recipe. Shares are of the communication hidden.

    Attributes
    ----------
    tp_overlap, ep_overlap, pp_overlap: share of tensor-, expert- and pipeline-parallel communication that is hidden
    scatter_gather: a pipeline hand-over sends 1/tp from each tensor rank and gathers on arrival
    expert_domains: domains that a token's experts are limited to, where it travels to each domain once; 0: pairwise
    shard_messages: collectives that one layer's weights travel in under ZeRO-3 (or its gradients under ZeRO-2)
    shard_bandwidth: share of the networks' achievable bandwidth that these collectives reach
    dp_hidden: share of the gradient and weight communication beside a pass that takes no time from it
    expert_rate: rate of routing, permuting and grouped GEMMs in this software over what the chip's law gives
    expert_host: seconds of host time that routing one MoE layer needs: token counts read back, launches one by one
    host_launch: seconds of host time a kernel needs; a layer is never faster than its launches
    step_overhead: seconds a step spends outside the passes and the update (data, logging, loss scale)
    slowdown: time of an operator inside a training step over its time alone (clocks, other streams)
    straggling: what a synchronous step loses to its slowest rank, relative, for each doubling of scale-up domains
    tensor_launch: seconds of host time that a layer's exchanges take for each tensor-parallel rank, forward and backward
    pipeline_launch: how many times that where stages of a pipeline also hand over
    hands_out_beside: ZeRO-1's updated weights travel beside the next forward pass, not before it
    pipeline_gathers_once: under ZeRO-3 in a pipeline, weights are gathered and gradients scattered once a step
    sync_bucket: bytes of 16-bit gradients in one message of the synchronisation between replicas; 0: all in one
    shard_start: seconds that each shard's owner takes to begin handing out what it updated, in turn; 0: all at once
    footprint: what it holds in memory beyond the tensors that any stack needs
    """

    name: str
    recipe: Recipe
    tp_overlap: float
    ep_overlap: float
    pp_overlap: float
    scatter_gather: bool
    expert_domains: float
    shard_messages: float
    shard_bandwidth: float
    dp_hidden: float
    expert_rate: float
    expert_host: float
    host_launch: float
    step_overhead: float
    slowdown: float
    straggling: float
    tensor_launch: float = 0.0
    pipeline_launch: float = 1.0
    sync_bucket: float = 0.0
    shard_start: float = 0.0
    hands_out_beside: bool = True
    pipeline_gathers_once: bool = False
    footprint: Footprint = field(default_factory=Footprint)


@dataclass(frozen=True)
class Job:
    """A model, a batch, a machine. Bytes, seconds, FLOP/s.

    lora_rank: rank of the adapters that alone are trained; 0 trains everything
    memory: bytes of a chip; reserve: bytes of it that the runtime keeps (context, NCCL, fragmentation);
    host_bandwidth: B/s per chip to host memory, for offloading.
    """

    model: Model
    seq_len: int
    global_batch: int
    lora_rank: int
    chips: int
    precisions: tuple[Precision, ...]
    optimizer: Optimizer
    network: Network
    software: Software
    memory: float
    reserve: float
    host_bandwidth: float

    @cached_property
    def count(self) -> ParameterCount:
        """Parameters of the model."""
        return parameters(self.model)

    @property
    def operator_factor(self) -> float:
        """Time of an operator in this job over its time alone: the software's slowdown, and the slowest rank's."""
        doublings = log2(max(self.chips / self.network.domain, 1.0))
        return self.software.slowdown * (1 + self.software.straggling * doublings)

    @property
    def loss_scaling(self) -> bool:
        """Whether any stretch trains in fp16, whose gradients are scaled."""
        return any(precision.dtype == "fp16" for precision in self.precisions)

    @property
    def law(self) -> ChipLaw:
        """The chip law that most of the tokens run under."""
        return max(self.precisions, key=lambda precision: precision.share).law

    def with_chips(self, chips: int) -> Job:
        """The same job on another number of chips."""
        return replace(self, chips=chips)

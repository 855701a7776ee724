"""A training software stack at a date: what it can do, what it overlaps, and what its own code adds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from petaday.catalog.chip import Bytes, Count
from petaday.catalog.figure import Figure, FigureOf
from petaday.catalog.fits import FitRecord
from petaday.catalog.network import Ratio, Time
from petaday.catalog.part import Part
from petaday.catalog.validate import Strict
from petaday.units import Kind

Attention = Literal["unfused", "flash", "flash-3"]
Factor = Annotated[Figure, FigureOf(Kind.COUNT)]


class Supports(Strict):
    """The values of plan columns that a stack can run; the search stays inside them."""

    zero: tuple[Annotated[int, Field(ge=0, le=3)], ...]
    schedule: tuple[Literal["1f1b", "zero-bubble", "dualpipe"], ...]
    recompute: tuple[Literal["none", "selective", "full"], ...]
    sequence_parallel: bool
    context_parallel: bool
    tensor_parallel: bool = True
    pipeline_parallel: bool = True


class Habits(Strict):
    """What a stack's memory holds beyond the tensors that any stack needs (petaday.training.footprint has the meanings).

    eager: element-wise operators are not fused, and each keeps its input for the backward pass
    split: a pipeline is cut into stages of equal layers, or of equal multiply-adds with the head's
    runtime: bytes outside the allocator: the context and the communication library's buffers
    """

    eager: bool
    split: Literal["layers", "cost"]
    bucket_bytes: Count
    staging_bytes: Count
    shard_grad_bytes: Count
    gather_buffers: Count
    logit_bytes: Factor
    fragmentation: Factor
    waiting_inputs: Factor
    buffers: Bytes
    runtime: Bytes


class Software(Part):
    """A profile. Overlaps are shares of communication hidden behind computation.

    frameworks: words that tables of measurements call this stack by; vendors: whose chips it is a stack for, if not all
    attention: unfused streams the scores through memory, flash keeps them on the chip (FlashAttention to version 2,
        with Ampere's instructions), flash-3 also uses the instructions of Hopper and later (version 3 or cuDNN)
    context: how context-parallel ranks attend: keys and values around a ring, or the sequence exchanged for heads
    dropout: the recipes of this stack drop activations and store the masks
    dp_overlap: gradients are reduced while the backward pass runs
    hands_out_beside: ZeRO-1's updated weights travel beside the next forward pass, not before it
    pipeline_gathers_once: under ZeRO-3 in a pipeline, weights are gathered and gradients scattered once a step
    scatter_gather: a pipeline hand-over sends 1/tp from each tensor rank and gathers on arrival
    expert_domains: domains that a token's experts are limited to, where it travels to each once; 0: pairwise exchange
    shard_messages: collectives that one layer's weights travel in under ZeRO-3
    shard_bandwidth: share of the networks' achievable bandwidth that these reach
    attention_rate: rate of its fused attention over the chip's best, which is the current FlashAttention
    dp_hidden: share of the gradient and weight communication beside a pass that takes no time from it
    expert_rate: rate of routing, permuting and grouped GEMMs over what the chip's law gives
    expert_host: seconds of host time that routing one MoE layer needs
    fp8_weights: runs in fp8 store weights in fp8 alone, beside the optimizer's fp32 copy
    host_launch: seconds of host time an operator needs
    step_overhead: seconds a step spends outside passes and update
    slowdown: time of an operator inside a training step over its time alone
    memory: what it holds in memory beyond the tensors that any stack needs
    straggling: what a synchronous step loses to its slowest rank for each doubling of scale-up domains
    tensor_launch: seconds of host time of a layer's exchanges for each tensor-parallel rank, forward and backward
    pipeline_launch: how many times that in a pipeline
    sync_bucket: bytes of 16-bit gradients in one message between replicas; 0: all in one
    shard_start: seconds that each shard's owner takes to begin handing out what it updated; 0: all at once
    fits: the figures, four at most, that a fit to training runs may move
    """

    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    frameworks: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    source: str
    attention: Attention
    context: Literal["ring", "all-to-all"] = "ring"
    dropout: bool
    dp_overlap: bool
    hands_out_beside: bool
    pipeline_gathers_once: bool = False
    scatter_gather: bool
    grad_dtype: Literal["fp32", "bf16", "fp16"]
    fp8_weights: bool = False
    memory: Habits
    tp_overlap: Ratio
    ep_overlap: Ratio
    pp_overlap: Ratio
    expert_domains: Count
    shard_messages: Count
    shard_bandwidth: Ratio
    attention_rate: Factor
    dp_hidden: Ratio
    expert_rate: Factor
    expert_host: Time
    host_launch: Time
    step_overhead: Time
    slowdown: Factor
    straggling: Ratio
    tensor_launch: Time
    pipeline_launch: Factor
    sync_bucket: Bytes
    shard_start: Time
    supports: Supports
    fits: Annotated[tuple[str, ...], Field(max_length=4)] = ()
    fit: FitRecord | None = None

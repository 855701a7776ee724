"""Small models, machines and plans that the tests of the numerical core share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from petaday.catalog.model import Mla, Model, Moe, SlidingWindow
from petaday.chip.law import ChipLaw
from petaday.fabric.network import Network
from petaday.training.job import OPTIMIZERS, Job, Precision, Software
from petaday.training.plan import COLUMNS, Plans
from petaday.training.space import Space
from petaday.workload.operators import Recipe
from petaday.workload.shard import Shard

# Models

GPT = Model(
    id="gpt", name="GPT", family="gpt", source="made up", layers=8, hidden=512, heads=8, kv_heads=8, head_dim=64,
    ffn=2048, gated=False, vocab=8192, max_position=2048, tied_embeddings=True, norm="layernorm", linear_bias=True,
)  # fmt: skip
"""Megatron's GPT: h² matrices, a 4h wide FFN, learned positions, biases."""

GQA = Model(
    id="gqa", name="GQA", family="llama", source="made up", layers=10, hidden=512, heads=8, kv_heads=2, head_dim=64,
    ffn=1536, vocab=16384, sliding_window=SlidingWindow(window=512, every=2),
)  # fmt: skip
"""Llama's layer with grouped queries, every other one looking back over a window only."""

MOE = Model(
    id="moe", name="MoE", family="qwen", source="made up", layers=8, hidden=512, heads=8, kv_heads=4, head_dim=64,
    ffn=1536, vocab=16384, moe=Moe(experts=8, topk=2, ffn=512, every=2),
)  # fmt: skip
"""A mixture of experts in every other layer."""

MLA = Model(
    id="mla", name="MLA", family="deepseek", source="made up", layers=9, hidden=512, heads=8, kv_heads=8, head_dim=96,
    ffn=2048, vocab=16384,
    mla=Mla(q_lora_rank=256, kv_lora_rank=128, qk_nope_head_dim=64, qk_rope_head_dim=32, v_head_dim=64),
    moe=Moe(experts=16, topk=4, ffn=256, shared_experts=1, shared_ffn=256, first_dense_layers=1),
)  # fmt: skip
"""DeepSeek's layer: latent attention, a dense lead-in layer, shared and routed experts."""

MODELS = (GPT, GQA, MOE, MLA)

# Machines

A100 = ChipLaw(
    peak=312e12, attention_peak=312e12, memory_bandwidth=2.039e12, element_bytes=2.0, gemm=0.9, gemm_m=100.0,
    gemm_n=120.0, gemm_k=90.0, memory=0.8, attention_forward=0.6, attention_backward=0.5, attention_sequence=400.0,
    launch=4e-6,
)  # fmt: skip
FP8 = replace(A100, peak=624e12, element_bytes=1.0, gemm=0.7)

NVLINK3 = Network(
    domain=8, scale_up_bandwidth=300e9, scale_up_efficiency=0.8, scale_up_latency=3.4e-6, scale_out_bandwidth=25e9,
    scale_out_efficiency=0.9, scale_out_latency=14e-6, base_latency=8.4e-6, in_switch_reduction=False,
)  # fmt: skip
NVLINK4 = replace(
    NVLINK3, scale_up_bandwidth=450e9, scale_up_efficiency=0.824, scale_out_bandwidth=50e9, in_switch_reduction=True
)
SHARP = replace(NVLINK4, in_network_reduction=True, path_share=0.9)

UNFUSED = Recipe("unfused", "ring", dropout=True, expert_imbalance=1.1)
FUSED = Recipe("fused", "ring", dropout=False, expert_imbalance=1.1)
PLAIN = Recipe("unfused", "ring", dropout=False, expert_imbalance=1.0)

EAGER = Software(
    name="eager", recipe=UNFUSED, tp_overlap=0.0, ep_overlap=0.0, pp_overlap=0.0, scatter_gather=True,
    expert_domains=0.0, shard_messages=4.0, shard_bandwidth=0.5, dp_hidden=0.7, expert_rate=0.8, expert_host=3e-3,
    host_launch=2e-5,    step_overhead=0.01, slowdown=1.05, straggling=0.02,
)  # fmt: skip
OVERLAPPED = replace(
    EAGER, name="overlapped", recipe=FUSED, tp_overlap=0.5, ep_overlap=0.25, pp_overlap=0.5, scatter_gather=False,
    expert_domains=2.0, shard_messages=1.0, shard_bandwidth=1.0, dp_hidden=1.0, expert_rate=1.0,
    expert_host=0.0, host_launch=1e-6,
)  # fmt: skip


def running(recipe: Recipe) -> Software:
    """The overlapping stack with another recipe."""
    return replace(OVERLAPPED, recipe=recipe)


def job_of(model: Model = GPT, **changes: object) -> Job:
    """A job on 16 A100 in two domains of 8 with a batch of 32 sequences of 2,048 tokens; fields may be replaced."""
    job = Job(
        model=model, seq_len=2048, global_batch=32, lora_rank=0, chips=16,
        precisions=(Precision("bf16", 1.0, A100, A100),),
        optimizer=OPTIMIZERS["adam"], network=NVLINK3, software=OVERLAPPED, memory=80e9, reserve=1e9,
        host_bandwidth=25e9,
    )  # fmt: skip
    return replace(job, **changes)  # type: ignore[arg-type]


# Plans

PLAN = {
    "tp": 1, "cp": 1, "pp": 1, "vpp": 1, "dp": 1, "ep": 1, "etp": 1, "zero": 0, "shard": 0, "micro_batch": 1,
    "recompute": 0, "recompute_layers": 0, "sequence_parallel": 0, "schedule": 0, "first_layers": 8, "last_layers": 0,
    "tp_overlap": 0, "dp_overlap": 0, "weight_bytes": 2, "grad_bytes": 4, "moment_bytes": 4, "optimizer_offload": 0,
    "activation_offload": 0,
}  # fmt: skip
"""GPT on one chip."""

HABITS: dict[str, tuple[int, ...]] = {
    name: (PLAN[name],)
    for name in (
        "shard", "tp_overlap", "dp_overlap", "weight_bytes", "grad_bytes", "moment_bytes", "optimizer_offload",
        "activation_offload",
    )
}  # fmt: skip
"""The columns that a search does not vary by itself."""


def space_of(**columns: int | tuple[int, ...]) -> Space:
    """Everything legal, with some columns held at a value or at a few."""
    held = {name: value if isinstance(value, tuple) else (value,) for name, value in columns.items()}
    return Space({**HABITS, **held})


def plan_of(**columns: int) -> Plans:
    """A table of one plan."""
    return Plans.of([{**PLAN, **columns}])


def shard_of(seq_len: int = 2048, **sizes: float) -> Shard:
    """One rank's share of a micro-batch of one sequence on one chip, with some sizes changed."""
    plain = {"micro_batch": 1, "tp": 1, "cp": 1, "ep": 1, "etp": 1, "sequence_parallel": 0}
    return Shard(seq_len, *(np.array([float(value)]) for value in {**plain, **sizes}.values()))


@st.composite
def tables(draw: st.DrawFn, *, most_rows: int = 40) -> Plans:
    """Tables of arbitrary small integers: not legal plans, but columns to sort, join and take apart."""
    rows = draw(st.integers(1, most_rows))
    seed = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    reach = draw(st.sampled_from([1, 2, 5, 10**12]))
    return Plans(*(seed.integers(-reach, reach, size=rows, endpoint=True) for _ in COLUMNS))

"""A scenario joined with catalog parts into a training job, and every assumption made on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from petaday.catalog import load
from petaday.catalog.efficiency import Efficiency
from petaday.catalog.model import Model
from petaday.catalog.software import Software as SoftwarePart
from petaday.study.parts import (
    Assumption,
    Parts,
    chip_law,
    find_chip,
    find_model,
    find_network,
    named,
    needed,
    routed,
    wide_dtype,
)
from petaday.study.scenario import Scenario
from petaday.training.footprint import Footprint
from petaday.training.job import OPTIMIZERS, Job, Precision, Software
from petaday.training.plan import COLUMNS, DTYPE_BYTES
from petaday.training.space import Space
from petaday.units import Kind, render
from petaday.workload.operators import Recipe

HOST_BANDWIDTH = 25e9
"""B/s per chip to host memory: PCIe 4.0 x16 as it is reached in practice, a round number."""


@dataclass(frozen=True)
class Joined:
    """A scenario as a job with its search space, the parts used and the assumptions made.

    given: the plan columns that the user fixed
    unused: fields that the scenario gives and that move nothing, with the reason
    """

    scenario: Scenario
    job: Job
    space: Space
    given: dict[str, int]
    parts: Parts
    assumptions: tuple[Assumption, ...]
    unused: dict[str, str]


def join(scenario: Scenario, folder: Path, *, allow_unverified: bool = False) -> Joined:
    """Look up the parts a scenario names; `chips: auto` starts at one chip and is set by the search.

    `folder` is where a relative path of a model is looked for. Raises InputError with the scenario's field.
    """
    notes: list[Assumption] = []
    train, cluster = scenario.train, scenario.cluster
    model = find_model(train.model, folder)
    chip = find_chip(cluster.chip, allow_unverified)
    if chip.verified != "yes":
        notes.append(
            Assumption("cluster.chip", chip.id, f"figures verified: {chip.verified}; {chip.conflicts}", estimate=True)
        )
    software = named("train.software", load.software_profile, train.software)
    scale_up = load.scale_up_of(chip)
    part, network = find_network(chip, scale_up, cluster, notes)
    dtypes = dict.fromkeys(name for s in train.stretches for name in (s.dtype, wide_dtype(chip, s.dtype)))
    efficiencies: dict[str, Efficiency] = {dtype: load.efficiency_of(chip, dtype) for dtype in dtypes}
    precisions = tuple(
        Precision(
            stretch.dtype,
            stretch.share,
            chip_law(chip, stretch.dtype, efficiencies[stretch.dtype], software),
            chip_law(chip, in_16_bit, efficiencies[in_16_bit], software),
        )
        for stretch in train.stretches
        for in_16_bit in [wide_dtype(chip, stretch.dtype)]
    )
    for dtype, efficiency in efficiencies.items():
        if efficiency.inherited:
            figures = efficiency.figures
            source = f"inherited from {efficiency.inherited}: no kernels of {chip.id} in {dtype} were fitted"
            notes.append(Assumption(f"efficiency.{dtype}.gemm", f"{figures.gemm.value:g}", source, estimate=True))
    if train.global_batch is None:
        size = render(float(train.sequences * train.sequence_length), Kind.TOKENS)
        source = "global_batch_tokens, rounded to sequences that divide well"
        notes.append(Assumption("train.global_batch", f"{train.sequences} sequences, {size}", source))
    if "software" not in train.model_fields_set:
        notes.append(Assumption("train.software", software.id, "default profile"))
    for name in ("optimizer", "precision"):
        if name not in train.model_fields_set:
            notes.append(Assumption(f"train.{name}", str(getattr(train, name)), "default"))
    if model.moe and "expert_imbalance" not in train.model_fields_set:
        source = "rows on the busiest expert rank over the mean under a balancing loss: a round number"
        notes.append(Assumption("train.expert_imbalance", f"{train.expert_imbalance:g}", source, estimate=True))
    reserve = cluster.memory_reserve
    if reserve is None:
        reserve = software.memory.runtime.value
        source = f"context and communication buffers of {software.id}: {software.memory.runtime.source}"
        notes.append(Assumption("cluster.memory_reserve", render(reserve, Kind.BYTES), source, estimate=True))
    host_bandwidth = cluster.host_bandwidth or HOST_BANDWIDTH
    given = scenario.plan.given()
    if cluster.host_bandwidth is None and _offloads(given):
        source = "PCIe 4.0 x16 in practice: a round number"
        notes.append(
            Assumption("cluster.host_bandwidth", render(HOST_BANDWIDTH, Kind.BANDWIDTH), source, estimate=True)
        )
    chips = 1 if cluster.chips == "auto" else cluster.chips
    job = Job(
        model=model,
        seq_len=train.sequence_length,
        global_batch=train.sequences,
        lora_rank=train.lora_rank or 0,
        chips=chips,
        precisions=precisions,
        optimizer=OPTIMIZERS[train.optimizer],
        network=routed(network, cluster, chips),
        software=software_of(software, train.expert_imbalance),
        memory=needed(chip.memory_capacity, chip, "memory_capacity").value,
        reserve=reserve,
        host_bandwidth=host_bandwidth,
    )
    return Joined(
        scenario=scenario,
        job=job,
        space=search_space(software, [stretch.dtype for stretch in train.stretches], given, notes),
        given=given,
        parts=Parts(model, chip, scale_up, part, software, efficiencies),
        assumptions=tuple(notes),
        unused=unused_fields(scenario, model, given),
    )


def unused_fields(scenario: Scenario, model: Model, given: Mapping[str, int]) -> dict[str, str]:
    """Fields that a scenario gives and that can move no result, each with the reason."""
    train, cluster = scenario.train, scenario.cluster
    unused: dict[str, str] = {}
    if "expert_imbalance" in train.model_fields_set and model.moe is None:
        unused["train.expert_imbalance"] = f"{model.id} has no experts"
    if cluster.host_bandwidth is not None and not _offloads(given):
        unused["cluster.host_bandwidth"] = "the plan offloads nothing"
    return unused


def _offloads(given: Mapping[str, int]) -> bool:
    return any(given.get(name) for name in ("optimizer_offload", "activation_offload"))


def software_of(part: SoftwarePart, expert_imbalance: float) -> Software:
    """A profile as the numbers that a step needs."""
    return Software(
        name=part.id,
        recipe=Recipe(
            "unfused" if part.attention == "unfused" else "fused",
            part.context,
            part.dropout,
            expert_imbalance,
            part.memory.eager,
        ),
        tp_overlap=part.tp_overlap.value,
        ep_overlap=part.ep_overlap.value,
        pp_overlap=part.pp_overlap.value,
        scatter_gather=part.scatter_gather,
        expert_domains=part.expert_domains.value,
        shard_messages=part.shard_messages.value,
        shard_bandwidth=part.shard_bandwidth.value,
        dp_hidden=part.dp_hidden.value,
        expert_rate=part.expert_rate.value,
        expert_host=part.expert_host.value,
        host_launch=part.host_launch.value,
        step_overhead=part.step_overhead.value,
        slowdown=part.slowdown.value,
        straggling=part.straggling.value,
        tensor_launch=part.tensor_launch.value,
        pipeline_launch=part.pipeline_launch.value,
        sync_bucket=part.sync_bucket.value,
        shard_start=part.shard_start.value,
        hands_out_beside=part.hands_out_beside,
        pipeline_gathers_once=part.pipeline_gathers_once,
        footprint=footprint_of(part),
    )


def footprint_of(part: SoftwarePart) -> Footprint:
    """A profile's habits of memory as numbers."""
    habits = part.memory
    return Footprint(
        bucket_bytes=habits.bucket_bytes.value,
        staging_bytes=habits.staging_bytes.value,
        shard_grad_bytes=habits.shard_grad_bytes.value,
        gather_buffers=habits.gather_buffers.value,
        logit_bytes=habits.logit_bytes.value,
        fragmentation=habits.fragmentation.value,
        waiting_inputs=habits.waiting_inputs.value,
        buffers=habits.buffers.value,
        splits_by_cost=habits.split == "cost",
    )


def search_space(
    part: SoftwarePart, dtypes: Iterable[str], given: Mapping[str, int], notes: list[Assumption]
) -> Space:
    """What the profile can run in these dtypes, with its habits as defaults and the user's columns held."""
    supports = part.supports
    stored = "fp8" if part.fp8_weights and set(dtypes) == {"fp8"} else "bf16"
    defaults = {
        "tp_overlap": 1 if part.tp_overlap.value else 0,
        "dp_overlap": int(part.dp_overlap),
        "weight_bytes": DTYPE_BYTES[stored],
        "grad_bytes": DTYPE_BYTES[part.grad_dtype],
        "moment_bytes": DTYPE_BYTES["fp32"],
        "shard": 0,
        "optimizer_offload": 0,
        "activation_offload": 0,
    }
    for name, value in defaults.items():
        if name not in given:
            notes.append(Assumption(f"plan.{name}", COLUMNS[name].text(value), f"habit of {part.id}"))
    allowed: dict[str, tuple[int, ...]] = {name: (value,) for name, value in defaults.items()}
    allowed["zero"] = supports.zero
    allowed["schedule"] = tuple(COLUMNS["schedule"].names.index(name) for name in supports.schedule)
    allowed["recompute"] = tuple(COLUMNS["recompute"].names.index(name) for name in supports.recompute)
    if not supports.sequence_parallel:
        allowed["sequence_parallel"] = (0,)
    for column, supported in (
        ("cp", supports.context_parallel),
        ("tp", supports.tensor_parallel),
        ("pp", supports.pipeline_parallel),
    ):
        if not supported:
            allowed[column] = (1,)
    for name, value in given.items():
        if name in allowed and name not in defaults and value not in allowed[name]:
            text = COLUMNS[name].text(value)
            notes.append(
                Assumption(f"plan.{name}", text, f"held by the scenario; {part.id} cannot run it", estimate=True)
            )
    return Space({**allowed, **{name: (value,) for name, value in given.items()}}, allowed)

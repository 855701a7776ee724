"""From a scenario to a job: parts found, figures changed by what-ifs, every assumption told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from petaday.catalog import load
from petaday.catalog.efficiency import efficiency_for
from petaday.catalog.model import Model
from petaday.errors import InputError
from petaday.fabric.network import NCCL_NETWORK_SOFTWARE, NCCL_RING_BASE
from petaday.study.job import HOST_BANDWIDTH, Joined, join, search_space
from petaday.study.parts import AMPERE_CODE, chip_law, find_chip, find_model, needed
from petaday.study.scenario import Scenario, WhatIfChip
from petaday.training.plan import COLUMNS
from petaday.training.search import search

TRAIN = {"model": "gpt-3-175b", "tokens": "300B", "sequence_length": 2048, "global_batch": 1536}
CLUSTER = {"chip": "h100-sxm-80", "chips": 1024}


def joined(
    train: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None, plan: dict[str, Any] | None = None
) -> Joined:
    written = {"train": {**TRAIN, **(train or {})}, "cluster": {**CLUSTER, **(cluster or {})}, "plan": plan or {}}
    return join(Scenario.model_validate(written), Path())


def assumed(each: Joined) -> dict[str, str]:
    return {note.field: note.value for note in each.assumptions}


# The join


def test_a_job_has_the_scenarios_numbers() -> None:
    each = joined()
    job, chip = each.job, load.chip("h100-sxm-80")
    assert job.model is load.model("gpt-3-175b")
    assert (job.seq_len, job.global_batch, job.chips) == (2048, 1536, 1024)
    assert job.memory == 80e9
    assert job.law.peak == chip.dense_peak("bf16").value == pytest.approx(989e12, rel=1e-3)
    assert job.network.domain == 8
    assert job.network.scale_up_bandwidth == 450e9
    assert job.network.in_switch_reduction
    assert job.network.base_latency == NCCL_RING_BASE
    assert job.network.scale_out_latency == pytest.approx(NCCL_NETWORK_SOFTWARE + 2.8e-6)


def test_every_default_is_an_assumption_with_a_source() -> None:
    each = joined()
    told = assumed(each)
    for field in (
        "train.software", "train.optimizer", "train.precision", "cluster.memory_reserve", "cluster.network",
        "cluster.scale_up_domain", "plan.tp_overlap", "plan.weight_bytes", "plan.grad_bytes", "plan.moment_bytes",
    ):  # fmt: skip
        assert field in told
    assert all(note.source and note.value for note in each.assumptions)
    assert len({note.field for note in each.assumptions}) == len(each.assumptions)


def test_what_is_written_is_not_assumed() -> None:
    each = joined(
        {"software": "megatron-2022-sp", "optimizer": "adamw", "precision": "bf16"},
        {"network": "ib-ndr", "scale_up_domain": 8, "memory_reserve": "2 GB"},
        {
            "tp_overlap": False, "dp_overlap": False, "weight_bytes": "bf16", "grad_bytes": "fp32",
            "moment_bytes": "fp32", "optimizer_offload": False, "activation_offload": False, "shard": 0,
        },
    )  # fmt: skip
    written = ("train.", "cluster.", "plan.")
    assert [field for field in assumed(each) if field.startswith(written)] == []
    assert each.job.reserve == 2e9
    assert joined().job.reserve == joined().parts.software.memory.runtime.value == 4e9


def test_experts_bring_their_imbalance_and_offloading_its_link() -> None:
    assert "train.expert_imbalance" not in assumed(joined())
    assert "train.expert_imbalance" in assumed(joined({"model": "mixtral-8x7b"}))
    offloading = joined(plan={"optimizer_offload": True})
    assert offloading.job.host_bandwidth == HOST_BANDWIDTH
    assert "cluster.host_bandwidth" in assumed(offloading)
    assert "cluster.host_bandwidth" not in assumed(joined(cluster={"host_bandwidth": "50 GB/s"}))


def test_fields_that_move_nothing_are_told() -> None:
    assert joined().unused == {}
    told = joined({"expert_imbalance": 1.2}, {"host_bandwidth": "50 GB/s"}).unused
    assert set(told) == {"train.expert_imbalance", "cluster.host_bandwidth"}
    assert joined(cluster={"host_bandwidth": "50 GB/s"}, plan={"optimizer_offload": True}).unused == {}


def test_precisions_keep_their_shares() -> None:
    each = joined({"precision": ({"dtype": "bf16", "share": 0.2}, {"dtype": "fp8", "share": 0.8})})
    wide, narrow = each.job.precisions
    assert (wide.share, narrow.share) == (0.2, 0.8)
    assert narrow.law.peak == pytest.approx(2 * wide.law.peak, rel=1e-3)
    assert narrow.law.attention_peak == wide.law.attention_peak  # attention computes in 16 bit
    assert (wide.law.element_bytes, narrow.law.element_bytes) == (2, 1)
    assert each.job.law is narrow.law


def test_auto_starts_at_one_chip() -> None:
    assert joined(cluster={"chips": "auto", "deadline": "30 days"}).job.chips == 1


# The space


def test_a_profile_limits_the_space_and_sets_the_habits() -> None:
    space = joined({"software": "megatron-2021", "precision": "fp16"}, {"chip": "a100-sxm-80"}).space
    assert space.allowed["zero"] == (0,)
    assert space.allowed["schedule"] == (0,)
    assert space.allowed["recompute"] == (0, 2)
    assert space.allowed["sequence_parallel"] == (0,)
    assert space.allowed["cp"] == (1,)
    assert space.allowed["grad_bytes"] == (2,)
    assert space.allowed["dp_overlap"] == (0,)


def test_a_users_column_wins() -> None:
    space = joined(plan={"tp": 8, "grad_bytes": "bf16", "dp_overlap": False, "schedule": "zero-bubble"}).space
    assert space.allowed["tp"] == (8,)
    assert space.allowed["grad_bytes"] == (2,)
    assert space.allowed["dp_overlap"] == (0,)
    assert space.allowed["schedule"] == (1,)


@pytest.mark.parametrize("software", list(load.software()))
def test_every_profile_plans_a_small_model(software: str) -> None:
    """Every column is chosen, from the profile's own values."""
    each = joined({"model": "qwen3-0.6b", "software": software, "global_batch": 64}, {"chips": 8})
    found = search(each.job, each.space)
    assert found.best is not None
    plan = found.best.row(0)
    assert set(plan) == set(COLUMNS)
    for column, values in each.space.allowed.items():
        assert plan[column] in values


# Parts


@pytest.mark.parametrize(
    ("train", "cluster", "field", "nearest"),
    [
        ({"model": "gpt-3-157b"}, {}, "train.model", "gpt-3-175b"),
        ({}, {"chip": "h100-sxm-81"}, "cluster.chip", "h100-sxm-80"),
        ({}, {"chip": {"like": "a100-sxm-81"}}, "cluster.chip.like", "a100-sxm-80"),
        ({}, {"network": "ib-ndrr"}, "cluster.network", "ib-ndr"),
        ({"software": "megatron-core-2025"}, {}, "train.software", "megatron-core-2024"),
    ],
)
def test_unknown_names_carry_their_field(
    train: dict[str, Any], cluster: dict[str, Any], field: str, nearest: str
) -> None:
    with pytest.raises(InputError) as caught:
        joined(train, cluster)
    assert caught.value.field == field
    assert nearest in caught.value.nearest


def test_a_model_may_be_written_out_or_imported(tmp_path: Path) -> None:
    model = load.model("qwen3-0.6b")
    written = Model.model_validate({**model.model_dump(), "id": "mine"})
    assert find_model(written, tmp_path) is written
    with pytest.raises(InputError):
        find_model("missing.json", tmp_path)


def test_what_ifs_change_their_figures_alone() -> None:
    base = load.chip("h100-sxm-80")
    chip = find_chip(
        WhatIfChip.model_validate(
            {"like": "h100-sxm-80", "memory_capacity": "96 GB", "peak": {"bf16": "800 TFLOP/s"}}
        ),
        allow_unverified=False,
    )
    assert chip.memory_capacity is not None
    assert chip.memory_capacity.value == 96e9
    assert chip.memory_capacity.source == "the scenario"
    assert chip.dense_peak("bf16").value == 800e12
    assert chip.dense_peak("fp8") == base.dense_peak("fp8")
    assert chip.memory_bandwidth == base.memory_bandwidth
    assert load.chip("h100-sxm-80").dense_peak("bf16") == base.dense_peak("bf16")


@pytest.mark.parametrize(
    ("peak", "told"), [({"bf16": "1979 TFLOP/s"}, "sparse"), ({"bf16": "1979 TFLOP/s fp8"}, "fp8 rate")]
)
def test_a_wrong_peak_is_refused_with_its_field(peak: dict[str, str], told: str) -> None:
    with pytest.raises(InputError) as caught:
        find_chip(WhatIfChip.model_validate({"like": "h100-sxm-80", "peak": peak}), allow_unverified=False)
    assert caught.value.field == "cluster.chip.peak.bf16"
    assert told in str(caught.value)


def test_a_missing_figure_names_the_chip_and_the_way_out() -> None:
    chip = load.chip("h100-sxm-80")
    with pytest.raises(InputError) as caught:
        needed(None, chip, "memory_capacity")
    assert caught.value.field == "cluster.chip"
    assert "no memory capacity of h100-sxm-80" in caught.value.message
    assert "like: h100-sxm-80, memory_capacity" in caught.value.expected


def test_a_dtype_without_a_peak_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        joined({"precision": "fp8"}, {"chip": "a100-sxm-80"})
    assert caught.value.field == "train.precision"
    assert "bf16" in caught.value.expected


def test_the_fitted_figures_reach_the_law() -> None:
    chip = load.chip("a100-sxm-80")
    efficiency = efficiency_for(chip, "bf16", load.efficiencies())
    law = chip_law(chip, "bf16", efficiency, load.software_profile("megatron-2021"))
    for name in ("gemm", "gemm_m", "gemm_n", "gemm_k", "memory", "launch", "attention_forward", "attention_sequence"):
        assert getattr(law, name) == getattr(efficiency.figures, name).value
    assert law.memory_bandwidth == pytest.approx(2.04e12, rel=0.01)


def test_a_chip_in_training_holds_a_share_of_its_kernels_rates() -> None:
    chip, software = load.chip("h100-sxm-80"), load.software_profile("llm-foundry-2023")
    alone = efficiency_for(chip, "bf16", load.efficiencies()).figures
    trained = load.efficiency_of(chip, "bf16")
    share = trained.figures.sustained.value
    law = chip_law(chip, "bf16", trained, software)
    assert share < 1
    assert law.gemm == pytest.approx(alone.gemm.value * share)
    # FlashAttention for Ampere on Hopper, at the rate of this stack.
    rate = share * software.attention_rate.value * AMPERE_CODE
    assert law.attention_forward == pytest.approx(alone.attention_forward.value * rate)


def test_a_network_is_named_or_given_or_usual() -> None:
    assert joined(cluster={"network": "ib-hdr"}).job.network.scale_out_bandwidth == 25e9
    given = joined(cluster={"network": {"bandwidth": "800 Gb/s", "efficiency": 0.5}})
    assert given.job.network.out == 50e9
    assert "cluster.network.latency" in assumed(given)
    assert "cluster.network.efficiency" not in assumed(given)
    usual = joined()
    assert usual.job.network.scale_out_bandwidth == 50e9
    assert assumed(usual)["cluster.network"] == "50 GB/s"
    assert joined(cluster={"scale_up_domain": 4}).job.network.domain == 4


@pytest.mark.parametrize("chip", [each for each, part in load.chips().items() if part.memory_capacity])
def test_every_verified_chip_joins_or_says_what_it_lacks(chip: str) -> None:
    try:
        each = joined({"model": "qwen3-0.6b"}, {"chip": chip, "chips": 8})
    except InputError as error:
        assert error.field in ("cluster.chip", "train.precision")
        assert error.expected
    else:
        law = each.job.law
        assert min(law.peak, law.memory_bandwidth, each.job.memory, each.job.network.up, each.job.network.out) > 0


@pytest.mark.parametrize(("dtypes", "width"), [(["fp8"], 1), (["bf16"], 2), (["fp8", "bf16"], 2), (["nvfp4"], 2)])
def test_fp8_runs_of_some_stacks_store_no_16_bit_weights(dtypes: list[str], width: int) -> None:
    """The MLPerf peaks of Llama 2 70B (82.3 GB with frozen weights on one chip) leave no room for 138 GB of them."""
    assert search_space(load.software_profile("mlperf-2025"), dtypes, {}, []).allowed["weight_bytes"] == (width,)
    assert search_space(load.software_profile("megatron-core-2024"), dtypes, {}, []).allowed["weight_bytes"] == (2,)

"""Memory against runs: nanotron's sweep, its verdicts, and exact counts of what its stack holds."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from cases import GPT, GQA, OVERLAPPED, job_of, plan_of, shard_of
from petaday.training.footprint import Footprint
from petaday.training.job import Job
from petaday.training.layout import Stage, cost_split
from petaday.training.memory import Memory
from petaday.training.plan import Plans
from petaday.training.pricer import Pricer
from petaday.training.space import head_in_layers
from petaday.validation.memory import memory_suites, memory_verdicts, verdicts_data, verdicts_of
from petaday.validation.nanotron import key_of, sweep_rows, sweeps_of
from petaday.validation.rows import best_plan, joined_of
from petaday.validation.suite import Suite
from petaday.workload.activations import layer_activations
from petaday.workload.architecture import LayerKind


@lru_cache(maxsize=1)
def suites() -> dict[str, Suite]:
    return {suite.name: suite for suite in memory_suites()}


def holding(**habits: object) -> Job:
    """A job of the overlapping stack with some habits of memory."""
    footprint = Footprint(**habits)  # type: ignore[arg-type]
    return job_of(GPT, software=replace(OVERLAPPED, footprint=footprint))


def first(job: Job, plans: Plans, stage: Stage = Stage.FIRST) -> Memory:
    return Pricer(job).stage_memory(plans, stage)


# The record


def test_the_record_holds_the_sweep() -> None:
    rows = sweep_rows()
    statuses = [row["status"] for row in rows]
    assert [statuses.count(name) for name in ("Success", "OOM", "Other")] == [925, 1269, 195]
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert int(row["dp"]) * int(row["tp"]) * int(row["pp"]) == int(row["n_accelerators"])
        ran = row["status"] == "Success"
        assert bool(row["step_time_s"]) == bool(row["mem_alloc_GB"]) == bool(row["mem_reserved_GB"]) == ran


def test_gibibytes_became_gigabytes() -> None:
    """No run reserves more than the 85.0 GB that an 80 GiB chip shows, and the fullest more than 80."""
    fullest = max(float(row["mem_reserved_GB"]) for row in sweep_rows() if row["mem_reserved_GB"])
    assert 80 < fullest < 85


def test_the_cost_split_is_what_nearly_every_run_held() -> None:
    """Parameters on the first rank, as the runs print them to three digits; where a share is a whole number of layers,
    some builds of the sweep gave one layer fewer."""
    same = []
    for sweep in sweeps_of(row for row in sweep_rows() if row["local_params"]):
        memory = first(sweep.joined.job, sweep.plans)
        for row, held in zip(sweep.rows, memory.weights / 2, strict=True):
            printed = float(row["local_params"][:-1]) * {"G": 1e9, "M": 1e6}[row["local_params"][-1]]
            same.append(held == pytest.approx(printed, rel=0.012))
    assert np.mean(same) > 0.97


def test_a_sweep_prices_the_plan_that_its_rows_would_get_alone() -> None:
    sweep = next(each for each in sweeps_of(sweep_rows()) if len(each.rows) > 40)
    for at in (0, 17, 40):
        row = sweep.rows[at]
        joined = joined_of(row)
        assert joined.job.global_batch == sweep.joined.job.global_batch
        assert best_plan(joined.job, joined)[0].row(0) == sweep.plans.row(at)
        assert key_of(row, joined.job.chips)[0] == int(row["tp"])


# Errors reached


@pytest.mark.parametrize(
    ("name", "median"),
    [
        ("memory allocated at the update", 0.013),
        ("memory reserved at the peak", 0.056),
        ("memory reserved at the peak, sizes that no fit saw", 0.055),
    ],
)
def test_memory_errors_are_what_they_were(name: str, median: float) -> None:
    assert suites()[name].errors.median < median


@pytest.mark.parametrize(
    ("source", "median"),
    [("bloom", 0.05), ("simumax", 0.055), ("ml-engineering", 0.02), ("mlperf", 0.2), ("torchtitan", 0.18)],
)
def test_peaks_of_the_training_record(source: str, median: float) -> None:
    assert suites()["memory of the training record"].by_group()[source].median < median


def test_verdicts_are_what_they_were() -> None:
    told = memory_verdicts()
    assert told.plans == 2192  # two have fewer layers than stages
    assert told.right > 0.975
    assert told.recall > 0.975
    assert told.false_alarms < 0.025
    assert verdicts_data(told)["right_pct"] == pytest.approx(100 * told.right, abs=0.01)


def test_verdicts_by_hand() -> None:
    said, did = np.array([True, True, False, False]), np.array([True, False, True, False])
    told = verdicts_of(said, did)
    assert (told.plans, told.right, told.recall, told.false_alarms) == (4, 0.5, 0.5, 0.5)


# Exact counts


def test_ddp_and_zero_1_hold_ten_bytes_and_fourteen_shared() -> None:
    """nanotron at its update: 2 weights, 4 gradients, 2 of DDP buckets, 12 of state / dp, and a flat copy of 2 + 2 / dp."""
    job = holding(bucket_bytes=2.0, staging_bytes=2.0)
    parameters = job.count.total
    whole = first(job, plan_of(dp=16))
    shared = first(job, plan_of(dp=16, zero=1))
    assert whole.update[0] == pytest.approx(20 * parameters)
    assert shared.update[0] == pytest.approx((10 + 14 / 16) * parameters)
    assert first(replace(job, chips=1), plan_of()).update[0] == pytest.approx(18 * parameters)


def test_gathered_inputs_stay_in_two_buffers() -> None:
    job = holding(gather_buffers=2.0)
    plans = plan_of(tp=4, dp=4, sequence_parallel=1)
    whole_input = 2 * 2048 * GPT.hidden
    assert first(job, plans).working[0] == pytest.approx(2 * whole_input)
    assert first(job, plan_of(tp=4, dp=4)).working[0] == 0


def test_an_eager_stack_keeps_the_rotated_and_the_activated() -> None:
    lean, eager = (replace(OVERLAPPED.recipe, eager=eager) for eager in (False, True))
    dense = LayerKind(moe=False, window=None)
    kept = [sum(float(np.ravel(each.size_bytes)[0]) for each in layer_activations(GQA, dense, shard_of(), recipe, 2.0))
            for recipe in (lean, eager)]  # fmt: skip
    projected = GQA.heads + 2 * GQA.kv_heads
    extra = 2 * 2048 * (projected * GQA.head_dim + GQA.ffn)
    assert kept[1] - kept[0] == pytest.approx(extra)


def test_the_allocator_gives_cached_blocks_back() -> None:
    job = holding(waiting_inputs=1.0)
    memory = first(job, plan_of(tp=4, dp=4, sequence_parallel=1))
    cached = 8 * 2 * 2048 * GPT.hidden
    assert memory.cached[0] == pytest.approx(cached)
    needed = memory.total[0] - memory.reserve
    assert memory.reserved(1e15)[0] == pytest.approx(needed + cached)
    assert memory.reserved(memory.total[0])[0] == pytest.approx(needed)


def test_stages_of_equal_cost() -> None:
    """3.57B: the head costs 3.56 of 28 layers, so 16, 8, 4 and 2 layers stand on the first of 2, 4, 8 and 16 stages."""
    assert [cost_split(28, pp, 3.556)[0] for pp in (1, 2, 4, 8, 16)] == [28, 16, 8, 4, 2]
    assert cost_split(28, 2, 3.556) == (16, 12)
    assert head_in_layers(job_of(GPT)) == pytest.approx(
        GPT.vocab * GPT.hidden / (4 * GPT.hidden**2 + 2 * GPT.hidden * GPT.ffn)
    )


# Properties


@pytest.mark.parametrize("habits", [{}, {"bucket_bytes": 2.0, "staging_bytes": 2.0, "fragmentation": 1.1}])
def test_memory_falls_with_sharding_and_grows_with_the_micro_batch(habits: dict[str, float]) -> None:
    job = holding(**habits)
    by_zero = [float(first(job, plan_of(dp=16, zero=zero)).total[0]) for zero in (0, 1, 2)]
    by_tensor = [float(first(job, plan_of(tp=tp, dp=16 // tp)).total[0]) for tp in (1, 2, 4, 8)]
    by_batch = [float(first(job, plan_of(dp=16, micro_batch=size)).total[0]) for size in (1, 2)]
    assert by_zero == sorted(by_zero, reverse=True)
    assert by_tensor == sorted(by_tensor, reverse=True)
    assert by_batch == sorted(by_batch)

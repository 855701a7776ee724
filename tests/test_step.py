"""The price of plans: against the slow reference, against published bubbles, and against itself."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from cases import (
    A100,
    EAGER,
    FP8,
    FUSED,
    GPT,
    GQA,
    MLA,
    MODELS,
    MOE,
    NVLINK3,
    OVERLAPPED,
    SHARP,
    job_of,
    plan_of,
    space_of,
)
from petaday.catalog.model import Model
from petaday.training.job import Job, Precision
from petaday.training.layout import Stage
from petaday.training.plan import Plans, Schedule
from petaday.training.pricer import Pricer
from petaday.training.schedule import bubble_seconds, in_flight
from petaday.training.space import all_plans
from petaday.training.step import StepTerms

MIXED = (Precision("bf16", 0.25, A100, A100), Precision("fp8", 0.75, FP8, A100))
FP16 = (Precision("fp16", 1.0, A100, A100),)
EXCHANGING = replace(OVERLAPPED, recipe=replace(OVERLAPPED.recipe, context="all-to-all"))
JOBS = [
    job_of(model, software=software, network=network, precisions=precisions, lora_rank=rank)
    for model in MODELS
    for software, network, precisions, rank in (
        (EAGER, NVLINK3, FP16, 0),
        (OVERLAPPED, SHARP, MIXED, 0),
        (EXCHANGING, SHARP, MIXED, 16),
    )
]
SPACE = space_of(
    micro_batch=(1, 2, 8),
    shard=(0, 2),
    tp_overlap=(0, 1),
    dp_overlap=(0, 1),
    grad_bytes=(2, 4),
    optimizer_offload=(0, 1),
    activation_offload=(0, 1),
)


@cache
def plans_of(index: int) -> Plans:
    """Every legal plan of a job, and every habit."""
    return Plans.concat(all_plans(JOBS[index], SPACE))


def some_plans(data: st.DataObject, index: int, most: int = 30) -> Plans:
    table = plans_of(index)
    rows = data.draw(st.lists(st.integers(0, len(table) - 1), min_size=1, max_size=most))
    return table.take(np.array(rows))


def terms(plans: Plans, job: Job) -> StepTerms:
    return Pricer(job).terms(plans, job.precisions[0])


# Against the reference


@pytest.mark.parametrize("index", range(len(JOBS)), ids=lambda i: f"{JOBS[i].model.id}-{JOBS[i].software.name}")
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_prices_are_those_of_the_reference(index: int, data: st.DataObject) -> None:
    job, plans = JOBS[index], some_plans(data, index, most=4)
    prices = Pricer(job).price(plans)
    rows = [plans.row(i) for i in range(len(plans))]
    assert prices.step_time.tolist() == pytest.approx([reference.step_time(row, job) for row in rows], rel=1e-9)
    assert prices.memory.tolist() == pytest.approx([reference.memory(row, job) for row in rows], rel=1e-9)


@pytest.mark.parametrize("model", [GPT, GQA], ids=lambda model: model.id)
def test_executed_flops_are_those_of_the_reference(model: Model) -> None:
    index = 2 * MODELS.index(model)
    job, plans = JOBS[index], plans_of(index)
    plans = plans.take(np.arange(0, len(plans), len(plans) // 40))
    executed = terms(plans, job).executed_flops()
    expected = [reference.executed_flops(plans.row(i), job, job.precisions[0]) for i in range(len(plans))]
    assert executed.tolist() == pytest.approx(expected, rel=1e-9)


# Against itself


@pytest.mark.parametrize("index", range(len(JOBS)), ids=lambda i: f"{JOBS[i].model.id}-{JOBS[i].software.name}")
def test_the_waterfall_sums_to_the_step(index: int) -> None:
    job = JOBS[index]
    plans = plans_of(index)
    plans = plans.take(np.arange(0, len(plans), len(plans) // 5000))
    pricer = Pricer(job)
    for precision in job.precisions:
        priced = pricer.terms(plans, precision)
        parts = priced.waterfall()
        assert np.allclose(sum(parts.values()), priced.step, rtol=1e-12, atol=0)
        assert min(seconds.min() for seconds in parts.values()) >= -1e-12
    losses = pricer.losses(plans)
    assert np.all(losses["bubble"] + losses["communication"] < pricer.price(plans).step_time)


@given(data=st.data(), index=st.integers(0, len(JOBS) - 1))
@settings(max_examples=40, deadline=None)
def test_rows_do_not_know_their_table(data: st.DataObject, index: int) -> None:
    """Cut, shuffled or alone, a plan has the same price to the last bit."""
    plans, pricer = some_plans(data, index), Pricer(JOBS[index])
    whole = pricer.price(plans)
    order = np.array(data.draw(st.permutations(range(len(plans)))))
    cut = data.draw(st.integers(1, len(plans)))
    parts = [plans.take(order[:cut]), plans.take(order[cut:])]
    prices = [pricer.price(part) for part in parts if len(part)]
    for name in ("step_time", "memory"):
        apart = np.concatenate([getattr(each, name) for each in prices])
        assert np.array_equal(apart, getattr(whole, name)[order])


@given(data=st.data(), index=st.integers(0, len(JOBS) - 1), memory=st.floats(1e9, 20e9))
@settings(max_examples=40, deadline=None)
def test_what_fits_is_priced_alike(data: st.DataObject, index: int, memory: float) -> None:
    plans, pricer = some_plans(data, index), Pricer(replace(JOBS[index], memory=memory))
    fits, step_time, needed = pricer.price_fitting(plans)
    whole = pricer.price(plans)
    assert np.array_equal(fits, np.flatnonzero(whole.memory <= memory))
    assert np.array_equal(needed, whole.memory)
    assert np.array_equal(step_time, whole.step_time[fits])


NETWORK_RATES = ("scale_up_bandwidth", "scale_out_bandwidth", "scale_up_efficiency", "scale_out_efficiency")
LAW_RATES = (
    "peak",
    "attention_peak",
    "memory_bandwidth",
    "gemm",
    "memory",
    "attention_forward",
    "attention_backward",
)


@pytest.mark.parametrize("index", range(len(JOBS)), ids=lambda i: f"{JOBS[i].model.id}-{JOBS[i].software.name}")
@pytest.mark.parametrize("rate", [*NETWORK_RATES, *LAW_RATES, "host_bandwidth"])
def test_a_faster_machine_is_never_slower(index: int, rate: str) -> None:
    """Of 1F1B plans that hide one thing at a time: zero-bubble and DualPipe subtract the weight gradients."""
    job = JOBS[index]
    plans = plans_of(index)
    plans = plans.take(np.arange(0, len(plans), len(plans) // 2000))
    hides_two = (plans.zero > 1) & (plans.activation_offload > 0) & (plans.dp_overlap > 0)
    averaged = (plans.zero > 1) & (job.model is MLA)  # a lead-in layer waits for the average layer's weights
    plans = plans.take((plans.schedule == Schedule.ONE_F_ONE_B) & ~hides_two & ~averaged)
    slow = Pricer(job).price(plans)
    if rate in NETWORK_RATES:
        faster = replace(job, network=replace(job.network, **{rate: 1.2 * getattr(job.network, rate)}))
    elif rate in LAW_RATES:
        quick = [replace(each.law, **{rate: 1.2 * getattr(each.law, rate)}) for each in job.precisions]
        pairs = zip(job.precisions, quick, strict=True)
        faster = replace(job, precisions=tuple(replace(each, law=law) for each, law in pairs))
    else:
        faster = replace(job, host_bandwidth=1.2 * job.host_bandwidth)
    fast = Pricer(faster).price(plans)
    assert np.all(fast.step_time <= slow.step_time * (1 + 1e-12))
    assert np.array_equal(fast.memory, slow.memory)


def test_a_mixture_of_precisions_lies_between_them() -> None:
    plans = plans_of(0).take(np.arange(0, len(plans_of(0)), 101))
    wide, narrow, mixed = (
        Pricer(job_of(GPT, precisions=each)).price(plans)
        for each in ((Precision("bf16", 1.0, A100, A100),), (Precision("fp8", 1.0, FP8, A100),), MIXED)
    )
    assert np.allclose(mixed.step_time, 0.25 * wide.step_time + 0.75 * narrow.step_time, rtol=1e-3)
    assert np.array_equal(mixed.memory, np.maximum(wide.memory, narrow.memory))


def test_compute_shrinks_with_tensor_ranks_and_communication_comes() -> None:
    job = job_of(GPT, chips=8)
    one, eight = (terms(plan_of(tp=tp, dp=8 // tp), job).waterfall() for tp in (1, 8))
    micro = 8  # as many micro-batches on each of the fewer replicas
    assert eight["forward"][0] < micro * one["forward"][0]
    assert one["tensor"][0] == 0 < eight["tensor"][0]


# Bubbles and micro-batches in flight


@pytest.mark.parametrize(("pp", "vpp"), [(2, 1), (4, 1), (8, 1), (2, 2), (4, 2), (2, 4)])
def test_the_bubble_is_p_minus_1_over_m_v(pp: int, vpp: int) -> None:
    """Narayanan et al. 2021 (arXiv:2104.04473), section 2.2, of equal stages: bubble over ideal time (p-1)/(m·v)."""
    job = job_of(MOE, chips=pp, global_batch=32)
    plans = plan_of(pp=pp, vpp=vpp, first_layers=8 // pp, last_layers=8 // pp)
    priced = terms(plans, job)
    middle = float(priced.by_stage[Stage.MIDDLE if pp > 2 else Stage.LAST][0])
    first, last = (float(priced.by_stage[stage][0]) for stage in (Stage.FIRST, Stage.LAST))
    others = first + last + (pp - 2) * middle - max(first, last, middle)
    assert priced.bubble[0] == pytest.approx(others / vpp)
    # With ends as heavy as the middle it is the published share.
    equal = bubble_seconds(plans, np.array([(pp - 1) * 3.0]), np.ones(1), np.full(1, 2.0), np.ones(1))
    assert equal[0] / (32 * 3.0) == pytest.approx((pp - 1) / (32 * vpp))


@given(p=st.sampled_from([2, 4, 8, 16]), f=st.floats(0.1, 10), w=st.floats(0.1, 10), more=st.floats(0, 10))
def test_zero_bubble_and_dualpipe_are_as_published(p: int, f: float, w: float, more: float) -> None:
    """DeepSeek-V3 (arXiv:2412.19437), table 2: (p-1)(F+B-2W) and (p/2-1)(F&B+B-3W), never negative."""
    b = w + more

    def bubble(schedule: Schedule) -> float:
        others = np.array([(p - 1) * (f + b)])
        plans = plan_of(pp=p, schedule=int(schedule))
        return float(bubble_seconds(plans, others, np.array([f]), np.array([b]), np.array([w]))[0])

    assert bubble(Schedule.ONE_F_ONE_B) == pytest.approx((p - 1) * (f + b))
    assert bubble(Schedule.ZERO_BUBBLE) == pytest.approx(max((p - 1) * (f + b - 2 * w), 0), abs=1e-9)
    assert bubble(Schedule.DUALPIPE) == pytest.approx(max((p / 2 - 1) * (f + 2 * b - 3 * w), 0), abs=1e-9)


@given(p=st.integers(2, 32), v=st.integers(2, 8), i=st.integers(0, 31), m=st.integers(1, 10**6))
def test_micro_batches_in_flight(p: int, v: int, i: int, m: int) -> None:
    """1F1B holds p - i; interleaving p + (p-1)/v at the first stage (Korthikanti et al. 2022, section 4.2.3)."""
    i = min(i, p - 1)
    count = np.array([m])

    def held(position: int, **columns: int) -> float:
        return float(in_flight(plan_of(pp=p, **columns), count, position)[0])

    assert held(i) == min(p - i, m)
    assert held(0, vpp=v) == pytest.approx(min(p + (p - 1) / v, m))
    assert held(i, vpp=v) <= held(0, vpp=v)
    assert held(i, schedule=1) == min(p, m)
    assert held(i, schedule=2) == min(p + 1, m)
    table = Plans.concat([plan_of(pp=p), plan_of(pp=p, schedule=1), plan_of(pp=p, schedule=2)])
    assert in_flight(table, count, i).tolist() == [held(i), held(i, schedule=1), held(i, schedule=2)]


def test_a_single_stage_has_no_bubble_and_hands_nothing_over() -> None:
    parts = terms(plan_of(dp=16), job_of(GPT)).waterfall()
    assert parts["bubble"][0] == 0
    assert parts["pipeline"][0] == 0


# ZeRO, overlap, overheads


def test_zero_exchanges_the_same_gradients_and_shards_the_update() -> None:
    """ZeRO (arXiv:1910.02054, section 7): stages 1 and 2 move as many bytes as plain data parallelism."""
    job = job_of(GPT, network=replace(NVLINK3, domain=16, base_latency=0.0, scale_up_latency=0.0))
    none, first = (terms(plan_of(dp=16, zero=zero), job) for zero in (0, 1))
    assert none.state.sync[0] == pytest.approx(first.state.sync[0] * 2)
    assert first.exposed_sync[0] == pytest.approx(none.exposed_sync[0] * 3 / 4)  # weights are half as wide
    assert first.state.update[0] == pytest.approx(none.state.update[0] / 16)


def test_zero_3_gathers_twice_and_scatters_once_a_micro_batch() -> None:
    priced = terms(plan_of(dp=16, zero=3), job_of(GPT))
    gathered, scattered = priced.state.gather_layer[0], priced.state.scatter_layer[0]
    in_passes = priced.waterfall()["data"][0] - priced.exposed_sync[0]
    assert in_passes == pytest.approx(priced.micro_batches[0] * GPT.layers * (2 * gathered + scattered))
    assert priced.exposed_sync[0] == 0


@pytest.mark.parametrize("zero", [0, 1, 2, 3])
def test_overlap_never_lengthens(zero: int) -> None:
    job = job_of(GPT)
    plans = [plan_of(tp=2, dp=8, zero=zero, tp_overlap=tp, dp_overlap=dp) for tp in (0, 1) for dp in (0, 1)]
    seconds = Pricer(job).price(Plans.concat(plans)).step_time
    assert seconds[3] <= min(seconds[1], seconds[2]) <= max(seconds[1], seconds[2]) <= seconds[0]


def test_the_host_bounds_a_layer() -> None:
    """A layer is never faster than its launches: operators · host_launch forward, twice that backward."""
    job = job_of(GPT, chips=1, software=replace(OVERLAPPED, host_launch=1.0))
    priced = terms(plan_of(), job)
    operators = 2 + 1 + 3 + 4  # projections, fused attention, FFN, norms and residuals; no rotation
    assert priced.block.body.forward[0] == operators
    assert priced.block.body.backward[0] == 2 * operators


def test_slowdown_and_straggling_stretch_operators_alone() -> None:
    plain = job_of(GPT, software=replace(OVERLAPPED, slowdown=1.0, straggling=0.0))
    slowed = replace(plain, software=replace(plain.software, slowdown=1.5, straggling=0.1))
    plans = plan_of(tp=2, dp=8)
    before, after = (terms(plans, job).waterfall() for job in (plain, slowed))
    assert after["forward"][0] == pytest.approx(before["forward"][0] * 1.5 * 1.1)  # two domains: one doubling
    assert after["tensor"][0] == before["tensor"][0]


def test_dualpipe_hides_the_experts_exchange() -> None:
    job = job_of(MLA, chips=2, global_batch=8)
    plans = Plans.concat(plan_of(pp=2, schedule=s, first_layers=5, last_layers=4) for s in (0, 2))
    wide = job_of(MLA, chips=4, global_batch=8)
    spread = Plans.concat(plan_of(pp=2, dp=2, ep=2, schedule=s, first_layers=5, last_layers=4) for s in (0, 2))
    assert terms(plans, job).waterfall()["expert"].tolist() == [0, 0]
    exposed = terms(spread, wide).waterfall()["expert"]
    assert exposed[0] > 0 == exposed[1]


def test_recompute_lengthens_only_where_it_recomputes() -> None:
    job = job_of(GPT, chips=1, software=replace(OVERLAPPED, recipe=FUSED))
    plans = Plans.concat(plan_of(recompute=2, recompute_layers=layers) for layers in (0, 2, 4, 8))
    seconds = terms(plans, job).waterfall()["recompute"]
    assert seconds.tolist() == pytest.approx([0, seconds[3] / 4, seconds[3] / 2, seconds[3]])
    assert seconds[3] == pytest.approx(8 * 32 * terms(plans, job).block.body.forward[0])

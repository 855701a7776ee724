"""Generating a batch to its last token: equal to a step-by-step reference, lengths by their law, what must hold."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petaday.catalog import load
from petaday.serving.batch import Batch, decoding
from petaday.serving.engine import iteration_seconds
from petaday.serving.forward import forward_seconds
from petaday.serving.layout import Layout
from petaday.serving.rollout import dealt, even_mix, generate, normal_quantiles, response_lengths
from petaday.study.engines import Precision, engine_of
from petaday.study.posttrain_scenario import SIGMA

BF16 = Precision("bf16", "bf16", "bf16", 2.0)
TRACE = Path(__file__).parents[1] / ".." / "shared" / "data" / "traces" / "llm" / "AzureLLMInferenceTrace_conv.csv"
PROMPT, SAMPLES, CHUNK = 100.0, 4, 8192.0
few_lengths = st.lists(st.integers(1, 60), min_size=1, max_size=24)


def engine(model="llama-3.1-8b"):
    return engine_of(load.model(model), load.chip("h100-sxm-80"), load.engine("vllm-0.12"), BF16)


def layout(tp=1, rows=1):
    one = np.ones(rows)
    return Layout(tp * one, one, one, one)


def generated(which, lengths, slots, tp=1):
    table = np.sort(np.asarray(lengths, dtype=float))[None, :]
    return generate(which, layout(tp), table, np.array([float(slots)]), prompt=PROMPT, samples=SAMPLES, chunk=CHUNK)


def step_by_step(which, lengths, slots, tp=1, order=None):
    """Seconds of decoding, and of slots that decode, one iteration at a time with a queue for what has no slot yet."""
    lengths = np.sort(np.asarray(lengths))
    if order is None:
        order = even_mix(len(lengths))
    line, running = [int(length) - 1 for length in lengths[order]], []
    line.reverse()
    batches = []
    while line or running:
        running = [(made, goal) for made, goal in running if made < goal]
        while line and len(running) < slots:
            goal = line.pop()
            if goal:
                running.append((0, goal))
        if running:
            batches.append((len(running), sum(PROMPT + 1 + made for made, _ in running)))
        running = [(made + 1, goal) for made, goal in running]
    if not batches:
        return 0.0, 0.0
    count, context = np.array(batches, dtype=float).T
    none = np.zeros_like(count)
    seconds = iteration_seconds(which, layout(tp, len(count)), Batch(count, context, none, none)).total
    return float(seconds.sum()), float((count * seconds).sum())


@settings(max_examples=40, deadline=None)
@given(lengths=few_lengths, slots=st.integers(1, 30), tp=st.sampled_from([1, 4]))
def test_a_batch_takes_what_its_iterations_take_one_by_one(lengths, slots, tp):
    which = engine()
    done = generated(which, lengths, slots, tp)
    seconds, running = step_by_step(which, lengths, slots, tp)
    assert float(done.seconds[0] - done.prefill[0]) == pytest.approx(seconds, rel=1e-9, abs=1e-12)
    assert float(done.running[0]) == pytest.approx(running, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("model", ["deepseek-r1", "qwen3-30b-a3b"])
def test_experts_and_latent_attention_are_exact_too(model):
    lengths = response_lengths(48, 120, 0.8, 400)
    done = generated(engine(model), lengths, 16, 8)
    assert float(done.seconds[0] - done.prefill[0]) == pytest.approx(step_by_step(engine(model), lengths, 16, 8)[0])


def test_a_window_that_cuts_contexts_leaves_a_thousandth():
    which, lengths = engine("gpt-oss-120b"), response_lengths(32, 300, 0.8, 1500)
    done = generated(which, lengths, 32, 2)
    assert float(done.seconds[0] - done.prefill[0]) == pytest.approx(step_by_step(which, lengths, 32, 2)[0], rel=1e-3)


@pytest.mark.parametrize(("slots", "waves"), [(16, 1.5), (16, 3), (16, 8), (48, 3)])
def test_the_even_order_stands_for_a_random_one(slots, waves):
    which = engine()
    lengths = response_lengths(int(waves * slots), 200, SIGMA, 800)
    done = generated(which, lengths, slots)
    draw = np.random.default_rng(7)
    others = [step_by_step(which, lengths, slots, order=draw.permutation(len(lengths)))[0] for _ in range(60)]
    assert float(done.seconds[0] - done.prefill[0]) == pytest.approx(np.mean(others), rel=0.06)


def test_one_reply_by_hand():
    which = engine()
    done = generated(which, [3], 8)
    one = np.ones(2)
    iterations = iteration_seconds(which, layout(rows=2), decoding(one, np.array([PROMPT + 1, PROMPT + 2]))).total
    prompt = iteration_seconds(
        which, layout(), Batch(*(np.array([x]) for x in (0.0, 0.0, PROMPT, PROMPT**2 / 2)))
    ).total
    assert done.seconds == pytest.approx(iterations.sum() + prompt)
    assert done.prefill == pytest.approx(prompt)


def test_samples_of_a_prompt_share_its_prefill():
    which = engine()
    eight = generated(which, [5] * 8, 8).prefill
    assert eight == pytest.approx(forward_seconds(which, layout(), np.array([2 * PROMPT]), PROMPT, CHUNK))
    assert generated(which, [5] * 9, 9).prefill > eight


@settings(max_examples=40, deadline=None)
@given(lengths=few_lengths, slots=st.integers(1, 30))
def test_no_slot_idles_less_than_nothing_and_more_slots_never_wait_longer(lengths, slots):
    which = engine()
    done, roomy = generated(which, lengths, slots), generated(which, lengths, len(lengths))
    for each in (done, roomy):
        assert float(each.idle[0]) >= -1e-12
        assert 0 <= float(each.tail[0]) <= float(each.seconds[0])
    assert float(roomy.seconds[0]) <= float(done.seconds[0]) * (1 + 1e-12)


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 300), replicas=st.integers(1, 40))
def test_dealing_gives_every_rollout_to_one_replica_and_the_longest_to_the_first(count, replicas):
    lengths = response_lengths(count, 100, 1.0, 1000)
    ranks = np.arange(replicas)
    table = dealt(lengths, np.full(replicas, replicas), ranks)
    assert np.sort(table[table > 0]).tolist() == lengths.tolist()
    assert (np.diff(table, axis=1) >= 0).all()
    assert (np.diff(table.sum(axis=1)) <= 0).all()
    assert table[0, -1] == lengths[-1]


def test_rows_are_priced_together_as_alone():
    which, lengths = engine(), response_lengths(64, 200, 0.9, 900)
    replicas = np.array([4, 5, 7])
    table = dealt(lengths, replicas, np.zeros_like(replicas))
    slots = np.array([4.0, 8.0, 99.0])
    together = generate(which, layout(2, 3), table, slots, prompt=PROMPT, samples=4, chunk=CHUNK)
    for row, count in enumerate(replicas):
        alone = generated(which, lengths[::-1][::count], slots[row], 2)
        assert together.seconds[row] == pytest.approx(float(alone.seconds[0]))
        assert together.running[row] == pytest.approx(float(alone.running[0]))


@pytest.mark.parametrize("count", [1, 2, 999])
def test_quantiles_of_the_normal_distribution(count):
    exact = [NormalDist().inv_cdf((i + 0.5) / count) for i in range(count)]
    assert normal_quantiles(count) == pytest.approx(exact, abs=3e-4)


@pytest.mark.parametrize(("mean", "sigma", "longest"), [(800, 0.86, 4096), (3256, 0.5, 3981), (50, 0.0, 60)])
def test_lengths_have_the_mean_that_was_asked_for_and_end_where_they_are_cut(mean, sigma, longest):
    lengths = response_lengths(4096, mean, sigma, longest)
    assert lengths.mean() == pytest.approx(mean, rel=2e-3)
    assert (np.diff(lengths) >= 0).all()
    assert lengths.min() >= 1
    assert lengths.max() <= longest
    uncut = np.log(lengths[lengths < longest])
    if sigma and len(uncut) == len(lengths):
        assert uncut.std() == pytest.approx(sigma, rel=0.02)


def test_a_tail_keeps_few_slots_busy():
    which = engine()
    short = generated(which, response_lengths(256, 400, 0.1, 4000), 256)
    long = generated(which, response_lengths(256, 400, 1.0, 4000), 256)
    assert long.seconds > 2 * short.seconds
    assert float(long.tail[0] / long.seconds[0]) > 0.7
    assert float(long.running[0] / (long.slots * long.seconds)[0]) < 0.35


def test_likelihoods_cost_the_head_of_every_token():
    which, tokens = engine(), np.array([1e6])
    bare = forward_seconds(which, layout(), tokens, 1000.0, CHUNK)
    told = forward_seconds(which, layout(), tokens, 1000.0, CHUNK, logits=True)
    flops = 2 * 1e6 * which.model.vocab * which.model.hidden
    assert float(told[0] - bare[0]) == pytest.approx(flops / which.wide.law.peak / which.wide.law.gemm, rel=0.1)
    assert forward_seconds(which, layout(), 2 * tokens, 1000.0, CHUNK) == pytest.approx(2 * bare)


@pytest.mark.skipif(not TRACE.exists(), reason="the trace is not on this machine")
def test_the_spread_of_replies_is_that_of_a_chat_service():
    with TRACE.open(encoding="utf-8") as rows:
        replies = np.array([float(row["GeneratedTokens"]) for row in csv.DictReader(rows)])
    assert len(replies) == 19366
    assert np.log(replies[replies > 0]).std() == pytest.approx(SIGMA, abs=0.005)

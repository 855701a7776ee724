"""The simulator's iteration law against the engine's own formula, and layouts' steady points against the simulator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from petaday.catalog import load
from petaday.serving.batch import Batch
from petaday.serving.capacity import Load, aggregated, decoders, front, prefillers, split
from petaday.serving.engine import Engine, iteration_seconds
from petaday.serving.law import IterationLaw, iteration_laws
from petaday.serving.layout import Layout
from petaday.serving.layouts import legal_layouts
from petaday.serving.memory import room_tokens
from petaday.serving.requests import Trace, requests
from petaday.serving.simulate.outcome import Ledger
from petaday.serving.simulate.run import simulate
from petaday.serving.simulate.service import Pool, Service
from petaday.serving.speculation import PLAIN, Speculation
from petaday.study.engines import Precision, engine_of
from reference_serving import seconds_of

FP8 = Precision("fp8", "fp8", "fp8", 1.0)
CASES = {
    "dense": ("llama-3.1-70b", "h100-sxm-80", (4, 1, 1, 1)),
    "stages": ("llama-3.1-70b", "h100-sxm-80", (2, 4, 1, 1)),
    "windows": ("gpt-oss-120b", "h100-sxm-80", (4, 1, 4, 1)),
    "latent heads and experts": ("deepseek-r1", "h200-sxm", (1, 1, 8, 8)),
}


def engine(model: str, chip: str) -> Engine:
    return engine_of(load.model(model), load.chip(chip), load.engine("vllm-0.15"), FP8)


@pytest.mark.parametrize("name", CASES)
def test_the_law_is_the_engines_iteration(name: str) -> None:
    model, chip, sizes = CASES[name]
    layout = Layout(*map(np.float64, sizes))
    own = replace(engine(model, chip), chunk=512 / (sizes[1] * sizes[3]))
    law = iteration_laws(own, layout, chunk=512, sequences=200).seconds
    mixes = [(1, 100, 0, 0), (200, 90_000, 0, 0), (0, 0, 512, 512 * 256)]
    mixes += [(64, 70_000, 300, 40_000), (3, 9, 1, 700), (130, 1_000_000, 382, 900_000)]
    for decodes, context, prompt, pairs in mixes:
        batch = Batch(*(np.array([float(part)]) for part in (decodes, context, prompt, pairs)))
        expected = iteration_seconds(own, layout, batch).total[0]
        found = seconds_of(law, PLAIN, decodes, context, prompt, pairs, stages=sizes[1], chunk=512)
        assert found == pytest.approx(expected, rel=1e-9)


def test_tokens_gained_by_drafts_are_a_geometric_sum() -> None:
    """DeepSeek-V3 reports 85 to 90 % acceptance and 1.8 times the tokens a second (arXiv:2412.19437, section 5.4.3)."""
    assert Speculation(1, 0.85).gained == pytest.approx(1.85)
    assert Speculation(3, 0.5).gained == pytest.approx(1.875)
    assert PLAIN.gained == PLAIN.verified == 1


def test_drafts_pay_where_memory_binds_and_cost_where_arithmetic_does() -> None:
    own, layout = engine("llama-3.1-70b", "h100-sxm-80"), Layout(*map(np.float64, (4, 1, 1, 1)))
    plain = iteration_laws(own, layout, chunk=4096, sequences=1024).seconds
    drafts = Speculation(3, 0.8, 1.0)
    drafted = iteration_laws(own, layout, chunk=4096, sequences=1024, speculation=drafts).seconds

    def a_token(law: IterationLaw, how: Speculation, sequences: int) -> float:
        return seconds_of(law, how, sequences, sequences * 200, 0, 0) / how.gained

    assert a_token(drafted, drafts, 1) < 0.5 * a_token(plain, PLAIN, 1)
    assert a_token(drafted, drafts, 1024) > a_token(plain, PLAIN, 1024)


@pytest.mark.parametrize("name", CASES)
def test_a_full_service_makes_what_its_point_says(name: str) -> None:
    """A closed loop at a point's number of sequences reaches the point's rate and TPOT within a tenth: the closed form
    gives every iteration with prompts equal ones, the simulation those of the requests that just ended."""
    model, chip, sizes = CASES[name]
    own = engine(model, chip)
    layout = Layout(*(np.array([float(size)]) for size in sizes))
    prompt, output, running = 700, 160, 96
    room = room_tokens(own, layout, 0.9 * load.chip(chip).memory_capacity.value, np.array([8192.0]))
    points = aggregated(own, layout, room, Load(prompt, output), chunk=8192, running=running, mixes=True)
    row = -1
    sequences = int(points.sequences[row])
    chunk = 8192 * sizes[1] * sizes[3]
    laws = iteration_laws(own, layout.row(0), chunk=chunk, sequences=running * sizes[3])
    rng = np.random.default_rng(0)
    count = 60 * sequences
    # Spread lengths keep endings apart, as a steady state has them.
    outputs = rng.integers(output // 2, 3 * output // 2 + 1, count)
    trace = Trace("loop", [requests(np.zeros(count), np.full(count, prompt), outputs)])
    pool = Pool(*laws, 1, running * sizes[3], chunk, float(room[0]), stages=sizes[1])
    ledger = Ledger()
    outcome = simulate(Service((pool,), loop=sequences), trace, ledger)
    assert outcome.taken / outcome.seconds == pytest.approx(points.rate[row], rel=0.1)
    assert ledger.mean("tpot") == pytest.approx(points.tpot[row], rel=0.1)


def test_layouts_are_legal_and_complete() -> None:
    model = load.model("deepseek-r1")
    layouts = legal_layouts(model, 64, 8)
    assert len(set(zip(*(size.tolist() for size in layouts), strict=True))) == len(layouts.tp)
    assert (layouts.chips <= 64).all()
    assert (model.heads % layouts.tp == 0).all()
    assert (model.layers % layouts.pp == 0).all()
    assert (layouts.tp * layouts.dp % layouts.ep == 0).all()
    slow = {
        (tp, pp, ep, dp)
        for tp in (1, 2, 4, 8)
        for pp in (1, 61)
        for ep in (1, 2, 4, 8, 16, 32, 64)
        for dp in (1, 2, 4, 8, 16, 32, 64)
        if tp * pp * dp <= 64 and tp * dp % ep == 0
    }
    found = set(zip(*(size.astype(int).tolist() for size in layouts), strict=True))
    assert {each for each in slow if each[1] == 1} <= found
    dense = legal_layouts(load.model("llama-3.1-70b"), 64, 8)
    assert (dense.dp == 1).all()
    assert (dense.ep == 1).all()


def test_a_split_balances_both_sides_as_a_search_over_all_replicas_does() -> None:
    own = engine("llama-3.1-8b", "h100-sxm-80")
    layout = legal_layouts(own.model, 8, 8)
    room = room_tokens(own, layout, 72e9, np.full_like(layout.tp, 8192.0))
    load_ = Load(3000, 300)
    first = prefillers(own, layout, room, load_, chunk=8192)
    then = decoders(own, layout, room, load_, running=256)
    found = split(first, then, 16, 0.5)
    best = 0.0
    for p in np.flatnonzero(first.ttft <= 0.5):
        for d in range(len(then.rate)):
            for replicas in range(1, 17):
                left = int((16 - replicas * first.chips[p]) // then.chips[d])
                if left >= 1:
                    best = max(best, min(replicas * first.rate[p], left * then.rate[d]))
    assert found.rate.max() == pytest.approx(best)
    assert (found.ttft <= 0.5).all()
    used = found.prefill_replicas * first.chips[found.prefill] + found.decode_replicas * then.chips[found.decode]
    assert (used <= 16).all()


def test_a_front_has_what_nothing_beats() -> None:
    rng = np.random.default_rng(1)
    latency, gain = rng.random(200), rng.random(200)
    kept = set(front(latency, gain).tolist())
    for place in range(200):
        beaten = ((latency <= latency[place]) & (gain > gain[place])).any()
        assert (place in kept) != beaten

"""Speed of simulating services and of sweeping layouts.

    pytest benchmarks --benchmark-enable --benchmark-only

Without --benchmark-enable every case runs once, as a smoke test with the others. The conversation trace is the recorded one
where it is there, and else drawn by its lengths.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from petaday.catalog import load
from petaday.catalog.strict_yaml import loads
from petaday.catalog.validate import validated
from petaday.serving.arrivals import Rate, cosine
from petaday.serving.demand import Users, generate
from petaday.serving.law import Laws, iteration_laws
from petaday.serving.layout import Layout
from petaday.serving.lengths import measured
from petaday.serving.requests import Requests, Trace
from petaday.serving.simulate.outcome import Ledger
from petaday.serving.simulate.run import simulate
from petaday.serving.simulate.service import Pool, Scaling, Service, Tier
from petaday.study.engines import Precision, engine_of
from petaday.study.serve import join
from petaday.study.serve_sweep import sweep
from petaday.study.service_scenario import ServiceScenario
from petaday.study.traces import open_trace

TRACES = Path(__file__).parents[2] / "shared" / "data" / "traces" / "llm"
SEQUENCES, CHUNK, ROOM = 128, 512, 400_000.0


def laws() -> Laws:
    """Llama 2 70B on four H100, in iterations of 512 tokens and 128 sequences."""
    model, chip = load.model("llama-2-70b"), load.chip("h100-sxm-80")
    engine = engine_of(model, chip, load.engine("vllm-0.12"), Precision("bf16", "bf16", "bf16", 2.0))
    return iteration_laws(engine, Layout(*map(np.float64, (4, 1, 1, 1))), chunk=CHUNK, sequences=SEQUENCES)


def conversation() -> Trace:
    """The conversation trace, read."""
    path = TRACES / "AzureLLMInferenceTrace_conv.csv"
    if path.exists():
        trace = open_trace(path)
    else:
        trace = generate(Rate(5.6), 3500.0, measured(load.lengths("azure-conv")), variation=1.0, seed=0)
    return dataclasses.replace(trace, chunks=list(trace.chunks))


def in_blocks(trace: Trace) -> Trace:
    """The same requests with prompts in blocks of 512 tokens, a third of them shared with nine others."""
    chunks = []
    for chunk in trace.chunks:
        count = -(-chunk.prompt // 512)
        first = np.concatenate([[0], np.cumsum(count)])
        owner = np.repeat(np.arange(len(count)), count)
        place = np.arange(first[-1]) - first[owner]
        shared = place < count[owner] / 3
        blocks = np.where(shared, owner // 10, owner + 1_000_000) * 1000 + place
        chunks.append(chunk._replace(first_block=first, blocks=blocks))
    return dataclasses.replace(trace, chunks=chunks, block_tokens=512)


def by_users(trace: Trace) -> Trace:
    """The same requests of 2,000 users in two tiers."""
    chunks: list[Requests] = []
    for chunk in trace.chunks:
        user = (np.arange(len(chunk.arrival)) * 7919) % 2000
        chunks.append(chunk._replace(user=user, tier=(user % 5 > 0).astype(np.int64)))
    return dataclasses.replace(trace, chunks=chunks, users=2000)


PLAIN = Service((Pool(*laws(), 1, SEQUENCES, CHUNK, ROOM),))
FULL = Service(
    pools=(
        Pool(*laws(), 2, SEQUENCES, CHUNK, 40_000.0, role="prefill", move_start=2e-5, move=4e-6),
        Pool(*laws(), 2, SEQUENCES, CHUNK, 20_000.0, role="decode", swap=1e-6),
    ),
    tiers=(Tier("subscriber", queue=200, patience=60), Tier("free", queue=50, patience=20, rate=1 / 900, burst=5)),
    router="prefix-aware",
    prefix_tokens=512,
)


@pytest.mark.benchmark(group="requests simulated")
def test_the_conversation_trace_on_one_replica(benchmark: BenchmarkFixture) -> None:
    """Requests a second: `requests` in the extra information over the mean time."""
    trace = conversation()
    outcome = benchmark(lambda: simulate(PLAIN, trace, Ledger()))
    benchmark.extra_info["requests"] = outcome.taken
    assert outcome.unfinished == 0


@pytest.mark.benchmark(group="requests simulated")
def test_the_same_with_every_feature(benchmark: BenchmarkFixture) -> None:
    """Prefix caches, prefill and decode apart, preemption, tiers, rate limits."""
    trace = by_users(in_blocks(conversation()))
    outcome = benchmark(lambda: simulate(FULL, trace, Ledger(tiers=2)))
    benchmark.extra_info["requests"] = outcome.taken
    ledger = outcome.ledger
    assert outcome.unfinished == 0
    assert ledger.preempted > 0
    assert ledger.tokens[:, 2].sum() > 0
    assert ledger.outcomes[1, 2] > 0


def a_day(users: int) -> Trace:
    """A day of a service: a quarter of its users ask eight times."""
    rate = Rate(users * 0.25 * 8 / 86_400, cosine(2.0, 15.0))
    lengths = measured(load.lengths("azure-conv"))
    return generate(rate, 86_400.0, lengths, variation=1.5, seed=0, users=Users(users // 4, 1.3))


@pytest.mark.benchmark(group="a day of a service")
def test_a_day_of_a_service_of_a_million_users(benchmark: BenchmarkFixture) -> None:
    """Two million requests on replicas that scale; drawn, simulated and counted. A twentieth of them as a smoke test."""
    users = 50_000 if benchmark.disabled else 1_000_000
    scaling = Scaling(1, 16, 80, 180.0, 600.0)
    service = Service((Pool(*laws(), 1, SEQUENCES, CHUNK, ROOM, scaling=scaling),))
    trace = a_day(users)
    outcome = benchmark.pedantic(lambda: simulate(service, trace, Ledger()), rounds=1)
    benchmark.extra_info["requests"] = outcome.taken
    assert outcome.unfinished == 0


@pytest.mark.benchmark(group="layouts")
@pytest.mark.parametrize("model", ["llama-3.1-70b", "deepseek-r1"])
def test_every_layout_of_64_chips(benchmark: BenchmarkFixture, model: str) -> None:
    """Aggregated and disaggregated, at every number of sequences."""
    text = f"""
    serve: {{model: {model}, precision: fp8, cache: 8 bit}}
    pools: [{{chip: h200-sxm, chips: 64}}]
    demand: {{requests_per_second: 20, lengths: azure-conv}}
    objectives: {{ttft: 2 s, tpot: 50 ms}}
    """
    asking = join(validated(ServiceScenario, loads(text, "benchmark")), Path())
    found = benchmark(lambda: sweep(asking, asking.stacks[0], 64))
    benchmark.extra_info["points"] = found.points
    assert any(way.within for way in found.ways)

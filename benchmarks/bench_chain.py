"""The chain behind a plan: at the medians, in 8,192 draws, and with the indices of what moves it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from petaday.study.answer import answer
from petaday.study.chain.build import Chain, chain_of
from petaday.study.factor import middle
from petaday.study.scenario import read_scenario

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module", params=["llama3-405b", "wuxi-node"])
def chain(request: pytest.FixtureRequest) -> Chain:
    path = EXAMPLES / f"{request.param}.yaml"
    scenario, _ = read_scenario(path)
    return chain_of(answer(scenario, path.parent), path.parent)


def test_medians(benchmark: BenchmarkFixture, chain: Chain) -> None:
    values = middle(chain.factors)
    assert benchmark(lambda: chain.at(values))["goodput.share"] > 0.5


def test_draws(benchmark: BenchmarkFixture, chain: Chain) -> None:
    found = benchmark(lambda: chain.uncertainty(8192, explain=()))
    assert found.samples == 8192


def test_draws_and_indices(benchmark: BenchmarkFixture, chain: Chain) -> None:
    found = benchmark(lambda: chain.uncertainty(8192))
    assert found.shares

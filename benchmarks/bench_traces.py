"""Speed of requests: tables read and checked, arrivals and whole requests drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from petaday.catalog import load
from petaday.serving.arrivals import DAY, Crowd, Rate, arrivals, cosine
from petaday.serving.demand import Users, generate, spread_of
from petaday.serving.lengths import measured
from petaday.study.traces import open_trace

ROWS = 250_000
TABLES = {
    "csv": ("arrival,prompt,output", "{0:.3f},{1},{2}"),
    "csv with users": ("arrival,prompt,output,user", "{0:.3f},{1},{2},u{3}"),
    "azure": ("TIMESTAMP,ContextTokens,GeneratedTokens", "{4}+00:00,{1},{2}"),
}
DAILY = cosine(2.0, 20.0)


@pytest.mark.parametrize("name", TABLES)
def test_read_a_table(benchmark: BenchmarkFixture, tmp_path: Path, name: str) -> None:
    draw = np.random.default_rng(1)
    prompt, output = measured(load.lengths("azure-conv")).draw(draw, ROWS)
    user = draw.integers(100_000, size=ROWS)
    seconds = np.cumsum(draw.exponential(0.05, ROWS))
    dates = np.datetime_as_string(np.datetime64("2024-05-10T00:00:00", "us") + (seconds * 1e6).astype(int))
    header, row = TABLES[name]
    path = tmp_path / "requests"
    with path.open("w", encoding="utf-8") as text:
        print(header, file=text)
        text.writelines(row.format(*each) + "\n" for each in zip(seconds, prompt, output, user, dates, strict=True))

    def read() -> int:
        return sum(len(chunk.arrival) for chunk in open_trace(path).chunks)

    assert benchmark.pedantic(read, rounds=3) == ROWS


def test_ten_million_arrivals(benchmark: BenchmarkFixture) -> None:
    rate = Rate(1e7 / DAY, DAILY, (Crowd(3600, 5, 60, 600, 600),))

    def draw() -> int:
        return sum(len(times) for times in arrivals(rate, DAY, variation=2.0, seed=1))

    assert benchmark.pedantic(draw, rounds=3) > 1e7


def test_a_day_of_three_million_requests(benchmark: BenchmarkFixture) -> None:
    users = Users(1_000_000, spread_of(0.1, 0.5), (0.95, 0.05))
    trace = generate(
        Rate(3e6 / DAY, DAILY), DAY, measured(load.lengths("azure-conv")), variation=2.0, seed=1, users=users
    )

    def draw() -> int:
        return sum(len(chunk.arrival) for chunk in trace.chunks)

    assert benchmark.pedantic(draw, rounds=3) == pytest.approx(3e6, rel=0.01)

"""Speed of pricing and searching plans, and of the whole process.

    pytest benchmarks --benchmark-enable --benchmark-only

Without --benchmark-enable every case runs once, as a smoke test with the others.
"""

from __future__ import annotations

import functools
import resource
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from petaday.catalog.strict_yaml import loads
from petaday.catalog.validate import validated
from petaday.study.job import Joined, join
from petaday.study.scenario import Scenario
from petaday.training.plan import Plans
from petaday.training.pricer import Pricer
from petaday.training.search import search
from petaday.training.space import CHUNK, Space, all_plans

ROOT = Path(__file__).parents[1]
ROWS = 1_000_000


def joined(model: str, batch: int) -> Joined:
    """A model on 4,096 A100, as Megatron Core would train it."""
    text = f"""
    train: {{model: {model}, tokens: 300B, sequence_length: 2048, global_batch: {batch}, precision: bf16}}
    cluster: {{chip: a100-sxm-80, chips: 4096, network: ib-hdr}}
    """
    return join(validated(Scenario, loads(text, "benchmark")), ROOT)


GPT3 = ("gpt-3-175b", 1536)
MEGATRON_1T = ("megatron-1008b", 3072)


def chunks_of(case: Joined, rows: int) -> list[Plans]:
    """At least `rows` legal plans in chunks, the plans of the case repeated as often as it takes."""
    tables = list(all_plans(case.job, case.space))
    once = sum(len(table) for table in tables)
    return [table for _ in range(-(-rows // once)) for table in tables]


def price_all(case: Joined, tables: list[Plans]) -> int:
    """Price step time and memory of every row."""
    pricer = Pricer(case.job)
    for table in tables:
        pricer.price(table)
    return sum(len(table) for table in tables)


@pytest.mark.parametrize("name", [GPT3, MEGATRON_1T], ids=["gpt3-175b", "megatron-1t"])
def test_price_on_one_core(benchmark: BenchmarkFixture, name: tuple[str, int]) -> None:
    case = joined(*name)
    tables = chunks_of(case, ROWS if benchmark.enabled else CHUNK)
    rows = benchmark(price_all, case, tables)
    if benchmark.enabled:
        benchmark.extra_info["plans_per_second"] = round(rows / benchmark.stats["median"])


@functools.cache
def half(rows: int, remainder: int) -> tuple[Joined, list[Plans]]:
    """One of two halves of the plans, built once in each process."""
    case = joined(*GPT3)
    return case, chunks_of(case, rows)[remainder::2]


def price_half(rows: int, remainder: int) -> int:
    """Price one half in this process."""
    return price_all(*half(rows, remainder))


def test_price_on_two_cores(benchmark: BenchmarkFixture) -> None:
    rows = ROWS if benchmark.enabled else CHUNK
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as one,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other,
    ):

        def price_both() -> int:
            parts = [pool.submit(price_half, rows, remainder) for remainder, pool in enumerate((one, other))]
            return sum(part.result() for part in parts)

        price_both()
        priced = benchmark(price_both)
    if benchmark.enabled:
        benchmark.extra_info["plans_per_second"] = round(priced / benchmark.stats["median"])


@pytest.mark.parametrize("name", [GPT3, MEGATRON_1T], ids=["gpt3-175b", "megatron-1t"])
def test_full_search(benchmark: BenchmarkFixture, name: tuple[str, int]) -> None:
    case = joined(*name)
    found = benchmark(search, case.job, case.space, top=10)
    assert found.best is not None
    benchmark.extra_info["plans_considered"] = found.considered


WIDE = ("tp_overlap", "dp_overlap", "optimizer_offload", "activation_offload")


def search_wide() -> tuple[int, int]:
    """Search with every switch open: plans considered, and the largest resident size in bytes."""
    case = joined(*GPT3)
    opened = {
        **case.space.allowed,
        **dict.fromkeys(WIDE, (0, 1)),
        "grad_bytes": (2, 4),
        "moment_bytes": (1, 2, 4),
    }
    found = search(case.job, Space(opened), top=10, objectives=("step_time", "memory"))
    return found.considered, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_memory_of_a_search_over_millions(benchmark: BenchmarkFixture) -> None:
    if not benchmark.enabled:
        pytest.skip("several million plans: only when measuring")
    code = "from bench_plan import search_wide; print(*search_wide())"
    run = partial(
        subprocess.run,
        [sys.executable, "-c", code],
        cwd=ROOT / "benchmarks",
        check=True,
        capture_output=True,
        text=True,
    )
    result = benchmark.pedantic(run, rounds=1)
    considered, resident = map(int, result.stdout.split())
    benchmark.extra_info["plans_considered"] = considered
    benchmark.extra_info["peak_memory_bytes"] = resident
    assert resident < 2**30


@pytest.mark.parametrize("arguments", [("plan", "examples/gpt3-175b.yaml"), ("--help",)], ids=["plan", "help"])
def test_whole_process(benchmark: BenchmarkFixture, arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", "from petaday.cli import main; main()", *arguments]
    benchmark(subprocess.run, command, cwd=ROOT, check=True, capture_output=True)


def test_import(benchmark: BenchmarkFixture) -> None:
    benchmark(subprocess.run, [sys.executable, "-c", "import petaday"], check=True)


def test_distinct_rows_are_found_without_a_sort(benchmark: BenchmarkFixture) -> None:
    from petaday.training.plan import distinct

    columns = [np.random.default_rng(seed).integers(0, 8, CHUNK) for seed in range(8)]
    first, place = benchmark(distinct, columns)
    assert np.array_equal(columns[0][first][place], columns[0])

"""The search: against pricing every plan, against the definition of a Pareto front, and sizes of clusters."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import GPT, GQA, MODELS, MOE, job_of, space_of
from petaday.catalog.model import Model
from petaday.errors import InputError
from petaday.training import space as spaces
from petaday.training.plan import COLUMNS, Plans
from petaday.training.pricer import COMMUNICATION, Pricer
from petaday.training.search import OBJECTIVES, chip_counts, pareto, search
from petaday.training.space import all_plans

# Against pricing everything


@pytest.mark.parametrize("memory", [1.6e9, 2.5e9, 80e9])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_the_best_plans_are_the_fastest_that_fit(model: Model, memory: float) -> None:
    job = replace(job_of(model), memory=memory)
    everything = Plans.concat(all_plans(job, space_of()))
    prices = Pricer(job).price(everything)
    fits = prices.memory <= memory
    found = search(job, space_of(), top=7)
    assert found.considered == len(everything)
    assert found.fitting == np.count_nonzero(fits)
    assert found.least_memory == prices.memory.min()
    assert found.answered == bool(fits.any())
    assert found.step_time.tolist() == sorted(prices.step_time[fits].tolist())[:7]
    if found.best is not None:
        own = Pricer(job).price(found.best)
        assert np.array_equal(own.step_time, found.step_time)
        assert np.array_equal(own.memory, found.memory)
        assert np.all(found.memory <= memory)


def test_of_equally_fast_plans_the_leaner_comes_first() -> None:
    found = search(job_of(GPT, chips=1), space_of(micro_batch=1, dp_overlap=(0, 1)), top=50)
    order = list(zip(found.step_time.tolist(), found.memory.tolist(), strict=True))
    assert order == sorted(order)


def test_the_answer_does_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    job = replace(job_of(GQA), memory=2e9)
    counts: list[int] = []
    whole = search(job, space_of(), top=5, objectives=("step_time", "memory"))
    monkeypatch.setattr(spaces, "CHUNK", 1000)
    cut = search(job, space_of(), top=5, objectives=("step_time", "memory"), progress=counts.append)
    assert cut.step_time.tolist() == whole.step_time.tolist()
    assert cut.front_values["memory"].tolist() == whole.front_values["memory"].tolist()
    assert counts == sorted(counts)
    assert counts[-1] == cut.considered
    assert len(counts) == -(-cut.considered // 1000)


def test_more_memory_never_loses_a_plan() -> None:
    sizes = np.linspace(1e9, 9e9, 6)
    fitting = [search(replace(job_of(MOE), memory=memory), space_of()).fitting for memory in sizes]
    assert fitting == sorted(fitting)
    assert fitting[0] < fitting[-1]


def test_more_freedom_never_slows() -> None:
    job = job_of(GQA)
    free = search(job, space_of()).step_time[0]
    for column, value in {"tp": 2, "pp": 2, "zero": 1, "recompute": 2}.items():
        assert search(job, space_of(**{column: value})).step_time[0] >= free


def test_nothing_legal_is_no_answer() -> None:
    found = search(job_of(GPT, chips=7, global_batch=4), space_of(pp=1))
    assert not found.answered
    assert found.considered == 0
    assert found.leanest is None
    assert found.least_memory == float("inf")


def test_nothing_that_fits_names_the_leanest() -> None:
    found = search(replace(job_of(GPT), memory=1.0), space_of())
    assert not found.answered
    assert found.fitting == 0 < found.considered
    assert found.leanest is not None
    assert Pricer(job_of(GPT)).price(found.leanest).memory[0] == found.least_memory


# Pareto fronts


def dominates(left: list[float], right: list[float]) -> bool:
    return all(a <= b for a, b in zip(left, right, strict=True)) and left != right


@given(data=st.data(), columns=st.integers(1, 3), reach=st.sampled_from([2, 5, 1000]))
def test_a_front_is_what_nothing_beats(data: st.DataObject, columns: int, reach: int) -> None:
    row = st.lists(st.integers(0, reach).map(float), min_size=columns, max_size=columns)
    rows = data.draw(st.lists(row, min_size=1, max_size=40))
    chosen = pareto(np.array(rows).T)
    kept = [rows[i] for i in chosen]
    front = {tuple(row) for row in rows if not any(dominates(other, row) for other in rows)}
    assert {tuple(row) for row in kept} == front
    assert len(kept) == len(front)
    assert kept == sorted(kept)
    assert all(rows.index(row) == i for i, row in zip(chosen, kept, strict=True))


@pytest.mark.parametrize(
    "objectives",
    [("memory",), ("step_time", "memory"), ("memory", "bubble"), ("step_time", "memory", "communication")],
)
def test_the_front_of_a_search_is_the_front_of_all_plans(objectives: tuple[str, ...]) -> None:
    job = replace(job_of(GQA, chips=8), memory=4e9)
    found = search(job, space_of(), objectives=objectives)
    everything = Plans.concat(all_plans(job, space_of()))
    pricer = Pricer(job)
    prices = pricer.price(everything)
    fits = prices.memory <= job.memory
    values = {"step_time": prices.step_time, "memory": prices.memory, **pricer.losses(everything)}
    table = [values[name][fits] for name in objectives]
    chosen = pareto(table)
    assert found.front is not None
    for name, column in zip(objectives, table, strict=True):
        assert found.front_values[name].tolist() == column[chosen].tolist()
    assert len(found.front) == len(chosen)


def test_losses_are_the_waterfalls() -> None:
    job = job_of(MOE)
    plans = Plans.concat(all_plans(job, space_of(micro_batch=2)))
    parts = Pricer(job).terms(plans, job.precisions[0]).waterfall()
    losses = Pricer(job).losses(plans)
    assert np.array_equal(losses["bubble"], parts["bubble"])
    assert np.allclose(losses["communication"], sum(parts[name] for name in COMMUNICATION))


def test_an_unknown_objective_is_told_its_neighbours() -> None:
    with pytest.raises(InputError) as caught:
        search(job_of(GPT), space_of(), objectives=("step-time",))
    assert caught.value.nearest == ("step_time",)
    assert all(name in caught.value.expected for name in OBJECTIVES)


# Sizes of clusters


@given(domain=st.sampled_from([1, 4, 8, 64, 72]), fewest=st.floats(0.1, 1e5))
def test_cluster_sizes_ascend_and_divide(domain: int, fewest: float) -> None:
    sizes = list(islice(chip_counts(domain, fewest), 30))
    assert sizes == sorted(set(sizes))
    assert sizes[0] >= fewest
    for size in sizes:
        inside = size < domain and size & (size - 1) == 0
        domains = size // domain
        for prime in (2, 3, 5):
            while domains and domains % prime == 0:
                domains //= prime
        assert inside or (size % domain == 0 and domains == 1)


def test_no_workable_size_is_skipped() -> None:
    assert list(islice(chip_counts(8, 1), 16)) == [1, 2, 4, 8, 16, 24, 32, 40, 48, 64, 72, 80, 96, 120, 128, 144]
    assert next(chip_counts(8, 49)) == 64
    assert next(chip_counts(72, 73)) == 144


def test_found_plans_have_every_column() -> None:
    found = search(job_of(GPT), space_of(), top=3)
    assert found.best is not None
    assert set(found.best.row(0)) == set(COLUMNS)
    assert len(found.best) == 3

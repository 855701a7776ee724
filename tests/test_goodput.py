"""Goodput in closed form: what adds up, what may only get worse, and the same job event by event."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.training.failure_events import Cycle, cycle_of, simulate
from petaday.training.goodput import LOSSES, Checkpoint, Failing, elastic, synchronous

DAYS = 86_400.0


def job(**changes: object) -> Failing:
    """Three classes, of which the last stops every replica, every 33 minutes in all."""
    rates = np.array([0.5, 0.3, 0.2]) / 2000
    plain = Failing(
        rates=rates,
        detection=np.array([10.0, 100.0, 600.0]),
        swap=np.array([0.0, 120.0, 0.0]),
        whole=np.array([0.0, 0.0, 1.0]),
        restart=np.asarray(300.0),
        replica_restart=np.asarray(60.0),
        storage=Checkpoint(None, np.zeros(()), np.asarray(5.0), np.asarray(30.0)),
        memory=None,
        replica_lost=np.ones(()),
        replicas=np.asarray(12),
        elastic_stall=np.asarray(180.0),
        waiting=np.zeros(()),
        short=np.zeros(()),
        silent_rate=np.zeros(()),
        silent_delay=np.zeros(()),
        slow_machines=np.zeros(()),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


IN_MEMORY = {
    "memory": Checkpoint(None, np.ones(()), np.asarray(0.2), np.zeros(())),
    "replica_lost": np.asarray(0.2),
}


# Event by event


@pytest.mark.parametrize("is_elastic", [False, True], ids=["synchronous", "elastic"])
@pytest.mark.parametrize("levels", [{}, IN_MEMORY], ids=["storage", "memory"])
def test_the_closed_form_is_the_mean_of_the_events(is_elastic: bool, levels: dict[str, object]) -> None:
    each = job(**levels)
    closed = (elastic if is_elastic else synchronous)(each)
    runs = simulate(each, cycle_of(each, closed), 20 * DAYS, 24, seed=5, elastic=is_elastic)
    error = runs.std(ddof=1) / np.sqrt(len(runs))
    assert error < 0.003
    assert runs.mean() == pytest.approx(float(closed.share), abs=3 * error)


@pytest.mark.parametrize("interval", [30.0, 2000.0])
def test_a_bad_interval_costs_what_the_closed_form_says(interval: float) -> None:
    each = job(storage=Checkpoint(np.asarray(interval), np.zeros(()), np.asarray(5.0), np.asarray(20.0)))
    closed = synchronous(each)
    runs = simulate(each, cycle_of(each, closed), 20 * DAYS, 24, seed=6, elastic=False)
    assert runs.mean() == pytest.approx(float(closed.share), abs=3 * runs.std(ddof=1) / np.sqrt(len(runs)))
    assert closed.share < synchronous(job()).share


def test_the_same_seed_gives_the_same_runs() -> None:
    each = job()
    cycle = cycle_of(each, synchronous(each))
    first, again, other = (simulate(each, cycle, DAYS, 3, seed=seed, elastic=False) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_without_failures_only_checkpoints_take_time() -> None:
    each = job(rates=np.full(3, 1e-15))
    cycle = Cycle(1, 100.0, 0.0, 5.0, 0.0)
    # The run ends with its last second of work, before that stretch's stall.
    assert simulate(each, cycle, 1000.0, 1, seed=0, elastic=False) == pytest.approx([1000 / (10 * 100 + 9 * 5)])


# What adds up


shares = st.floats(0, 0.3)


@given(
    st.lists(st.floats(1e-8, 1e-3), min_size=3, max_size=3), st.floats(0, 1e3), st.floats(1, 3600), st.floats(0.01, 60),
    shares, shares, shares, st.integers(2, 100), st.booleans(),
)  # fmt: skip
def test_useful_time_and_losses_are_the_whole(
    rates: list[float], detection: float, restart: float, stall: float, waiting: float, slow: float, lost: float,
    replicas: int, in_memory: bool,
) -> None:  # fmt: skip
    each = job(
        rates=np.array(rates), detection=np.full(3, detection), restart=np.asarray(restart), waiting=np.asarray(waiting),
        short=np.asarray(waiting), slow_machines=np.asarray(slow), replicas=np.asarray(replicas),
        storage=Checkpoint(None, np.ones(()), np.asarray(stall), np.asarray(stall)),
        silent_rate=np.asarray(rates[0]), silent_delay=np.asarray(600.0),
        **({"memory": IN_MEMORY["memory"], "replica_lost": np.asarray(lost + 0.01)} if in_memory else {}),
    )  # fmt: skip
    for kept in (synchronous(each), elastic(each)):
        assert tuple(sorted(kept.losses)) == tuple(sorted(LOSSES))
        assert all(-1e-12 <= float(loss) <= 1 for loss in kept.losses.values())
        assert float(kept.share) + sum(map(float, kept.losses.values())) == pytest.approx(1, abs=1e-12)
        assert float(kept.mtbf) == pytest.approx(1 / sum(rates))


@given(st.sampled_from(["rates", "detection", "swap", "restart", "waiting", "silent_delay", "slow_machines"]))
def test_more_of_anything_bad_leaves_less(name: str) -> None:
    base = job(waiting=np.asarray(0.01), silent_rate=np.asarray(1e-5), silent_delay=np.asarray(60.0),
               slow_machines=np.asarray(0.01))  # fmt: skip
    worse = replace(base, **{name: 2 * getattr(base, name)})
    assert synchronous(worse).share < synchronous(base).share


def test_more_replicas_lose_less_each_time() -> None:
    few, many = (elastic(job(replicas=np.asarray(count))).share for count in (4, 64))
    assert many > few
    assert few > synchronous(job()).share


def test_losses_stand_where_they_belong() -> None:
    plain = synchronous(job())
    assert plain.losses["elastic"] == plain.losses["spares"] == plain.losses["silent"] == 0
    slower = synchronous(job(restart=np.asarray(900.0)))
    assert slower.losses["restart"] > plain.losses["restart"]
    assert slower.losses["detection"] == pytest.approx(plain.losses["detection"])
    # A quarter of an hour of restart at 33 minutes between failures, of which some are cut short.
    assert float(slower.losses["restart"]) == pytest.approx(np.exp(-0.1) - np.exp(-0.55), abs=0.05)


# One formula, any shape


def test_samples_at_once_are_the_samples_one_by_one() -> None:
    generator = np.random.default_rng(2)
    n = 5
    rates = generator.uniform(1e-6, 1e-3, (3, n))
    restart, lost = generator.uniform(10, 900, n), generator.uniform(0.01, 0.2, n)
    column = {name: np.broadcast_to(getattr(job(), name)[:, None], (3, n)) for name in ("detection", "swap", "whole")}
    table = job(rates=rates, restart=restart, **{**IN_MEMORY, "replica_lost": lost}, **column)
    for price in (synchronous, elastic):
        together = price(table)
        assert together.share.shape == (n,)
        for i in range(n):
            one = price(job(rates=rates[:, i], restart=restart[i], **{**IN_MEMORY, "replica_lost": lost[i]}))
            assert together.share[i] == pytest.approx(float(one.share))
            assert together.interval[i] == pytest.approx(float(one.interval))
            for name in LOSSES:
                assert together.losses[name][i] == pytest.approx(float(one.losses[name]), abs=1e-12)


def test_every_field_of_a_job_moves_its_goodput() -> None:
    base = job(**IN_MEMORY, waiting=np.asarray(0.01), short=np.asarray(0.1), silent_rate=np.asarray(1e-5),
               silent_delay=np.asarray(600.0), slow_machines=np.asarray(0.01))  # fmt: skip
    for field in fields(Failing):
        value = getattr(base, field.name)
        other = replace(value, stall=2 * value.stall) if isinstance(value, Checkpoint) else value * 0.7
        moved = replace(base, **{field.name: other})
        before, after = ((float(synchronous(each).share), float(elastic(each).share)) for each in (base, moved))
        assert before != after, field.name

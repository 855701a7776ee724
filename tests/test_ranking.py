"""The order of plans: statistics by hand, and the groups of the measured sweeps."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cases import GPT, OVERLAPPED, job_of, plan_of
from petaday.report.errors import show_suites
from petaday.training.job import Job
from petaday.training.layout import Stage
from petaday.training.plan import Plans
from petaday.training.pricer import Pricer
from petaday.training.state import rank_state
from petaday.validation.ranking import (
    NEAR,
    Group,
    ranking_data,
    ranking_groups,
    ranking_of,
    ranking_suites,
    spearman,
)
from petaday.validation.suite import Suite

TIMES = st.lists(st.floats(0.01, 100), min_size=4, max_size=20)


@lru_cache(maxsize=1)
def groups() -> tuple[Group, ...]:
    return tuple(ranking_groups())


def group(predicted: list[float], measured: list[float], fits: list[bool] | None = None) -> Group:
    kept = np.array(fits if fits is not None else [True] * len(measured))
    return Group("source", "model", 8, 2048, 64, np.array(predicted), np.array(measured), kept)


# Statistics by hand


def test_rank_correlation_by_hand() -> None:
    """1 - 6 Σd² / n(n² - 1) where nothing ties: d = (0, 0, 1, 1) of 4 gives 0.8."""
    one = np.array([1.0, 2.0, 3.0, 4.0])
    assert spearman(one, one**3) == pytest.approx(1)
    assert spearman(one, -one) == pytest.approx(-1)
    assert spearman(one, np.array([1.0, 2.0, 4.0, 3.0])) == pytest.approx(0.8)
    assert np.isnan(spearman(one, np.ones(4)))


def test_ties_share_their_rank() -> None:
    assert spearman(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(np.sqrt(3) / 2)


def test_regret_is_what_the_choice_cost() -> None:
    chosen = group([1.0, 2.0, 3.0], [12.0, 10.0, 30.0])
    assert (chosen.pick, chosen.regret) == (0, 1.2)
    assert group([1.0, 2.0, 3.0], [12.0, 10.0, 30.0], [False, True, True]).regret == 1
    assert group([1.0, 2.0, 3.0], [12.0, 10.0, 30.0], [False] * 3).regret == 1.2


def test_statistics_over_groups() -> None:
    told = ranking_of([group([1.0, 2.0], [1.0, 2.0]), group([2.0, 1.0], [1.0, 2.0]), group([1.0, 2.0], [1.04, 1.0])])
    assert (told.groups, told.plans) == (3, 6)
    assert told.near == pytest.approx(2 / 3)
    assert (told.regret, told.worst) == (1.04, 2.0)
    assert ranking_of([]).groups == 0


@given(TIMES)
def test_perfect_predictions_have_no_regret(times: list[float]) -> None:
    assert group(times, times).regret == 1


@given(TIMES, st.floats(0.1, 10))
def test_the_order_alone_counts(times: list[float], scale: float) -> None:
    measured = list(reversed(times))
    one, other = group(times, measured), group([scale * time for time in times], measured)
    assert one.regret == other.regret
    assert one.spearman == pytest.approx(other.spearman, nan_ok=True)


# The measured sweeps


def test_the_sweep_is_ranked_as_it_was() -> None:
    """The worst choice is on 512 chips, where some plans ran 3 to 10 times slower than the same plans on fewer chips."""
    told = ranking_of([each for each in groups() if each.source == "nanotron"])
    assert (told.groups, told.plans) == (15, 625)
    assert told.spearman >= 0.88
    assert told.near >= 0.45
    assert ranking_of([each for each in groups() if each.source == "nanotron" and each.chips < 512]).worst <= 1.15


def test_groups_that_no_fit_saw_are_ranked_as_well() -> None:
    told = ranking_of([each for each in groups() if not each.fitted])
    assert told.groups == 10
    assert told.spearman >= 0.88


def test_internevo_is_ranked_as_it_was() -> None:
    """How ZeRO-1 shares are handed out decides at a thousand chips: 7.2 s a step or 4.5."""
    told = ranking_of([each for each in groups() if each.source == "internevo"])
    assert (told.groups, told.near) == (8, 1)
    assert told.spearman >= 0.9


def test_vtrain_is_ranked_as_it_was() -> None:
    told = ranking_of([each for each in groups() if each.source == "vtrain"])
    assert told.groups == 3
    assert (told.near, told.worst <= NEAR) == (1, True)


def test_step_times_of_the_sweep() -> None:
    (suite,) = ranking_suites()
    assert isinstance(suite, Suite)
    assert suite.errors.median < 0.092


def test_statistics_are_shown() -> None:
    data = ranking_data(groups())
    assert data["statistics"][0]["name"] == "all"
    assert len(data["groups"]) == len(groups())
    verdicts = {"plans": 10, "right_pct": 90.0, "recall_pct": 80.0, "false_alarms_pct": 5.0}
    console = Console(record=True, width=120, file=None, quiet=False)
    with console.capture() as shown:
        show_suites({"suites": [], "rows": [_row()], "ranking": data, "verdicts": verdicts}, console)
    assert "ranking of plans" in shown.get()
    assert "verdicts on memory" in shown.get()


def _row() -> dict[str, object]:
    return {"skipped": None, "predicted": 1.0}


# What the sweep taught of step times


def _priced(plans: Plans, **changes: object) -> float:
    return float(Pricer(_job(**changes)).price(plans).step_time[0])


def _job(**changes: object) -> Job:
    return job_of(GPT, chips=16, software=replace(OVERLAPPED, **changes))  # type: ignore[arg-type]


def test_exchanges_cannot_be_issued_faster_than_the_host() -> None:
    """8 layers · tp 8 · 1 s for each of 16 micro-batches of a replica, beyond which nothing is computed."""
    plans = plan_of(tp=8, dp=2)
    slow = _priced(plans, tensor_launch=1.0)
    assert slow == pytest.approx(16 * 8 * 8, rel=0.01)
    assert _priced(plans, tensor_launch=1e-9) == _priced(plans)
    assert _priced(plan_of(dp=16), tensor_launch=1.0) == _priced(plan_of(dp=16))


def test_a_pipeline_waits_longer_for_its_host() -> None:
    plans = plan_of(tp=8, pp=2, first_layers=4, last_layers=4)
    once, thrice = (_priced(plans, tensor_launch=1.0, pipeline_launch=factor) for factor in (1.0, 3.0))
    assert thrice == pytest.approx(3 * once, rel=0.01)


def test_the_waterfall_holds_the_waiting() -> None:
    job = _job(tensor_launch=1.0)
    plans = plan_of(tp=8, dp=2)
    terms = Pricer(job).terms(plans, job.precisions[0])
    assert sum(float(np.ravel(part)[0]) for part in terms.waterfall().values()) == pytest.approx(terms.step[0])


def test_every_bucket_pays_the_latency() -> None:
    """One message of everything, and as many as there are buckets of 16-bit gradients: more time, at most linearly."""
    plans = plan_of(dp=16)
    whole, halves = (
        float(rank_state(plans, _job(sync_bucket=size)).sync[0]) for size in (0.0, float(job_of(GPT).count.total))
    )
    many = float(rank_state(plans, _job(sync_bucket=2.5e4)).sync[0])
    assert whole < halves < many


def test_weights_handed_out_before_the_pass_are_not_hidden() -> None:
    plans = plan_of(dp=16, zero=1, dp_overlap=1)
    beside, before = (_priced(plans, hands_out_beside=beside) for beside in (True, False))
    assert before > beside


def test_owners_that_broadcast_in_turn_each_pay_a_start() -> None:
    """16 owners of a millisecond; none where one rank owns all."""
    plans = plan_of(dp=16, zero=1)
    once, each = (float(rank_state(plans, _job(shard_start=start)).regather[0]) for start in (0.0, 1e-3))
    assert each == pytest.approx(once + 16e-3)
    alone = plan_of(tp=8, pp=2, first_layers=4, last_layers=4, zero=1)
    assert rank_state(alone, _job(shard_start=1e-3)).regather[0] == 0


def test_weights_that_stay_gathered_in_a_pipeline_are_held_whole_and_move_once() -> None:
    """Whole weights beside the shards, whole gradients, and one gather and one scatter a step as under ZeRO-2."""
    plans = plan_of(dp=8, pp=2, first_layers=4, last_layers=4, zero=3)
    again, once = (rank_state(plans, _job(pipeline_gathers_once=held)) for held in (False, True))
    zero_2 = rank_state(plan_of(dp=8, pp=2, first_layers=4, last_layers=4, zero=2), _job())
    for stage in Stage:
        assert once.gradients[stage] == pytest.approx(8 * again.gradients[stage])
        assert once.weights[stage] == pytest.approx(9 * again.weights[stage])
        assert zero_2.gradients[stage] == pytest.approx(once.gradients[stage])
    assert (once.gather_layer[0], once.scatter_layer[0], once.working[0]) == (0, 0, 0)
    assert (once.sync[0], once.regather[0]) == (zero_2.sync[0], zero_2.regather[0])
    assert again.gather_layer[0] > 0

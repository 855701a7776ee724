"""An order through its lines: stocks and flows, lead times, what binds, and when it is filled."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petaday.catalog.quarter import read_quarter
from petaday.supply.capacity import learned, monthly
from petaday.supply.chain import Filled, Part, fill

MONTHS = 24


def flat(rate: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.full(MONTHS, rate)


def simple(order: float, **changes: object) -> Filled:
    """100 dies and 1,000 GB a month for packages of 2 dies and 10 GB, of which 60 a month can be started."""
    given_: dict[str, object] = {"packaging": flat(60), "assembled": 1.0, "lead": 2.0, "dies": 100.0, "stock": 0.0}
    settings_ = given_ | changes
    parts = (
        Part("dies", 2.0, flat(float(settings_["dies"])), 3.0, float(settings_["stock"])),  # type: ignore[arg-type]
        Part("memory", 10.0, flat(1000), 1.0),
    )
    return fill(
        order,
        parts,
        settings_["packaging"],  # type: ignore[arg-type]
        settings_["assembled"],  # type: ignore[arg-type]
        float(settings_["lead"]),  # type: ignore[arg-type]
        settings_.get("exported", 1.0),  # type: ignore[arg-type]
        bool(settings_.get("running", False)),
    )


# By hand


def test_the_scarcest_part_sets_the_pace_after_its_lead_time() -> None:
    """50 packages a month of 100 dies, which come from the fourth month on, and leave two months later."""
    run = simple(200)
    assert run.packages[:8].tolist() == [0, 0, 0, 50, 50, 50, 50, 0]
    assert run.delivered[:10].tolist() == [0, 0, 0, 0, 0, 50, 50, 50, 50, 0]
    assert float(run.months) == 9.0
    assert [run.names[index] for index in run.binding[3:9]] == ["dies"] * 3 + ["the order"] * 3


def test_a_fraction_of_a_month_is_told() -> None:
    assert float(simple(210).months) == pytest.approx(9.2)
    assert float(simple(60, lead=2.5).months) == pytest.approx(3 + 60 / 50 + 2.5)


def test_a_bank_of_dies_starts_at_once_and_then_packaging_binds() -> None:
    run = simple(200, stock=400.0)
    assert run.names[run.binding[0]] == "memory", "whose line starts with the order"
    assert run.packages[1:4].tolist() == [60, 60, 60]
    assert run.names[run.binding[1]] == "packaging"
    assert run.arrived[0].sum() == 0


def test_lines_that_run_deliver_from_the_first_month() -> None:
    run = simple(200, running=True)
    assert float(run.before) == 100, "two months of 50 packages are in the making"
    assert float(run.months) == pytest.approx(4.0)


def test_what_is_bad_is_made_again() -> None:
    run = simple(200, assembled=0.8)
    assert run.packages.sum() == pytest.approx(250)
    assert run.delivered.sum() == pytest.approx(200)


def test_an_export_ban_leaves_the_order_short() -> None:
    exported = np.where(np.arange(MONTHS) < 7, 1.0, 0.0)
    run = simple(200, exported=exported)
    assert run.delivered.sum() == pytest.approx(100)
    assert math.isinf(float(run.months))
    assert {run.names[index] for index in run.binding[7:]} == {"the export ban"}


def test_an_endless_order_takes_all_that_comes() -> None:
    run = simple(math.inf)
    assert run.packages.sum() == pytest.approx(50 * (MONTHS - 3))
    assert math.isinf(float(run.months))


# Properties

rates = st.floats(1, 500)


@given(order=st.floats(1, 5000), dies=rates, line=rates, share=st.floats(0.3, 1), stock=st.floats(0, 2000),
       running=st.booleans())  # fmt: skip
@settings(deadline=None)
def test_nothing_is_made_of_nothing(
    order: float, dies: float, line: float, share: float, stock: float, running: bool
) -> None:
    run = simple(order, dies=dies, packaging=flat(line), assembled=share, stock=stock, running=running)
    assert min(each.min() for each in (*run.arrived, *run.used, run.packages, run.delivered)) >= 0
    for used, arrived, ready in zip(run.used, run.arrived, (stock, 0.0), strict=True):
        have = ready + np.cumsum(arrived)
        assert np.all(np.cumsum(used) <= have * (1 + 1e-9) + 1e-6)
    assert np.all(run.packages <= line * (1 + 1e-9))
    assert run.delivered.sum() <= order * (1 + 1e-9)
    if math.isfinite(float(run.months)):
        assert run.delivered.sum() == pytest.approx(order)
        assert run.packages.sum() + float(run.before) == pytest.approx(order / share)


@given(order=st.floats(10, 2000), dies=rates, more=st.floats(1, 3))
@settings(deadline=None)
def test_more_capacity_and_smaller_orders_are_never_slower(order: float, dies: float, more: float) -> None:
    base = float(simple(order, dies=dies).months)
    assert float(simple(order, dies=dies * more).months) <= base + 1e-6
    assert float(simple(order / more, dies=dies).months) <= base + 1e-6


def stepped(
    order: float, capacity: dict[str, float], needs: dict[str, float], leads: dict[str, int], line: float, lead: int
) -> float:
    """Months until an order is filled, day by day through queues: the slow reference of whole months' lead times."""
    days = 30
    stock = dict.fromkeys(needs, 0.0)
    in_the_making: list[tuple[int, float]] = []
    started = delivered = 0.0
    for day in range(MONTHS * days):
        for name, each in needs.items():
            if day >= leads[name] * days:
                stock[name] += min(capacity[name] / days, each * order)
        made = min(line / days, order - started, *(stock[name] / each for name, each in needs.items()))
        started += made
        for name, each in needs.items():
            stock[name] -= made * each
        in_the_making.append((day + lead * days, made))
        delivered += sum(count for ready, count in in_the_making if ready == day)
        if delivered >= order * (1 - 1e-9):
            return (day + 1) / days
    return math.inf


@pytest.mark.parametrize(("order", "dies", "line"), [(200, 100, 60), (333, 130, 40), (700, 90, 90), (1200, 500, 500)])
def test_against_days_one_by_one(order: float, dies: float, line: float) -> None:
    reference = stepped(order, {"d": dies, "m": 1000}, {"d": 2, "m": 10}, {"d": 3, "m": 1}, line, 2)
    assert float(simple(order, dies=dies, packaging=flat(line)).months) == pytest.approx(reference, abs=0.15)


def test_samples_go_through_at_once() -> None:
    """Every sample, of rates, yields and lead times, is the order that it would be alone."""
    samples = 8192
    dies = np.linspace(50, 300, samples)
    share = np.linspace(0.6, 1.0, samples)
    random = np.random.default_rng(0)
    leads = random.uniform(0, 6, (3, samples))
    leads[:, 0] = 0.0
    for running in (False, True):
        parts = (
            Part("dies", 2.0, dies[:, None] * np.ones(MONTHS), leads[0]),
            Part("memory", 10.0, flat(1000), leads[1]),
        )
        run = fill(200.0, parts, flat(60), share, leads[2], running=running)
        assert run.delivered.shape == (samples, MONTHS) and run.months.shape == (samples,)
        assert float(np.ptp(run.months)) > 1
        for row in (0, 1, 4000, samples - 1):
            alone = fill(
                200.0,
                (
                    Part("dies", 2.0, flat(dies[row]), float(leads[0, row])),
                    Part("memory", 10.0, flat(1000), float(leads[1, row])),
                ),
                flat(60),
                share[row],
                float(leads[2, row]),
                running=running,
            )
            assert float(run.months[row]) == pytest.approx(float(alone.months))
            assert run.delivered[row] == pytest.approx(alone.delivered)


def test_a_longer_lead_time_delivers_later_by_as_much() -> None:
    """Where nothing waits for anything else, the months to the last delivery grow by the lead time's own months."""
    months = fill(200.0, (Part("dies", 2.0, flat(100), 3.0),), flat(60), 1.0, np.array([0.0, 1.5, 4.25])).months
    assert months - months[0] == pytest.approx([0.0, 1.5, 4.25])
    later = fill(200.0, (Part("dies", 2.0, flat(100), np.array([0.0, 2.0, 3.0])),), flat(60), 1.0, 1.0).months
    assert later - later[0] == pytest.approx([0.0, 2.0, 3.0])


# Capacity by month


def test_rates_run_straight_between_the_ends_of_quarters() -> None:
    """8,000 at the end of a quarter and 14,000 two quarters on: 1,000 a month, told at the middle of each."""
    first = read_quarter("2023Q2")
    rates_ = monthly([first, first + 2], [8000.0, 14000.0], first + 1, 6)
    assert rates_.tolist() == pytest.approx([8500, 9500, 10500, 11500, 12500, 13500])


def test_samples_of_rates_go_through_one_product() -> None:
    samples = np.array([[8000.0, 14000.0], [9000.0, 9000.0]])
    both = monthly([8093, 8095], samples, 8094, 3)
    assert both.shape == (2, 3)
    assert both[1].tolist() == [9000.0] * 3


@pytest.mark.parametrize(("start", "months"), [(8093, 3), (8094, 7), (8090, 3)])
def test_months_outside_the_data_are_refused(start: int, months: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        monthly([8093, 8095], [1.0, 2.0], start, months)


def test_defects_fall_towards_their_end() -> None:
    density = learned(2200.0, 1200.0, 120, 12.0)
    assert np.all(np.diff(density) < 0)
    assert 1200 < density[-1] < 1201 and density[0] < 2200
    assert density[12] - 1200 == pytest.approx((density[0] - 1200) / math.e)

"""Laws of growth, their fits, and the supply-capped base: published numbers, identities, a slow reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.errors import InputError
from petaday.supply.diffusion import diffuse
from petaday.supply.growth import (
    compound,
    doubling,
    fit_exponential,
    fit_logistic,
    logistic_through,
    piecewise,
    saturating,
)

RATES = st.floats(-0.5, 5.0)
YEARS = st.floats(0, 20)

# Published numbers


def test_the_openai_trend_overshoots_39_000_times() -> None:
    """AlphaGo Zero 3.41e23 in October 2017, doubling every 3.43 months for 88 months, against Grok-3's 4.64e26."""
    assert doubling(3.41e23, 3.43 / 12, 88 / 12) / 4.64e26 == pytest.approx(39_000, rel=5e-3)


def test_two_pieces_meet_grok_3() -> None:
    """4.7e17 in September 2012, doubling every 3.1 months until October 2017 and every 8.5 after: 4.6e26 within 3."""
    rates = [2 ** (12 / months) - 1 for months in (3.1, 8.5)]
    told = float(piecewise(4.7e17, [61 / 12], rates, (61 + 88) / 12))
    assert 1 / 3 < told / 4.6e26 < 3
    assert told / 4.6e26 == pytest.approx(1, rel=0.25)


def test_a_hundred_times_in_five_years() -> None:
    assert compound(1.0, 100**0.2 - 1, 5) == pytest.approx(100)
    assert compound(1.0, 0.46, 5) == pytest.approx(6.7, rel=0.02)  # IDC China at 46 % a year


def test_a_chiplet_market_of_107_billion() -> None:
    assert compound(3.1, 0.425, 10) == pytest.approx(107, rel=1e-3)


# Identities


@given(RATES, YEARS)
def test_doubling_and_compound_agree(rate: float, years: float) -> None:
    grown = 1 + abs(rate) + 0.01
    time = math.log(2) / math.log(grown)
    assert doubling(3.0, time, years) == pytest.approx(compound(3.0, grown - 1, years), rel=1e-9)


@given(RATES, YEARS, st.floats(0.1, 9.0))
def test_pieces_of_one_rate_are_one_piece(rate: float, years: float, end: float) -> None:
    assert piecewise(2.0, [end], [rate, rate], years) == pytest.approx(compound(2.0, rate, years), rel=1e-9)


@given(st.floats(0.01, 5.0), st.floats(1.01, 1e4), YEARS)
def test_saturation_starts_like_a_compound_and_never_passes_its_limit(
    rate: float, limit: float, years: float
) -> None:
    value = float(saturating(1.0, rate, limit, years))
    assert 1 - 1e-12 <= value <= limit * (1 + 1e-12)
    assert value <= float(compound(1.0, rate, years)) * (1 + 1e-9)
    assert saturating(1.0, rate, 1e15, 1.0) == pytest.approx(1 + rate, rel=1e-6)
    assert saturating(1.0, rate, limit, 5000.0) == pytest.approx(limit)


@given(st.floats(0.001, 0.4), st.floats(0.41, 0.9), st.integers(1, 30))
def test_a_logistic_goes_through_its_points(low: float, high: float, years: int) -> None:
    curve = logistic_through((2025, low), (2025 + years, high), 0.95)
    assert curve.share(np.array([2025.0, 2025.0 + years])) == pytest.approx([low, high], rel=1e-9)
    assert np.all(np.diff(curve.share(np.arange(2000.0, 2060.0))) >= 0)
    assert curve.share(curve.midpoint) == pytest.approx(0.95 / 2)


@given(st.floats(1e-3, 1e6), RATES)
def test_a_fit_gives_back_an_exponential(start: float, rate: float) -> None:
    years = np.array([2020.0, 2021.0, 2023.5, 2024.0])
    trend = fit_exponential(years, compound(start, rate, years - 2020))
    assert trend.start == pytest.approx(start, rel=1e-6)
    assert 1 + trend.growth == pytest.approx(1 + rate, rel=1e-6)
    assert trend.rate_error == pytest.approx(0, abs=1e-6)


def test_a_fit_gives_back_a_logistic_and_rows_fit_one_by_one() -> None:
    years = np.arange(2025.0, 2031.0)
    curves = logistic_through((2025, np.array([[0.01], [0.05]])), (2030, np.array([[0.3], [0.6]])), 1.0)
    fitted = fit_logistic(years, curves.share(years), np.array([1.0, 1.0]))
    assert fitted.midpoint == pytest.approx(curves.midpoint[:, 0])
    assert fitted.rate == pytest.approx(curves.rate[:, 0])


def test_residuals_that_follow_each_other_count_less() -> None:
    years = np.arange(8.0)
    # The same residuals, without mean or slope, in two orders.
    wave, turns = np.array([7, 1, -3, -5, -5, -3, 1, 7]) * 0.02, np.array([-5, 7, -3, 1, 1, -3, 7, -5]) * 0.02
    slow, fast = (float(fit_exponential(years, np.exp(years + each)).rate_error) for each in (wave, turns))
    plain = math.sqrt(float((turns**2).sum()) / 6 / 42)
    assert fast == pytest.approx(plain)
    assert slow > 1.5 * fast


@pytest.mark.parametrize(
    "call",
    [
        lambda: piecewise(1.0, [2.0], [0.1], 3.0),
        lambda: piecewise(1.0, [2.0, 1.0], [0.1, 0.1, 0.1], 3.0),
        lambda: logistic_through((2030, 0.1), (2025, 0.2), 1.0),
        lambda: logistic_through((2025, 0.1), (2030, 1.0), 1.0),
        lambda: logistic_through((2025, 0.1), (2030, 0.1), 1.0),
        lambda: fit_exponential([2025.0], [1.0]),
        lambda: fit_exponential([2025.0, 2025.0], [1.0, 2.0]),
        lambda: fit_exponential([2025.0, 2026.0], [1.0, 0.0]),
        lambda: fit_logistic([2025.0, 2026.0], [0.5, 1.2], 1.0),
        lambda: fit_logistic([2025.0, 2026.0], [0.5, 0.5], 1.0),
        lambda: diffuse([1.0], {}, 0.0, 5.0),
        lambda: diffuse([1.0], {"a": [1.0]}, 0.0, 0.0),
    ],
)
def test_what_has_no_law(call: object) -> None:
    with pytest.raises(InputError):
        call()  # type: ignore[operator]


# The base


def slow_base(demand: list[float], caps: dict[str, list[float]], start: float, life: float) -> list[float]:
    """One sample, chip by cohort, as one would write it down."""
    cohorts: list[float] = []
    bases = []
    for year, wanted in enumerate(demand):
        left = start * min(max(1 - (year + 1) / life, 0), 1)
        for shipped_in, shipped in enumerate(cohorts):
            left += shipped * min(max(life - (year - shipped_in), 0), 1)
        room = min(each[year] for each in caps.values())
        new = min(room, max(wanted - left, 0) / min(life, 1))
        cohorts.append(new)
        bases.append(left + new * min(life, 1))
    return bases


SERIES = st.lists(st.floats(0, 1e8), min_size=6, max_size=6)


@given(SERIES, SERIES, SERIES, st.floats(0, 1e8), st.floats(0.3, 12))
def test_the_base_is_that_of_the_slow_way(
    demand: list[float], one: list[float], two: list[float], start: float, life: float
) -> None:
    caps = {"one": one, "two": two}
    found = diffuse(demand, {name: np.array(each) for name, each in caps.items()}, start, life)
    assert found.installed == pytest.approx(slow_base(demand, caps, start, life), rel=1e-9, abs=1e-3)
    assert np.all(found.shipped <= found.supply)
    assert np.all(found.shipped >= 0) and np.all(found.shortfall >= 0)
    assert np.all(found.retired >= -1e-3)
    before = np.concatenate([[start], found.installed[:-1]])
    assert before + found.shipped - found.retired == pytest.approx(found.installed, abs=1e-3)
    # Short means that all that could be shipped was.
    assert found.shipped[found.binds] == pytest.approx(found.supply[found.binds])
    assert all(caps[found.names[index]][year] == found.supply[year] for year, index in enumerate(found.limit))


@given(SERIES, SERIES, st.floats(0, 1e8), st.floats(1, 12), st.floats(1, 3))
def test_more_demand_or_supply_never_leaves_less(
    demand: list[float], cap: list[float], start: float, life: float, more: float
) -> None:
    wanted, room = np.array(demand), np.array(cap)
    # What is shipped outlasts the six years, so that none wears out early because it came early.
    base = diffuse(wanted, {"cap": room}, start, life + 6).installed
    for other in (
        diffuse(more * wanted, {"cap": room}, start, life + 6),
        diffuse(wanted, {"cap": more * room}, start, life + 6),
    ):
        assert np.all(other.installed >= base * (1 - 1e-9))


def test_samples_stand_side_by_side() -> None:
    rng = np.random.default_rng(1)
    demand, cap = rng.uniform(1, 9, (50, 4)), rng.uniform(0, 5, (50, 4))
    start, life = rng.uniform(0, 3, 50), rng.uniform(1, 6, 50)
    together = diffuse(demand, {"cap": cap}, start, life).installed
    for index in range(50):
        alone = diffuse(demand[index], {"cap": cap[index]}, start[index], life[index]).installed
        assert together[index] == pytest.approx(alone)


def test_no_cap_meets_demand_and_no_supply_lets_the_base_wear_out() -> None:
    met = diffuse([1.0, 4.0, 9.0], {"cap": np.full(3, 100.0)}, 0.0, 3.0)
    assert met.installed == pytest.approx([1, 4, 9]) and not met.binds.any()
    worn = diffuse(np.full(5, 10.0), {"cap": np.zeros(5)}, 8.0, 4.0)
    assert worn.installed == pytest.approx([6, 4, 2, 0, 0]) and worn.binds.all()


def test_the_least_capacity_binds() -> None:
    found = diffuse([9.0, 99.0], {"wide": [5.0, 50.0], "narrow": [7.0, 20.0]}, 0.0, 9.0)
    assert [found.names[index] for index in found.limit] == ["wide", "narrow"]
    assert found.installed == pytest.approx([5, 25])

"""Checkpoint intervals and what they leave: published laws, the exact optimum, renewal against a slow reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from petaday.training.failures import correlation, nodes_short, short_of_spares, spares_for, spares_that_pay
from petaday.training.recovery import alive, best_interval, daly_interval, share_kept, young_interval

LLAMA3_MTBF = 54 * 86_400 / 419
rates = st.floats(1e-7, 1e-2)
stalls = st.floats(1e-3, 1e3)


# Published


def test_youngs_interval_of_a_run_like_llama_3s() -> None:
    """A stall of 20 s every 3.09 h: 11 minutes, of which the stall takes 3 % and lost work as much."""
    interval = young_interval(1 / LLAMA3_MTBF, 20.0)
    assert interval / 60 == pytest.approx(11, abs=0.5)
    assert 20 / interval + interval / 2 / LLAMA3_MTBF == pytest.approx(0.06, rel=0.01)


def test_a_stall_of_half_a_second_at_18_minutes_between_failures() -> None:
    assert young_interval(1 / 1080, 0.5) == pytest.approx(33, rel=0.01)


def test_rscs_formula_is_the_first_order() -> None:
    """E[ETTR] = (1 - N r (u + dt/2)) / (1 + w/dt) (Kokolis et al., arXiv:2410.21680) where failures are few."""
    rate, restart, interval, write = 1e-6, 300.0, 600.0, 10.0
    exact = alive(rate, np.array([[restart]]), np.ones((1, 1))) * share_kept(rate, interval, write, 0.0)
    published = (1 - rate * (restart + interval / 2)) / (1 + write / interval)
    assert float(exact[0]) == pytest.approx(published, abs=1e-5)


# The optimum


@given(rates, stalls)
def test_the_best_interval_is_where_a_search_finds_it(rate: float, stall: float) -> None:
    best = float(best_interval(rate, stall))
    found = minimize_scalar(
        lambda log: -float(share_kept(rate, np.exp(log), stall, 0.0)), bounds=(np.log(best) - 3, np.log(best) + 3)
    )
    assert float(share_kept(rate, best, stall, 0.0)) >= -found.fun - 1e-9


@given(rates, stalls)
def test_the_laws_agree_where_stalls_are_short(rate: float, stall: float) -> None:
    product = rate * stall
    best, daly, young = (float(law(rate, stall)) for law in (best_interval, daly_interval, young_interval))
    assert best <= young * (1 + 1e-9)
    assert best == pytest.approx(young, rel=np.sqrt(product) + 1e-6)
    if product < 0.1:
        assert daly == pytest.approx(best, rel=0.02)


def test_the_series_meets_the_closed_form() -> None:
    rate = 1e-4
    below, above = (best_interval(rate, np.array([edge])) for edge in (0.999e-6 / rate, 1.001e-6 / rate))
    assert float(above[0] / below[0]) == pytest.approx(np.sqrt(1.001 / 0.999), rel=1e-6)


# What is kept


@given(rates, st.floats(1, 1e4), stalls, st.floats(0, 1e3))
def test_more_of_anything_bad_keeps_less(rate: float, interval: float, stall: float, delay: float) -> None:
    kept = float(share_kept(rate, interval, stall, delay))
    assert 0 <= kept <= interval / (interval + stall)
    for worse in (
        (2 * rate, interval, stall, delay),
        (rate, interval, 2 * stall, delay),
        (rate, interval, stall, delay + 1),
    ):
        assert float(share_kept(*worse)) <= kept


def test_nothing_fails_and_only_stalls_remain() -> None:
    assert float(share_kept(0.0, 90.0, 10.0, 5.0)) == pytest.approx(0.9)


def test_a_renewal_counted_attempt_by_attempt() -> None:
    """The stretch of 100 s of work and 10 s of stall, tried until it succeeds, with each failure drawn."""
    rate, recoveries, weights = 1 / 300, np.array([50.0, 200.0]), np.array([0.7, 0.3])
    generator = np.random.default_rng(7)
    total, stretches = 0.0, 40_000
    for _ in range(stretches):
        needed = 110.0
        while (failure := generator.exponential(1 / rate)) < needed:
            total += failure
            needed = 110.0 + 30.0 + generator.choice(recoveries, p=weights)
        total += needed
    counted = stretches * 100.0 / total
    exact = float(alive(rate, recoveries, weights)) * float(share_kept(rate, 100.0, 10.0, 30.0))
    assert counted == pytest.approx(exact, rel=0.01)


# Scale and spares


def test_no_excess_up_to_32k_and_all_of_it_from_98k() -> None:
    chips = np.array([8, 32_768, 56_755, 98_304, 1_000_000])
    assert correlation(chips, 32_768.0, 98_304.0, 3.0) == pytest.approx([1, 1, np.sqrt(3), 3, 3], rel=1e-4)
    assert correlation(chips, 131_072.0, 131_072.0, 1.0) == pytest.approx(np.ones(5))
    assert correlation(np.array([10, 20]), 15.0, 15.0, 2.0) == pytest.approx([1, 2])


@given(st.floats(0, 500), st.floats(1e-4, 0.5))
def test_the_fewest_spares(absent: float, waiting: float) -> None:
    count = float(spares_for(np.asarray(absent), np.asarray(waiting)))
    assert short_of_spares(absent, count) <= waiting
    assert count == 0 or short_of_spares(absent, count - 1) > waiting


def test_spares_by_counting_a_shop_of_repairs() -> None:
    """Nodes leave at random and are away for a day each: shares of time and missing nodes, hour by hour."""
    generator = np.random.default_rng(3)
    hours = 400_000
    left = generator.poisson(0.25, hours)
    away = np.convolve(left, np.ones(24), mode="valid")
    for spares in (0, 4, 9):
        assert float(short_of_spares(6.0, spares)) == pytest.approx(float((away > spares).mean()), abs=0.01)
        assert float(nodes_short(6.0, spares)) == pytest.approx(float(np.maximum(away - spares, 0).mean()), rel=0.03)


@given(st.floats(0.01, 60), st.integers(1, 5000))
def test_spares_that_pay_cost_least_with_the_wait(absent: float, nodes: int) -> None:
    chosen = float(spares_that_pay(np.asarray(absent), nodes))
    cost = {
        count: float(short_of_spares(np.asarray(absent), np.asarray(count))) + count / nodes for count in range(150)
    }
    assert cost[int(chosen)] == pytest.approx(min(cost.values()), abs=1e-12)


def test_one_node_holds_no_spare() -> None:
    assert spares_that_pay(np.asarray(0.01), 1) == 0

"""Quasi-random draws: quantiles and Sobol indices against closed forms, and against plain random ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from petaday.errors import InputError
from petaday.study.factor import Factor, Floats, Values
from petaday.study.uncertainty import draw, propagate
from petaday.units import Kind, Span


def factor(name: str, low: float, value: float, high: float) -> Factor:
    """A factor without a unit."""
    return Factor(name, Span(low, value, high), Kind.RATIO, "test")


def test_a_factor_has_its_ends_at_five_and_ninety_five_percent() -> None:
    asked = factor("x", 2.0, 3.0, 9.0)
    values = asked.at(np.array([-1.6448536269514722, 0.0, 1.6448536269514722]))
    assert values == pytest.approx([2.0, 3.0, 9.0])


def test_a_factor_that_may_be_nothing_is_never_less() -> None:
    assert np.all(factor("x", 0.0, 0.5, 1.0).at(np.linspace(-6, 6, 99)) >= 0)
    assert factor("x", -2.0, 0.0, 2.0).at(np.array([-5.0]))[0] < -2.0


def product(values: Values) -> dict[str, Floats]:
    """A product of log-normal factors is log-normal."""
    return {"y": values["a"] * values["b"] ** 2 * values["known"]}


PRODUCT = [factor("a", 0.5, 1.0, 2.0), factor("b", 0.8, 1.0, 1.25), factor("known", 3.0, 3.0, 3.0)]


def test_quantiles_of_a_product_are_those_of_the_closed_form() -> None:
    found = propagate(PRODUCT, product, samples=8192)
    z95, z90 = 1.6448536269514722, 1.2815515655446004
    sigma = math.hypot(math.log(2) / z95, 2 * math.log(1.25) / z95)
    low, median, high = found.quantiles["y"]
    assert median == pytest.approx(3.0, rel=3e-3)
    assert high == pytest.approx(3 * math.exp(z90 * sigma), rel=5e-3)
    assert low == pytest.approx(3 * math.exp(-z90 * sigma), rel=5e-3)


def test_indices_of_a_sum_are_its_shares_of_variance() -> None:
    def total(values: Values) -> dict[str, Floats]:
        return {"y": values["a"] + 2 * values["b"]}

    parts = [factor("a", -1.0, 0.0, 1.0), factor("b", -1.0, 0.0, 1.0), factor("idle", -1.0, 0.0, 1.0)]
    shares = propagate(parts, total, samples=32768, explain=["y"]).shares["y"]
    assert shares.first == pytest.approx({"a": 0.2, "b": 0.8}, abs=0.02)
    assert shares.total == pytest.approx({"a": 0.2, "b": 0.8}, abs=0.02)
    assert list(shares.total) == ["b", "a"]


def test_factors_that_only_act_together_have_a_total_and_no_first_index() -> None:
    def both(values: Values) -> dict[str, Floats]:
        return {"y": values["a"] * values["b"]}

    shares = propagate([factor("a", -1.0, 0.0, 1.0), factor("b", -1.0, 0.0, 1.0)], both, samples=32768, explain=["y"])
    assert shares.shares["y"].first == pytest.approx({"a": 0.0, "b": 0.0}, abs=0.05)
    assert shares.shares["y"].total == pytest.approx({"a": 1.0, "b": 1.0}, abs=0.05)


def test_quasi_random_points_agree_with_random_ones() -> None:
    random = draw(PRODUCT, np.random.default_rng(7).standard_normal((200_000, 2)))
    expected = np.quantile(product(random)["y"], [0.1, 0.5, 0.9])
    assert propagate(PRODUCT, product, samples=4096).quantiles["y"] == pytest.approx(tuple(expected), rel=0.01)


def test_what_is_known_has_no_spread() -> None:
    found = propagate([factor("a", 1.0, 1.0, 1.0)], lambda values: {"y": values["a"] * 2}, samples=64, explain=["y"])
    assert found.quantiles == {"y": (2.0, 2.0, 2.0)}
    assert found.shares == {}


def test_the_same_seed_gives_the_same_answer() -> None:
    first, second = (propagate(PRODUCT, product, samples=256, explain=["y"], seed=3) for _ in range(2))
    assert first == second
    assert first != propagate(PRODUCT, product, samples=256, explain=["y"], seed=4)


@pytest.mark.parametrize("samples", [0, 63, 1000])
def test_samples_are_a_power_of_two(samples: int) -> None:
    with pytest.raises(InputError, match="samples"):
        propagate(PRODUCT, product, samples=samples)


def test_numbers_without_end_have_quantiles_and_no_shares() -> None:
    def some(values: Values) -> dict[str, Floats]:
        return {"y": np.where(values["a"] > 1.5, np.inf, values["a"])}

    found = propagate(PRODUCT, some, samples=1024, explain=["y"])
    low, median, high = found.quantiles["y"]
    assert (low, high) == (pytest.approx(0.58, rel=0.02), np.inf)
    assert median == pytest.approx(1.0, rel=0.01)
    assert found.shares == {}

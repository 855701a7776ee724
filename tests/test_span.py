"""Ranges of quantities, alone and as a catalog figure's value."""

from __future__ import annotations

import math

import pytest

from petaday.catalog.chip import Money
from petaday.catalog.strict_yaml import load
from petaday.catalog.validate import Strict, validated
from petaday.errors import InputError
from petaday.units import Kind, Span, parse_span


@pytest.mark.parametrize(
    ("text", "kind", "low", "high"),
    [
        ("$22k..$47k", Kind.MONEY, 22e3, 47e3),
        ("8..17 USD/GB", Kind.DATA_PRICE, 8e-9, 17e-9),
        ("0.09..0.11 /cm2", Kind.DEFECT_DENSITY, 900.0, 1100.0),
        ("10 %..40 %", Kind.RATIO, 0.1, 0.4),
        ("0.05 .. 0.5", Kind.RATIO, 0.05, 0.5),
    ],
)
def test_a_range_has_two_ends_and_their_geometric_mean(text: str, kind: Kind, low: float, high: float) -> None:
    span = parse_span(text, kind)
    assert (span.low, span.high) == pytest.approx((low, high))
    assert span.value == pytest.approx(math.sqrt(low * high))


def test_a_range_below_zero_has_the_mean_of_its_ends() -> None:
    assert parse_span("-10 degC..30 degC", Kind.TEMPERATURE) == Span(-10.0, 10.0, 30.0)


def test_a_known_quantity_is_a_range_of_no_width() -> None:
    assert parse_span("80 GB", Kind.BYTES).is_known


@pytest.mark.parametrize(
    ("text", "told"), [("$47k..$22k", "upside down"), ("$1..", "number"), ("1..2 GB..3", "unit"), ("1..2", "no unit")]
)
def test_wrong_ranges_say_what_was_expected(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_span(text, Kind.MONEY)


class _Priced(Strict):
    price: Money


@pytest.mark.parametrize(
    ("written", "low", "high"),
    [("{value: $22k..$47k, source: a}", 22e3, 47e3), ("{value: $30k, low: $22k, source: a}", 22e3, None)],
)
def test_a_figure_may_be_a_range(tmp_path, written: str, low: float, high: float | None) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "part.yaml"
    file.write_text(f"price: {written}\n")
    price = validated(_Priced, load(file)).price
    assert (price.low, price.high) == (low, high)
    assert low <= price.value <= (high or math.inf)


@pytest.mark.parametrize("written", ["{value: $47k..$22k, source: a}", "{value: $1..$2, low: $1, source: a}"])
def test_a_wrong_range_in_a_figure_is_an_error_with_its_place(tmp_path, written: str) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "part.yaml"
    file.write_text(f"price: {written}\n")
    with pytest.raises(InputError, match=r"part\.yaml:1"):
        validated(_Priced, load(file))

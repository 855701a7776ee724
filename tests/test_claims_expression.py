"""Relations of claims as text: against Python's own arithmetic, on any text, and the algebra of typed ranges."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.errors import InputError
from petaday.study.claims.evaluate import Valuation
from petaday.study.claims.expression import Relation, names_in, parse_expression, parse_relation
from petaday.study.claims.functions import FUNCTIONS, cagr, log2, six_nd, years
from petaday.study.claims.read import date_of, divided, kind_of, typed_text, year_of
from petaday.study.claims.schema import Claim
from petaday.study.claims.typed import DATE, TIME, OpenError, Typed, UnsoundError, require_like, text
from petaday.units import Kind, parse
from petaday.units.kinds import YEAR

NOTHING = Claim(id="x", statement="x")


def worked(expression: str) -> Typed:
    return Valuation(NOTHING, {}).of(parse_expression(expression).node)


# Against Python

NUMBERS = st.floats(0.5, 9.5).map(lambda number: f"{number:.2f}")


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, st.sampled_from(["+", "*", "/"]), inner).map(lambda parts: f"({' '.join(parts)})")
    powers = st.tuples(inner, st.sampled_from(["2", "0.5", "-1"])).map(lambda parts: f"({parts[0]}^{parts[1]})")
    return pairs | powers


@given(st.recursive(NUMBERS, compound, max_leaves=6))
def test_arithmetic_is_pythons(expression: str) -> None:
    expected = eval(expression.replace("^", "**"), {"__builtins__": {}})
    assert worked(expression).value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("expression", "value"),
    [("1 - 2 - 3", -4), ("8 / 2 / 2", 2), ("2 + 3 * 4", 14), ("(2 + 3) * 4", 20), ("2 * 3^2", 18), ("2^-1", 0.5),
     ("log2(8)", 3), ("50 % * 4", 2), ("log2(2^(1 + 1))", 2)],
)  # fmt: skip
def test_signs_bind_as_usual(expression: str, value: float) -> None:
    assert worked(expression).value == pytest.approx(value)


def test_units_stand_beside_numbers() -> None:
    assert worked("2 days").dimension == TIME
    assert worked("2 days").value == 2 * 86400
    assert worked("6 chips / 3 chips").dimension == ()
    assert text(worked("30 chips / 1 day")) == "30 chips/day"


# Any text


@given(st.text(max_size=60) | st.text("ab12 +-*/^()=<>~%,.", max_size=60))
def test_any_text_is_a_relation_or_an_input_error(written: str) -> None:
    try:
        relation = parse_relation(written)
    except InputError:
        return
    assert isinstance(relation, Relation)
    for node in (relation.left, relation.right):
        if node is not None and not names_in(node):
            try:
                found = Valuation(NOTHING, {}).of(node)
            except (UnsoundError, OpenError):
                continue
            assert math.isfinite(found.low) and found.low <= found.high


def test_nothing_of_python_is_reached() -> None:
    for written in ("__import__(os)", "a.b", "a[0]", "'x'", "lambda: 1", "1 if 1 else 2", "peak.__class__"):
        with pytest.raises(InputError):
            Valuation(NOTHING, {}).of(parse_expression(written).node)


# Typed ranges

RANGES = st.tuples(st.floats(0.1, 50), st.floats(0.1, 50)).map(lambda ends: Typed(min(ends), max(ends)))


@given(RANGES, RANGES, st.floats(0, 1), st.floats(0, 1))
def test_a_range_holds_whatever_its_parts_may_be(a: Typed, b: Typed, at: float, of: float) -> None:
    x, y = a.low + at * (a.high - a.low), b.low + of * (b.high - b.low)
    for found, value in (
        (a.plus(b, 1), x + y),
        (a.plus(b, -1), x - y),
        (a.times(b, 1), x * y),
        (a.times(b, -1), x / y),
        (Typed(a.low, a.high).to_the(Typed(2.0, 2.0)), x**2),
    ):
        assert found.low - 1e-9 <= value <= found.high + 1e-9


@pytest.mark.parametrize(
    ("left", "right", "check"),
    [
        ("5 chips", "5 chips/day", "stock or flow"),
        ("5 wafers/day", "5 wafers", "stock or flow"),
        ("5 FLOP", "5 FLOPS", "stock or flow"),
        ("6 chip-days", "6 chips", "dimension"),
        ("$5", "¥5", "currency"),
        ("$5/chip-hour", "¥5/chip-hour", "currency"),
        ("5 chips", "5 wafers", "dimension"),
        ("5 chips", "5", "dimension"),
    ],
)
def test_unlike_things_are_told_apart(left: str, right: str, check: str) -> None:
    with pytest.raises(UnsoundError) as caught:
        require_like(typed_text(left), typed_text(right))
    assert caught.value.check == check
    assert "time is dropped" in caught.value.reason or left.split()[0].strip("$¥") in caught.value.reason


@pytest.mark.parametrize(
    "expression",
    ["1 / 0", "1 chip + 1", "2^(1 chip)", "(2 chips)^0.5", "(1 - 2)^0.5", "log2(0)", "log2(1 chip)", "9^999", "0^-1",
     "cagr(1, 2, 3)", "six_nd(1 chip, 5 tokens)", "six_nd(1, 5 chips)"],
)  # fmt: skip
def test_arithmetic_that_means_nothing_is_a_finding(expression: str) -> None:
    with pytest.raises(UnsoundError):
        worked(expression)


def test_growth_between_years_needs_them_in_order() -> None:
    early, late, none = Typed(1.0, 1.0, (), 2021.0), Typed(8.0, 8.0, (), 2024.0), Typed(1.0, 1.0)
    assert cagr(early, late).value == pytest.approx(1.0)
    assert years(early, late).value == 3 * YEAR
    with pytest.raises(UnsoundError, match="no earlier"):
        years(late, early)
    with pytest.raises(OpenError):
        years(early, none)
    assert log2(late).value == 3
    assert six_nd(Typed(175e9, 175e9), typed_text("300B tokens")).value == pytest.approx(3.15e23)


# Texts


def test_chinese_numbers() -> None:
    """万 is 1e4, 亿 1e8, 万亿 1e12, 亿亿 1e16; for what is counted, and FLOP."""
    assert parse("260万亿 TFLOPS", Kind.FLOP_RATE) == 2.6e26
    assert parse("1.3亿 tokens", Kind.TOKENS) == 1.3e8
    assert parse("¥45.42亿", Kind.MONEY_CNY) == 45.42e8
    assert parse("130万 chips", Kind.CHIPS) == parse("1.3M chips", Kind.CHIPS)
    assert parse("100亿亿 FLOPS", Kind.FLOP_RATE) == 1e18
    assert parse("20万 wafers/day", Kind.WAFER_RATE) == parse("200k wafers/day", Kind.WAFER_RATE)
    for written, kind in (("5万 GB", Kind.BYTES), ("5万 m", Kind.LENGTH), ("5亿万 chips", Kind.CHIPS)):
        with pytest.raises(InputError):
            parse(written, kind)


def test_the_unit_tells_the_kind() -> None:
    assert kind_of("3 chips") is Kind.CHIPS
    assert kind_of("70") is kind_of("70M") is Kind.COUNT
    assert kind_of("5 %") is Kind.RATIO
    assert kind_of("5B", Kind.COUNT) is Kind.COUNT
    assert kind_of("1 chips..3 chips") is Kind.CHIPS
    assert divided(typed_text("$20"), "month").value == pytest.approx(20 * 12 / YEAR)
    assert divided(typed_text("3"), "port").dimension == (("port", -1),)


def test_dates_are_ranges_of_days() -> None:
    year, month, day = date_of("2024"), date_of("2024-02"), date_of("2024-02-29")
    assert (year.high - year.low, month.high - month.low, day.high - day.low) == (365, 28, 0)
    assert year.dimension == DATE and text(day) == "2024-02-29"
    assert day.plus(date_of("2024-01-29"), -1).dimension == TIME
    assert year_of("2024") == 2024 and year_of("2024-07-02") == pytest.approx(2024.5)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (Typed(0.215, 0.215), "21.5 %"),
        (Typed(2.08, 2.08), "2.08"),
        (typed_text("3640 PF-days"), "3640 PF-days"),
        (divided(typed_text("312 TFLOPS"), "chip"), "312 TFLOP/s a chip"),
        (divided(typed_text("30 chips"), "wafer"), "30 chips a wafer"),
        (divided(typed_text("$20"), "month"), "$20 a month"),
        (divided(typed_text("260 YFLOPS"), "day"), "260 YFLOP/s a day"),
        (typed_text("$3B..$11B"), "$3B to $11B"),
        (Typed(5.0, 5.0, (("port", 1),)), "5 ports"),
        (Typed(2.0, 2.0, (("m", 1), ("s", 2))), "2 m·s^2 (SI)"),
    ],
)
def test_texts_for_people(typed: Typed, told: str) -> None:
    assert text(typed) == told


def test_look_ups_are_of_the_catalog() -> None:
    def of(name: str, *words: str) -> Any:
        return FUNCTIONS[name].of(*words).value

    assert of("peak", "a100-sxm-80", "bf16", "dense") == 312e12
    assert of("peak", "a100-sxm-80", "bf16", "sparse") == 624e12
    assert of("domain", "a100-sxm-80") == 8
    assert of("parameters", "gpt-3-175b") == pytest.approx(175e9, rel=0.01)
    assert of("forecast", "idc-china-ai-2026") == 1271.4e18
    assert of("actual", "china-ai-compute", "2024") == 725.3e18
    for name, words in (("actual", ("china-ai-compute", "2031")), ("actual", ("china-ai-compute", "soon")),
                        ("forecast", ("nobody",)), ("parameters", ("gpt-9",)), ("domain", ("h999",))):  # fmt: skip
        with pytest.raises(InputError):
            of(name, *words)

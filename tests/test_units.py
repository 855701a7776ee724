"""Units: published figures by name, the closed vocabulary, and the round trip through text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.errors import InputError
from petaday.units import (
    DTYPES,
    FlopRate,
    Kind,
    Quantity,
    bits,
    check_training_rate,
    parse,
    parse_flop_rate,
    render,
)
from petaday.units.kinds import COUNTED, EXAMPLE, NOUN, UNITS

A100_DENSE = {"fp64": 19.5e12, "tf32": 156e12, "bf16": 312e12, "fp16": 312e12, "int8": 624e12}
H100_DENSE = {"tf32": 494.7e12, "bf16": 989.4e12, "fp8": 1978.9e12, "int8": 1978.9e12}


def test_gpt3_took_3640_petaflop_days() -> None:
    """Brown et al. 2020, table D.1: 3.14e23 FLOP are 3.64E+03 PF-days."""
    assert parse("3.64E+03 PF-days", Kind.FLOP) == pytest.approx(3.14e23, rel=2e-3)
    assert render(3.14e23, Kind.COMPUTE, digits=3) == "3630 PF-days"
    assert parse("1 petaday", Kind.COMPUTE) == 8.64e19


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("400 Gb/s", Kind.BANDWIDTH, 50e9),
        ("400Gbps", Kind.BANDWIDTH, 50e9),
        ("400 Gbit/s", Kind.BANDWIDTH, 50e9),
        ("900 GB/s", Kind.BANDWIDTH, 900e9),
        ("3.35 TBps", Kind.BANDWIDTH, 3.35e12),
        ("80 GB", Kind.BYTES, 80e9),
        ("80 GiB", Kind.BYTES, 80 * 2.0**30),
        ("8 kb", Kind.BYTES, 1000.0),
        ("15T", Kind.TOKENS, 15e12),
        ("15T tokens", Kind.TOKENS, 15e12),
        ("1.5e12 tokens", Kind.TOKENS, 1.5e12),
        ("34 days", Kind.TIME, 34 * 86400.0),
        ("30d", Kind.TIME, 30 * 86400.0),
        ("2 us", Kind.TIME, 2e-6),
        ("2 µs", Kind.TIME, 2e-6),
        ("5 years", Kind.TIME, 5 * 365 * 86400.0),
        ("312 TFLOP/s", Kind.FLOP_RATE, 312e12),
        ("312 TFLOPS", Kind.FLOP_RATE, 312e12),
        ("624 TOPS", Kind.FLOP_RATE, 624e12),
        ("312 TFLOPs", Kind.FLOP, 312e12),
        ("1e9 FLOP", Kind.FLOP, 1e9),
        ("1.2M chips", Kind.CHIPS, 1.2e6),
        ("100,000 chips", Kind.CHIPS, 1e5),
        ("500 chips/day", Kind.CHIP_RATE, 500 / 86400),
        ("100 chip-days", Kind.CHIP_TIME, 100 * 86400.0),
        ("2 chip-hours", Kind.CHIP_TIME, 7200.0),
        ("1.2M tokens/s", Kind.TOKEN_RATE, 1.2e6),
        ("100 MW", Kind.POWER, 100e6),
        ("3 GWh", Kind.ENERGY, 3 * 3.6e12),
        ("$3.2M", Kind.MONEY, 3.2e6),
        ("-$5", Kind.MONEY, -5.0),
        ("30k USD", Kind.MONEY, 3e4),
        ("¥100k", Kind.MONEY_CNY, 1e5),
        ("100k CNY", Kind.MONEY_CNY, 1e5),
        ("25 %", Kind.RATIO, 0.25),
        ("0.25", Kind.RATIO, 0.25),
        ("70B", Kind.COUNT, 70e9),
        ("8.03B parameters", Kind.COUNT, 8_030_000_000),
        ("814 mm2", Kind.AREA, 814e-6),
        ("60 kg", Kind.MASS, 60.0),
        ("−5 °C", Kind.TEMPERATURE, -5.0),
        ("1\u202f000\u202f000 B", Kind.BYTES, 1e6),
        ("80\u00a0GB", Kind.BYTES, 80e9),
    ],
)  # fmt: skip
def test_vocabulary(text: str, kind: Kind, value: float) -> None:
    assert parse(text, kind) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("300 GB", Kind.BANDWIDTH, "is an amount of bytes; expected a rate of bytes/s such as `300 GB/s`"),
        ("300 GB/s", Kind.BYTES, "is a rate of bytes/s; expected an amount of bytes such as `300 GB`"),
        ("312 TFLOPS", Kind.FLOP, "`312 TFLOPS` is a rate of FLOP/s"),
        ("312 TFLOPs", Kind.FLOP_RATE, "`312 TFLOPs` is an amount of FLOP"),
        ("500 chips/day", Kind.CHIPS, "is a rate of chips per time; expected a number of chips"),
        ("¥100k", Kind.MONEY, "`¥100k` is money in yuan; expected money in US dollars"),
        ("80 gb", Kind.BYTES, "did you mean GB, Gb?"),
        ("80 KB", Kind.BYTES, "did you mean kB, kb?"),
        ("3 dais", Kind.TIME, "unknown unit `dais`; expected a time such as `34 days`; did you mean day"),
        ("80", Kind.BYTES, "`80` has no unit; expected an amount of bytes such as `80 GB`"),
        (80, Kind.BYTES, "`80` has no unit"),
        ("1,5 GB", Kind.BYTES, "write thousands as 1000 or 1,000 and decimals as 1.5"),
        ("1_000", Kind.COUNT, "not a plain number"),
        ("1 000", Kind.COUNT, "not a plain number"),
        ("1e999 s", Kind.TIME, "not a finite number"),
        ("1e300 YFLOP", Kind.FLOP, "not a finite number"),
        (10**400, Kind.COUNT, "not a finite number"),
        (math.nan, Kind.COUNT, "not a finite number"),
        (math.inf, Kind.RATIO, "not a finite number"),
        ("nan s", Kind.TIME, "does not start with a number"),
        ("", Kind.TIME, "does not start with a number"),
        ("- -5 s", Kind.TIME, "does not start with a number"),
        ("-$-5", Kind.MONEY, "does not start with a number"),
        ("٣ s", Kind.TIME, "does not start with a number"),
        ("9" * 200, Kind.COUNT, "too long for a quantity"),
        (True, Kind.COUNT, "true is no quantity"),
        (None, Kind.COUNT, "null is no quantity"),
        ([1], Kind.COUNT, "a list is no quantity"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(text: str, kind: Kind, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, kind)
    assert message in str(caught.value)


def test_zero_and_what_is_too_small_for_a_float() -> None:
    assert parse("0 GB", Kind.BYTES) == 0
    assert parse("1e-999 s", Kind.TIME) == 0


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_can_be_told(kind: Kind) -> None:
    """Each kind has a noun, an example that parses, and a text that reads back."""
    assert NOUN[kind]
    value = parse(EXAMPLE[kind], kind)
    assert parse(render(value, kind, digits=17), kind) == pytest.approx(value, rel=1e-15)


def test_no_unit_means_two_things() -> None:
    """A unit belongs to one kind, but for PF-days, which are FLOP; else an error could not name the kind."""
    kinds_of: dict[str, set[Kind]] = {}
    for kind, units in UNITS.items():
        for unit in filter(None, units):
            kinds_of.setdefault(unit, set()).add(kind)
    shared = {frozenset(kinds) for kinds in kinds_of.values() if len(kinds) > 1}
    assert shared == {frozenset({Kind.FLOP, Kind.COMPUTE})}


@given(value=st.floats(min_value=-1e30, max_value=1e30), kind=st.sampled_from(Kind), digits=st.integers(2, 15))
def test_render_then_parse_keeps_the_digits(value: float, kind: Kind, digits: int) -> None:
    assert parse(render(value, kind, digits), kind) == pytest.approx(value, rel=10.0 ** (1 - digits), abs=1e-300)


@given(
    count=st.integers(-999_999, 999_999),
    kind=st.sampled_from(sorted(COUNTED - {Kind.CHIP_RATE, Kind.CHIP_TIME, Kind.WAFER_RATE})),
)
def test_whole_counts_below_a_million_keep_every_digit(count: int, kind: Kind) -> None:
    assert parse(render(count, kind, digits=2), kind) == count


@given(text=st.text(max_size=120), kind=st.sampled_from(Kind))
def test_any_text_is_a_finite_number_or_an_input_error(text: str, kind: Kind) -> None:
    try:
        assert math.isfinite(parse(text, kind))
    except InputError as error:
        assert error.expected


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (16_384, Kind.CHIPS, "16,384 chips"),
        (1, Kind.CHIPS, "1 chip"),
        (15e12, Kind.TOKENS, "15T tokens"),
        (312e12, Kind.FLOP_RATE, "312 TFLOP/s"),
        (999.96e9, Kind.BYTES, "1 TB"),
        (31_250, Kind.MONEY, "$31,250"),
        (-3.2e6, Kind.MONEY, "-$3.2M"),
        (0.5, Kind.RATIO, "50 %"),
        (1.12, Kind.RATIO, "1.12"),
        (0, Kind.BYTES, "0 B"),
        (500 / 86400, Kind.CHIP_RATE, "500 chips/day"),
        (86400, Kind.TIME, "1 day"),
    ],
)
def test_text_for_people(value: float, kind: Kind, text: str) -> None:
    assert render(value, kind, digits=3) == text


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_only_finite_values_have_a_text(value: float) -> None:
    with pytest.raises(ValueError, match="no text as a time"):
        render(value, Kind.TIME)


def quantity(text: str, kind: Kind) -> Quantity:
    return Quantity(parse(text, kind), kind)


def test_gpt3_on_a_thousand_a100s_takes_a_month() -> None:
    """Narayanan et al. 2021, section 5.1: GPT-3 on 1024 A100s at 140 TFLOP/s each takes 34 days."""
    rate = quantity("140 TFLOP/s", Kind.FLOP_RATE) * 1024
    time = quantity("3640 PF-days", Kind.COMPUTE) / rate
    # The paper counts recomputation too, a third more.
    assert str(time * (4 / 3)) == "33.85 days"
    assert time.kind is Kind.TIME


@pytest.mark.parametrize(
    ("left", "right", "product"),
    [
        (Kind.CHIPS, Kind.TIME, Kind.CHIP_TIME),
        (Kind.BANDWIDTH, Kind.TIME, Kind.BYTES),
        (Kind.POWER, Kind.TIME, Kind.ENERGY),
        (Kind.CHIP_RATE, Kind.TIME, Kind.CHIPS),
        (Kind.TOKEN_RATE, Kind.TIME, Kind.TOKENS),
        (Kind.LENGTH, Kind.LENGTH, Kind.AREA),
        (Kind.RATIO, Kind.BYTES, Kind.BYTES),
        (Kind.COUNT, Kind.MONEY, Kind.MONEY),
        (Kind.COMPUTE, Kind.RATIO, Kind.COMPUTE),
    ],
)
def test_products_and_quotients_get_their_kind(left: Kind, right: Kind, product: Kind) -> None:
    result = Quantity(6.0, left) * Quantity(2.0, right)
    assert result == Quantity(12.0, product)
    assert (result / Quantity(6.0, left)).value == 2.0


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Kind.FLOP, Kind.FLOP_RATE),
        (Kind.CHIPS, Kind.CHIP_RATE),
        (Kind.BYTES, Kind.BANDWIDTH),
        (Kind.MONEY, Kind.MONEY_CNY),
        (Kind.POWER, Kind.ENERGY),
    ],
)
def test_a_stock_is_no_flow_and_a_dollar_no_yuan(left: Kind, right: Kind) -> None:
    with pytest.raises(InputError, match=f"mixes {NOUN[left]} with {NOUN[right]}"):
        Quantity(1.0, left) + Quantity(1.0, right)
    with pytest.raises(InputError, match="mixes"):
        Quantity(1.0, right) - Quantity(1.0, left)


def test_like_adds_to_like() -> None:
    assert quantity("1 PF-day", Kind.COMPUTE) + quantity("8.64e19 FLOP", Kind.FLOP) == Quantity(
        1.728e20, Kind.COMPUTE
    )
    assert 2 * quantity("3 GB", Kind.BYTES) - quantity("1 GB", Kind.BYTES) == Quantity(5e9, Kind.BYTES)
    assert quantity("3 GB", Kind.BYTES) / quantity("2 GB", Kind.BYTES) == Quantity(1.5, Kind.RATIO)


def test_what_has_no_kind_and_no_value() -> None:
    with pytest.raises(InputError, match="has no kind"):
        Quantity(1.0, Kind.BYTES) * Quantity(1.0, Kind.FLOP)
    with pytest.raises(InputError, match="divided by zero"):
        Quantity(1.0, Kind.BYTES) / Quantity(0.0, Kind.TIME)


def test_rates_carry_dtype_and_density() -> None:
    assert parse_flop_rate("624 TFLOPS bf16 sparse") == FlopRate(624e12, "bf16", True)
    assert parse_flop_rate("312 TFLOP/s dense BF16") == FlopRate(312e12, "bf16", False)
    assert parse_flop_rate("312TFLOPS") == FlopRate(312e12, None, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("312 TFLOPS bf61", "unknown word `bf61`; expected a dtype, `dense` or `sparse` after the rate"),
        ("312 TFLOPS bf16 fp8", "more than one dtype"),
        ("312 TFLOPS dense sparse", "more than one dtype or density"),
        ("312 TFLOP bf16", "is an amount of FLOP; expected a rate of FLOP/s such as `312 TFLOP/s`"),
        ("", "does not start with a number"),
    ],
)
def test_rates_that_are_none(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_flop_rate(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["312 TFLOPS", "312 TFLOPS bf16", "312 TFLOPS dense", "156 TFLOPS tf32"])
def test_dense_a100_peaks_are_training_rates(text: str) -> None:
    rate = parse_flop_rate(text)
    assert check_training_rate(rate, A100_DENSE, "a100") == rate.value


def test_a_dense_fp8_peak_is_not_taken_for_the_sparse_bf16_one() -> None:
    assert check_training_rate(parse_flop_rate("1979 TFLOPS"), H100_DENSE, "h100") == 1979e12


@pytest.mark.parametrize("text", ["624 TFLOPS bf16 sparse", "624 TFLOPS bf16", "624 TFLOPS"])
def test_the_sparse_a100_peak_of_its_datasheet_is_refused(text: str) -> None:
    """NVIDIA A100 datasheet: BFLOAT16 312 TFLOPS, 624 TFLOPS with sparsity."""
    with pytest.raises(
        InputError, match="`624 TFLOP/s` is a100's sparse bf16 peak; training uses dense: 312 TFLOP/s"
    ):
        check_training_rate(parse_flop_rate(text), A100_DENSE, "a100")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("500 TFLOPS bf16 sparse", "is a sparse rate"),
        ("400 TFLOPS bf16", "more than a100's dense peak"),
        ("400 TFLOPS fp8", "a100 has no fp8 peak"),
        ("624 TFLOPS bf16 dense", "more than a100's dense peak"),
    ],
)
def test_rates_that_no_training_reaches(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_training_rate(parse_flop_rate(text), A100_DENSE, "a100")


def test_bits_per_element_include_block_scales() -> None:
    assert [bits(dtype) for dtype in ("fp64", "tf32", "bf16", "fp8", "int4")] == [64, 32, 16, 8, 4]
    assert bits("mxfp8") == 8.25
    assert bits("nvfp4") == 4.5
    assert all(bits(dtype) > 0 for dtype in DTYPES)
    with pytest.raises(InputError, match="did you mean bf16"):
        bits("bf-16")

"""What can be measured, and the closed vocabulary of unit symbols for it.

Case matters: `b` is bit and `B` is byte, `FLOPS` is a rate and `FLOPs` an amount. Prefixes are decimal: `GB`
is 1e9 B, and 2^30 B are `GiB`. A year is 365 days and a month a twelfth of it. Factors are decimals, so that
`8.03B` is 8,030,000,000 and not a float's breadth below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """A dimension, with the currency or the thing counted; the comment is its SI unit."""

    FLOP = "FLOP"  # FLOP
    FLOP_RATE = "FLOP_RATE"  # FLOP/s
    BYTES = "BYTES"  # B
    BANDWIDTH = "BANDWIDTH"  # B/s
    TIME = "TIME"  # s
    TOKENS = "TOKENS"  # tokens
    TOKEN_RATE = "TOKEN_RATE"  # tokens/s
    CHIPS = "CHIPS"  # chips
    CHIP_RATE = "CHIP_RATE"  # chips/s
    CHIP_TIME = "CHIP_TIME"  # chip-seconds
    POWER = "POWER"  # W
    ENERGY = "ENERGY"  # J
    MONEY = "MONEY"  # US dollars
    MONEY_CNY = "MONEY_CNY"  # yuan: no exchange rate is ever implied
    COUNT = "COUNT"  # 1
    RATIO = "RATIO"  # 1
    LENGTH = "LENGTH"  # m
    AREA = "AREA"  # m2
    MASS = "MASS"  # kg
    TEMPERATURE = "TEMPERATURE"  # degC
    COMPUTE = "COMPUTE"  # FLOP, told as PF-days


NOUN: Mapping[Kind, str] = {
    Kind.FLOP: "an amount of FLOP",
    Kind.FLOP_RATE: "a rate of FLOP/s",
    Kind.BYTES: "an amount of bytes",
    Kind.BANDWIDTH: "a rate of bytes/s",
    Kind.TIME: "a time",
    Kind.TOKENS: "a number of tokens",
    Kind.TOKEN_RATE: "a rate of tokens/s",
    Kind.CHIPS: "a number of chips",
    Kind.CHIP_RATE: "a rate of chips per time",
    Kind.CHIP_TIME: "an amount of chip-time",
    Kind.POWER: "a power",
    Kind.ENERGY: "an energy",
    Kind.MONEY: "money in US dollars",
    Kind.MONEY_CNY: "money in yuan",
    Kind.COUNT: "a count",
    Kind.RATIO: "a ratio",
    Kind.LENGTH: "a length",
    Kind.AREA: "an area",
    Kind.MASS: "a mass",
    Kind.TEMPERATURE: "a temperature",
    Kind.COMPUTE: "an amount of compute",
}

EXAMPLE: Mapping[Kind, str] = {
    Kind.FLOP: "3.1e23 FLOP",
    Kind.FLOP_RATE: "312 TFLOP/s",
    Kind.BYTES: "80 GB",
    Kind.BANDWIDTH: "300 GB/s",
    Kind.TIME: "34 days",
    Kind.TOKENS: "15T tokens",
    Kind.TOKEN_RATE: "1.2M tokens/s",
    Kind.CHIPS: "1024 chips",
    Kind.CHIP_RATE: "500 chips/day",
    Kind.CHIP_TIME: "100 chip-days",
    Kind.POWER: "100 MW",
    Kind.ENERGY: "3 GWh",
    Kind.MONEY: "$3.2M",
    Kind.MONEY_CNY: "¥100k",
    Kind.COUNT: "70B",
    Kind.RATIO: "25 %",
    Kind.LENGTH: "30 m",
    Kind.AREA: "814 mm2",
    Kind.MASS: "60 kg",
    Kind.TEMPERATURE: "25 degC",
    Kind.COMPUTE: "3640 PF-days",
}

# Powers of ten of the SI prefixes.
_SI = {
    "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "c": -2, "": 0, "k": 3,
    "M": 6, "G": 9, "T": 12, "P": 15, "E": 18, "Z": 21, "Y": 24,
}  # fmt: skip
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}

# `15T tokens`, `$3.2M`: magnitudes of what is counted, where B is a billion.
MAGNITUDES: Mapping[str, Decimal] = {
    "k": Decimal(10**3), "K": Decimal(10**3), "M": Decimal(10**6), "B": Decimal(10**9), "T": Decimal(10**12),
}  # fmt: skip

DAY = 86_400
YEAR = 365 * DAY
_SPELLED_TIMES = {
    "second": 1, "minute": 60, "hour": 3600, "day": DAY, "week": 7 * DAY, "month": YEAR // 12, "year": YEAR,
}  # fmt: skip
_TIMES = {"s": 1, "min": 60, "h": 3600, "d": DAY, **_SPELLED_TIMES}

Units = dict[str, Decimal]


def _prefixed(prefixes: str, *symbols: str, factor: Decimal | int = 1) -> Units:
    """Each symbol under each one-letter prefix, and bare."""
    return {p + s: Decimal(factor).scaleb(_SI[p]) for s in symbols for p in ("", *prefixes)}


def _scaled(units: Mapping[str, int]) -> Units:
    return {name: Decimal(factor) for name, factor in units.items()}


def _plurals(units: Mapping[str, int], head: str = "") -> Units:
    return {head + name + s: Decimal(factor) for name, factor in units.items() for s in ("", "s")}


def _per_time(*things: str) -> Units:
    return {f"{thing}/{time}": 1 / Decimal(seconds) for thing in things for time, seconds in _TIMES.items()}


def _named(*names: str, factor: str = "1") -> Units:
    return dict.fromkeys(names, Decimal(factor))


def _data(byte_symbols: Iterable[str], bit_symbols: Iterable[str]) -> Units:
    bytes_, bits = tuple(byte_symbols), tuple(bit_symbols)
    binary = {p + s: Decimal(1024**power) for s in bytes_ for p, power in _BINARY.items()}
    return _prefixed("kMGTPE", *bytes_) | _prefixed("kMGTPE", *bits, factor=Decimal("0.125")) | binary


_FLOP = _prefixed("kMGTPEZY", "FLOP", "FLOPs")
_FLOP_RATE = _prefixed("kMGTPEZY", "FLOP/s", "FLOPs/s", "FLOPS") | _prefixed("GTPE", "OPS", "OP/s")
_PF_DAYS = {
    f"{prefix}{name}": Decimal(DAY).scaleb(_SI[prefix])
    for prefix in "TPEZ"
    for name in ("F-day", "F-days", "FLOP/s-day", "FLOP/s-days")
} | _named("petaday", "petadays", factor=str(DAY * 10**15))

UNITS: Mapping[Kind, Units] = {
    Kind.FLOP: _FLOP | _PF_DAYS,
    Kind.FLOP_RATE: _FLOP_RATE,
    Kind.BYTES: _data(["B"], ["b", "bit"]) | _named("byte", "bytes") | _named("bits", factor="0.125"),
    Kind.BANDWIDTH: _data(["B/s", "Bps"], ["b/s", "bps", "bit/s"]),
    Kind.TIME: _prefixed("numµμ", "s") | _scaled(_TIMES) | _plurals(_SPELLED_TIMES),
    Kind.TOKENS: _named("", "token", "tokens"),
    Kind.TOKEN_RATE: _per_time("token", "tokens"),
    Kind.CHIPS: _named("", "chip", "chips"),
    Kind.CHIP_RATE: _per_time("chip", "chips"),
    Kind.CHIP_TIME: _named("chip-s") | _named("chip-h", factor="3600") | _plurals(_SPELLED_TIMES, "chip-"),
    Kind.POWER: _prefixed("mkMGT", "W"),
    Kind.ENERGY: _prefixed("pnumkMGTPE", "J") | _prefixed("kMGT", "Wh", factor=3600),
    Kind.MONEY: _named("USD"),
    Kind.MONEY_CNY: _named("CNY", "RMB"),
    Kind.COUNT: _named("", "parameters", "params"),
    Kind.RATIO: _named("") | _named("%", factor="0.01"),
    Kind.LENGTH: _prefixed("numµμck", "m"),
    Kind.AREA: {
        prefix + symbol: Decimal(1).scaleb(2 * _SI[prefix])
        for prefix in ("", "k", "c", "m")
        for symbol in ("m2", "m²")
    },
    Kind.MASS: _prefixed("mk", "g", factor=Decimal("0.001")) | _prefixed("kM", "t", factor=1000),
    Kind.TEMPERATURE: _named("degC", "°C"),
    Kind.COMPUTE: _PF_DAYS | _FLOP,
}

COUNTED = frozenset(
    {
        Kind.COUNT,
        Kind.TOKENS,
        Kind.TOKEN_RATE,
        Kind.CHIPS,
        Kind.CHIP_RATE,
        Kind.CHIP_TIME,
        Kind.MONEY,
        Kind.MONEY_CNY,
    }
)
"""Kinds whose numbers take a magnitude: `1.2M chips`, `70B`, `$3k`."""


def factor_of(unit: str, kind: Kind) -> Decimal | None:
    """SI units in one `unit` of this kind; None where the kind does not know the unit."""
    known = UNITS[kind]
    if unit in known:
        return known[unit]
    magnitude, noun = unit[:1], unit[1:].lstrip()
    if kind in COUNTED and magnitude in MAGNITUDES and noun in known:
        return MAGNITUDES[magnitude] * known[noun]
    return None

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
    FREQUENCY = "FREQUENCY"  # 1/s: events a time
    WAFERS = "WAFERS"  # wafers
    WAFER_RATE = "WAFER_RATE"  # wafers/s
    VOLUME = "VOLUME"  # m3
    WATER_INTENSITY = "WATER_INTENSITY"  # m3/J
    CARBON_INTENSITY = "CARBON_INTENSITY"  # kg/J
    AREA_MASS = "AREA_MASS"  # kg/m2
    DATA_MASS = "DATA_MASS"  # kg/B
    DEFECT_DENSITY = "DEFECT_DENSITY"  # 1/m2
    DATA_PRICE = "DATA_PRICE"  # USD/B
    ENERGY_PRICE = "ENERGY_PRICE"  # USD/J
    ENERGY_PRICE_CNY = "ENERGY_PRICE_CNY"  # CNY/J
    POWER_PRICE = "POWER_PRICE"  # USD/W
    POWER_PRICE_CNY = "POWER_PRICE_CNY"  # CNY/W
    DEMAND_PRICE = "DEMAND_PRICE"  # USD/(W s): a demand charge
    DEMAND_PRICE_CNY = "DEMAND_PRICE_CNY"  # CNY/(W s)
    VOLUME_PRICE = "VOLUME_PRICE"  # USD/m3
    VOLUME_PRICE_CNY = "VOLUME_PRICE_CNY"  # CNY/m3
    CHIP_PRICE = "CHIP_PRICE"  # USD/chip-second
    CHIP_PRICE_CNY = "CHIP_PRICE_CNY"  # CNY/chip-second
    COMPUTE_PRICE = "COMPUTE_PRICE"  # USD/FLOP, told by the PF-day
    TOKEN_PRICE = "TOKEN_PRICE"  # USD/token


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
    Kind.FREQUENCY: "a number of events per time",
    Kind.WAFERS: "a number of wafers",
    Kind.WAFER_RATE: "a number of wafers per time",
    Kind.VOLUME: "a volume",
    Kind.WATER_INTENSITY: "water per energy",
    Kind.CARBON_INTENSITY: "carbon per energy",
    Kind.AREA_MASS: "a mass per area",
    Kind.DATA_MASS: "a mass per bytes",
    Kind.DEFECT_DENSITY: "defects per area",
    Kind.DATA_PRICE: "US dollars per bytes",
    Kind.ENERGY_PRICE: "US dollars per energy",
    Kind.ENERGY_PRICE_CNY: "yuan per energy",
    Kind.POWER_PRICE: "US dollars per power",
    Kind.POWER_PRICE_CNY: "yuan per power",
    Kind.DEMAND_PRICE: "US dollars per power and time",
    Kind.DEMAND_PRICE_CNY: "yuan per power and time",
    Kind.VOLUME_PRICE: "US dollars per volume",
    Kind.VOLUME_PRICE_CNY: "yuan per volume",
    Kind.CHIP_PRICE: "US dollars per chip-time",
    Kind.CHIP_PRICE_CNY: "yuan per chip-time",
    Kind.COMPUTE_PRICE: "US dollars per compute",
    Kind.TOKEN_PRICE: "US dollars per tokens",
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
    Kind.FREQUENCY: "0.68 %/year",
    Kind.WAFERS: "233k wafers",
    Kind.WAFER_RATE: "45k wafers/month",
    Kind.VOLUME: "300 L",
    Kind.WATER_INTENSITY: "1.8 L/kWh",
    Kind.CARBON_INTENSITY: "447 g/kWh",
    Kind.AREA_MASS: "2.8 kg/cm2",
    Kind.DATA_MASS: "65 g/GB",
    Kind.DEFECT_DENSITY: "0.1 /cm2",
    Kind.DATA_PRICE: "$15/GB",
    Kind.ENERGY_PRICE: "$0.08/kWh",
    Kind.ENERGY_PRICE_CNY: "¥0.4/kWh",
    Kind.POWER_PRICE: "$10M/MW",
    Kind.POWER_PRICE_CNY: "¥30M/MW",
    Kind.DEMAND_PRICE: "$15/kW-month",
    Kind.DEMAND_PRICE_CNY: "¥38/kW-month",
    Kind.VOLUME_PRICE: "$2/m3",
    Kind.VOLUME_PRICE_CNY: "¥4/m3",
    Kind.CHIP_PRICE: "$2.35/chip-hour",
    Kind.CHIP_PRICE_CNY: "¥12/chip-hour",
    Kind.COMPUTE_PRICE: "$140/PF-day",
    Kind.TOKEN_PRICE: "$0.5/Mtok",
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

# Chinese counts in steps of ten thousand: `260万亿 TFLOPS`, `1.3亿 tokens`.
MYRIADS: Mapping[str, Decimal] = {
    "万": Decimal(10**4), "亿": Decimal(10**8), "万亿": Decimal(10**12), "亿亿": Decimal(10**16),
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


def _priced(currency: str, unit: str, factor: int | Decimal) -> Units:
    """A price by its unit, as `USD/kWh` and as `$0.08/kWh`, whose sign the reader turns into the unit's end."""
    return {name: 1 / Decimal(factor) for name in (f"{currency}/{unit}", f"/{unit}{currency}")}


def _energy_prices(currency: str) -> Units:
    return _priced(currency, "kWh", 3_600_000) | _priced(currency, "MWh", 3_600_000_000)


def _power_prices(currency: str) -> Units:
    """Prices of watts; `$10M/MW` has its magnitude before the slash."""
    plain = {k: v for p, f in (("", 1), ("k", 10**3), ("M", 10**6)) for k, v in _priced(currency, f"{p}W", f).items()}
    return plain | {f"{p}/{p}W{currency}": Decimal(1) for p in ("k", "M")}


def _demand_prices(currency: str) -> Units:
    times = (("month", YEAR // 12), ("year", YEAR))
    return {k: v for name, s in times for k, v in _priced(currency, f"kW-{name}", 1000 * s).items()}


def _chip_prices(currency: str) -> Units:
    hours = {k: v for name in ("chip-hour", "chip-h") for k, v in _priced(currency, name, 3600).items()}
    return hours | _priced(currency, "chip-year", YEAR)


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
    Kind.FREQUENCY: _per_time("") | {f"%{unit}": factor / 100 for unit, factor in _per_time("").items()},
    Kind.WAFERS: _named("wafer", "wafers"),
    Kind.WAFER_RATE: _per_time("wafer", "wafers") | {"wpm": Decimal(12) / YEAR},
    Kind.VOLUME: _prefixed("mkM", "L", factor=Decimal("0.001")) | _named("m3", "m³"),
    Kind.WATER_INTENSITY: {"L/kWh": Decimal("0.001") / 3_600_000, "m3/MWh": 1 / Decimal(3_600_000_000)},
    Kind.CARBON_INTENSITY: {
        "g/kWh": Decimal("0.001") / 3_600_000,
        "kg/kWh": 1 / Decimal(3_600_000),
        "t/MWh": 1 / Decimal(3_600_000),
    },
    Kind.AREA_MASS: {"g/cm2": Decimal(10), "kg/cm2": Decimal(10_000), "kg/m2": Decimal(1)},
    Kind.DATA_MASS: {"g/GB": Decimal("1e-12"), "kg/GB": Decimal("1e-9")},
    Kind.DEFECT_DENSITY: {"/cm2": Decimal(10_000), "/m2": Decimal(1)},
    Kind.DATA_PRICE: _priced("USD", "GB", 10**9) | _priced("USD", "TB", 10**12),
    Kind.ENERGY_PRICE: _energy_prices("USD"),
    Kind.ENERGY_PRICE_CNY: _energy_prices("CNY"),
    Kind.POWER_PRICE: _power_prices("USD"),
    Kind.POWER_PRICE_CNY: _power_prices("CNY"),
    Kind.DEMAND_PRICE: _demand_prices("USD"),
    Kind.DEMAND_PRICE_CNY: _demand_prices("CNY"),
    Kind.VOLUME_PRICE: _priced("USD", "m3", 1),
    Kind.VOLUME_PRICE_CNY: _priced("CNY", "m3", 1),
    Kind.CHIP_PRICE: _chip_prices("USD"),
    Kind.CHIP_PRICE_CNY: _chip_prices("CNY"),
    Kind.COMPUTE_PRICE: _priced("USD", "PF-day", DAY * 10**15),
    Kind.TOKEN_PRICE: _priced("USD", "Mtok", 10**6) | _priced("USD", "M tokens", 10**6),
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
        Kind.WAFERS,
        Kind.WAFER_RATE,
    }
)
"""Kinds whose numbers take a magnitude: `1.2M chips`, `70B`, `$3k`."""


_IN_MYRIADS = COUNTED | {Kind.FLOP, Kind.FLOP_RATE, Kind.COMPUTE}


def factor_of(unit: str, kind: Kind) -> Decimal | None:
    """SI units in one `unit` of this kind; None where the kind does not know the unit."""
    known = UNITS[kind]
    if unit in known:
        return known[unit]
    magnitudes = {**(MAGNITUDES if kind in COUNTED else {}), **(MYRIADS if kind in _IN_MYRIADS else {})}
    for length in (2, 1):
        magnitude, noun = unit[:length], unit[length:].lstrip()
        if magnitude in magnitudes and noun in known:
            return magnitudes[magnitude] * known[noun]
    return None

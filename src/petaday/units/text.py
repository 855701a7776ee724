"""Text with a unit to an SI float, and back to text."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from decimal import Decimal

from petaday.errors import InputError, nearest_names
from petaday.units.kinds import COUNTED, DAY, EXAMPLE, NOUN, UNITS, YEAR, Kind, factor_of

_LONGEST = 100  # characters: no quantity needs more, and no number is parsed from a megabyte of digits
_SHOWN = 40
_CURRENCY = {"$": "USD", "¥": "CNY", "￥": "CNY"}
_QUANTITY = re.compile(
    r"(?P<sign>[+-]?)\s*(?P<currency>[$¥￥]?)\s*(?P<inner_sign>-?)"
    r"(?P<number>(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"
    r"|\.[0-9]+(?:[eE][+-]?[0-9]+)?)"
    r"\s*(?P<unit>.*)"
)
_THIN_SPACE = "[\u00a0\u2009\u202f]"
_THIN_GROUPS = re.compile(f"(?<=[0-9]){_THIN_SPACE}(?=[0-9]{{3}}(?![0-9]))")


def parse(text: str | int | float, kind: Kind) -> float:
    """The SI value of a quantity written with its unit.

    Parameters
    ----------
    text : a number and a unit of the kind, as `400 Gb/s`, `15T tokens`, `$3.2M`; a bare number only where the
        kind is a count or a ratio. Commas and thin spaces may group thousands; a decimal comma is refused.
    kind : what the text must measure; the result is in its SI unit (bytes, B/s, FLOP, s, W, J ...)

    Raises
    ------
    InputError : no number, no unit, a unit of another kind, an unknown unit (with the nearest ones), infinite
    """
    number: str | float
    if isinstance(text, str):
        number, unit = _split(text, kind)
        factor = factor_of(unit, kind)
    elif isinstance(text, int | float) and not isinstance(text, bool):
        number, unit, factor = _as_float(text), "", factor_of("", kind)
    else:
        raise InputError(f"{shown(text)} is no quantity", expected=expected(kind))
    if factor is None:
        raise _unit_error(text, unit, kind)
    # Decimal, so that the float is the one nearest to what was written; a product of floats may be a bit off.
    value = float(Decimal(number) * factor) if _within_float(number) else float(number)
    if not math.isfinite(value):
        raise InputError(f"`{shown(text)}` is not a finite number", expected=expected(kind))
    return value


def unit_of(text: str, kind: Kind) -> str:
    """The unit of a quantity as it is written, a currency sign turned into its end; "" for a bare number."""
    return _split(text, kind)[1]


def render(value: float, kind: Kind, digits: int = 4) -> str:
    """Text for people with a fitting unit, which `parse` reads back to within the digits kept.

    Parameters
    ----------
    value : in the kind's SI unit; finite
    digits : significant digits kept; whole counts and amounts of money below a million keep all of theirs

    Raises
    ------
    ValueError : value is infinite or not a number
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} has no text as {NOUN[kind]}")
    ladder = _LADDERS[kind]
    counted = round(value / ladder[0][1]) if abs(value) < 1e6 * ladder[0][1] and kind in COUNTED else 0
    if counted and math.isclose(counted * ladder[0][1], value, rel_tol=1e-12):
        unit, number = ladder[0][0], _plain(counted, 6)
    else:
        rounded = float(f"{value:.{digits - 1}e}")
        unit, factor = ("", 1.0) if kind is Kind.RATIO and abs(value) > 1 else _fitting(abs(rounded), ladder)
        number = _plain(value / factor, digits)
    if unit[:1] in _CURRENCY:
        sign, amount = ("-", number[1:]) if number.startswith("-") else ("", number)
        return f"{sign}{unit[0]}{amount}{unit[1:]}"
    if number == "1" and unit in _PLURALS:
        unit = unit[:-1]
    return f"{number}{unit}"


def expected(kind: Kind) -> str:
    """How an error names a kind: `an amount of bytes such as `80 GB``."""
    return f"{NOUN[kind]} such as `{EXAMPLE[kind]}`"


def shown(text: object) -> str:
    """Input as quoted in a message: one line, cut where it is long."""
    match text:
        case bool():
            return "true" if text else "false"
        case int() | float():
            return f"{_as_float(text):.15g}"
        case str():
            line = " ".join(text.split())
            return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
        case None:
            return "null"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
    return f"a {type(text).__name__}"


def _split(text: str, kind: Kind) -> tuple[str, str]:
    """The number as Python writes it, and the unit; a currency sign becomes the unit's end."""
    if len(text) > _LONGEST:
        raise InputError(f"`{shown(text)}` is too long for a quantity", expected=expected(kind))
    line = _THIN_GROUPS.sub(",", text.replace("−", "-"))
    match = _QUANTITY.fullmatch(" ".join(line.split()))
    if not match or (match["inner_sign"] and (match["sign"] or not match["currency"])):
        raise InputError(f"`{shown(text)}` does not start with a number", expected=expected(kind))
    unit = match["unit"]
    if unit.startswith(tuple("0123456789,.'_")):
        raise InputError(
            f"`{shown(text)}` is not a plain number; write thousands as 1000 or 1,000 and decimals as 1.5",
            expected=expected(kind),
        )
    if match["currency"]:
        unit += _CURRENCY[match["currency"]]
    return match["sign"] + match["inner_sign"] + match["number"].replace(",", ""), unit


def _as_float(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _within_float(number: str | float) -> bool:
    """Whether Decimal can scale the number without an overflow or underflow of its own."""
    return math.isfinite(float(number)) and float(number) != 0


def _unit_error(text: object, unit: str, kind: Kind) -> InputError:
    quoted = f"`{shown(text)}`"
    if not unit:
        return InputError(f"{quoted} has no unit", expected=expected(kind))
    other = next((k for k in Kind if factor_of(unit, k) is not None), None)
    if other:
        likely = _likely(str(text), kind)
        return InputError(f"{quoted} is {NOUN[other]}", expected=f"{NOUN[kind]} such as `{likely}`")
    nearest = tuple(dict.fromkeys(map(_as_written, _nearest(unit, kind))))
    unknown = shown(_as_written(unit))
    return InputError(f"{quoted}: unknown unit `{unknown}`", expected=expected(kind), nearest=nearest)


def _as_written(unit: str) -> str:
    """A unit of a price with its sign where people write it."""
    for sign, name in _CURRENCY.items():
        if unit.startswith("/") and unit.endswith(name):
            return f"{sign}{unit.removesuffix(name)}"
    return unit


def _likely(text: str, kind: Kind) -> str:
    """What was probably meant by a text of another kind: the same per second, or not per second."""
    for candidate in (f"{text.strip()}/s", text.strip().removesuffix("/s")):
        number_and_unit = _QUANTITY.fullmatch(candidate)
        if number_and_unit and factor_of(number_and_unit["unit"], kind) is not None:
            return candidate
    return EXAMPLE[kind]


def _nearest(unit: str, kind: Kind) -> tuple[str, ...]:
    """The nearest units of the kind; those that differ in case alone come first: case tells bit from byte."""
    known = [name for name in UNITS[kind] if name]
    same_letters = tuple(name for name in known if name.lower() == unit.lower())
    return (
        same_letters or tuple(difflib.get_close_matches(unit, known, n=3, cutoff=0.5)) or nearest_names(unit, known)
    )


Ladder = tuple[tuple[str, float], ...]


def _rungs(unit: str, prefixes: str, start: int, base: float = 1.0) -> Ladder:
    """` kB`, ` MB`, ` GB` ...: one rung per prefix, a thousand apart, from base x 1e`start`."""
    return tuple((f" {p.strip()}{unit}", base * 10.0 ** (start + 3 * i)) for i, p in enumerate(prefixes))


def _magnitudes(noun: str, head: str = "", base: float = 1.0) -> Ladder:
    return tuple((f"{head}{m}{noun}", base * f) for m, f in (("", 1.0), ("M", 1e6), ("B", 1e9), ("T", 1e12)))


_LADDERS: dict[Kind, Ladder] = {
    Kind.FLOP: _rungs("FLOP", " kMGTPEZY", 0),
    Kind.FLOP_RATE: _rungs("FLOP/s", " kMGTPEZY", 0),
    Kind.BYTES: _rungs("B", " kMGTPE", 0),
    Kind.BANDWIDTH: _rungs("B/s", " kMGTPE", 0),
    Kind.TIME: (*_rungs("s", "num ", -9), (" min", 60.0), (" h", 3600.0), (" days", DAY), (" years", YEAR)),
    Kind.TOKENS: _magnitudes(" tokens"),
    Kind.TOKEN_RATE: _magnitudes(" tokens/s"),
    Kind.CHIPS: _magnitudes(" chips"),
    Kind.CHIP_RATE: _magnitudes(" chips/day", base=1 / DAY),
    Kind.CHIP_TIME: _magnitudes(" chip-hours", base=3600.0),
    Kind.POWER: _rungs("W", "m kMG", -3),
    Kind.ENERGY: _rungs("J", "pnum kM", -12)[:-1] + _rungs("Wh", "kMGT", 3, base=3600.0),
    Kind.MONEY: _magnitudes("", "$"),
    Kind.MONEY_CNY: _magnitudes("", "¥"),
    Kind.COUNT: _magnitudes(""),
    Kind.RATIO: ((" %", 0.01),),
    Kind.LENGTH: _rungs("m", "num k", -9),
    Kind.AREA: ((" mm2", 1e-6), (" m2", 1.0), (" km2", 1e6)),
    Kind.MASS: (*_rungs("g", "m k", -6), (" t", 1e3), (" kt", 1e6)),
    Kind.TEMPERATURE: ((" degC", 1.0),),
    Kind.COMPUTE: ((" PF-days", 1e15 * DAY),),
    Kind.FREQUENCY: ((" %/year", 0.01 / YEAR), (" /year", 1 / YEAR), (" /day", 1 / DAY), (" /s", 1.0)),
    Kind.WAFERS: _magnitudes(" wafers"),
    Kind.WAFER_RATE: _magnitudes(" wafers/day", base=1 / DAY),
    Kind.VOLUME: ((" L", 1e-3), (" m3", 1.0), (" ML", 1e3)),
    Kind.WATER_INTENSITY: ((" L/kWh", 1e-3 / 3.6e6),),
    Kind.CARBON_INTENSITY: ((" g/kWh", 1e-3 / 3.6e6),),
    Kind.AREA_MASS: ((" g/cm2", 10.0), (" kg/cm2", 1e4)),
    Kind.DATA_MASS: ((" g/GB", 1e-12),),
    Kind.DEFECT_DENSITY: ((" /cm2", 1e4),),
    Kind.DATA_PRICE: (("$/GB", 1e-9),),
    Kind.ENERGY_PRICE: (("$/kWh", 1 / 3.6e6),),
    Kind.ENERGY_PRICE_CNY: (("¥/kWh", 1 / 3.6e6),),
    Kind.POWER_PRICE: (("$/kW", 1e-3), ("$M/MW", 1.0)),
    Kind.POWER_PRICE_CNY: (("¥/kW", 1e-3), ("¥M/MW", 1.0)),
    Kind.DEMAND_PRICE: (("$/kW-month", 12e-3 / YEAR),),
    Kind.DEMAND_PRICE_CNY: (("¥/kW-month", 12e-3 / YEAR),),
    Kind.VOLUME_PRICE: (("$/m3", 1.0),),
    Kind.VOLUME_PRICE_CNY: (("¥/m3", 1.0),),
    Kind.CHIP_PRICE: (("$/chip-hour", 1 / 3600),),
    Kind.CHIP_PRICE_CNY: (("¥/chip-hour", 1 / 3600),),
    Kind.COMPUTE_PRICE: (("$/PF-day", 1e-15 / DAY),),
    Kind.TOKEN_PRICE: (("$/Mtok", 1e-6),),
}
"""Units of the text for people, smallest first."""

_PLURALS = (" tokens", " chips", " days", " years", " chip-hours", " PF-days")


def _fitting(size: float, ladder: Ladder) -> tuple[str, float]:
    """The largest unit of which there is at least one, else the smallest; for zero the one nearest to SI."""
    if size == 0:
        return min(ladder, key=lambda rung: abs(rung[1] - 1))
    return next((rung for rung in reversed(ladder) if size >= rung[1]), ladder[0])


def _plain(number: float, digits: int) -> str:
    """The number with its significant digits and no exponent, unless it is very large or small."""
    size = abs(number)
    if size and not 1e-4 <= size < 1e12:
        return f"{number:.{digits}g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size))) if size else 0
    text = f"{float(f'{number:.{digits}g}'):,.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if decimals else text
    return text if size >= 10_000 else text.replace(",", "")

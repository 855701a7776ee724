"""The text of a claim's quantity as a typed quantity; the kind is told by the unit."""

from __future__ import annotations

import calendar
import re
from datetime import date

from petaday.errors import InputError
from petaday.study.claims.typed import DATE, Dimension, Typed, dimension
from petaday.units import Kind, dimension_of, parse_span
from petaday.units.kinds import factor_of
from petaday.units.text import shown, unit_of

_EPOCH = date(1970, 1, 1).toordinal()
_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")
CHIPS = ("card", "gpu", "accelerator")
"""What the press calls a chip."""
_TAKEN = ("s", "m", "kg", "date")  # what dimensions are told in
_NOUN = re.compile(r"[A-Za-z][A-Za-z -]*")


def kind_of(text: str, given: Kind | None = None) -> Kind:
    """The kind that a quantity's unit belongs to; a bare number is a count. Raises InputError: none, or several."""
    if given is not None:
        return given
    last = text.rpartition("..")[2]
    unit = unit_of(last, Kind.COUNT)
    if factor_of(unit, Kind.COUNT) is not None and unit != "B":
        return Kind.COUNT
    kinds = [kind for kind in Kind if factor_of(unit, kind) is not None]
    if not kinds:
        raise InputError(f"`{shown(text)}`: unknown unit `{shown(unit)}`", expected="a unit that the manual lists")
    if len({dimension(dimension_of(kind)) for kind in kinds}) > 1:
        raise InputError(
            f"`{shown(text)}` may be {' or '.join(kinds)}", expected="a kind of its own, such as `kind: COUNT`"
        )
    return kinds[0]


def typed_text(text: str, kind: Kind | None = None) -> Typed:
    """A quantity or a range of it. Raises InputError: no number, no known unit, upside down."""
    found = kind_of(text, kind)
    span = parse_span(text, found)
    return Typed(span.low, span.high, dimension(dimension_of(found)))


def divided(typed: Typed, per: str) -> Typed:
    """A quantity by what it is a number of: `day`, `chip`, `kWh`, or any noun that the claim counts."""
    try:
        return typed.times(typed_text(f"1 {per}"), -1)
    except InputError:
        return typed.times(Typed(1.0, 1.0, noun(per)), -1)


def noun(text: str) -> Dimension:
    """What a bare number counts, as a dimension of its own. Raises InputError: no noun."""
    if not _NOUN.fullmatch(text) or text.strip().casefold() in _TAKEN:
        raise InputError(f"`{shown(text)}` is nothing to count", expected="a noun in the singular, such as `port`")
    plain = text.strip().casefold()
    return (("chip" if plain in CHIPS else plain, 1),)


def counted(typed: Typed, of: str) -> Typed:
    """A pure number of something."""
    return typed.times(Typed(1.0, 1.0, noun(of)), 1)


def date_of(text: str) -> Typed:
    """A year, month or day, as the range of its days since 1970. Raises InputError: no date."""
    found = _DATE.fullmatch(text.strip())
    try:
        year, month, day = (int(part) if part else 0 for part in found.groups()) if found else (0, 0, 0)
        first = date(year, month or 1, day or 1)
        last = date(year, month or 12, day or calendar.monthrange(year, month or 12)[1])
    except ValueError:
        raise InputError(f"`{shown(text)}` is no date", expected="2023, 2023-02 or 2023-02-09") from None
    return Typed(first.toordinal() - _EPOCH, last.toordinal() - _EPOCH, DATE)


def year_of(text: str) -> float:
    """A date as a year with decimals; a year alone is itself, so that differences of years are whole."""
    found = date_of(text)
    day = date.fromordinal(_EPOCH + round(found.low))
    return day.year + (day.timetuple().tm_yday - 1) / (366 if calendar.isleap(day.year) else 365)

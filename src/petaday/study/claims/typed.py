"""Typed quantities of claims: a range in SI units with its dimension, where `30 chips a wafer` is no pure number.

Claims divide anything by anything (yuan a PFLOPS, words a server), so the dimension is a free product of what the
closed vocabulary of units measures and of nouns that a claim counts; only its texts come from the kinds.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass
from datetime import date

from petaday.units import Kind, dimension_of, render
from petaday.units.kinds import DAY, YEAR

Dimension = tuple[tuple[str, int], ...]
"""What is counted or measured with its exponent, sorted, none of them zero."""

TOLERANCE = 0.05
"""Two numbers of the press are the same within this share: it rounds to one or two digits."""
DATES = 7.0
"""Days within which two dates are the same."""
DATE: Dimension = (("date", 1),)
TIME: Dimension = (("s", 1),)


class UnsoundError(Exception):
    """Arithmetic that means nothing: the check that found it, and why."""

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(reason)
        self.check = check
        self.reason = reason


class OpenError(Exception):
    """Arithmetic that lacks a figure which the claim does not state."""


def dimension(exponents: dict[str, int] | Counter[str]) -> Dimension:
    return tuple(sorted((base, power) for base, power in exponents.items() if power))


@dataclass(frozen=True)
class Typed:
    """low to high in SI units (days since 1970 for dates); at: the year that it holds for, with decimals."""

    low: float
    high: float
    dimension: Dimension = ()
    at: float | None = None

    @property
    def value(self) -> float:
        """The middle: the geometric mean of positive ends, of others the mean."""
        if self.low == self.high:
            return self.low
        return math.sqrt(self.low) * math.sqrt(self.high) if self.low > 0 else (self.low + self.high) / 2

    def plus(self, other: Typed, sign: int) -> Typed:
        """The sum or difference; two dates differ by a time, and a time leads from a date to another.

        Raises
        ------
        UnsoundError : unlike things, the sum of two dates, a date beyond the calendar
        """
        ends = (other.low, other.high) if sign > 0 else (-other.high, -other.low)
        if self.dimension == DATE and other.dimension == TIME:
            return _dated(self.low + ends[0] / DAY, self.high + ends[1] / DAY)
        if self.dimension == other.dimension == DATE:
            if sign > 0:
                raise UnsoundError("date", f"{text(self)} plus {text(other)}: the sum of two dates")
            return _checked([(self.low + ends[0]) * DAY, (self.high + ends[1]) * DAY], TIME)
        require_like(self, other, "plus" if sign > 0 else "minus")
        return _checked([self.low + ends[0], self.high + ends[1]], self.dimension)

    def times(self, other: Typed, power: int) -> Typed:
        """The product (power 1) or quotient (power -1). Raises UnsoundError: of a date, by zero, too large."""
        _no_date(self, other)
        if power < 0 and other.low <= 0 <= other.high:
            raise UnsoundError("arithmetic", "a division by zero")
        exponents = Counter(dict(self.dimension))
        for base, exponent in other.dimension:
            exponents[base] += power * exponent
        corners = itertools.product((self.low, self.high), (other.low, other.high))
        return _checked([a * b if power > 0 else a / b for a, b in corners], dimension(exponents))

    def to_the(self, other: Typed) -> Typed:
        """The power. Raises UnsoundError: an exponent with a unit, a root of a unit or of what is negative."""
        _no_date(self, other)
        if other.dimension:
            raise UnsoundError("dimension", f"an exponent of {words(other.dimension)}, where a pure number is due")
        whole = other.low == other.high and other.low == int(other.low)
        if self.dimension and not whole:
            raise UnsoundError("dimension", f"a root of {words(self.dimension)}")
        if self.low < 0 or (self.low == 0 and other.low < 0):
            raise UnsoundError("arithmetic", "a power of nothing or less")
        exponents = {base: power * int(other.low) for base, power in self.dimension}
        corners = itertools.product((self.low, self.high), (other.low, other.high))
        return _checked([_power(a, b) for a, b in corners], dimension(exponents))


_CALENDAR = (date.min.toordinal() - date(1970, 1, 1).toordinal(), date.max.toordinal() - date(1970, 1, 1).toordinal())


def _dated(low: float, high: float) -> Typed:
    if not _CALENDAR[0] <= low <= high <= _CALENDAR[1]:
        raise UnsoundError("date", "a date beyond the calendar")
    return Typed(low, high, DATE)


def _no_date(*typed: Typed) -> None:
    found = next((each for each in typed if each.dimension == DATE), None)
    if found is not None:
        raise UnsoundError("date", f"{text(found)} is multiplied or raised to a power, and dates are only apart")


def _power(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf


def _checked(ends: list[float], of: Dimension) -> Typed:
    if not all(map(math.isfinite, ends)):
        raise UnsoundError("arithmetic", "a number beyond all measure")
    return Typed(min(ends), max(ends), of)


def require_like(left: Typed, right: Typed, verb: str = "held against") -> None:
    """Raises UnsoundError: two things that cannot be added or compared, with the reason as an editor would say it."""
    if left.dimension == right.dimension:
        return
    have, want = dict(left.dimension), dict(right.dimension)
    if have.get("USD", 0) != want.get("USD", 0) and have.get("CNY", 0) != want.get("CNY", 0):
        raise UnsoundError(
            "currency", f"{text(left)} {verb} {text(right)}: two currencies, and no exchange rate is stated"
        )
    longer, shorter = (left, right) if have.get("s", 0) > want.get("s", 0) else (right, left)
    if {**have, "s": 0} == {**want, "s": 0}:
        over = dict(shorter.dimension).get("s", 0) < 0
        what = "a stock or an amount is taken for a flow or a rate" if over else "a time is dropped"
        raise UnsoundError("stock or flow" if over else "dimension", f"{text(longer)} {verb} {text(shorter)}: {what}")
    raise UnsoundError("dimension", f"{text(left)} {verb} {text(right)}: {words(have)} is no {words(want)}")


def words(of: Dimension | dict[str, int]) -> str:
    """A dimension as text: `chip·s/wafer`."""
    powers = sorted(dict(of).items())
    over = [base if power == 1 else f"{base}^{power}" for base, power in powers if power > 0]
    under = [base if power == -1 else f"{base}^{-power}" for base, power in powers if power < 0]
    return "/".join(["·".join(over) or "1", *under]) if powers else "a pure number"


_KINDS = {dimension(dimension_of(kind)): kind for kind in reversed(Kind)}
_LARGE = 1e20
"""FLOP from which an amount is told in PF-days."""


def text(typed: Typed) -> str:
    """A quantity for people: its middle, or its two ends."""
    if typed.low == typed.high:
        return _one(typed.low, typed.dimension)
    return f"{_one(typed.low, typed.dimension)} to {_one(typed.high, typed.dimension)}"


def _one(value: float, of: Dimension) -> str:
    if of == DATE:
        return date.fromordinal(date(1970, 1, 1).toordinal() + round(value)).isoformat()
    if not of:
        return _number(value)
    if of == (("FLOP", 1),) and value >= _LARGE:
        return render(value, Kind.COMPUTE)
    if of in _KINDS:
        return render(value, _KINDS[of])
    exponents = dict(of)
    if exponents.get("FLOP") == -1 and exponents.get("s") == 1 and len(of) == 3:
        return f"{_one(value * 1e15, tuple(each for each in of if each[0] not in ('FLOP', 's')))} a PFLOP/s"
    for base, power in of:
        rest = dimension({**exponents, base: power + 1})
        if power < 0 and (not rest or rest in _KINDS or len(rest) == 1):
            each, times = _SPELLED.get((base, rest in (_USD, _CNY)), (base, 1))
            return f"{_one(value * times, rest)} a {each}"
    if len(of) == 1 and of[0][1] == 1:
        return f"{_number(value)} {of[0][0]}{'' if value == 1 else 's'}"
    return f"{value:.4g} {words(of)} (SI)"


_USD, _CNY = (("USD", 1),), (("CNY", 1),)
_SPELLED = {("s", False): ("day", DAY), ("s", True): ("month", YEAR / 12)}


def _number(value: float) -> str:
    if 0 < abs(value) < 1:
        return render(value, Kind.RATIO)
    return render(value, Kind.COUNT) if abs(value) >= 10_000 else f"{value:.4g}"

"""A quantity that is not known exactly: `$22k..$47k` holds 90 % of what one believes, half of the rest on each side."""

from __future__ import annotations

import math
from dataclasses import dataclass

from petaday.errors import InputError
from petaday.units.kinds import Kind
from petaday.units.text import expected, parse, shown, unit_of


@dataclass(frozen=True)
class Span:
    """The 5th percentile, the median and the 95th percentile of a quantity in SI units; equal where it is known."""

    low: float
    value: float
    high: float

    @property
    def is_known(self) -> bool:
        """Whether there is nothing to draw."""
        return self.low == self.high


def parse_span(text: str | int | float, kind: Kind) -> Span:
    """A quantity, or a range of it as `low..high`, whose first number may leave the unit to the second.

    The median of a range of positive numbers is the geometric mean of its ends, of others the mean.

    Raises
    ------
    InputError : as `parse` has it; or the range is upside down
    """
    if not isinstance(text, str) or ".." not in text:
        value = parse(text, kind)
        return Span(value, value, value)
    first, _, second = text.partition("..")
    high = parse(second, kind)
    low = parse(first if unit_of(first, kind) else f"{first} {unit_of(second, kind)}", kind)
    if low > high:
        raise InputError(f"`{shown(text)}` is upside down", expected=f"low..high, each {expected(kind)}")
    return Span(low, math.sqrt(low * high) if low > 0 else (low + high) / 2, high)

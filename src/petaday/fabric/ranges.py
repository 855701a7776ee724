"""A figure with what sources leave open: low, typical, high."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from petaday.catalog.figure import Figure


@dataclass(frozen=True)
class Range:
    """Three values of one quantity, in its SI unit. Sums and products go bound by bound: bounds stay worst cases."""

    low: float
    typical: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.typical <= self.high:
            raise ValueError(f"{self} is not in order")

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.typical + other.typical, self.high + other.high)

    def __mul__(self, factor: float) -> Range:
        return Range(self.low * factor, self.typical * factor, self.high * factor)

    __rmul__ = __mul__


ZERO = Range(0.0, 0.0, 0.0)


def span(figure: Figure | None) -> Range:
    """A catalog figure with its bounds; nothing where the part has none."""
    if figure is None:
        return ZERO
    low = figure.value if figure.low is None else figure.low
    high = figure.value if figure.high is None else figure.high
    return Range(low, figure.value, high)


def total(ranges: Iterable[Range]) -> Range:
    """The sum of all."""
    return sum(ranges, ZERO)


def saved(base: Range, other: Range) -> Range:
    """What `other` takes less than the typical `base`: the newcomer's bounds, not the known one's, are in doubt."""
    return Range(base.typical - other.high, base.typical - other.typical, base.typical - other.low)

"""Published forecasts with their vintage, and series of what happened; both kept as they were told."""

from __future__ import annotations

import itertools
import re
from functools import cached_property
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from petaday.catalog.part import Id, Part
from petaday.catalog.validate import Strict, told
from petaday.errors import InputError
from petaday.units import Kind, Span, parse_span

_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?")


def _date(written: object) -> str:
    text = str(written)
    found = _DATE.fullmatch(text)
    if not found or not 1 <= int(found[2] or 1) <= 12:
        raise InputError(f"`{text}` is no date", expected="a year or a month, 2023 or 2023-02")
    return text


Date = Annotated[str, BeforeValidator(told(_date))]
Text = Annotated[str, BeforeValidator(lambda written: str(written) if isinstance(written, int | float) else written)]


def decimal_year(text: str, *, end: bool = True) -> float:
    """A year or month as a calendar year with decimals: its end (2023: 2024.0; 2023-10: 2023.83) or its start.

    Raises
    ------
    InputError : no year or month
    """
    found = _DATE.fullmatch(_date(text))
    assert found
    months = int(found[2]) - (not end) if found[2] else (12 if end else 0)
    return int(found[1]) + months / 12


class Grown(Strict):
    """A forecast told as growth: from a value at a time, by a share a year or a time of doubling."""

    base: Text
    at: Date
    growth: Text | None = None  # a share a year
    doubling: Text | None = None

    @model_validator(mode="after")
    def _one_law(self) -> Self:
        if (self.growth is None) == (self.doubling is None):
            raise ValueError("give one of growth (a share a year) and doubling (a time)")
        return self


class Forecast(Part):
    """A forecast as it was published.

    by: who; vintage: when; target: the year or month it is for; kind: of its value; series: what it is about, so that
    it is held against the actuals of that series; definition: what is counted, with dtype and density where it matters
    value: a quantity or a range; grown: or the growth that it was told as; caveat: why it and the actuals differ in kind
    """

    by: str
    vintage: Date
    target: Date
    kind: Kind
    series: Id
    definition: str
    value: Text | None = None
    grown: Grown | None = None
    caveat: str = ""
    source: str
    estimate: bool = False

    @model_validator(mode="after")
    def _told_once(self) -> Self:
        if (self.value is None) == (self.grown is None):
            raise ValueError("give one of value and grown")
        if decimal_year(self.vintage, end=False) >= decimal_year(self.target):
            raise ValueError(f"a forecast of {self.vintage} for {self.target} looks back")
        self._read()
        return self

    @told
    def _read(self) -> None:
        """Raises InputError: a text that is no quantity of its kind."""
        if self.value is not None:
            parse_span(self.value, self.kind)
        if self.grown is not None:
            parse_span(self.grown.base, self.kind)
            parse_span(self.grown.growth or "1 %", Kind.RATIO)
            parse_span(self.grown.doubling or "1 year", Kind.TIME)

    @cached_property
    def span(self) -> Span | None:
        """The value in SI units; None where it was told as growth."""
        return None if self.value is None else parse_span(self.value, self.kind)


class Point(Strict):
    """One value of a series, at the end of a year or month; low and high: 5th and 95th percentile, if told."""

    at: Date
    value: Text
    low: Text | None = None
    high: Text | None = None
    source: str = ""

    def span(self, kind: Kind) -> Span:
        """The value in SI units. Raises InputError: no quantity of its kind, or bounds that do not hold it."""
        told_as = parse_span(self.value, kind)
        low = told_as.low if self.low is None else parse_span(self.low, kind).value
        high = told_as.high if self.high is None else parse_span(self.high, kind).value
        if not low <= told_as.value <= high:
            raise InputError(f"`{self.value}` is not between its low and high")
        return Span(low, told_as.value, high)


class Series(Part):
    """What happened, by year or month. kind: of its values; definition: what is counted"""

    kind: Kind
    definition: str
    source: str
    estimate: bool = False
    points: Annotated[tuple[Point, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        years = [decimal_year(point.at) for point in self.points]
        if any(b <= a for a, b in itertools.pairwise(years)):
            raise ValueError("the points are not in order of time")
        self._read()
        return self

    @told
    def _read(self) -> None:
        """Raises InputError: a text that is no quantity of its kind."""
        for point in self.points:
            point.span(self.kind)

    def at(self, date: str) -> Span | None:
        """The value at the end of a year or month; None where the series has none."""
        found = next((each for each in self.points if decimal_year(each.at) == decimal_year(date)), None)
        return None if found is None else found.span(self.kind)

"""The forecast's scenario file: demand with its law of growth, what supplies it, and the share of co-packaged optics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from petaday.catalog.validate import SpanOf, Strict, told
from petaday.errors import InputError
from petaday.study.scenario import read_as
from petaday.study.scenario_types import Dtype, Name
from petaday.units import Kind, Span, render
from petaday.units.kinds import DAY, YEAR


def _within(least: float, most: float, kind: Kind) -> AfterValidator:
    """A range above `least` and up to `most`."""

    def check(span: Span) -> Span:
        if not least < span.low or span.high > most:
            ends = f"more than {render(least, kind)} and at most {render(most, kind)}"
            raise InputError("a range beyond what can be", expected=ends)
        return span

    return AfterValidator(told(check))


def _none_or_some(span: Span) -> Span:
    """A base of nothing, or a range above it."""
    if span.low < 0 or span.high > 1e20 or (span.low == 0 and not span.is_known):
        raise InputError(
            "below zero, beyond all chips, or a range from zero", expected="0 chips, or a range above it"
        )
    return span


# Bounds far beyond anything, within which no product overflows.
Share = Annotated[Span, SpanOf(Kind.RATIO), _within(1e-6, 1, Kind.RATIO)]
Growth = Annotated[Span, SpanOf(Kind.RATIO), _within(-1, 100, Kind.RATIO)]
Multiple = Annotated[Span, SpanOf(Kind.RATIO), _within(1, 1e12, Kind.RATIO)]
Doubles = Annotated[Span, SpanOf(Kind.TIME), _within(30 * DAY, 1e3 * YEAR, Kind.TIME)]
Life = Annotated[Span, SpanOf(Kind.TIME), _within(30 * DAY, 1e5 * YEAR, Kind.TIME)]
Tokens = Annotated[Span, SpanOf(Kind.TOKEN_RATE), _within(0, 1e30, Kind.TOKEN_RATE)]
Flops = Annotated[Span, SpanOf(Kind.FLOP), _within(0, 1e30, Kind.FLOP)]
Rate = Annotated[Span, SpanOf(Kind.FLOP_RATE), _within(0, 1e45, Kind.FLOP_RATE)]
Wanted = Annotated[Span, SpanOf(Kind.CHIPS), _within(0, 1e20, Kind.CHIPS)]
Installed = Annotated[Span, SpanOf(Kind.CHIPS), AfterValidator(told(_none_or_some))]
ChipRate = Annotated[Span, SpanOf(Kind.CHIP_RATE), _within(0, 1e20, Kind.CHIP_RATE)]
Year = Annotated[int, Field(ge=2000, le=2100)]
MOST_YEARS = 30


class Compound(Strict):
    """Growth by the same share every year."""

    law: Literal["cagr"]
    growth: Growth


class Doubling(Strict):
    """A constant time of doubling."""

    law: Literal["doubling"]
    doubling_time: Doubles


class Piece(Strict):
    """Growth by a share a year until the end of a year."""

    until: Year | None = None
    growth: Growth


class Piecewise(Strict):
    """One growth after the other; the last has no end."""

    law: Literal["piecewise"]
    pieces: Annotated[tuple[Piece, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ends = [piece.until for piece in self.pieces]
        years = [year for year in ends[:-1] if year is not None]
        if len(years) < len(ends) - 1 or ends[-1] is not None or years != sorted(set(years)):
            raise ValueError("each piece but the last has an `until`, each later than the one before")
        return self


class Saturating(Strict):
    """A logistic: growth a year at first, towards a multiple of the start."""

    law: Literal["saturating"]
    growth: Growth
    limit: Multiple


Law = Annotated[Compound | Doubling | Piecewise | Saturating, Field(discriminator="law")]


class Demand(Strict):
    """What is wanted at the end of the first year, in one of three units, and how it grows.

    tokens: tokens a time, which take flops_per_token; flops: work done a second; chips: reference chips at work
    utilisation: work done over peak, all told (MFU, peak over mean, reserve)
    efficiency_growth: by what share a year a FLOP comes to make more tokens
    """

    tokens: Tokens | None = None
    flops: Rate | None = None
    chips: Wanted | None = None
    growth: Law
    flops_per_token: Flops | None = None
    utilisation: Share | None = None
    efficiency_growth: Growth | None = None

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if sum(each is not None for each in (self.tokens, self.flops, self.chips)) != 1:
            raise ValueError("give one of tokens, flops and chips")
        needed = {"tokens": ("flops_per_token", "utilisation"), "flops": ("utilisation",), "chips": ()}[self.unit]
        for name in needed:
            if getattr(self, name) is None:
                raise ValueError(f"demand in {self.unit} needs {name}")
        return self

    @property
    def unit(self) -> Literal["tokens", "flops", "chips"]:
        """The unit that demand is given in."""
        return "tokens" if self.tokens is not None else "flops" if self.flops is not None else "chips"


class Capacity(Strict):
    """Reference chips that a link of the supply chain lets through in the first year, and its growth a year."""

    start: ChipRate
    growth: Growth


class Supply(Strict):
    """What supplies demand: the base at the end of the first year, the capacities whose least caps shipments.

    share: what of base and capacities serves this demand; life: time that a chip runs
    """

    installed: Installed
    capacities: Annotated[dict[Name, Capacity], Field(min_length=1)]
    share: Share | None = None
    life: Life | None = None


class Reference(Strict):
    """The chip that others are counted in, by its dense peak in a dtype."""

    chip: Name = "h100-sxm-80"
    dtype: Dtype = "bf16"


class Adoption(Strict):
    """Co-packaged optics as a logistic through two shares, each at the end of its year."""

    start_year: Year
    start: Share
    end_year: Year
    end: Share
    limit: Share | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end_year <= self.start_year:
            raise ValueError("end_year is no later than start_year")
        limit = 1.0 if self.limit is None else self.limit.low
        if max(self.start.high, self.end.high) >= limit:
            raise ValueError("a share is no smaller than the limit that adoption comes to")
        if self.start.high >= self.end.low:
            raise ValueError("the share at the start is no smaller than that at the end")
        return self


class ForecastScenario(Strict):
    """Demand and supply from the end of one year to that of another."""

    name: str = ""
    from_year: Year
    to_year: Year
    demand: Demand
    supply: Supply
    reference: Reference = Field(default_factory=Reference)
    cpo: Adoption | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.from_year < self.to_year <= self.from_year + MOST_YEARS:
            raise ValueError(f"to_year is not 1 to {MOST_YEARS} years after from_year")
        law = self.demand.growth
        if isinstance(law, Piecewise) and (law.pieces[0].until or 0) <= self.from_year:
            raise ValueError("demand.growth.pieces: the first ends before the forecast begins")
        return self


def read_forecast(path: Path) -> tuple[ForecastScenario, Callable[[InputError], InputError]]:
    """A forecast's scenario from its file, see `scenario.read_as`."""
    return read_as(ForecastScenario, path)

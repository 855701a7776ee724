"""Published forecasts held against what happened, later vintages against earlier ones, and our law against the past."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from petaday.catalog.forecast import Forecast as Published
from petaday.catalog.forecast import Series, decimal_year
from petaday.catalog.forecasts import actuals, forecasts, series
from petaday.errors import InputError
from petaday.study.factor import Z95
from petaday.study.forecast import Band, forecast
from petaday.study.forecast_scenario import Capacity, Compound, Demand, ForecastScenario, Supply
from petaday.supply.growth import compound, doubling, fit_exponential
from petaday.units import Kind, Span, parse_span
from petaday.units.kinds import YEAR


@dataclass(frozen=True)
class Score:
    """A forecast and its outcome.

    value: as forecast, SI; actual: what happened, None where nothing is known yet
    log_error: ln(forecast / actual); inside: whether the actual lies in the forecast's band, None where it has none
    """

    forecast: Published
    value: Span
    actual: Span | None
    log_error: float | None
    inside: bool | None

    @property
    def ratio(self) -> float | None:
        """forecast / actual."""
        return None if self.log_error is None else math.exp(self.log_error)


@dataclass(frozen=True)
class Revision:
    """Two vintages of one forecaster for one series and target; log_change: ln(later / earlier)."""

    earlier: Published
    later: Published
    log_change: float


def scores() -> tuple[Score, ...]:
    """Every published forecast with its score, in the order of their vintages."""
    listed = sorted(forecasts().values(), key=lambda each: (decimal_year(each.vintage), each.id))
    return tuple(_score(each) for each in listed)


def _score(each: Published) -> Score:
    value = value_of(each)
    known = actuals().get(each.series)
    actual = None if known is None else known.at(each.target)
    if actual is None:
        return Score(each, value, None, None, None)
    inside = None if value.is_known else value.low <= actual.value <= value.high
    return Score(each, value, actual, math.log(value.value / actual.value), inside)


def value_of(each: Published) -> Span:
    """A forecast's value in SI units, worked out where it was told as growth."""
    if each.span is not None:
        return each.span
    assert each.grown is not None
    base = parse_span(each.grown.base, each.kind).value
    years = decimal_year(each.target) - decimal_year(each.grown.at)
    if each.grown.doubling is not None:
        value = doubling(base, parse_span(each.grown.doubling, Kind.TIME).value / YEAR, years)
    else:
        value = compound(base, parse_span(each.grown.growth or "", Kind.RATIO).value, years)
    return Span(float(value), float(value), float(value))


def revisions() -> tuple[Revision, ...]:
    """What forecasters changed from one vintage to their next, for the same series and target."""
    by_subject: dict[tuple[str, str, str], list[Published]] = {}
    for score in scores():
        each = score.forecast
        by_subject.setdefault((each.by, each.series, each.target), []).append(each)
    return tuple(
        Revision(earlier, later, math.log(value_of(later).value / value_of(earlier).value))
        for listed in by_subject.values()
        for earlier, later in itertools.pairwise(listed)
    )


QUARTERS = 8
"""Quarters of shipments that a trend is fitted to."""


@dataclass(frozen=True)
class BackTest:
    """What diffusion says of an installed base that is known, from data up to the end of `vintage` alone."""

    series: Series
    vintage: int
    year: int
    predicted: Band
    actual: Span


def back_test(name: str, vintage: int, years: int) -> tuple[BackTest, ...]:
    """A series of cumulative shipments, its trend until the end of `vintage`, and the base in each year after.

    Demand is taken to be without bound and no chip to be retired, as the series counts them; the only thing drawn is
    the growth of shipments, by the standard error of the trend over the last eight quarters.

    Raises
    ------
    InputError : an unknown series, fewer than eight quarters until then, or nothing known of a year after
    """
    known = series(name)
    at = np.array([decimal_year(point.at) for point in known.points])
    total = np.array([point.span(known.kind).value for point in known.points])
    seen = at <= vintage + 1
    shipped = np.diff(total[seen], prepend=0.0)
    if len(shipped) < QUARTERS:
        raise InputError(f"{known.id} has {len(shipped)} quarters until {vintage}", expected=f"{QUARTERS} or more")
    trend = fit_exponential(at[seen][-QUARTERS:], shipped[-QUARTERS:])
    ends = [float(np.expm1(trend.rate + side * Z95 * trend.rate_error)) for side in (-1, 0, 1)]
    last_year = float(shipped[-4:].sum()) / YEAR
    scenario = ForecastScenario(
        from_year=vintage,
        to_year=vintage + years,
        demand=Demand(chips=_exactly(1e6 * total[seen][-1]), growth=Compound(law="cagr", growth=_exactly(0.0))),
        supply=Supply(
            installed=_exactly(total[seen][-1]),
            capacities={"trend": Capacity(start=_exactly(last_year), growth=Span(*ends))},
            share=_exactly(1.0),
            life=_exactly(1000 * YEAR),
        ),
    )
    base = forecast(scenario).installed
    tests = []
    for index in range(1, years + 1):
        actual = known.at(str(vintage + index))
        if actual is None:
            raise InputError(f"{known.id} says nothing of the end of {vintage + index}")
        told = Band(*(each[index : index + 1] for each in (base.p10, base.p50, base.p90)))
        tests.append(BackTest(known, vintage, vintage + index, told, actual))
    return tuple(tests)


def _exactly(value: float) -> Span:
    return Span(float(value), float(value), float(value))


def back_tests() -> tuple[BackTest, ...]:
    """The back-tests that there is data for: NVIDIA one and two years ahead, and one year ahead with Google's."""
    return (
        *back_test("nvidia-h100e", 2023, 2),
        *back_test("nvidia-h100e", 2024, 1),
        *back_test("tpu-h100e", 2024, 1),
    )

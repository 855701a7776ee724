"""Functions of relations: growth and doublings, and what the rest of the program says (peaks, 6ND, parameters)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from petaday.catalog import forecasts, load
from petaday.catalog.chip import known_dtype
from petaday.errors import InputError
from petaday.study.claims.read import year_of
from petaday.study.claims.typed import TIME, OpenError, Typed, UnsoundError, dimension, require_like, words
from petaday.study.forecast_scores import value_of
from petaday.units import Kind, Span, dimension_of
from petaday.units.kinds import YEAR
from petaday.workload.architecture import parameters

DENSITIES: Mapping[str, float] = {"dense": 1.0, "sparse": 2.0}
"""Peak over the dense one: 2:4 structured sparsity doubles it (NVIDIA Ampere white paper, 2020)."""


@dataclass(frozen=True)
class Function:
    """A function, how many arguments it takes, and whether these are words rather than expressions."""

    of: Callable[..., Typed]
    fewest: int
    most: int
    usage: str
    words: bool = False


def pure(typed: Typed, what: str) -> None:
    """Raises UnsoundError: a unit where a pure number is due."""
    if typed.dimension:
        raise UnsoundError("dimension", f"{what} of {words(typed.dimension)}, where a pure number is due")


def log2(x: Typed) -> Typed:
    """Doublings in a growth."""
    pure(x, "a logarithm")
    if x.low <= 0:
        raise UnsoundError("arithmetic", "a logarithm of nothing or less")
    return Typed(math.log2(x.low), math.log2(x.high))


def years(start: Typed, end: Typed) -> Typed:
    """The time from one dated quantity to another."""
    if start.at is None or end.at is None:
        raise OpenError("a year for each of the two numbers")
    if end.at <= start.at:
        raise UnsoundError("date", f"growth to {end.at:g} from {start.at:g}, which is no earlier")
    span = (end.at - start.at) * YEAR
    return Typed(span, span, TIME)


def cagr(start: Typed, end: Typed, time: Typed | None = None) -> Typed:
    """Compound growth a year, over a time or between the two quantities' own years."""
    require_like(start, end, "grown to")
    over = years(start, end) if time is None else time
    if over.dimension != TIME:
        raise UnsoundError("dimension", f"growth over {words(over.dimension)}, where a time is due")
    ratio = end.times(start, -1).to_the(Typed(1.0, 1.0).times(over.times(Typed(YEAR, YEAR, TIME), -1), -1))
    return ratio.plus(Typed(1.0, 1.0), -1)


def six_nd(count: Typed, tokens: Typed) -> Typed:
    """FLOP of a training, 6·N·D (Kaplan et al. 2020, arXiv:2001.08361, §2.1)."""
    pure(count, "parameters")
    require_like(tokens, Typed(1.0, 1.0, (("token", 1),)), "trained on")
    product = count.times(tokens, 1)
    return Typed(6 * product.low, 6 * product.high, (("FLOP", 1),))


def peak(chip: str, dtype: str, density: str) -> Typed:
    """FLOP/s a chip of the catalog. Raises InputError: an unknown chip, dtype or density."""
    if density not in DENSITIES:
        raise InputError(f"no density `{density}`", expected="dense or sparse")
    value = load.chip(chip, allow_unverified=True).dense_peak(known_dtype(dtype)).value * DENSITIES[density]
    return Typed(value, value, dimension({"FLOP": 1, "s": -1, "chip": -1}))


def domain(chip: str) -> Typed:
    """Chips of a server or another scale-up domain of the catalog's chip. Raises InputError: not known."""
    figure = load.chip(chip, allow_unverified=True).scale_up_domain
    if figure is None:
        raise InputError(f"the catalog knows no scale-up domain of {chip}")
    return Typed(figure.value, figure.value, (("chip", 1),))


def parameters_of(model: str) -> Typed:
    """The exact number of parameters of a model of the catalog. Raises InputError: an unknown model."""
    count = float(parameters(load.model(model)).total)
    return Typed(count, count)


def forecast(name: str) -> Typed:
    """What a published forecast of the catalog says of its year. Raises InputError: an unknown one."""
    found = forecasts.forecast(name)
    return _dated(value_of(found), found.kind, found.target)


def actual(name: str, at: str) -> Typed:
    """What happened, the median of a series of the catalog; its ends err together, and a ratio of two would widen.

    Raises
    ------
    InputError : an unknown series, no value of then
    """
    found = forecasts.series(name)
    try:
        span = found.at(at)
    except InputError:
        span = None
    if span is None:
        known = [point.at for point in found.points]
        raise InputError(f"{found.id} has no value of `{at}`", expected=f"one of {', '.join(known)}")
    return _dated(Span(span.value, span.value, span.value), found.kind, at)


def _dated(span: Span, kind: Kind, at: str) -> Typed:
    return Typed(span.low, span.high, dimension(dimension_of(kind)), year_of(at))


FUNCTIONS: Mapping[str, Function] = {
    "log2": Function(log2, 1, 1, "a pure number"),
    "years": Function(years, 2, 2, "two quantities with their years"),
    "cagr": Function(cagr, 2, 3, "a start, an end, and a time if these have no years"),
    "six_nd": Function(six_nd, 2, 2, "parameters and tokens"),
    "peak": Function(peak, 3, 3, "a chip, a dtype, and dense or sparse", words=True),
    "domain": Function(domain, 1, 1, "a chip", words=True),
    "parameters": Function(parameters_of, 1, 1, "a model", words=True),
    "forecast": Function(forecast, 1, 1, "a forecast of the catalog", words=True),
    "actual": Function(actual, 2, 2, "a series of the catalog and a year or month", words=True),
}

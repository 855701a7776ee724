"""How demand, supply and adoption grow over years, as closed forms over arrays, and fits of them through points.

Everywhere `years` are years since the start (or calendar years where a function says so), a growth is a share a year
(0.5: half as much again each year), and arguments are floats or arrays that broadcast: samples in one axis, years in
another. Results have the broadcast shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from petaday.errors import InputError

Floats = NDArray[np.float64]


def compound(start: ArrayLike, growth: ArrayLike, years: ArrayLike) -> Floats:
    """start · (1 + growth)^years: a compound annual growth rate (CAGR); growth above -1."""
    return np.asarray(np.asarray(start) * np.power(1 + np.asarray(growth, float), years))


def doubling(start: ArrayLike, doubling_years: ArrayLike, years: ArrayLike) -> Floats:
    """start · 2^(years / doubling time)."""
    return np.asarray(start) * np.exp2(np.asarray(years, float) / doubling_years)


def piecewise(start: ArrayLike, ends: Sequence[float], growths: Sequence[ArrayLike], years: ArrayLike) -> Floats:
    """Growth at one rate until ends[0], at the next until ends[1] and so on; the last rate has no end.

    ends: years since the start, ascending, one fewer than growths. Continuous: the logarithm is a broken line.

    Raises
    ------
    InputError : not one end between two growths, or ends that do not ascend from the start
    """
    if len(ends) != len(growths) - 1 or any(b <= a for a, b in zip((0.0, *ends[:-1]), ends, strict=True)):
        raise InputError("the ends of pieces do not ascend", expected="one end between two rates, each later")
    at = np.asarray(years, float)
    log: Any = np.log(start)
    for low, high, growth in zip((0.0, *ends), (*ends, np.inf), growths, strict=True):
        log = log + np.log1p(growth) * (np.clip(at, low, high) - low)
    return np.asarray(np.exp(log))


def saturating(start: ArrayLike, growth: ArrayLike, limit: ArrayLike, years: ArrayLike) -> Floats:
    """A logistic that begins with `growth` a year while far from its limit; start below limit.

    x(t) = limit / (1 + (limit/start - 1) · (1 + growth)^-t)   (Verhulst 1838)
    """
    room = np.asarray(limit, float) / np.asarray(start, float) - 1
    return np.asarray(limit / (1 + room * np.power(1 + np.asarray(growth, float), -np.asarray(years, float))))


@dataclass(frozen=True)
class Logistic:
    """Adoption of what comes: share(year) = limit / (1 + exp(-rate · (year - midpoint))); calendar years, rate 1/year."""

    midpoint: Floats
    rate: Floats
    limit: Floats

    def share(self, years: ArrayLike) -> Floats:
        """The share in calendar years, which broadcast with the parameters."""
        return np.asarray(self.limit / (1 + np.exp(-self.rate * (np.asarray(years, float) - self.midpoint))))


def logistic_through(first: tuple[float, ArrayLike], last: tuple[float, ArrayLike], limit: ArrayLike) -> Logistic:
    """The logistic through two points, each a calendar year and a share.

    Raises
    ------
    InputError : no two years in order, or a share that is not between 0 and the limit
    """
    (start, low), (end, high) = first, last
    if end <= start:
        raise InputError(f"adoption until {end:g} from {start:g}", expected="two years in order")
    shares = np.asarray(low, float), np.asarray(high, float)
    top = np.asarray(limit, float)
    if any(np.any((share <= 0) | (share >= top)) for share in shares):
        raise InputError("a share outside of 0 and its limit", expected="0 < share < limit")
    logits = [np.log(share / (top - share)) for share in shares]
    rate = (logits[1] - logits[0]) / (end - start)
    flat = rate == 0
    away = np.where(flat, 0.0, logits[0] / np.where(flat, 1.0, rate))
    # At equal shares the curve is level, which no midpoint describes unless the share is half the limit.
    if np.any(flat & (logits[0] != 0)):
        raise InputError("two equal shares", expected="adoption that rises or falls between its years")
    return Logistic(np.asarray(start - away), np.asarray(rate), top)


@dataclass(frozen=True)
class Trend:
    """An exponential through points: value(year) = start · (1 + growth)^(year - first).

    start, growth: floats or one of each series; rate, rate_error: 1/year, ln(1 + growth) and its standard error
    (zero where two points leave no freedom)
    """

    first: float
    start: Floats
    growth: Floats
    rate: Floats
    rate_error: Floats


def fit_exponential(years: ArrayLike, values: ArrayLike) -> Trend:
    """Least squares of the logarithm; values of shape (..., points), years of shape (points,) in order of time.

    Residuals of quarters follow each other, so n points count as n (1 - r)/(1 + r) with r their lag-1 correlation,
    where it is positive, but at least as 2 + 1/2 (Santer et al. 2000, J. Geophys. Res. 105, 7337, eq. 6).

    Raises
    ------
    InputError : fewer than two years, equal years, values that are not positive
    """
    at, log = np.asarray(years, float), _log(years, values)
    centred = at - at.mean()
    spread = float((centred**2).sum())
    rate = (centred * log).sum(-1) / spread
    level = log.mean(-1)
    left = log - level[..., None] - rate[..., None] * centred
    square = (left**2).sum(-1)
    # Two points leave residuals of rounding only, which follow nothing.
    follows = np.where(square > 1e-24, (left[..., 1:] * left[..., :-1]).sum(-1) / np.maximum(square, 1e-300), 0.0)
    r = np.clip(follows, 0.0, 1.0)
    freedom = np.maximum(len(at) * (1 - r) / (1 + r) - 2, 0.5)
    error = np.sqrt(square / freedom / spread)
    first = float(at.min())
    start = np.exp(level + rate * (first - at.mean()))
    return Trend(first, np.asarray(start), np.asarray(np.expm1(rate)), np.asarray(rate), np.asarray(error))


def fit_logistic(years: ArrayLike, shares: ArrayLike, limit: ArrayLike) -> Logistic:
    """Least squares of the logit at a given limit; shares of shape (..., points), years of shape (points,).

    Raises
    ------
    InputError : fewer than two years, equal years, shares outside of 0 and the limit, no slope
    """
    share, top = np.asarray(shares, float), np.asarray(limit, float)
    if np.any((share <= 0) | (share >= top[..., None])):
        raise InputError("a share outside of 0 and its limit", expected="0 < share < limit")
    odds = fit_exponential(years, share / (top[..., None] - share))
    if np.any(odds.rate == 0):
        raise InputError("equal shares", expected="adoption that rises or falls")
    return Logistic(odds.first - np.log(odds.start) / odds.rate, odds.rate, top)


def _log(years: ArrayLike, values: ArrayLike) -> Floats:
    at, given = np.asarray(years, float), np.asarray(values, float)
    if at.ndim != 1 or len(at) < 2 or at.min() == at.max() or given.shape[-1:] != at.shape:
        raise InputError("a trend needs points of two years or more", expected="one value for each year")
    if np.any(given <= 0):
        raise InputError("a trend of what is not positive", expected="values above zero")
    return np.asarray(np.log(given))

"""Arrival times of requests: bursts of any strength around a rate that changes through the day and with events.

Gaps are drawn for a rate of 1 and then stretched: a process of unit rate at Λ⁻¹(u), with Λ the cumulated rate, has the
rate Λ' (time rescaling: Daley & Vere-Jones, An Introduction to the Theory of Point Processes I, section 7.4). Gamma gaps
of shape 1/v² have the coefficient of variation v, and v = 1 is the Poisson process; real services of language models
burst more than that (BurstGPT, arXiv:2401.17644, fits Gamma laws).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from petaday.errors import InputError
from petaday.serving.requests import CHUNK, Floats

HOUR, DAY = 3600.0, 86_400.0

PEAK_TO_TROUGH = {"conversation": 2.0, "coding": 10.0}
"""Busiest over quietest hour of a weekday in the Azure 2024 traces of a week (44 M requests, CC-BY-4.0), as the public
notebook executed_P1_Azure_Trace_Analysis counts them: 1.8 to 2.2 and 8.6 to 11.3; on a weekend 1.7 and 6.4."""


class Shape(NamedTuple):
    """A factor over time: linear between knots, and at its first and last level outside; a time that is there twice is
    a jump. Seconds, increasing; levels without a unit."""

    knots: Floats
    levels: Floats

    def ends(self, start: Floats, end: Floats) -> tuple[Floats, Floats]:
        """Levels just after `start` and just before `end` of stretches with no knot inside."""
        # The middle is within one stretch whatever rounding does to its ends.
        middle = (start + end) / 2
        place = np.clip(np.searchsorted(self.knots, middle, side="right") - 1, 0, len(self.knots) - 2)
        inside = (middle > self.knots[0]) & (middle < self.knots[-1])
        length = np.where(inside, self.knots[place + 1] - self.knots[place], 1.0)
        slope = np.where(inside, (self.levels[place + 1] - self.levels[place]) / length, 0.0)
        before = np.where(middle >= self.knots[-1], self.levels[-1], self.levels[place])
        reached = before + slope * np.where(inside, middle - self.knots[place], 0.0)
        half = slope * (end - start) / 2
        return np.maximum(reached - half, 0.0), np.maximum(reached + half, 0.0)


@dataclass(frozen=True)
class Daily:
    """A day's cycle: the rate over its mean, by seconds from midnight to midnight; its mean over the day is 1."""

    shape: Shape

    @property
    def peak_to_mean(self) -> float:
        """The highest rate of the day over the mean."""
        return float(self.shape.levels.max())

    def over(self, begin: float, seconds: float) -> Shape:
        """The cycle of the days from `begin` seconds after midnight on, as a factor from 0 to `seconds`."""
        days = np.arange(math.floor((begin + seconds) / DAY) + 1) * DAY
        knots = (days[:, None] + self.shape.knots - begin).ravel()
        return Shape(knots, np.tile(self.shape.levels, len(days)))


STEADY = Daily(Shape(np.array([0.0, DAY]), np.ones(2)))
"""A day without a cycle."""


def by_hour(shares: Sequence[float]) -> Daily:
    """A cycle by the share of each hour in the day's requests; the rate is steady within an hour.

    Raises
    ------
    InputError : not 24, negative, or no sum of 1
    """
    level = np.asarray(shares, dtype=float)
    if level.shape != (24,) or not (level >= 0).all() or abs(level.sum() - 1) > 1e-6:
        raise InputError(
            f"{level.size} shares with a sum of {level.sum():.6g}",
            field="daily",
            expected="24 shares that add up to 1",
        )
    hours = np.repeat(np.arange(25) * HOUR, 2)[1:-1]
    return Daily(Shape(hours, np.repeat(24 * level / level.sum(), 2)))


def cosine(peak_to_trough: float, peak_hour: float) -> Daily:
    """A cycle 1 + a·cos with its peak at an hour of the day; a is (r-1)/(r+1) for a peak of r times the trough.

    Raises
    ------
    InputError : a peak below the trough, an hour outside 0 to 24
    """
    if not 1 <= peak_to_trough < math.inf:
        raise InputError(f"a peak of {peak_to_trough:g} troughs", field="peak_to_trough", expected="1 or more")
    if not 0 <= peak_hour <= 24:
        raise InputError(f"a peak at {peak_hour:g} o'clock", field="peak_hour", expected="0 to 24")
    amplitude = (peak_to_trough - 1) / (peak_to_trough + 1)
    # Minutes: the chords of a cosine stay within 3e-6 of it.
    minutes = np.linspace(0.0, DAY, 1441)
    angle = 2 * np.pi * (minutes - peak_hour * HOUR) / DAY
    return Daily(Shape(minutes, np.asarray(1 + amplitude * np.cos(angle))))


@dataclass(frozen=True)
class Crowd:
    """A flash crowd: from `start` the rate grows to `factor` times what it would be, stays there, and falls back.

    Times in seconds, the start since the trace's. Three such phases, growth and fall linear, are the model of Ari et al.
    2003 (Managing flash crowds on the Internet, MASCOTS).

    Raises
    ------
    InputError : a negative time or factor
    """

    start: float
    factor: float
    ramp: float
    hold: float
    decay: float

    def __post_init__(self) -> None:
        for name in ("start", "factor", "ramp", "hold", "decay"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise InputError(f"{value:g} does not fit", field=f"events.{name}", expected="0 or more")

    @property
    def shape(self) -> Shape:
        """The factor over time."""
        knots = self.start + np.cumsum(np.array([0.0, self.ramp, self.hold, self.decay]))
        return Shape(knots, np.array([1.0, self.factor, self.factor, 1.0]))


@dataclass(frozen=True)
class Rate:
    """Requests a second over time: `mean` on a day without events, times the cycle, times the events.

    hour: of the day when the trace starts

    Raises
    ------
    InputError : a mean that is not above 0, an hour outside 0 to 24
    """

    mean: float
    daily: Daily = STEADY
    events: tuple[Crowd, ...] = ()
    hour: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.mean < math.inf:
            raise InputError(f"{self.mean:g} requests a second", field="rate", expected="a number above 0")
        if not 0 <= self.hour < 24:
            raise InputError(f"a start at {self.hour:g} o'clock", field="hour", expected="0 or more and below 24")


class Cumulated(NamedTuple):
    """A rate that is linear on stretches of time, and its integral.

    start, length: of a stretch, seconds; first, last: rates at its ends; before: requests expected before it, and one
    more for the end
    """

    start: Floats
    length: Floats
    first: Floats
    last: Floats
    before: Floats

    @property
    def total(self) -> float:
        """Requests expected in all."""
        return float(self.before[-1])

    @property
    def peak(self) -> float:
        """The highest rate, requests a second."""
        return float(max(self.first.max(), self.last.max()))

    def expected(self, time: Floats) -> Floats:
        """Requests expected until each time."""
        place = np.clip(np.searchsorted(self.start, time, side="right") - 1, 0, len(self.start) - 1)
        passed = time - self.start[place]
        slope = (self.last - self.first) / self.length
        return np.asarray(self.before[place] + passed * (self.first[place] + slope[place] * passed / 2))

    def times(self, count: Floats) -> Floats:
        """When so many requests are expected to have come: the inverse of `expected`."""
        place = np.clip(np.searchsorted(self.before, count, side="right") - 1, 0, len(self.start) - 1)
        rest = count - self.before[place]
        first = self.first[place]
        slope = ((self.last - self.first) / self.length)[place]
        # The root of first·x + slope·x²/2 = rest in the form that holds for a slope of 0.
        below = first + np.sqrt(np.maximum(first * first + 2 * slope * rest, 0.0))
        passed = np.divide(2 * rest, below, out=np.zeros_like(rest), where=below > 0)
        return np.asarray(self.start[place] + np.minimum(passed, self.length[place]))


def cumulated(rate: Rate, seconds: float) -> Cumulated:
    """The rate from 0 to `seconds`. Between knots of cycle and events their product is taken as linear, which is exact
    where one of them is constant.

    Raises
    ------
    InputError : no time at all
    """
    if not 0 < seconds < math.inf:
        raise InputError(f"{seconds:g} s", field="seconds", expected="a time above 0")
    shapes = (rate.daily.over(rate.hour * HOUR, seconds), *(event.shape for event in rate.events))
    knots = np.concatenate([shape.knots for shape in shapes])
    breaks = np.unique(np.concatenate(([0.0, seconds], knots[(knots > 0) & (knots < seconds)])))
    start, end = breaks[:-1], breaks[1:]
    first, last = np.full_like(start, rate.mean), np.full_like(start, rate.mean)
    for shape in shapes:
        after, before = shape.ends(start, end)
        first, last = first * after, last * before
    length = end - start
    return Cumulated(start, length, first, last, np.concatenate(([0.0], np.cumsum((first + last) / 2 * length))))


def arrivals(
    rate: Rate,
    seconds: float,
    *,
    variation: float,
    seed: int | np.random.SeedSequence,
    chunk: int = CHUNK,
) -> Iterator[Floats]:
    """Arrival times from 0 to `seconds` in order, `chunk` of them at a time; what comes does not depend on `chunk`.

    Parameters
    ----------
    variation : coefficient of variation of the gaps at a steady rate; 1 is the Poisson process

    Raises
    ------
    InputError : a variation that is not above 0
    """
    if not 0 < variation < math.inf:
        raise InputError(f"a variation of {variation:g}", field="variation", expected="a number above 0")
    over = cumulated(rate, seconds)
    shape = 1 / variation**2
    draw = np.random.default_rng(seed)
    # Seen from any moment the next arrival is a uniform part of a gap away, and long gaps are met more often: with their
    # law weighted by length the expected count is the cumulated rate from the very start.
    reached = draw.random() * draw.standard_gamma(shape + 1) / shape
    if reached < over.total:
        yield over.times(np.array([reached]))
    while reached < over.total:
        gaps = draw.standard_gamma(shape, chunk) / shape
        counts = np.cumsum(np.concatenate(([reached], gaps)))[1:]
        reached = counts[-1]
        inside = counts[: np.searchsorted(counts, over.total)]
        if len(inside):
            yield over.times(inside)

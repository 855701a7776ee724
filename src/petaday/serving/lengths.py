"""Lengths of prompts and outputs: laws of their tokens, and how both go together.

A request has two normal numbers, correlated so that its prompt and output get the wanted rank correlation (a Gaussian
copula); each law turns its number into tokens, a higher one into as many or more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from petaday.catalog.lengths import LengthLaw, Marginal
from petaday.errors import InputError
from petaday.serving.requests import Floats, Ints

_ERFC = (
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
    0.17087277,
)  # fmt: skip
"""Chebyshev coefficients of erfc (Press et al., Numerical Recipes in C, 2nd edition, section 6.2): wrong by less than
1.2e-7 of its value everywhere."""


def normal_cdf(z: Floats) -> Floats:
    """Share of a normal law below each z, as exact in the far tails as in the middle."""
    x = np.abs(z) / math.sqrt(2)
    t = 1 / (1 + x / 2)
    power = np.zeros_like(t)
    for coefficient in reversed(_ERFC):
        power = power * t + coefficient
    # Not above the middle, so that the law does not fall there.
    tail = np.minimum(t * np.exp(power - x * x) / 2, 0.5)
    return np.asarray(np.where(z > 0, 1 - tail, tail))


class Law(Protocol):
    """Tokens of a prompt or of an output."""

    @property
    def mean(self) -> float:
        """Mean tokens."""
        ...

    def tokens(self, z: Floats) -> Ints:
        """Tokens at each number of a standard normal law."""
        ...


@dataclass(frozen=True)
class Fixed:
    """Always the same."""

    length: int

    def __post_init__(self) -> None:
        _check_range(self.length, self.length)

    @property
    def mean(self) -> float:
        """Mean tokens."""
        return float(self.length)

    def tokens(self, z: Floats) -> Ints:
        """Tokens at each number of a standard normal law."""
        return np.full(np.shape(z), self.length, dtype=np.int64)


@dataclass(frozen=True)
class Uniform:
    """Any whole number from `lowest` to `highest`, each as likely."""

    lowest: int
    highest: int

    def __post_init__(self) -> None:
        _check_range(self.lowest, self.highest)

    @property
    def mean(self) -> float:
        """Mean tokens."""
        return (self.lowest + self.highest) / 2

    def tokens(self, z: Floats) -> Ints:
        """Tokens at each number of a standard normal law."""
        place = np.floor(normal_cdf(z) * (self.highest - self.lowest + 1)).astype(np.int64)
        return np.minimum(self.lowest + place, self.highest)


@dataclass(frozen=True)
class Lognormal:
    """A normal law of the logarithm, with what lies outside `lowest` to `highest` moved to these ends.

    sigma: deviation of the logarithm. `of_mean` makes one of a mean instead of a median.
    """

    median: float
    sigma: float
    lowest: int
    highest: int

    def __post_init__(self) -> None:
        _check_range(self.lowest, self.highest)
        for name, value in (("median", self.median), ("sigma", self.sigma)):
            if not 0 < value < math.inf:
                raise InputError(f"{value:g} does not fit", field=name, expected="a number above 0")

    @classmethod
    def of_mean(cls, mean: float, sigma: float, lowest: int, highest: int) -> Lognormal:
        """The law whose mean is `mean` before its ends are cut: its median is mean·exp(-sigma²/2)."""
        return cls(mean * math.exp(-sigma * sigma / 2), sigma, lowest, highest)

    @property
    def mean(self) -> float:
        """Mean tokens: what lies at both ends, and exp(μ + σ²/2)·(Φ(b-σ) - Φ(a-σ)) between, a and b the ends as z."""
        below = NormalDist().cdf
        low, high = (math.log(end / self.median) / self.sigma for end in (self.lowest, self.highest))
        between = self.median * math.exp(self.sigma**2 / 2) * (below(high - self.sigma) - below(low - self.sigma))
        return self.lowest * below(low) + between + self.highest * (1 - below(high))

    def tokens(self, z: Floats) -> Ints:
        """Tokens at each number of a standard normal law."""
        # Beyond the ends there is nothing to tell apart, and a far z would overflow.
        low, high = (math.log(end / self.median) / self.sigma for end in (self.lowest, self.highest))
        return _whole(self.median * np.exp(self.sigma * np.clip(z, low, high)))


@dataclass(frozen=True)
class Measured:
    """The law of a recorded trace: linear between its quantiles."""

    probabilities: tuple[float, ...]
    quantiles: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean tokens."""
        tokens = np.asarray(self.quantiles)
        return float(np.diff(self.probabilities) @ (tokens[1:] + tokens[:-1]) / 2)

    def tokens(self, z: Floats) -> Ints:
        """Tokens at each number of a standard normal law."""
        return _whole(np.interp(normal_cdf(z), self.probabilities, self.quantiles))


def _whole(tokens: Floats) -> Ints:
    return np.rint(tokens).astype(np.int64)


def _check_range(lowest: int, highest: int) -> None:
    if not 1 <= lowest <= highest:
        raise InputError(f"lengths from {lowest:,} to {highest:,}", field="lengths", expected="1 or more, rising")


@dataclass(frozen=True)
class Lengths:
    """Lengths of requests; `rank_correlation` is Spearman's, of prompt and output. `source` says where they are from.

    Raises
    ------
    InputError : a correlation outside -1 to 1
    """

    prompt: Law
    output: Law
    rank_correlation: float = 0.0
    source: str = ""

    def __post_init__(self) -> None:
        if not -1 <= self.rank_correlation <= 1:
            told = f"a correlation of {self.rank_correlation:g}"
            raise InputError(told, field="rank_correlation", expected="-1 to 1")

    def draw(self, draw: np.random.Generator, count: int) -> tuple[Ints, Ints]:
        """Tokens of `count` prompts and of their outputs; the same whether drawn at once or in parts."""
        z: NDArray[np.float64] = draw.standard_normal((count, 2))
        # Normal numbers with a correlation r have the rank correlation 6/π·asin(r/2) (Kruskal 1958, section 8).
        r = 2 * math.sin(math.pi * self.rank_correlation / 6)
        other = r * z[:, 0] + math.sqrt(max(1 - r * r, 0.0)) * z[:, 1]
        return self.prompt.tokens(z[:, 0]), self.output.tokens(other)


def measured(law: LengthLaw) -> Lengths:
    """The lengths of a recorded trace of the catalog."""

    def own(part: Marginal) -> Measured:
        return Measured(law.probabilities, part.quantiles)

    return Lengths(own(law.prompt), own(law.output), law.rank_correlation, f"lengths of {law.name} ({law.licence})")

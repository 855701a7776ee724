"""What an answer rests on and nobody knows exactly: named quantities with ranges, drawn together or one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from petaday.catalog.figure import Figure
from petaday.units import Kind, Span, render

Floats = NDArray[np.float64]
Values = Mapping[str, Floats]

Z95 = 1.6448536269514722
"""The 95th percentile of a standard normal variable."""


@dataclass(frozen=True)
class Factor:
    """A quantity by its dotted name, in SI units.

    kind: for its text, or None where `words` are its text; given: the scenario says it; most: 1 of a share
    """

    name: str
    span: Span
    kind: Kind | None
    source: str
    estimate: bool = False
    given: bool = False
    words: str = ""
    most: float = inf

    @property
    def text(self) -> str:
        """The quantity for people, with its range."""
        if self.kind is None:
            return self.words or f"{self.span.value:.6g}"
        middle = render(self.span.value, self.kind)
        if self.span.is_known:
            return middle
        return f"{middle} ({render(self.span.low, self.kind)} to {render(self.span.high, self.kind)})"

    def at(self, z: Floats) -> Floats:
        """Its values at standard normal z: low, value and high at -1.645, 0 and 1.645.

        A quantity whose low end is not negative stays so.
        """
        drawn = spread(self.span, z)
        return np.minimum(np.maximum(drawn, 0.0) if self.span.low >= 0 else drawn, self.most)


def spread(span: Span, z: Floats) -> Floats:
    """A range's values at standard normal z; each side log-normal where it can be (both ends above 0), else normal."""
    return np.where(z < 0, _half(span.value, span.low, z), _half(span.value, span.high, z))


def _half(value: float, end: float, z: Floats) -> Floats:
    share = np.abs(z) / Z95
    if value > 0 and end > 0:
        return np.asarray(value * (end / value) ** share)
    return np.asarray(value + (end - value) * share)


def of_figure(name: str, figure: Figure, kind: Kind | None = None) -> Factor:
    """A catalog figure as a factor; without a kind its text is the figure's own."""
    low = figure.value if figure.low is None else figure.low
    high = figure.value if figure.high is None else figure.high
    is_share = ("%" in figure.text or kind is Kind.RATIO) and "/" not in figure.text and high <= 1
    most = 1.0 if is_share else inf
    return Factor(
        name, Span(low, figure.value, high), kind, figure.source, figure.estimate, words=figure.text, most=most
    )


def middle(factors: Iterable[Factor]) -> dict[str, Floats]:
    """Every factor at its median."""
    return {each.name: np.asarray(each.span.value) for each in factors}

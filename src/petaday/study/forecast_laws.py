"""A scenario's law of growth as a function of years, its ranges drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from petaday.study.draws import Draws
from petaday.study.forecast_scenario import Compound, Doubling, Law, Piecewise, Saturating
from petaday.supply import growth
from petaday.units import Span
from petaday.units.kinds import YEAR

Floats = NDArray[np.float64]


def spans_of(law: Law) -> list[Span]:
    """What a law draws, in the order in which it does."""
    match law:
        case Compound():
            return [law.growth]
        case Doubling():
            return [law.doubling_time]
        case Piecewise():
            return [piece.growth for piece in law.pieces]
        case Saturating():
            return [law.growth, law.limit]


def law_of(law: Law, draws: Draws, from_year: int) -> Callable[[Floats], Floats]:
    """Demand over that of the start, as a function of the years since then; draws what `spans_of` lists."""
    match law:
        case Compound():
            rate = draws.of(law.growth, 1.0)
            return lambda years: growth.compound(1.0, rate, years)
        case Doubling():
            time = draws.of(law.doubling_time) / YEAR
            return lambda years: growth.doubling(1.0, time, years)
        case Piecewise():
            rates = [draws.of(piece.growth, 1.0) for piece in law.pieces]
            ends = [float(piece.until - from_year) for piece in law.pieces if piece.until is not None]
            return lambda years: growth.piecewise(1.0, ends, rates, years)
        case Saturating():
            first, limit = draws.of(law.growth, 1.0), draws.of(law.limit)
            return lambda years: growth.saturating(1.0, first, np.maximum(limit, 1 + 1e-9), years)

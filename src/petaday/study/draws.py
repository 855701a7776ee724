"""Ranges as samples: Sobol points that spread every uncertain input evenly, the same at every run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from petaday.study.factor import spread
from petaday.study.uncertainty import sobol
from petaday.units import Span

Floats = NDArray[np.float64]
SAMPLES = 8192
"""Sobol points; the 95th percentile of 18 inputs came within 0.3 % of 8 million random samples at this number."""


class Draws:
    """One column of Sobol points for each range that is drawn, in the order in which they are asked for."""

    def __init__(self, dimensions: int) -> None:
        self.count = SAMPLES if dimensions else 1
        self._points = sobol(SAMPLES, dimensions) if dimensions else np.zeros((1, 0))
        self._next = 0

    def of(self, span: Span, offset: float = 0.0) -> Floats:
        """Samples of a range, shape (samples, 1), or (1, 1) where it is known.

        Log-normal on either side of the median, each side through its own end (5th and 95th percentile). `offset` is
        added before and taken off after, so that growths above -1 are drawn as factors.
        """
        if span.is_known:
            return np.full((1, 1), span.value)
        shifted = Span(span.low + offset, span.value + offset, span.high + offset)
        z = self._points[:, self._next, None]
        self._next += 1
        return spread(shifted, z) - offset


def unknown(spans: Sequence[Span | None]) -> int:
    """How many of them are ranges."""
    return sum(span is not None and not span.is_known for span in spans)


def band(samples: Floats) -> tuple[Floats, Floats, Floats]:
    """The 10th, 50th and 90th percentile over the first axis."""
    low, middle, high = np.quantile(samples, (0.1, 0.5, 0.9), axis=0)
    return low, middle, high

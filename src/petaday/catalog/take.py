"""How a figure becomes a number: its value, or draws of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from petaday.catalog.figure import Figure

Take = Callable[[Figure], NDArray[np.float64]]
"""From a figure to its value or to draws of it; the same figure always gives the same draws."""


def median(figure: Figure) -> NDArray[np.float64]:
    """The value of a figure without its range."""
    return np.asarray(figure.value)

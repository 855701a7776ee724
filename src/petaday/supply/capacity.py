"""What lines can start by month, from what they run at when quarters end."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from petaday.supply.silicon import Floats


def monthly(quarters: ArrayLike, rates: ArrayLike, start: int, months: int) -> Floats:
    """A rate in each of some months, straight between the ends of the quarters that it is known for.

    Parameters
    ----------
    quarters : (K,) rising quarters, counted from the year 0
    rates : (..., K) at the end of each, in any unit
    start : the quarter whose first month comes first

    Returns
    -------
    (..., months), at the middle of each month

    Raises
    ------
    ValueError : a month lies outside the quarters
    """
    ends = 3.0 * (np.asarray(quarters, dtype=float) + 1)
    middles = 3.0 * start + np.arange(months) + 0.5
    if middles[0] < ends[0] or middles[-1] > ends[-1]:
        raise ValueError("a month lies outside the data")
    # Rows of the identity, so that samples of rates go through one product.
    weights = np.stack([np.interp(middles, ends, row) for row in np.eye(len(ends))], axis=-1)
    made: Floats = np.asarray(rates, dtype=float) @ weights.T
    return made


def learned(first: ArrayLike, last: ArrayLike, months: int, constant: ArrayLike) -> Floats:
    """Defect density by month that falls from `first` towards `last` with a time constant in months: (..., months)."""
    first, last, constant = (np.asarray(each, dtype=float)[..., None] for each in (first, last, constant))
    density: Floats = last + (first - last) * np.exp(-(np.arange(months) + 0.5) / constant)
    return density

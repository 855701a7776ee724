"""An installed base that grows towards demand as fast as supply lets it, and wears out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from petaday.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Diffusion:
    """Chips by year, each of shape (..., years).

    supply: what could be shipped in the year; shipped, retired: in the year; installed, shortfall: at its end
    limit: the capacity that caps supply, as an index into `names`; binds: where that capacity keeps the base short
    """

    names: tuple[str, ...]
    supply: Floats
    shipped: Floats
    retired: Floats
    installed: Floats
    shortfall: Floats
    limit: NDArray[np.intp]
    binds: NDArray[np.bool_]


def diffuse(
    demand: ArrayLike, capacities: Mapping[str, ArrayLike], installed: ArrayLike, life: ArrayLike
) -> Diffusion:
    """Ship each year what demand lacks, at most the least of the capacities.

    shipped(y) = min(min over capacities(y), max(demand(y) - surviving(y), 0))

    Shipments come evenly over their year, so of those of year y a share clip(life - k, 0, 1) still runs at the end of
    year y + k. The base at the start has ages spread evenly over a life, and the k-th year leaves 1 - k/life of it.

    Parameters
    ----------
    demand : chips wanted at the end of each year, shape (..., years)
    capacities : chips a year by name, each of shape (..., years)
    installed : chips at the start, shape (...)
    life : years that a chip runs, shape (...)

    Raises
    ------
    InputError : no capacity, or a life of no years
    """
    if not capacities:
        raise InputError("nothing is supplied", expected="one capacity or more")
    ages = np.asarray(life, float)
    if np.any(ages <= 0):
        raise InputError("a life of no years", expected="more than 0 years")
    stacked = np.stack(np.broadcast_arrays(*(np.asarray(each, float) for each in capacities.values())))
    limit, cap = stacked.argmin(0), stacked.min(0)
    start, wanted = np.asarray(installed, float), np.asarray(demand, float)
    shape = np.broadcast_shapes(wanted.shape, cap.shape, (*np.broadcast_shapes(start.shape, ages.shape), 1))
    wanted, cap, limit = (np.broadcast_to(each, shape) for each in (wanted, cap, limit))
    shipped, base = np.zeros(shape), np.zeros(shape)
    # A life below one year ends before its first year does.
    lasting = np.clip(ages, 0, 1)
    for year in range(shape[-1]):
        left = start * np.clip(1 - (year + 1) / ages, 0, 1)
        for earlier in range(year):
            left = left + shipped[..., earlier] * np.clip(ages - (year - earlier), 0, 1)
        missing = np.maximum(wanted[..., year] - left, 0)
        shipped[..., year] = np.minimum(cap[..., year], missing / lasting)
        base[..., year] = left + shipped[..., year] * lasting
    before = np.concatenate([np.broadcast_to(start, shape[:-1])[..., None], base[..., :-1]], axis=-1)
    shortfall = np.maximum(wanted - base, 0)
    # Sums of cohorts round; what they leave is no shortage.
    shortfall[shortfall <= 1e-9 * wanted] = 0
    return Diffusion(
        names=tuple(capacities),
        supply=np.array(cap),
        shipped=shipped,
        retired=before + shipped - base,
        installed=base,
        shortfall=shortfall,
        limit=np.array(limit),
        binds=shortfall > 0,
    )

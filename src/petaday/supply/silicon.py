"""Dies on a wafer, their yield with and without spare cores, and what a good die costs.

Every function of numbers takes floats or arrays that broadcast; the packer alone takes one die and is cached.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

WAFER_RADIUS = 0.150
"""Metres, of a 300 mm wafer; flat and notch are left out."""

WAFER_AREA = math.pi * WAFER_RADIUS**2
SCRIBE = 0.1e-3
"""Metres between dies for the saw: a usual street of 80 to 110 um (from memory, unverified)."""

EDGE = 5e-3
"""Metres of the rim that hold no sold die; 3 mm is the other usual value."""

OFFSETS = 512
"""Positions of the rows that are tried; along a row all that matter are."""


@functools.cache
def gross_dies(width: float, height: float, edge: float = EDGE, scribe: float = SCRIBE) -> int:
    """Most whole dies on a 300 mm wafer, on a grid with straight streets, over all its positions.

    A grid can be moved along its rows, without losing a die, until the first die of some row touches the rim: only those
    positions are tried, for each of many positions of the rows.

    width, height, edge, scribe : metres

    Raises
    ------
    ValueError : a side is not positive
    """
    if min(width, height) <= 0:
        raise ValueError("a die has no area")
    radius = WAFER_RADIUS - edge
    pitch_x, pitch_y = width + scribe, height + scribe
    rows = np.arange(-math.ceil(radius / pitch_y) - 1, math.ceil(radius / pitch_y) + 1)
    bottom = np.linspace(0, pitch_y, OFFSETS, endpoint=False)[:, None] + rows * pitch_y
    farthest = np.maximum(np.abs(bottom), np.abs(bottom + height))
    chord = np.sqrt(np.maximum(radius**2 - farthest**2, 0))
    most = 0
    for touching in range(len(rows)):
        start = -chord[:, touching, None]
        # Rounding must not lose the dies that touch.
        first = np.ceil((-chord - start) / pitch_x - 1e-9)
        last = np.floor((chord - width - start) / pitch_x + 1e-9)
        fitting = np.where(farthest <= radius, np.maximum(last - first + 1, 0), 0)
        most = max(most, int(fitting.sum(axis=-1).max()))
    return most


def perfect_yield(area: ArrayLike, density: ArrayLike, cluster: ArrayLike) -> Floats:
    """Share of dies without a defect, (1 + A D / a)^-a: the negative binomial law (Stapper 1983).

    area : m2; density : defects per m2; cluster : alpha
    """
    return harvested_yield(area, density, cluster, 0.0, 1, 1)


def harvested_yield(
    area: ArrayLike, density: ArrayLike, cluster: ArrayLike, repairable: ArrayLike, cores: int, needed: int
) -> Floats:
    """Share of dies with at least `needed` good cores and no defect outside the cores.

    Defects of a die fall by a Poisson law whose density varies from die to die by a gamma law (Stapper 1983). So k of
    them fall on the cores and none elsewhere with probability C(a+k-1, k) x^k / (1 + D A / a)^a, where
    x = D A_cores / (a + D A); they hit at most `cores - needed` different cores with the chance of the occupancy problem
    (Feller, vol. 1, II.5). All terms are positive: nothing cancels.

    Parameters
    ----------
    area : m2; density : defects per m2; cluster : alpha
    repairable : share of the area that is cores
    """
    area, density, cluster = (np.asarray(each, dtype=float) for each in (area, density, cluster))
    defects = area * density
    ratio = defects * np.asarray(repairable, dtype=float) / (cluster + defects)
    term = (1 + defects / cluster) ** -cluster
    total = np.zeros(np.broadcast_shapes(ratio.shape, term.shape))
    for hits, chance in enumerate(_spared(cores, cores - needed)):
        if hits:
            term = term * ratio * (cluster + hits - 1) / hits
        total = total + chance * term
    return total


@functools.cache
def _spared(cores: int, spare: int) -> tuple[float, ...]:
    """Chance that k defects, each on a core of its own choice, hit at most `spare` cores; for k from 0 while it counts."""
    hit = np.zeros(spare + 1)
    hit[0] = 1.0
    chances = [1.0]
    again = np.arange(spare + 1) / cores
    while chances[-1] > 1e-12 and len(chances) < 4096:
        new = hit[:-1] * (1 - again[:-1])
        hit = hit * again
        hit[1:] += new
        chances.append(float(hit.sum()))
    return tuple(chances)


def good_dies(gross: ArrayLike, yielded: ArrayLike) -> Floats:
    """Dies of a wafer that can be sold."""
    return np.multiply(gross, yielded, dtype=float)


def die_cost(wafer_price: ArrayLike, good: ArrayLike) -> Floats:
    """Dollars of a wafer on each die that can be sold."""
    return np.divide(wafer_price, good, dtype=float)

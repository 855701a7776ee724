"""Means of a year for many sites, or for many draws of one site's figures, at once."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from petaday.site.cooling import Plant
from petaday.site.psychrometrics import Floats
from petaday.site.weather import Weather
from petaday.site.year import Supply, Year, year_of

T = TypeVar("T")

CHUNK = 18_000
"""Hours of all rows that are worked on together: what a core keeps in its cache is priced twice as fast."""


@dataclass(frozen=True)
class Means:
    """Of a year, (n,): PUE, WUE in m3/J, carbon by location and by market in kg/J of the grid.

    energy, demand, premium, water: the year's cost of each over J of the grid
    grid: energy from the grid over the facility's
    """

    pue: Floats
    wue: Floats
    carbon_location: Floats
    carbon_market: Floats
    energy: Floats
    demand: Floats
    premium: Floats
    water: Floats
    grid: Floats

    @property
    def price(self) -> Floats:
        """The year's cost over J of the grid."""
        return np.asarray(self.energy + self.demand + self.premium + self.water)


NAMES = tuple(each.name for each in fields(Means))


def means_of(year: Year) -> Means:
    """The means of a year, or of several, (...,)."""
    grid, bill = np.maximum(year.grid_energy, 1e-300), year.costs
    return Means(
        pue=year.pue,
        wue=year.wue,
        carbon_location=np.asarray(year.carbon_location / grid),
        carbon_market=np.asarray(year.carbon_market / grid),
        **{name: np.asarray(getattr(bill, name) / grid) for name in ("energy", "demand", "premium", "water")},
        grid=np.asarray(year.grid_energy / year.energy),
    )


def annual_means(it: Floats, weather: Weather, plant: Plant, supply: Supply) -> Means:
    """Means of n rows, each a site or a draw.

    it : W, (n, 1) or (n, hours); in the others a number may be a float or (n, 1), an array of hours (hours,) or (n, hours).
    Figures that hold for all rows stay one-dimensional.
    """
    rows = len(it)
    hours = weather.temperature.shape[-1]
    step = max(1, CHUNK // hours)
    out = np.empty((len(NAMES), rows))
    for start in range(0, rows, step):
        own = slice(start, start + step)
        year = year_of(it[own], _rows(weather, rows, own), _rows(plant, rows, own), _rows(supply, rows, own))
        means = means_of(year)
        for line, name in zip(out, NAMES, strict=True):
            line[own] = getattr(means, name)
    return Means(*out)


def _rows(part: T, rows: int, own: slice) -> T:
    """Some rows of every array that has them, however deep it lies."""
    changed: dict[str, Any] = {}
    for each in fields(part):  # type: ignore[arg-type]
        value = getattr(part, each.name)
        if is_dataclass(value):
            changed[each.name] = _rows(value, rows, own)
        elif isinstance(value, np.ndarray) and value.ndim == 2 and len(value) == rows:
            changed[each.name] = value[own]
    return replace(part, **changed)  # type: ignore[type-var]

"""What electricity and water cost: energy by the hour, the month's highest draw, contracts, water. One currency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.site.psychrometrics import Floats
from petaday.site.weather import Weather

Numbers = Floats | float


@dataclass(frozen=True)
class Tariff:
    """Prices in units of the currency: floats, or (..., 1) of several sites or draws.

    energy: of a J outside all bands; bands: factors on it by hour of the day, (24,)
    demand: of a W for a second, on the month's highest draw
    premium: on a J under green contracts; water: of a m3
    """

    currency: str
    energy: Numbers
    bands: Floats
    demand: Numbers
    premium: Numbers
    water: Numbers

    def prices(self, weather: Weather) -> Floats:
        """Price of a J by hour, (..., hours)."""
        return np.asarray(self.energy * self.bands[weather.hour])


@dataclass(frozen=True)
class Costs:
    """A year's cost by part, (...,)."""

    energy: Floats
    demand: Floats
    premium: Floats
    water: Floats

    @property
    def total(self) -> Floats:
        """The sum of the parts."""
        return np.asarray(self.energy + self.demand + self.premium + self.water)


def costs(tariff: Tariff, prices: Floats, grid: Floats, makeup: Floats, green: Numbers, weather: Weather) -> Costs:
    """Costs of hours of grid draw (W) and make-up water (m3/s), both (..., hours).

    The demand charge counts each month by the hours of it that are there; hours stand in the order of their months.
    """
    energy = weather.total(grid, prices)
    bought = weather.total(grid)
    starts = np.flatnonzero(np.diff(weather.month, prepend=-1))
    seconds = 3600 * np.add.reduceat(weather.weight, starts)
    demand = _row(tariff.demand) * (np.maximum.reduceat(grid, starts, axis=-1) @ seconds)
    return Costs(
        energy=energy,
        demand=np.asarray(demand),
        premium=np.asarray(_row(tariff.premium * green) * bought),
        water=np.asarray(_row(tariff.water) * weather.total(makeup)),
    )


def _row(value: Numbers) -> Numbers:
    """A number as sums over the hours have it: without the axis of hours."""
    return np.asarray(value)[..., 0] if np.ndim(value) else value

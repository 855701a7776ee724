"""Carbon of grid electricity by hour: by location and by market. kg/J; hours on the last axis."""

from __future__ import annotations

import numpy as np

from petaday.site.psychrometrics import Floats
from petaday.site.renewables import Position, solar_output, wind_output
from petaday.site.weather import Weather

Numbers = Floats | float

LEAST = 0.1
"""Share of the load that thermal plants carry at the least, however much sun and wind there is."""

SMOOTH = 0.65
"""Departures of a grid's carbon from its mean over those that one place's sun and wind would make: grids are wide, trade
and store. The median ratio of both over 16 zones in 2022 (Electricity Maps)."""

_WAVE = np.cos(2 * np.pi * (np.arange(24) - 19) / 24)
_LOAD = 1 + 0.12 * _WAVE
"""Load of a grid by hour of the day over its mean: a wave with its peak in the early evening. An estimate."""


def synthetic_shape(weather: Weather, where: Position, solar: Numbers, wind: Numbers) -> Floats:
    """Hourly carbon over its annual mean, synthetic: what sun and wind leave of the load is thermal.

    solar, wind: shares of the year's generation. The year's mean of the shape, weighted by the hours' weights, is 1.
    """
    sun = _unit(solar_output(weather, where), weather)
    breeze = _unit(wind_output(weather), weather)
    load = _LOAD[weather.hour]
    thermal = np.maximum((load - solar * sun - wind * breeze) / load, LEAST)
    return np.asarray(1 + SMOOTH * (_unit(thermal, weather) - 1))


def _unit(values: Floats, weather: Weather) -> Floats:
    """Divided by the mean over the hours."""
    mean = np.average(values, axis=-1, weights=weather.weight)[..., None]
    return np.asarray(values / np.maximum(mean, 1e-300))


def market_factor(location: Floats, green: Numbers, contract: Numbers, residual: Numbers) -> Floats:
    """Factor by the market (GHG Protocol, Scope 2 Guidance 2015, ch. 6): a contract's share at its factor, the rest at the
    residual mix, which follows the location's hours.

    residual: factor of the residual mix over the location's; contracts match the year's energy, not its hours
    """
    return np.asarray(green * contract + (1 - green) * residual * location)

"""Moist air: saturation pressure, humidity ratio, wet bulb. Arrays of any shapes that broadcast; degC, Pa, kg/kg."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

KELVIN = 273.15
EVAPORATION = 2.45e6
"""J/kg of water that evaporates near 20 degC."""

HEAT_CAPACITY = 1006.0
"""J/(kg K) of air."""

_VAPOUR = 0.62198  # kg of vapour per kg of dry air at equal pressures
_PSYCHROMETER = 6.62e-4  # 1/K of a ventilated wet bulb, times pressure


def saturation_pressure(temperature: Floats | float) -> Floats:
    """Pa of saturated vapour over water: Magnus' form with the constants of Alduchov and Eskridge 1996, eq. 21.

    Within 0.4 % from -40 to 50 degC.
    """
    t = np.asarray(temperature, dtype=float)
    return np.asarray(610.94 * np.exp(17.625 * t / (t + 243.04)))


def pressure_at(altitude: Floats | float) -> Floats:
    """Pa of the standard atmosphere (ICAO) at an altitude in metres, up to 11 km."""
    return np.asarray(101325.0 * (1 - 2.25577e-5 * np.asarray(altitude, dtype=float)) ** 5.25588)


def humidity_ratio(vapour: Floats, pressure: Floats | float) -> Floats:
    """kg of vapour per kg of dry air from its partial pressure (ASHRAE Handbook, Fundamentals, ch. 1 eq. 20)."""
    return np.asarray(_VAPOUR * vapour / (pressure - vapour))


def stull_wet_bulb(temperature: Floats | float, humidity: Floats | float) -> Floats:
    """Wet bulb in degC at sea level by Stull 2011 (J. Appl. Meteorol. Climatol. 50, 2267), eq. 1.

    Fitted from -20 to 50 degC and from 5 to 99 % of relative humidity, where it is within -1 and +0.65 K (section 4);
    his figure 1 leaves out cold and dry air together. Outside, arguments are held at the ends.

    humidity : relative, 0 to 1
    """
    t = np.minimum(np.maximum(temperature, -20.0), 50.0)
    rh = np.minimum(np.maximum(100.0 * np.asarray(humidity, dtype=float), 5.0), 99.0)
    return np.asarray(
        t * np.arctan(0.151977 * np.sqrt(rh + 8.313659))
        + np.arctan(t + rh)
        - np.arctan(rh - 1.676331)
        + 0.00391838 * rh * np.sqrt(rh) * np.arctan(0.023101 * rh)
        - 4.686035
    )


def wet_bulb(temperature: Floats | float, humidity: Floats | float, pressure: Floats | float = 101325.0) -> Floats:
    """Wet bulb in degC at a pressure: Stull's, and one step of Newton's on the psychrometer's equation.

    e = e_s(t_w) - A p (t - t_w) (WMO No. 8, annex 4.B). The step takes what Stull leaves off at sea level and, where the
    air is thin, the rest. Between the dew point and the dry bulb always.

    humidity : relative, 0 to 1; pressure : Pa
    """
    t = np.asarray(temperature, dtype=float)
    vapour = humidity * saturation_pressure(t)
    guess = np.minimum(stull_wet_bulb(t, humidity), t)
    saturated = saturation_pressure(guess)
    above = guess + 243.04
    slope = saturated * (17.625 * 243.04) / (above * above)
    drop = _PSYCHROMETER * np.asarray(pressure, dtype=float)
    off = saturated - drop * (t - guess) - vapour
    return np.asarray(np.minimum(guess - off / (slope + drop), t))

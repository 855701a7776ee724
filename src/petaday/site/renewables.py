"""Sun, wind and a battery behind the meter. Arrays (..., hours)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.site.psychrometrics import Floats
from petaday.site.weather import MONTH_DAYS, Weather

Numbers = Floats | float

PERFORMANCE = 0.85
"""Of a solar plant: AC output over its rating times irradiance over 1 kW/m2. An estimate."""

CUT_IN, RATED, CUT_OUT = 3.0, 12.0, 25.0
"""m/s at the hub of a common turbine. An estimate."""

HUB = (100 / 10) ** 0.143
"""Wind at 100 m over that at 10 m: the one-seventh power law."""


@dataclass(frozen=True)
class Position:
    """A place, floats or arrays (...): degrees north and east, and hours of its legal time from UTC."""

    latitude: Numbers
    longitude: Numbers
    utc_offset: Numbers


def solar_elevation(weather: Weather, where: Position) -> Floats:
    """Sine of the sun's elevation in the middle of each hour; declination by Cooper 1969, without the equation of time."""
    day = (np.cumsum(MONTH_DAYS) - MONTH_DAYS / 2)[weather.month]
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day) / 365)
    ahead = np.asarray(where.longitude) / 15 - np.asarray(where.utc_offset)
    time = weather.hour + 0.5 + ahead[..., None]
    angle = np.pi * (time - 12) / 12
    at = np.radians(np.asarray(where.latitude, dtype=float))[..., None]
    return np.asarray(np.sin(at) * np.sin(declination) + np.cos(at) * np.cos(declination) * np.cos(angle))


def irradiance(weather: Weather, where: Position) -> Floats:
    """W/m2 on the level ground: clear sky by Haurwitz 1945, clouds by Kasten and Czeplak 1980 (1 - 0.75 n^3.4)."""
    height = np.maximum(solar_elevation(weather, where), 1e-6)
    clear = 1098 * height * np.exp(-0.057 / height)
    return np.asarray(clear * (1 - 0.75 * weather.cloud**3.4))


def solar_output(weather: Weather, where: Position) -> Floats:
    """Output of a solar plant over its rating."""
    return np.minimum(PERFORMANCE * irradiance(weather, where) / 1000, 1.0)


def wind_output(weather: Weather) -> Floats:
    """Output of a wind plant over its rating: cubic from cut-in to rated speed, flat to cut-out."""
    speed = weather.wind * HUB
    rising = (speed**3 - CUT_IN**3) / (RATED**3 - CUT_IN**3)
    return np.asarray(np.where(speed > CUT_OUT, 0.0, np.clip(rising, 0.0, 1.0)))


@dataclass(frozen=True)
class Battery:
    """A store: J that it holds, W in or out at the meter, and share of what went in that comes out again."""

    energy: float
    power: float
    efficiency: float


@dataclass(frozen=True)
class Dispatch:
    """Hours behind the meter, W: what the grid gives, what is thrown away, charge and discharge at the meter, J held.

    load + charge + curtailed = own + grid + discharge in every hour.
    """

    grid: Floats
    curtailed: Floats
    charge: Floats
    discharge: Floats
    stored: Floats


def dispatch(load: Floats, own: Floats, prices: Floats, battery: Battery | None) -> Dispatch:
    """Serve a load (..., hours) of consecutive hours by own output, the battery and the grid.

    The battery takes what own output is left over. Where prices change over the day, it also fills up from the grid in
    hours cheaper than the mean, never beyond the highest load, and empties in dearer ones; under one price it empties
    whenever own output does not do. It starts empty.
    """
    net = np.asarray(load - own)
    if battery is None:
        grid, none = np.maximum(net, 0.0), np.zeros(net.shape)
        return Dispatch(grid, grid - net, none, none, none)
    hours = net.shape[-1]
    prices = np.broadcast_to(prices, net.shape)
    mean = prices.mean(axis=-1, keepdims=True)
    cheap, dear = prices < mean * (1 - 1e-9), prices >= mean * (1 - 1e-9)
    highest = np.maximum(net, 0.0).max(axis=-1)
    loss = np.sqrt(battery.efficiency)
    charge, discharge, stored = (np.zeros(net.shape) for _ in range(3))
    held = np.zeros(net.shape[:-1])
    for hour in range(hours):
        left = net[..., hour]
        room = np.minimum(battery.power, (battery.energy - held) / (3600 * loss))
        bought = np.where(cheap[..., hour], np.maximum(highest - np.maximum(left, 0.0), 0.0), 0.0)
        into = np.minimum(np.maximum(-left, 0.0) + bought, room)
        ready = np.minimum(battery.power, held * loss / 3600)
        out = np.where(dear[..., hour], np.minimum(np.maximum(left, 0.0), ready), 0.0)
        held = held + 3600 * (loss * into - out / loss)
        charge[..., hour], discharge[..., hour], stored[..., hour] = into, out, held
    balance = net + charge - discharge
    grid = np.maximum(balance, 0.0)
    return Dispatch(grid, grid - balance, charge, discharge, stored)

"""Hours of weather: as given, or a synthetic year from monthly normals.

A year has 8,760 hours from midnight of 1 January, local standard time; the last axis of every array runs over hours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from petaday.site.psychrometrics import Floats, humidity_ratio, saturation_pressure, wet_bulb

HOURS = 8760
MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
HOUR_OF_DAY = np.arange(HOURS) % 24
MONTH_OF_HOUR = np.repeat(np.arange(12), 24 * MONTH_DAYS)
"""Hour of the day (0 to 23) and month (0 to 11) of each hour of a year."""

WARMEST_HOUR = 15
"""Local hour of the daily maximum: two to three hours after noon on land."""

PERSISTENCE = 0.72
"""Correlation of one day's mean temperature with the next day's: 0.69 to 0.76 in London, Singapore, Dallas and Tokyo, 2020
to 2024 (Open-Meteo), without the season."""

GOLDEN = (5**0.5 - 1) / 2

MOIST = 0.5
"""Share of a day's departure from its season that its vapour follows: in warm spells relative humidity falls. By the
highest wet bulbs of 16 zones in 2022 (Open-Meteo), which a synthetic year then meets within 2.6 K, in the median 0.7 K."""


@dataclass(frozen=True)
class Weather:
    """Hours of weather, arrays (..., hours).

    Attributes
    ----------
    temperature, wet_bulb : degC
    moisture : kg of vapour per kg of dry air
    pressure : Pa
    cloud : share of the sky
    wind : m/s at 10 m
    hour, month : of the day (0 to 23) and of the year (0 to 11), (hours,)
    weight : hours that each stands for, (hours,)
    synthetic : whether it was drawn and not measured
    """

    temperature: Floats
    wet_bulb: Floats
    moisture: Floats
    pressure: Floats
    cloud: Floats
    wind: Floats
    hour: np.ndarray
    month: np.ndarray
    weight: Floats
    synthetic: bool = False

    def total(self, rate: Floats, by: Floats | float = 1.0) -> Floats:
        """A rate per second, (..., hours) or (..., 1), over all hours; times `by`, a float, (hours,) or (..., hours)."""
        if np.ndim(by) > 1:
            return self.total(rate * by)
        weight = 3600 * self.weight * by
        return np.asarray(weight.sum() * rate[..., 0] if np.shape(rate)[-1] == 1 else rate @ weight)

    def at(self, hours: np.ndarray, weight: Floats) -> Weather:
        """Some of the hours with weights of their own."""
        names = ("temperature", "wet_bulb", "moisture", "cloud", "wind")
        own = {name: getattr(self, name)[..., hours] for name in names}
        return replace(self, **own, hour=self.hour[hours], month=self.month[hours], weight=weight)


@dataclass(frozen=True)
class Normals:
    """A climate: means by month, (..., 12).

    temperature: degC; daily_range: K between a day's warmest and coldest hour; humidity: relative, 0 to 1
    spread: K, standard deviation of daily means about the season, (...)
    cloud: share of the sky, wind: m/s at 10 m, both means of the year, (...)
    """

    temperature: Floats
    daily_range: Floats
    humidity: Floats
    spread: Floats
    cloud: Floats
    wind: Floats


def given(
    temperature: Floats,
    humidity: Floats,
    pressure: Floats | float,
    *,
    cloud: Floats | float = 0.5,
    wind: Floats | float = 3.0,
    hour: np.ndarray | None = None,
    month: np.ndarray | None = None,
    synthetic: bool = False,
) -> Weather:
    """Weather from arrays (..., hours) of degC and relative humidity (0 to 1); without `hour` and `month` a year's."""
    t = np.asarray(temperature, dtype=float)
    hours = t.shape[-1]
    p = np.asarray(pressure, dtype=float)
    vapour = humidity * saturation_pressure(t)
    return Weather(
        temperature=t,
        wet_bulb=wet_bulb(t, humidity, p),
        moisture=humidity_ratio(vapour, p),
        pressure=p,
        cloud=np.broadcast_to(np.asarray(cloud, dtype=float), t.shape),
        wind=np.broadcast_to(np.asarray(wind, dtype=float), t.shape),
        hour=HOUR_OF_DAY[:hours] if hour is None else hour,
        month=MONTH_OF_HOUR[:hours] if month is None else month,
        weight=np.ones(hours),
        synthetic=synthetic,
    )


def synthetic_year(normals: Normals, pressure: Floats | float, seed: int = 0) -> Weather:
    """A year drawn from normals: season + daily wave + an AR(1) of daily means; the same seed, the same year.

    Vapour follows the season at the month's relative humidity and a part of the day's departure from it, and keeps through
    the day, so that nights are humid and afternoons dry. Clouds and wind are AR(1) too; wind is Weibull with shape 2
    (Rayleigh).
    """
    draw = np.random.default_rng(seed)
    shape = np.shape(normals.spread)
    days = np.arange(365)
    season = _by_day(normals.temperature, days)
    anomaly = np.asarray(normals.spread)[..., None] * _persistent(draw, shape)
    anomaly -= anomaly.mean(axis=-1, keepdims=True)
    wave = np.cos(2 * np.pi * (np.arange(24) - WARMEST_HOUR) / 24)
    mean = season + anomaly
    swing = _by_day(normals.daily_range, days)[..., None] / 2 * wave
    hourly_mean = _between_days(mean)
    temperature = hourly_mean + swing.reshape(*shape, HOURS)
    damp = _between_days(season + MOIST * anomaly)
    moist = np.repeat(_by_day(normals.humidity, days), 24, axis=-1) * saturation_pressure(damp)
    humidity = np.clip(moist / saturation_pressure(temperature), 0.05, 1.0)
    cloud = np.clip(np.asarray(normals.cloud)[..., None] + 0.3 * _persistent(draw, shape), 0.0, 1.0)
    wind = _weibull(_between_days(_persistent(draw, shape)), np.asarray(normals.wind)[..., None])
    return given(temperature, humidity, pressure, cloud=np.repeat(cloud, 24, axis=-1), wind=wind, synthetic=True)


def _by_day(monthly: Floats, days: np.ndarray) -> Floats:
    """Monthly means (..., 12) by day (..., 365): straight lines between the middles of months."""
    ends = np.cumsum(MONTH_DAYS)
    middles = ends - MONTH_DAYS / 2
    after = np.searchsorted(middles, days + 0.5)
    left, right = (after - 1) % 12, after % 12
    start = np.where(after == 0, middles[-1] - 365, middles[left])
    stop = np.where(after == 12, middles[0] + 365, middles[right])
    share = (days + 0.5 - start) / (stop - start)
    values = np.asarray(monthly, dtype=float)
    return np.asarray(values[..., left] * (1 - share) + values[..., right] * share)


def _persistent(draw: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """365 standard normal numbers of an AR(1) with PERSISTENCE, (..., 365)."""
    noise = draw.standard_normal((*shape, 365))
    fresh = np.sqrt(1 - PERSISTENCE**2)
    for day in range(1, 365):
        noise[..., day] = PERSISTENCE * noise[..., day - 1] + fresh * noise[..., day]
    return noise


def _between_days(daily: Floats) -> Floats:
    """Daily values (..., 365) by hour (..., 8760): straight lines between noons, the year closed to a circle."""
    hours = np.arange(HOURS) - 12
    left = hours // 24
    share = hours / 24 - left
    return np.asarray(daily[..., left % 365] * (1 - share) + daily[..., (left + 1) % 365] * share)


def _weibull(normal: Floats, mean: Floats) -> Floats:
    """Numbers of a normal distribution, (..., hours), as Rayleigh-distributed speeds of this mean, rank by rank.

    Abramowitz and Stegun 26.2.17's logistic stand-in for the normal distribution is within 0.01.
    """
    standard = (normal - normal.mean(axis=-1, keepdims=True)) / normal.std(axis=-1, keepdims=True)
    upper = 1 / (1 + np.exp(1.702 * standard))
    return np.asarray(mean * np.sqrt(-np.log(upper)) * (2 / np.sqrt(np.pi)))


def representative(weather: Weather) -> tuple[np.ndarray, Floats]:
    """288 hours of a year of 8,760 in the order of their months, and how many each stands for; for `Weather.at`.

    Every hour of the day stands once in every month, so that seasons and tariffs by hour keep their shares exactly. Its day
    is the one at a share of the month's days in the order of their wet bulb; the shares are the multiples of the golden
    ratio without their whole parts, so that any few hours or months together have cold and warm spells evenly (Weyl 1916).
    Of several years the first gives the order.
    """
    wet = weather.wet_bulb.reshape(-1, weather.wet_bulb.shape[-1])[0]
    cell = weather.month * 24 + weather.hour
    order = np.lexsort((wet, cell))
    counts = np.bincount(cell, minlength=288)
    share = (0.5 + GOLDEN * np.arange(288)) % 1
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return order[starts + (counts * share).astype(int)], counts.astype(float)

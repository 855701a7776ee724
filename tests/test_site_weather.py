"""Moist air and weather: published values, a slow reference for the wet bulb, synthetic years against their normals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.site.psychrometrics import (
    humidity_ratio,
    pressure_at,
    saturation_pressure,
    stull_wet_bulb,
    wet_bulb,
)
from petaday.site.weather import HOURS, MONTH_OF_HOUR, Normals, representative, synthetic_year
from petaday.site.weather import given as weather_given

TEMPERATE = Normals(
    temperature=np.array([-4.4, -1.0, 4.4, 11.3, 16.6, 20.5, 22.3, 20.8, 16.0, 9.9, 3.6, -2.5]),
    daily_range=np.full(12, 10.0),
    humidity=np.full(12, 0.6),
    spread=np.array(3.0),
    cloud=np.array(0.5),
    wind=np.array(3.0),
)


def slow_wet_bulb(temperature: float, humidity: float, pressure: float) -> float:
    """Bisection on the psychrometer's equation."""

    def saturated(t: float) -> float:
        return 610.94 * math.exp(17.625 * t / (t + 243.04))

    low, high = -90.0, temperature
    for _ in range(80):
        middle = (low + high) / 2
        vapour = saturated(middle) - 6.62e-4 * pressure * (temperature - middle)
        low, high = (middle, high) if vapour < humidity * saturated(temperature) else (low, middle)
    return (low + high) / 2


# Published values


@pytest.mark.parametrize(("temperature", "pascals"), [(0.0, 611.2), (20.0, 2338.8), (40.0, 7384.9), (-20.0, 125.6)])
def test_saturation_pressure(temperature: float, pascals: float) -> None:
    """Over water, ASHRAE Handbook Fundamentals and Sonntag 1990."""
    assert saturation_pressure(temperature) == pytest.approx(pascals, rel=0.004)


@pytest.mark.parametrize(("altitude", "pascals"), [(0, 101325), (1000, 89875), (3000, 70109)])
def test_the_standard_atmosphere(altitude: float, pascals: float) -> None:
    assert pressure_at(altitude) == pytest.approx(pascals, rel=1e-3)


def test_stull_2011_section_2() -> None:
    """20 degC at 50 % are 13.7 degC by the paper's own example."""
    assert stull_wet_bulb(20.0, 0.5) == pytest.approx(13.7, abs=0.05)


def test_humid_air_of_25_degrees_holds_20_grams() -> None:
    """Saturated at sea level: 20.17 g/kg (ASHRAE Handbook Fundamentals, table 2)."""
    assert humidity_ratio(saturation_pressure(25.0), 101325.0) == pytest.approx(0.02017, rel=0.01)


# Against a slow reference


@given(st.floats(-25, 48), st.floats(0.05, 1.0), st.floats(70_000, 103_000))
def test_the_wet_bulb_solves_the_psychrometer(temperature: float, humidity: float, pressure: float) -> None:
    found = float(wet_bulb(temperature, humidity, pressure))
    assert found == pytest.approx(slow_wet_bulb(temperature, humidity, pressure), abs=0.35)
    assert found <= temperature + 1e-9


@given(st.floats(0, 45), st.floats(0.2, 0.99))
def test_stull_is_within_a_kelvin_of_the_psychrometer_at_sea_level(temperature: float, humidity: float) -> None:
    assert float(stull_wet_bulb(temperature, humidity)) == pytest.approx(
        slow_wet_bulb(temperature, humidity, 101325.0), abs=1.2
    )


def test_thin_air_has_a_lower_wet_bulb() -> None:
    assert wet_bulb(30.0, 0.3, pressure_at(2000)) < wet_bulb(30.0, 0.3) - 0.2


def test_saturated_air_has_its_own_temperature() -> None:
    t = np.linspace(-20, 40, 25)
    assert wet_bulb(t, 1.0) == pytest.approx(t, abs=0.02)


# Synthetic years


def test_a_year_keeps_its_normals() -> None:
    year = synthetic_year(TEMPERATE, 86_000.0)
    assert year.synthetic and year.temperature.shape == (HOURS,)
    means = np.array([year.temperature[month == MONTH_OF_HOUR].mean() for month in range(12)])
    assert means == pytest.approx(TEMPERATE.temperature, abs=3.0)
    assert year.temperature.mean() == pytest.approx(TEMPERATE.temperature.mean(), abs=0.4)
    days = year.temperature.reshape(365, 24)
    assert np.median(np.ptp(days, axis=1)) == pytest.approx(10.0, abs=1.0)
    assert days.mean(axis=0).argmax() == 15
    assert np.all(year.wet_bulb <= year.temperature + 1e-9)
    assert year.wind.mean() == pytest.approx(3.0, rel=0.1)


def test_many_years_have_their_spread_and_persistence() -> None:
    many = Normals(*(np.broadcast_to(each, (40, 12)) for each in (np.full(12, 15.0), np.full(12, 0.0), np.full(12, 0.5))),
                   *(np.full(40, value) for value in (3.0, 0.5, 3.0)))  # fmt: skip
    noon = synthetic_year(many, 101325.0).temperature.reshape(40, 365, 24)[..., 12] - 15
    assert noon.std() == pytest.approx(3.0, rel=0.05)
    assert np.corrcoef(noon[:, 1:].ravel(), noon[:, :-1].ravel())[0, 1] == pytest.approx(0.72, abs=0.03)


def test_the_seed_decides() -> None:
    first, again, other = (synthetic_year(TEMPERATE, 86_000.0, seed).temperature for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_representative_hours_stand_for_the_year() -> None:
    year = synthetic_year(TEMPERATE, 86_000.0)
    few = year.at(*representative(year))
    assert few.weight.sum() == pytest.approx(HOURS) and len(few.weight) == 288
    for name in ("temperature", "wet_bulb", "moisture"):
        full, short = getattr(year, name).mean(), np.average(getattr(few, name), weights=few.weight)
        assert short == pytest.approx(full, rel=0.02, abs=0.05)
    assert np.array_equal(np.sort(few.month), few.month)
    for hour in range(24):
        assert few.weight[few.hour == hour].sum() == HOURS / 24
    for month in range(12):
        assert few.weight[few.month == month].sum() == (month == MONTH_OF_HOUR).sum()


def test_given_hours_carry_their_own_months() -> None:
    day = weather_given(np.full(24, 20.0), np.full(24, 0.5), 101325.0, month=np.full(24, 6))
    assert set(day.month) == {6} and list(day.hour) == list(range(24))

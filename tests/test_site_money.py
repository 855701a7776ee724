"""Grid carbon, tariffs, sun, wind and batteries: balances in every hour, bills by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from petaday.catalog.site import Band, band_factors, parse_hours
from petaday.errors import InputError
from petaday.site.grid import market_factor, synthetic_shape
from petaday.site.renewables import (
    Battery,
    Position,
    dispatch,
    irradiance,
    solar_elevation,
    solar_output,
    wind_output,
)
from petaday.site.tariff import Tariff, costs
from petaday.site.weather import HOURS, Normals, Weather, synthetic_year
from petaday.site.weather import given as weather_given

KWH = 3.6e6
BEIJING = Position(39.9, 116.4, 8.0)


@pytest.fixture(scope="module")
def year() -> Weather:
    flat = [np.full(12, value) for value in (12.0, 9.0, 0.6)]
    return synthetic_year(Normals(*flat, np.array(3.0), np.array(0.4), np.array(4.0)), 101325.0)


def tariff(**changes: object) -> Tariff:
    base = {"currency": "USD", "energy": 0.1 / KWH, "bands": np.ones(24), "demand": 0.0, "premium": 0.0, "water": 0.0}
    return Tariff(**{**base, **changes})  # type: ignore[arg-type]


# Bills


def test_a_flat_bill_by_hand(year: Weather) -> None:
    grid = np.full(HOURS, 1e6)
    month = 365 / 12 * 86400
    priced = tariff(demand=15 / 1000 / month, premium=0.01 / KWH, water=2.0)
    bill = costs(priced, priced.prices(year), grid, np.full(HOURS, 1e-3), 0.5, year)
    assert bill.energy == pytest.approx(0.1 * 8760e3)
    assert bill.demand == pytest.approx(15 * 1000 * 12)
    assert bill.premium == pytest.approx(0.5 * 0.01 * 8760e3)
    assert bill.water == pytest.approx(2 * 1e-3 * 3600 * 8760)
    assert bill.total == bill.energy + bill.demand + bill.premium + bill.water


def test_bills_of_many_are_bills_of_one(year: Weather) -> None:
    """Prices, share and hours by row give what each row alone does."""
    draw = np.random.default_rng(2)
    grid, makeup = draw.uniform(1e6, 2e6, (3, HOURS)), draw.uniform(0, 1e-3, (3, HOURS))
    names = ("energy", "demand", "premium", "water")
    rates = {name: draw.uniform(1e-9, 2e-9, (3, 1)) for name in names}
    green, many = draw.uniform(0, 1, (3, 1)), tariff(**rates)
    together = costs(many, many.prices(year), grid, makeup, green, year)
    for row in range(3):
        one = tariff(**{name: float(rate[row, 0]) for name, rate in rates.items()})
        alone = costs(one, one.prices(year), grid[row], makeup[row], float(green[row, 0]), year)
        for name in names:
            assert getattr(together, name)[row] == pytest.approx(float(getattr(alone, name)))


def test_the_month_s_highest_hour_counts(year: Weather) -> None:
    grid = np.full(HOURS, 1e6)
    grid[100] = 2e6
    priced = tariff(demand=1e-9)
    once, flat = (
        costs(priced, priced.prices(year), each, grid * 0, 0.0, year).demand for each in (grid, grid * 0 + 1e6)
    )
    assert once - flat == pytest.approx(1e-9 * 1e6 * 31 * 86400)


def test_bands_move_the_price(year: Weather) -> None:
    written = (Band(name="peak", hours="8-11, 18-23", factor=1.5), Band(name="valley", hours="0-8", factor=0.5))
    priced = tariff(bands=np.array(band_factors(written)))
    mean = np.mean(priced.prices(year)) * KWH
    assert mean == pytest.approx(0.1 * (8 * 1.5 + 8 * 0.5 + 8) / 24)


@pytest.mark.parametrize("text", ["", "8", "8-8", "11-8", "22-25", "8-11; 18-23", "a-b"])
def test_hours_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="are no hours of a day"):
        parse_hours(text)


def test_an_hour_in_two_bands() -> None:
    with pytest.raises(InputError, match="hour 9 is in two bands"):
        band_factors((Band(name="a", hours="8-10", factor=1.5), Band(name="b", hours="9-12", factor=0.5)))


# Carbon


@given(st.floats(0, 0.6), st.floats(0, 0.6))
def test_a_shape_keeps_the_mean(solar: float, wind: float) -> None:
    flat = [np.full(12, value) for value in (12.0, 9.0, 0.6)]
    weather = synthetic_year(Normals(*flat, np.array(3.0), np.array(0.4), np.array(4.0)), 101325.0)
    shape = synthetic_shape(weather, BEIJING, solar, wind)
    assert shape.mean() == pytest.approx(1) and shape.min() > 0


def test_sun_makes_noon_cleaner(year: Weather) -> None:
    by_hour = synthetic_shape(year, BEIJING, 0.3, 0.05).reshape(365, 24).mean(axis=0)
    assert by_hour.argmin() in (11, 12, 13) and by_hour[19] > 1


def test_without_sun_and_wind_every_hour_is_alike(year: Weather) -> None:
    assert synthetic_shape(year, BEIJING, 0.0, 0.0) == pytest.approx(1)


def test_contracts_change_the_market_alone() -> None:
    location = np.array([100.0, 300.0])
    assert market_factor(location, 0.0, 0.0, 1.0) == pytest.approx(location)
    assert market_factor(location, 1.0, 20.0, 1.3) == pytest.approx([20.0, 20.0])
    assert market_factor(location, 0.8, 0.0, 1.2) == pytest.approx(0.24 * location)


# Sun and wind


def test_the_sun_stands_where_it_should() -> None:
    """True noon in the middle of June: 90 degrees less the latitude and 23.3 more."""
    noon = weather_given(np.full(24, 15.0), np.full(24, 0.5), 101325.0, month=np.full(24, 5))
    height = solar_elevation(noon, Position(39.9, 112.5, 8.0))  # true noon at 12:30
    assert np.degrees(np.arcsin(height.max())) == pytest.approx(90 - 39.9 + 23.3, abs=0.2)
    assert height.argmax() == 12 and height[0] < 0


def test_clear_skies_and_clouds() -> None:
    """Haurwitz: about 1,000 W/m2 near the zenith; an overcast sky leaves a quarter (Kasten and Czeplak)."""
    at = Position(20.0, 0.0, 0.0)
    clear, overcast = (
        weather_given(np.full(24, 25.0), np.full(24, 0.5), 101325.0, month=np.full(24, 5), cloud=cloud)
        for cloud in (0.0, 1.0)
    )
    assert irradiance(clear, at).max() == pytest.approx(1030, abs=40)
    assert irradiance(overcast, at).max() == pytest.approx(0.25 * irradiance(clear, at).max())
    assert irradiance(clear, at)[0] == pytest.approx(0, abs=1e-3)


def test_outputs_stay_within_their_rating(year: Weather) -> None:
    for output in (solar_output(year, BEIJING), wind_output(year)):
        assert output.min() >= 0 and output.max() <= 1
    assert 0.1 < solar_output(year, BEIJING).mean() < 0.25
    assert 0.1 < wind_output(year).mean() < 0.35


# Batteries

WATTS = arrays(np.float64, (3, 30), elements=st.floats(0, 1e6))


@given(WATTS, WATTS, arrays(np.float64, (3, 30), elements=st.floats(0.1, 2.0)), st.floats(0.5, 1.0))
def test_every_hour_balances(load: np.ndarray, own: np.ndarray, prices: np.ndarray, efficiency: float) -> None:
    battery = Battery(energy=2e9, power=3e5, efficiency=efficiency)
    found = dispatch(load, own, prices, battery)
    assert load + found.charge + found.curtailed == pytest.approx(own + found.grid + found.discharge, abs=1e-3)
    for each in (found.grid, found.curtailed, found.charge, found.discharge, found.stored):
        assert each.min() >= -1e-6
    assert found.charge.max() <= 3e5 + 1e-6 and found.discharge.max() <= 3e5 + 1e-6
    assert found.stored.max() <= 2e9 * (1 + 1e-12)
    kept = 3600 * (np.sqrt(efficiency) * found.charge.sum(-1) - found.discharge.sum(-1) / np.sqrt(efficiency))
    assert found.stored[:, -1] == pytest.approx(kept, abs=10.0)
    assert np.all(found.grid.max(-1) <= np.maximum(load - own, 0).max(-1) + 1e-3)


def test_without_a_battery_own_output_is_used_or_thrown_away() -> None:
    found = dispatch(np.array([5.0, 5.0]), np.array([2.0, 8.0]), np.ones(2), None)
    assert list(found.grid) == [3.0, 0.0] and list(found.curtailed) == [0.0, 3.0]


def test_a_battery_buys_cheap_hours_and_sells_none() -> None:
    load, prices = np.full(48, 100.0), np.tile([0.5] * 12 + [1.5] * 12, 2)
    load[20] = 150.0
    none, some = (dispatch(load, load * 0, prices, each) for each in (None, Battery(3600 * 400.0, 40.0, 0.9)))
    assert (some.grid * prices).sum() < (none.grid * prices).sum()
    assert some.grid.sum() > none.grid.sum()
    assert not some.curtailed.any()

"""A site's year: facility, own power, grid, carbon and cost, by hour and in sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.site.cooling import Facility, Plant, facility
from petaday.site.grid import market_factor
from petaday.site.psychrometrics import Floats
from petaday.site.renewables import Battery, Dispatch, dispatch
from petaday.site.tariff import Costs, Tariff, costs
from petaday.site.weather import Weather

Numbers = Floats | float


@dataclass(frozen=True)
class Supply:
    """Where a site's electricity comes from.

    own: W of sun and wind behind the meter, (..., hours); battery: beside it
    carbon: kg/J of the grid by location, (..., hours)
    green: share of the grid's energy under contracts; contract: their kg/J; residual: the rest's factor over the location's
    prices: of a J by hour, (..., hours); tariff: all other prices
    """

    own: Numbers
    battery: Battery | None
    carbon: Floats
    green: Numbers
    contract: Numbers
    residual: Numbers
    prices: Floats
    tariff: Tariff


@dataclass(frozen=True)
class Year:
    """Hours of a site, and their sums: J, m3, kg, currency, (...,)."""

    weather: Weather
    facility: Facility
    dispatch: Dispatch
    supply: Supply
    energy: Floats
    it_energy: Floats
    grid_energy: Floats
    water: Floats
    carbon_location: Floats
    carbon_market: Floats
    costs: Costs

    @property
    def pue(self) -> Floats:
        """Energy of the facility over that of its IT (ISO/IEC 30134-2)."""
        return np.asarray(self.energy / self.it_energy)

    @property
    def wue(self) -> Floats:
        """Make-up water over the energy of the IT, m3/J (ISO/IEC 30134-9)."""
        return np.asarray(self.water / self.it_energy)

    @property
    def hourly_pue(self) -> Floats:
        """PUE by hour."""
        return np.asarray(self.facility.total / self.facility.it)


def year_of(it: Floats, weather: Weather, plant: Plant, supply: Supply) -> Year:
    """A site's year from the W of its IT, (..., hours) or (..., 1) where it is the same all year."""
    built = facility(np.atleast_1d(it), weather, plant)
    total, makeup = built.total, built.makeup
    flows = dispatch(total, np.asarray(supply.own), supply.prices, supply.battery)
    market = market_factor(supply.carbon, supply.green, supply.contract, supply.residual)
    return Year(
        weather=weather,
        facility=built,
        dispatch=flows,
        supply=supply,
        energy=weather.total(total),
        it_energy=weather.total(built.it),
        grid_energy=weather.total(flows.grid),
        water=weather.total(makeup),
        carbon_location=weather.total(flows.grid, supply.carbon),
        carbon_market=weather.total(flows.grid, market),
        costs=costs(supply.tariff, supply.prices, flows.grid, makeup, supply.green, weather),
    )

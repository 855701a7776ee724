"""A site put together: its IT by part, its hours, and what they come to in energy, water, carbon and money."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from petaday.catalog import cooling as surroundings
from petaday.catalog.cooling import Cooling, HeatRejection, PowerChainPart
from petaday.catalog.figure import Figure
from petaday.catalog.site import sites
from petaday.catalog.take import Take, median
from petaday.errors import InputError
from petaday.site.grid import market_factor, synthetic_shape
from petaday.site.psychrometrics import Floats
from petaday.site.renewables import Position, solar_output, wind_output
from petaday.site.sample import NAMES, Means, annual_means, means_of
from petaday.site.tariff import Tariff
from petaday.site.weather import Weather, representative
from petaday.site.year import Supply, Year, year_of
from petaday.study import site_parts as parts
from petaday.study.parts import Assumption, find_chip, named
from petaday.study.scenario import read_as
from petaday.study.site_it import UTILISATION, ItLoad, activity_of, given_or, it_of, network_bill
from petaday.study.site_parts import Located
from petaday.study.site_scenario import Site, SiteScenario
from petaday.study.site_unused import unused
from petaday.study.unfit import Unfit
from petaday.study.weather_files import read_hours

CARBON, PRICES = "carbon_g_per_kwh", "price_per_kwh"
"""Columns of a file of the grid's hours."""


@dataclass(frozen=True)
class SiteYear:
    """A site's year; hours are local standard time from 1 January. columns: of the grid's hours that a file has."""

    site: Site
    place: Located
    cooling: Cooling
    rejection: HeatRejection
    chain: PowerChainPart
    it: ItLoad
    year: Year
    tariff: Tariff
    weather_source: str
    carbon_source: str
    domestic: bool
    columns: frozenset[str]
    infeasible: Unfit | None
    assumptions: tuple[Assumption, ...]
    unused: dict[str, str]


def read_site(path: Path) -> tuple[SiteScenario, Callable[[InputError], InputError]]:
    """A site scenario from its file, see `petaday.study.scenario.read_as`."""
    return read_as(SiteScenario, path)


def site_year(scenario: SiteScenario, folder: Path, *, allow_unverified: bool = False) -> SiteYear:
    """The year of a scenario's site. Raises InputError: a part, a file or a place that is not there."""
    notes: list[Assumption] = []
    load, site = scenario.load, scenario.site
    if load.it_power is not None:
        share = given_or(load.utilisation, UTILISATION, "load.utilisation", "mean draw over what is built", notes)
        cooling = parts.chosen_cooling(site, False, notes)
        it = ItLoad(mean=share * load.it_power, capacity=load.it_power)
    else:
        chip = find_chip(load.chip or "", allow_unverified, "load.chip")
        host = surroundings.host_of(chip) if load.host is None else named("load.host", surroundings.host, load.host)
        cooling = parts.chosen_cooling(site, host.rack, notes)
        it = it_of(
            chip, load.chips or 0, activity_of(load, notes), host, cooling, network_bill(load, chip, notes), notes
        )
    return site_of(site, it, folder, cooling, notes)


def site_of(
    site: Site,
    it: ItLoad,
    folder: Path = Path(),
    cooling: Cooling | None = None,
    notes: list[Assumption] | None = None,
) -> SiteYear:
    """The year of a site around some IT.

    Raises
    ------
    InputError : a part, a file or a place that is not there; a place without climate or tariff
    """
    noted = [] if notes is None else list(notes)
    if not 0 < it.mean <= it.capacity:
        raise InputError("IT that draws nothing", field="load.utilisation", expected="more than 0")
    cooling = cooling or parts.chosen_cooling(site, False, noted)
    rejection, chain = parts.chosen_rejection(site, noted), parts.chosen_chain(site, noted)
    place = parts.located(site, noted)
    weather, weather_source = parts.weather_of(site, place, folder, noted)
    origin = _origin(site, it, place)
    domestic = origin == "domestic" and parts.has_domestic_price(site, place)
    tariff = parts.tariff_of(site, place, domestic, noted)
    supply, carbon_source, used_columns = _supply(site, place, weather, tariff, folder, noted)
    plant = parts.plant_of(it.capacity, cooling, rejection, chain, site.supply)
    for part, kind in ((cooling, "cooling"), (rejection, "rejection"), (chain, "power_chain")):
        parts.note_estimates(part, kind, noted)
    year = year_of(np.array([it.mean]), weather, plant, supply)
    return SiteYear(
        site=site,
        place=place,
        cooling=cooling,
        rejection=rejection,
        chain=chain,
        it=it,
        year=year,
        tariff=tariff,
        weather_source=weather_source,
        carbon_source=carbon_source,
        domestic=domestic,
        columns=used_columns,
        infeasible=_unfit(site, it, cooling, year),
        assumptions=tuple(noted),
        unused=unused(site, year, domestic, _is_own(it, place), used_columns),
    )


def site_means(found: SiteYear, it: Floats, take: Take = median) -> Means:
    """Annual means of a site for n draws of its figures, over 288 weighted hours of its year.

    it : mean W of IT, (n, 1)
    take : what each catalog figure of the plant, the tariff and the grid's carbon is taken at, a float or (n, 1)

    Each mean is scaled so that at the site's own IT and the medians it is that of the whole year. A battery works as in the
    site's year.
    """
    draws, here = _few(found, it, take), _few(found, np.full((1, 1), found.it.mean), median)
    whole = means_of(found.year)
    scaled = {name: _scaled(*(getattr(means, name) for means in (draws, here, whole))) for name in NAMES}
    return _priced(found, Means(**scaled), take)


def _few(found: SiteYear, it: Floats, take: Take) -> Means:
    """Means over representative hours of a site's year, at the year's carbon and prices."""
    year = found.year
    hours, weight = representative(year.weather)
    behind = np.asarray(year.supply.own) + year.dispatch.discharge - year.dispatch.charge
    supply = replace(
        year.supply,
        own=behind[hours],
        battery=None,
        carbon=year.supply.carbon[hours],
        prices=year.supply.prices[hours],
    )
    plant = parts.plant_of(found.it.capacity, found.cooling, found.rejection, found.chain, found.site.supply, take)
    return annual_means(it, year.weather.at(hours, weight), plant, supply)


def _scaled(draws: Floats, here: Floats, whole: Floats) -> Floats:
    """Means over some hours, (n,), by those at the medians, (1,), and by the whole year's there."""
    return np.asarray(draws * (whole / here) if here[0] else draws + whole)


def _priced(found: SiteYear, means: Means, take: Take) -> Means:
    """Means at other prices and another carbon of the grid; both only scale the year's, by the hour and in sum."""
    tariff, part, supply = parts.tariff_part(found.site, found.place), found.place.part, found.year.supply

    def over_median(figure: Figure | float | None) -> Floats:
        return np.ravel(take(figure) / figure.value) if isinstance(figure, Figure) else np.ones(1)

    energy = None if PRICES in found.columns else tariff.domestic if found.domestic else tariff.energy
    carbon = over_median(None if part is None or CARBON in found.columns else part.carbon)
    location = means.carbon_location * carbon
    # A residual mix that the scenario gives is known, whatever the location's carbon is.
    residual = supply.residual if found.site.residual_carbon is None else supply.residual / carbon
    return replace(
        means,
        carbon_location=location,
        carbon_market=market_factor(location, supply.green, supply.contract, residual),
        energy=means.energy * over_median(energy),
        demand=means.demand * over_median(tariff.demand),
        premium=means.premium * over_median(tariff.premium),
        water=means.water * over_median(tariff.water),
    )


def compared_coolings(scenario: SiteScenario, folder: Path, *, allow_unverified: bool = False) -> list[SiteYear]:
    """The site under every kind of cooling and of heat rejection, each with the catalog's supply temperature."""
    return [
        site_year(_with(scenario, cooling=cooling, rejection=rejection, supply=None), folder,
                  allow_unverified=allow_unverified)
        for cooling in surroundings.coolings()
        for rejection in surroundings.rejections()
    ]  # fmt: skip


def compared_sites(scenario: SiteScenario, folder: Path, *, allow_unverified: bool = False) -> list[SiteYear]:
    """The same IT and facility at every site of the catalog, under its own climate, grid and first tariff."""
    return [
        site_year(_with(scenario, region=region, weather="synthetic", year=None, tariff=None, hours=None), folder,
                  allow_unverified=allow_unverified)
        for region in sites()
    ]  # fmt: skip


def _with(scenario: SiteScenario, **fields: object) -> SiteScenario:
    return scenario.model_copy(update={"site": scenario.site.model_copy(update=fields)})


def _origin(site: Site, it: ItLoad, place: Located) -> str | None:
    """Whether the chips are the country's own: as the scenario says, else by their maker."""
    if site.chip_origin is not None:
        return site.chip_origin
    if it.country is None:
        return None
    return "domestic" if _is_own(it, place) else "imported"


def _is_own(it: ItLoad, place: Located) -> bool:
    """Whether the chips' maker is of the country."""
    return it.country is not None and it.country == place.country


def _supply(
    site: Site, place: Located, weather: Weather, tariff: Tariff, folder: Path, notes: list[Assumption]
) -> tuple[Supply, str, frozenset[str]]:
    """Power of the grid and behind the meter; where the hours of carbon come from; columns read from a file."""
    columns: dict[str, Floats] = {}
    if site.hours is not None:
        try:
            columns = read_hours(folder / site.hours, (), site.year, place.utc_offset).columns
        except InputError as error:
            raise error.at(field="site.hours") from None
    where = Position(place.latitude, place.longitude, place.utc_offset)
    if CARBON in columns:
        carbon, source = columns[CARBON] * (1e-3 / 3.6e6), f"hours of {site.hours}"
    else:
        shape = synthetic_shape(weather, where, place.solar, place.wind)
        carbon, source = place.carbon * shape, "annual mean with a synthetic shape"
        notes.append(
            Assumption(
                "site.hours.carbon", "synthetic shape", "load less sun and wind, about the mean", estimate=True
            )
        )
    prices = columns[PRICES] / 3.6e6 if PRICES in columns else tariff.prices(weather)
    own = np.zeros(weather.temperature.shape)
    if site.solar is not None:
        own = own + site.solar * solar_output(weather, where)
    if site.wind is not None:
        own = own + site.wind * wind_output(weather)
    mean = float(np.average(carbon, weights=weather.weight))
    residual = 1.0 if site.residual_carbon is None else site.residual_carbon / max(mean, 1e-300)
    if site.residual_carbon is None:
        notes.append(
            Assumption("site.residual_carbon", "as the location", "no residual mix is published here", estimate=True)
        )
    supply = Supply(
        own=own,
        battery=parts.battery_of(site),
        carbon=carbon,
        green=site.green_share,
        contract=site.contract_carbon,
        residual=residual,
        prices=np.broadcast_to(prices, weather.temperature.shape),
        tariff=tariff,
    )
    return supply, source, frozenset(columns)


def _unfit(site: Site, it: ItLoad, cooling: Cooling, year: Year) -> Unfit | None:
    """What binds: the racks' heat, or the grid connection."""
    if it.rack is not None and it.rack > cooling.rack_limit.value:
        able = [each for each in surroundings.coolings().values() if each.rack_limit.value >= it.rack]
        return Unfit(
            "cooling of the racks",
            f"a rack draws {parts.watts(it.rack)}, and {cooling.name} carries {cooling.rack_limit.text}",
            tuple(f"site.cooling: {each.id}" for each in able),
        )
    highest = float(year.dispatch.grid.max()) * it.capacity / it.mean
    if site.connection is not None and highest > site.connection * (1 + 1e-9):
        nearest = it.capacity * site.connection / highest
        return Unfit(
            "grid connection",
            f"with all IT at its limit the highest hour takes {parts.watts(highest)} of the grid, and "
            f"{parts.watts(site.connection)} are there",
            (
                f"a connection of {parts.watts(highest)}",
                f"{parts.watts(nearest)} of IT in place of {parts.watts(it.capacity)}",
            ),
        )
    return None

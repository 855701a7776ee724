"""Catalog parts and scenario fields of a site as the numbers that `petaday.site` computes with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from petaday.catalog import cooling as surroundings
from petaday.catalog.cooling import Cooling, HeatPath, HeatRejection, PowerChainPart
from petaday.catalog.figure import Figure
from petaday.catalog.part import Part
from petaday.catalog.site import (
    Climate,
    SitePart,
    band_factors,
)
from petaday.catalog.site import TariffCny as CatalogTariffCny
from petaday.catalog.site import TariffUsd as CatalogTariffUsd
from petaday.catalog.site import site as find_site
from petaday.catalog.take import Take, median
from petaday.catalog.validate import Strict
from petaday.errors import InputError
from petaday.site.cooling import Chiller, Loop, Plant, PowerChain, Rejection
from petaday.site.psychrometrics import Floats, pressure_at
from petaday.site.renewables import Battery
from petaday.site.tariff import Tariff
from petaday.site.weather import Normals, Weather, given, synthetic_year
from petaday.study.parts import Assumption, named
from petaday.study.site_scenario import Place, Site, TariffCny, TariffUsd
from petaday.study.weather_files import Hours, read_hours
from petaday.units import Kind, render

NO_LOOP = Loop(water=20.0, rise=1.0, fans=0.0, pumps=0.0)
"""In place of a liquid loop that carries no heat."""


@dataclass(frozen=True)
class Located:
    """A place as numbers. carbon: kg/J; solar, wind: shares of its grid's generation."""

    id: str
    name: str
    country: str
    latitude: float
    longitude: float
    utc_offset: float
    pressure: float
    climate: Climate | None
    carbon: float
    solar: float
    wind: float
    part: SitePart | None


def located(site: Site, notes: list[Assumption]) -> Located:
    """The region of the catalog, or the scenario's own place."""
    written = site.region
    if isinstance(written, Place):
        offset = written.utc_offset
        if offset is None:
            offset = float(round(written.longitude / 15))
            notes.append(
                Assumption("site.region.utc_offset", f"{offset:g} h", "a fifteenth of the longitude", estimate=True)
            )
        return Located(
            id="scenario",
            name=f"{written.latitude:g}, {written.longitude:g}",
            country=written.country,
            latitude=written.latitude,
            longitude=written.longitude,
            utc_offset=offset,
            pressure=float(pressure_at(written.altitude)),
            climate=written.climate,
            carbon=written.carbon,
            solar=written.solar,
            wind=written.wind,
            part=None,
        )
    part = named("site.region", find_site, written)
    _note(notes, "site.region.carbon", part.carbon)
    return Located(
        id=part.id,
        name=part.name,
        country=part.country,
        latitude=part.latitude,
        longitude=part.longitude,
        utc_offset=part.utc_offset,
        pressure=float(pressure_at(part.altitude.value)),
        climate=part.climate,
        carbon=part.carbon.value,
        solar=part.solar.value,
        wind=part.wind.value,
        part=part,
    )


def _note(notes: list[Assumption], field: str, figure: Figure) -> None:
    notes.append(Assumption(field, figure.text, figure.source, figure.estimate))


def weather_of(site: Site, place: Located, folder: Path, notes: list[Assumption]) -> tuple[Weather, str]:
    """The weather of the file that the scenario names, or a synthetic year; and what it is, in words."""
    if site.weather != "synthetic":
        # A typical year is of no year: the scenario's is then that of the grid's hours.
        year = None if site.weather.lower().endswith(".epw") and site.hours is not None else site.year
        try:
            read = read_hours(folder / site.weather, ("temperature_degc", "humidity_pct"), year, place.utc_offset)
        except InputError as error:
            raise error.at(field="site.weather") from None
        source = f"{read.source} file {site.weather}"
        return _measured(read, place, notes), f"{source}, {read.year}" if read.year else source
    climate = place.climate
    if climate is None:
        raise InputError(
            f"{place.name} has no climate",
            field="site.region",
            expected="a `climate` of twelve normals, or `weather:` and a file",
        )
    mean = np.mean(climate.temperature_degc)
    notes.append(
        Assumption(
            "site.weather", f"synthetic, mean {mean:.1f} degC, seed {site.seed}", climate.source, estimate=True
        )
    )
    return synthetic_year(normals_of(climate), place.pressure, site.seed), "synthetic year from normals"


def normals_of(climate: Climate) -> Normals:
    """A catalog's climate as numbers."""
    return Normals(
        temperature=np.array(climate.temperature_degc),
        daily_range=np.array(climate.daily_range_k),
        humidity=np.array(climate.humidity_pct) / 100,
        spread=np.array(climate.spread_k),
        cloud=np.array(climate.cloud_pct / 100),
        wind=np.array(climate.wind_m_s),
    )


def _measured(read: Hours, place: Located, notes: list[Assumption]) -> Weather:
    columns = read.columns
    missing = [name for name in ("cloud_pct", "wind_m_s") if name not in columns]
    for name, value in (("cloud_pct", "50 %"), ("wind_m_s", "3 m/s")):
        if name in missing:
            notes.append(Assumption(f"site.weather.{name}", value, "not in the file", estimate=True))
    return given(
        columns["temperature_degc"],
        columns["humidity_pct"] / 100,
        columns.get("pressure_pa", place.pressure),
        cloud=columns["cloud_pct"] / 100 if "cloud_pct" in columns else 0.5,
        wind=columns.get("wind_m_s", 3.0),
    )


def chosen_cooling(site: Site, is_rack: bool, notes: list[Assumption]) -> Cooling:
    """The kind of cooling asked for, else the one that such servers usually have."""
    if site.cooling is not None:
        return named("site.cooling", surroundings.cooling, site.cooling)
    name = "direct-liquid" if is_rack else "economised-air"
    notes.append(Assumption("site.cooling", name, "usual for such servers", estimate=True))
    return surroundings.cooling(name)


def chosen_rejection(site: Site, notes: list[Assumption]) -> HeatRejection:
    """The heat rejection asked for, else towers."""
    if site.rejection is not None:
        return named("site.rejection", surroundings.rejection, site.rejection)
    notes.append(Assumption("site.rejection", "tower", "usual for large sites", estimate=True))
    return surroundings.rejection("tower")


def chosen_chain(site: Site, notes: list[Assumption]) -> PowerChainPart:
    """The power chain asked for, else double conversion."""
    if site.power_chain is not None:
        return named("site.power_chain", surroundings.power_chain, site.power_chain)
    notes.append(
        Assumption("site.power_chain", "double-conversion", "usual where nothing else is said", estimate=True)
    )
    return surroundings.power_chain("double-conversion")


def plant_of(
    capacity: Floats | float,
    cooling: Cooling,
    rejection: HeatRejection,
    chain: PowerChainPart,
    supply: float | None = None,
    take: Take = median,
) -> Plant:
    """A facility of catalog parts for so many W of IT; `supply`: degC of the main path in place of the catalog's."""
    main = cooling.liquid or cooling.air

    def loop(path: HeatPath) -> Loop:
        reaching = supply if supply is not None and path is main else take(path.supply)
        return Loop(reaching - take(path.approach), take(path.rise), take(path.fans), take(path.pumps))

    figures = cooling.chiller
    return Plant(
        capacity=capacity,
        liquid_share=take(cooling.liquid_share),
        air=loop(cooling.air),
        liquid=NO_LOOP if cooling.liquid is None else loop(cooling.liquid),
        rejection=Rejection(
            approach=take(rejection.approach),
            fans=take(rejection.fans),
            wetting=(1.0 if rejection.kind == "wet" else 0.0) if rejection.pads is None else take(rejection.pads),
            air_rise=take(rejection.air_rise),
            cycles=take(rejection.cycles),
        ),
        chiller=Chiller(
            carnot=take(figures.carnot),
            highest=take(figures.highest),
            evaporator=take(figures.evaporator),
            condenser=take(figures.condenser),
            coldest=take(figures.coldest),
        ),
        chain=PowerChain(take(chain.constant), take(chain.linear), take(chain.square), take(chain.rating)),
        economiser=cooling.economiser,
        least_speed=take(cooling.least_speed),
        other=take(cooling.other),
    )


def note_estimates(part: Part, kind: str, notes: list[Assumption]) -> None:
    """Note in one line all figures of a catalog part that are estimates, with their sources."""
    found = list(_estimates(part, ""))
    values = ", ".join(f"{name} {figure.text}" for name, figure in found)
    sources = "; ".join(dict.fromkeys(figure.source for _, figure in found))
    if found:
        notes.append(Assumption(f"{kind}.{part.id}", values, sources, estimate=True))


def _estimates(part: Strict, path: str) -> Iterator[tuple[str, Figure]]:
    """Estimated figures of a part and of what it is made of, by their path."""
    for name, value in part:
        if isinstance(value, Figure):
            if value.estimate:
                yield f"{path}{name}", value
        elif isinstance(value, Strict):
            yield from _estimates(value, f"{path}{name}.")


AnyTariff = TariffUsd | TariffCny | CatalogTariffUsd | CatalogTariffCny


def tariff_part(site: Site, place: Located) -> AnyTariff:
    """The tariff that the scenario writes out or names, else the region's first. Raises InputError: there is none."""
    written = site.tariff
    if isinstance(written, TariffUsd | TariffCny):
        return written
    if place.part is None:
        raise InputError("this place has no tariff", field="site.tariff", expected="a tariff written out")
    try:
        return place.part.tariff(written)
    except InputError as error:
        raise error.at(field="site.tariff") from None


def has_domestic_price(site: Site, place: Located) -> bool:
    """Whether the tariff has a price for chips of the country's own makers."""
    return tariff_part(site, place).domestic is not None


def tariff_of(site: Site, place: Located, domestic: bool, notes: list[Assumption]) -> Tariff:
    """The prices of the scenario, or of the region; `domestic`: at the price for domestic chips, which has no bands."""
    found = tariff_part(site, place)
    if site.tariff is None:
        notes.append(Assumption("site.tariff", found.id, f"the first of {place.id}"))  # type: ignore[union-attr]
    energy = found.domestic if domestic else found.energy
    assert energy is not None
    for name, value in (
        ("energy", energy),
        ("demand", found.demand),
        ("premium", found.premium),
        ("water", found.water),
    ):
        if isinstance(value, Figure):
            _note(notes, f"site.tariff.{name}", value)
    bands = () if domestic else found.bands
    if isinstance(found, CatalogTariffUsd | CatalogTariffCny) and bands:
        text = "; ".join(f"{band.name} {band.hours} × {band.factor:g}" for band in bands)
        notes.append(Assumption("site.tariff.bands", text, found.bands_source, estimate=True))
    try:
        factors = np.array(band_factors(bands))
    except InputError as error:
        raise error.at(field="site.tariff.bands") from None
    return Tariff(
        currency=found.currency,
        energy=_amount(energy),
        bands=factors,
        demand=_amount(found.demand),
        premium=_amount(found.premium),
        water=_amount(found.water),
    )


def _amount(written: Figure | float | None) -> float:
    return 0.0 if written is None else written.value if isinstance(written, Figure) else written


def battery_of(site: Site) -> Battery | None:
    """The scenario's battery."""
    written = site.battery
    return None if written is None else Battery(written.energy, written.power, written.efficiency)


def watts(value: float) -> str:
    """Power as text."""
    return render(value, Kind.POWER, digits=3)

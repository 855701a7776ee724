"""Fields of a site's scenario that were given and moved nothing, and why."""

from __future__ import annotations

from collections.abc import Iterator

from petaday.site.year import Year
from petaday.study.site_scenario import Place, Site, TariffCny, TariffUsd


def unused(site: Site, year: Year, domestic: bool, own_chips: bool, columns: frozenset[str]) -> dict[str, str]:
    """Unused fields by name.

    domestic: whether the price for domestic chips holds; own_chips: whether the chips' maker says so already
    columns: read from the file of the grid's hours
    """
    return dict([*_of_hours(site, columns), *_of_contracts(site), *_of_prices(site, domestic, own_chips, columns),
                 *_of_plants(site, year)])  # fmt: skip


def _of_hours(site: Site, columns: frozenset[str]) -> Iterator[tuple[str, str]]:
    given = site.model_fields_set
    if "seed" in given and site.weather != "synthetic":
        yield "site.seed", "weather from a file is not drawn"
    if site.year is not None and site.weather == "synthetic" and site.hours is None:
        yield "site.year", "a synthetic year is of no year"
    if site.hours is not None and not columns & {"carbon_g_per_kwh", "price_per_kwh"}:
        yield "site.hours", "the file has neither carbon_g_per_kwh nor price_per_kwh"
    if isinstance(site.region, Place) and "carbon_g_per_kwh" in columns:
        for name in ("carbon", *(each for each in ("solar", "wind") if each in site.region.model_fields_set)):
            yield f"site.region.{name}", "the file has the hours of the grid's carbon"


def _of_contracts(site: Site) -> Iterator[tuple[str, str]]:
    if "contract_carbon" in site.model_fields_set and site.green_share == 0:
        yield "site.contract_carbon", "nothing is under contracts"
    if site.residual_carbon is not None and site.green_share == 1:
        yield "site.residual_carbon", "everything is under contracts"


def _of_prices(site: Site, domestic: bool, own_chips: bool, columns: frozenset[str]) -> Iterator[tuple[str, str]]:
    tariff, from_file = site.tariff, "price_per_kwh" in columns
    if site.chip_origin == "domestic" and not domestic:
        yield "site.chip_origin", "the tariff has no price for domestic chips"
    elif site.chip_origin == "domestic" and own_chips:
        yield "site.chip_origin", "the chips' maker says so already"
    elif site.chip_origin == "imported" and not own_chips:
        yield "site.chip_origin", "chips of others pay the ordinary price anyway"
    if not isinstance(tariff, TariffUsd | TariffCny):
        return
    if from_file or domestic:
        yield "site.tariff.energy", "the file has the prices" if from_file else "the price for domestic chips holds"
    if tariff.bands and (from_file or domestic):
        yield "site.tariff.bands", "the file has the prices" if from_file else "the price for domestic chips has none"
    if tariff.domestic is not None and (from_file or not domestic):
        yield (
            "site.tariff.domestic",
            "the file has the prices" if from_file else "the chips are not the country's own",
        )
    if tariff.premium and site.green_share == 0:
        yield "site.tariff.premium", "nothing is under contracts"


def _of_plants(site: Site, year: Year) -> Iterator[tuple[str, str]]:
    if site.battery is not None and not year.dispatch.charge.any():
        yield "site.battery", "own output leaves nothing over, and one price holds all day"
    if site.connection is not None and year.dispatch.grid.max() <= site.connection:
        yield "site.connection", "the site stays within it"

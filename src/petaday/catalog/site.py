"""Sites as catalog parts: where they are, their climate, the carbon of their grid, their tariffs."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from petaday.catalog import load
from petaday.catalog.chip import Chip
from petaday.catalog.figure import Figure, FigureOf
from petaday.catalog.network import Ratio
from petaday.catalog.part import Id, Part
from petaday.catalog.validate import Strict, told
from petaday.errors import InputError
from petaday.units import Kind

Length = Annotated[Figure, FigureOf(Kind.LENGTH)]
CarbonIntensity = Annotated[Figure, FigureOf(Kind.CARBON_INTENSITY)]


def parse_hours(text: str) -> tuple[int, ...]:
    """Hours of the day that a text such as `8-11, 18-23` names: from the first of a range up to its end.

    Raises InputError: no ranges, or none within a day.
    """
    ranges = [re.fullmatch(r"\s*(\d{1,2})-(\d{1,2})\s*", part) for part in text.split(",")]
    ends = [(int(each[1]), int(each[2])) for each in ranges if each]
    if len(ends) != len(ranges) or not all(0 <= first < last <= 24 for first, last in ends):
        raise InputError(f"`{text}` are no hours of a day", expected="ranges such as `8-11, 18-23`")
    return tuple(hour for first, last in ends for hour in range(first, last))


def _checked_hours(text: str) -> str:
    parse_hours(text)
    return text


Hours = Annotated[str, AfterValidator(told(_checked_hours))]
Monthly = Annotated[tuple[float, ...], Field(min_length=12, max_length=12)]


class Climate(Strict):
    """Normals by month, January first, and means of the year; units stand in the keys.

    spread_k: standard deviation of daily means about the season
    """

    source: Annotated[str, Field(min_length=1)]
    estimate: bool = False
    temperature_degc: Monthly
    daily_range_k: Annotated[tuple[Annotated[float, Field(ge=0, le=40)], ...], Field(min_length=12, max_length=12)]
    humidity_pct: Annotated[tuple[Annotated[float, Field(ge=1, le=100)], ...], Field(min_length=12, max_length=12)]
    spread_k: Annotated[float, Field(ge=0, le=12)] = 3.0
    cloud_pct: Annotated[float, Field(ge=0, le=100)] = 50.0
    wind_m_s: Annotated[float, Field(ge=0, le=20)] = 3.0


class Band(Strict):
    """Hours of the day whose energy has a price of its own, as a factor on the tariff's."""

    name: Annotated[str, Field(min_length=1)]
    hours: Hours
    factor: Annotated[float, Field(ge=0, le=10)]


class _Tariff(Strict):
    id: Id
    name: str = ""
    bands: tuple[Band, ...] = ()
    bands_source: str = ""


class TariffUsd(_Tariff):
    """A tariff in US dollars. domestic: energy for chips made in the country; demand: on the month's highest draw;
    premium: of a green contract; water: of a volume."""

    currency: Literal["USD"]
    energy: Annotated[Figure, FigureOf(Kind.ENERGY_PRICE)]
    domestic: Annotated[Figure, FigureOf(Kind.ENERGY_PRICE)] | None = None
    demand: Annotated[Figure, FigureOf(Kind.DEMAND_PRICE)] | None = None
    premium: Annotated[Figure, FigureOf(Kind.ENERGY_PRICE)] | None = None
    water: Annotated[Figure, FigureOf(Kind.VOLUME_PRICE)] | None = None


class TariffCny(_Tariff):
    """A tariff in yuan; as `TariffUsd`."""

    currency: Literal["CNY"]
    energy: Annotated[Figure, FigureOf(Kind.ENERGY_PRICE_CNY)]
    domestic: Annotated[Figure, FigureOf(Kind.ENERGY_PRICE_CNY)] | None = None
    demand: Annotated[Figure, FigureOf(Kind.DEMAND_PRICE_CNY)] | None = None
    premium: Annotated[Figure, FigureOf(Kind.ENERGY_PRICE_CNY)] | None = None
    water: Annotated[Figure, FigureOf(Kind.VOLUME_PRICE_CNY)] | None = None


AnyTariff = Annotated[TariffUsd | TariffCny, Field(discriminator="currency")]


class SitePart(Part):
    """A place for a data centre. utc_offset: hours of the legal time from UTC; hub: of the national network it belongs to.

    carbon: of the grid's electricity, by location; solar, wind: shares of its generation
    zone: name that hourly data of the grid go by
    """

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    hub: str = ""
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    altitude: Length
    utc_offset: Annotated[float, Field(ge=-12, le=14)]
    climate: Climate | None = None
    carbon: CarbonIntensity
    solar: Ratio
    wind: Ratio
    zone: str = ""
    tariffs: Annotated[tuple[AnyTariff, ...], Field(min_length=1)]
    notes: str = ""

    def tariff(self, name: str | None) -> TariffUsd | TariffCny:
        """The tariff of this id, the first where none is named. Raises InputError: unknown."""
        known = {each.id: each for each in self.tariffs}
        if name is None:
            return self.tariffs[0]
        if name not in known:
            raise InputError(f"no tariff `{name}` at {self.id}", expected=" or ".join(known))
        return known[name]


CHINESE = frozenset({
    "Biren", "Cambricon", "Enflame", "Huawei", "Hygon", "Iluvatar CoreX", "Kunlunxin", "MetaX", "Moore Threads", "Sunway",
    "T-Head", "Tecorigin",
})  # fmt: skip
"""Makers of chips of the catalog that are from China."""


def country_of(chip: Chip) -> str:
    """Country of a chip's maker as tariffs by origin see it: CN, else US."""
    return "CN" if chip.vendor in CHINESE else "US"


@functools.cache
def sites() -> Mapping[str, SitePart]:
    """Sites by id."""
    return load.catalog_of([load.DATA / "sites.yaml"], "sites", SitePart)


def site(name: str) -> SitePart:
    """The site of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return load.find(name, sites(), "site")


def band_factors(bands: tuple[Band, ...]) -> list[float]:
    """Factor of each hour of the day, 1 outside all bands. Raises InputError: two bands share an hour."""
    factors: dict[int, float] = {}
    for band in bands:
        for hour in parse_hours(band.hours):
            if hour in factors:
                raise InputError(f"hour {hour} is in two bands", expected="each hour in one band at most")
            factors[hour] = band.factor
    return [factors.get(hour, 1.0) for hour in range(24)]

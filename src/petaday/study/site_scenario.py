"""The scenario of a site: what IT stands there, and what surrounds it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from petaday.catalog.site import Band, Climate
from petaday.catalog.validate import Quant, Strict
from petaday.study.scenario_types import Chips, Name, Ratio
from petaday.units import Kind

Power = Annotated[float, Quant(Kind.POWER), Field(gt=0)]
Energy = Annotated[float, Quant(Kind.ENERGY), Field(gt=0)]
Share = Annotated[float, Quant(Kind.RATIO), Field(ge=0, le=1)]
Carbon = Annotated[float, Quant(Kind.CARBON_INTENSITY), Field(ge=0)]
Altitude = Annotated[float, Quant(Kind.LENGTH), Field(ge=-430, le=6000)]
Supplied = Annotated[float, Quant(Kind.TEMPERATURE), Field(ge=10, le=60)]


class Place(Strict):
    """A place that the catalog does not have. solar, wind: shares of its grid's generation."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    altitude: Altitude
    utc_offset: Annotated[float, Field(ge=-12, le=14)] | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = ""
    climate: Climate | None = None
    carbon: Carbon
    solar: Share = 0.0
    wind: Share = 0.0


class TariffUsd(Strict):
    """A tariff in US dollars; energy is the price outside the bands."""

    currency: Literal["USD"]
    energy: Annotated[float, Quant(Kind.ENERGY_PRICE), Field(ge=0)]
    domestic: Annotated[float, Quant(Kind.ENERGY_PRICE), Field(ge=0)] | None = None
    demand: Annotated[float, Quant(Kind.DEMAND_PRICE), Field(ge=0)] = 0.0
    premium: Annotated[float, Quant(Kind.ENERGY_PRICE), Field(ge=0)] = 0.0
    water: Annotated[float, Quant(Kind.VOLUME_PRICE), Field(ge=0)] = 0.0
    bands: tuple[Band, ...] = ()


class TariffCny(Strict):
    """A tariff in yuan; energy is the price outside the bands."""

    currency: Literal["CNY"]
    energy: Annotated[float, Quant(Kind.ENERGY_PRICE_CNY), Field(ge=0)]
    domestic: Annotated[float, Quant(Kind.ENERGY_PRICE_CNY), Field(ge=0)] | None = None
    demand: Annotated[float, Quant(Kind.DEMAND_PRICE_CNY), Field(ge=0)] = 0.0
    premium: Annotated[float, Quant(Kind.ENERGY_PRICE_CNY), Field(ge=0)] = 0.0
    water: Annotated[float, Quant(Kind.VOLUME_PRICE_CNY), Field(ge=0)] = 0.0
    bands: tuple[Band, ...] = ()


OwnTariff = Annotated[TariffUsd | TariffCny, Field(discriminator="currency")]


class BatteryOf(Strict):
    """A battery behind the meter; efficiency: out over in."""

    energy: Energy
    power: Power
    efficiency: Ratio = 0.88


class Site(Strict):
    """A site around its IT.

    weather: `synthetic`, or the path of a file; year: of that file; seed: of the synthetic year
    supply: what reaches the servers, of liquid where there is any, else of air
    hours: path of a file with the grid's carbon and prices by hour
    green_share: of the grid's energy under contracts, contract_carbon theirs, residual_carbon of what others get
    solar, wind: ratings of plants behind the meter; connection: what the grid can give
    """

    region: Name | Place
    weather: Name = "synthetic"
    year: Annotated[int, Field(ge=1900, le=2200)] | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    cooling: Name | None = None
    rejection: Name | None = None
    power_chain: Name | None = None
    supply: Supplied | None = None
    tariff: Name | OwnTariff | None = None
    hours: Name | None = None
    chip_origin: Literal["domestic", "imported"] | None = None
    green_share: Share = 0.0
    contract_carbon: Carbon = 0.0
    residual_carbon: Carbon | None = None
    solar: Power | None = None
    wind: Power | None = None
    battery: BatteryOf | None = None
    connection: Power | None = None


class Load(Strict):
    """The IT: its power as built, or chips with all that surrounds them.

    utilisation: of built IT power, the mean draw over it; of chips, the share of time with a job
    arithmetic, traffic: in a job, FLOP/s over the datasheet's peak and bytes/s over the memory bandwidth
    """

    it_power: Power | None = None
    chips: Chips | None = None
    chip: Name | None = None
    host: Name | None = None
    network: Name | None = None
    utilisation: Share | None = None
    arithmetic: Share | None = None
    traffic: Share | None = None

    @model_validator(mode="after")
    def _one_load(self) -> Self:
        if (self.it_power is None) == (self.chips is None):
            raise ValueError("give one of it_power and chips")
        if (self.chips is None) != (self.chip is None):
            raise ValueError("chips and chip go together: how many, and which")
        if self.it_power is not None:
            of_chips = [
                name for name in ("host", "network", "arithmetic", "traffic") if getattr(self, name) is not None
            ]
            if of_chips:
                raise ValueError(f"{' and '.join(of_chips)}: only with chips")
        return self


class SiteScenario(Strict):
    """A site to account for."""

    name: str = ""
    load: Load
    site: Site

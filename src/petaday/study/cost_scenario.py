"""What a scenario may say about money: the date and currency of prices, and each price that it knows better."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from petaday.catalog.prices import Month
from petaday.catalog.validate import SpanOf, Strict
from petaday.study.money import CurrencyName, Priced, PricedIn
from petaday.units import Kind, Span

Name = Annotated[str, Field(min_length=1)]
Money = Annotated[Priced, PricedIn(Kind.MONEY, Kind.MONEY_CNY)]
EnergyPrice = Annotated[Priced, PricedIn(Kind.ENERGY_PRICE, Kind.ENERGY_PRICE_CNY)]
PowerPrice = Annotated[Priced, PricedIn(Kind.POWER_PRICE, Kind.POWER_PRICE_CNY)]
DemandPrice = Annotated[Priced, PricedIn(Kind.DEMAND_PRICE, Kind.DEMAND_PRICE_CNY)]
ChipPrice = Annotated[Priced, PricedIn(Kind.CHIP_PRICE, Kind.CHIP_PRICE_CNY)]
Share = Annotated[Span, SpanOf(Kind.RATIO)]
Rate = Annotated[Span, SpanOf(Kind.FREQUENCY)]
Time = Annotated[Span, SpanOf(Kind.TIME)]


class Cost(Strict):
    """Prices of a cluster; what is left out comes from the profile, the catalog's dated prices and the site's tariff.

    Every figure may be a range. sold: share of its time that a chip is used by somebody who pays.
    """

    profile: Name = "world"
    date: Month | None = None
    currency: CurrencyName = "USD"
    exchange_rate: Annotated[Span, SpanOf(Kind.COUNT)] | None = None  # yuan for a dollar
    chip_price: Money | None = None
    server_overhead: Share | None = None
    storage: Share | None = None
    facility: PowerPrice | None = None
    shell_share: Share | None = None
    energy: EnergyPrice | None = None
    demand: DemandPrice | None = None
    staff: DemandPrice | None = None
    maintenance: Rate | None = None
    replacement: Rate | None = None
    wacc: Share | None = None
    life_it: Time | None = None
    life_network: Time | None = None
    life_facility: Time | None = None
    residual: Share | None = None
    sold: Share | None = None
    list_rent: ChipPrice | None = None
    committed_rent: ChipPrice | None = None

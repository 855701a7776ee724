"""What a scenario may say about money: the date and currency of prices, and each price that it knows better."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field

from petaday.catalog.prices import Month
from petaday.catalog.validate import SpanOf, Strict, told
from petaday.errors import InputError
from petaday.study.money import CurrencyName, Priced, PricedIn
from petaday.units import Kind, Span

Ranged = TypeVar("Ranged", Span, Priced)
Name = Annotated[str, Field(min_length=1)]


def _low_end(written: Span | Priced) -> float:
    return written.span.low if isinstance(written, Priced) else written.low


def _not_negative(written: Ranged) -> Ranged:
    if _low_end(written) < 0:
        raise InputError("less than nothing", expected="0 or more")
    return written


def _more_than_nothing(written: Ranged) -> Ranged:
    if _low_end(written) <= 0:
        raise InputError("nothing, or less", expected="more than 0")
    return written


NotNegative, Positive = AfterValidator(told(_not_negative)), AfterValidator(told(_more_than_nothing))
ChipCost = Annotated[Priced, PricedIn(Kind.MONEY, Kind.MONEY_CNY), Positive]
EnergyPrice = Annotated[Priced, PricedIn(Kind.ENERGY_PRICE, Kind.ENERGY_PRICE_CNY), NotNegative]
PowerPrice = Annotated[Priced, PricedIn(Kind.POWER_PRICE, Kind.POWER_PRICE_CNY), NotNegative]
DemandPrice = Annotated[Priced, PricedIn(Kind.DEMAND_PRICE, Kind.DEMAND_PRICE_CNY), NotNegative]
ChipPrice = Annotated[Priced, PricedIn(Kind.CHIP_PRICE, Kind.CHIP_PRICE_CNY), Positive]
Share = Annotated[Span, SpanOf(Kind.RATIO), NotNegative]
Some = Annotated[Span, SpanOf(Kind.RATIO), Positive]
Rate = Annotated[Span, SpanOf(Kind.FREQUENCY), NotNegative]
Time = Annotated[Span, SpanOf(Kind.TIME), Positive]


class Cost(Strict):
    """Prices of a cluster; what is left out comes from the profile, the catalog's dated prices and the site's tariff.

    Every figure may be a range. sold: share of its time that a chip is used by somebody who pays.
    """

    profile: Name = "world"
    date: Month | None = None
    currency: CurrencyName = "USD"
    exchange_rate: Annotated[Span, SpanOf(Kind.COUNT), Positive] | None = None  # yuan for a dollar
    chip_price: ChipCost | None = None
    server_overhead: Some | None = None
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
    sold: Some | None = None
    list_rent: ChipPrice | None = None
    committed_rent: ChipPrice | None = None

"""Prices with their date and channel: chips bought, chips rented, currencies; and what else a cluster costs, by profile."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from petaday.catalog.chip import Count, Money
from petaday.catalog.figure import Figure, FigureOf
from petaday.catalog.load import DATA, catalog_of, find, parts
from petaday.catalog.network import Ratio, Time
from petaday.catalog.part import Id, Part
from petaday.catalog.validate import Strict
from petaday.errors import InputError
from petaday.units import Kind

Month = Annotated[str, Field(pattern=r"^(19|20)\d\d-(0[1-9]|1[0-2])$")]
Channel = Literal["asp", "retail", "list"]
Term = Literal["on-demand", "committed"]

Q = TypeVar("Q", "Rent", "Purchase")

MOST_MONTHS = 18
"""A quote further than this from the date asked for says nothing about it: rents halved in less."""


class Rent(Strict):
    """What clouds asked for a chip and hour around a month. Committed: for one year or longer."""

    chip: Id
    date: Month
    term: Term
    quotes: Annotated[int, Field(ge=1)]
    price: Annotated[Figure, FigureOf(Kind.CHIP_PRICE)]


class Purchase(Strict):
    """What a chip cost around a month. asp: a maker's average; list: the chip alone; retail: a server's over its chips."""

    chip: Id
    date: Month
    channel: Channel
    price: Money


class Currency(Strict):
    """Units of a currency for a US dollar, on average over a year."""

    currency: Literal["CNY"]
    year: Annotated[int, Field(ge=2000, le=2100)]
    per_usd: Count


class CostProfile(Part):
    """What a cluster costs beside chips and network, in a part of the world.

    server_overhead: whole server over its chips, rack_overhead where a rack is sold as one
    storage: share of all other IT capital
    facility: building with cooling and electrical plant, for a W of IT; shell_share: of it the building
    energy, demand: where no site gives a tariff; pue: where no site is given
    sold: share of a chip's time that somebody uses; staff: for a W of IT; maintenance: of IT capital; replacement: of chips
    """

    server_overhead: Ratio
    rack_overhead: Ratio
    storage: Ratio
    facility: Annotated[Figure, FigureOf(Kind.POWER_PRICE)]
    shell_share: Ratio
    energy: Annotated[Figure, FigureOf(Kind.ENERGY_PRICE)]
    demand: Annotated[Figure, FigureOf(Kind.DEMAND_PRICE)]
    pue: Ratio
    staff: Annotated[Figure, FigureOf(Kind.DEMAND_PRICE)]
    maintenance: Annotated[Figure, FigureOf(Kind.FREQUENCY)]
    replacement: Annotated[Figure, FigureOf(Kind.FREQUENCY)]
    wacc: Ratio
    life_it: Time
    life_facility: Time
    residual: Ratio
    sold: Ratio
    notes: str = ""


@functools.cache
def rents() -> tuple[Rent, ...]:
    """Rents: those counted from a table of list prices, then those read one by one."""
    return (*parts(DATA / "rents_counted.yaml", "rents", Rent), *parts(DATA / "rents.yaml", "rents", Rent))


@functools.cache
def purchases() -> tuple[Purchase, ...]:
    """What chips cost, by date."""
    return tuple(parts(DATA / "purchases.yaml", "purchases", Purchase))


@functools.cache
def currencies() -> tuple[Currency, ...]:
    """Exchange rates by year."""
    return tuple(parts(DATA / "currencies.yaml", "currencies", Currency))


@functools.cache
def cost_profiles() -> Mapping[str, CostProfile]:
    """Cost profiles by id."""
    return catalog_of([DATA / "cost_profiles.yaml"], "cost_profiles", CostProfile)


def cost_profile(name: str) -> CostProfile:
    """The cost profile of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, cost_profiles(), "cost profile")


def months(date: str) -> int:
    """Months since the year 0 of `2026-03`."""
    year, month = date.split("-")
    return 12 * int(year) + int(month) - 1


def rent_of(chip: str, term: Term, date: str) -> Rent | None:
    """The rent nearest to a month; None where none is near enough."""
    return _nearest([each for each in rents() if (each.chip, each.term) == (chip, term)], date)


def purchase_of(chip: str, date: str) -> Purchase | None:
    """The purchase nearest to a month, a maker's average before others; None where none is near enough."""
    bought = [each for each in purchases() if each.chip == chip]
    return _nearest([each for each in bought if each.channel == "asp"], date) or _nearest(bought, date)


def _nearest(quotes: Iterable[Q], date: str) -> Q | None:
    when = months(date)
    near = [each for each in quotes if abs(months(each.date) - when) <= MOST_MONTHS]
    return min(near, key=lambda each: abs(months(each.date) - when), default=None)


def exchange_rate(currency: str, date: str) -> Figure:
    """Units of a currency for a US dollar in the year of a month. Raises InputError: no rate for that year."""
    known = {each.year: each.per_usd for each in currencies() if each.currency == currency}
    year = int(date[:4])
    if year not in known:
        span = f"{min(known)} to {max(known)}" if known else "none"
        raise InputError(
            f"no rate of {currency} for {year}",
            field="cost.exchange_rate",
            expected=f"a rate of your own; known: {span}",
        )
    return known[year]

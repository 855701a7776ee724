"""Money of a cluster and of a run on it: every price a factor with its source, four conventions of what a run costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from petaday.catalog import prices as catalog
from petaday.catalog.chip import Chip
from petaday.catalog.cooling import host_of
from petaday.catalog.prices import CostProfile, Term
from petaday.errors import InputError
from petaday.site.cost import Costs, Prices, Size, costs, per_chip_second
from petaday.study.cost_scenario import Cost
from petaday.study.factor import Factor, Floats, Values, of_figure
from petaday.study.money import Priced
from petaday.study.parts import Assumption, named
from petaday.units import Kind, Span
from petaday.workload.demand import PF_DAY

NEWEST = "2026-03"
"""The month of the newest prices of the catalog."""

KINDS = {
    "storage": Kind.RATIO,
    "facility": Kind.POWER_PRICE,
    "shell_share": Kind.RATIO,
    "energy": Kind.ENERGY_PRICE,
    "demand": Kind.DEMAND_PRICE,
    "staff": Kind.DEMAND_PRICE,
    "maintenance": Kind.FREQUENCY,
    "replacement": Kind.FREQUENCY,
    "wacc": Kind.RATIO,
    "life_it": Kind.TIME,
    "life_facility": Kind.TIME,
    "residual": Kind.RATIO,
    "sold": Kind.RATIO,
}
"""Figures that a profile and a scenario share by name."""

YUAN = {
    Kind.MONEY: Kind.MONEY_CNY,
    Kind.ENERGY_PRICE: Kind.ENERGY_PRICE_CNY,
    Kind.POWER_PRICE: Kind.POWER_PRICE_CNY,
    Kind.DEMAND_PRICE: Kind.DEMAND_PRICE_CNY,
    Kind.CHIP_PRICE: Kind.CHIP_PRICE_CNY,
}
"""A price's kind in dollars to that in yuan."""

CONVENTIONS = {
    "cloud_list": "chip-hours at clouds' on-demand list price",
    "cloud_committed": "chip-hours at a price for one year or longer",
    "amortised": "chips, servers and network written off over their lives with interest, and energy",
    "marginal": "energy alone, the cluster standing there anyway",
    "owned": "the whole cost of ownership, by the hours that are sold",
}
"""What a run costs, by whose accounting."""


@dataclass(frozen=True)
class ClusterPrices:
    """The factors of a cluster's money. date: month of the prices; yuan: names of those that are in yuan."""

    date: str
    currency: str
    factors: tuple[Factor, ...]
    assumptions: tuple[Assumption, ...]
    yuan: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Run:
    """What a run takes. chip_seconds: of wall time times chips that train; flops: of the model; tokens: trained on."""

    chip_seconds: Floats
    flops: Floats
    tokens: Floats


def price_factors(section: Cost, chip: Chip) -> ClusterPrices:
    """Every price as a factor: the scenario's, else the catalog's at its date, else the profile's.

    Raises
    ------
    InputError : no profile of that name, no exchange rate for the year, no price of the chip
    """
    profile = named("cost.profile", catalog.cost_profile, section.profile)
    date = section.date or NEWEST
    factors = [
        _exchange_rate(section, date),
        *(_figure(section, profile, name, kind) for name, kind in KINDS.items()),
    ]
    if section.life_network is not None:
        factors.append(Factor("cost.life_network", section.life_network, Kind.TIME, "the scenario", given=True))
    factors += _silicon(section, profile, chip, date)
    factors += _rents(section, chip, date)
    notes = [
        Assumption("cost.profile", profile.id, profile.name) if "profile" not in section.model_fields_set else None,
        Assumption("cost.date", date, "the newest prices of the catalog") if section.date is None else None,
    ]
    yuan = frozenset(each.name for each in factors if each.kind in YUAN.values())
    return ClusterPrices(date, section.currency, tuple(factors), tuple(note for note in notes if note), yuan)


def _exchange_rate(section: Cost, date: str) -> Factor:
    if section.exchange_rate is not None:
        return Factor("cost.exchange_rate", section.exchange_rate, Kind.COUNT, "the scenario", given=True)
    return of_figure("cost.exchange_rate", catalog.exchange_rate("CNY", date), Kind.COUNT)


def _given(name: str, written: Span | Priced, kind: Kind) -> Factor:
    """A figure of the scenario; a price keeps its currency."""
    span = written.span if isinstance(written, Priced) else written
    if isinstance(written, Priced) and written.currency == "CNY":
        kind = YUAN[kind]
    if kind is Kind.RATIO and name != "server_overhead" and span.high > 1:
        raise InputError("a share above 1", field=f"cost.{name}", expected="0 to 100 %")
    if name == "server_overhead" and span.low < 1:
        raise InputError("a server cheaper than its chips", field="cost.server_overhead", expected="1 or more")
    most = 1.0 if kind is Kind.RATIO and name != "server_overhead" else inf
    return Factor(f"cost.{name}", span, kind, "the scenario", given=True, most=most)


def _figure(section: Cost, profile: CostProfile, name: str, kind: Kind) -> Factor:
    """A figure of the scenario, else of the profile."""
    given: Span | Priced | None = getattr(section, name)
    return of_figure(f"cost.{name}", getattr(profile, name), kind) if given is None else _given(name, given, kind)


def _silicon(section: Cost, profile: CostProfile, chip: Chip, date: str) -> tuple[Factor, Factor]:
    """The price of a chip, and the whole server over its chips: 1 where the price is a server's over its chips."""
    bought = catalog.purchase_of(chip.id, date)
    if section.server_overhead is not None:
        overhead = _given("server_overhead", section.server_overhead, Kind.RATIO)
    elif section.chip_price is None and bought is not None and bought.channel == "retail":
        one = Span(1.0, 1.0, 1.0)
        overhead = Factor("cost.server_overhead", one, Kind.RATIO, "the price is a server's over its chips")
    else:
        figure = profile.rack_overhead if host_of(chip).rack else profile.server_overhead
        overhead = of_figure("cost.server_overhead", figure, Kind.RATIO)
    if section.chip_price is not None:
        return _given("chip_price", section.chip_price, Kind.MONEY), overhead
    if bought is not None:
        price = of_figure("cost.chip_price", bought.price, Kind.MONEY)
        return replace(price, source=f"{bought.channel} around {bought.date}: {price.source}"), overhead
    if chip.price_low is None or chip.price_high is None:
        raise InputError(
            f"the catalog knows no price of {chip.id}",
            field="cost.chip_price",
            expected="one such as `$30k` or `¥200k`",
        )
    low, high = chip.price_low.value, chip.price_high.value
    source = f"no price around {date}; of any date: {chip.price_low.source}"
    span = Span(low, (low * high) ** 0.5, high)
    return Factor("cost.chip_price", span, Kind.MONEY, source, estimate=True), overhead


def _rents(section: Cost, chip: Chip, date: str) -> Iterable[Factor]:
    """Rents that are known; a convention without one has no answer."""
    terms: dict[str, Term] = {"list_rent": "on-demand", "committed_rent": "committed"}
    for name, term in terms.items():
        given: Priced | None = getattr(section, name)
        if given is not None:
            yield _given(name, given, Kind.CHIP_PRICE)
        elif (quote := catalog.rent_of(chip.id, term, date)) is not None:
            factor = of_figure(f"cost.{name}", quote.price, Kind.CHIP_PRICE)
            yield replace(factor, source=f"{quote.quotes} quotes around {quote.date}: {factor.source}")


def in_dollars(values: Values, yuan: frozenset[str]) -> Values:
    """The values with those in yuan turned into dollars at the exchange rate among them."""
    rate = values["cost.exchange_rate"]
    return {name: value / rate if name in yuan else value for name, value in values.items()}


@dataclass(frozen=True)
class Charges:
    """What a site's tariff takes, in dollars: energy and water for a J of the facility, demand for a W of its peak and
    second."""

    energy: Floats
    demand: Floats
    water: Floats


def prices_at(values: Values, charges: Charges | None = None) -> Prices:
    """The prices among the values of factors; a site's charges replace the profile's, which know of no water."""
    at = {name.removeprefix("cost."): value for name, value in values.items() if name.startswith("cost.")}
    facility = at["facility"]
    return Prices(
        chip=at["chip_price"],
        server_overhead=np.maximum(at["server_overhead"], 1.0),
        storage=at["storage"],
        shell=facility * at["shell_share"],
        plant=facility * (1 - at["shell_share"]),
        energy=at["energy"] if charges is None else charges.energy,
        demand=at["demand"] if charges is None else charges.demand,
        water=np.asarray(0.0) if charges is None else charges.water,
        staff=at["staff"],
        maintenance=at["maintenance"],
        replacement=at["replacement"],
        wacc=at["wacc"],
        life_it=at["life_it"],
        life_network=at.get("life_network", at["life_it"]),
        life_facility=at["life_facility"],
        residual=np.minimum(at["residual"], 1.0),
    )


def run_costs(found: Costs, size: Size, values: Values, run: Run) -> dict[str, Floats]:
    """US dollars of a run by convention; one without a known rent is missing."""
    rents = {"cloud_list": "cost.list_rent", "cloud_committed": "cost.committed_rent"}
    by_rent = {name: run.chip_seconds * values[rent] for name, rent in rents.items() if rent in values}
    return {
        **by_rent,
        "amortised": run.chip_seconds * per_chip_second(found.hardware_and_energy, size.used),
        "marginal": run.chip_seconds * per_chip_second(found.opex.energy, size.used),
    }


def money(size: Size, values: Values, run: Run | None, prices: Prices) -> dict[str, Floats]:
    """All of a cluster's money by name, in US dollars: capital, yearly charge, running costs, unit costs, a run's costs."""
    found = costs(size, prices)
    sold = np.minimum(values["cost.sold"], 1.0)
    second = per_chip_second(found.yearly, size.used, sold)
    told = {
        **{f"capex_usd.{name}": value for name, value in found.capex.by_part().items()},
        "capex_usd.total": found.capex.total,
        **{f"charge_usd_per_year.{name}": value for name, value in found.charge.by_part().items()},
        "charge_usd_per_year.total": found.charge.total,
        **{f"opex_usd_per_year.{name}": value for name, value in found.opex.by_part().items()},
        "opex_usd_per_year.total": found.opex.total,
        "usd_per_year": found.yearly,
        "usd_per_chip_hour": per_chip_second(found.yearly, size.used) * 3600,
        "usd_per_sold_chip_hour": second * 3600,
    }
    if run is not None:
        owned = run.chip_seconds * second
        told |= {f"run_usd.{name}": value for name, value in run_costs(found, size, values, run).items()}
        told |= {
            "run_usd.owned": owned,
            "usd_per_pf_day": owned / run.flops * PF_DAY,
            "usd_per_mtok": owned / run.tokens * 1e6,
        }
    return told

"""Money of a cluster and of a run on it: every price a factor with its source, four conventions of what a run costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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

NEWEST = "2026-03"
"""The month of the newest prices of the catalog."""

KINDS = {
    "server_overhead": Kind.RATIO,
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
    "life_network": Kind.TIME,
    "life_facility": Kind.TIME,
    "residual": Kind.RATIO,
    "sold": Kind.RATIO,
}
"""Figures that a profile and a scenario share by name."""

PF_DAY = 8.64e19
"""FLOP."""

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
    """The factors of a cluster's money. rate: yuan for a dollar; date: month of the prices."""

    date: str
    currency: str
    factors: tuple[Factor, ...]
    assumptions: tuple[Assumption, ...]


@dataclass(frozen=True)
class Run:
    """What a run takes. chip_seconds: of wall time times chips; flops: of the model; tokens: trained on."""

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
    rate = _exchange_rate(section, date)
    factors = [rate]
    is_rack = host_of(chip).rack
    for name, kind in KINDS.items():
        factors.append(_figure(section, profile, name, kind, rate.span.value, is_rack))
    factors.append(_chip_price(section, chip, date, rate.span.value))
    factors += _rents(section, chip, date, rate.span.value)
    notes = [
        Assumption("cost.profile", profile.id, profile.name) if "profile" not in section.model_fields_set else None,
        Assumption("cost.date", date, "the newest prices of the catalog") if section.date is None else None,
    ]
    return ClusterPrices(date, section.currency, tuple(factors), tuple(note for note in notes if note))


def _exchange_rate(section: Cost, date: str) -> Factor:
    if section.exchange_rate is not None:
        return Factor("cost.exchange_rate", section.exchange_rate, Kind.COUNT, "the scenario", given=True)
    figure = catalog.exchange_rate("CNY", date)
    return of_figure("cost.exchange_rate", figure, Kind.COUNT)


def _figure(section: Cost, profile: CostProfile, name: str, kind: Kind, rate: float, is_rack: bool) -> Factor:
    """A figure of the scenario, else of the profile."""
    given: Span | Priced | None = getattr(section, name)
    if given is None:
        of_rack = is_rack and name == "server_overhead"
        return of_figure(f"cost.{name}", profile.rack_overhead if of_rack else getattr(profile, name), kind)
    span = given.usd(rate) if isinstance(given, Priced) else given
    if kind is Kind.RATIO and name != "server_overhead" and span.high > 1:
        raise InputError("a share above 1", field=f"cost.{name}", expected="0 to 100 %")
    if name == "server_overhead" and span.low < 1:
        raise InputError("a server cheaper than its chips", field="cost.server_overhead", expected="1 or more")
    return Factor(f"cost.{name}", span, kind, "the scenario", given=True)


def _chip_price(section: Cost, chip: Chip, date: str, rate: float) -> Factor:
    if section.chip_price is not None:
        return Factor("cost.chip_price", section.chip_price.usd(rate), Kind.MONEY, "the scenario", given=True)
    bought = catalog.purchase_of(chip.id, date)
    if bought is not None:
        factor = of_figure("cost.chip_price", bought.price, Kind.MONEY)
        source = f"{bought.channel} around {bought.date}: {factor.source}"
        return Factor(factor.name, factor.span, factor.kind, source, factor.estimate)
    if chip.price_low is None or chip.price_high is None:
        raise InputError(
            f"the catalog knows no price of {chip.id}",
            field="cost.chip_price",
            expected="one such as `$30k` or `¥200k`",
        )
    low, high = chip.price_low.value, chip.price_high.value
    source = f"no price around {date}; of any date: {chip.price_low.source}"
    return Factor("cost.chip_price", Span(low, (low * high) ** 0.5, high), Kind.MONEY, source, estimate=True)


def _rents(section: Cost, chip: Chip, date: str, rate: float) -> Iterable[Factor]:
    """Rents that are known; a convention without one has no answer."""
    terms: dict[str, Term] = {"list_rent": "on-demand", "committed_rent": "committed"}
    for name, term in terms.items():
        given: Priced | None = getattr(section, name)
        if given is not None:
            yield Factor(f"cost.{name}", given.usd(rate), Kind.CHIP_PRICE, "the scenario", given=True)
        elif (quote := catalog.rent_of(chip.id, term, date)) is not None:
            factor = of_figure(f"cost.{name}", quote.price, Kind.CHIP_PRICE)
            source = f"{quote.quotes} quotes around {quote.date}: {factor.source}"
            yield Factor(factor.name, factor.span, factor.kind, source, factor.estimate)


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
        life_network=at["life_network"],
        life_facility=at["life_facility"],
        residual=np.minimum(at["residual"], 1.0),
    )


def run_costs(found: Costs, size: Size, values: Values, run: Run) -> dict[str, Floats]:
    """US dollars of a run by convention; one without a known rent is missing."""
    rents = {"cloud_list": "cost.list_rent", "cloud_committed": "cost.committed_rent"}
    by_rent = {name: run.chip_seconds * values[rent] for name, rent in rents.items() if rent in values}
    return {
        **by_rent,
        "amortised": run.chip_seconds * per_chip_second(found.hardware_and_energy, size.chips),
        "marginal": run.chip_seconds * per_chip_second(found.opex.energy, size.chips),
    }


def money(size: Size, values: Values, run: Run | None, prices: Prices) -> dict[str, Floats]:
    """All of a cluster's money by name, in US dollars: capital, yearly charge, running costs, unit costs, a run's costs."""
    found = costs(size, prices)
    sold = np.minimum(values["cost.sold"], 1.0)
    second = per_chip_second(found.yearly, size.chips, sold)
    told = {
        **{f"capex_usd.{name}": value for name, value in found.capex.by_part().items()},
        "capex_usd.total": found.capex.total,
        **{f"charge_usd_per_year.{name}": value for name, value in found.charge.by_part().items()},
        "charge_usd_per_year.total": found.charge.total,
        **{f"opex_usd_per_year.{name}": value for name, value in found.opex.by_part().items()},
        "opex_usd_per_year.total": found.opex.total,
        "usd_per_year": found.yearly,
        "usd_per_chip_hour": per_chip_second(found.yearly, size.chips) * 3600,
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

"""Published costs beside those of the model: a gigawatt of AI site, runs by four conventions, clusters of the press.

Each row says in its group what it is of. What a source states as its input (a number of chips, hours, a rent) is given to
the model; what it computes is compared. Two runs at a rent are that rent times hours: they check units, not prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from petaday.catalog import load
from petaday.site.cost import Size
from petaday.study.cost import Run, money, price_factors, prices_at
from petaday.study.cost_scenario import Cost
from petaday.study.fabric import FabricPart, FabricScenario, wire
from petaday.study.factor import middle
from petaday.study.scenario import Cluster
from petaday.validation.suite import Checked, Suite

EPOCH_GW = "epoch.ai/data-insights/ai-datacenter-cost-breakdown, May 2026: 1 GW of IT of GB200"
WATTS_PER_GB200 = 1833 * 1.14
"""W of IT for a GPU of the Blackwell generation: 1,833 measured at the server, times 1.14 for storage and network (Epoch AI
on CoreWeave's S-1)."""

GPT3_FLOP = 3.14e23


@dataclass(frozen=True)
class Site:
    """A cluster to be costed. duty: mean over peak draw; network: dollars of switches, and of links."""

    chip: str
    chips: int
    it_peak_watts: float
    duty: float
    network: tuple[float, float]
    section: Mapping[str, object]
    pue: float = 1.2


def told(site: Site, run: Run | None = None) -> dict[str, float]:
    """All money of a site by name."""
    priced = price_factors(Cost.model_validate(dict(site.section)), load.chip(site.chip))
    values = middle(priced.factors)
    peak = site.it_peak_watts
    size = Size(
        *map(np.asarray, (float(site.chips), float(site.chips), *site.network, peak * site.duty, peak, site.pue))
    )
    return {name: float(value) for name, value in money(size, values, run, prices_at(values)).items()}


def network_price(chip: str, chips: int, network: str) -> tuple[float, float]:
    """Dollars of switches, and of modules and cables, of a full-bisection fat tree of three tiers."""
    fabric = FabricPart(kind="fat-tree", endpoints=chips, tiers=3)
    bill = wire(FabricScenario(fabric=fabric, cluster=Cluster(chip=chip, chips=chips, network=network))).bill
    return bill.switches.price.typical, sum(line.price.typical for line in bill.links)


def gigawatt(life: str) -> dict[str, float]:
    """1 GW of IT of GB200 whose IT lives so long, at prices of the end of 2025."""
    chips = round(1e9 / WATTS_PER_GB200 / 72) * 72
    section = {"date": "2025-12", "life_it": life}
    network = network_price("gb200-nvl72", chips, "roce-400")
    return told(Site("gb200-nvl72", chips, 1e9, 0.75, network, section))


def run_of(hours: float, chips: float) -> Run:
    """GPT-3's training on some chips for some hours."""
    return Run(np.asarray(hours * 3600 * chips), np.asarray(GPT3_FLOP), np.asarray(3e11))


def _gigawatt_rows() -> list[Checked]:
    five, three, seven = (gigawatt(life) for life in ("5 years", "3 years", "7 years"))
    racks = five["capex_usd.chips"] + five["capex_usd.servers"]
    facility = five["capex_usd.shell"] + five["capex_usd.plant"]
    values = [
        ("capital", 38e9, five["capex_usd.total"]),
        ("servers' capital", 0.60 * 38e9, racks),
        ("energy a year", 0.6e9, five["opex_usd_per_year.energy"]),
        ("running costs a year", 0.9e9, five["opex_usd_per_year.total"]),
        ("a year, IT life 5 years", 8.5e9, five["usd_per_year"]),
        ("a year, IT life 3 years", 12e9, three["usd_per_year"]),
        ("a year, IT life 7 years", 7e9, seven["usd_per_year"]),
    ]
    rows = [_row("1 GW (Epoch AI)", f"epoch-1gw: {name}", *pair) for name, *pair in values]
    bernstein = [
        ("capital", 35e9, five["capex_usd.total"]),
        (
            "network's share of capital",
            0.13,
            (five["capex_usd.network"] + five["capex_usd.optics"]) / five["capex_usd.total"],
        ),
        ("storage's share of capital", 0.0125, five["capex_usd.storage"] / five["capex_usd.total"]),
        ("plant and building's share", 1 / 3, facility / five["capex_usd.total"]),
    ]
    return rows + [_row("1 GW (Bernstein)", f"bernstein-1gw: {name}", *pair) for name, *pair in bernstein]


def _run_rows() -> list[Checked]:
    """GPT-3's one run by convention and year."""
    v100 = Site("v100-sxm2-32", 10_000, 10_000 * 300 * 2.0, 0.75, (0.0, 0.0), {"date": "2020-06"})
    lambda_hours = GPT3_FLOP / 28e12 / 3600
    listed = told(v100, run_of(lambda_hours, 1.0))["run_usd.cloud_committed"]
    # Epoch: 10,000 V100 for 355 hours; network 19 % of a cluster; servers of 2020 live three years.
    chips_and_servers = 10_000 * np.sqrt(10_000 * 11_500) * 1.64
    network = chips_and_servers / 0.81 * 0.19
    owned = Site(
        "v100-sxm2-32", 10_000, 10_000 * 300 * 1.8, 0.75, (network, 0.0),
        {"date": "2020-06", "life_it": "3 years", "wacc": "0 %"}, pue=1.25,
    )  # fmt: skip
    amortised = told(owned, run_of(355.0, 10_000.0))["run_usd.amortised"]
    h100 = Site("h100-sxm-80", 1024, 1024 * 1472.0, 0.75, (0.0, 0.0), {"date": "2026-03"})
    hours = GPT3_FLOP / (0.4 * 989.4e12) / 3600
    now = told(h100, run_of(hours, 1.0))["run_usd.cloud_committed"]
    rows = [
        ("gpt3-lambda: 355 V100-years at a committed price", 4.6e6, listed),
        ("gpt3-epoch: amortised hardware and energy", 3.26e6, amortised),
        ("gpt3-h100: 40 % MFU at the committed price of March 2026", 0.52e6, now),
    ]
    return [_row("training runs", name, *pair) for name, *pair in rows]


def _row(group: str, name: str, published: float, model: float) -> Checked:
    return Checked(id=name, group=group, metric="money", measured=published, predicted=model)


def cost_suites() -> list[Suite]:
    """The suite of published costs."""
    return [Suite("cost: sites, clusters and runs", (*_gigawatt_rows(), *_run_rows()))]

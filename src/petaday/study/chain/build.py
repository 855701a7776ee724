"""The chain of an answer put together: the links that its scenario, or the catalog, has the figures for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from petaday.catalog.cooling import host_of
from petaday.catalog.prices import cost_profile
from petaday.errors import InputError
from petaday.fabric.bill import Bill
from petaday.study.answer import Answer, answer
from petaday.study.chain.cost import CostLink
from petaday.study.chain.goodput import goodput_link
from petaday.study.chain.link import Link, evaluate
from petaday.study.chain.power import power_link
from petaday.study.chain.run import RunLink
from petaday.study.chain.site import site_link
from petaday.study.chain.supply import supply_link
from petaday.study.cost import ClusterPrices, price_factors
from petaday.study.cost_scenario import Cost
from petaday.study.fabric import fabric_of
from petaday.study.factor import Factor, Floats, Values, middle
from petaday.study.parts import Assumption, named
from petaday.study.reliability_scenario import Reliability
from petaday.study.scenario import Scenario
from petaday.study.site_parts import chosen_cooling
from petaday.study.uncertainty import Uncertainty, propagate
from petaday.study.unfit import Unfit
from petaday.units import Kind, render

EXPLAINED = (
    "goodput.wall_time_s",
    "power.facility_w",
    "carbon.operational_location_kg",
    "cost.usd_per_year",
    "cost.run_usd.owned",
    "supply.months",
)
"""Numbers whose uncertainty is taken apart by factor."""


@dataclass(frozen=True)
class Chain:
    """The links of an answer. missing: links that have no answer, and why.

    prices: of the money link; unfit: what cannot be
    """

    links: tuple[Link, ...]
    missing: Mapping[str, str]
    prices: ClusterPrices | None = None
    unfit: Unfit | None = None

    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """All factors; a name stands once."""
        return tuple({each.name: each for link in self.links for each in link.factors}.values())

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the scenario left open and is no number."""
        return tuple(each for link in self.links for each in link.assumptions)

    @property
    def unused(self) -> dict[str, str]:
        """Fields of the scenario's sections that were given and move nothing, and why."""
        return {field: reason for link in self.links for field, reason in link.unused.items()}

    def at(self, values: Values) -> dict[str, Floats]:
        """All numbers at some values of the factors."""
        return evaluate(self.links, values)

    @cached_property
    def medians(self) -> dict[str, Floats]:
        """All numbers with every factor at its median."""
        return self.at(middle(self.factors))

    def uncertainty(self, samples: int, explain: Sequence[str] = EXPLAINED) -> Uncertainty:
        """Quantiles of all numbers, and of those in `explain` that there are the Sobol indices."""
        known = self.medians
        return propagate(self.factors, self.at, samples=samples, explain=[name for name in explain if name in known])


MOST_ROUNDS = 4
"""Of choosing chips anew for a deadline that failures push the run past; the second is nearly always the last."""


def followed(scenario: Scenario, folder: Path, **options: Any) -> tuple[Answer, Chain | None]:
    """A scenario's answer and the chain behind its plan, None where no plan fits.

    `chips: auto` meets the deadline with its failures. Options are those of `petaday.study.answer.answer`.
    """
    found = answer(scenario, folder, **options)
    chain = chain_of(found, folder) if found.best else None
    for _ in range(MOST_ROUNDS):
        if scenario.cluster.chips != "auto" or chain is None or found.infeasible or not _is_late(found, chain):
            break
        found = answer(scenario, folder, useful=float(chain.medians["goodput.share"]), **options)
        chain = chain_of(found, folder) if found.best else None
    return found, chain


def _is_late(found: Answer, chain: Chain) -> bool:
    deadline = found.joined.scenario.cluster.deadline
    return deadline is not None and float(chain.medians["goodput.wall_time_s"]) > deadline


def chain_of(found: Answer, folder: Path = Path()) -> Chain:
    """The chain behind an answer's best plan. folder: where the files that its scenario names lie.

    Raises
    ------
    InputError : a section that the scenario has cannot be followed; what it does not have is missing at most
    """
    scenario = found.joined.scenario
    wired = fabric_of(found.joined)
    building = _Building(found, wired.bill if wired else None)
    building.links.append(goodput_link(found, scenario.reliability or Reliability()))
    asked = scenario.site is not None or scenario.cost is not None
    building.attempt(("power", "cost"), asked, lambda: building.power(folder))
    building.attempt(("supply",), scenario.supply is not None, building.supply)
    if "cost" not in building.missing:
        building.attempt(("cost",), scenario.cost is not None, building.cost)
    return Chain(
        tuple(building.links),
        building.missing,
        building.prices,
        building.unfit or _without_end(found, building.links),
    )


class _Building:
    """A chain as its links are found."""

    def __init__(self, found: Answer, network: Bill | None) -> None:
        self.answer, self.network = found, network
        self.section = found.joined.scenario.cost or Cost()
        self.links: list[Link] = [RunLink(found)]
        self.missing: dict[str, str] = {}
        self.unfit: Unfit | None = None
        self.prices: ClusterPrices | None = None
        self.currency = "USD"

    def attempt(self, rooms: Sequence[str], asked: bool, find: Callable[[], None]) -> None:
        """Find a link; what the scenario did not ask for may be missing."""
        try:
            find()
        except InputError as error:
            if asked:
                raise
            self.missing.update(dict.fromkeys(rooms, error.message))

    def power(self, folder: Path) -> None:
        """The links of watts and, if the scenario has one, of its site."""
        site, notes = self.answer.joined.scenario.site, list[Assumption]()
        named("cost.profile", cost_profile, self.section.profile)
        cooling = chosen_cooling(site, host_of(self.answer.joined.parts.chip).rack, notes) if site else None
        link = power_link(self.answer, self.section, self.network, cooling)
        self.links.append(link)
        if site is not None and cooling is not None:
            told = Chain(tuple(self.links), {}).medians
            load = link.load(float(told["power.it_w"]), float(told["power.it_peak_w"]))
            around = site_link(site, load, cooling, folder)
            self.links.append(replace(around, chosen=tuple(notes)))
            self.unfit, self.currency = around.year.infeasible, around.currency

    def supply(self) -> None:
        """The link of silicon."""
        self.links.append(supply_link(self.answer, self.answer.joined.scenario.supply))

    def cost(self) -> None:
        """The link of money."""
        self.prices = price_factors(self.section, self.answer.joined.parts.chip)
        self.links.append(CostLink(self.answer, self.prices, self.network, self.currency))


def _without_end(found: Answer, links: Sequence[Link]) -> Unfit | None:
    """A run that failures never let end, or an order of chips that the known quarters of the lines do not fill."""
    told = Chain(tuple(links), {}).medians
    if not np.isfinite(told["goodput.wall_time_s"]):
        losses = {path: share for path, share in told.items() if path.startswith("goodput.losses.")}
        worst = max(losses, key=lambda path: float(losses[path])).rpartition(".")[2].replace("_", " ")
        reliefs: tuple[str, ...] = ("fewer chips", "reliability.recovery: elastic")
        return Unfit("failures", f"the run never ends: {worst} takes nearly all of its time", reliefs)
    deadline, wall = found.joined.scenario.cluster.deadline, float(told["goodput.wall_time_s"])
    if deadline is not None and not found.infeasible and wall > deadline:
        took, wanted = render(wall, Kind.TIME), render(deadline, Kind.TIME)
        reliefs = ("chips: auto", "more chips", "reliability.recovery: elastic")
        return Unfit("deadline", f"with its failures the run takes {took}, and the deadline is {wanted}", reliefs)
    if not np.isfinite(told.get("supply.months", 0.0)):
        detail = "the cluster's chips are not all delivered in the quarters that are known of the lines"
        return Unfit("supply of the chips", detail, ("a larger share of the lines", "fewer chips"))
    return None

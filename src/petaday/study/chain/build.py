"""The chain of an answer put together: the links that its scenario, or the catalog, has the figures for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from petaday.errors import InputError
from petaday.fabric.bill import Bill
from petaday.study.answer import Answer
from petaday.study.chain.cost import CostLink
from petaday.study.chain.goodput import goodput_link
from petaday.study.chain.link import Link, evaluate
from petaday.study.chain.power import power_link
from petaday.study.chain.run import RunLink
from petaday.study.chain.supply import supply_link
from petaday.study.cost import ClusterPrices, price_factors
from petaday.study.cost_scenario import Cost
from petaday.study.fabric import fabric_of
from petaday.study.factor import Factor, Floats, Values, middle
from petaday.study.parts import Assumption
from petaday.study.reliability_scenario import Reliability
from petaday.study.uncertainty import Uncertainty, propagate

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
    """The links of an answer. missing: links that have no answer, and why; prices: of the money link."""

    links: tuple[Link, ...]
    missing: Mapping[str, str]
    prices: ClusterPrices | None = None

    @property
    def factors(self) -> tuple[Factor, ...]:
        """All factors; a name stands once."""
        return tuple({each.name: each for link in self.links for each in link.factors}.values())

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the scenario left open and is no number."""
        return tuple(each for link in self.links for each in link.assumptions)

    def at(self, values: Values) -> dict[str, Floats]:
        """All numbers at some values of the factors."""
        return evaluate(self.links, values)

    def medians(self) -> dict[str, Floats]:
        """All numbers with every factor at its median."""
        return self.at(middle(self.factors))

    def uncertainty(self, samples: int, explain: Sequence[str] = EXPLAINED) -> Uncertainty:
        """Quantiles of all numbers, and of those in `explain` that there are the Sobol indices."""
        known = self.medians()
        return propagate(self.factors, self.at, samples=samples, explain=[name for name in explain if name in known])


def chain_of(answer: Answer) -> Chain:
    """The chain behind an answer's best plan.

    Raises
    ------
    InputError : a section that the scenario has cannot be followed; what it does not have is missing at most
    """
    scenario = answer.joined.scenario
    wired = fabric_of(answer.joined)
    network: Bill | None = wired.bill if wired else None
    links: list[Link] = [RunLink(answer), goodput_link(answer, scenario.reliability or Reliability())]
    missing: dict[str, str] = {}
    prices: ClusterPrices | None = None
    try:
        links.append(power_link(answer, scenario.cost or Cost(), network, has_site=False))
    except InputError as error:
        missing["power"] = missing["cost"] = error.message
    try:
        links.append(supply_link(answer, scenario.supply))
    except InputError as error:
        if scenario.supply is not None:
            raise
        missing["supply"] = error.message
    try:
        prices = price_factors(scenario.cost or Cost(), answer.joined.parts.chip)
        links.append(CostLink(answer, prices, network))
    except InputError as error:
        if scenario.cost is not None:
            raise
        missing["cost"] = error.message
    return Chain(tuple(links), missing, prices)

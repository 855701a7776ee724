"""The money link: the cluster's capital and running costs, and what the run costs by each convention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from petaday.fabric.bill import Bill
from petaday.fabric.ranges import Range, total
from petaday.site.cost import Size
from petaday.study.answer import Answer
from petaday.study.cost import Charges, ClusterPrices, Run, in_dollars, money, prices_at
from petaday.study.factor import Factor, Floats, Values
from petaday.study.parts import Assumption
from petaday.units import Kind, Span

TARIFF = ("cost.energy", "cost.demand")
"""Prices for which a site's tariff stands."""


@dataclass(frozen=True)
class CostLink:
    """A cluster's money.

    network: the bill of its scale-out network, None inside one domain; currency: of the site's tariff
    """

    answer: Answer
    prices: ClusterPrices
    network: Bill | None
    currency: str = "USD"

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Prices of the cluster and of its network."""
        placed = self.answer.joined.scenario.site is not None
        prices = tuple(each for each in self.prices.factors if not (placed and each.name in TARIFF))
        if self.network is None:
            return prices
        links = total(line.price for line in self.network.links)
        return (
            *prices,
            _priced("cost.network", self.network.switches.price, "switches of the fabric's bill"),
            _priced("cost.optics", links, "modules and cables of the fabric's bill"),
        )

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """The profile and the date of prices, where the scenario leaves them open, and what has no price here."""
        site = self.answer.joined.scenario.site
        free = [name for name in ("solar", "wind", "battery") if site is not None and getattr(site, name) is not None]
        own = (Assumption(f"cost.{name}", "$0", "plants behind the meter are not priced", True) for name in free)
        inside = Assumption(
            "cost.scale_up", "$0", "networks inside scale-up domains come with the servers' price", True
        )
        return (*self.prices.assumptions, inside, *own)

    @property
    def unused(self) -> Mapping[str, str]:
        """Prices of energy where the site's tariff has its own."""
        section = self.answer.joined.scenario.cost
        if section is None or self.answer.joined.scenario.site is None:
            return {}
        given = (name for name in TARIFF if getattr(section, name.removeprefix("cost.")) is not None)
        return dict.fromkeys(given, "the site's tariff prices energy")

    def extend(self, values: Values, told: dict[str, Floats]) -> None:
        """Money by part and by convention."""
        nothing = np.asarray(0.0)
        values = in_dollars(values, self.prices.yuan)
        chips = np.asarray(float(self.answer.job.chips))
        size = Size(
            chips=chips + told["goodput.spare_chips"],
            used=chips,
            network=values.get("cost.network", nothing),
            optics=values.get("cost.optics", nothing),
            it_watts=told["power.it_w"],
            it_peak_watts=told["power.it_peak_w"],
            pue=told["power.pue"],
        )
        wall = told.get("goodput.wall_time_s", told["run.wall_time_s"])
        tokens = np.asarray(self.answer.joined.scenario.train.tokens)
        run = Run(chip_seconds=wall * chips, flops=np.asarray(self.answer.demand.model_flops), tokens=tokens)
        prices = prices_at(values, self._charges(values, told))
        told |= {f"cost.{name}": value for name, value in money(size, values, run, prices).items()}

    def _charges(self, values: Values, told: Mapping[str, Floats]) -> Charges | None:
        """What the site's tariff takes; None without a site."""
        if "power.energy_price_per_j" not in told:
            return None
        rate = values["cost.exchange_rate"] if self.currency == "CNY" else np.asarray(1.0)
        energy, premium, demand, water = (
            told[f"power.{name}_price_per_j"] / rate for name in ("energy", "premium", "demand", "water")
        )
        # The tariff charges what the months draw; the cluster pays by what it is built for, at the same PUE.
        return Charges(energy + premium, demand * told["power.it_w"] / told["power.it_peak_w"], water)


def _priced(name: str, price: Range, source: str) -> Factor:
    return Factor(name, Span(price.low, price.typical, price.high), Kind.MONEY, source)

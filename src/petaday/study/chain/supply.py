"""The link of silicon: what the cluster's chips are made of, what making them costs and emits, and when they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from petaday.catalog.take import Take
from petaday.study.answer import Answer
from petaday.study.factor import Factor, Floats, Values
from petaday.study.life import life_factor
from petaday.study.parts import Assumption
from petaday.study.supply import ordered, unused
from petaday.study.supply_notes import left_open
from petaday.study.supply_parts import Behind, behind
from petaday.study.supply_scenario import Supply
from petaday.study.taken import Taken, figures_in


@dataclass(frozen=True)
class SupplyLink:
    """The silicon of a cluster.

    supply: lines and stocks of the scenario; None where it says nothing of them
    life: of IT, where the section of supply has none of its own
    unused: fields of that section without which the order goes the same
    """

    parts: Behind
    chips: float
    supply: Supply | None
    taken: Taken
    life: Factor | None
    assumptions: tuple[Assumption, ...]
    unused: Mapping[str, str]

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Figures of the recipe, of its processes and board and, where an order is placed, of their lines; life of IT."""
        return (*self.taken.factors, *([self.life] if self.life else []))

    def extend(self, values: Values, told: dict[str, Floats]) -> None:
        """Dies, wafers, memory, packages; dollars and kg of CO2 of a chip and of all; months until the last comes."""
        told |= numbers(self.parts, self.chips, self.supply, self.taken.take(values))
        own = self.supply.life if self.supply else None
        life = values["cost.life_it"] if own is None else np.asarray(own)
        wall = told.get("goodput.wall_time_s", told["run.wall_time_s"])
        told["carbon.embodied_run_kg"] = told["carbon.embodied_kg"] * wall / life


def numbers(parts: Behind, chips: float, supply: Supply | None, take: Take) -> dict[str, Floats]:
    """The numbers that hang on silicon alone. Wafers, dies, memory and packages are of what no stock covers."""
    found = ordered(parts, chips, supply, take)
    told = {
        "supply.wafers": found.bill.logic,
        "supply.dies": sum((line.used for line in found.bill.dies), np.asarray(0.0)),
        "supply.hbm_bytes": found.bill.memory,
        "supply.packages": found.bill.packages,
        **{f"supply.bom_usd_per_chip.{name}": getattr(found.bom, name) for name in BILL},
        "supply.bom_usd_per_chip.total": found.bom.total,
        "carbon.embodied_kg": chips * found.carbon.total,
    }
    if found.flow is not None:
        told["supply.months"] = found.flow.filled.months
    return told


BILL = ("logic", "hbm", "packaging", "loss", "rest")


def supply_link(answer: Answer, supply: Supply | None) -> SupplyLink:
    """The link of a cluster's silicon.

    Raises
    ------
    InputError : no recipe of the chip; the order's start, or a line, lies outside what is known
    """
    parts = behind(answer.joined.parts.chip.id, "cluster.chip", allow_unverified=True)
    chips = float(answer.job.chips)
    taken = figures_in("supply", parts.by_name(supply)).used_by(lambda take: numbers(parts, chips, supply, take))
    return SupplyLink(
        parts=parts,
        chips=chips,
        supply=supply,
        taken=taken,
        life=life_factor(answer.joined.scenario.cost) if supply is None or supply.life is None else None,
        assumptions=tuple(left_open(parts, supply)),
        unused=unused(parts, chips, supply) if supply else {},
    )

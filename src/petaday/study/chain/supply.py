"""The link of silicon: what the cluster's chips are made of, what making them costs and emits, and when they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from petaday.catalog import silicon_load as silicon
from petaday.catalog.take import Take
from petaday.catalog.validate import Strict
from petaday.study.answer import Answer
from petaday.study.factor import Factor, Floats, Values
from petaday.study.parts import Assumption
from petaday.study.supply import made_of, run, supply_behind
from petaday.study.supply_lines import lines_of
from petaday.study.supply_notes import LIFE
from petaday.study.supply_scenario import Supply
from petaday.study.taken import Taken, figures_in
from petaday.supply.bom import bom
from petaday.supply.carbon import carbon


@dataclass(frozen=True)
class SupplyLink:
    """The silicon of a cluster. supply: lines and stocks of the scenario; None where it says nothing of them."""

    answer: Answer
    supply: Supply | None
    taken: Taken

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Figures of the recipe, of its processes and, where an order is placed, of their lines."""
        return self.taken.factors

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """None: what is open here has a range."""
        return ()

    @property
    def unused(self) -> Mapping[str, str]:
        """Fields of the section without which the order goes the same."""
        found = supply_behind(self.answer)
        return found.unused if found else {}

    def extend(self, values: Values, told: dict[str, Floats]) -> None:
        """Dies, wafers, memory, packages; dollars and kg of CO2 of a chip and of all; months until the last comes."""
        told |= self.told(self.taken.take(values))
        life = values.get("cost.life_it", np.asarray(self.supply.life if self.supply and self.supply.life else LIFE))
        wall = told.get("goodput.wall_time_s", told["run.wall_time_s"])
        told["carbon.embodied_run_kg"] = told["carbon.embodied_kg"] * wall / life

    def told(self, take: Take) -> dict[str, Floats]:
        """The numbers that hang on silicon alone."""
        chip, chips = self.answer.joined.parts.chip, float(self.answer.job.chips)
        made = made_of(chip.id, take, "cluster.chip")
        packages = chips / made.assembled
        wafers = [packages * die.count / made.joined / die.good for die in made.dies]
        bill = bom(made, take)
        board = silicon.baseboard_of(made.recipe.id)
        emitted = carbon(made, board, silicon.node(board.switches.node) if board else None, take)
        told = {
            "supply.wafers": np.asarray(sum(wafers)),
            "supply.dies": np.asarray(sum(packages * die.count / made.joined for die in made.dies)),
            "supply.hbm_bytes": packages * made.memory_bytes,
            "supply.packages": packages,
            **{f"supply.bom_usd_per_chip.{name}": np.asarray(getattr(bill, name)) for name in BILL},
            "supply.bom_usd_per_chip.total": bill.total,
            "carbon.embodied_kg": chips * emitted.total,
        }
        if self.supply is not None:
            lines = lines_of(made, self.supply, take)
            told["supply.months"] = run(made, lines, chips, self.supply, take).months
        return told


BILL = ("logic", "hbm", "packaging", "loss", "rest")


def supply_link(answer: Answer, supply: Supply | None) -> SupplyLink:
    """The link of a cluster's silicon.

    Raises
    ------
    InputError : no recipe of the chip; the order's start, or a line, lies outside what is known
    """
    made = made_of(answer.joined.parts.chip.id, field="cluster.chip")
    parts: dict[str, Strict] = {made.recipe.id: made.recipe, made.package.id: made.package}
    parts |= {die.node.id: die.node for die in made.dies}
    if made.hbm is not None:
        parts[made.hbm.id] = made.hbm
    board = silicon.baseboard_of(made.recipe.id)
    if board is not None:
        parts |= {board.id: board, board.switches.node: silicon.node(board.switches.node)}
    if supply is not None:
        ids = [die.node.line for die in made.dies] + [made.package.line] + ([made.hbm.line] if made.hbm else [])
        parts |= {id_: silicon.line(id_) for id_ in (*ids, *(each.line for each in supply.second))}
    taken = figures_in("supply", parts)
    return SupplyLink(answer, supply, taken.used_by(SupplyLink(answer, supply, taken).told))

"""An order of chips answered: what it is made of, what it costs and emits, what each line delivers, and what binds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from petaday.catalog import silicon_load as silicon
from petaday.catalog.take import Take, median
from petaday.errors import InputError
from petaday.study.answer import Answer
from petaday.study.parts import Assumption, find_chip
from petaday.study.scenario import read_as
from petaday.study.supply_lines import MONTH, Lines, lines_of
from petaday.study.supply_notes import LIFE, assumptions
from petaday.study.supply_scenario import Order, Supply, SupplyScenario
from petaday.supply.bom import Bom, bom
from petaday.supply.carbon import Carbon, carbon
from petaday.supply.chain import Filled, Part, fill
from petaday.supply.package import Made, made
from petaday.supply.silicon import Floats
from petaday.supply.wafers import WaferBill, wafer_bill


@dataclass(frozen=True)
class Supplied:
    """An order's answer; of samples, all numbers are arrays over them, and arrays by month have the months last.

    wafers: that the fabs deliver by month, of each kind of die; interposers: wafers that packaging starts by month
    bill: of the whole order behind the stockpile of chips; left: chips still missing where the data end
    life: seconds after which chips are replaced
    """

    order: Order
    supply: Supply
    made: Made
    bom: Bom
    carbon: Carbon
    lines: Lines
    filled: Filled
    wafers: tuple[Floats, ...]
    interposers: Floats
    bill: WaferBill
    left: Floats
    life: float
    assumptions: tuple[Assumption, ...]
    unused: dict[str, str]

    @property
    def capacity(self) -> dict[str, Floats]:
        """Good chips by month that each stage alone would let through, by the stage's name, lead times left out."""
        made, lines = self.made, self.lines
        stages = {
            f"logic {die.name} on {die.node.id}": wafers
            * good
            * (made.joined * made.assembled / die.count)[..., None]
            for die, wafers, good in zip(made.dies, lines.wafers, lines.good, strict=True)
        }
        if made.hbm:
            stages[f"memory {made.hbm.id}"] = lines.memory * (made.assembled / made.memory_bytes)[..., None]
        return {**stages, "packaging": lines.packages * made.assembled[..., None]}

    @property
    def last_quarter(self) -> int:
        """The last quarter that all lines are known for."""
        return self.supply.start + self.lines.months // 3 - 1


def read_supply(path: Path) -> tuple[SupplyScenario, Callable[[InputError], InputError]]:
    """A supply scenario from its file, and a function that gives later errors their place in it."""
    return read_as(SupplyScenario, path)


def made_of(chip: str, take: Take = median, field: str = "order.chip", allow_unverified: bool = False) -> Made:
    """What a chip is made of, by its id, name or alias.

    Raises
    ------
    InputError : no such chip, with the nearest names; an unverified one that is not allowed; one without a recipe
    """
    id_ = find_chip(chip, allow_unverified, field).id
    try:
        recipe = silicon.recipe(id_)
    except InputError:
        known = sorted(
            {*silicon.recipes(), *(alias for each in silicon.recipes().values() for alias in each.aliases)}
        )
        raise InputError(
            f"nothing is known of what {id_} is made of", field=field, expected=", ".join(known)
        ) from None
    return made(
        recipe,
        tuple(silicon.node(die.node) for die in recipe.dies),
        silicon.hbm(recipe.memory.hbm) if recipe.memory else None,
        silicon.package(recipe.package),
        take,
    )


def supplied(
    order: Order, supply: Supply, take: Take = median, field: str = "order.chip", allow_unverified: bool = False
) -> Supplied:
    """Answer an order.

    Parameters
    ----------
    take : from a figure to its value, or to samples of it; sides of dies and lead times stand at their values
    field : where the scenario names the chip

    Raises
    ------
    InputError : no recipe of the chip; the start or a line outside the data
    """
    parts = made_of(order.chip, take, field, allow_unverified)
    board = silicon.baseboard_of(parts.recipe.id)
    lines = lines_of(parts, supply, take)
    filled = run(parts, lines, order.chips, supply, take)
    delivered = supply.stock.chips + filled.delivered.sum(axis=-1)
    return Supplied(
        order=order,
        supply=supply,
        made=parts,
        bom=bom(parts, take),
        carbon=carbon(parts, board, silicon.node(board.switches.node) if board else None, take),
        lines=lines,
        filled=filled,
        wafers=tuple(dies / good for dies, good in zip(filled.arrived, lines.good, strict=False)),
        interposers=filled.packages / parts.gross if parts.gross else np.zeros_like(filled.packages),
        bill=wafer_bill(
            parts, max(order.chips - supply.stock.chips, 0.0), tuple(_good(lines, filled)), supply.stock.dies
        ),
        left=np.maximum(order.chips - delivered, 0.0),
        life=supply.life or LIFE,
        assumptions=tuple(assumptions(parts, supply)),
        unused=_unused(parts, order, supply, filled, take),
    )


def supply_behind(answered: Answer) -> Supplied | None:
    """The supply of a training run's chips as its scenario's `supply` has it; None where it has none.

    Raises
    ------
    InputError : as `supplied` has it
    """
    supply = answered.joined.scenario.supply
    if supply is None:
        return None
    order = Order.model_construct(chip=answered.joined.parts.chip.id, chips=float(answered.job.chips))
    return supplied(order, supply, field="cluster.chip", allow_unverified=True)


def run(made: Made, lines: Lines, chips: float, supply: Supply, take: Take = median) -> Filled:
    """The chain of an order behind its stockpile of finished chips."""
    parts = [
        Part(
            name=f"logic {die.name} on {die.node.id}",
            needed=die.count / made.joined,
            capacity=wafers * good,
            lead=die.node.fab_time.value / MONTH,
            stock=supply.stock.dies if number == 0 else 0.0,
        )
        for number, (die, wafers, good) in enumerate(zip(made.dies, lines.wafers, lines.good, strict=True))
    ]
    if made.hbm:
        lead = made.hbm.lead_time.value / MONTH
        parts.append(Part(f"memory {made.hbm.id}", made.memory_bytes, lines.memory, lead, supply.stock.hbm))
    if supply.substrates is not None:
        parts.append(Part("substrates", 1.0, np.full(lines.months, supply.substrates * MONTH), 0.0))
    return fill(
        max(chips - supply.stock.chips, 0.0),
        tuple(parts),
        lines.packages,
        made.assembled,
        (made.package.lead_time.value + made.recipe.module_time.value) / MONTH,
        lines.exported,
        supply.running,
    )


def _good(lines: Lines, filled: Filled) -> Iterator[Floats]:
    """Good dies of a wafer over the time in which an order's dies come; of the last month known where none come."""
    for good, dies in zip(lines.good, filled.arrived, strict=False):
        wafers = (dies / good).sum(axis=-1)
        mean = np.divide(dies.sum(axis=-1), wafers, out=np.zeros_like(wafers), where=wafers > 0)
        yield np.where(wafers > 0, mean, good[..., -1])


def _unused(made: Made, order: Order, supply: Supply, filled: Filled, take: Take) -> dict[str, str]:
    """What the scenario gives and the order goes the same without."""
    without: dict[str, Supply] = {}
    for field in ("embargo", "second", "ramps"):
        given = getattr(supply, field)
        for number in range(len(given)):
            kept = (*given[:number], *given[number + 1 :])
            without[f"supply.{field}[{number}]"] = supply.model_copy(update={field: kept})
    for field in ("dies", "hbm", "chips"):
        if getattr(supply.stock, field):
            stock = supply.stock.model_copy(update={field: 0.0})
            without[f"supply.stock.{field}"] = supply.model_copy(update={"stock": stock})
    for field in ("logic", "hbm", "packaging"):
        if getattr(supply.shares, field):
            shares = supply.shares.model_copy(update={field: None})
            without[f"supply.shares.{field}"] = supply.model_copy(update={"shares": shares})
    if supply.substrates is not None:
        without["supply.substrates"] = supply.model_copy(update={"substrates": None})
    if supply.learning is not None:
        without["supply.learning"] = supply.model_copy(update={"learning": None})
    return {
        field: "the order goes the same without it"
        for field, changed in without.items()
        if _same(filled, run(made, lines_of(made, changed, take), order.chips, changed, take))
    }


def _same(one: Filled, other: Filled) -> bool:
    """Whether two runs make and deliver the same in the months that both know."""
    months = min(one.delivered.shape[-1], other.delivered.shape[-1])
    named = [dict(zip(each.names, each.arrived, strict=False)) for each in (one, other)]
    return np.array_equal(one.delivered[..., :months], other.delivered[..., :months]) and all(
        np.array_equal(named[0][name][..., :months], named[1][name][..., :months])
        for name in named[0]
        if name in named[1]
    )

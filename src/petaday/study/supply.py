"""An order of chips answered: what it is made of, what it costs and emits, what each line delivers, and what binds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from petaday.catalog.take import Take, median
from petaday.errors import InputError
from petaday.study.life import life_figure
from petaday.study.parts import Assumption
from petaday.study.scenario import read_as
from petaday.study.supply_lines import MONTH, Lines, lines_of
from petaday.study.supply_notes import estimates, left_open, life_left_open
from petaday.study.supply_parts import Behind, behind
from petaday.study.supply_scenario import Order, Stock, Supply, SupplyScenario
from petaday.study.taken import figures_in
from petaday.supply.bom import Bom, bom
from petaday.supply.carbon import Carbon, carbon
from petaday.supply.chain import Filled, Part, fill
from petaday.supply.package import Made, at_yields
from petaday.supply.silicon import Floats
from petaday.supply.wafers import WaferBill, wafer_bill


@dataclass(frozen=True)
class Flow:
    """An order through its lines."""

    lines: Lines
    filled: Filled


@dataclass(frozen=True)
class Ordered:
    """What an order's chips are made of, cost and emit, and all that it takes; of samples, numbers are arrays over them.

    made: with the yields of the order's own wafers; bill: of the whole order behind the stockpile of chips
    flow: None where nothing is said of lines
    """

    made: Made
    bom: Bom
    carbon: Carbon
    bill: WaferBill
    flow: Flow | None


@dataclass(frozen=True)
class Relief:
    """A change of the scenario, and the months after which the order would be filled."""

    change: str
    months: float


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

    def reliefs(self) -> tuple[Relief, ...]:
        """Single changes of the scenario with which the order would be filled, the soonest first."""
        found = []
        for words, changed in _changes(self.supply):
            months = run(self.made, lines_of(self.made, changed), self.order.chips, changed).months
            if np.isfinite(months):
                found.append(Relief(words, float(months)))
        return tuple(sorted(found, key=lambda each: each.months))

    @property
    def last_quarter(self) -> int:
        """The last quarter that all lines are known for."""
        return self.supply.start + self.lines.months // 3 - 1


def _changes(supply: Supply) -> Iterator[tuple[str, Supply]]:
    """Single changes that let more through: no embargo, or all of a line."""
    for place, each in enumerate(supply.embargo):
        kept = (*supply.embargo[:place], *supply.embargo[place + 1 :])
        yield f"no embargo of {each.what}", supply.model_copy(update={"embargo": kept})
    for stage in ("logic", "hbm", "packaging"):
        if (getattr(supply.shares, stage) or 1.0) < 1:
            shares = supply.shares.model_copy(update={stage: 1.0})
            yield f"all of the line of {stage}", supply.model_copy(update={"shares": shares})
    if supply.substrates is not None:
        yield "substrates without a limit", supply.model_copy(update={"substrates": None})


def read_supply(path: Path) -> tuple[SupplyScenario, Callable[[InputError], InputError]]:
    """A supply scenario from its file, and a function that gives later errors their place in it."""
    return read_as(SupplyScenario, path)


def ordered(parts: Behind, chips: float, supply: Supply | None, take: Take = median) -> Ordered:
    """An order of chips worked out.

    Parameters
    ----------
    supply : lines and stocks; None where nothing is said of them
    take : from a figure to its value, or to samples of it; sides of dies stand at their values

    Raises
    ------
    InputError : the start or a line outside the data
    """
    made, flow = parts.made(take), None
    stock = supply.stock if supply else Stock()
    if supply is not None:
        lines = lines_of(made, supply, take)
        flow = Flow(lines, run(made, lines, chips, supply, take))
        if supply.learning is not None:
            made = at_yields(made, tuple(_good(flow)), take)
    return Ordered(
        made=made,
        bom=bom(made, take),
        carbon=carbon(made, parts.board, parts.switch_node, take),
        bill=wafer_bill(made, max(chips - stock.chips, 0.0), stock.dies),
        flow=flow,
    )


def supplied(
    order: Order, supply: Supply, take: Take = median, field: str = "order.chip", allow_unverified: bool = False
) -> Supplied:
    """Answer an order.

    Parameters
    ----------
    take : from a figure to its value, or to samples of it; sides of dies stand at their values
    field : where the scenario names the chip

    Raises
    ------
    InputError : no recipe of the chip; the start or a line outside the data
    """
    parts = behind(order.chip, field, allow_unverified)
    found = ordered(parts, order.chips, supply, take)
    assert found.flow is not None
    made, lines, filled = found.made, found.flow.lines, found.flow.filled
    delivered = supply.stock.chips + filled.delivered.sum(axis=-1)
    life = life_figure()
    taken = figures_in("supply", parts.by_name(supply)).used_by(
        lambda noticed: ordered(parts, order.chips, supply, noticed)
    )
    return Supplied(
        order=order,
        supply=supply,
        made=made,
        bom=found.bom,
        carbon=found.carbon,
        lines=lines,
        filled=filled,
        wafers=tuple(dies / good for dies, good in zip(filled.arrived, lines.good, strict=False)),
        interposers=filled.packages / made.gross if made.gross else np.zeros_like(filled.packages),
        bill=found.bill,
        left=np.maximum(order.chips - delivered, 0.0),
        life=life.value if supply.life is None else supply.life,
        assumptions=(
            *left_open(parts, supply),
            *life_left_open(supply, life),
            *estimates(parts.by_name(supply), taken.factors),
        ),
        unused=unused(parts, order.chips, supply),
    )


def run(made: Made, lines: Lines, chips: float, supply: Supply, take: Take = median) -> Filled:
    """The chain of an order behind its stockpile of finished chips."""
    parts = [
        Part(
            name=f"logic {die.name} on {die.node.id}",
            needed=die.count / made.joined,
            capacity=wafers * good,
            lead=take(die.node.fab_time) / MONTH,
            stock=supply.stock.dies if number == 0 else 0.0,
        )
        for number, (die, wafers, good) in enumerate(zip(made.dies, lines.wafers, lines.good, strict=True))
    ]
    if made.hbm:
        lead = take(made.hbm.lead_time) / MONTH
        parts.append(Part(f"memory {made.hbm.id}", made.memory_bytes, lines.memory, lead, supply.stock.hbm))
    if supply.substrates is not None:
        parts.append(Part("substrates", 1.0, np.full(lines.months, supply.substrates * MONTH), 0.0))
    return fill(
        max(chips - supply.stock.chips, 0.0),
        tuple(parts),
        lines.packages,
        made.assembled,
        (take(made.package.lead_time) + take(made.recipe.module_time)) / MONTH,
        lines.exported,
        supply.running,
    )


def _good(flow: Flow) -> Iterator[Floats]:
    """Good dies of a wafer over the time in which an order's dies come; of the last month known where none come."""
    for good, dies in zip(flow.lines.good, flow.filled.arrived, strict=False):
        wafers = (dies / good).sum(axis=-1)
        mean = np.divide(dies.sum(axis=-1), wafers, out=np.zeros_like(wafers), where=wafers > 0)
        yield np.where(wafers > 0, mean, good[..., -1])


def unused(parts: Behind, chips: float, supply: Supply) -> dict[str, str]:
    """What a supply section gives and the order goes the same without, at the medians."""
    made = parts.made()
    filled = run(made, lines_of(made, supply), chips, supply)
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
        if _same(filled, run(made, lines_of(made, changed), chips, changed))
    }


def _same(one: Filled, other: Filled) -> bool:
    """Whether two runs make and deliver the same in the months that both know."""
    months = min(one.delivered.shape[-1], other.delivered.shape[-1])
    named = [dict(zip(each.names, each.arrived, strict=False)) for each in (one, other)]
    same = np.array_equal(one.delivered[..., :months], other.delivered[..., :months])
    return (
        same
        and np.array_equal(one.months, other.months)
        and all(
            np.array_equal(named[0][name][..., :months], named[1][name][..., :months])
            for name in named[0]
            if name in named[1]
        )
    )

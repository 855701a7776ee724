"""What the lines behind a chip can start by month for an order: capacity, shares, embargoes, second lines, ramps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from petaday.catalog import silicon_load as silicon
from petaday.catalog.quarter import quarter_name
from petaday.catalog.silicon import Line
from petaday.catalog.take import Take, median
from petaday.errors import InputError
from petaday.study.parts import named
from petaday.study.supply_scenario import Stage, Supply
from petaday.supply.capacity import learned, monthly
from petaday.supply.package import Made, MadeDie, dies_by_month
from petaday.supply.silicon import Floats
from petaday.units.kinds import YEAR

MONTH = YEAR / 12
"""Seconds."""


@dataclass(frozen=True)
class Lines:
    """Capacity for one order, arrays (..., T) by month.

    wafers: of each kind of die; good: dies that one of those wafers gives; memory: bytes; packages: that can be started
    exported: share of what is ready that may be delivered
    whole: (...) wafers that the dies' own lines make in the first month for everybody
    """

    wafers: tuple[Floats, ...]
    good: tuple[Floats, ...]
    memory: Floats
    packages: Floats
    exported: Floats
    whole: Floats

    @property
    def months(self) -> int:
        """Months for which all lines are known."""
        return int(self.packages.shape[-1])


def lines_of(made: Made, supply: Supply, take: Take = median) -> Lines:
    """The lines of a chip as a scenario has them, from the start to the end of what is known.

    Raises
    ------
    InputError : the start lies outside what is known of a line, an unknown line, one that makes something else
    """
    logic = [silicon.line(id_) for id_ in dict.fromkeys(die.node.line for die in made.dies)]
    hbm = [silicon.line(made.hbm.line)] if made.hbm else []
    packaging = silicon.line(made.package.line)
    second = [named(f"supply.second[{i}].line", silicon.line, each.line) for i, each in enumerate(supply.second)]
    months = _months([*logic, *hbm, packaging, *second], supply.start)
    density = learned(supply.learning.first, supply.learning.last, months, supply.learning.time / MONTH) if (
        supply.learning is not None
    ) else None  # fmt: skip
    good = tuple(
        dies_by_month(recipe, die, density, months, take)
        for recipe, die in zip(made.recipe.dies, made.dies, strict=True)
    )
    split = _split(made.dies)

    def stage(what: Stage, line: Line, alone: bool = False) -> Floats:
        """One line for the order, with what is beside it unless it stands alone."""
        share = getattr(supply.shares, what) or 1.0
        total = share * _allowed(supply, what, months) * _capacity(line, what, made, supply, months, take)
        if alone:
            return total
        for each, other in zip(supply.second, second, strict=True):
            if each.what == what:
                total = total + each.share * _capacity(other, what, made, supply, months, take)
        return total + _ramped(supply, what, made, months)

    # What is beside the lines of logic makes the first kind of die.
    wafers = {line.id: stage("logic", line, alone=number > 0) for number, line in enumerate(logic)}
    return Lines(
        wafers=tuple(part[..., None] * wafers[die.node.line] for die, part in zip(made.dies, split, strict=True)),
        good=good,
        memory=stage("hbm", hbm[0]) if hbm else np.zeros(months),
        packages=stage("packaging", packaging),
        exported=_allowed(supply, "chips", months),
        whole=sum((_capacity(line, "logic", made, supply, months, take)[..., 0] for line in logic), np.asarray(0.0)),
    )


def _months(lines: Iterable[Line], start: int) -> int:
    """Months from the start to the last quarter that every line is known for."""
    known = list(lines)
    first = max(known, key=lambda line: line.knots[0].quarter)
    last = min(known, key=lambda line: line.knots[-1].quarter)
    begin, end = first.knots[0].quarter + 1, last.knots[-1].quarter
    if not begin <= start <= end:
        raise InputError(
            f"{quarter_name(start)} is outside what is known of {first.name if start < begin else last.name}",
            field="supply.start",
            expected=f"{quarter_name(begin)} to {quarter_name(end)}",
        )
    return 3 * (end + 1 - start)


def _split(dies: tuple[MadeDie, ...]) -> list[Floats]:
    """The share of its line that each kind of die gets: by the wafers that a package takes of it."""
    wafers = [die.count / die.good for die in dies]
    return [
        own
        / sum((w for w, other in zip(wafers, dies, strict=True) if other.node.line == die.node.line), np.asarray(0.0))
        for own, die in zip(wafers, dies, strict=True)
    ]


def _capacity(line: Line, what: Stage, made: Made, supply: Supply, months: int, take: Take) -> Floats:
    """Wafers of logic, bytes of memory or packages that a line can start in each month."""
    kind = next(name for name in ("wafers", "packages", "bytes") if getattr(line.knots[0], name) is not None)
    if kind not in {"logic": ("wafers",), "hbm": ("bytes",), "packaging": ("wafers", "packages")}[what]:
        raise InputError(f"{line.name} makes {kind}", field="supply.second", expected=f"a line of {what}")
    figures = [take(knot.given[0]) for knot in line.knots]
    values = np.stack(np.broadcast_arrays(*figures), axis=-1)
    rates = monthly([knot.quarter for knot in line.knots], values, supply.start, months)
    return _counted(rates / 3 if kind == "bytes" else rates * MONTH, kind, what, made)


def _counted(rate: Floats, kind: str, what: Stage, made: Made) -> Floats:
    """Wafers of a packaging line as packages."""
    if what != "packaging" or kind == "packages":
        return rate
    if made.gross is None:
        raise InputError(
            f"{made.recipe.name} has no interposer",
            field="supply",
            expected="packages of an organic or glass substrate",
        )
    return rate * made.gross


def _ramped(supply: Supply, what: Stage, made: Made, months: int) -> Floats:
    """What ramps add in each month."""
    total = np.zeros(months)
    middles = 3.0 * supply.start + np.arange(months) + 0.5
    for ramp in supply.ramps:
        if ramp.what == what:
            kind = next(name for name in ("wafers", "packages", "bytes") if getattr(ramp, name) is not None)
            full = getattr(ramp, kind) * (1 / 3 if kind == "bytes" else MONTH)
            risen = np.interp(middles, (3.0 * (ramp.start + 1), 3.0 * (ramp.end + 1)), (0.0, full))
            total = total + _counted(risen, kind, what, made)
    return total


def _allowed(supply: Supply, what: str, months: int) -> Floats:
    """The share of a stage that embargoes leave in each month; of several the least."""
    quarters = supply.start + np.arange(months) // 3
    left = np.ones(months)
    for each in supply.embargo:
        if each.what == what:
            inside = (quarters >= each.start) & (quarters < (each.end if each.end is not None else quarters[-1] + 1))
            left = np.where(inside, np.minimum(left, each.left), left)
    return left

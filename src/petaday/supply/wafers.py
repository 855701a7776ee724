"""The bill of wafers of an order: dies and packages, good and bad, and the wafers they were on. It adds up exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from petaday.supply.package import Made
from petaday.supply.silicon import Floats


@dataclass(frozen=True)
class DieLine:
    """Dies of one kind: used = from_stock + from_wafers; all dies of the wafers = from_wafers + bad."""

    die: str
    node: str
    platform: str
    gross: int
    from_stock: Floats
    from_wafers: Floats
    bad: Floats

    @property
    def used(self) -> Floats:
        """Good dies that go into packages."""
        return self.from_stock + self.from_wafers

    @property
    def wafers(self) -> Floats:
        """Wafers, of which some part may be left over."""
        return (self.from_wafers + self.bad) / self.gross


@dataclass(frozen=True)
class WaferBill:
    """packages = good + bad; interposers: wafers of them, zero where packages have none; memory in bytes."""

    dies: tuple[DieLine, ...]
    good: Floats
    bad: Floats
    interposers: Floats
    stacks: Floats
    memory: Floats

    @property
    def packages(self) -> Floats:
        """All packages, each on a substrate of its own."""
        return self.good + self.bad

    @property
    def logic(self) -> Floats:
        """Wafers of logic on all nodes."""
        return sum((line.wafers for line in self.dies), np.asarray(0.0))


def wafer_bill(made: Made, chips: ArrayLike, stock: ArrayLike = 0.0) -> WaferBill:
    """What an order takes, whether or not lines fill it.

    Parameters
    ----------
    chips : good packages
    stock : good dies of the first kind that lie ready
    """
    good = np.asarray(chips, dtype=float)
    packages = good / made.assembled
    lines = []
    for number, die in enumerate(made.dies):
        used = packages * die.count / made.joined
        from_stock = np.minimum(used, np.asarray(stock if number == 0 else 0.0, dtype=float))
        from_wafers = used - from_stock
        bad = from_wafers * (die.gross / die.good - 1)
        lines.append(DieLine(die.name, die.node.id, die.node.platform, die.gross, from_stock, from_wafers, bad))
    return WaferBill(
        dies=tuple(lines),
        good=good,
        bad=packages - good,
        interposers=packages / made.gross if made.gross else np.zeros_like(packages),
        stacks=packages * made.stacks,
        memory=packages * made.memory_bytes,
    )

"""The bill of one chip in dollars; its parts add up to its total."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.catalog.take import Take, median
from petaday.supply.package import Made
from petaday.supply.silicon import Floats


@dataclass(frozen=True)
class Bom:
    """Dollars of one good chip. loss: what goes with bad stacks of dies and with bad packages, all parts included."""

    logic: Floats
    hbm: Floats
    packaging: Floats
    loss: Floats
    rest: Floats

    @property
    def total(self) -> Floats:
        """All parts."""
        return self.logic + self.hbm + self.packaging + self.loss + self.rest


def bom(made: Made, take: Take = median) -> Bom:
    """What one chip costs to make, without design, masks and margins.

    Dies were tested before they are packed, so logic is of good dies only; a bad package takes all its parts with it.
    """
    logic = sum((die.count * die.cost for die in made.dies), np.asarray(0.0))
    hbm = made.memory_bytes * take(made.hbm.price) if made.hbm else np.asarray(0.0)
    packaging = take(made.recipe.packaging)
    stacks = logic * (1 / made.joined - 1)
    loss = stacks + (logic + stacks + hbm + packaging) * (1 / made.assembled - 1)
    return Bom(logic, hbm, packaging, loss, take(made.recipe.rest))

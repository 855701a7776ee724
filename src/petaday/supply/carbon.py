"""Carbon embodied in a chip: wafers by what is left of them, memory, package; and in the board that carries it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.catalog.baseboard import Baseboard
from petaday.catalog.silicon import ProcessNode
from petaday.catalog.take import Take, median
from petaday.supply.package import Made, MadeDie, made_die
from petaday.supply.silicon import WAFER_AREA, Floats


@dataclass(frozen=True)
class Carbon:
    """kg CO2e of one chip and its share of a board. loss: of bad stacks of dies and bad packages.

    switches: dies of the board's switches; circuit: printed circuits; sink: heat sink; assembly: with transport
    """

    logic: Floats
    hbm: Floats
    package: Floats
    loss: Floats
    switches: Floats
    circuit: Floats
    sink: Floats
    assembly: Floats

    @property
    def packaged(self) -> Floats:
        """The chip alone."""
        return self.logic + self.hbm + self.package + self.loss

    @property
    def total(self) -> Floats:
        """The chip and its share of the board."""
        return self.packaged + self.switches + self.circuit + self.sink + self.assembly


def die_carbon(die: MadeDie, take: Take = median) -> Floats:
    """kg of one good die: the whole wafer's carbon, rim and bad dies included, over its good dies.

    The carbon of a wafer by area is ACT's (Gupta et al., ISCA 2022, arXiv:2203.00073, equation 5) before its yield.
    """
    return take(die.node.carbon) * WAFER_AREA / die.good


def carbon(made: Made, board: Baseboard, switch_node: ProcessNode | None, take: Take = median) -> Carbon:
    """Carbon of a chip and of its share of a board.

    Parameters
    ----------
    switch_node : of the board's switches, None where it has none
    """
    logic = sum((die.count * die_carbon(die, take) for die in made.dies), np.asarray(0.0))
    hbm = made.memory_bytes * take(made.hbm.carbon) if made.hbm else np.asarray(0.0)
    area = (
        WAFER_AREA / made.gross
        if made.gross
        else take(made.recipe.interposer_width) * take(made.recipe.interposer_height)
    )
    package = take(made.package.carbon) * area
    stacks = logic * (1 / made.joined - 1)
    loss = stacks + (logic + stacks + hbm + package) * (1 / made.assembled - 1)
    switches = np.asarray(0.0)
    if board.switches is not None and switch_node is not None:
        each = die_carbon(made_die(board.switches, switch_node, take), take)
        switches = board.switches.count * each / board.chips
    circuit = take(board.circuit) * take(board.circuit_carbon) / board.chips
    # The circuit's area is of the whole board; heat sinks go by each chip's own watts.
    sink = take(board.sink) * take(made.recipe.tdp) / take(board.sink_power) * take(board.metal_carbon)
    assembly = take(board.assembly) * (logic + hbm + package + loss + switches + circuit + sink)
    return Carbon(logic, hbm, package, loss, switches, circuit, sink, assembly)

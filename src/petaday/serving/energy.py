"""Joules of an iteration: what boards draw while they wait, compute and move bytes.

A board of limit W spends W · (idle · seconds + arithmetic · FLOP/peak + memory · bytes/bandwidth), at most W · seconds:
the first share is what clocks, leakage and memory refresh take whether there is work or not, the other two are the energy
of a FLOP and of a byte as shares of the limit that they would take at full rate. The form is that of Hong and Kim's power
model of GPUs (ISCA 2010): a floor, and rates of use times what each takes at its full rate. The shares are fitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.serving.batch import Batch
from petaday.serving.engine import Engine, iteration_work
from petaday.serving.layout import Floats, Layout


@dataclass(frozen=True)
class Draws:
    """Shares of a board's power limit: while it waits with its clocks up, and what full arithmetic and full memory traffic
    add.

    rest: what the server draws beside its boards, for each: processors, fans, losses of the supplies
    """

    idle: float
    arithmetic: float
    memory: float
    rest: float

    def of_work(self, arithmetic: Floats, traffic: Floats) -> Floats:
        """Seconds of the limit that work costs whose FLOP and bytes would take so long at full rates."""
        return self.arithmetic * arithmetic + self.memory * traffic


def iteration_joules(
    engine: Engine, layout: Layout, batch: Batch, seconds: Floats, board_watts: float, draws: Draws
) -> Floats:
    """Joules that all boards of a replica spend in an iteration of `seconds`; arrays of one shape.

    board_watts: the limit of one board
    """
    work = iteration_work(engine, layout, batch)
    return layout.chips * board_joules(work.arithmetic, work.traffic, seconds, board_watts, draws)


def board_joules(
    arithmetic: Floats, traffic: Floats, seconds: Floats, board_watts: Floats | float, draws: Draws
) -> Floats:
    """Joules of one board in some seconds.

    arithmetic, traffic: seconds that its FLOP and bytes would take at the datasheet's peak and memory bandwidth
    """
    share = draws.idle * seconds + draws.of_work(arithmetic, traffic)
    return np.asarray(board_watts * np.minimum(share, seconds))

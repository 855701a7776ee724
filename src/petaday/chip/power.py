"""What a chip's board draws while it waits, computes and moves bytes: one law for serving and for sites.

A board of limit W spends W · (idle · seconds + arithmetic · FLOP/peak + memory · bytes/bandwidth), at most W · seconds:
the first share is what clocks, leakage and memory refresh take whether there is work or not, the other two are the energy
of a FLOP and of a byte as shares of the limit that they would take at full rate. The form is that of Hong and Kim's power
model of GPUs (ISCA 2010): a floor, and rates of use times what each takes at its full rate. The shares are fitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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


def board_joules(
    arithmetic: Floats,
    traffic: Floats,
    seconds: Floats | float,
    board_watts: Floats | float,
    draws: Draws,
    ratio: Floats | float = 1.0,
) -> Floats:
    """Joules of one board in some seconds; of one second, its watts.

    ratio: what this board draws over the law, below its limit

    arithmetic, traffic: seconds that its FLOP and bytes would take at the datasheet's peak and memory bandwidth
    """
    share = ratio * (draws.idle * seconds + draws.of_work(arithmetic, traffic))
    return np.asarray(board_watts * np.minimum(share, seconds))

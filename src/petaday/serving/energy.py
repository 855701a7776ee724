"""Joules of an iteration: what the boards of a replica draw, by the law of `petaday.chip.power`."""

from __future__ import annotations

from petaday.chip.power import Draws, board_joules
from petaday.serving.batch import Batch
from petaday.serving.engine import Engine, iteration_work
from petaday.serving.layout import Floats, Layout


def iteration_joules(
    engine: Engine, layout: Layout, batch: Batch, seconds: Floats, board_watts: float, draws: Draws
) -> Floats:
    """Joules that all boards of a replica spend in an iteration of `seconds`; arrays of one shape.

    board_watts: the limit of one board
    """
    work = iteration_work(engine, layout, batch)
    return layout.chips * board_joules(work.arithmetic, work.traffic, seconds, board_watts, draws)

"""What boards draw under load, as shares of their power limits: fitted figures with the record of their fit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from petaday.catalog.chip import Chip
from petaday.catalog.part import Id
from petaday.catalog.validate import Strict
from petaday.errors import InputError

Share = Annotated[float, Field(ge=0, le=2)]


class BoardPower(Strict):
    """Shares of the power limit of the boards of a generation; without a generation, of all other boards.

    idle: while they wait with their clocks up; arithmetic, memory: what FLOP at the peak and bytes at the full memory
    bandwidth add; rest: what the server draws beside, for each board
    rows, loss, p90: measurements behind them, and median and 90th percentile of |predicted/measured - 1| over them, by
    weight; held_out_rows, held_out: rows that the fit did not see, and the median over them
    """

    generation: Id | None = None
    idle: Share
    arithmetic: Share
    memory: Share
    rest: Share
    rows: Annotated[int, Field(gt=0)]
    loss: Share
    p90: Annotated[float, Field(ge=0)]
    held_out_rows: Annotated[int, Field(gt=0)]
    held_out: Share
    date: str
    command: str


def board_power_of(chip: Chip, entries: Iterable[BoardPower]) -> BoardPower:
    """The entry of the chip's generation, else that of all others. Raises InputError: there is none of either."""
    listed = {entry.generation: entry for entry in entries}
    found = listed.get(chip.generation) or listed.get(None)
    if found is None:
        raise InputError(f"no board power for {chip.id}", expected="at least an entry without a generation")
    return found

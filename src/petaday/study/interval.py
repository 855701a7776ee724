"""How far from its prediction a measured step time is likely to lie."""

from __future__ import annotations

from dataclasses import dataclass

from petaday.catalog import load
from petaday.study.job import Joined

KNOWN = ("tp", "pp", "dp", "micro_batch", "recompute")
"""A plan is known where none of these was left to the search."""

SHARE = 0.8
"""Of measured times that lie in the interval."""


@dataclass(frozen=True)
class Likely:
    """The interval as factors of the predicted time, and what it rests on.

    measured: training runs of this chip were fitted; plan_known: the plan was given; runs: measured runs behind it
    """

    low: float
    high: float
    measured: bool
    plan_known: bool
    chip_class: str
    runs: int


def plan_known(joined: Joined) -> bool:
    """Whether no column of KNOWN was left to the search."""
    return all(name in joined.given for name in KNOWN)


def likely(joined: Joined) -> Likely | None:
    """The interval of a job's predicted times; None where the catalog has none for its class of chips."""
    chip = joined.parts.chip
    measured = any(record.chip == chip.id for record in load.fits())
    known = plan_known(joined)
    for each in load.intervals():
        if (each.class_, each.measured, each.plan_known) == (chip.class_, measured, known):
            return Likely(each.low, each.high, measured, known, chip.class_, each.runs)
    return None

"""The link of failures: what they leave of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from petaday.study.answer import Answer
from petaday.study.chain.link import under
from petaday.study.factor import Factor, Floats, Values
from petaday.study.failing import Case
from petaday.study.failing_figures import Figures
from petaday.study.goodput import LEAST_SHARE, case_for, outcome, unused_of
from petaday.study.parts import Assumption
from petaday.study.reliability_scenario import Reliability

ROOM = "reliability"


ELSEWHERE = {
    "storage_bandwidth": f"{ROOM}.checkpoint.storage_bandwidth",
    "host_bandwidth": "cluster.host_bandwidth",
}
"""Figures that are noted under another field."""


@dataclass(frozen=True)
class GoodputLink:
    """A run's failures: a case, and the figures that it was looked up with."""

    case: Case
    figures: Figures

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Hazards, repair and checkpoint figures by name."""
        noted = {each.field: each for each in self.figures.assumptions}
        found = []
        for name, span in self.case.figures.items():
            note = noted.get(f"{ROOM}.{name}") or noted.get(ELSEWHERE.get(name, ""))
            found.append(
                Factor(
                    f"{ROOM}.{name}", span, None, note.source if note else "the scenario",
                    estimate=note is not None and note.estimate, given=note is None, words=note.value if note else "",
                )
            )  # fmt: skip
        return tuple(found)

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the section leaves open and is no figure with a range."""
        figures = {f"{ROOM}.{name}" for name in self.case.figures}
        return tuple(each for each in self.figures.assumptions if each.field not in figures)

    @property
    def unused(self) -> Mapping[str, str]:
        """Fields of the section that other fields leave without effect."""
        return unused_of(self.case, {})

    def extend(self, values: Values, told: dict[str, Floats]) -> None:
        """Useful share, its losses, and the wall time with failures."""
        found = outcome(self.case, under(ROOM, values), told["run.wall_time_s"])
        kept = found.kept
        ends = kept.share >= LEAST_SHARE
        told |= {
            "goodput.share": kept.share,
            "goodput.mtbf_s": kept.mtbf,
            "goodput.interval_s": kept.interval,
            "goodput.wall_time_s": np.where(ends, found.wall_time, np.inf),
            "goodput.spares": found.spares,
            "goodput.spare_chips": found.spares * (self.case.run.chips / self.case.nodes),
            **{f"goodput.losses.{name}": share for name, share in kept.losses.items()},
        }


def goodput_link(answer: Answer, section: Reliability) -> GoodputLink:
    """The link of an answer that has a plan. Raises InputError, see `petaday.study.goodput.goodput_of`."""
    return GoodputLink(*case_for(answer, section))

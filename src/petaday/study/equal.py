"""The same training run on another chip: how many of them take the same time, and what network they need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from petaday.study.answer import Answer, Report, answer
from petaday.study.fabric import Wired, fabric_of
from petaday.study.scenario import Cluster, PlanColumns, Scenario


@dataclass(frozen=True)
class Equal:
    """A run as it is and with another chip in the fewest numbers that are as fast; networks are None inside a domain.

    `other` is None where the run itself has no plan, and has no best plan where no number of chips is enough.
    """

    base: Answer
    other: Answer | None
    base_network: Wired | None
    other_network: Wired | None


def equal_outcome(
    scenario: Scenario, folder: Path, chip: str, *, allow_unverified: bool = False, report: Report | None = None
) -> Equal:
    """Search the smallest cluster of another chip that trains a run in the time that its own cluster takes.

    The other chip comes with its usual network and scale-up domain, and its plan is searched anew; model, tokens, batch,
    precision and software stay.

    Raises
    ------
    InputError : as `answer` has it; the other chip has no peak in the run's precision
    """
    base = answer(scenario, folder, allow_unverified=allow_unverified, report=report)
    if base.best is None:
        return Equal(base, None, None, None)
    cluster = Cluster.model_validate({"chip": chip, "chips": "auto", "deadline": f"{base.wall_time!r} s"})
    swapped = scenario.model_copy(update={"cluster": cluster, "plan": PlanColumns()})
    other = answer(swapped, folder, allow_unverified=allow_unverified, report=report)
    return Equal(base, other, fabric_of(base.joined), fabric_of(other.joined) if other.best else None)

"""The first link: the run itself, its steps as long as measured ones may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from petaday.study.answer import Answer
from petaday.study.factor import Z95, Factor, Floats, Values
from petaday.study.interval import SHARE, likely
from petaday.study.parts import Assumption
from petaday.units import Kind, Span

Z90 = 1.2815515655446004
"""Half of what an interval of 80 % leaves out lies above this many standard deviations."""

assert SHARE == 0.8


@dataclass(frozen=True)
class RunLink:
    """A plan's run without failures."""

    answer: Answer

    @property
    def factors(self) -> tuple[Factor, ...]:
        """How long a step takes over what is predicted."""
        found = likely(self.answer.joined)
        if found is None:
            return ()
        # From the interval that holds 80 % of measured steps to the one that holds 90 %.
        low, high = found.low ** (Z95 / Z90), found.high ** (Z95 / Z90)
        source = f"{found.runs} measured runs of chips of this kind (petaday validate --suite training)"
        return (Factor("run.step_time_ratio", Span(min(low, 1.0), 1.0, max(high, 1.0)), Kind.RATIO, source),)

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """None: the plan lists its own."""
        return ()

    @property
    def unused(self) -> Mapping[str, str]:
        """None."""
        return {}

    def extend(self, values: Values, told: dict[str, Floats]) -> None:
        """Seconds of a step and of the whole run."""
        assert self.answer.best is not None
        ratio = np.asarray(values.get("run.step_time_ratio", np.asarray(1.0)))
        told["step.step_time_s"] = self.answer.best.step_time * ratio
        told["run.wall_time_s"] = self.answer.wall_time * ratio

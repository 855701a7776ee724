"""Step time and memory of every plan in a table, for one job."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.fabric.network import Floats, Ints
from petaday.training import block as blocks
from petaday.training import state as states
from petaday.training.block import BlockCosts, block_costs
from petaday.training.gather import gather
from petaday.training.job import Job, Precision
from petaday.training.layout import Stage, stage_exists
from petaday.training.memory import Memory, stage_memory
from petaday.training.plan import Plans, distinct
from petaday.training.state import State, rank_state
from petaday.training.step import StepTerms, micro_batches

COMMUNICATION = ("tensor", "expert", "context", "pipeline", "data")
"""Parts of the waterfall that are exposed communication."""


@dataclass(frozen=True)
class Prices:
    """step_time: seconds; memory: bytes on the fullest chip; each an array (n,)."""

    step_time: Floats
    memory: Floats


@dataclass(frozen=True)
class _Costs:
    """Block costs by precision and rank state, to be read row by row of one table."""

    blocks: tuple[BlockCosts, ...]
    state: State

    def take(self, rows: Ints) -> _Costs:
        """The costs of some rows."""
        return _Costs(tuple(gather(block, rows) for block in self.blocks), gather(self.state, rows))


class Pricer:
    """Prices tables of plans for one job. Rows share block and state costs, which are computed once and gathered."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def price(self, plans: Plans) -> Prices:
        """Step time and memory of every row."""
        costs = self._costs(plans)
        return Prices(self._step_time(plans, costs), self._memory(plans, costs))

    def price_fitting(self, plans: Plans) -> tuple[Ints, Floats, Floats]:
        """Rows that fit in a chip's memory, their step times, and the memory of all rows."""
        costs = self._costs(plans)
        memory = self._memory(plans, costs)
        fits = np.flatnonzero(memory <= self.job.memory)
        if len(fits) == len(plans):
            return fits, self._step_time(plans, costs), memory
        return fits, self._step_time(plans.take(fits), costs.take(fits)) if len(fits) else np.zeros(0), memory

    def losses(self, plans: Plans) -> dict[str, Floats]:
        """Seconds of a step lost to the pipeline's bubble and to exposed communication, of every row."""
        bubble = communication = np.zeros(len(plans))
        for precision in self.job.precisions:
            seconds = self.terms(plans, precision).waterfall()
            bubble = bubble + precision.share * seconds["bubble"]
            exposed = sum(seconds[name] for name in COMMUNICATION)
            communication = communication + precision.share * exposed
        return {"bubble": bubble, "communication": communication}

    def terms(self, plans: Plans, precision: Precision) -> StepTerms:
        """Every part of the step time under one precision."""
        costs = self._costs(plans)
        return StepTerms(plans, self.job, costs.blocks[self.job.precisions.index(precision)], costs.state)

    def stage_memory(self, plans: Plans, stage: Stage) -> Memory:
        """Bytes by kind on one stage of a plan, under its hungriest precision."""
        costs = self._costs(plans)
        alone = [self._memory(plans, _Costs((block,), costs.state)).max() for block in costs.blocks]
        block = costs.blocks[int(np.argmax(alone))]
        return stage_memory(plans, self.job, micro_batches(plans, self.job), block, costs.state, stage)

    def _costs(self, plans: Plans) -> _Costs:
        first, place = distinct(getattr(plans, name) for name in blocks.KEY)
        shardings = plans.take(first)
        by_precision = tuple(
            gather(block_costs(shardings, self.job, precision), place) for precision in self.job.precisions
        )
        first, place = distinct(getattr(plans, name) for name in states.KEY)
        return _Costs(by_precision, gather(rank_state(plans.take(first), self.job), place))

    def _step_time(self, plans: Plans, costs: _Costs) -> Floats:
        """Seconds per step, averaged over the job's precisions by their share of the tokens."""
        seconds = np.zeros(len(plans))
        for precision, block in zip(self.job.precisions, costs.blocks, strict=True):
            seconds += precision.share * StepTerms(plans, self.job, block, costs.state).step
        return seconds

    def _memory(self, plans: Plans, costs: _Costs) -> Floats:
        """Bytes on the fullest chip, under the hungriest precision."""
        m = micro_batches(plans, self.job)
        fullest = np.zeros(len(plans))
        for block in costs.blocks:
            for stage in Stage:
                total = stage_memory(plans, self.job, m, block, costs.state, stage).total
                fullest = np.maximum(fullest, np.where(stage_exists(plans, stage), total, 0.0))
        return fullest

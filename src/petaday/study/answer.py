"""The plan of a scenario: what it takes, the best plan, where its seconds and bytes go, what stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np

from petaday.chip.roofline import gemm_efficiency
from petaday.fabric.network import Floats
from petaday.study.job import Joined, join
from petaday.study.parts import routed
from petaday.study.scenario import Scenario
from petaday.training.baseline import baseline_step_time
from petaday.training.check import check_columns
from petaday.training.job import Job
from petaday.training.layout import Stage
from petaday.training.memory import Memory
from petaday.training.plan import Plans
from petaday.training.pricer import Pricer
from petaday.training.relax import Infeasible, explain_infeasible, explain_late
from petaday.training.search import NOTHING_FOUND, Found, chip_counts, search
from petaday.training.step import micro_batches
from petaday.workload.demand import Demand, demand

Report = Callable[[str, int], None]
"""Called while searching, with what is being searched and the number of plans priced so far."""

MOST_CHIPS = 4_000_000
"""`chips: auto` stops here: more than the largest announced cluster."""


@dataclass(frozen=True)
class StageMemory:
    """Bytes on one chip of one kind of stage, with its layers."""

    stage: str
    layers: int
    memory: Memory


@dataclass(frozen=True)
class Best:
    """The chosen plan, priced in full. Seconds, bytes, shares.

    waterfall: seconds of a step by part, summing to step_time
    mfu, hfu: model FLOP, and executed FLOP, over what the peak would do in a step
    baseline: step time by the one-constant baseline
    """

    plan: Plans
    step_time: float
    memory: float
    micro_batches: int
    waterfall: dict[str, float]
    stages: tuple[StageMemory, ...]
    mfu: float
    hfu: float
    baseline: float


@dataclass(frozen=True)
class Answer:
    """A scenario's answer: `best` where some plan fits, else `infeasible`."""

    joined: Joined
    demand: Demand
    steps: int
    found: Found
    best: Best | None
    infeasible: Infeasible | None

    @property
    def job(self) -> Job:
        """The job, with the number of chips that was chosen."""
        return self.joined.job

    @property
    def wall_time(self) -> float:
        """Seconds of the whole run without failures."""
        return self.steps * self.best.step_time if self.best else float("inf")


def answer(
    scenario: Scenario,
    folder: Path,
    *,
    top: int = 5,
    objectives: tuple[str, ...] = (),
    allow_unverified: bool = False,
    useful: float = 1.0,
    report: Report | None = None,
) -> Answer:
    """Plan a scenario: search its plans, choose the fastest that fits, and say where its time and memory go.

    useful: share of the wall time that failures leave, for a deadline
    """
    joined = join(scenario, folder, allow_unverified=allow_unverified)
    train = scenario.train
    steps = ceil(train.tokens / (train.sequences * train.sequence_length))
    auto = scenario.cluster.chips == "auto"
    check_columns(joined.job, joined.given, chips_fixed=not auto)
    tell = report or (lambda _what, _count: None)
    infeasible: Infeasible | None = None
    if auto:
        joined, found, infeasible = _fewest_chips(joined, steps, useful, top, objectives, tell)
    else:
        found = _searched(joined, top, objectives, tell)
    needs = demand(joined.parts.model, train.sequence_length, train.tokens)
    user_columns = tuple(joined.given)
    deadline = scenario.cluster.deadline
    if not found.answered and infeasible is None:
        infeasible = explain_infeasible(joined.job, joined.space, user_columns, found)
    elif deadline is not None and found.answered and found.step_time[0] * steps > deadline:
        infeasible = explain_late(joined.job, joined.space, steps, deadline, found)
    best = price_in_full(joined.job, found, needs.model_flops / steps) if found.answered else None
    return Answer(joined, needs, steps, found, best, infeasible)


def price_in_full(job: Job, found: Found, flops_per_step: float) -> Best:
    """The fastest plan found with its waterfall, its memory by stage and its utilisation."""
    assert found.best is not None
    plan = found.best.take(np.array([0]))
    pricer = Pricer(job)
    waterfall: dict[str, float] = {}
    executed = ideal = executed_ideal = 0.0
    for precision in job.precisions:
        terms = pricer.terms(plan, precision)
        for name, seconds in terms.waterfall().items():
            waterfall[name] = waterfall.get(name, 0.0) + precision.share * float(seconds[0])
        executed = float(terms.executed_flops()[0])
        ideal += precision.share * flops_per_step / (job.chips * precision.law.peak)
        executed_ideal += precision.share * executed / (job.chips * precision.law.peak)
    step_time = float(found.step_time[0])
    on_stage = pricer.terms(plan, job.precisions[0]).layers
    stages = tuple(
        StageMemory(stage.name.lower(), layers, _row(pricer.stage_memory(plan, stage)))
        for stage in Stage
        if (layers := int(on_stage[stage].total[0]))
    )
    return Best(
        plan=plan,
        step_time=step_time,
        memory=float(found.memory[0]),
        micro_batches=int(micro_batches(plan, job)[0]),
        waterfall=waterfall,
        stages=stages,
        mfu=ideal / step_time,
        hfu=executed_ideal / step_time,
        baseline=float(baseline_step_time(plan, job)[0]),
    )


def _row(memory: Memory) -> Memory:
    """The first row of a table of stage memories, as numbers."""

    def first(column: Floats) -> Floats:
        return np.asarray(np.ravel(column)[0])

    return Memory(
        first(memory.weights),
        first(memory.gradients),
        first(memory.optimizer),
        first(memory.activations),
        first(memory.working),
        first(memory.logits),
        first(memory.fixed),
        first(memory.staging),
        first(memory.cached),
        memory.reserve,
    )


def _searched(joined: Joined, top: int, objectives: tuple[str, ...], tell: Report) -> Found:
    chips = joined.job.chips

    def progress(count: int) -> None:
        tell(f"{chips:,} chips", count)

    return search(joined.job, joined.space, top=top, objectives=objectives, progress=progress)


def _fewest_chips(
    joined: Joined, steps: int, useful: float, top: int, objectives: tuple[str, ...], tell: Report
) -> tuple[Joined, Found, Infeasible | None]:
    """The smallest cluster, of the sizes worth trying, whose best plan meets the deadline.

    Sizes are tried upwards from where even GEMMs alone at their best would just make it, so the first is the answer.
    """
    deadline = joined.scenario.cluster.deadline
    assert deadline is not None
    deadline *= useful
    job = joined.job
    tokens = joined.scenario.train.tokens
    flops = demand(job.model, job.seq_len, tokens).flops
    best_rate = 1 / sum(
        each.share / (each.law.peak * float(gemm_efficiency(*_endless(), each.law))) for each in job.precisions
    )
    fewest = flops / (deadline * best_rate)
    most = min(MOST_CHIPS, job.global_batch * job.seq_len)
    for chips in chip_counts(job.network.domain, min(fewest, 2.0 * most)):
        if chips > most:
            break
        network = routed(job.network, joined.scenario.cluster, chips)
        sized = replace(joined, job=replace(job.with_chips(chips), network=network))
        found = _searched(sized, top, objectives, tell)
        if found.answered and found.step_time[0] * steps <= deadline:
            return sized, found, None
    detail = (
        f"GEMMs alone at their best rate take {fewest:,.0f} chips, and no cluster of up to {most:,} chips "
        "trains it by the deadline"
    )
    return joined, NOTHING_FOUND, Infeasible("deadline", detail, ())


def _endless() -> tuple[Floats, Floats, Floats]:
    """The sizes of a GEMM large enough to reach its best rate."""
    size = np.asarray(1e9)
    return size, size, size

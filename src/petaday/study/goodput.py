"""What failures leave of a training run: the plan's answer with its `reliability` section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from petaday.errors import InputError
from petaday.fabric.network import Floats
from petaday.study.answer import Answer
from petaday.study.fabric import Wired, fabric_of, optics_changes
from petaday.study.failing import Case, Component, absent_nodes, access, case_of, failing, rates, run_of, spare_nodes
from petaday.study.failing_figures import Figures
from petaday.study.parts import Assumption
from petaday.study.reliability_scenario import Reliability
from petaday.training.failure_events import cycle_of, simulate
from petaday.training.goodput import Goodput, elastic, synchronous
from petaday.training.recovery import daly_interval, young_interval
from petaday.units import Kind, render
from petaday.units.kinds import YEAR

LEAST_SHARE = 0.001
"""Below this useful share a run is not said to end."""


@dataclass(frozen=True)
class Outcome:
    """A run at some values of its figures, arrays (n,) or floats. Seconds.

    rates: failures a second by class (k, n); kept: with the recovery that the scenario asks for; spares: nodes held ready
    """

    rates: Floats
    kept: Goodput
    wall_time: Floats
    spares: Floats


@dataclass(frozen=True)
class ComponentRate:
    """Failures of one class that stop the job, a second, and its share of them all."""

    component: Component
    rate: float
    share: float


@dataclass(frozen=True)
class OpticsRate:
    """The run under other optics, from the low, typical and high failure figures of their links.

    network: failures of the network a year that stop the job; mtbf: seconds; share: useful, all three ends
    """

    optics: str
    copper: bool
    network: tuple[float, float, float]
    mtbf: tuple[float, float, float]
    share: tuple[float, float, float]


@dataclass(frozen=True)
class CheckpointTimes:
    """Bytes, and seconds: of the stall, of the write, and of work between two by Young's and by Daly's law."""

    bytes: float
    stall: float
    write: float
    young: float
    daly: float


@dataclass(frozen=True)
class GoodputAnswer:
    """What failures leave of a run.

    kept: with the recovery asked for; synchronous, elastic: side by side, elastic None where nothing can leave
    absent, spares: nodes in repair on average, and held ready
    ideal_time: wall time without failures; wall_time: with them
    binding: the largest loss; late: seconds over the deadline, or infinity where the run does not end; 0: in time
    """

    case: Case
    kept: Goodput
    synchronous: Goodput
    elastic: Goodput | None
    components: tuple[ComponentRate, ...]
    checkpoint: CheckpointTimes
    absent: float
    spares: int
    ideal_time: float
    binding: str
    late: float
    optics: tuple[OpticsRate, ...]
    assumptions: tuple[Assumption, ...]
    unused: dict[str, str]

    @property
    def share(self) -> float:
        """Useful share of the wall time."""
        return float(self.kept.share)

    @property
    def mtbf(self) -> float:
        """Seconds between failures."""
        return float(self.kept.mtbf)

    @property
    def wall_time(self) -> float:
        """Seconds of the run with its failures."""
        return self.ideal_time / self.share if self.share >= LEAST_SHARE else float("inf")


def outcome(case: Case, values: Mapping[str, Floats], ideal_time: Floats) -> Outcome:
    """The run at these values of `case.figures`: floats or n samples of each, all computed at once."""
    job = failing(case, values)
    kept = elastic(job) if case.section.recovery == "elastic" else synchronous(job)
    with np.errstate(divide="ignore"):
        return Outcome(job.rates, kept, np.asarray(ideal_time / kept.share), spare_nodes(case, values))


def goodput_of(answer: Answer, section: Reliability) -> GoodputAnswer:
    """The goodput of a run that has a plan. Raises as `case_for` does."""
    case, figures = case_for(answer, section)
    return _answered(answer, case, fabric_of(answer.joined), figures)


def case_for(answer: Answer, section: Reliability) -> tuple[Case, Figures]:
    """A run's failures before any number is chosen, and where their figures come from.

    Raises
    ------
    InputError : an unknown profile, or elastic recovery of a plan without replicas, with the field
    ValueError : no plan fits
    """
    best = answer.best
    if best is None:
        raise ValueError("no plan fits, and what does not run does not fail")
    figures = Figures()
    wired = fabric_of(answer.joined)
    cluster = answer.joined.scenario.cluster
    case = case_of(run_of(answer.job, best.plan, best.step_time, answer.joined.parts.chip), wired, section, figures)
    if cluster.host_bandwidth is None:
        text = render(answer.job.host_bandwidth, Kind.BANDWIDTH)
        source = "PCIe 4.0 x16 in practice: a round number"
        figures.assumptions.append(Assumption("cluster.host_bandwidth", text, source, estimate=True))
    return case, figures


def _answered(answer: Answer, case: Case, wired: Wired | None, figures: Figures) -> GoodputAnswer:
    values = case.typical
    job = failing(case, values)
    together = synchronous(job)
    apart = elastic(job) if case.replicas > 1 else None
    kept = apart if case.section.recovery == "elastic" and apart is not None else together
    total = float(job.rates.sum())
    asked = case.section.checkpoint.interval
    if asked != "auto" and kept.interval > asked:
        text, source = (
            render(float(kept.interval), Kind.TIME),
            "no checkpoint is shorter than a step and its own write",
        )
        figures.note("checkpoint.interval", text, source)
    write = case.run.state_bytes / float(values["storage_bandwidth"])
    rate = np.asarray(total)
    share = float(kept.share)
    wall = answer.wall_time / share if share >= LEAST_SHARE else float("inf")
    deadline = answer.joined.scenario.cluster.deadline
    late = wall if wall == float("inf") else max(0.0, wall - deadline) if deadline is not None else 0.0
    return GoodputAnswer(
        case=case,
        kept=kept,
        synchronous=together,
        elastic=apart,
        components=tuple(
            ComponentRate(each, float(rate), float(rate) / total)
            for each, rate in zip(case.components, job.rates, strict=True)
        ),
        checkpoint=CheckpointTimes(
            case.run.state_bytes,
            float(job.storage.stall),
            write,
            float(young_interval(rate, job.storage.stall)),
            float(daly_interval(rate, job.storage.stall)),
        ),
        absent=float(absent_nodes(case, values)),
        spares=int(spare_nodes(case, values)),
        ideal_time=answer.wall_time,
        binding=max(kept.losses, key=lambda name: float(kept.losses[name])),
        late=late,
        optics=_optics(answer, case, wired),
        assumptions=tuple(figures.assumptions),
        unused=unused_of(case, answer.joined.unused),
    )


def _optics(answer: Answer, case: Case, wired: Wired | None) -> tuple[OpticsRate, ...]:
    """The run under every optics that its network can have."""
    if wired is None or not {"links", "switches"} <= {each.name for each in case.components}:
        return ()
    listed = []
    for change in optics_changes(wired):
        _, failures = access(wired.topology, change.bill)
        values = dict(case.typical)
        for name in ("links", "switches"):
            ends = failures[name]
            values[f"network.{name}"] = np.array([ends.low, ends.typical, ends.high]) / YEAR
        values["flaps"] = np.array(
            [case.figures["flaps"].low, case.figures["flaps"].value, case.figures["flaps"].high]
        )
        by_class = rates(case, values)
        network = [index for index, each in enumerate(case.components) if each.name in ("links", "switches")]
        found = outcome(case, values, np.asarray(answer.wall_time))
        listed.append(
            OpticsRate(
                change.optics.id,
                change.copper,
                _three(by_class[network].sum(axis=0) * YEAR),
                _three(found.kept.mtbf),
                _three(found.kept.share),
            )
        )
    return tuple(listed)


def _three(values: Floats) -> tuple[float, float, float]:
    low, typical, high = (float(value) for value in values)
    return low, typical, high


def unused_of(case: Case, of_plan: Mapping[str, str]) -> dict[str, str]:
    """What the scenario gives and moves nothing. Checkpoints pass through the host, so its bandwidth does."""
    unused = {field: reason for field, reason in of_plan.items() if field != "cluster.host_bandwidth"}
    section = case.section
    if section.waiting is not None and section.spares != "auto":
        unused["reliability.waiting"] = "the number of spares is given"
    if section.optics is not None and not any(each.name == "links" for each in case.components):
        unused["reliability.optics"] = f"no links of the network are counted with {case.fleet.id} here"
    return unused


def simulated(found: GoodputAnswer, runs: int, seed: int) -> Floats:
    """Useful share of `runs` runs (runs,) event by event, with the losses that are no events taken from the closed form."""
    if runs < 1:
        raise InputError(f"`{runs}` is no number of runs", field="--runs", expected="a whole number of at least 1")
    case = found.case
    job = failing(case, case.typical)
    is_elastic = case.section.recovery == "elastic"
    share = simulate(job, cycle_of(job, found.kept), found.ideal_time, runs, seed, elastic=is_elastic)
    free = replace(job, waiting=np.zeros(()), silent_delay=np.zeros(()), slow_machines=np.zeros(()))
    without = (elastic if is_elastic else synchronous)(free).share
    return np.asarray(share * found.kept.share / without)

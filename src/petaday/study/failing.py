"""A training run as failures see it: a fleet's hazards times the counts of its chips, nodes and network.

All that is uncertain stands in `Case.figures` by name, with its range; `failing` takes one value or n samples of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from petaday.catalog import load
from petaday.catalog.chip import Chip
from petaday.catalog.cooling import host_of
from petaday.catalog.hazard import Fleet
from petaday.catalog.link import Link
from petaday.catalog.switch import Nic, Switch
from petaday.fabric.bill import Bill
from petaday.fabric.network import Floats
from petaday.fabric.ranges import Range
from petaday.fabric.topology.shape import Topology
from petaday.study.fabric import Wired
from petaday.study.failing_figures import Figures, fleet_for, replicas_of, take_checkpoint, take_recovery
from petaday.study.reliability_scenario import Reliability
from petaday.training.failures import (
    correlation,
    nodes_short,
    out_of_service,
    short_of_spares,
    spares_for,
    spares_that_pay,
)
from petaday.training.goodput import Checkpoint, Failing
from petaday.training.job import Job
from petaday.training.plan import Plans
from petaday.training.state import master_bytes
from petaday.units import Span
from petaday.units.kinds import YEAR
from petaday.workload.operators import adapted_widths

WHOLE = ("software", "job")
"""Classes that stop every replica of a job."""

STAYS = (*WHOLE, "unknown")
"""Classes that take no node out of the job."""

UNITS = {"adapters": "adapter", "links": "link", "switches": "switch"}


@dataclass(frozen=True)
class Run:
    """What failures have to know of a run: bytes of a checkpoint, seconds of a step, B/s of a chip, replicas.

    node: chips of the usual server of such chips
    """

    chips: int
    generation: str
    state_bytes: float
    step_time: float
    host_bandwidth: float
    scale_out_bandwidth: float
    replicas: int
    node: int = 8


@dataclass(frozen=True)
class Component:
    """A class of failures: how many units it has; whether its rate is told for one unit or, of the network, for all."""

    name: str
    unit: str
    count: float

    @property
    def figure(self) -> str:
        """The name of its rate among a case's figures."""
        return f"{'network' if self.unit in UNITS.values() else 'hazards'}.{self.name}"


@dataclass(frozen=True)
class Case:
    """A run's failures before any number is chosen.

    components: in the order of the rates; figures: by name, in SI units; replicas: that could leave, 1 where none can
    """

    section: Reliability
    fleet: Fleet
    run: Run
    nodes: int
    components: tuple[Component, ...]
    figures: Mapping[str, Span]
    replicas: int

    @property
    def typical(self) -> dict[str, Floats]:
        """Every figure at its typical value."""
        return {name: np.asarray(span.value) for name, span in self.figures.items()}


def checkpoint_bytes(job: Job, plan: Plans) -> float:
    """Bytes of a checkpoint: 16-bit weights, master copy and moments of all that is trained, each once.

    Of Adam in mixed precision 14 a parameter (ZeRO, arXiv:1910.02054, section 3.1, without the gradients).
    """
    trained = float(job.count.total)
    if job.lora_rank:
        widths = sum(float(inputs[0] + outputs[0]) for _, inputs, outputs in adapted_widths(job.model, np.ones(1)))
        trained = job.model.layers * job.lora_rank * widths
    each = plan.weight_bytes + master_bytes(plan, job) + job.optimizer.moments * plan.moment_bytes
    return trained * float(each[0])


def run_of(job: Job, plan: Plans, step_time: float, chip: Chip) -> Run:
    """A planned run; its replicas are those that the plan shards nothing over, or its data-parallel ranks."""
    dp, shard = int(plan.dp[0]), int(plan.shard[0])
    return Run(
        chips=job.chips,
        generation=chip.generation,
        state_bytes=checkpoint_bytes(job, plan),
        step_time=step_time,
        host_bandwidth=job.host_bandwidth,
        scale_out_bandwidth=job.network.scale_out_bandwidth,
        replicas=dp // int(np.gcd(shard, dp)) if shard else dp,
        node=host_of(chip).chips,
    )


def case_of(run: Run, wired: Wired | None, section: Reliability, figures: Figures) -> Case:
    """Look up what a scenario's section names, and note in `figures` all that it leaves open.

    Raises
    ------
    InputError : an unknown profile, or elastic recovery of a plan without replicas
    """
    record = fleet_for(section, run.generation, figures)
    chips = run.chips
    node = section.node or min(run.node, chips)
    if section.node is None:
        figures.note("node", f"{node} chips", "the usual server of such chips", estimate=True)
    nodes = -(-chips // node)
    size = 1.0 if record.jobs is None else min(1.0, chips / record.jobs)
    if size < 1:
        words = f"{size:.3g} of its record, whose jobs have {record.jobs:,} chips"
        figures.note("hazards.job", words, "smaller jobs are taken to stop less often, in proportion", estimate=True)
    components = [
        Component(hazard.component, hazard.per, {"chip": chips, "node": nodes, "job": size}[hazard.per])
        for hazard in record.hazards
    ]
    for hazard in record.hazards:
        figures.take(f"hazards.{hazard.component}", hazard.rate)
    if wired is not None:
        counts, failures = access(wired.topology, wired.bill)
        made_of: dict[str, Nic | Link | Switch] = {
            "adapters": wired.nic,
            "links": load.link(wired.bill.optics),
            "switches": wired.switch,
        }
        for part in record.counted:
            components.append(Component(part, UNITS[part], counts[part]))
            each = failures[part] * (1 / YEAR)
            source = f"{counts[part]:,.0f} at the catalog's rate for {made_of[part].id}"
            figures.put(
                f"network.{part}",
                Span(each.low, each.typical, each.high),
                f"{each.typical * YEAR:.3g} /year",
                source,
                estimate=made_of[part].failures_per_year.estimate,
            )
        if "links" in record.counted:
            figures.take("flaps", record.flaps)
    for name in ("onset", "full", "excess"):
        figures.take(f"correlation.{name}", getattr(record.correlation, name))
    take_recovery(section, [known.name for known in components], figures)
    take_checkpoint(section, chips, figures)
    figures.give("host_bandwidth", run.host_bandwidth)
    figures.give("replica_bandwidth", run.scale_out_bandwidth)
    replicas = replicas_of(section, min(run.replicas, nodes), nodes, figures)
    if section.spares == "auto" and section.waiting is None:
        figures.note(
            "spares", "as many as pay", "a spare node costs what it saves of the cluster's time", estimate=True
        )
    return Case(section, record, run, nodes, tuple(components), figures.spans, replicas)


def access(topology: Topology, bill: Bill) -> tuple[dict[str, float], dict[str, Range]]:
    """Counts, and failures a year, of the parts of a network behind which a chip has no second way.

    A chip has one adapter, one link and one leaf switch for each plane; above, traffic goes round what fails.
    """
    links = [line for shape, line in zip(topology.links, bill.links, strict=True) if "nic" in shape.ends]
    leaves = topology.tiers[0].switches if topology.tiers else 0
    every = max(bill.switches.count, 1)
    counts = {"adapters": bill.nics.count, "links": sum(line.count for line in links), "switches": leaves}
    failures = {
        "adapters": bill.nics.failures,
        "links": sum((line.failures for line in links), Range(0, 0, 0)),
        "switches": bill.switches.failures * (leaves / every),
    }
    return {name: float(count) for name, count in counts.items()}, failures


def rates(case: Case, values: Mapping[str, Floats]) -> Floats:
    """Failures a second by class (k, n)."""
    optics = 1.0 if case.section.optics is None else case.section.optics
    factor = correlation(
        np.asarray(case.run.chips),
        values["correlation.onset"],
        values["correlation.full"],
        values["correlation.excess"],
    )
    rows = []
    for each in case.components:
        rate = values[each.figure]
        if each.name == "links":
            rate = rate * (1 + values["flaps"]) * optics
        if each.unit in ("chip", "node", "job"):
            rate = rate * each.count
        rows.append(rate * factor if each.unit != "job" else np.asarray(rate))
    return _by_class(rows, values)


def failing(case: Case, values: Mapping[str, Floats]) -> Failing:
    """The run's failures at these values of the case's figures, each a float or n samples."""
    by_class = rates(case, values)
    hard = _by_class([np.asarray(each.name not in STAYS) * 1.0 for each in case.components], values)
    whole = _by_class([np.asarray(each.name in WHOLE) * 1.0 for each in case.components], values)
    together = "detection" in values
    detection = _by_class(
        [values["detection" if together else f"detection.{each.name}"] for each in case.components], values
    )
    absent, spares = absent_nodes(case, values), spare_nodes(case, values)
    silent = [index for index, each in enumerate(case.components) if each.name == "silent"]
    per_chip = case.run.state_bytes / case.run.chips
    write = case.run.state_bytes / values["storage_bandwidth"]
    copy = per_chip / values["host_bandwidth"]
    in_memory, asynchronous = case.section.checkpoint.in_memory, case.section.checkpoint.asynchronous
    interval = case.section.checkpoint.interval
    storage = Checkpoint(
        interval=None if interval == "auto" else np.asarray(interval),
        shortest=np.asarray(case.run.step_time),
        stall=values["stall"] + (copy if asynchronous else write),
        delay=write if asynchronous else np.zeros(()),
    )
    lost = values["replica_lost"] if in_memory else np.ones(())
    cold = _restart(values, case.run.chips)
    warm = values["warm"] * (1 - lost) + lost if in_memory else 1.0
    return Failing(
        rates=by_class,
        detection=detection,
        swap=hard * values["drained"] * values["swap"],
        whole=whole,
        restart=np.asarray(cold * warm),
        replica_restart=np.asarray(_restart(values, case.run.chips / case.replicas)),
        storage=storage,
        memory=Checkpoint(None, np.asarray(case.run.step_time), copy, per_chip / values["replica_bandwidth"])
        if in_memory
        else None,
        replica_lost=np.asarray(lost),
        replicas=np.asarray(case.replicas),
        elastic_stall=values["elastic_stall"],
        waiting=short_of_spares(absent, spares),
        short=nodes_short(absent, spares),
        silent_rate=by_class[silent[0]] if silent else np.zeros(()),
        silent_delay=values["silent_delay"],
        slow_machines=values["slow_machines"],
    )


def absent_nodes(case: Case, values: Mapping[str, Floats]) -> Floats:
    """Nodes in repair on average."""
    by_class = rates(case, values)
    hard = [index for index, each in enumerate(case.components) if each.name not in STAYS]
    return out_of_service(by_class[hard].sum(axis=0) * values["drained"], values["repair"])


def spare_nodes(case: Case, values: Mapping[str, Floats]) -> Floats:
    """Nodes held ready: as many as the scenario says, as keep the wait below its share, or as pay at these values."""
    if case.section.spares != "auto":
        return np.asarray(float(case.section.spares))
    absent = absent_nodes(case, values)
    if case.section.waiting is None:
        return spares_that_pay(absent, case.nodes)
    return spares_for(absent, np.asarray(case.section.waiting))


def _by_class(rows: Sequence[Floats], values: Mapping[str, Floats]) -> Floats:
    """A value for each class as (k, n), n being the samples of the values."""
    shape = np.broadcast_shapes(*(np.shape(value) for value in values.values()))
    return np.stack([np.broadcast_to(row, shape) for row in rows])


def _restart(values: Mapping[str, Floats], chips: float) -> Floats:
    return np.asarray(values["restart_base"] + values["restart_per_chip"] * chips)

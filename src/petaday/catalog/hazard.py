"""How often the parts of a training cluster stop its job, and how long recovery takes, as catalog parts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from petaday.catalog.chip import Bandwidth, Count
from petaday.catalog.figure import Figure, FigureOf
from petaday.catalog.network import Ratio, Time
from petaday.catalog.part import Id, Part
from petaday.catalog.validate import Strict
from petaday.units import Kind

Rate = Annotated[Figure, FigureOf(Kind.FREQUENCY)]
Component = Literal["gpu", "memory", "silent", "host", "maintenance", "unknown", "software", "infrastructure", "job"]
Network = Literal["adapters", "links", "switches"]


class Hazard(Strict):
    """How often one class of component stops a job: 1/s of each chip, of each node, or of the job whatever its size.

    gpu, memory: a chip, its HBM; silent: corruption that was noticed; host: all else in a node
    maintenance: nodes taken out without notice; unknown: timeouts that nobody explained; software: bugs
    infrastructure: all hardware where a source does not tell it apart; job: what ends jobs and is no infrastructure
    """

    component: Component
    per: Literal["chip", "node", "job"]
    rate: Rate


class Correlation(Strict):
    """How many times as often a part fails in a job of very many chips: 1 up to `onset`, `excess` from `full` on.

    Between them the factor is a power of the number of chips, see `petaday.training.failures.correlation`.
    """

    onset: Count
    full: Count
    excess: Ratio


class Fleet(Part):
    """Hazards as one fleet's record has them.

    generations: of chips whose jobs take this fleet's hazards unless a scenario says otherwise
    counted: parts of the network whose hazards are not in the record, but their catalog rates times a fabric's counts
    flaps: flaps that stop a job, for each hard failure of a link
    jobs: chips of the jobs on record; a rate told by job shrinks with smaller ones
    """

    generations: tuple[Id, ...] = ()
    hazards: Annotated[tuple[Hazard, ...], Field(min_length=1)]
    counted: tuple[Network, ...]
    flaps: Ratio
    jobs: Annotated[int, Field(ge=1)] | None = None
    correlation: Correlation
    notes: str = ""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [hazard.component for hazard in self.hazards]
        if len(set(names)) < len(names):
            raise ValueError("a component stands twice")
        return self


class Detection(Strict):
    """Seconds until a failure of a component is known where machines are inspected."""

    component: Component | Network
    time: Time


class Recovery(Strict):
    """What a failure costs besides lost work. Times are in seconds.

    timeout: until a failure is known where nothing inspects the machines; inspected: where something does
    restart_base, restart_per_chip: a cold restart is the first plus the second times the chips
    warm: of a cold restart, what one takes that finds processes and weights in memory
    drained: of the failures of hardware, those whose node leaves the job; swap: to bring a spare node in; repair: of a node
    stall, write_per_chip: of a checkpoint, what it takes beyond its bytes; B/s of storage for each chip
    replica_lost: of the failures, those that take all copies of a shard in the memory of nodes
    elastic_stall: all replicas wait while one leaves and later joins again
    slow_machines: throughput lost to machines that are slow and not yet found
    silent_delay: between a silent corruption and its discovery, which all has to be done again
    """

    timeout: Time
    inspected: tuple[Detection, ...]
    restart_base: Time
    restart_per_chip: Time
    warm: Ratio
    drained: Ratio
    swap: Time
    repair: Time
    stall: Time
    write_per_chip: Bandwidth
    replica_lost: Ratio
    elastic_stall: Time
    slow_machines: Ratio
    silent_delay: Time

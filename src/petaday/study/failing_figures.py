"""The figures that a run's failures are computed from, with their ranges, and what of them nobody gave."""

from __future__ import annotations

from collections.abc import Sequence

from petaday.catalog.figure import Figure
from petaday.catalog.fleets import USUAL, fleet, fleet_of, recovery
from petaday.catalog.hazard import Fleet
from petaday.errors import InputError
from petaday.fabric.ranges import span
from petaday.study.parts import Assumption, named
from petaday.study.reliability_scenario import Reliability
from petaday.units import Kind, Span, render


class Figures:
    """Figures by name as they are taken, and the assumptions among them."""

    def __init__(self) -> None:
        self.spans: dict[str, Span] = {}
        self.assumptions: list[Assumption] = []

    def take(self, name: str, figure: Figure) -> None:
        """A figure of the catalog, which the scenario left open."""
        range_ = span(figure)
        self.spans[name] = Span(range_.low, range_.typical, range_.high)
        self.note(name, figure.text, figure.source, estimate=figure.estimate)

    def put(self, name: str, value: Span, text: str, source: str, *, field: str = "", estimate: bool = False) -> None:
        """A figure computed from the catalog's; `field`: what would give it instead."""
        self.spans[name] = value
        self.note(field or name, text, source, estimate=estimate)

    def give(self, name: str, value: float) -> None:
        """A figure that the scenario gives, exactly."""
        self.spans[name] = Span(value, value, value)

    def note(self, field: str, text: str, source: str, *, estimate: bool = False) -> None:
        """Something assumed that is no number with a range."""
        self.assumptions.append(Assumption(f"reliability.{field}", text, source, estimate))


def fleet_for(section: Reliability, generation: str, figures: Figures) -> Fleet:
    """The fleet that the section names, or the one whose chips are of this generation."""
    if section.profile is not None:
        return named("reliability.profile", fleet, section.profile)
    own = fleet_of(generation)
    found = own or fleet(USUAL)
    source = f"the fleet on record with {generation} chips" if own else f"no fleet of {generation} chips is on record"
    figures.note("profile", found.id, source, estimate=own is None)
    return found


def take_recovery(section: Reliability, components: Sequence[str], figures: Figures) -> None:
    """How failures are noticed and what follows, where the section leaves it open."""
    known = recovery()
    inspected: dict[str, Figure] = {each.component: each.time for each in known.inspected}
    if section.detection == "timeout":
        figures.take("detection", known.timeout)
    elif section.detection == "inspection":
        for name in components:
            figures.take(f"detection.{name}", inspected[name])
    else:
        figures.give("detection", section.detection)
    if section.restart is None:
        figures.take("restart_base", known.restart_base)
        figures.take("restart_per_chip", known.restart_per_chip)
    else:
        figures.give("restart_base", section.restart)
        figures.give("restart_per_chip", 0.0)
    if section.repair is None:
        figures.take("repair", known.repair)
    else:
        figures.give("repair", section.repair)
    for name in ("drained", "swap", "elastic_stall", "slow_machines", "silent_delay"):
        figures.take(name, getattr(known, name))


def take_checkpoint(section: Reliability, chips: int, figures: Figures) -> None:
    """What checkpoints take, where the section leaves it open."""
    known, checkpoint = recovery(), section.checkpoint
    figures.take("stall", known.stall)
    if checkpoint.storage_bandwidth is not None:
        figures.give("storage_bandwidth", checkpoint.storage_bandwidth)
    else:
        each = span(known.write_per_chip) * chips
        text = render(each.typical, Kind.BANDWIDTH)
        source = f"{known.write_per_chip.text} a chip; {known.write_per_chip.source}"
        written = Span(each.low, each.typical, each.high)
        figures.put("storage_bandwidth", written, text, source, field="checkpoint.storage_bandwidth")
    if checkpoint.in_memory:
        figures.take("replica_lost", known.replica_lost)
        figures.take("warm", known.warm)
    for name in ("interval", "asynchronous", "in_memory"):
        if name not in checkpoint.model_fields_set:
            figures.note(f"checkpoint.{name}", str(getattr(checkpoint, name)).lower(), "default")


def replicas_of(section: Reliability, of_plan: int, nodes: int, figures: Figures) -> int:
    """Replicas that can leave one by one: as the section says, else those of the plan; a node holds no more than one."""
    if section.replicas is not None:
        if section.replicas > nodes:
            raise InputError(
                f"{section.replicas:,} replicas on {nodes:,} nodes",
                field="reliability.replicas",
                expected=f"at most {nodes:,}: a node that fails takes all of its replicas",
            )
        return section.replicas
    if of_plan == 1 and section.recovery == "elastic":
        raise InputError(
            "the plan has a single replica, which cannot go on without itself",
            field="reliability.replicas",
            expected="2 or more, or `recovery: synchronous`",
        )
    source = "data-parallel ranks of the plan, at most one a node, as if each held all of its state"
    figures.note("replicas", str(of_plan), source, estimate=True)
    return of_plan

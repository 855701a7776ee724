"""The link of watts: what chips, servers and network draw while the run is on, and the facility around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from petaday.catalog import cooling as surroundings
from petaday.catalog import load
from petaday.catalog import prices as catalog
from petaday.catalog.chip import Chip
from petaday.catalog.cooling import Cooling, Host
from petaday.catalog.power import board_power_of
from petaday.catalog.site import country_of
from petaday.catalog.take import Take
from petaday.catalog.validate import Strict
from petaday.fabric.bill import Bill
from petaday.fabric.ranges import Range
from petaday.site.power import PEAK, Activity, it_parts
from petaday.study.answer import Answer
from petaday.study.cost_scenario import Cost
from petaday.study.factor import Factor, Floats, Values, of_figure
from petaday.study.parts import Assumption
from petaday.study.site_it import ItLoad, server_of
from petaday.study.taken import Taken, figures_in
from petaday.units import Kind, Span

TRAFFIC = Span(0.15, 0.3, 0.6)
"""Bytes/s over memory bandwidth while a chip trains, where nobody measured it."""


@dataclass(frozen=True)
class PowerLink:
    """The watts of a run's cluster. pue: of the facility where the scenario has no site; None where a site follows."""

    answer: Answer
    chip: Chip
    host: Host
    cooling: Cooling
    network: Bill | None
    taken: Taken
    pue: Factor | None

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Figures of the server and of the network's watts, what chips do, and the board law's miss."""
        fit = board_power_of(self.chip, load.board_powers())
        miss = Span(1 / (1 + fit.p90), 1.0, 1 + fit.p90)
        found = [
            Factor(
                "power.traffic", TRAFFIC, Kind.RATIO, "no training run's memory traffic is published: a guess", True
            ),
            Factor("power.board_ratio", miss, Kind.RATIO, f"watts of boards against {fit.rows} measured ones"),
        ]
        if self.network is not None:
            found += [
                _watts("power.switches", self.network.switches.watts, "switches of the fabric's bill"),
                _watts("power.links", self.network.link_watts, "modules and cables of the fabric's bill"),
            ]
        return (*self.taken.factors, *found, *([self.pue] if self.pue else []))

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """The server and its cooling, which no plan names."""
        host = Assumption("power.host", self.host.id, "the usual server of such chips", estimate=True)
        cooling = Assumption("power.server_cooling", self.cooling.id, "usual for such servers", estimate=True)
        return (host, cooling) if self.pue else (host,)

    def load(self, it: float, peak: float) -> ItLoad:
        """The cluster as a site sees it, at W of all its IT."""
        server = server_of(self.chip, self.host, self.cooling, self.network, self.answer.job.chips)
        rack = float(it_parts(float(self.host.chips), server, PEAK).server) if self.host.rack else None
        return ItLoad(
            mean=it,
            capacity=peak,
            country=country_of(self.chip),
            chips=self.answer.job.chips,
            chip=self.chip.id,
            rack=rack,
        )

    @property
    def unused(self) -> Mapping[str, str]:
        """None."""
        return {}

    def extend(self, values: Values, told: dict[str, Floats]) -> None:
        """W of IT by part, on average over the run and at most; of the facility and its energy where no site follows."""
        assert self.answer.best is not None
        chips = float(self.answer.job.chips)
        server = server_of(
            self.chip, self.host, self.cooling, self.network, self.answer.job.chips, self.taken.take(values)
        )
        busy = Activity(
            utilisation=told.get("goodput.share", np.asarray(1.0)),
            arithmetic=self.answer.best.hfu * self.answer.best.step_time / told["step.step_time_s"],
            traffic=values["power.traffic"],
        )
        nothing, spares = np.asarray(0.0), told["goodput.spare_chips"]
        around = {
            "switches": values.get("power.switches", nothing),
            "links": values.get("power.links", nothing),
            "storage": chips * self.taken.take(values)(self.host.storage),
        }
        training = it_parts(chips, server, busy, ratio=values["power.board_ratio"], **around)
        waiting = it_parts(spares, server, PARKED)
        peak = it_parts(chips + spares, server, PEAK, **around)
        told |= {f"power.it_parts_w.{name}": getattr(training, name) + getattr(waiting, name) for name in PARTS}
        it = training.total + waiting.total
        told |= {"power.it_w": it, "power.it_peak_w": peak.total}
        if self.pue is not None:
            told["power.pue"] = np.maximum(values[self.pue.name], 1.0)
            told["power.facility_w"] = it * told["power.pue"]
            told["power.run_energy_j"] = told["power.facility_w"] * told.get(
                "goodput.wall_time_s", told["run.wall_time_s"]
            )


PARKED = Activity(0.0, 0.0, 0.0)
"""A chip without a job."""

PARTS = ("chips", "hosts", "adapters", "fans", "supplies", "switches", "links", "storage")


def power_link(answer: Answer, cost: Cost, network: Bill | None, cooling: Cooling | None) -> PowerLink:
    """The link of an answer's watts.

    cooling: the site's; without it, servers are cooled as is usual and the facility has its cost profile's PUE

    Raises
    ------
    InputError : the catalog knows no limit of the chip's board
    """
    chip = answer.joined.parts.chip
    host = surroundings.host_of(chip)
    usual = surroundings.cooling("direct-liquid" if host.rack else "economised-air")
    around = cooling or usual
    parts: Mapping[str, Strict] = {host.id: host, around.id: around}

    def used(take: Take) -> None:
        server_of(chip, host, around, network, answer.job.chips, take)
        take(host.storage)

    taken = figures_in("power", parts).used_by(used)
    pue = (
        of_figure("power.facility_pue", catalog.cost_profile(cost.profile).pue, Kind.RATIO)
        if cooling is None
        else None
    )
    return PowerLink(answer, chip, host, around, network, taken, pue)


def _watts(name: str, watts: Range, source: str) -> Factor:
    return Factor(name, Span(watts.low, watts.typical, watts.high), Kind.POWER, source)

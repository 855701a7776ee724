"""The published runs behind the record of failures, each put as a case: whose hazards, how many chips, which recovery."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from petaday.fabric.network import Floats
from petaday.study.fabric import FabricPart, FabricScenario, Wired, wire
from petaday.study.failing import Case, Run, case_of, failing, rates
from petaday.study.failing_figures import Figures
from petaday.study.goodput import outcome
from petaday.study.reliability_scenario import Reliability
from petaday.study.scenario import Cluster
from petaday.training.goodput import Failing
from petaday.units.kinds import DAY

LARGE = 405e9 * 14
"""Bytes of a checkpoint of a run whose model is not told: Llama 3 405B's."""

STEP, HOST, NETWORK = 5.0, 25e9, 50e9
"""Seconds of a step, and B/s of a chip to its host and to other nodes, of runs that tell none of them."""


@cache
def network_of(chips: int) -> Wired:
    """400 Gb/s Ethernet that joins so many chips, eight rails."""
    part = FabricPart(kind="rail-optimised", endpoints=-(-chips // 8) * 8)
    return wire(FabricScenario(fabric=part, cluster=Cluster(chip="h100-sxm-80", chips=chips, network="roce-400")))


def case(profile: str, chips: int, **section: Any) -> Case:
    """A run of so many chips with this fleet's hazards and, of its `reliability` section, these fields."""
    wanted = Reliability.model_validate({"profile": profile, **section})
    wired = network_of(chips) if chips > 8 else None
    return case_of(Run(chips, "hopper", LARGE, STEP, HOST, NETWORK, 1), wired, wanted, Figures())


def failures_per_day(of: Case, *components: str, flaps: bool = True) -> float:
    """Failures a day of these classes, of all where none is named."""
    values = dict(of.typical)
    if not flaps:
        values["flaps"] = np.zeros(())
    by_class = rates(of, values)
    chosen = [index for index, each in enumerate(of.components) if not components or each.name in components]
    return float(by_class[chosen].sum()) * DAY


def mtbf_hours(of: Case, *components: str) -> float:
    """Hours between failures of these classes."""
    return 24 / failures_per_day(of, *components)


def effective(of: Case) -> float:
    """Useful share of the wall time."""
    return float(outcome(of, of.typical, np.asarray(1.0)).kept.share)


def cold_restart(chips: int) -> float:
    """Seconds of a cold restart."""
    of = case("h100-fthsdp", chips)
    return float(np.asarray(failing(of, of.typical).restart))


def with_rate(of: Case, factor: Floats) -> Failing:
    """A case's failures with every rate times a factor (n,)."""
    job = failing(of, {name: np.broadcast_to(value, np.shape(factor)) for name, value in of.typical.items()})
    return Failing(**{**job.__dict__, "rates": job.rates * factor, "waiting": np.zeros(()), "short": np.zeros(())})

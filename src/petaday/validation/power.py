"""Watts of servers, racks and clusters, PUE of sites, and the distributions of A100 power against what is published.

Rows of sites are levels of PUE that their operators state, the middle of a stated range, or what secondary sources say of
them; their plants are not known, so each row stands for a kind of plant at a place. What is compared is the overhead,
PUE − 1: the 1 is no prediction. `data/acme_power.csv`: quantiles of InternLM/AcmeTrace (CC-BY-4.0).
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from petaday.catalog import cooling as surroundings
from petaday.catalog import load
from petaday.site.power import Activity, it_parts
from petaday.site.psychrometrics import Floats
from petaday.study.site import site_of, site_year
from petaday.study.site_it import ItLoad, server_of
from petaday.study.site_scenario import Load, Site, SiteScenario
from petaday.validation.suite import Checked, Suite

ACME = Path(__file__).parent / "data" / "acme_power.csv"

TRAFFIC_OF_TENSOR = 1.0
"""Memory traffic over bandwidth by tensor activity over its peak: as much of one as of the other. A guess, since the trace
has no memory traffic."""

_AIR, _LIQUID = "economised-air", "direct-liquid"


@dataclass(frozen=True)
class _Watts:
    """A published power: of a server or of all IT by chip, of a rack, or of a whole site in MW."""

    name: str
    what: str
    chip: str
    chips: int
    measured: float
    cooling: str = _AIR
    region: str = "dallas"


WATTS = (
    _Watts("DGX A100, 6.5 kW at most (NVIDIA datasheet, from memory)", "server", "a100-sxm-80", 1024, 6500 / 8),
    _Watts("DGX H100, 10.2 kW at most (NVIDIA datasheet)", "server", "h100-sxm-80", 1024, 10200 / 8),
    _Watts("DGX B200, 14.3 kW at most (NVIDIA datasheet, from memory)", "server", "b200-sxm", 1024, 14300 / 8),
    _Watts("server of B200, 1,833 W a chip (CoreWeave, by Epoch)", "server", "b200-sxm", 1024, 1833),
    _Watts("server of B300, 1,944 W a chip (CoreWeave, by Epoch)", "server", "b300-sxm", 1024, 1944),
    _Watts("GB200 NVL72, 120 kW a rack (secondary pages)", "server", "gb200-nvl72", 1152, 120e3 / 72, _LIQUID),
    _Watts("server over chips, A100 (Epoch)", "ratio", "a100-sxm-80", 1024, 2.03),
    _Watts("server over chips, H100 (Epoch)", "ratio", "h100-sxm-80", 1024, 1.82),
    _Watts("IT of H100, 1,472 W a chip (CoreWeave, by Epoch)", "it", "h100-sxm-80", 16384, 1472),
    _Watts("IT of B300, 1.14 × 1,944 W a chip (CoreWeave, by Epoch)", "it", "b300-sxm", 16384, 1944 * 1.14),
    _Watts("Colossus 1, 100,000 H100, 150 MW (xAI)", "site", "h100-sxm-80", 100_000, 150e6, _LIQUID, "memphis"),
)  # fmt: skip


@dataclass(frozen=True)
class _Level:
    """A published PUE and the plant that stands for it."""

    name: str
    group: str
    measured: float
    region: str
    cooling: str
    rejection: str
    chain: str


LEVELS = (
    _Level("NREL ESIF, warm water, 1.036 of a year", "supercomputers", 1.036, "golden", _LIQUID, "tower", "no-ups"),
    _Level("Frontier, warm water, 1.03 to 1.06 (from memory)", "supercomputers", 1.045, "oak-ridge", _LIQUID, "tower",
           "no-ups"),
    _Level("Google, best 1.06", "operators", 1.06, "the-dalles", _AIR, "tower", "rack-battery"),
    _Level("Google, fleet 1.1", "operators", 1.1, "council-bluffs", _AIR, "tower", "rack-battery"),
    _Level("Meta, fleet 1.08", "operators", 1.08, "council-bluffs", _AIR, "tower", "rack-battery"),
    _Level("Microsoft, newest 1.12", "operators", 1.12, "phoenix", _AIR, "tower", "rack-battery"),
    _Level("AWS, new design 1.08", "operators", 1.08, "northern-virginia", _AIR, "tower", "rack-battery"),
    _Level("AWS, fleet 1.15", "operators", 1.15, "northern-virginia", _AIR, "tower", "double-conversion"),
    _Level("Equinix, fleet 1.42", "operators", 1.42, "northern-virginia", "chilled-air", "tower",
           "double-conversion-2n"),
    _Level("China, new sites of the hubs 1.10 (secondary)", "hubs", 1.1, "zhongwei", _AIR, "adiabatic", "hvdc"),
)  # fmt: skip

PROTOTYPE = (
    _Level("warm water, 1.088 to 1.10", "kinds", 1.094, "frankfurt", _LIQUID, "tower", "double-conversion"),
    _Level("air, cool climate, 1.11", "kinds", 1.11, "frankfurt", _AIR, "tower", "double-conversion"),
    _Level("air, Singapore, 1.20", "kinds", 1.2, "singapore", _AIR, "tower", "double-conversion"),
    _Level("chilled air, 1.22 to 1.36", "kinds", 1.29, "frankfurt", "chilled-air", "tower",
           "double-conversion"),
)  # fmt: skip
"""Levels by kind of plant that an earlier model of ours gave: no measurements."""


def power_suites() -> list[Suite]:
    """Watts at the limit, overheads of sites, and quantiles of Acme's A100 and servers."""
    acme = acme_distributions()
    return [
        Suite("power of servers and clusters", tuple(_checked_watts(each) for each in WATTS)),
        Suite("overhead of sites, PUE − 1", tuple(_checked_level(each) for each in LEVELS)),
        Suite(
            "overhead of kinds of plant, against an earlier model", tuple(_checked_level(each) for each in PROTOTYPE)
        ),
        Suite("power of A100, Acme", tuple(row for each in acme for row in each.rows())),
    ]


def _checked_watts(case: _Watts) -> Checked:
    full = Load(chips=case.chips, chip=case.chip, utilisation=1, arithmetic=1, traffic=1)
    site = Site(region=case.region, cooling=case.cooling, rejection="tower", power_chain="double-conversion")
    found = site_year(SiteScenario(load=full, site=site), Path())
    it = found.it
    assert it.peak is not None
    server, chips = float(it.peak.server) / case.chips, float(it.peak.chips) / case.chips
    predicted = {
        "server": server,
        "ratio": server / chips,
        "it": it.capacity / case.chips,
        "site": float(found.year.facility.total.max()),
    }[case.what]
    return Checked(
        id=case.name,
        group={"server": "servers", "ratio": "server over chips", "it": "IT", "site": "sites"}[case.what],
        metric="ratio" if case.what == "ratio" else "W",
        measured=case.measured,
        predicted=predicted,
        labels={"chip": case.chip},
        chips=case.chips,
    )


def _checked_level(case: _Level) -> Checked:
    site = Site(region=case.region, cooling=case.cooling, rejection=case.rejection, power_chain=case.chain)
    found = site_of(site, ItLoad(mean=80e6, capacity=100e6))
    return Checked(
        id=case.name,
        group=case.group,
        metric="PUE − 1",
        measured=case.measured - 1,
        predicted=float(found.year.pue) - 1,
        labels={"cooling": case.cooling, "site": case.region},
    )


@dataclass(frozen=True)
class Distribution:
    """Quantiles of power, measured and predicted by the law from quantiles of activity, each W of its own rank."""

    name: str
    measured: Floats
    predicted: Floats

    @property
    def distance(self) -> float:
        """Kolmogorov and Smirnov's: the largest difference of the two distribution functions."""
        at = np.concatenate([self.measured, self.predicted])
        shares = (
            np.searchsorted(np.sort(each), at, side="right") / len(each) for each in (self.measured, self.predicted)
        )
        one, other = shares
        return float(np.abs(one - other).max())

    def rows(self) -> list[Checked]:
        """The mean and some quantiles."""
        told = {"mean": (self.measured.mean(), self.predicted.mean())}
        for share in (10, 25, 50, 75, 90, 99):
            told[f"{share} %"] = (np.percentile(self.measured, share), np.percentile(self.predicted, share))
        return [
            Checked(
                id=f"{self.name}, {name}",
                group=f"{self.name}, KS distance {self.distance:.2f}",
                metric="W",
                measured=float(measured),
                predicted=float(predicted),
                labels={"quantile": name},
            )
            for name, (measured, predicted) in told.items()
        ]


@functools.cache
def acme_distributions() -> tuple[Distribution, ...]:
    """Of the GPUs of both clusters, and of their GPU servers, whose eight chips are taken to do alike."""
    with ACME.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    column = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    chip, cooling = load.chip("a100-sxm-80"), surroundings.cooling("economised-air")
    server = server_of(chip, surroundings.host_of(chip), cooling, None, 1)
    found = []
    draws: dict[str, Floats] = {}
    for cluster in ("seren", "kalos"):
        busy, tensor = column[f"{cluster}_busy_pct"] / 100, column[f"{cluster}_tensor_pct"] / 100
        # While busy; a rank without busy time has no tensor activity either.
        within = np.minimum(tensor / np.maximum(busy, 1e-9), 1.0)
        parts = it_parts(1.0, server, Activity(busy, within, TRAFFIC_OF_TENSOR * within))
        draws[cluster] = parts.server
        found.append(Distribution(f"A100 of {cluster.title()}", column[f"{cluster}_gpu_w"], parts.chips))
    both = 8 * np.concatenate([draws["seren"], draws["kalos"]])
    return (*found, Distribution("servers of 8 A100", column["server_w"], both))

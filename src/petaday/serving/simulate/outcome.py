"""What a simulation says: latencies of those served by tier, who was refused, tokens, seconds and joules.

    TTFT = first token - arrival        TPOT = (last token - first token) / (output - 1)        E2E = last token - arrival

with the arrival of the first attempt, and TPOT only of requests with two output tokens or more. Percentiles come from
histograms with bins of 0.5 %, so that no request has to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from petaday.serving.simulate.service import Service
from petaday.serving.simulate.state import SERVED, TIMED_OUT, Records

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

METRICS = ("ttft", "tpot", "e2e", "queue")
LOWEST, STEP, BINS = 1e-6, 0.005, 6400
"""The histograms' first bin's end in seconds, their bins' width as a share, and how many: up to 8e7 s."""


@dataclass(frozen=True)
class Limits:
    """Seconds within which a request counts as well served (service level objective)."""

    ttft: float = np.inf
    tpot: float = np.inf
    e2e: float = np.inf


class Curve(NamedTuple):
    """Requests by the time of their arrival, a column an interval: how many came, met the limits, were refused and gave
    up, and of those served the mean and the largest time to the first token."""

    arrived: Ints
    good: Ints
    refused: Ints
    timed_out: Ints
    served: Ints
    ttft: Floats
    ttft_most: Floats


@dataclass
class Ledger:
    """Counts requests as they end. tiers: how many; limits: of those well served; interval: seconds of a `Curve`'s column;
    keep: whether to keep every request's columns too."""

    tiers: int = 1
    limits: Limits = field(default_factory=Limits)
    interval: float = np.inf
    keep: bool = False

    def __post_init__(self) -> None:
        self.histograms = np.zeros((self.tiers, len(METRICS), BINS), dtype=np.int64)
        self.sums = np.zeros((self.tiers, len(METRICS)))
        self.outcomes = np.zeros((self.tiers, 5), dtype=np.int64)
        self.good = np.zeros(self.tiers, dtype=np.int64)
        self.tokens = np.zeros((self.tiers, 3), dtype=np.int64)
        self.preempted = self.retried = 0
        self.columns = np.zeros((7, 0))
        self.kept: list[Records] = []

    def add(self, ended: Records) -> None:
        """Count some requests."""
        if self.keep:
            self.kept.append(ended.copy())
        np.add.at(self.outcomes, (ended["tier"], ended["outcome"]), 1)
        self.preempted += int(ended["preempted"].sum())
        self.retried += int((ended["attempts"] > 1).sum())
        served = ended["outcome"] == SERVED
        done = ended[served]
        times = latencies(done)
        met = (
            (times["ttft"] <= self.limits.ttft)
            & ((times["tpot"] <= self.limits.tpot) | (done["output"] < 2))
            & (times["e2e"] <= self.limits.e2e)
        )
        np.add.at(self.good, done["tier"], met)
        for place, tokens in enumerate((done["prompt"], done["output"], done["cached"])):
            np.add.at(self.tokens[:, place], done["tier"], tokens)
        for place, name in enumerate(METRICS):
            counted = done["output"] > 1 if name == "tpot" else np.ones(len(done["tier"]), dtype=bool)
            seconds = times[name][counted]
            bins = np.clip(np.log(np.maximum(seconds, LOWEST) / LOWEST) / STEP, 0, BINS - 1).astype(np.int64)
            np.add.at(self.histograms[:, place], (done["tier"][counted], bins), 1)
            np.add.at(self.sums[:, place], done["tier"][counted], seconds)
        if self.interval < np.inf and len(ended["arrival"]):
            self._add_curve(ended, served, times["ttft"], met)

    def _add_curve(self, ended: Records, served: NDArray[np.bool_], ttft: Floats, met: NDArray[np.bool_]) -> None:
        when = (ended["arrival"] / self.interval).astype(np.int64)
        missing = int(when.max()) + 1 - self.columns.shape[1]
        if missing > 0:
            self.columns = np.pad(self.columns, ((0, 0), (0, missing)))
        refused = ~served & (ended["outcome"] != TIMED_OUT)
        np.add.at(self.columns[0], when, 1)
        for row, chosen in ((2, refused), (3, ended["outcome"] == TIMED_OUT), (4, served)):
            np.add.at(self.columns[row], when[chosen], 1)
        np.add.at(self.columns[1], when[served], met)
        np.add.at(self.columns[5], when[served], ttft)
        np.maximum.at(self.columns[6], when[served], ttft)

    @property
    def curve(self) -> Curve:
        """The requests by the time of their arrival."""
        counts = self.columns[:5].astype(np.int64)
        mean = self.columns[5] / np.maximum(counts[4], 1)
        return Curve(*counts, mean, self.columns[6])

    def percentile(self, metric: str, share: float, tier: int | None = None) -> float:
        """Seconds that a share of the requests served stay within; not a number where none was.

        Of n requests the ceil(share·n)-th in order, and the middle of its bin.
        """
        counts = self.histograms[:, METRICS.index(metric)]
        counts = counts.sum(axis=0) if tier is None else counts[tier]
        total = int(counts.sum())
        if not total:
            return float("nan")
        place = int(np.searchsorted(np.cumsum(counts), max(np.ceil(share * total), 1)))
        return float(LOWEST * np.exp(STEP * (place + 0.5)))

    def mean(self, metric: str, tier: int | None = None) -> float:
        """Mean seconds of the requests served; not a number where none was."""
        place = METRICS.index(metric)
        counts, sums = self.histograms[:, place].sum(axis=1), self.sums[:, place]
        number, total = (counts.sum(), sums.sum()) if tier is None else (counts[tier], sums[tier])
        return float(total / number) if number else float("nan")


def latencies(ended: Records) -> dict[str, Floats]:
    """Seconds by metric of requests that were served; a TPOT of 0 where there is one output token."""
    return {
        "ttft": ended["first"] - ended["arrival"],
        "tpot": (ended["end"] - ended["first"]) / np.maximum(ended["output"] - 1, 1),
        "e2e": ended["end"] - ended["arrival"],
        "queue": ended["admitted"] - ended["arrival"],
    }


@dataclass(frozen=True)
class Outcome:
    """A simulation's result.

    seconds: simulated; taken: requests that came; stopped: whether it ended before all of them had left
    pools: replica-seconds, tokens and joules of each (`state.POOL`); samples: the system at regular times (`state.SAMPLE`)
    """

    service: Service
    ledger: Ledger
    seconds: float
    taken: int
    events: int
    stopped: bool
    pools: Records
    samples: Records

    @property
    def unfinished(self) -> int:
        """Requests that came and had not left when it stopped."""
        return self.taken - int(self.ledger.outcomes.sum())

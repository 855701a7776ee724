"""Whether plans of one job are put in the right order: rank correlation, and what our choice would have cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from petaday.training.pricer import Pricer
from petaday.validation.cases import Case, cases_of
from petaday.validation.nanotron import Sweep, fast_pipeline, sweep_rows, sweeps_of
from petaday.validation.suite import Checked, Suite
from petaday.validation.table import Row, read_rows
from petaday.validation.training import RECORD

Floats = NDArray[np.float64]

FEWEST = 4
"""Plans that make a group."""

NEAR = 1.05
"""A choice within 5 % of the best measured time is as good as the best: runs repeat to about 3 %."""

SOURCES = ("vtrain", "internevo", "llm-foundry")
"""Sources of the training record that swept plans of one job."""

FIT_SHARE = 3
"""Every third group of the sweep is seen by the fit of its profile."""


@dataclass(frozen=True)
class Group:
    """Plans of one model, number of chips, sequence length and global batch.

    predicted, measured: seconds per step; fits: whether a plan fits in memory by our count
    fitted: whether the profile's figures were fitted to this group's runs
    """

    source: str
    model: str
    chips: int
    seq_len: int
    global_batch: int
    predicted: Floats
    measured: Floats
    fits: NDArray[np.bool_]
    fitted: bool = False

    @property
    def plans(self) -> int:
        """Number of plans."""
        return len(self.measured)

    @property
    def spearman(self) -> float:
        """Rank correlation of predicted and measured times; ties share their mean rank."""
        return spearman(self.predicted, self.measured)

    @property
    def pick(self) -> int:
        """The plan we would choose: the fastest of those that fit by our count, or of all where none does."""
        among = self.fits if self.fits.any() else np.ones(self.plans, dtype=bool)
        return int(np.argmin(np.where(among, self.predicted, np.inf)))

    @property
    def regret(self) -> float:
        """Measured time of our choice over the best measured time."""
        return float(self.measured[self.pick] / self.measured.min())


@dataclass(frozen=True)
class Ranking:
    """Statistics over groups: medians of correlation and regret, share of choices within NEAR, the worst regret."""

    groups: int
    plans: int
    spearman: float
    near: float
    regret: float
    worst: float


def spearman(one: Floats, other: Floats) -> float:
    """Correlation of ranks; nan where either has no order."""
    first, second = _ranks(one), _ranks(other)
    spread = first.std() * second.std()
    return float(np.mean((first - first.mean()) * (second - second.mean())) / spread) if spread else float("nan")


def _ranks(values: Floats) -> Floats:
    """Ranks from 0; equal values share their mean."""
    ordered = np.sort(values)
    below, through = np.searchsorted(ordered, values), np.searchsorted(ordered, values, side="right")
    return np.asarray((below + through - 1) / 2)


def ranking_of(groups: Sequence[Group]) -> Ranking:
    """Statistics of some groups."""
    if not groups:
        return Ranking(0, 0, *[float("nan")] * 4)
    regrets = np.array([group.regret for group in groups])
    return Ranking(
        groups=len(groups),
        plans=sum(group.plans for group in groups),
        spearman=float(np.nanmedian([group.spearman for group in groups])),
        near=float(np.mean(regrets <= NEAR)),
        regret=float(np.median(regrets)),
        worst=float(regrets.max()),
    )


def ranked_sweeps() -> list[tuple[Sweep, bool]]:
    """Sweeps of nanotron's fast pipeline with enough successful plans, and whether the profile's fit saw them."""
    rows = [row for row in sweep_rows() if row["status"] == "Success" and fast_pipeline(row)]
    found = [sweep for sweep in sweeps_of(rows) if len(sweep.rows) >= FEWEST]
    return [(sweep, at % FIT_SHARE == 0) for at, sweep in enumerate(found)]


def sweep_groups() -> list[Group]:
    """The groups of nanotron's sweep."""
    groups = []
    for sweep, fitted in ranked_sweeps():
        job = sweep.joined.job
        prices = Pricer(job).price(sweep.plans)
        measured = np.array([float(row["step_time_s"]) for row in sweep.rows])
        groups.append(
            Group(
                "nanotron",
                sweep.size,
                job.chips,
                job.seq_len,
                job.global_batch,
                prices.step_time,
                measured,
                prices.memory <= job.memory,
                fitted,
            )
        )
    return groups


def record_groups(rows: Iterable[Row] | None = None) -> list[Group]:
    """The groups of the training record's sweeps; their profiles were fitted to the record."""
    listed = read_rows(RECORD) if rows is None else rows
    cases, _ = cases_of(row for row in listed if row["source_family"] in SOURCES)
    found: dict[tuple[str, ...], list[Case]] = {}
    for case in cases:
        row = case.row
        key = ("source_family", "model", "accelerator", "n_accelerators", "seq_len", "global_batch", "dtype")
        found.setdefault(tuple(row[name] for name in key), []).append(case)
    return [_group(members) for members in found.values() if len(members) >= FEWEST]


def _group(cases: Sequence[Case]) -> Group:
    prices = [Pricer(case.job).price(case.plans) for case in cases]
    job, row = cases[0].job, cases[0].row
    return Group(
        row["source_family"],
        row["model"],
        job.chips,
        job.seq_len,
        job.global_batch,
        np.array([float(price.step_time[0]) for price in prices]),
        np.array([case.measured for case in cases]),
        np.array([bool(price.memory[0] <= job.memory) for price in prices]),
        True,
    )


def ranking_suites() -> list[Suite]:
    """Step times of nanotron's sweep, whose groups are ranked."""
    rows: list[Checked] = []
    for sweep, _ in ranked_sweeps():
        times = Pricer(sweep.joined.job).price(sweep.plans).step_time
        rows += [
            Checked(
                id=row["id"],
                group=sweep.size,
                metric="step_time_s",
                measured=float(row["step_time_s"]),
                predicted=float(time),
                config=row["config_group"],
                plan_known=True,
                chips=sweep.joined.job.chips,
            )
            for row, time in zip(sweep.rows, times, strict=True)
        ]
    return [Suite("step times of the ranked sweep", tuple(rows))]


def ranking_groups() -> list[Group]:
    """All groups: of nanotron's sweep and of the training record's."""
    return sweep_groups() + record_groups()


def ranking_data(groups: Sequence[Group]) -> dict[str, Any]:
    """Statistics overall, by source, and of the sweep's groups that no fit saw; then every group."""
    sources = dict.fromkeys(group.source for group in groups)
    parts: dict[str, Sequence[Group]] = {"all": groups}
    parts |= {source: [group for group in groups if group.source == source] for source in sources}
    parts["not fitted"] = [group for group in groups if not group.fitted]
    return {
        "statistics": [{"name": name, **_plain(ranking_of(some))} for name, some in parts.items()],
        "groups": [
            {
                "source": group.source,
                "model": group.model,
                "chips": group.chips,
                "sequence_length": group.seq_len,
                "global_batch": group.global_batch,
                "plans": group.plans,
                "spearman": round(group.spearman, 3) if group.spearman == group.spearman else None,
                "regret": round(group.regret, 3),
                "fitted": group.fitted,
            }
            for group in groups
        ],
    }


def _plain(told: Ranking) -> dict[str, Any]:
    numbers = {"spearman": told.spearman, "near_pct": 100 * told.near, "regret": told.regret, "worst": told.worst}
    rounded = {name: None if np.isnan(value) else round(value, 3) for name, value in numbers.items()}
    return {"groups": told.groups, "plans": told.plans, **rounded}

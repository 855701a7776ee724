"""A suite of predictions against measurements, and its statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Checked:
    """One measurement: `group` says what it belongs to in the table of errors; `skipped` why it has no prediction.

    config: shared by runs of one configuration; cell: shared by what one source measured on one chip
    labels: what else errors are broken down by; low, high: where 80 % of measurements should lie
    plan_known: whether the plan was given; None where there is no plan; chips: how many there were
    """

    id: str
    group: str
    metric: str
    measured: float
    predicted: float | None
    skipped: str = ""
    config: str = ""
    cell: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    plan_known: bool | None = None
    chips: int = 0

    @property
    def inside(self) -> bool:
        """Whether the measured value lies in the interval."""
        return self.low is not None and self.high is not None and self.low <= self.measured <= self.high

    @property
    def error(self) -> float:
        """predicted / measured - 1."""
        assert self.predicted is not None
        return self.predicted / self.measured - 1


@dataclass(frozen=True)
class Errors:
    """n rows, those predicted, and of their relative errors median and mean size, 90th percentile, bias."""

    n: int
    predicted: int
    median: float
    mean: float
    p90: float
    bias: float


def errors_of(errors: Iterable[float], n: int | None = None) -> Errors:
    """Statistics of signed relative errors; `n` counts the rows that could not be predicted too."""
    signed = np.array(list(errors))
    size = np.abs(signed)
    if not len(signed):
        return Errors(n or 0, 0, *[float("nan")] * 4)
    return Errors(
        n=len(signed) if n is None else n,
        predicted=len(signed),
        median=float(np.median(size)),
        mean=float(np.mean(size)),
        p90=float(np.quantile(size, 0.9)),
        bias=float(np.median(signed)),
    )


@dataclass(frozen=True)
class Suite:
    """A named set of checked measurements; `by_configuration` says that runs of one configuration count once."""

    name: str
    rows: tuple[Checked, ...]
    by_configuration: bool = False

    @property
    def errors(self) -> Errors:
        """Statistics over all rows."""
        return errors_of((row.error for row in self.rows if not row.skipped), len(self.rows))

    def by_group(self) -> dict[str, Errors]:
        """Statistics by group, in the order of their first row."""
        groups = list(dict.fromkeys(row.group for row in self.rows))
        members = {name: [row for row in self.rows if row.group == name] for name in groups}
        return {
            name: errors_of((row.error for row in rows if not row.skipped), len(rows))
            for name, rows in members.items()
        }

"""A suite of predictions against measurements, and its statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Checked:
    """One measurement: `group` says what it belongs to in the table of errors; `skipped` why it has no prediction.

    config: shared by runs of one configuration; cell: shared by what one source measured on one chip
    labels: what else errors are broken down by
    low, high: where 80 % of measurements should lie, of latencies of serving 90 %, of supply the source's own range
    plan_known: whether the plan was given; None where there is no plan; chips: how many there were
    weight: what the row counts in a weighted suite
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
    weight: float = 1.0

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


def weighted_errors(rows: Iterable[Checked]) -> Errors:
    """Statistics of ln(predicted/measured) in which rows count by their weight: half of it lies under the median."""
    listed = list(rows)
    told = [row for row in listed if row.predicted is not None]
    if not told:
        return Errors(len(listed), 0, *[float("nan")] * 4)
    signed, weight = np.log([1 + row.error for row in told]), np.array([row.weight for row in told])
    size = np.abs(signed)
    return Errors(
        n=len(listed),
        predicted=len(told),
        median=weighted_quantile(size, weight, 0.5),
        mean=float(np.average(size, weights=weight)),
        p90=weighted_quantile(size, weight, 0.9),
        bias=weighted_quantile(signed, weight, 0.5),
    )


def weighted_quantile(values: NDArray[np.float64], weight: NDArray[np.float64], share: float) -> float:
    """The smallest value that this share of the weight does not exceed."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(reached, share * reached[-1])])


@dataclass(frozen=True)
class Suite:
    """A named set of checked measurements.

    by_configuration: runs of one configuration count once; weighted: rows count by their weight, and errors are those of
    the logarithm
    """

    name: str
    rows: tuple[Checked, ...]
    by_configuration: bool = False
    weighted: bool = False

    @property
    def errors(self) -> Errors:
        """Statistics over all rows."""
        return self.errors_among(self.rows)

    def errors_among(self, rows: Sequence[Checked]) -> Errors:
        """Statistics over some of the rows."""
        if self.weighted:
            return weighted_errors(rows)
        return errors_of((row.error for row in rows if not row.skipped), len(rows))

    def by_group(self) -> dict[str, Errors]:
        """Statistics by group, in the order of their first row."""
        groups = list(dict.fromkeys(row.group for row in self.rows))
        members = {name: [row for row in self.rows if row.group == name] for name in groups}
        return {name: self.errors_among(rows) for name, rows in members.items()}

"""A suite of predictions against measurements, and its statistics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Checked:
    """One measurement: `group` says what it belongs to in the table of errors; `skipped` why it has no prediction."""

    id: str
    group: str
    metric: str
    measured: float
    predicted: float | None
    skipped: str = ""

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
    """A named set of checked measurements."""

    name: str
    rows: tuple[Checked, ...]

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


def suites_data(suites: Iterable[Suite]) -> dict[str, Any]:
    """Suites as plain data with stable keys; errors in percent."""
    listed = list(suites)

    def percent(value: float) -> float | None:
        return None if np.isnan(value) else round(100 * value, 2)

    def line(name: str, errors: Errors) -> dict[str, Any]:
        return {
            "name": name,
            "n": errors.n,
            "predicted": errors.predicted,
            "median_abs_pct": percent(errors.median),
            "mean_abs_pct": percent(errors.mean),
            "p90_abs_pct": percent(errors.p90),
            "bias_pct": percent(errors.bias),
        }

    return {
        "suites": [
            {
                **line(suite.name, suite.errors),
                "groups": [line(name, errors) for name, errors in suite.by_group().items()],
            }
            for suite in listed
        ],
        "rows": [
            {
                "id": row.id,
                "suite": suite.name,
                "metric": row.metric,
                "measured": row.measured,
                "predicted": row.predicted,
                "error_pct": None if row.skipped else percent(row.error),
                "skipped": row.skipped or None,
            }
            for suite in listed
            for row in suite.rows
        ],
    }

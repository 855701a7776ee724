"""Errors weighed as configurations: runs of one configuration count once, and each source on an accelerator alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from petaday.validation.suite import Checked

SCALES = (8, 64, 512, 4096)
"""Ends of the bands of cluster sizes."""


def scale_of(chips: int) -> str:
    """The band of a cluster's size: "9-64 chips"."""
    lower = 1
    for upper in SCALES:
        if chips <= upper:
            return f"{lower}-{upper} chips"
        lower = upper + 1
    return f"over {SCALES[-1]} chips"


@dataclass(frozen=True)
class Score:
    """Of |ln(predicted/measured)| of configurations: median, 90th percentile, and bias (median signed).

    median, p90, bias: averaged over the cells (a source on an accelerator); pooled_*: over all configurations
    rows, predicted, configurations, cells: how many; coverage: share of runs inside their interval
    """

    rows: int
    predicted: int
    configurations: int
    cells: int
    median: float
    p90: float
    bias: float
    pooled_median: float
    pooled_p90: float
    pooled_bias: float
    coverage: float


def score(rows: Iterable[Checked]) -> Score:
    """The score of some rows; a configuration's error is the mean of its runs'."""
    listed = list(rows)
    cells: dict[str, dict[str, list[float]]] = {}
    inside = 0
    for row in listed:
        if row.predicted is not None:
            cells.setdefault(row.cell, {}).setdefault(row.config, []).append(float(np.log(1 + row.error)))
            inside += row.inside
    errors = [np.array([np.mean(runs) for runs in groups.values()]) for groups in cells.values()]
    predicted = sum(row.predicted is not None for row in listed)
    if not errors:
        return Score(len(listed), 0, 0, 0, *[float("nan")] * 7)
    every = np.concatenate(errors)
    return Score(
        rows=len(listed),
        predicted=predicted,
        configurations=len(every),
        cells=len(errors),
        median=float(np.mean([np.median(np.abs(cell)) for cell in errors])),
        p90=float(np.mean([np.quantile(np.abs(cell), 0.9) for cell in errors])),
        bias=float(np.mean([np.median(cell) for cell in errors])),
        pooled_median=float(np.median(np.abs(every))),
        pooled_p90=float(np.quantile(np.abs(every), 0.9)),
        pooled_bias=float(np.median(every)),
        coverage=inside / predicted,
    )

"""What was fitted to measured training runs: figures with standard errors, and the error they leave.

Files under `fits/` hold it, each written by the command that fits: `python benchmarks/fit_training.py` for the record of
runs, `python benchmarks/fit_nanotron.py` for the sweep of plans.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from petaday.catalog.chip import Chip, Dtype
from petaday.catalog.efficiency import Efficiency, related_dtypes, scopes_of
from petaday.catalog.figure import Figure
from petaday.catalog.part import Id
from petaday.catalog.validate import Strict
from petaday.units import Kind, render

Share = Annotated[float, Field(ge=0)]


class Fitted(Strict):
    """A fitted value in SI units and its standard error."""

    value: Annotated[float, Field(ge=0)]
    error: Annotated[float, Field(ge=0)]


class FitRecord(Strict):
    """Figures of one software profile, or of a chip in one dtype (or what stands in for chips without runs).

    runs, sources: the measured runs behind the figures; loss: median of |ln(predicted/measured)| over them; held_out:
    the same for runs that the fit did not see, one fifth of the configurations at a time
    """

    software: Id | None = None
    chip: Id | None = None
    generation: Id | None = None
    vendor: str | None = None
    class_: Literal["gpu", "tpu", "npu", "other"] | None = Field(default=None, alias="class")
    dtype: Dtype | None = None
    figures: dict[str, Fitted]
    runs: Annotated[int, Field(gt=0)]
    sources: tuple[str, ...]
    loss: Share
    held_out: Share
    date: str
    command: str

    @model_validator(mode="after")
    def _one_owner(self) -> Self:
        owners = [self.software, self.chip, self.generation, self.vendor, self.class_]
        if sum(owner is not None for owner in owners) != 1 or (self.software is None) != (self.dtype is not None):
            raise ValueError("a fit belongs to one software, or to one chip, generation, vendor or class in a dtype")
        return self

    @property
    def scope(self) -> tuple[str, str]:
        """Whose figures these are: ("software", "nemo-2025"), ("chip", "h100-sxm-80"), ("class", "gpu") ..."""
        named = (
            ("software", self.software),
            ("chip", self.chip),
            ("generation", self.generation),
            ("vendor", self.vendor),
            ("class", self.class_),
        )
        return next((kind, name) for kind, name in named if name is not None)

    def as_figures(self) -> dict[str, Figure]:
        """The fitted values as figures that say where they come from."""
        kind, name = self.scope
        whose = f"of {name}" if kind in ("software", "chip") else f"mean over {kind} {name}"
        return {
            figure: Figure(
                value=fitted.value,
                text=render(fitted.value, Kind.TIME) if figure in SECONDS else f"{fitted.value:.4g}",
                source=f"{whose}: fitted to {self.runs} training runs, standard error {fitted.error:.2g}",
                estimate=kind not in ("software", "chip"),
            )
            for figure, fitted in self.figures.items()
        }


SECONDS = ("host_launch", "expert_host", "tensor_launch", "shard_start", "step_overhead", "launch")
"""Figures that are times; the others are ratios."""


class Interval(Strict):
    """The range that holds 80 % of measured over predicted times, by class of chip and by what was known.

    measured: runs of that chip were fitted; plan_known: no searched column was left open; runs: how many stand behind
    """

    class_: Literal["gpu", "tpu", "npu", "other"] = Field(alias="class")
    measured: bool
    plan_known: bool
    low: Annotated[float, Field(gt=0, le=1)]
    high: Annotated[float, Field(ge=1)]
    runs: int


def fit_lines(record: FitRecord) -> list[str]:
    """A record as it stands in a file of fits."""
    kind, name = record.scope
    figures = record.figures.items()
    return [
        f'  - {kind}: "{name}"',
        *([f"    dtype: {record.dtype}"] if record.dtype else []),
        "    figures:",
        *(f"      {figure}: {{value: {_plain(f.value)}, error: {_plain(f.error)}}}" for figure, f in figures),
        f"    runs: {record.runs}",
        f"    sources: [{', '.join(record.sources)}]",
        f"    loss: {record.loss:.4f}",
        f"    held_out: {record.held_out:.4f}",
        f'    date: "{record.date}"',
        f"    command: {record.command}",
    ]


def _plain(value: float) -> str:
    """A number with four significant digits and no exponent."""
    return np.format_float_positional(float(f"{value:.4g}"), trim="0")


def with_fit(
    efficiency: Efficiency, chip: Chip, dtype: str, records: Iterable[FitRecord], *, keep_measured: bool = False
) -> Efficiency:
    """A chip's efficiencies with what was fitted to its training runs, or to those of the chips it takes after.

    keep_measured: only estimates give way to what other chips' runs say
    """
    known = {(*record.scope, record.dtype): record for record in records if record.dtype}
    for candidate in related_dtypes(dtype):
        for kind, name in scopes_of(chip):
            record = known.get((kind, name, candidate))
            if record is not None:
                update: Mapping[str, Any] = {
                    figure: fitted
                    for figure, fitted in record.as_figures().items()
                    if not keep_measured or kind == "chip" or getattr(efficiency.figures, figure).estimate
                }
                return Efficiency(efficiency.figures.model_copy(update=update), efficiency.inherited, efficiency.fit)
    return efficiency

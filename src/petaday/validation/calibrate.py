"""Fit a chip's few training figures to a user's own runs, and write them as a catalog file."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from petaday.calibration.write import figure_text, from_catalog, quoted
from petaday.catalog import load
from petaday.catalog.efficiency import EfficiencyFigures
from petaday.catalog.figure import Figure
from petaday.errors import InputError
from petaday.validation.cases import Case, Owner, cases_of
from petaday.validation.fitting import Knob, Problem, Solution
from petaday.validation.table import read_rows

EDGE = 0.01
"""A figure this near, relative, to an end of its plausible range has left it."""


@dataclass(frozen=True)
class Calibrated:
    """A chip's figures by dtype with standard errors, and the errors before and after (medians of |ln|).

    leaving: figures that ended on the edge of their plausible range
    skipped: by id, why a row could not be used
    """

    chip: str
    figures: dict[str, dict[str, tuple[float, float]]]
    runs: int
    before: float
    after: float
    leaving: tuple[str, ...]
    skipped: dict[str, str]


def calibrate(data: Path, chip_name: str, *, force: bool = False) -> Calibrated:
    """Fit the chip's clock and memory efficiency, by dtype, to the runs of a table on it; software stays as it is.

    Raises InputError: the chip is unknown, no row can be used, or a figure leaves its plausible range without `force`.
    """
    chip = load.chip(chip_name, allow_unverified=True)
    cases, skipped = cases_of(read_rows(data))
    used = [case for case in cases if case.joined.parts.chip.id == chip.id]
    if not used:
        others = sorted({case.joined.parts.chip.id for case in cases})
        told = f"runs on {', '.join(others)}" if others else next(iter(skipped.values()), "no rows")
        raise InputError(
            f"no run of {data} on {chip.id} can be used", field="--data", expected=f"runs on it; found: {told}"
        )
    problem = Problem(used, knobs_of(used))
    start = np.log([_current(used, knob) for knob in problem.knobs])
    solution = problem.solve(start)
    leaving = tuple(leaves(solution))
    if leaving and not force:
        raise InputError(
            f"the fit leaves the plausible range of {', '.join(leaving)}",
            field="--data",
            expected="runs that the model describes, or --force to write the file nonetheless",
        )
    values, errors = solution.values(), solution.errors()
    figures: dict[str, dict[str, tuple[float, float]]] = {}
    for knob in problem.knobs:
        figures.setdefault(knob.owner[2], {})[knob.name] = (values[knob], errors[knob])
    before = problem.predict(start) - problem.measured
    return Calibrated(
        chip=chip.id,
        figures=figures,
        runs=len(used),
        before=float(np.median(np.abs(before))),
        after=float(np.median(np.abs(solution.residuals))),
        leaving=leaving,
        skipped=skipped,
    )


def knobs_of(cases: Iterable[Case]) -> list[Knob]:
    """Clock and memory efficiency of the chip in every dtype that the runs use."""
    found: dict[Knob, None] = {}
    for case in cases:
        for owner in (case.chip, case.wide_chip):
            found[Knob.of(owner, "sustained", measured_alone=False)] = None
        found[Knob.of(case.wide_chip, "memory")] = None
    return list(found)


def _current(cases: Iterable[Case], knob: Knob) -> float:
    """The catalog's value of a figure, inside its plausible range."""
    owner: Owner = knob.owner
    case = next(each for each in cases if owner in (each.chip, each.wide_chip))
    figure: Figure = getattr(case.joined.parts.efficiencies[owner[2]].figures, knob.name)
    return min(max(figure.value, knob.prior.low), knob.prior.high)


def leaves(solution: Solution) -> list[str]:
    """Names of the figures that ended on the edge of their plausible range, with their values."""
    return [
        f"{knob.name} in {knob.owner[2]} ({value:.3g}, plausible {knob.prior.low:g} to {knob.prior.high:g})"
        for knob, value in solution.values().items()
        if value <= knob.prior.low * (1 + EDGE) or (knob.prior.high < 1 and value >= knob.prior.high * (1 - EDGE))
    ]


def catalog_file(told: Calibrated, id_: str, command: str) -> str:
    """A file for `petaday catalog add`: the chip under this id, with the fitted figures and the catalog's others."""
    known = load.chip(told.chip, allow_unverified=True)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    where = f"{told.runs} training runs, {today}"
    fields = {
        "id": id_,
        "name": f"{known.name} as {id_}" if id_ != known.id else known.name,
        "vendor": known.vendor,
        "generation": known.generation,
        "class": known.class_,
        "verified": known.verified,
        "notes": f"calibrated to {where}",
    }
    chip = [
        *(f"{name}: {quoted(value)}" for name, value in fields.items()),
        f"year: {known.year}",
        *from_catalog(known),
    ]
    lines = [f"# Written by `{command}`: {where}, median error {told.after:.1%}.", "chips:"]
    lines += [f"  {'- ' if number == 0 else '  '}{line}" for number, line in enumerate(chip)]
    lines.append("efficiencies:")
    for dtype, fitted in told.figures.items():
        lines += [f"  - chip: {quoted(id_)}", f"    dtype: {dtype}", "    figures:"]
        for name in EfficiencyFigures.model_fields:
            figure: Figure = getattr(load.efficiency_of(known, dtype).figures, name)
            written = figure_text(figure.text, figure.source, True)
            if name in fitted:
                value, error = fitted[name]
                written = figure_text(f"{value:.4f}", f"fitted to {where}, standard error {error:.2g}")
            lines.append(f"      {name}: {written}")
        lines.append(
            f"    fit: {{rows: {told.runs}, loss: {told.after:.4f}, date: {quoted(today)}, command: {quoted(command)}}}"
        )
    return "\n".join(lines) + "\n"


def calibrated_data(told: Calibrated, out: Path) -> dict[str, object]:
    """The result as plain data with stable keys."""
    return {
        "chip": told.chip,
        "file": str(out),
        "runs": told.runs,
        "median_abs_pct_before": round(100 * told.before, 2),
        "median_abs_pct_after": round(100 * told.after, 2),
        "figures": {
            dtype: {name: {"value": value, "standard_error": error} for name, (value, error) in figures.items()}
            for dtype, figures in told.figures.items()
        },
        "leaving": list(told.leaving),
        "skipped": told.skipped,
    }

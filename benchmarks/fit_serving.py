"""Fit the engine profiles to one half of the record of latencies and write the catalog's `engine_fits.yaml`.

python benchmarks/fit_serving.py
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

import numpy as np
from scipy.optimize import least_squares

from petaday.catalog import load
from petaday.catalog.engine import Engine as Profile
from petaday.catalog.figure import Figure
from petaday.validation.latency import Cell, cells_of, group_of, held_out
from petaday.validation.latency_record import read_record

BOUNDS = {
    "iteration": (1e-5, 2e-2),
    "routing": (1e-7, 5e-4),
    "sequence": (1e-8, 3e-4),
    "exposed": (0.05, 3.0),
}
"""Plausible ranges: seconds, and a ratio."""

SPREAD = {"iteration": 1.0, "routing": 0.7, "sequence": 1.0, "exposed": 0.4}
"""Deviations of a figure's logarithm from the value in engines.yaml: a departure by one weighs as much as a row that is off
by ODD, so that figures stay plausible where rows say little of them."""

ODD = 0.08
"""Errors far beyond this pull on the fit by their size, no longer by its square: some runs were not what they say."""

COMMAND = "python benchmarks/fit_serving.py"
HEAD = f"""# Written by `{COMMAND}` from half of the record of serving latencies: figures in SI units; loss, p90,
# held_out and unseen are shares of the measured time (see docs/serving.md).
engine_fits:
"""


def main() -> None:
    """Fit every profile; print and write its figures with the errors in and out of sample."""
    rows = read_record()
    kept = np.array(held_out(rows))
    groups = np.array([group_of(row) for row in rows])
    cells: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells_of(rows):
        cells[cell.profile].append(cell)
    lines = []
    for name, own in sorted(cells.items()):
        profile = load.engine(name)
        fitted = fit(profile, [cell.part(~kept[list(cell.places)]) for cell in own])
        seen = errors(fitted, [cell.part(~kept[list(cell.places)]) for cell in own])
        unseen = errors(fitted, [cell.part(kept[list(cell.places)]) for cell in own])
        alone = left_out(profile, own, kept, groups)
        figures = {figure: getattr(fitted, figure).value for figure in profile.fits}
        told = ", ".join(f"{figure}: {plain(value)}" for figure, value in figures.items())
        share = f", unseen: {np.median(alone):.4f}" if len(alone) else ""
        lines.append(
            f"  - {{engine: {name},\n     figures: {{{told}}},\n     rows: {len(seen)}, loss: {np.median(seen):.4f}, "
            f"p90: {np.quantile(seen, 0.9):.4f}, held_out_rows: {len(unseen)}, held_out: {np.median(unseen):.4f}, "
            f'held_out_p90: {np.quantile(unseen, 0.9):.4f}{share},\n     date: "{date.today()}", command: "{COMMAND}"}}\n'
        )
        print(lines[-1], end="")
    (load.DATA / "engine_fits.yaml").write_text(HEAD + "".join(lines), encoding="utf-8")


def plain(value: float) -> str:
    """Decimals as strict YAML reads them."""
    return f"{value:.9f}".rstrip("0").rstrip(".") or "0"


def moved(profile: Profile, logs: np.ndarray) -> Profile:
    """The profile with other values of the figures that may move."""
    values = zip(profile.fits, np.exp(logs).tolist(), strict=True)
    return profile.model_copy(
        update={name: Figure(value=value, text=f"{value:g}", source="a fit") for name, value in values}
    )


def fit(profile: Profile, cells: Sequence[Cell]) -> Profile:
    """The figures that fit these rows best."""
    low, high = np.log(np.array([BOUNDS[name] for name in profile.fits])).T
    measured = np.log(np.concatenate([cell.measured for cell in cells]))

    written = load.written_engines()[profile.id]
    typical = np.log([getattr(written, name).value for name in profile.fits])
    spread = np.array([SPREAD[name] for name in profile.fits])

    def residuals(logs: np.ndarray) -> np.ndarray:
        trial = moved(profile, logs)
        errors_of_rows = np.log(np.concatenate([cell.predict(trial) for cell in cells])) - measured
        return np.concatenate([errors_of_rows, ODD * (logs - typical) / spread])

    first = np.clip(typical, low + 1e-6, high - 1e-6)
    solution = least_squares(residuals, first, bounds=(low, high), loss="soft_l1", f_scale=ODD, diff_step=1e-3,
                             max_nfev=25)  # fmt: skip
    return moved(profile, solution.x)


def errors(profile: Profile, cells: Sequence[Cell]) -> np.ndarray:
    """Absolute relative errors."""
    return np.concatenate([np.abs(cell.predict(profile) / cell.measured - 1) for cell in cells])


def left_out(profile: Profile, cells: Sequence[Cell], kept: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Errors of each group's held-out rows by a fit that saw none of its rows; empty where there is one group only."""
    names = sorted({groups[place] for cell in cells for place in cell.places})
    found = []
    for name in names if len(names) > 1 else []:
        others = [cell.part(~kept[list(cell.places)] & (groups[list(cell.places)] != name)) for cell in cells]
        own = [cell.part(kept[list(cell.places)] & (groups[list(cell.places)] == name)) for cell in cells]
        found.append(errors(fit(profile, others), own))
    return np.concatenate(found) if found else np.array([])


if __name__ == "__main__":
    main()

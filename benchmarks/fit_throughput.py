"""Fit the engine profiles that no latencies tell to one half of the record of throughputs: `throughput_fits.yaml`.

python benchmarks/fit_throughput.py
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

import numpy as np
from scipy.optimize import least_squares

from fit_serving import moved, plain
from petaday.catalog import load
from petaday.catalog.engine import Engine as Profile
from petaday.validation.serving import held_out, measured_of
from petaday.validation.serving_cells import Cell, best_of, cells_of
from petaday.validation.serving_predict import predict
from petaday.validation.serving_record import read_record
from petaday.validation.suite import weighted_quantile

BOUNDS = {
    "iteration": (1e-5, 0.2),
    "layer": (1e-7, 2e-3),
    "routing": (1e-7, 2e-3),
    "rank": (1e-5, 0.1),
    "sequence": (1e-7, 2e-3),
    "exposed": (0.05, 5.0),
    "arithmetic": (0.2, 1.1),
    "grouped": (0.2, 1.1),
    "decode_bandwidth": (0.2, 1.15),
}
"""Plausible ranges: seconds, and ratios."""

SPREAD = {"iteration": 1.0, "layer": 1.0, "routing": 1.0, "rank": 1.0, "sequence": 1.0, "exposed": 0.4,
          "arithmetic": 0.25, "grouped": 0.4, "decode_bandwidth": 0.2}  # fmt: skip
"""Deviations of a figure's logarithm from the value in engines.yaml; a departure by one weighs as much as a row of the
mean weight that is off by ODD."""

ODD = 0.1
"""Errors far beyond this hardly pull on the fit: some runs were not what they say, or are not what the law is of."""

COMMAND = "python benchmarks/fit_throughput.py"
HEAD = f"""# Written by `{COMMAND}` from half of the record of throughputs, rows by their weight: figures in SI
# units; loss, p90 and held_out are shares of the measured rate (see docs/serving-measured.md).
throughput_fits:
"""


def main() -> None:
    """Fit every profile that has rows and no fit to latencies; print and write figures with their errors."""
    rows = read_record()
    measured = {place: measured_of(row) for place, row in enumerate(rows) if not row["skipped"]}
    weight = {place: float(rows[place]["weight"]) for place in measured}
    kept = held_out(rows)
    halves = [{place for place in measured if kept[place] == half} for half in (False, True)]
    cells: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells_of(rows):
        cells[cell.profile].append(cell)
    taken = {fit.engine for fit in load.engine_fits()}
    lines = []
    for name, own in sorted(cells.items()):
        if name in taken:
            continue
        seen, unseen = ([part for cell in own if len((part := cell.part(half)).row)] for half in halves)
        fitted = fit(load.written_engines()[name], seen, measured, weight)
        figures = ", ".join(f"{figure}: {plain(getattr(fitted, figure).value)}" for figure in fitted.fits)
        told = [quantiles(fitted, half, measured, weight) for half in (seen, unseen)]
        (rows_in, loss, p90), (rows_out, out, out_p90) = told
        lines.append(
            f"  - {{engine: {name}, measured: throughputs,\n     figures: {{{figures}}},\n"
            f"     rows: {rows_in}, loss: {loss:.4f}, p90: {p90:.4f}, held_out_rows: {rows_out}, "
            f"held_out: {out:.4f}, held_out_p90: {out_p90:.4f},\n"
            f'     date: "{date.today()}", command: "{COMMAND}"}}\n'
        )
        print(lines[-1], end="", flush=True)
    (load.DATA / "throughput_fits.yaml").write_text(HEAD + "".join(lines), encoding="utf-8")


def errors(profile: Profile, cells: Sequence[Cell], measured: dict[int, float]) -> dict[int, float]:
    """ln(predicted/measured) of every row by its place; weights that fit nowhere do not count."""
    best = [best_of(cell, predict(cell, profile)) for cell in cells]
    return {place: float(np.log(rate / measured[place])) for each in best for place, rate in each.items() if rate > 0}


def fit(profile: Profile, cells: Sequence[Cell], measured: dict[int, float], weight: dict[int, float]) -> Profile:
    """The figures that fit these rows best."""
    low, high = np.log(np.array([BOUNDS[name] for name in profile.fits])).T
    typical = np.log([getattr(profile, name).value for name in profile.fits])
    spread = np.array([SPREAD[name] for name in profile.fits])
    places = sorted(errors(profile, cells, measured))
    share = np.sqrt([weight[place] for place in places])
    share = share / np.sqrt(np.mean(share**2))

    def residuals(logs: np.ndarray) -> np.ndarray:
        found = errors(moved(profile, logs), cells, measured)
        off = np.array([found.get(place, 0.0) for place in places])
        # The loss bends the error, not the weight: Cauchy's of each row, then its share.
        bent = np.sign(off) * np.sqrt(np.log1p((off / ODD) ** 2)) * ODD
        return np.concatenate([share * bent, ODD * (logs - typical) / spread])

    first = np.clip(typical, low + 1e-6, high - 1e-6)
    solution = least_squares(residuals, first, bounds=(low, high), diff_step=1e-3, max_nfev=25)
    return moved(profile, solution.x)


def quantiles(
    profile: Profile, cells: Sequence[Cell], measured: dict[int, float], weight: dict[int, float]
) -> tuple[int, float, float]:
    """Rows, median and 90th percentile of the absolute relative errors, by weight."""
    found = errors(profile, cells, measured)
    size = np.array([abs(np.expm1(off)) for off in found.values()])
    own = np.array([weight[place] for place in found])
    return len(found), weighted_quantile(size, own, 0.5), weighted_quantile(size, own, 0.9)


if __name__ == "__main__":
    main()

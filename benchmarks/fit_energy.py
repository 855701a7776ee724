"""Fit what boards draw to one half of the measured joules of output tokens and write the catalog's `board_power.yaml`.

python benchmarks/fit_energy.py
"""

from __future__ import annotations

from datetime import date

import numpy as np
from scipy.optimize import least_squares

from fit_serving import plain
from petaday.catalog import load
from petaday.chip.power import Draws
from petaday.validation.serving import held_out
from petaday.validation.serving_energy import Drawn, drawn
from petaday.validation.serving_record import read_record
from petaday.validation.suite import weighted_quantile

TYPICAL = np.array([0.25, 0.9, 0.6, 0.3])
BOUNDS = np.log([[0.05, 0.2, 0.1, 0.1], [0.6, 1.5, 1.2, 1.0]])
SPREAD = 0.5
"""Shares of idle, arithmetic, memory and the rest of the server: where a fit starts and how far its logarithms may lie
from there at the cost of one row that is off by ODD."""

ODD = 0.1
"""Errors far beyond this pull on the fit by their size, no longer by its square."""

COMMAND = "python benchmarks/fit_energy.py"
HEAD = f"""# Written by `{COMMAND}` from half of the measured joules of output tokens, by weight and at
# the measured rates (see docs/serving-measured.md). Shares of the boards' power limits.
board_power:
"""


def main() -> None:
    """Fit all boards together and each generation alone; print and write the shares with their errors."""
    rows, table = read_record(), drawn()
    kept = np.array(held_out(rows))[list(table.place)]
    weight = np.array([float(rows[place]["weight"]) for place in table.place])
    generations = np.array([load.chip(rows[place]["chip"]).generation for place in table.place])
    lines = []
    for name in (None, *sorted(set(generations.tolist()))):
        own = np.ones_like(kept) if name is None else generations == name
        halves = [own & (kept == half) for half in (False, True)]
        draws = fit(table.part(halves[0]), weight[halves[0]])
        sizes = [np.abs(np.expm1(errors(table.part(half), draws))) for half in halves]
        scope = "" if name is None else f"generation: {name}, "
        shares = ", ".join(f"{share}: {plain(round(getattr(draws, share), 4))}" for share in vars(draws))
        lines.append(
            f"  - {{{scope}{shares},\n     rows: {len(sizes[0])}, "
            f"loss: {weighted_quantile(sizes[0], weight[halves[0]], 0.5):.4f}, "
            f"p90: {weighted_quantile(sizes[0], weight[halves[0]], 0.9):.4f}, held_out_rows: {len(sizes[1])}, "
            f"held_out: {weighted_quantile(sizes[1], weight[halves[1]], 0.5):.4f},\n"
            f'     date: "{date.today()}", command: "{COMMAND}"}}\n'
        )
        print(lines[-1], end="")
    (load.DATA / "board_power.yaml").write_text(HEAD + "".join(lines), encoding="utf-8")


def errors(table: Drawn, draws: Draws) -> np.ndarray:
    """ln(predicted/measured) at the measured rates."""
    return np.asarray(np.log(table.spend(table.measured, draws) / table.joules))


def fit(table: Drawn, weight: np.ndarray) -> Draws:
    """The shares that fit these rows best."""
    share = np.sqrt(weight / np.mean(weight))

    def residuals(logs: np.ndarray) -> np.ndarray:
        off = errors(table, Draws(*np.exp(logs).tolist()))
        bent = np.sign(off) * np.sqrt(2 * (np.sqrt(1 + (off / ODD) ** 2) - 1)) * ODD
        return np.concatenate([share * bent, ODD * (logs - np.log(TYPICAL)) / SPREAD])

    return Draws(*np.exp(least_squares(residuals, np.log(TYPICAL), bounds=BOUNDS).x).tolist())


if __name__ == "__main__":
    main()

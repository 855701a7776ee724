"""Fit software profiles and chips to the record of training runs; write the fits, intervals and held-out errors.

    python benchmarks/fit_training.py [--dry-run]

The fit sees runs of tier A and B. Held out are, one at a time: whole sources, chips, scales, and fifths of the
configurations; what a left-out chip or profile would be is what the catalog gives one that was never measured.
"""

from __future__ import annotations

import argparse
import csv
import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from petaday.catalog import load
from petaday.catalog.efficiency import scopes_of
from petaday.catalog.fits import FitRecord, fit_lines
from petaday.validation.cases import Case, Owner, cases_of
from petaday.validation.fitting import Floats, Knob, Problem, Solution
from petaday.validation.scores import scale_of
from petaday.validation.table import read_rows
from petaday.validation.training import RECORD

COMMAND = "python benchmarks/fit_training.py"
ROUNDS = 2
"""The best plans of runs that leave their plan open move with the figures, so they are searched again."""

FOLDS = 5
DATA = Path(load.__file__).parent / "data"
HELD_OUT = RECORD.with_name("held_out.csv")


def knobs_of(cases: Iterable[Case]) -> list[Knob]:
    """What the profiles say may be fitted, and the clocks of every chip in its dtypes."""
    found: dict[Knob, None] = {}
    for case in cases:
        found |= {Knob.of(case.software, name): None for name in case.joined.parts.software.fits}
        for owner in (case.chip, case.wide_chip):
            alone = measured_alone(case, owner)
            found[Knob.of(owner, "sustained", measured_alone=alone)] = None
            if not alone and owner == case.wide_chip:
                found[Knob.of(owner, "memory")] = None
    return list(found)


def measured_alone(case: Case, owner: Owner) -> bool:
    """Whether the kernels of the chip, or of its generation, were measured in this dtype."""
    return case.joined.parts.efficiencies[owner[2]].fit is not None


def stand_ins(
    knobs: Iterable[Knob], values: dict[Knob, float], cases: Iterable[Case]
) -> dict[tuple[str, str, str], dict[str, float]]:
    """Means over the fitted chips of a generation, vendor and class, by dtype, for chips that were never measured.

    A chip weighs by its configurations: a part of few runs, or with an odd power limit, says little of its generation.
    """
    groups: dict[Owner, set[str]] = defaultdict(set)
    for case in cases:
        for owner in (case.chip, case.wide_chip):
            groups[owner].add(case.group)
    gathered: dict[tuple[str, str, str], dict[str, list[tuple[float, int]]]] = defaultdict(lambda: defaultdict(list))
    for knob in knobs:
        if knob.owner[0] == "chip":
            _, chip, dtype = knob.owner
            for kind, name in scopes_of(load.chip(chip, allow_unverified=True))[1:]:
                gathered[kind, name, dtype][knob.name].append((np.log(values[knob]), len(groups[knob.owner])))
    return {
        scope: {
            name: float(np.exp(np.average([log for log, _ in pairs], weights=[weight for _, weight in pairs])))
            for name, pairs in figures.items()
        }
        for scope, figures in gathered.items()
    }


def unmeasured(logs: Floats, problem: Problem, missing: set[str]) -> Floats:
    """The figures with those of left-out chips as the catalog would give them: the nearest chips' mean."""
    values = dict(zip(problem.knobs, np.exp(logs).tolist(), strict=True))
    others = [knob for knob in problem.knobs if not (knob.owner[0] == "chip" and knob.owner[1] in missing)]
    means = stand_ins(others, values, problem.cases)
    out = logs.copy()
    for i, knob in enumerate(problem.knobs):
        if knob.owner[0] == "chip" and knob.owner[1] in missing:
            chip = load.chip(knob.owner[1], allow_unverified=True)
            for kind, name in scopes_of(chip)[1:]:
                for dtype in (knob.owner[2], "bf16"):
                    if knob.name in means.get((kind, name, dtype), {}):
                        out[i] = np.log(means[kind, name, dtype][knob.name])
                        break
                else:
                    continue
                break
    return out


def held_out(problem: Problem, solution: Solution, of: Callable[[Case], str], *, chips: bool = False) -> Floats:
    """ln(predicted/measured) of every case, from a fit without its source, chip, scale or fold."""
    names = np.array([of(case) for case in problem.cases])
    errors = np.empty(len(names))
    for name in sorted(set(names)):
        left_out = names == name
        logs = solution.without(left_out)
        if chips:
            logs = unmeasured(logs, problem, {case.chip[1] for case in problem.cases if of(case) == name})
        part = Problem([case for case in problem.cases if of(case) == name], problem.knobs)
        errors[left_out] = part.predict(logs) - part.measured
    return errors


def fold_of(case: Case) -> str:
    """One of FOLDS parts, by configuration."""
    return str(sum(case.group.encode()) % FOLDS)


def write_fits(problem: Problem, solution: Solution, cross: Floats) -> None:
    """The file of fits: every profile and chip with its figures, and what stands in for chips without runs."""
    values, errors = solution.values(), solution.errors()
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    lines = [f"# Written by `{COMMAND}` on {today}; do not edit.", "fits:"]

    def write(scope: dict[str, str], figures: dict[str, tuple[float, float]], rows: np.ndarray) -> None:
        record = FitRecord.model_validate(
            {
                **scope,
                "figures": {name: {"value": value, "error": error} for name, (value, error) in figures.items()},
                "runs": int(rows.sum()),
                "sources": sorted({case.cell[0] for case, used in zip(problem.cases, rows, strict=True) if used}),
                "loss": float(np.median(np.abs(solution.residuals[rows]))),
                "held_out": float(np.median(np.abs(cross[rows]))),
                "date": today,
                "command": COMMAND,
            }
        )
        lines.extend(fit_lines(record))

    def used_by(owner: Owner) -> np.ndarray:
        return np.array([owner in (case.software, case.chip, case.wide_chip) for case in problem.cases])

    for owner in dict.fromkeys(knob.owner for knob in problem.knobs):
        figures = {k.name: (values[k], errors[k]) for k in problem.knobs if k.owner == owner}
        dtype = {} if owner[0] == "software" else {"dtype": owner[2]}
        write({owner[0]: owner[1], **dtype}, figures, used_by(owner))
    for (kind, name, dtype), means in sorted(stand_ins(problem.knobs, values, problem.cases).items()):
        alike = {
            knob.owner
            for knob in problem.knobs
            if knob.owner[0] == "chip" and knob.owner[2] == dtype
            and (kind, name) in scopes_of(load.chip(knob.owner[1], allow_unverified=True))
        }  # fmt: skip
        spread = {
            figure: float(np.std([np.log(values[k]) for k in problem.knobs if k.owner in alike and k.name == figure]))
            for figure in means
        }
        rows = np.any([used_by(owner) for owner in alike], axis=0)
        write({kind: name, "dtype": dtype}, {figure: (v, v * spread[figure]) for figure, v in means.items()}, rows)
    (DATA / "fits" / "training.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_intervals(problem: Problem, cross: Floats, by_chip: Floats) -> None:
    """The file of intervals: the middle 80 % of measured over predicted, of runs held out with or without their chip."""
    lines = [f"# Written by `{COMMAND}`; do not edit.", "intervals:"]
    weights = problem.weights**2
    for measured, errors in ((True, cross), (False, by_chip)):
        for chips in ("gpu", "tpu", "npu", "other"):
            for known in (True, False):
                rows = np.array([case.plan_known == known for case in problem.cases])
                same = np.array([case.joined.parts.chip.class_ == chips for case in problem.cases])
                rows = rows & same if (rows & same).sum() >= 20 else rows
                low, high = _weighted_quantiles(-errors[rows], weights[rows], (0.1, 0.9))
                lines.append(
                    f"  - {{class: {chips}, measured: {str(measured).lower()}, plan_known: {str(known).lower()}, "
                    f"low: {min(np.exp(low), 1):.3f}, high: {max(np.exp(high), 1):.3f}, runs: {int(rows.sum())}}}"
                )
    (DATA / "intervals.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _weighted_quantiles(values: Floats, weights: Floats, at: tuple[float, ...]) -> list[float]:
    order = np.argsort(values)
    below = np.cumsum(weights[order]) / weights.sum()
    return [float(np.interp(share, below, values[order])) for share in at]


def main() -> None:
    """Fit, hold out, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry-run", action="store_true", help="print, and leave the files as they are")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    rows = [row for row in read_rows(RECORD) if row["tier"] in ("A", "B")]
    start = None
    for turn in range(options.rounds):
        cases, skipped = cases_of(rows)
        problem = Problem(cases, knobs_of(cases))
        print(f"round {turn}: {len(cases)} runs, {len(skipped)} skipped, {len(problem.knobs)} figures", flush=True)
        solution = problem.solve(
            start, report=lambda step, loss: print(f"  step {step}: loss {loss:.1f}", flush=True)
        )
        start = solution.logs
        cross = held_out(problem, solution, fold_of)
        if not options.dry_run:
            write_fits(problem, solution, cross)
            load.refresh()
    kinds = {
        "source": held_out(problem, solution, lambda case: case.cell[0]),
        "chip": held_out(problem, solution, lambda case: case.cell[1], chips=True),
        "scale": held_out(problem, solution, lambda case: scale_of(case.job.chips)),
        "fifth": cross,
    }
    for name, errors in {"in sample": solution.residuals, **kinds}.items():
        size = np.abs(errors)
        print(
            f"{name:10} median {np.median(size):.3f} p90 {np.quantile(size, 0.9):.3f} bias {np.median(errors):+.3f}"
        )
    if not options.dry_run:
        write_intervals(problem, cross, kinds["chip"])
        with HELD_OUT.open("w", newline="", encoding="utf-8") as table:
            writer = csv.writer(table, lineterminator="\n")
            writer.writerow(["id", *kinds])
            for i, case in enumerate(problem.cases):
                writer.writerow([case.row["id"], *(f"{errors[i]:.4f}" for errors in kinds.values())])


if __name__ == "__main__":
    main()

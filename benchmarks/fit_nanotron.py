"""Fit nanotron's profile to its sweep of plans: figures of time to a third of its groups, of memory to a third of its
sizes. Write the figures of time, print those of memory (they stand in the profile), and the errors of the rest.

    python benchmarks/fit_nanotron.py
"""

from __future__ import annotations

import datetime
from dataclasses import replace

import numpy as np

from petaday.catalog import load
from petaday.catalog.fits import FitRecord, fit_lines
from petaday.validation.cases import Case
from petaday.validation.fitting import Knob, Problem
from petaday.validation.memory import FIT_SHARE, reserved_of
from petaday.validation.nanotron import Sweep, sweep_rows, sweeps_of
from petaday.validation.ranking import ranked_sweeps

COMMAND = "python benchmarks/fit_nanotron.py"
FITS = load.DATA / "fits" / "sweep.yaml"
PROFILE = "nanotron-2024"
ODD = 0.05
"""Errors far beyond this hardly pull."""

TIME = ("tensor_launch", "pipeline_launch", "slowdown", "tp_overlap")
"""Figures of time that are fitted; the joint fit of the training record leaves this profile alone."""

MEMORY = {"logit_bytes": 14.0, "fragmentation": 1.08, "waiting_inputs": 0.36, "buffers": 2e8}
"""Figures of memory that are fitted, with where the fit starts."""


def fit_time() -> None:
    """The figures of TIME, with the priors of the joint fit."""

    def cases(fitted: bool) -> list[Case]:
        return [
            Case(row, sweep.joined, sweep.plans.take(slice(at, at + 1)), float(row["step_time_s"]))
            for sweep, seen in ranked_sweeps()
            if seen == fitted
            for at, row in enumerate(sweep.rows)
        ]

    owner = ("software", PROFILE)
    knobs = [Knob.of(owner, name) for name in TIME]
    solution = Problem(cases(True), knobs).solve(report=lambda step, loss: print(f"  step {step}: loss {loss:.1f}"))
    rest = Problem(cases(False), knobs)
    held_out = rest.predict(solution.logs) - rest.measured
    errors = solution.errors()
    record = FitRecord.model_validate(
        {
            "software": PROFILE,
            "figures": {knob.name: {"value": v, "error": errors[knob]} for knob, v in solution.values().items()},
            "runs": len(solution.residuals),
            "sources": ["nanotron"],
            "loss": float(np.median(np.abs(solution.residuals))),
            "held_out": float(np.median(np.abs(held_out))),
            "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            "command": COMMAND,
        }
    )
    lines = [f"# Written by `{COMMAND}` on {record.date}; do not edit.", "fits:", *fit_lines(record)]
    FITS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines[2:]))


def fit_memory(rounds: int = 40) -> None:
    """Relative errors of reserved memory under a Cauchy loss: runs whose allocator started over say nothing."""
    sweeps = list(sweeps_of(row for row in sweep_rows() if row["status"] == "Success"))
    seen = sweeps[::FIT_SHARE]
    others = [sweep for at, sweep in enumerate(sweeps) if at % FIT_SHARE]
    names = list(MEMORY)
    at = np.array(list(MEMORY.values()))
    step = 0.02 * at
    for _ in range(rounds):
        base = _errors(seen, dict(zip(names, at, strict=True)))
        nudged = [_errors(seen, dict(zip(names, at + step * (np.arange(4) == k), strict=True))) for k in range(4)]
        slope = (np.array(nudged) - base).T
        weight = 1 / (1 + (base / ODD) ** 2)
        damp = np.diag(np.full(4, 1e-3 * np.trace((slope.T * weight) @ slope) / 4))
        move = -np.linalg.solve((slope.T * weight) @ slope + damp, (slope.T * weight) @ base)
        at = np.maximum(at + 0.5 * move * step, 0.05 * step)
    print(", ".join(f"{name}: {value:.4g}" for name, value in zip(names, at, strict=True)))
    for name, some in (("seen", seen), ("held out", others)):
        errors = np.abs(_errors(some, dict(zip(names, at, strict=True))))
        print(f"{name}: {len(errors)} runs, median |error| of reserved memory {np.median(errors):.4f}")


def _errors(sweeps: list[Sweep], figures: dict[str, float]) -> np.ndarray:
    """predicted / measured - 1 of reserved memory."""
    parts = []
    for sweep in sweeps:
        job, software = sweep.joined.job, sweep.joined.job.software
        footprint = replace(software.footprint, **figures)
        changed = replace(job, software=replace(software, footprint=footprint))
        measured = np.array([float(row["mem_reserved_GB"]) * 1e9 for row in sweep.rows])
        parts.append(reserved_of(changed, sweep.plans) / measured - 1)
    return np.concatenate(parts)


if __name__ == "__main__":
    fit_time()
    fit_memory()

"""Bytes of a chip that training runs took, and whether plans ran out of them, against predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from petaday.errors import InputError
from petaday.training.job import Job
from petaday.training.layout import Stage
from petaday.training.plan import Plans
from petaday.training.pricer import Pricer
from petaday.validation.nanotron import Sweep, sweep_rows, sweeps_of
from petaday.validation.rows import best_plan, joined_of
from petaday.validation.suite import Checked, Suite
from petaday.validation.table import Row, number, read_rows
from petaday.validation.training import RECORD

Floats = NDArray[np.float64]

FIT_SHARE = 3
"""Every third size of the sweep is seen by the fit of its profile."""


@dataclass(frozen=True)
class Verdicts:
    """Plans that ran or ran out of memory, and what we said of them.

    Attributes
    ----------
    plans: how many
    right: share of plans with the right verdict
    recall: share of those that ran out that we say run out
    false_alarms: share of those that ran that we say run out
    """

    plans: int
    right: float
    recall: float
    false_alarms: float


def reserved_of(job: Job, plans: Plans) -> Floats:
    """Bytes that the allocator takes on the first stage, whose rank prints the log."""
    return Pricer(job).stage_memory(plans, Stage.FIRST).reserved(job.memory)


def verdicts_of(predicted: NDArray[np.bool_], measured: NDArray[np.bool_]) -> Verdicts:
    """Statistics of predicted and measured failures."""
    return Verdicts(
        plans=len(measured),
        right=float(np.mean(predicted == measured)),
        recall=float(np.mean(predicted[measured])) if measured.any() else float("nan"),
        false_alarms=float(np.mean(predicted[~measured])) if not measured.all() else float("nan"),
    )


def memory_suites() -> list[Suite]:
    """Memory of nanotron's sweep at its two points, apart for sizes that no fit saw, and peaks of the record's runs."""
    ran = list(sweeps_of(row for row in sweep_rows() if row["status"] == "Success"))
    at_update, at_peak, unseen = [], [], []
    for at, sweep in enumerate(ran):
        first = Pricer(sweep.joined.job).stage_memory(sweep.plans, Stage.FIRST)
        at_update += _checked(sweep, "mem_alloc_GB", first.update)
        peak = _checked(sweep, "mem_reserved_GB", first.reserved(sweep.joined.job.memory))
        at_peak += peak
        unseen += peak if at % FIT_SHARE else []
    return [
        Suite("memory allocated at the update", tuple(at_update)),
        Suite("memory reserved at the peak", tuple(at_peak)),
        Suite("memory reserved at the peak, sizes that no fit saw", tuple(unseen)),
        Suite("memory of the training record", tuple(_of_record(row) for row in read_rows(RECORD) if row["mem_GB"])),
    ]


def _checked(sweep: Sweep, column: str, predicted: Floats) -> list[Checked]:
    job = sweep.joined.job
    return [
        Checked(
            id=row["id"],
            group=sweep.size,
            metric="bytes",
            measured=1e9 * (number(row, column) or 0.0),
            predicted=float(value),
            config=row["config_group"],
            plan_known=True,
            chips=job.chips,
        )
        for row, value in zip(sweep.rows, predicted, strict=True)
    ]


def _of_record(row: Row) -> Checked:
    source, measured = row["source_family"], 1e9 * (number(row, "mem_GB") or 0.0)
    try:
        joined = joined_of(row)
        job, plans = joined.job, best_plan(joined.job, joined)[0]
    except InputError as error:
        return Checked(row["id"], source, "bytes", float("nan"), None, skipped=str(error))
    predicted = float(Pricer(job).price(plans).memory[0])
    return Checked(row["id"], source, "bytes", measured, predicted, config=row["config_group"], chips=job.chips)


def verdict_sweeps() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of every plan of the sweep that ran or ran out of memory: whether we say that it runs out, and whether it did."""
    said: list[bool] = []
    did: list[bool] = []
    for sweep in sweeps_of(row for row in sweep_rows() if row["status"] in ("Success", "OOM")):
        job = sweep.joined.job
        said += (Pricer(job).price(sweep.plans).memory > job.memory).tolist()
        did += [row["status"] == "OOM" for row in sweep.rows]
    return np.array(said), np.array(did)


def memory_verdicts() -> Verdicts:
    """Verdicts on the sweep."""
    return verdicts_of(*verdict_sweeps())


def verdicts_data(told: Verdicts) -> dict[str, Any]:
    """Verdicts as plain data, shares in percent."""
    return {
        "plans": told.plans,
        "right_pct": round(100 * told.right, 2),
        "recall_pct": round(100 * told.recall, 2),
        "false_alarms_pct": round(100 * told.false_alarms, 2),
    }

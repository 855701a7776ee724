"""Step times of training runs against predictions, from any table in the documented columns."""

from __future__ import annotations

from pathlib import Path

from petaday.errors import InputError
from petaday.validation.rows import Row, predict, read_rows, software_of
from petaday.validation.suite import Checked, Suite


def training_suites(path: Path) -> list[Suite]:
    """One suite over a table of runs, grouped by source and chip."""
    return [Suite("training step time", tuple(_checked(row) for row in read_rows(path)))]


def _checked(row: Row) -> Checked:
    group = f"{row.get('source_family', '')} {row.get('accelerator', '')}".strip()
    known = {"id": row.get("id", ""), "group": group, "metric": "step_time_s"}
    try:
        if not row["step_time_s"]:
            raise InputError("no step time")
        if row.get("task") not in ("pretrain", "", None):
            raise InputError(f"task {row['task']} is not pre-training")
        prediction = predict(row)
    except (InputError, KeyError, ValueError) as error:
        reason = f"no column {error}" if isinstance(error, KeyError) else str(error)
        return Checked(**known, measured=float(row.get("step_time_s") or "nan"), predicted=None, skipped=reason)
    group = f"{group}, {software_of(row)}"
    return Checked(**{**known, "group": group}, measured=prediction.measured, predicted=prediction.predicted)

"""Step times of training runs against predictions, from any table in the documented columns."""

from __future__ import annotations

from pathlib import Path

from petaday.errors import InputError
from petaday.validation.rows import predict
from petaday.validation.suite import Checked, Suite
from petaday.validation.table import Row, number, read_rows


def training_suites(path: Path) -> list[Suite]:
    """One suite over a table of runs, grouped by source and chip."""
    return [Suite("training step time", tuple(_checked(row) for row in read_rows(path)))]


def _checked(row: Row) -> Checked:
    group = f"{row.get('source_family', '')} {row.get('accelerator', '')}".strip()
    known = {"id": row.get("id", ""), "group": group, "metric": "step_time_s"}
    try:
        if not number(row, "step_time_s"):
            raise InputError("no step time")
        prediction = predict(row)
    except InputError as error:
        return Checked(**known, measured=float("nan"), predicted=None, skipped=str(error))
    return Checked(**known, measured=prediction.measured, predicted=prediction.predicted)

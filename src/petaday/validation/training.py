"""Step times of training runs against predictions, from the shipped record or any table in the documented columns."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from petaday.catalog import load
from petaday.errors import InputError
from petaday.validation.rows import Prediction, predict
from petaday.validation.scores import scale_of
from petaday.validation.suite import Checked, Suite
from petaday.validation.table import Row, number, read_rows

RECORD = Path(__file__).parent / "data" / "training.csv.gz"
"""The published record; its columns and sources are in docs/fidelity.md."""

HELD_OUT = Path(__file__).parent / "data" / "held_out.csv"
"""ln(predicted/measured) of the record's runs by fits that did not see their source, chip, scale or configuration."""


def training_suites(path: Path | None = None) -> list[Suite]:
    """Runs whose plan is known, runs whose plan was searched, and runs that are too poorly known to be scored.

    Raises InputError: the table cannot be read, or no row of it can be predicted.
    """
    table = read_rows(path or RECORD)
    rows = [_checked(row) for row in table]
    if all(row.skipped for row in rows):
        raise InputError(f"none of {len(rows)} rows can be predicted; the first: {rows[0].skipped}")
    scored = [row.get("tier", "") in ("", "A", "B") for row in table]
    known = [row for row, good in zip(rows, scored, strict=True) if good and row.plan_known is not False]
    searched = [row for row, good in zip(rows, scored, strict=True) if good and row.plan_known is False]
    others = [row for row, good in zip(rows, scored, strict=True) if not good]
    suites = [Suite("training, plan known", tuple(known), by_configuration=True)]
    if searched:
        suites.append(Suite("training, plan searched", tuple(searched), by_configuration=True))
    if others:
        suites.append(Suite("training, tiers C and D", tuple(others), by_configuration=True))
    return suites


def held_out_errors(path: Path = HELD_OUT) -> dict[str, dict[str, float]]:
    """By what was held out, ln(predicted/measured) of each run by id."""
    with path.open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    kinds = [name for name in (rows[0] if rows else {}) if name != "id"]
    return {kind: {row["id"]: float(row[kind]) for row in rows} for kind in kinds}


def _checked(row: Row) -> Checked:
    source, accelerator = row.get("source_family") or "", row.get("accelerator") or ""
    id_ = row.get("id") or ""
    config, cell = row.get("config_group") or id_, f"{source} {accelerator}".strip()
    try:
        if not number(row, "step_time_s"):
            raise InputError("no step time", field="step_time_s")
        prediction = predict(row)
    except InputError as error:
        return Checked(
            id=id_, group=cell, metric="step_time_s", measured=float("nan"), predicted=None, skipped=str(error),
            config=config, cell=cell,
        )  # fmt: skip
    interval = prediction.likely
    return Checked(
        id=id_,
        group=cell,
        metric="step_time_s",
        measured=prediction.measured,
        predicted=prediction.predicted,
        config=config,
        cell=cell,
        labels=_labels(row, prediction),
        low=prediction.predicted * interval.low if interval else None,
        high=prediction.predicted * interval.high if interval else None,
        plan_known=prediction.plan_known,
        chips=prediction.joined.job.chips,
    )


def _labels(row: Row, prediction: Prediction) -> dict[str, str]:
    parts, job = prediction.joined.parts, prediction.joined.job
    return {
        "chip": parts.chip.id,
        "scale": scale_of(job.chips),
        "family": row.get("family") or "dense",
        "model": row.get("model") or "",
        "dtype": job.precisions[0].dtype,
        "software": parts.software.id,
    }


def unmeasured_chips(rows: Iterable[Checked]) -> list[str]:
    """Chips among the rows that no fit has seen: their efficiencies are those of their class."""
    fitted = {record.chip for record in load.fits()}
    return sorted({row.labels["chip"] for row in rows if row.labels and row.labels["chip"] not in fitted})

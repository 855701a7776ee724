"""Throughput of served models against published measurements, by scenario, chip, model, engine and version.

A row counts by its weight, so that a large sweep of one model on one chip is no more than a single run of another.
Half of the rows were fitted; the suites tell the halves apart.
"""

from __future__ import annotations

import functools

from petaday.catalog import load
from petaday.validation.serving_cells import Row, best_of, cells_of, profile_of
from petaday.validation.serving_predict import predict
from petaday.validation.serving_record import read_record
from petaday.validation.suite import Checked, Suite


def measured_of(row: Row) -> float:
    """Tokens a second of a row: those of the output, or of the prompts where nothing else is computed."""
    value = float(row["value"])
    if row["metric"] == "ttft_ms":
        return float(row["concurrency"]) * float(row["prompt"]) / (value * 1e-3)
    if row["metric"] == "tpot_ms":
        return float(row["concurrency"]) / (value * 1e-3)
    return value


def group_of(row: Row) -> str:
    """What was measured together: chip, model, engine, version and scenario."""
    return " ".join(row[name] for name in ("engine", "version", "chip", "model", "scenario") if row[name])


def held_out(rows: list[Row]) -> list[bool]:
    """Whether a row is kept from the fits: every other one in the order of the groups and their sizes."""
    usable = [place for place, row in enumerate(rows) if not row["skipped"]]
    out = [False] * len(rows)
    for place in sorted(usable, key=lambda place: _order(rows[place]))[1::2]:
        out[place] = True
    return out


def _order(row: Row) -> tuple[str | float, ...]:
    numbers = (float(row[name] or 0) for name in ("chips", "tp", "prompt", "output", "concurrency", "qps", "value"))
    return (group_of(row), row["weights"], *numbers, row["id"])


@functools.cache
def predictions() -> dict[int, float]:
    """Tokens a second of every comparable row, by its place in the record: of the fastest layout that it may have had.

    Rows whose weights fit nowhere are left out.
    """
    found: dict[int, float] = {}
    for cell in cells_of(read_record()):
        found |= best_of(cell, predict(cell, load.engine(cell.profile)))
    return {place: rate for place, rate in found.items() if rate > 0}


def serving_suites() -> list[Suite]:
    """Throughput held out of the fits and fitted, by scenario; and what cannot be compared."""
    rows, predicted = read_record(), predictions()
    suites: dict[str, list[Checked]] = {f"serving, {name}": [] for name in ("held out", "fitted", "not comparable")}
    for place, (row, kept) in enumerate(zip(rows, held_out(rows), strict=True)):
        reason = row["skipped"] or ("" if place in predicted else "the weights do not fit")
        half = "not comparable" if reason else "held out" if kept else "fitted"
        suites[f"serving, {half}"].append(_checked(row, predicted.get(place), reason))
    return [Suite(name, tuple(checked), weighted=True) for name, checked in suites.items()]


def _checked(row: Row, predicted: float | None, reason: str) -> Checked:
    labels = {"chip": row["chip"], "model": row["model"]}
    if not reason:
        labels["engine"] = profile_of(row)
    return Checked(
        id=row["id"],
        group=row["scenario"],
        metric="tokens_per_s",
        measured=measured_of(row),
        predicted=predicted,
        skipped=reason,
        config=row["id"],
        cell=group_of(row),
        labels=labels,
        chips=int(float(row["chips"])),
        weight=float(row["weight"]),
    )

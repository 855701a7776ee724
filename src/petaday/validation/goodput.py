"""Failures, recovery and goodput against the published record, `data/reliability.csv`, which names the source of each row.

What the catalog's hazards were set from says that arithmetic and counts are right; what they were not set from, how good
the model is, useful shares also by what is lost; hazards carried from one fleet to another, how far fleets differ. A
published bound or range counts as an error only from its nearer end on. Rows that no output corresponds to keep the reason.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from petaday.training.goodput import synchronous
from petaday.validation.goodput_runs import (
    case,
    cold_restart,
    effective,
    failures_per_day,
    mtbf_hours,
    with_rate,
)
from petaday.validation.suite import Checked, Suite

RECORD = Path(__file__).parent / "data" / "reliability.csv"
NETWORK = ("links", "switches")
LLAMA3, FTHSDP, RSC1, RSC2 = "h100-llama3", "h100-fthsdp", "a100-rsc1", "a100-rsc2"
HARDWARE = ("gpu", "memory", "silent", "host", "adapters", *NETWORK)
Row = dict[str, str]


def goodput_suites() -> list[Suite]:
    """Hazards as set; held out; carried from one fleet to another."""
    with RECORD.open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    merged = list(_by_class(rows))
    roles = {"fitted": "hazards as they were set", "held out": "held out", "another fleet": "of another fleet"}
    bounded = [row for row in merged if row["low"] and row["role"] in roles]
    listed = {role: [_checked(row) for row in merged if row["role"] == role and not row["low"]] for role in roles}
    listed["another fleet"] += [
        _carried(row) for row in merged if row["id"] == "FTHSDP.rate32k" or row["predictor"] == "share"
    ]
    lost = [row for row in merged if row["predictor"] in ("effective", "in memory") and not row["low"]]
    without = [row for row in merged if row["role"] == "not predicted"]
    return [
        *(Suite(f"goodput, {name}", tuple(listed[role])) for role, name in roles.items()),
        Suite("goodput, published bounds and ranges", tuple(_checked(row) for row in bounded)),
        Suite("goodput, held out: what is lost", tuple(_lost(_checked(row)) for row in lost)),
        Suite("goodput, rows that no output corresponds to", tuple(map(_unpredicted, without))),
    ]


def _by_class(rows: list[Row]) -> Iterator[Row]:
    """The rows, those of one class of components as their sum: the record tells some classes finer than the catalog."""
    sums: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (row["group"], row["component"])
        if not row["component"]:
            yield row
        elif key in sums:
            sums[key]["value"] = repr(float(sums[key]["value"]) + float(row["value"]))
        else:
            sums[key] = {**row, "id": f"{row['id'].partition('.')[0]}.{row['component']}", "metric": row["component"]}
    yield from sums.values()


def _checked(row: Row) -> Checked:
    predicted = PREDICTORS[row["predictor"]](row)
    measured = float(row["value"])
    if row["low"]:
        measured = float(np.clip(predicted, float(row["low"]), float(row["high"])))
    return Checked(row["id"], row["group"], row["metric"], measured, predicted, chips=int(row["chips"]))


def _lost(kept: Checked) -> Checked:
    """The other side of a useful share, on which a model is easier to tell from a guess."""
    assert kept.predicted is not None
    return replace(kept, metric=f"lost: {kept.metric}", measured=1 - kept.measured, predicted=1 - kept.predicted)


def _carried(row: Row) -> Checked:
    """A class's share of FT-HSDP's interruptions, or their rate, by Llama 3's hazards."""
    predicted = _share(LLAMA3, row) if row["component"] else _node_rate(LLAMA3, row)
    name = f"{row['id']} by Llama 3"
    return Checked(name, row["group"], row["metric"], float(row["value"]), predicted, chips=_chips(row))


def _unpredicted(row: Row) -> Checked:
    return Checked(row["id"], row["group"], row["metric"], float("nan"), None, skipped=row["reason"])


def _chips(row: Row) -> int:
    return int(row["chips"])


def _classes(row: Row) -> tuple[str, ...]:
    return NETWORK if row["component"] == "network" else (row["component"],)


def _share(profile: str, row: Row) -> float:
    of = case(profile, _chips(row))
    return 100 * failures_per_day(of, *_classes(row)) / failures_per_day(of)


def _node_rate(profile: str, row: Row) -> float:
    """Failures of 1,000 nodes a day; of RSC, those of the infrastructure."""
    components = ("infrastructure",) if profile in (RSC1, RSC2) else ()
    return 1000 * failures_per_day(case(profile, _chips(row)), *components) / (_chips(row) / 8)


def _effective(row: Row) -> float:
    """With the settings that the source tells, or that are said here to be guessed."""
    return effective(
        {
            # Nothing told of its detection or checkpoints.
            "LLAMA3.ettr": lambda: case(LLAMA3, 16_384, checkpoint={"storage_bandwidth": "2 TB/s"}),
            # A checkpoint an hour: from memory, unverified.
            "RSC.ettr": lambda: case(RSC1, 1024, checkpoint={"interval": "1 hour"}),
            # The published stalls are from the failure to the next step.
            "FTHSDP.effective_sync": lambda: case(FTHSDP, 98_304, detection="1 s", restart="599 s"),
            # Replicas of 8,192 chips: a guess.
            "FTHSDP.effective_elastic": lambda: case(
                FTHSDP, 98_304, detection="1 s", recovery="elastic", replicas=12
            ),
            # Inspection and copies in memory are what its paper describes.
            "BYTEROBUST.ettr": lambda: case(LLAMA3, 9600, detection="inspection", checkpoint={"in_memory": True}),
        }[row["id"]]()
    )


def _in_memory(row: Row) -> float:
    """Gemini's goodput with replicas in memory, from the rate of failures at which hourly checkpoints leave its 85 %.

    Size, model and interval are not published: 8,192 chips and an hour are guesses, and only the step between is predicted.
    """
    factors = np.geomspace(0.1, 1000, 4001)
    hourly = synchronous(with_rate(case(LLAMA3, _chips(row), checkpoint={"interval": "1 hour"}), factors)).share
    factor = np.interp(-0.85, -hourly, factors)
    replicated = case(LLAMA3, _chips(row), checkpoint={"interval": "1 hour", "in_memory": True})
    return float(synchronous(with_rate(replicated, np.array([factor]))).share[0])


PREDICTORS: dict[str, Callable[[Row], float]] = {
    "count": lambda row: 54 * failures_per_day(case(LLAMA3, _chips(row)), *_classes(row)),
    "share": lambda row: _share(FTHSDP, row),
    "mtbf": lambda row: mtbf_hours(case(LLAMA3, _chips(row))),
    "hardware": lambda row: (
        failures_per_day(case(LLAMA3, _chips(row)), *HARDWARE) / failures_per_day(case(LLAMA3, _chips(row)))
    ),
    "node rate": lambda row: _node_rate({"RSC1.rf": RSC1, "RSC2.rf": RSC2}.get(row["id"], FTHSDP), row),
    "mttf": lambda row: mtbf_hours(case(RSC1, _chips(row))),
    "infrastructure mttf": lambda row: mtbf_hours(case(RSC1, _chips(row)), "infrastructure"),
    "mtbf minutes": lambda row: (
        60 * mtbf_hours(case(RSC1 if row["id"].startswith("BYTECKPT") else FTHSDP, _chips(row)))
    ),
    "cold restart": lambda row: cold_restart(_chips(row)),
    "effective": _effective,
    "in memory": _in_memory,
    # Flaps slow these jobs and do not stop them.
    "network crashes": lambda row: 365 / 12 * failures_per_day(case(LLAMA3, _chips(row)), *NETWORK, flaps=False),
    "gpu failures": lambda row: 55 * failures_per_day(case(LLAMA3, _chips(row)), "gpu", "memory", "silent"),
    "faults": lambda row: 365 / 3 * failures_per_day(case(LLAMA3, _chips(row)), *HARDWARE, "maintenance", "unknown"),
    "restarts": lambda row: 365 / 6 * failures_per_day(case(RSC1, _chips(row)), "infrastructure"),
}
"""What each kind of row is predicted by, in the row's unit."""

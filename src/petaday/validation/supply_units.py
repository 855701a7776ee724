"""NVIDIA's data-centre GPUs by fiscal quarter, predicted from lines alone, against Epoch AI's estimates.

The record (`data/nvidia_units.csv`): units by chip and quarter with 5th and 95th percentiles, of spring 2026, from Epoch
AI's ai-chip-counts (MIT licence). No count of it enters the prediction, which is what CoWoS, HBM and 5 nm logic let
through:

* the lines of the catalog, of which NVIDIA has the shares below;
* Hopper on CoWoS-S until mid-2024 and Blackwell on CoWoS-L thereafter.

NVIDIA's shares, the time of the change and the weeks from packaging to shipment were chosen with these quarters in view,
among what sources allow: the rows say how well such a model can fit, not how well it foretells. How much hangs on each
choice is told in docs/supply.md.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from petaday.catalog.quarter import read_quarter
from petaday.study.supply import run
from petaday.study.supply_lines import lines_of
from petaday.study.supply_parts import behind
from petaday.study.supply_scenario import Shares, Supply
from petaday.supply.silicon import Floats
from petaday.validation.suite import Checked

RECORD = Path(__file__).parent / "data" / "nvidia_units.csv"

SHARES = Shares(logic=0.30, hbm=0.60, packaging=0.60)
"""NVIDIA's. Packaging: Morgan Stanley has 60 % of CoWoS in 2026, 63 % expected of 2025 and 57 % by the wafers of 2025 that
it told later; 2023 and 2024 are taken as the same. HBM: TrendForce, above 60 % of HBM3E in 2024. Logic: a guess that never
binds."""

START = "2022Q3"
CHANGE = "2024Q3"
CHANGE_MONTHS = 9
"""From the quarter in which Blackwell's packaging began, Hopper's wafers fell to none within so many months: TrendForce
(November 2024) has CoWoS-L above 60 % of all CoWoS of 2025, which is nearly all that NVIDIA takes."""


def delivered() -> Floats:
    """GPUs delivered in each month from START."""
    start, change = read_quarter(START), read_quarter(CHANGE)
    supply = Supply(start=start, running=True, shares=SHARES)
    total: Floats = np.zeros(1)
    for chip, is_new in (("h100-sxm-80", False), ("b200-sxm", True)):
        made = behind(chip).made()
        lines = lines_of(made, supply)
        new = np.clip((np.arange(lines.months) + 0.5 - 3 * (change - start)) / CHANGE_MONTHS, 0, 1)
        share = new if is_new else 1 - new
        shared = replace(
            lines,
            wafers=tuple(each * share for each in lines.wafers),
            memory=lines.memory * share,
            packages=lines.packages * share,
        )
        total = total + run(made, shared, np.inf, supply).delivered
    return total


def nvidia_units() -> Iterator[Checked]:
    """All GPUs of a quarter; their range adds the chips' percentiles, as if the errors of all moved together."""
    reached = np.concatenate([[0.0], np.cumsum(delivered())])
    with RECORD.open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    for quarter in dict.fromkeys(row["quarter"] for row in rows):
        chips = [row for row in rows if row["quarter"] == quarter]
        units, low, high = (sum(float(row[name]) for row in chips) for name in ("units", "low", "high"))
        begin, end = (_months(date.fromisoformat(chips[0][name])) for name in ("start", "end"))
        told = np.interp([begin, end], np.arange(len(reached)), reached)
        predicted = float(told[1] - told[0])
        yield Checked(
            id=f"{quarter} to {chips[0]['end']}",
            group="before the boom" if quarter == "FY24Q1" else "supply-bound",
            metric="GPUs",
            measured=units,
            predicted=predicted,
            low=predicted * units / high,
            high=predicted * units / low,
            labels={"published range": "inside" if low <= predicted <= high else "outside"},
        )


def _months(day: date) -> float:
    """Months from START to a day."""
    first = read_quarter(START)
    return 12 * day.year + day.month - 1 + (day.day - 1) / 30.5 - 3 * first

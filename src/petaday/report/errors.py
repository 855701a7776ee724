"""Errors of predictions as tables, from the plain data of suites."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from petaday.report.data import Data
from petaday.report.terminal import plain_table

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("median_abs_pct", "mean_abs_pct", "p90_abs_pct", "bias_pct")


def show_suites(data: Data, console: Console) -> None:
    """Print each suite with its groups, and why rows were not predicted."""
    for suite in data["suites"]:
        names = (">rows", ">predicted", ">median %", ">mean %", ">p90 %", ">bias %")
        table = plain_table(suite["name"], "group", *names)
        for line in (*suite["groups"], {**suite, "name": "all"}):
            numbers = ["" if line[key] is None else f"{line[key]:.1f}" for key in COLUMNS]
            table.add_row(line["name"], str(line["n"]), str(line["predicted"]), *numbers)
        console.print(table)
        console.print()
    skipped = Counter(row["skipped"] for row in data["rows"] if row["skipped"])
    for reason, count in skipped.most_common(10):
        console.print(f"{count} not predicted: {reason}")

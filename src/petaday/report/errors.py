"""Errors of predictions as tables, from the plain data of suites."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from petaday.report.data import Data
from petaday.report.tables import plain_table

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("median_abs_pct", "mean_abs_pct", "p90_abs_pct", "bias_pct")
SCORED = ("median_abs_pct", "p90_abs_pct", "bias_pct", "pooled_median_abs_pct", "inside_80_pct_interval_pct")
BROKEN_DOWN = ("chip", "scale", "family", "model", "dtype", "software")


def show_suites(data: Data, console: Console, *, every_group: bool = True) -> None:
    """Print each suite with its groups (else only those of training runs), what was held out, and what was skipped."""
    for suite in data["suites"]:
        if "cells" in suite:
            _show_scored(suite, console)
        elif every_group:
            _show_plain(suite, console)
    _show_summary(data["suites"], console)
    if "held_out" in data:
        _show_held_out(data["held_out"], console)
    if data.get("unmeasured_chips"):
        console.print(
            f"No training run was fitted on {', '.join(data['unmeasured_chips'])}: figures of the nearest chips, "
            "with wide intervals."
        )
    if "verdicts" in data:
        _show_verdicts(data["verdicts"], console)
    if "ranking" in data:
        _show_ranking(data["ranking"], console)
    skipped = Counter(row["skipped"] for row in data["rows"] if row["skipped"])
    total, told = len(data["rows"]), sum(row["predicted"] is not None for row in data["rows"])
    console.print(f"{told:,} of {total:,} rows predicted ({told / total:.1%}).")
    for reason, count in skipped.most_common(12):
        console.print(f"  {count} not predicted: {reason}")


def _show_summary(suites: list[Data], console: Console) -> None:
    table = plain_table("suites", "suite", ">rows", ">predicted", ">median %", ">p90 %", ">bias %")
    for suite in suites:
        numbers = [_cell(suite[key]) for key in ("median_abs_pct", "p90_abs_pct", "bias_pct")]
        table.add_row(suite["name"], f"{suite['n']:,}", f"{suite['predicted']:,}", *numbers)
    console.print(table)
    console.print()


def _show_plain(suite: Data, console: Console) -> None:
    names = (">rows", ">predicted", ">median %", ">mean %", ">p90 %", ">bias %")
    titles = {suite["name"]: ("group", suite["groups"])} | {
        f"{suite['name']}, by {label}": (label, lines) for label, lines in suite["by"].items() if suite["predicted"]
    }
    for title, (label, lines) in titles.items():
        table = plain_table(title, label, *names)
        for line in (*lines, {**suite, "name": "all"}):
            counts = (str(line["n"]), str(line["predicted"]))
            table.add_row(line["name"], *counts, *(_cell(line[key]) for key in COLUMNS))
        console.print(table)
        console.print()


def _show_scored(suite: Data, console: Console) -> None:
    """A suite of configurations: by source and chip, then by every label that errors are broken down by."""
    names = (">runs", ">predicted", ">configs", ">median %", ">p90 %", ">bias %", ">pooled %", ">in 80 %")
    sections = [("source and chip", suite["groups"])] + [
        (label, suite["by"][label]) for label in BROKEN_DOWN if label in suite["by"]
    ]
    for label, lines in sections:
        table = plain_table(f"{suite['name']}, by {label}", label, *names)
        for line in (*lines, {**suite, "name": "all"}):
            counts = (line["n"], line["predicted"], line["configurations"])
            table.add_row(line["name"], *map(str, counts), *(_cell(line[key]) for key in SCORED))
        console.print(table)
        console.print()


def _show_held_out(lines: list[Data], console: Console) -> None:
    table = plain_table(
        "held out, over configurations alike",
        "held out",
        ">configs",
        ">median %",
        ">p90 %",
        ">bias %",
        ">/ in sample",
    )
    inside = lines[0]["median_abs_pct"]
    for line in lines:
        numbers = [_cell(line[key]) for key in ("median_abs_pct", "p90_abs_pct", "bias_pct")]
        ratio = f"{line['median_abs_pct'] / inside:.2f}" if inside and line["median_abs_pct"] else ""
        table.add_row(line["held_out"], str(line["configurations"]), *numbers, ratio)
    console.print(table)
    console.print()


def _show_verdicts(told: Data, console: Console) -> None:
    """Plans that ran or ran out of memory: how often we say so."""
    table = plain_table("verdicts on memory", ">plans", ">right %", ">recall of failures %", ">false alarms %")
    table.add_row(
        str(told["plans"]), *(_cell(told[name]) for name in ("right_pct", "recall_pct", "false_alarms_pct"))
    )
    console.print(table)
    console.print()


def _show_ranking(told: Data, console: Console) -> None:
    """How well plans of one job are ordered, and what our choice would have cost."""
    names = (">groups", ">plans", ">Spearman", ">choices within 5 %", ">median regret", ">worst")
    table = plain_table("ranking of plans", "groups of", *names)
    for line in told["statistics"]:
        numbers = [line["spearman"], line["near_pct"], line["regret"], line["worst"]]
        digits = (2, 0, 2, 2)
        cells = ["" if value is None else f"{value:.{n}f}" for value, n in zip(numbers, digits, strict=True)]
        table.add_row(line["name"], str(line["groups"]), str(line["plans"]), *cells)
    console.print(table)
    console.print()


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"

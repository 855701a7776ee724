"""Errors of predictions as one HTML page: plots and tables, readable without a network."""

from __future__ import annotations

from html import escape

from petaday.report.data import Data
from petaday.report.svg import Axis, Point, scatter

LARGEST_ERROR = 60.0
"""Errors beyond this many percent are drawn at the edge."""


def plots(data: Data) -> dict[str, str]:
    """SVG plots of the training rows by name: predicted against measured, error by chip, error by scale."""
    runs = [row for row in data["rows"] if row["predicted"] is not None and row["plan_known"] is not None]
    rows = [row for row in runs if "chip" in row["labels"]]
    if not rows:
        return {}
    times = [row[name] for row in rows for name in ("measured", "predicted")]
    axes = [
        Axis(f"{name} seconds per step", min(times) / 1.2, max(times) * 1.2, log=True)
        for name in ("measured", "predicted")
    ]
    found = {
        "predicted-measured": scatter(
            "Predicted against measured step time",
            [Point(row["measured"], row["predicted"], row["labels"]["chip"], _tip(row)) for row in rows],
            *axes,
            diagonal=True,
        )
    }
    error = Axis("error, %", -LARGEST_ERROR, LARGEST_ERROR)
    chips = tuple(sorted({row["labels"]["chip"] for row in rows}))
    found["error-chips"] = scatter(
        "Error by chip",
        [
            Point(
                chips.index(row["labels"]["chip"]) + _spread(row["id"]),
                row["error_pct"],
                "plan known" if row["plan_known"] else "plan searched",
                _tip(row),
            )
            for row in rows
        ],
        Axis("", -0.5, len(chips) - 0.5, names=chips),
        error,
    )
    most = max(row["chips"] for row in rows)
    found["error-scale"] = scatter(
        "Error by number of chips",
        [Point(row["chips"], row["error_pct"], row["labels"]["dtype"], _tip(row)) for row in rows],
        Axis("chips", 0.8, most * 1.2, log=True),
        error,
    )
    return found


def _spread(id_: str) -> float:
    """A small displacement that keeps points of one column apart, the same every time."""
    return (sum(id_.encode()) % 61) / 100 - 0.3


def _tip(row: Data) -> str:
    return f"{row['id']}: {row['measured']:.4g} s measured, {row['predicted']:.4g} s predicted, {row['error_pct']:+.1f} %"


def error_page(data: Data) -> str:
    """The whole page."""
    sections = list(plots(data).values())
    for suite in data["suites"]:
        sections.append(f"<h2>{escape(suite['name'])}</h2>")
        lines = [*suite["groups"], {**suite, "name": "all"}]
        sections.append(_table(lines, ("name", "n", "predicted", "median_abs_pct", "p90_abs_pct", "bias_pct")))
    if "held_out" in data:
        sections.append("<h2>Held out</h2>")
        sections.append(_table(data["held_out"], tuple(data["held_out"][0])))
    style = (
        "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto}td,th{padding:2px 12px;text-align:right}"
        "td:first-child{text-align:left}"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>petaday: errors</title><style>{style}</style>'
        f"<h1>Predictions against measurements</h1>\n{chr(10).join(sections)}</html>\n"
    )


def _table(lines: list[Data], columns: tuple[str, ...]) -> str:
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in columns)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{'' if line[name] is None else escape(str(line[name]))}</td>" for name in columns)
        + "</tr>\n"
        for line in lines
    )
    return f"<table><tr>{head}</tr>\n{body}</table>"

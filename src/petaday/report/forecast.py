"""Forecasts and their scores as plain data and as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from petaday.report.data import SCHEMA_VERSION, Data
from petaday.report.tables import plain_table, show_assumptions, show_unused
from petaday.units import Kind, Span, render

if TYPE_CHECKING:
    from rich.console import Console

    from petaday.study.forecast import Band, Forecast
    from petaday.study.forecast_scores import BackTest, Revision, Score
    from petaday.study.manifest import Manifest

CHIPS = ("demand", "supply", "shipped", "retired", "installed", "shortfall")
MAGNITUDES = (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3))


def forecast_data(found: Forecast, made: Manifest) -> Data:
    """A forecast by year with stable keys; each band is its 10th, 50th and 90th percentile, flows are a year's."""
    rows = []
    for index, year in enumerate(found.years):
        row: Data = {"year": year}
        row |= {f"{name}_chips": _band(getattr(found, name), index) for name in CHIPS}
        row["tokens_per_s"] = _band(found.tokens, index)
        row["work_flops_per_s"] = _band(found.flops, index)
        row["cpo_share"] = _band(found.cpo, index)
        binds = found.binds[index - 1] if index else None
        row["binds"] = max(binds, key=lambda name: binds[name]) if binds else None
        row["binds_share"] = binds
        rows.append(row)
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "answered",
        "reference_chip": found.chip.id,
        "reference_dtype": found.scenario.reference.dtype,
        "samples": found.samples,
        "years": rows,
        "unused": found.unused,
        "assumptions": [asdict(each) for each in found.assumptions],
        "manifest": asdict(made),
    }


def scores_data(scores: Sequence[Score], revisions: Sequence[Revision], tests: Sequence[BackTest]) -> Data:
    """Published forecasts with what happened, changes between vintages, and the law's own back-tests."""
    return {
        "forecasts": [
            {
                "id": each.forecast.id,
                "name": each.forecast.name,
                "by": each.forecast.by,
                "vintage": each.forecast.vintage,
                "target": each.forecast.target,
                "definition": each.forecast.definition,
                "caveat": each.forecast.caveat,
                "kind": each.forecast.kind.value,
                "value_si": [each.value.low, each.value.value, each.value.high],
                "text": _span(each.value, each.forecast.kind),
                "actual_si": None if each.actual is None else each.actual.value,
                "actual_text": None if each.actual is None else _span(each.actual, each.forecast.kind),
                "forecast_over_actual": each.ratio,
                "log_error": each.log_error,
                "inside_band": each.inside,
                "source": each.forecast.source,
                "estimate": each.forecast.estimate,
            }
            for each in scores
        ],
        "revisions": [
            {
                "by": each.later.by,
                "series": each.later.series,
                "target": each.later.target,
                "earlier": each.earlier.vintage,
                "later": each.later.vintage,
                "change_pct": round(100 * math.expm1(each.log_change), 2),
            }
            for each in revisions
        ],
        "back_tests": [
            {
                "series": each.series.id,
                "known_until": each.vintage,
                "year": each.year,
                "predicted_chips": _band(each.predicted, 0),
                "actual_chips": each.actual.value,
                "error_pct": round(100 * (float(each.predicted.p50[0]) / each.actual.value - 1), 2),
                "inside_band": bool(each.predicted.p10[0] <= each.actual.value <= each.predicted.p90[0]),
            }
            for each in tests
        ],
    }


def show_forecast(data: Data, name: str, console: Console) -> None:
    """Print demand, supply and what binds by year, then the share of co-packaged optics."""
    from rich.text import Text

    console.print(Text(name or "Forecast", style="bold"))
    console.print(
        f"Chips are {data['reference_chip']} by dense {data['reference_dtype']} peak; P50, and P10 to P90 of "
        f"{data['samples']:,} samples.\n"
    )
    table = plain_table("Chips", "end of", ">wanted", ">supply in the year", ">installed", ">short", "held back by")
    for row in data["years"]:
        chips = (_cell(row[f"{key}_chips"]) for key in ("demand", "supply", "installed", "shortfall"))
        table.add_row(str(row["year"]), *chips, _held_back(row["binds_share"]))
    console.print(table)
    units = {"tokens_per_s": ("tokens a day", 86400.0), "work_flops_per_s": ("EFLOP/s", 1e-18)}
    given = {key: unit for key, unit in units.items() if data["years"][0][key]}
    table = plain_table(
        "\nDemand and optics", "end of", *(f">{name}" for name, _ in given.values()), ">co-packaged optics, %"
    )
    for row in data["years"]:
        cells = [_cell(row[key], times) for key, (_, times) in given.items()]
        table.add_row(str(row["year"]), *cells, _cell(row["cpo_share"], 100.0))
    console.print(table)
    show_unused(data, console)
    show_assumptions(data, console)


def show_scores(data: Data, console: Console) -> None:
    """Print published forecasts with and without an outcome, what forecasters changed, and our back-tests."""
    from rich.text import Text

    table = plain_table(
        "\nForecasts whose time has come", "by", "vintage", "of", ">forecast", ">actual", ">error", ""
    )
    for each in data["forecasts"]:
        if each["log_error"] is not None:
            inside = {True: "in band", False: "out of band", None: ""}[each["inside_band"]]
            row = (each["by"], each["vintage"], each["name"], each["text"], each["actual_text"])
            table.add_row(*map(Text, row), _off(each["forecast_over_actual"]), inside)
    console.print(table)
    table = plain_table("\nForecasts whose outcome is not known", "by", "vintage", "of", ">forecast")
    for each in data["forecasts"]:
        if each["log_error"] is None:
            table.add_row(*map(Text, (each["by"], each["vintage"], each["name"], each["text"])))
    console.print(table)
    table = plain_table("\nOne forecaster, one target, two vintages", "by", "of", "for", "vintages", ">change")
    for each in data["revisions"]:
        vintages = f"{each['earlier']}, {each['later']}"
        table.add_row(each["by"], each["series"], each["target"], vintages, f"{each['change_pct']:+.1f}%")
    console.print(table)
    table = plain_table(
        "\nInstalled base by the trend of shipments known until then", "series", "known", "end of", ">P50",
        ">P10 to P90", ">actual", ">error", "",
    )  # fmt: skip
    for each in data["back_tests"]:
        low, middle, high = (render(value, Kind.CHIPS, 3) for value in each["predicted_chips"].values())
        inside = "in band" if each["inside_band"] else "out of band"
        row = (each["series"], str(each["known_until"]), str(each["year"]), middle, f"{low} to {high}")
        table.add_row(*row, render(each["actual_chips"], Kind.CHIPS, 3), f"{each['error_pct']:+.1f}%", inside)
    console.print(table)
    console.print("Caveats, definitions and sources of each forecast: `--json`.")


def _off(ratio: float) -> str:
    """How far a forecast was off, as a share or, where it was far, as a multiple."""
    if 0.5 <= ratio <= 2:
        return f"{ratio - 1:+.1%}"
    return f"× {ratio:,.3g}" if ratio < 1000 else f"× {ratio:,.0f}"


def _band(band: Band | None, index: int) -> Data | None:
    if band is None or math.isnan(band.p50[index]):
        return None
    return {"p10": float(band.p10[index]), "p50": float(band.p50[index]), "p90": float(band.p90[index])}


def _cell(band: Data | None, times: float = 1.0) -> str:
    if band is None:
        return ""
    low, middle, high = (_short(band[key] * times) for key in ("p10", "p50", "p90"))
    return middle if low == high else f"{middle} ({low}..{high})"


def _short(value: float) -> str:
    """Three digits and a magnitude; counts are no more certain."""
    rounded = float(f"{value:.2e}")
    unit, factor = next((rung for rung in MAGNITUDES if rounded >= rung[1]), ("", 1.0))
    number = rounded / factor
    return f"{number:,.0f}{unit}" if number >= 1000 else f"{number:.4g}{unit}"


def _held_back(shares: Data | None) -> str:
    """What keeps the base where it is, in how many of the samples; the rarest are left out."""
    told = sorted((shares or {}).items(), key=lambda each: -each[1])
    return ", ".join(f"{name} {share:.0%}" for name, share in told if share >= 0.005)


def _span(span: Span, kind: Kind) -> str:
    low, high = (f"{end:.3g} FLOP" if kind is Kind.FLOP else render(end, kind) for end in (span.low, span.high))
    return low if span.is_known else f"{low} to {high}"

"""Suites as plain data with stable keys; errors in percent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from petaday.validation.memory import memory_verdicts, verdicts_data
from petaday.validation.ranking import ranking_data, ranking_groups
from petaday.validation.scores import score
from petaday.validation.suite import Checked, Errors, Suite, errors_of
from petaday.validation.suites import SUITES, suites_of
from petaday.validation.training import held_out_errors, unmeasured_chips

Data = dict[str, Any]


def validation_data(name: str | None = None, data: Path | None = None) -> Data:
    """One suite by name, or all of them; of `data`, a table of training runs in place of the shipped record, training.

    Raises InputError: the table cannot be read, or nothing of it predicted.
    """
    names = [name] if name else list(SUITES) if data is None else ["training"]
    suites = [suite for each in names for suite in suites_of(each, data)]
    told = suites_data(suites)
    scored = [row for suite in suites if suite.name.startswith("training, plan") for row in suite.rows]
    if scored:
        told["unmeasured_chips"] = unmeasured_chips(scored)
    if "memory" in names:
        told["verdicts"] = verdicts_data(memory_verdicts())
    if "ranking" in names:
        told["ranking"] = ranking_data(ranking_groups())
    if scored and data is None:
        told["held_out"] = held_out_data(scored, held_out_errors())
    return told


def suites_data(suites: Iterable[Suite]) -> Data:
    """Every suite with its groups and breakdowns, and every row with its prediction."""
    listed = list(suites)
    return {
        "suites": [_suite(suite) for suite in listed],
        "rows": [_row(suite, row) for suite in listed for row in suite.rows],
    }


def held_out_data(rows: Iterable[Checked], held_out: Mapping[str, Mapping[str, float]]) -> list[Data]:
    """Errors in sample beside those of fits that did not see a run's source, chip, scale or configuration."""
    fitted = [row for row in rows if row.predicted is not None and all(row.id in kind for kind in held_out.values())]
    errors = {"nothing": {row.id: float(np.log(1 + row.error)) for row in fitted}, **held_out}
    lines = []
    for kind, by_id in errors.items():
        groups: dict[str, list[float]] = {}
        for row in fitted:
            groups.setdefault(row.config, []).append(by_id[row.id])
        signed = np.array([np.mean(runs) for runs in groups.values()])
        size = np.abs(signed)
        values = (np.median(size), np.quantile(size, 0.9), np.median(signed)) if len(size) else [float("nan")] * 3
        names = ("median_abs_pct", "p90_abs_pct", "bias_pct")
        told = {name: _percent(float(value)) for name, value in zip(names, values, strict=True)}
        lines.append({"held_out": kind, "configurations": len(signed), **told})
    return lines


def _percent(value: float) -> float | None:
    return None if np.isnan(value) else round(100 * value, 2)


def _suite(suite: Suite) -> Data:
    names = dict.fromkeys(name for row in suite.rows for name in row.labels)
    if not suite.by_configuration:
        return {
            **_plain(suite.name, suite.errors),
            "groups": [_plain(name, errors) for name, errors in suite.by_group().items()],
            "by": {
                label: [
                    _plain(name, suite.errors_among(rows)) for name, rows in sorted(_split(suite.rows, _label(label)))
                ]
                for label in names
            },
        }
    return {
        **_scored(suite.name, suite.rows),
        "groups": [_scored(name, rows) for name, rows in _split(suite.rows, lambda row: row.group)],
        "by": {
            label: [_scored(name, rows) for name, rows in sorted(_split(suite.rows, _label(label)))]
            for label in names
        },
    }


def _label(label: str) -> Any:
    return lambda row: row.labels.get(label, "")


def _split(rows: Iterable[Checked], key: Any) -> list[tuple[str, list[Checked]]]:
    parts: dict[str, list[Checked]] = {}
    for row in rows:
        if key(row):
            parts.setdefault(key(row), []).append(row)
    return list(parts.items())


def _plain(name: str, errors: Errors) -> Data:
    return {
        "name": name,
        "n": errors.n,
        "predicted": errors.predicted,
        "median_abs_pct": _percent(errors.median),
        "mean_abs_pct": _percent(errors.mean),
        "p90_abs_pct": _percent(errors.p90),
        "bias_pct": _percent(errors.bias),
    }


def _scored(name: str, rows: Iterable[Checked]) -> Data:
    """Medians over configurations, averaged over cells; and over all configurations alike ("pooled")."""
    listed = list(rows)
    told = score(listed)
    plain = errors_of((row.error for row in listed if row.predicted is not None), len(listed))
    return {
        "name": name,
        "n": told.rows,
        "predicted": told.predicted,
        "configurations": told.configurations,
        "cells": told.cells,
        "median_abs_pct": _percent(told.median),
        "mean_abs_pct": _percent(plain.mean),
        "p90_abs_pct": _percent(told.p90),
        "bias_pct": _percent(told.bias),
        "pooled_median_abs_pct": _percent(told.pooled_median),
        "pooled_p90_abs_pct": _percent(told.pooled_p90),
        "pooled_bias_pct": _percent(told.pooled_bias),
        "inside_80_pct_interval_pct": _percent(told.coverage),
    }


def _row(suite: Suite, row: Checked) -> Data:
    told = row.predicted is not None
    return {
        "id": row.id,
        "suite": suite.name,
        "metric": row.metric,
        "measured": None if np.isnan(row.measured) else row.measured,
        "predicted": row.predicted,
        "error_pct": _percent(row.error) if told else None,
        "low": row.low,
        "high": row.high,
        "plan_known": row.plan_known,
        "labels": dict(row.labels),
        "chips": row.chips,
        "skipped": row.skipped or None,
    }

"""Forecasts against the past: our diffusion from data of its time, and the scores of others against those stated.

Installed bases: Epoch AI's ai-chip-counts (MIT), whose quarters until a year's end are all that a back-test sees. Stated
scores: how far published forecasts were off and how fast things grew, as a digest of 2026 told them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from petaday.catalog.forecast import decimal_year
from petaday.catalog.forecasts import series
from petaday.study.forecast_scores import back_tests, scores
from petaday.supply.growth import compound, fit_exponential
from petaday.validation.suite import Checked, Suite

STATED = {
    "openai-trend": 39_000.0,
    "idc-china-ai-2024": 1 - 0.195,
    "idc-china-general-2024": 79.3 / 71.5,
    "citi-chatgpt": 3**0.5 * 11**0.5 / 32.5,
}
"""Forecast over actual, as stated: 39,000 times, -19.5 %, 79.3 for 71.5 EFLOPS, $3bn to $11bn for $32.5bn."""

GROWTHS = (
    ("nvidia-h100e", "2023", "2024", "times a year", 3.4),
    ("nvidia-h100e", "2024", "2025", "times a year", 2.9),
    ("largest-training", "2012-09", "2017-10", "months to double", 3.1),
    ("largest-training", "2017-10", "2025-02", "months to double", 8.5),
)
"""Growth between two points of a series, as stated."""


def forecast_suites() -> list[Suite]:
    """Installed bases one and two years ahead, and how far others were off."""
    return [
        Suite("forecast, installed base ahead", tuple(_ahead())),
        Suite("forecast, growth and scores as stated", (*_stated(), *_growths())),
    ]


def _ahead() -> Iterator[Checked]:
    for test in back_tests():
        yield Checked(
            id=f"{test.series.id} {test.year} from {test.vintage}",
            group=f"{test.series.id}, years ahead: {test.year - test.vintage}",
            metric="chips",
            measured=test.actual.value,
            predicted=float(test.predicted.p50[0]),
            low=float(test.predicted.p10[0]),
            high=float(test.predicted.p90[0]),
        )


def _stated() -> Iterator[Checked]:
    found = {score.forecast.id: score.ratio for score in scores()}
    for id_, ratio in STATED.items():
        yield Checked(id=id_, group="forecast over actual", metric="1", measured=ratio, predicted=found[id_])


def _growths() -> Iterator[Checked]:
    for name, start, end, metric, stated in GROWTHS:
        known = series(name)
        years = np.array([decimal_year(start), decimal_year(end)])
        values = np.array(
            [point.span(known.kind).value for point in known.points if point.at in _spelled(start, end)]
        )
        growth = fit_exponential(years, values).growth
        told = 1 + growth if metric == "times a year" else 12 / np.log2(compound(1.0, growth, 1.0))
        yield Checked(f"{name} {start} {end}", "growth", metric, measured=stated, predicted=float(told))


def _spelled(*dates: str) -> set[str]:
    """A year is also its December."""
    return {*dates, *(f"{date}-12" for date in dates)}

"""No memory of answers: no measured value and no name of a row stands in code, catalog or profiles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import petaday
from petaday.validation.table import read_rows
from petaday.validation.training import RECORD

SOURCE = Path(petaday.__file__).parent
MEASURED = ("step_time_s", "step_time_mean_s", "tokens_per_s_per_gpu", "reported_tokens_per_s_per_gpu", "value")
DIGITS = 5
"""Numbers of fewer digits occur by chance: a fitted figure has four."""


def files() -> Iterator[Path]:
    """Everything that a prediction can read: not the record itself."""
    for path in sorted(SOURCE.rglob("*")):
        if path.suffix in (".py", ".yaml", ".csv") and "validation/data" not in path.as_posix():
            yield path


def significant(number: str) -> str:
    """The digits of a number without point, leading or trailing zeros."""
    return number.replace(".", "").lstrip("0").rstrip("0")


@pytest.fixture(scope="module")
def record() -> list[dict[str, str]]:
    return read_rows(RECORD)


def test_no_measured_value_stands_in_code_or_catalog(record: list[dict[str, str]]) -> None:
    measured = {significant(row[name]) for row in record for name in MEASURED if row[name]}
    measured = {digits for digits in measured if len(digits) >= DIGITS}
    assert len(measured) > 300
    for path in files():
        if path.name in ("collectives.csv", "kernels.yaml", "engine_fits.yaml", "first_tokens.yaml", "sites.yaml"):
            continue  # measured collectives, fits to kernels and serving latencies, normals of climates: no training runs
        numbers = {significant(text) for text in re.findall(r"(?<![\w.])\d+\.\d+(?![\w.])", path.read_text())}
        assert not numbers & measured, path


def test_no_row_is_named_in_code_or_catalog(record: list[dict[str, str]]) -> None:
    ids = {row["id"] for row in record} | {row["config_group"] for row in record if row["config_group"]}
    for path in files():
        words = set(re.findall(r"[\w.-]{8,}", path.read_text()))
        assert not words & ids, path


def test_the_search_for_values_finds_one() -> None:
    assert significant("0.00120340") == "12034"
    assert significant("1203.40") == "12034"

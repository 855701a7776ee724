"""The suite of failures and goodput: what it reaches, that no row is lost, and what it may not do."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest

from petaday.validation import goodput
from petaday.validation.goodput import RECORD, goodput_suites
from petaday.validation.suite import Checked, Suite

COLLECTED = Path(__file__).parents[2] / "shared" / "data" / "reliability.csv"


@cache
def suites() -> dict[str, Suite]:
    return {suite.name: suite for suite in goodput_suites()}


def row(id_: str) -> Checked:
    return next(each for suite in suites().values() for each in suite.rows if each.id == id_)


def record() -> list[dict[str, str]]:
    with RECORD.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def test_errors_of_what_was_held_out() -> None:
    errors = suites()["goodput, held out"].errors
    assert errors.n == errors.predicted == 9
    assert errors.median <= 0.06
    assert errors.p90 <= 0.15


def test_hazards_as_they_were_set_come_back() -> None:
    errors = suites()["goodput, hazards as they were set"].errors
    assert errors.median <= 0.015
    assert errors.p90 <= 0.03


def test_lost_time_is_harder_than_useful_time() -> None:
    assert suites()["goodput, held out: what is lost"].errors.median <= 0.3


def test_fleets_differ_by_more_than_the_model_errs() -> None:
    """Hazards of one fleet tell another's only to a factor: the suite has to keep saying so."""
    assert suites()["goodput, of another fleet"].errors.median > 0.3


@pytest.mark.parametrize(
    ("id_", "error"),
    [
        ("LLAMA3.unexpected", 0.01),
        ("LLAMA3.ettr", 0.0),
        ("LLAMA3.network", 0.06),
        ("RSC.mttf1024", 0.01),
        ("RSC.mttf131k", 0.03),
        ("FTHSDP.mtbf98k", 0.02),
        ("FTHSDP.mtbf131k", 0.05),
        ("FTHSDP.effective_sync", 0.10),
        ("FTHSDP.effective_elastic", 0.10),
        ("BYTEROBUST.ettr", 0.02),
        ("GEMINI.goodput", 0.03),
        ("HPN.job", 0.0),
        ("LABLUP.b200", 0.17),
    ],
)
def test_published_runs_by_name(id_: str, error: float) -> None:
    assert abs(row(id_).error) <= error


def test_a_bound_is_an_error_only_outside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded = next(each for each in record() if each["id"] == "LLAMA3.ettr")
    for predicted, error in ((0.95, 0.0), (0.90, 0.0), (0.81, -0.1)):
        monkeypatch.setitem(goodput.PREDICTORS, "effective", lambda _, value=predicted: value)
        assert goodput._checked(bounded).error == pytest.approx(error)


def test_each_row_is_predicted_or_says_why_not() -> None:
    rows = record()
    assert len({each["id"] for each in rows}) == len(rows) == 130
    for each in rows:
        assert each["source"]
        assert (each["role"] == "not predicted") == bool(each["reason"]) == (not each["predictor"])
    shown = suites()["goodput, rows that no output corresponds to"]
    assert shown.errors.n == sum(each["role"] == "not predicted" for each in rows)
    assert shown.errors.predicted == 0


@pytest.mark.skipif(not COLLECTED.exists(), reason="the collected data are not here")
def test_every_collected_row_is_in_the_record() -> None:
    with COLLECTED.open(encoding="utf-8", newline="") as table:
        collected = list(csv.DictReader(table))
    ours = {each["id"]: each for each in record()}
    assert len(collected) == 127
    for each in collected:
        assert each["id"] in ours
        if ours[each["id"]]["component"]:
            assert ours[each["id"]]["value"] == each["value"]

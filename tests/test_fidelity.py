"""The record of training runs: errors that were reached, scores, intervals, fits that find what was put in."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from petaday.catalog import load
from petaday.catalog.edit import add
from petaday.errors import InputError
from petaday.validation.calibrate import calibrate, catalog_file
from petaday.validation.cases import Case, cases_of
from petaday.validation.fitting import Knob, Problem
from petaday.validation.payload import held_out_data, suites_data, validation_data
from petaday.validation.scores import scale_of, score
from petaday.validation.suite import Checked, Suite
from petaday.validation.table import read_rows
from petaday.validation.training import RECORD, held_out_errors, training_suites


@pytest.fixture(scope="module")
def data() -> dict[str, object]:
    return validation_data("training")


def suite_named(data: dict[str, object], name: str) -> dict[str, float]:
    return next(suite for suite in data["suites"] if suite["name"] == name)  # type: ignore[attr-defined, no-any-return]


# What was reached, as a guard against falling behind


def test_errors_of_known_plans(data: dict[str, object]) -> None:
    known = suite_named(data, "training, plan known")
    assert known["median_abs_pct"] <= 6.5
    assert known["pooled_median_abs_pct"] <= 5.0
    assert known["p90_abs_pct"] <= 15.0
    assert abs(known["pooled_bias_pct"]) <= 2.0


def test_errors_of_searched_plans(data: dict[str, object]) -> None:
    searched = suite_named(data, "training, plan searched")
    assert searched["median_abs_pct"] <= 10.0
    assert searched["pooled_median_abs_pct"] <= 6.0


def test_most_rows_that_can_be_scored_are_predicted(data: dict[str, object]) -> None:
    scored = [suite_named(data, f"training, plan {kind}") for kind in ("known", "searched")]
    assert sum(suite["predicted"] for suite in scored) >= 0.95 * sum(suite["n"] for suite in scored)


def test_an_80_percent_interval_covers_about_80_percent(data: dict[str, object]) -> None:
    for kind in ("known", "searched"):
        covered = suite_named(data, f"training, plan {kind}")["inside_80_pct_interval_pct"]
        assert 75 <= covered <= 93


def test_held_out_errors_stand_beside_those_in_sample(data: dict[str, object]) -> None:
    lines = {line["held_out"]: line for line in data["held_out"]}  # type: ignore[attr-defined]
    assert lines.keys() == {"nothing", "source", "chip", "scale", "fifth"}
    inside = lines["nothing"]["median_abs_pct"]
    assert inside < lines["fifth"]["median_abs_pct"] < lines["source"]["median_abs_pct"] < 2.2 * inside


def test_rows_carry_what_is_promised(data: dict[str, object]) -> None:
    keys = {"id", "metric", "measured", "predicted", "error_pct", "skipped", "low", "high", "plan_known"}
    for row in data["rows"]:  # type: ignore[attr-defined]
        assert keys <= row.keys()
        assert (row["skipped"] is None) == (row["predicted"] is not None)
        if row["predicted"] is not None:
            assert row["low"] < row["predicted"] < row["high"]
            assert row["error_pct"] == pytest.approx(100 * (row["predicted"] / row["measured"] - 1), abs=0.01)


# Scores


def run(config: str, cell: str, ratio: float, **more: object) -> Checked:
    return Checked(id=config, group=cell, metric="s", measured=1.0, predicted=ratio, config=config, cell=cell, **more)  # type: ignore[arg-type]


def test_a_configuration_counts_once_and_cells_alike() -> None:
    one = [run("a", "x", np.exp(0.1)) for _ in range(9)] + [run("b", "x", np.exp(0.3))]
    other = [run("c", "y", np.exp(-0.5), low=0.2, high=1.2)]
    told = score([*one, *other])
    assert (told.rows, told.configurations, told.cells) == (11, 3, 2)
    assert told.median == pytest.approx((0.2 + 0.5) / 2)  # the median of 0.1 and 0.3, and 0.5
    assert told.pooled_median == pytest.approx(0.3)
    assert told.bias == pytest.approx((0.2 - 0.5) / 2)
    assert told.coverage == pytest.approx(1 / 11)


def test_skipped_rows_are_counted_and_nothing_else() -> None:
    skipped = replace(run("a", "x", 1.0), predicted=None, skipped="blank")
    told = score([skipped, run("b", "x", 1.0)])
    assert (told.rows, told.predicted, told.configurations) == (2, 1, 1)
    assert suites_data([Suite("s", (skipped,), by_configuration=True)])["suites"][0]["median_abs_pct"] is None


def test_bands_of_scale() -> None:
    assert [scale_of(chips) for chips in (1, 8, 9, 64, 4096, 4097)] == [
        "1-8 chips", "1-8 chips", "9-64 chips", "9-64 chips", "513-4096 chips", "over 4096 chips",
    ]  # fmt: skip


def test_held_out_lines_weigh_configurations() -> None:
    rows = [run("a", "x", np.exp(0.1)), run("b", "x", np.exp(0.2))]
    lines = held_out_data(rows, {"source": {"a": 0.3, "b": -0.5}})
    assert lines[0]["median_abs_pct"] == pytest.approx(15.0)
    assert lines[1]["median_abs_pct"] == pytest.approx(40.0)
    assert lines[1]["bias_pct"] == pytest.approx(-10.0)


# Fits


def record_rows(**columns: str) -> list[dict[str, str]]:
    return [row for row in read_rows(RECORD) if all(row[name] == value for name, value in columns.items())]


@pytest.fixture(scope="module")
def internevo() -> list[Case]:
    cases, _ = cases_of(record_rows(source_family="internevo")[::2])
    return cases


def test_a_fit_finds_the_figures_that_made_the_times(internevo: list[Case]) -> None:
    owner = internevo[0].software
    knobs = [Knob.of(owner, "slowdown"), Knob.of(owner, "straggling")]
    truth = np.log([1.35, 0.03])
    made = Problem(internevo, knobs).predict(truth)
    cases = [replace(case, measured=float(np.exp(time))) for case, time in zip(internevo, made, strict=True)]
    solution = Problem(cases, knobs).solve(steps=12)
    assert np.exp(solution.logs) == pytest.approx([1.35, 0.03], rel=0.06)  # the prior pulls a little
    assert np.abs(solution.residuals).max() < 0.01
    assert all(error > 0 for error in solution.errors().values())


def test_an_odd_run_hardly_moves_a_fit(internevo: list[Case]) -> None:
    owner = internevo[0].software
    knobs = [Knob.of(owner, "slowdown")]
    odd = [replace(internevo[0], measured=10 * internevo[0].measured), *internevo[1:]]
    plain, pulled = (Problem(cases, knobs).solve().logs[0] for cases in (internevo, odd))
    assert abs(pulled - plain) < 0.05


def test_figures_stay_in_their_plausible_range(internevo: list[Case]) -> None:
    knobs = [Knob.of(internevo[0].software, "slowdown"), Knob.of(internevo[0].chip, "sustained")]
    slow = [replace(case, measured=100 * case.measured) for case in internevo]
    solution = Problem(slow, knobs).solve()
    for knob, value in solution.values().items():
        assert knob.prior.low <= value <= knob.prior.high * (1 + 1e-12)


def test_leaving_nothing_out_is_the_solution_and_leaving_all_out_is_the_prior(internevo: list[Case]) -> None:
    knobs = [Knob.of(internevo[0].software, "slowdown")]
    solution = Problem(internevo, knobs).solve(steps=12)
    none, every = (solution.without(np.full(len(internevo), left)) for left in (False, True))
    assert none == pytest.approx(solution.logs, abs=2e-3)
    assert np.exp(every) == pytest.approx([knobs[0].prior.typical])


def test_every_profile_and_measured_chip_has_its_record() -> None:
    for record in load.fits():
        kind, name = record.scope
        if kind == "software":
            assert load.software_profile(name).fit == record
            assert len(record.figures) <= 4
        else:
            assert len(record.figures) <= 6
        assert record.runs > 0
        assert record.command
    assert held_out_errors().keys() == {"source", "chip", "scale", "fifth"}


# A chip's figures from a user's own runs


def own_table(folder: Path, rows: list[dict[str, str]]) -> Path:
    path = folder / "runs.csv"
    with path.open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def h200_runs(tmp_path: Path) -> Path:
    return own_table(tmp_path, record_rows(accelerator="NVIDIA H200-SXM5-141GB", task="lora")[:8])


def test_own_runs_become_a_catalog_file(h200_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETADAY_CATALOG", str(tmp_path / "catalog"))
    load.refresh()
    told = calibrate(h200_runs, "h200")
    assert told.runs == 8
    assert told.after <= told.before
    file = tmp_path / "my-h200.yaml"
    file.write_text(catalog_file(told, "my-h200", "petaday calibrate"), encoding="utf-8")
    assert add(file).ids == ("my-h200",)
    chip = load.chip("my-h200")
    figures = load.efficiency_of(chip, "fp8").figures
    assert figures.sustained.value == pytest.approx(told.figures["fp8"]["sustained"][0], abs=1e-4)
    assert "own" in figures.sustained.source or "training runs" in figures.sustained.source
    assert not figures.sustained.estimate
    monkeypatch.undo()
    load.refresh()


def test_own_runs_of_another_chip_are_no_runs(h200_runs: Path) -> None:
    with pytest.raises(InputError, match=r"no run of .* on h100-sxm-80"):
        calibrate(h200_runs, "h100")


def test_a_fit_that_leaves_its_range_says_which_figure(tmp_path: Path) -> None:
    rows = record_rows(accelerator="NVIDIA H200-SXM5-141GB", task="lora")[:4]
    slow = [{**row, "step_time_s": str(30 * float(row["step_time_s"]))} for row in rows]
    path = own_table(tmp_path, slow)
    with pytest.raises(InputError, match="sustained in "):
        calibrate(path, "h200")
    assert calibrate(path, "h200", force=True).leaving


# A user's table


def test_rows_that_cannot_be_read_are_told_one_by_one(tmp_path: Path) -> None:
    good = record_rows(source_family="vtrain")[0]
    rows = [
        good,
        {**good, "id": "chip", "accelerator": "NVIDIA H1000"},
        {**good, "id": "unit", "step_time_s": "3 s"},
        {**good, "id": "dtype", "dtype": "bf17"},
    ]
    suites = training_suites(own_table(tmp_path, rows))
    skipped = {row.id: row.skipped for suite in suites for row in suite.rows if row.skipped}
    assert skipped.keys() == {"chip", "unit", "dtype"}
    assert "did you mean" in skipped["chip"]
    assert "without a unit" in skipped["unit"]
    with pytest.raises(InputError, match="none of 1 rows"):
        training_suites(own_table(tmp_path, rows[1:2]))


def test_a_chip_without_runs_has_a_wider_interval(tmp_path: Path) -> None:
    good = record_rows(source_family="vtrain")[0]
    rows = [good, {**good, "id": "domestic", "accelerator": "MTT S4000", "scale_up_domain": "8"}]
    told = validation_data(data=own_table(tmp_path, rows))
    assert told["unmeasured_chips"] == ["mtt-s4000"]
    width = {row["id"]: np.log(row["high"] / row["low"]) for row in told["rows"]}
    assert width["domestic"] > 1.5 * width[good["id"]]
    assert json.dumps(told, allow_nan=False)

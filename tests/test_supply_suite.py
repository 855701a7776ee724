"""The supply suite: what must be reached, and how the command shows it."""

from __future__ import annotations

import csv
import json
import sys
from functools import cache
from pathlib import Path

import pytest

from petaday import cli
from petaday.catalog import silicon_load as silicon
from petaday.validation import supply_units
from petaday.validation.suite import Checked, Suite
from petaday.validation.supply import supply_suites

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data" / "supply" / "nvidia_fiscal_quarter_chip_timelines.csv"

pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")


@cache
def suites() -> dict[str, Suite]:
    return {suite.name.removeprefix("supply, ").partition(" (")[0]: suite for suite in supply_suites()}


def row(suite: str, begins: str) -> Checked:
    return next(each for each in suites()[suite].rows if each.id.startswith(begins))


def outside(suite: str) -> set[str]:
    return {each.id.split(" (")[0] for each in suites()[suite].rows if each.labels["published range"] == "outside"}


def test_what_figures_were_set_from_stands_apart() -> None:
    rows = {each.id.split(" (")[0]: each for each in suites()["figures as they were set"].rows}
    assert {each.group for each in rows.values()} == {"as set", "arithmetic"}
    assert rows["H100 packages"].predicted == 29 and rows["B200 packages"].predicted == 16
    assert abs(rows["h100-sxm-80"].error) < 0.03
    assert rows["5M H100-like at 30 % of 5 nm"].predicted == pytest.approx(40, rel=0.07)
    assert not outside("figures as they were set")
    others = {each.id.split(" (")[0] for name, suite in suites().items() if "set" not in name for each in suite.rows}
    assert not rows.keys() & others


def test_wafers_hold_about_what_is_published() -> None:
    """Morgan Stanley's 78 of a 910B is a round figure below what a grid holds."""
    name = "dies and packages on a wafer"
    assert row(name, "910B dies").predicted == 81
    assert row(name, "H100 perfect dies").predicted == pytest.approx(30, rel=0.06)
    assert row(name, "NVIDIA 2026").predicted == pytest.approx(9.1, rel=0.02)
    # Its source counts more dies than a wafer holds.
    assert row(name, "H100 good dies").error < -0.2


def test_perfect_dies_are_of_the_catalog_s_own_density() -> None:
    node = silicon.node("n4")
    assert row("dies and packages on a wafer", "H100 perfect dies").predicted == pytest.approx(
        65 * (1 + 26e-3 * 31.3e-3 * node.defect_density.value / node.cluster.value) ** -node.cluster.value
    )


def test_bills_and_boards() -> None:
    assert outside("bills") == {"H100 die", "tpu-v7"}
    assert all(abs(each.error) < 0.15 for each in suites()["embodied carbon"].rows)
    wafers = row("bills", "wafers of 5M")
    assert wafers.predicted == pytest.approx(2.6e9, rel=0.12) and wafers.error < 0


def test_quarters_inside_the_published_bands() -> None:
    """Ten of twelve; outside are the quarter before the boom, and that of the halt of H20 with its write-down."""
    rows = suites()["NVIDIA units by fiscal quarter"].rows
    assert len(rows) == 12
    assert {each.id.split(" ")[0] for each in rows if not each.inside} == {"FY24Q1", "FY26Q2"}
    assert all((each.labels["published range"] == "inside") is each.inside for each in rows)


def test_an_interval_is_the_source_s_range_carried_over() -> None:
    one = row("figures as they were set", "b200-sxm")
    assert one.low is not None and one.high is not None and one.predicted is not None
    assert one.predicted * one.measured / one.low == pytest.approx(7300)
    assert one.predicted * one.measured / one.high == pytest.approx(5700)


def test_units_are_predicted_without_the_record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = supply_units.delivered()
    empty = tmp_path / "empty.csv"
    empty.write_text("quarter,chip,start,end,units,low,high\n", encoding="utf-8")
    monkeypatch.setattr(supply_units, "RECORD", empty)
    assert supply_units.delivered().tolist() == before.tolist()
    assert list(supply_units.nvidia_units()) == []


@pytest.mark.skipif(not SHARED.is_file(), reason="the source's table is not here")
def test_the_record_is_the_source_s() -> None:
    with SHARED.open(encoding="utf-8") as source, supply_units.RECORD.open(encoding="utf-8") as record:
        own = {f"{each['quarter']} - {each['chip']}": each for each in csv.DictReader(record)}
        theirs = {each["Name"]: each for each in csv.DictReader(source) if each["Start date"] >= "2023-01-30"}
    assert own.keys() == theirs.keys()
    for name, each in own.items():
        assert each["units"] == theirs[name]["Number of Units"]
        assert each["low"] == theirs[name]["Number of Units (5th percentile)"]
        assert each["high"] == theirs[name]["Number of Units (95th percentile)"]


# The command


def ran(arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["petaday", *arguments.split()])
    with pytest.raises(SystemExit) as left:
        cli.main()
    out, err = capsys.readouterr()
    return int(str(left.value.code)), out, err


def test_the_command_answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran("supply examples/h100-7m.yaml", monkeypatch, capsys)
    assert code == 0
    for said in ("Packaging binds", "Bill of wafers, once", "wafers a day", "Assumed, because"):
        assert said in out


def test_json_carries_version_status_and_manifest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = ran("supply examples/h100-7m.yaml --json", monkeypatch, capsys)
    data = json.loads(out)
    assert code == 0
    assert (data["schema_version"], data["status"]) == (1, "answered")
    assert data["manifest"]["command"].startswith("petaday supply")
    bill = data["bill_usd"]
    assert sum(value for name, value in bill.items() if name != "total") == pytest.approx(bill["total"])
    assert "NaN" not in out and "Infinity" not in out


def test_what_is_not_filled_is_an_answer_that_names_what_binds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = ran("supply examples/ascend-embargo.yaml", monkeypatch, capsys)
    assert code == 3
    assert "not filled by 2028Q4" in out and "Memory hbm2e" in out


def test_a_training_run_on_the_order_s_chip(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "order.yaml"
    path.write_text("order: {chip: h20-96, chips: 1M}\nsupply: {start: 2024Q1}\n", encoding="utf-8")
    code, out, _ = ran(f"supply {path} --training examples/gpt3-175b.yaml --json", monkeypatch, capsys)
    equal = json.loads(out)["equal"]
    assert code == 0
    assert equal["other"]["chips"] == pytest.approx(equal["chip_ratio"] * equal["base"]["chips"])
    assert equal["other"]["wall_time_s"] <= equal["base"]["wall_time_s"]
    assert equal["share_of_order"] == equal["other"]["chips"] / 1e6
    code, out, _ = ran(f"supply {path} --training examples/gpt3-175b.yaml", monkeypatch, capsys)
    assert "The same time for GPT-3 175B" in out


def test_bad_input_leaves_with_two_and_a_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "order.yaml"
    path.write_text("order: {chip: h100-sxm-80, chips: 1M}\nsupply: {start: 2018Q1}\n", encoding="utf-8")
    code, _, err = ran(f"supply {path}", monkeypatch, capsys)
    assert code == 2
    assert "order.yaml:2" in err and "2022Q3 to 2028Q4" in err


def test_the_schema_is_published(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran("schema supply", monkeypatch, capsys)
    assert code == 0
    assert {"order", "supply"} <= json.loads(out)["properties"].keys()

"""What leaves the house: every field has its meaning, tables fit their width, and plans survive a CSV file."""

from __future__ import annotations

import csv
import io
import json
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from petaday.catalog import load
from petaday.report.chain import chain_data
from petaday.report.explain import leaves
from petaday.report.fields import field_of, fields
from petaday.report.inputs import inputs_of
from petaday.report.parts import list_data, part_data, show_list, show_part
from petaday.report.payload import Data
from petaday.report.rows import plans_csv
from petaday.report.terminal import PARTS, show_answer
from petaday.study.answer import Answer
from petaday.study.chain.build import chain_of
from petaday.training.plan import COLUMNS
from scenarios import EXAMPLES, SMALL, changed, example, planned, written

TOO_SMALL = changed(
    SMALL, train__model="llama-3.1-8b", cluster__chips=1, plan={}, train__expert_imbalance=2.0,
)  # fmt: skip
"""Infeasible, and with a field that moves nothing."""


@pytest.fixture(scope="module")
def infeasible(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Data]:
    return planned(written(TOO_SMALL, tmp_path_factory.mktemp("report")))


@cache
def printed(name: str, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    show_answer(example(name)[1], name, console)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


# Fields


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_number_of_an_answer_has_a_meaning(name: str) -> None:
    for path, _ in leaves(example(name)[1]):
        known = field_of(path)
        assert known is not None, path
        assert known.meaning


def test_every_number_of_an_infeasible_answer_has_a_meaning(infeasible: tuple[Answer, Data]) -> None:
    for path, _ in leaves(infeasible[1]):
        known = field_of(path)
        assert known is not None, path
        assert known.meaning


@pytest.mark.parametrize("name", EXAMPLES)
def test_units_in_a_key_are_the_unit_of_its_field(name: str) -> None:
    endings = {"_bytes": "B", "_bytes_per_s": "B/s", "_days": "days", "_hours": "h"}
    for path, value in leaves(example(name)[1]):
        known = field_of(path)
        assert known is not None
        if path.startswith(("pareto", "fabric")) or not isinstance(value, int | float):
            continue
        key = path.removeprefix("demand.").replace("model_pf_days", "pf_days")
        for ending, unit in endings.items():
            if key.endswith(ending) and key != "pf_days" and not key.startswith("plan."):
                assert known.unit == unit, path


def test_every_input_of_a_field_is_known(infeasible: tuple[Answer, Data]) -> None:
    answers = [infeasible, *(example(name) for name in EXAMPLES)]
    known = {name for found, data in answers for name in (*inputs_of(found), *(path for path, _ in leaves(data)))}
    known |= {factor["name"] for _, data in answers for factor in data["factors"]}
    for field in fields():
        for pattern in field.inputs:
            assert any(fnmatchcase(name, pattern) for name in known), f"{field.path}: {pattern}"


def test_no_field_is_listed_that_no_answer_has(infeasible: tuple[Answer, Data], tmp_path: Path) -> None:
    unfit = planned(written(changed(SMALL, site__region="wuxi", site__connection="1 kW"), tmp_path))
    priceless = planned(written(changed(SMALL, cluster__chip="mtt-s4000"), tmp_path))
    answers = [infeasible[1], drawn(unfit), priceless[1], *(example(name)[1] for name in EXAMPLES)]
    # What is a mapping or a list in these answers may be null in another: its own path stands for that.
    paths = {path for data in answers for path, _ in leaves(data)}
    paths |= {path.split(".")[0] for path in paths}
    for field in fields():
        assert any(fnmatchcase(path, field.path) for path in paths), field.path


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_input_has_a_value_and_a_source(name: str) -> None:
    for given in inputs_of(example(name)[0]).values():
        assert given.value
        assert given.source


def drawn(planned: tuple[Answer, Data]) -> Data:
    """An answer's data with its uncertainty."""
    found, data = planned
    return {**data, **chain_data(chain_of(found), chain_of(found).uncertainty(64))}


# JSON


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_answer_survives_json(name: str) -> None:
    _, data = example(name)
    again = json.loads(json.dumps(data, allow_nan=False))
    assert list(leaves(again)) == list(leaves(data))


def test_an_infeasible_answer_has_the_same_keys(infeasible: tuple[Answer, Data]) -> None:
    assert infeasible[1].keys() == example("gpt3-175b")[1].keys()
    json.dumps(infeasible[1], allow_nan=False)


# Tables


@pytest.mark.parametrize("width", [80, 118])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_report_fits_its_width(name: str, width: int) -> None:
    text = printed(name, width)
    assert max(map(len, text.splitlines())) <= width
    for word in ("Demand", "Plan", "Step time", "Memory a chip", "Pareto front", "Assumed", "MFU"):
        assert word in text


def test_every_part_of_the_waterfall_has_a_name_for_readers() -> None:
    for name in EXAMPLES:
        assert example(name)[1]["step"]["waterfall_s"].keys() <= PARTS.keys()


def test_an_infeasible_report_names_what_binds_and_what_is_unused(infeasible: tuple[Answer, Data]) -> None:
    console = Console(file=io.StringIO(), width=80)
    show_answer(infeasible[1], "too small", console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Not feasible: memory binds" in text
    assert "cluster.chips: " in text


@pytest.mark.parametrize("kind", ["chips", "models", "networks", "software"])
def test_every_part_of_the_catalog_is_listed_and_shown(kind: str) -> None:
    lines = list_data(kind, allow_unverified=True)  # type: ignore[arg-type]
    assert {line["id"] for line in lines} == set(load_ids(kind))
    console = Console(file=io.StringIO(), width=80)
    show_list(kind, lines, console)  # type: ignore[arg-type]
    for line in lines:
        shown = Console(file=io.StringIO(), width=4000)
        show_part(part_data(line["id"]), shown)
        assert line["id"] in shown.file.getvalue()  # type: ignore[attr-defined]


def load_ids(kind: str) -> list[str]:
    """Ids of the catalog's parts of a kind."""
    parts = {"chips": load.chips(True), "models": load.models(), "networks": load.networks(),
             "software": load.software()}  # fmt: skip
    return [*parts[kind]]


# Plans as CSV


@pytest.mark.parametrize("name", EXAMPLES)
def test_plans_survive_a_csv_file(name: str) -> None:
    found, data = example(name)
    rows = list(csv.DictReader(io.StringIO(plans_csv(found, data["pareto"]))))
    ranked = [row for row in rows if row["kind"] == "ranked"]
    front = [row for row in rows if row["kind"] == "pareto"]
    assert [int(row["rank"]) for row in ranked] == list(range(1, len(ranked) + 1))
    plans = [data["plan"], *(each["plan"] for each in data["alternatives"])]
    for row, plan in zip([*ranked, *front], [*plans, *(each["plan"] for each in data["pareto"])], strict=True):
        assert {column: row[column] for column in COLUMNS} == {column: str(plan[column]) for column in COLUMNS}
    assert float(ranked[0]["step_time_s"]) == data["step"]["step_time_s"]
    assert [float(row["memory_bytes"]) for row in front] == [each["memory_bytes"] for each in data["pareto"]]


def test_no_plan_is_an_empty_table(infeasible: tuple[Answer, Data], tmp_path: Path) -> None:
    assert list(csv.DictReader(io.StringIO(plans_csv(*infeasible[:1], front=[])))) == []

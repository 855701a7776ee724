"""No input is for show: every field of a scenario moves some number of the answer, or the answer says it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pydantic
import pytest

from moves import MOE, MOVES
from petaday.catalog.model import Model
from petaday.report.chain import ROOMS
from petaday.report.payload import Data
from petaday.study.scenario import Scenario
from scenarios import SMALL, changed, planned, written

LABELS = {"name"}
"""Fields that name a run."""

ELSEWHERE = ("reliability__", "site__", "supply__")
"""Sections that are other commands' too; the tests of those have their fields."""


def fields_of(model: type[pydantic.BaseModel], path: str = "") -> Iterator[str]:
    """Every field below a section, with the fields of the mappings that may stand in it; a model's own are its parts."""
    for name, field in model.model_fields.items():
        here = f"{path}__{name}" if path else name
        inner = [each for each in models_in(field.annotation) if each is not Model]
        if not (path == "" and inner):
            yield here
        for each in inner:
            yield from fields_of(each, here)


def models_in(annotation: object) -> Iterator[type[pydantic.BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def outcome(data: Data) -> Data:
    """What a scenario comes to, without what only repeats it."""
    run = {**(data["run"] or {}), "deadline_s": None}
    return {
        **{name: data[name] for name in ("status", "demand", "step", "memory", *ROOMS, "money")},
        "run": run,
        "chips": data["cluster"]["chips"],
    }


def test_every_field_of_the_schema_has_its_two_values() -> None:
    own = {field for field in fields_of(Scenario) if not field.startswith(ELSEWHERE)}
    assert own - LABELS == MOVES.keys()


@pytest.mark.parametrize("path", MOVES)
def test_a_field_moves_the_answer(path: str, tmp_path: Path) -> None:
    move = MOVES[path]
    target = path.removesuffix("__dtype").removesuffix("__share")
    (first, _), (second, _) = (
        (planned(written(scenario, tmp_path))[1], scenario) for scenario in move.scenarios(target)
    )
    assert first["plan"] is not None
    assert second["plan"] is not None
    assert outcome(first) != outcome(second)
    assert target.replace("__", ".") not in {**first["unused"], **second["unused"]}


@pytest.mark.parametrize(
    ("path", "values", "base"),
    [
        ("train__expert_imbalance", (1.0, 2.0), SMALL),
        ("cost__energy", ("$0.05/kWh", "$0.1/kWh"), changed(SMALL, site__region="wuxi")),
    ],
)
def test_a_field_that_moves_nothing_is_reported(
    path: str, values: tuple[object, object], base: dict[str, object], tmp_path: Path
) -> None:
    first, second = (planned(written(changed(base, **{path: value}), tmp_path))[1] for value in values)
    assert outcome(first) == outcome(second)
    assert first["unused"].keys() == {path.replace("__", ".")}


def test_a_field_that_moves_something_is_not_reported(tmp_path: Path) -> None:
    scenario = changed(
        MOE, train__expert_imbalance=1.5, cluster__host_bandwidth="50 GB/s", plan__optimizer_offload=True
    )
    assert planned(written(scenario, tmp_path))[1]["unused"] == {}


def test_a_name_moves_nothing(tmp_path: Path) -> None:
    first, second = (planned(written(changed(SMALL, name=name), tmp_path))[1] for name in ("a", "b"))
    assert outcome(first) == outcome(second)
    assert first["manifest"]["scenario"] != second["manifest"]["scenario"]

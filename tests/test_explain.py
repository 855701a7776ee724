"""Any number of an answer can be taken apart; a name that is none is an error with the nearest names."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from petaday.errors import InputError
from petaday.report.explain import explain, leaves
from petaday.report.terminal import show_explanation
from scenarios import EXAMPLES, example


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_path_of_an_answer_is_explained(name: str) -> None:
    found, data = example(name)
    for path in dict.fromkeys(path for path, _ in leaves(data)):
        told = explain(found, data, path)
        assert told.path == path
        assert told.values
        assert told.field.meaning
        console = Console(file=io.StringIO(), width=80)
        show_explanation(told, console)
        assert path in console.file.getvalue().replace("\n", "")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", EXAMPLES)
def test_inputs_are_figures_or_other_fields_with_their_sources(name: str) -> None:
    found, data = example(name)
    paths = {path for path, _ in leaves(data)}
    for path in paths:
        if path.startswith(("step.", "memory.", "run.", "demand.")) and path != "step.waterfall_s.overhead":
            inputs = explain(found, data, path).inputs
            assert inputs, path
            assert path not in {each.name for each in inputs if each.name not in ("cluster.chips",)}
            assert all(each.value and each.source for each in inputs)


def test_the_end_of_a_path_with_or_without_its_unit_is_enough() -> None:
    found, data = example("gpt3-175b")
    for name in ("step_time", "step_time_s", "step.step_time", "step.step_time_s"):
        assert explain(found, data, name).path == "step.step_time_s"
    assert explain(found, data, "wall_time_days").path == "run.wall_time_days"
    assert explain(found, data, "bubble").path == "step.waterfall_s.bubble"


def test_several_values_of_a_field_are_all_told() -> None:
    found, data = example("gpt3-175b")
    told = explain(found, data, "memory.stages.total_bytes")
    assert len(told.values) == len(data["memory"]["stages"])


def test_an_ambiguous_name_lists_what_it_may_be() -> None:
    found, data = example("gpt3-175b")
    with pytest.raises(InputError, match="is ambiguous") as caught:
        explain(found, data, "price_usd")
    assert "fabric.links.price_usd" in caught.value.expected


@pytest.mark.parametrize(("typed", "meant"), [("step_tim", "step.step_time_s"), ("mfuu", "step.mfu")])
def test_a_mistyped_name_tells_the_nearest(typed: str, meant: str) -> None:
    found, data = example("gpt3-175b")
    with pytest.raises(InputError) as caught:
        explain(found, data, typed)
    assert meant in caught.value.nearest


@settings(max_examples=200, deadline=None)
@given(name=st.text(max_size=20) | st.sampled_from(["*", "step.*", "plan", "step", ".", "s", "_s", "[0]"]))
def test_any_name_is_explained_or_refused(name: str) -> None:
    found, data = example("gpt3-175b")
    try:
        told = explain(found, data, name)
    except InputError as error:
        assert error.message
    else:
        assert told.path.split(".")[-1].startswith(name.split(".")[-1])

"""Nodes, memory, packages, lines and recipes of the catalog: they fit together, and guesses are marked as such."""

from __future__ import annotations

from collections.abc import Iterator

import pydantic
import pytest

from petaday.catalog import load
from petaday.catalog import silicon_load as silicon
from petaday.catalog.figure import Figure
from petaday.catalog.quarter import quarter_name, read_quarter
from petaday.catalog.recipe import DieOf, Recipe
from petaday.catalog.silicon import Knot, Line
from petaday.catalog.strict_yaml import loads
from petaday.catalog.validate import validated
from petaday.errors import InputError

RECIPES = sorted(silicon.recipes())
PARTS = [
    part
    for table in (
        silicon.nodes(), silicon.hbm_generations(), silicon.packages(), silicon.lines(), silicon.recipes(),
        silicon.baseboards(),
    )
    for part in table.values()
]  # fmt: skip


def figures(part: pydantic.BaseModel) -> Iterator[Figure]:
    """Every figure of a part, those of its lists too."""
    for _, value in part:
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Figure):
                yield each
            elif isinstance(each, pydantic.BaseModel):
                yield from figures(each)


# Quarters


def test_quarters_count_on() -> None:
    assert read_quarter("2024Q1") - read_quarter("2023Q4") == 1
    assert [quarter_name(read_quarter(text)) for text in ("2023Q4", "2026-Q2")] == ["2023Q4", "2026Q2"]


@pytest.mark.parametrize("text", ["2024", "2024Q5", "Q1 2024", 2024, None, "1999Q1"])
def test_other_texts_are_no_quarters(text: object) -> None:
    with pytest.raises(InputError, match="no quarter"):
        read_quarter(text)


# Parts


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{type(part).__name__}-{part.id}")
def test_what_is_guessed_is_marked(part: pydantic.BaseModel) -> None:
    for figure in figures(part):
        said = figure.source.split("; low:")[0].split("; high:")[0].split("; value:")[0]
        if any(word in said for word in ("from memory", "a guess", "no figure", "assumed", "interpolated")):
            assert figure.estimate, figure.text


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_of_parts_that_exist(name: str) -> None:
    recipe = silicon.recipe(name)
    package = silicon.package(recipe.package)
    assert recipe.memory is None or silicon.line(silicon.hbm(recipe.memory.hbm).line).knots[0].bytes is not None
    assert all(silicon.line(silicon.node(die.node).line).knots[0].wafers is not None for die in recipe.dies)
    counts = silicon.line(package.line).knots[0]
    assert (counts.wafers if package.interposer != "none" else counts.packages) is not None


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_the_catalog_s_chip(name: str) -> None:
    """Area, dies, stacks and memory of the chip's own entry; what is made of memory is not below what is shown."""
    recipe, chip = silicon.recipe(name), load.chip(name, allow_unverified=True)
    compute = recipe.dies[0]
    if chip.die_area is not None:
        assert compute.width.value * compute.height.value == pytest.approx(chip.die_area.value, rel=0.01)
    if chip.dies is not None:
        assert compute.count == chip.dies.value
    assert recipe.memory is not None and chip.memory_capacity is not None
    if chip.memory_stacks is not None:
        assert recipe.memory.stacks == chip.memory_stacks.value
    assert recipe.memory.stacks * recipe.memory.bytes.value >= 0.99 * chip.memory_capacity.value
    if chip.tdp is not None:
        assert recipe.tdp.low or recipe.tdp.value <= chip.tdp.value * 1.01
        assert (recipe.tdp.high or recipe.tdp.value) >= chip.tdp.value * 0.99


@pytest.mark.parametrize("name", RECIPES)
def test_dies_fit_on_their_interposer(name: str) -> None:
    recipe = silicon.recipe(name)
    dies = sum(die.count * die.width.value * die.height.value for die in recipe.dies if not die.stacked)
    assert dies < recipe.interposer_width.value * recipe.interposer_height.value
    assert all(die.width.value * die.height.value < 858e-6 for die in recipe.dies), "no die is beyond the reticle"


@pytest.mark.parametrize("name", ["gb200-nvl72", "gb300-nvl72", "h800-sxm-80"])
def test_chips_that_are_made_alike_share_a_recipe(name: str) -> None:
    assert name in silicon.recipe(name).aliases


def test_a_newer_node_costs_more_and_emits_more() -> None:
    nodes = [silicon.node(name) for name in ("n28", "n16", "n7", "n5", "n3", "n2")]
    assert [each.wafer_price.value for each in nodes] == sorted(each.wafer_price.value for each in nodes)
    assert [each.carbon.value for each in nodes] == sorted(each.carbon.value for each in nodes)
    assert [each.platform for each in nodes] == ["mature"] * 2 + ["advanced"] * 4


def test_hbm_of_2026_is_trendforce_s() -> None:
    """More than 30 billion Gb: 3.75 EB in the year that lies between two knots."""
    first, last = (
        each.given[0].value
        for each in silicon.line("hbm-world").knots
        if quarter_name(each.quarter) in ("2025Q4", "2026Q4")
    )
    assert 4 * (first + last) / 2 == pytest.approx(3.75e18, rel=0.03)


def test_names_find_parts_and_unknown_ones_tell_the_nearest() -> None:
    assert silicon.node("4NP").id == "n4"
    assert silicon.package("CoWoS").id == "cowos-s"
    with pytest.raises(InputError, match=r"no HBM generation `hbm-3f`.*hbm3"):
        silicon.hbm("hbm-3f")
    with pytest.raises(InputError, match=r"no production line `cowoss`.*cowos"):
        silicon.line("cowoss")


def test_every_chip_has_a_board_and_a_rack_its_own() -> None:
    boards = {chip: silicon.baseboard_of(chip).id for chip in RECIPES}
    assert boards["h100-sxm-80"] == boards["h200-sxm"] == boards["h20-96"] == "hgx-h100"
    assert boards["b200-sxm"] == boards["b300-sxm"] == "hgx-b200"
    assert silicon.baseboard_of("gb200-nvl72").id == silicon.baseboard_of("gb300-nvl72").id == "nvl72"
    assert boards["mi300x"] == boards["ascend-910b3"] == silicon.GENERIC_BOARD
    carried = [chip for board in silicon.baseboards().values() for chip in board.carries]
    assert len(carried) == len(set(carried))
    for chip in carried:
        load.chip(chip, allow_unverified=True)
    assert [each.id for each in silicon.baseboards().values() if not each.carries] == [silicon.GENERIC_BOARD]


# What a file may not say


@pytest.mark.parametrize(
    ("model", "text", "said"),
    [
        (Knot, "{quarter: 2024Q1}", "one of wafers"),
        (Knot, "{quarter: 2024Q1, wafers: {value: 8k wpm, source: s}, bytes: {value: 1 EB, source: s}}", "one of"),
        (Line, "{id: a, name: a, knots: [{quarter: 2024Q2, bytes: {value: 1 EB, source: s}}, "
               "{quarter: 2024Q1, bytes: {value: 1 EB, source: s}}]}", "do not rise"),
        (Line, "{id: a, name: a, knots: [{quarter: 2024Q1, bytes: {value: 1 EB, source: s}}, "
               "{quarter: 2024Q2, wafers: {value: 8k wpm, source: s}}]}", "the same thing"),
        (DieOf, "{name: a, node: n5, width: {value: 1 cm, source: s}, height: {value: 1 cm, source: s}, count: 1, "
                "cores: 4}", "together"),
        (DieOf, "{name: a, node: n5, width: {value: 1 cm, source: s}, height: {value: 1 cm, source: s}, count: 1, "
                "cores: 4, needed: 5, repairable: {value: 50 %, source: s}}", "more cores"),
    ],
)  # fmt: skip
def test_wrong_parts_are_refused(model: type[Knot] | type[Line] | type[DieOf], text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        validated(model, loads(text, "part.yaml"))


def test_a_package_of_stacked_dies_alone_is_refused() -> None:
    recipe = silicon.recipe("mi300x")
    stacked = tuple(die.model_copy(update={"stacked": True}) for die in recipe.dies)
    with pytest.raises(pydantic.ValidationError, match="none carries them"):
        Recipe.model_validate(recipe.model_copy(update={"dies": stacked}).__dict__)

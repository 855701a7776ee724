"""Validation: values of the right type come through, and the first wrong one is told with its place and remedy."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.catalog.strict_yaml import Document, loads
from petaday.catalog.validate import Quant, Strict, dotted, told, validated
from petaday.errors import InputError, Place
from petaday.units import Kind, parse, render


class Dtype(Enum):
    BF16 = "bf16"
    FP8 = "fp8"


@told
def even(number: int) -> int:
    if number % 2:
        raise InputError(f"`{number}` is odd", expected="an even number", nearest=(str(number + 1),))
    return number


class Precision(Strict):
    dtype: Dtype = Dtype.BF16
    memory: Annotated[float, Quant(Kind.BYTES), pydantic.Field(gt=0)] | None = None
    link: Annotated[float, Quant(Kind.BANDWIDTH)] = 0.0


class Ring(Strict):
    type: Literal["ring"]
    size: int


class Tree(Strict):
    type: Literal["tree"]
    fanout: int


class Train(Strict):
    name: str
    tp: Annotated[int, pydantic.Field(ge=1, le=64)] = 1
    share: float = 0.5
    zero: Literal[0, 1, 2, 3] = 0
    schedule: Literal["1f1b", "interleaved"] = "1f1b"
    recompute: bool = False
    precision: tuple[Precision, ...] = ()
    by_layer: dict[str, Precision] = pydantic.Field(default_factory=dict)
    part: Precision | str | None = None
    topology: Annotated[Ring | Tree, pydantic.Field(discriminator="type")] | None = None
    grid: tuple[int, int] = (1, 1)
    kind: str = pydantic.Field("dense", alias="class")
    slots: Annotated[int, pydantic.AfterValidator(even)] = 2


class Scenario(Strict):
    train: Train


def scenario(lines: str, name: str = "name: run") -> Scenario:
    return validated(Scenario, loads(f"train:\n  {name}\n  {lines}", "s.yaml"))


def refusal(lines: str, name: str = "name: run") -> InputError:
    with pytest.raises(InputError) as caught:
        scenario(lines, name)
    return caught.value


def test_a_whole_document() -> None:
    train = scenario("precision: [{dtype: fp8, memory: 80 GB, link: 400 Gb/s}]\n  grid: [2, 4]\n  class: moe").train
    assert train.precision == (Precision(dtype=Dtype.FP8, memory="80 GB", link="400 Gb/s"),)  # type: ignore[arg-type]
    assert train.precision[0].memory == 80e9
    assert train.precision[0].link == 50e9
    assert train.grid == (2, 4)
    assert train.kind == "moe"


@pytest.mark.parametrize(
    ("lines", "said", "place"),
    [
        # a name that is wrong
        ("shedule: 1f1b", "train.shedule: unknown key; did you mean schedule", (3, 3)),
        ("clas: moe", "train.clas: unknown key; did you mean class", (3, 3)),
        ("precision: [{dtpe: fp8}]", "train.precision[0].dtpe: unknown key; did you mean dtype", (3, 16)),
        ("by_layer: {first: {memry: 1 GB}}", "by_layer.first.memry: unknown key; did you mean memory", (3, 22)),
        ("part: {memry: 1 GB}", "train.part.memry: unknown key; did you mean memory", (3, 10)),
        ("part: {zzz: 1}", "train.part.zzz: unknown key; expected one of dtype, memory, link", (3, 10)),
        ("topology: {type: ring, sise: 4, size: 4}", "train.topology.sise: unknown key; did you mean size", (3, 26)),
        # a choice that is none
        ("precision:\n  - dtype: bf16\n  - dtype: fp9", "train.precision[1].dtype: unknown value `fp9`", (5, 12)),
        ("schedule: interleave", "expected one of 1f1b, interleaved; did you mean interleaved?", (3, 13)),
        ("zero: 5", "train.zero: unknown value `5`; expected 0, 1, 2 or 3", (3, 9)),
        ("topology: {type: rings}", "train.topology: unknown value `rings`", (3, 13)),
        ("topology: {size: 4}", "train.topology: missing key `type`", (3, 13)),
        # a type that is wrong
        ('tp: "8"', "train.tp: `8` does not fit; expected an integer", (3, 7)),
        ("tp: true", "train.tp: `true` does not fit; expected an integer", (3, 7)),
        ("tp: 1.5", "train.tp: `1.5` does not fit; expected an integer", (3, 7)),
        ("share: half", "train.share: `half` does not fit; expected a number", (3, 10)),
        ("recompute: 1", "train.recompute: `1` does not fit; expected true or false", (3, 14)),
        ("class: 5", "train.class: `5` does not fit; expected text in quotes", (3, 10)),
        ("class: null", "train.class: null does not fit; expected text", (3, 10)),
        ("precision: {dtype: fp8}", "train.precision: a mapping does not fit; expected a list", (3, 14)),
        ("by_layer: []", "train.by_layer: a list does not fit; expected a mapping", (3, 13)),
        ("part: 5", "train.part: `5` does not fit; expected a mapping or text in quotes", (3, 9)),
        # a size that is wrong
        ("tp: 0", "train.tp: `0` does not fit; expected 1 or more", (3, 7)),
        ("tp: 65", "train.tp: `65` does not fit; expected 64 or less", (3, 7)),
        ("grid: [1]", "train.grid[1]: missing", (3, 9)),
        ("grid: [1, 2, 3]", "train.grid: a list does not fit; expected 2 or fewer items", (3, 9)),
        # a quantity that is wrong
        ("precision: [{memory: 80 gb}]", "unknown unit `gb`; expected an amount of bytes such as `80 GB`", (3, 24)),
        ("precision: [{link: 400 GB}]", "`400 GB` is an amount of bytes", (3, 22)),
        ("precision: [{link: 400}]", "train.precision[0].link: `400` has no unit", (3, 22)),
        ("precision: [{memory: -80 GB}]", "`-80 GB` does not fit; expected more than 0", (3, 24)),
        # what a validator of our own says
        ("slots: 3", "train.slots: `3` is odd; expected an even number; did you mean 4?", (3, 10)),
    ],
)  # fmt: skip
def test_the_first_wrong_value_is_told(lines: str, said: str, place: tuple[int, int]) -> None:
    error = refusal(lines)
    assert said in str(error)
    assert error.place == Place("s.yaml", *place)


def test_a_missing_field_is_told_at_the_mapping_that_lacks_it() -> None:
    error = refusal("tp: 2", name="class: moe")
    assert str(error) == "s.yaml:2:3: train.name: missing"


def test_a_mistyped_key_is_told_before_the_field_that_it_leaves_missing() -> None:
    error = refusal("tp: 2", name="nam: run")
    assert str(error) == "s.yaml:2:3: train.nam: unknown key (and 1 more error); did you mean name?"


def test_the_first_in_the_file_is_told_and_the_rest_counted() -> None:
    error = refusal("zero: 7\n  tp: 0\n  grid: x")
    assert error.field == "train.zero"
    assert "(and 2 more errors)" in error.message


@pytest.mark.parametrize("text", ["", "- 1", "5"])
def test_a_document_that_is_no_mapping(text: str) -> None:
    with pytest.raises(InputError, match="expected a mapping"):
        validated(Scenario, loads(text, "s.yaml"))


def test_a_part_of_a_document() -> None:
    document = loads("chips:\n- {dtype: fp8}\n- {dtype: fp9}", "c.yaml")
    assert validated(Precision, document, at=("chips", 0)).dtype is Dtype.FP8
    with pytest.raises(InputError) as caught:
        validated(Precision, document, at=("chips", 1))
    assert str(caught.value).startswith("c.yaml:3:11: chips[1].dtype: unknown value `fp9`")
    with pytest.raises(InputError) as caught:
        validated(Precision, document, at=("chips", 2))
    assert str(caught.value) == "c.yaml:2:1: chips[2]: missing"


def test_data_without_places_is_told_by_file_and_field() -> None:
    """Data that was never YAML, as a converted config.json."""
    with pytest.raises(InputError) as caught:
        validated(Precision, Document(data={"dtype": "fp9"}, file="config.json"))
    assert caught.value.place == Place("config.json")
    assert caught.value.field == "dtype"


def test_an_input_error_raised_past_pydantic_gets_the_part_s_place() -> None:
    class Raising(Strict):
        @pydantic.model_validator(mode="before")
        @classmethod
        def _refuse(cls, data: Any) -> Any:
            raise InputError("never")

    with pytest.raises(InputError) as caught:
        validated(Raising, loads("a: {b: 1}", "f.yaml"), at=("a",))
    assert str(caught.value) == "f.yaml:1:4: a: never"


def test_lists_fill_tuples_and_text_fills_enums_behind_a_validator_of_the_whole() -> None:
    class Whole(Precision):
        layers: tuple[int, ...] = ()

        @pydantic.model_validator(mode="before")
        @classmethod
        def _same(cls, data: Any) -> Any:
            return dict(data)

    assert validated(Whole, loads("layers: [1, 2]\ndtype: fp8", "f.yaml")).layers == (1, 2)
    with pytest.raises(InputError, match=r"layers\[1\]: `true` does not fit"):
        validated(Whole, loads("layers: [1, true]", "f.yaml"))


def test_what_was_read_does_not_change() -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        scenario("tp: 2").train.tp = 4


def test_the_json_schema_shows_quantities_as_text_with_an_example() -> None:
    schema = Precision.model_json_schema()["properties"]["link"]
    assert schema["type"] == "string"
    assert schema["examples"] == ["300 GB/s"]
    counts = pydantic.TypeAdapter(Annotated[float, Quant(Kind.COUNT)]).json_schema()
    assert counts["type"] == ["string", "number"]


@pytest.mark.parametrize("kind", Kind)
def test_every_example_of_a_schema_parses(kind: Kind) -> None:
    adapter = pydantic.TypeAdapter(Annotated[float, Quant(kind)])
    (example,) = adapter.json_schema()["examples"]
    assert adapter.validate_python(example) == parse(example, kind)


@given(memory=st.floats(1, 1e18))
def test_a_rendered_quantity_validates_back(memory: float) -> None:
    document = Document(data={"memory": render(memory, Kind.BYTES, digits=17)}, file="f")
    assert validated(Precision, document).memory == pytest.approx(memory, rel=1e-15)


KEYS = st.sampled_from([*Train.model_fields, "class", "dtype", "memory", "type", "size", "x"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["fp8", "80 GB", "ring", ""])
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20)


@given(data=st.dictionaries(KEYS, TREES))
def test_any_data_is_an_instance_or_an_input_error_with_its_place(data: dict[str, object]) -> None:
    try:
        validated(Train, Document(data=data, file="f.yaml"))
    except InputError as error:
        assert error.place == Place("f.yaml")
        assert error.message


@pytest.mark.parametrize(
    ("steps", "text"),
    [((), ""), (("a",), "a"), (("train", "precision", 0, "dtype"), "train.precision[0].dtype"), ((1, "a"), "[1].a")],
)
def test_paths_as_users_write_them(steps: tuple[str | int, ...], text: str) -> None:
    assert dotted(steps) == text

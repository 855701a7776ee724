"""Models of files: strict fields, quantities with units, and errors that say where and what instead.

`"5"` is no integer and `true` is no 1. Of pydantic's errors the first in the file is told, in plain words,
with its place and the nearest valid name.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

import pydantic
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from petaday.catalog.strict_yaml import Document, Steps
from petaday.errors import InputError, Place, nearest_names
from petaday.units import Kind, Span, parse, parse_span
from petaday.units.kinds import EXAMPLE, NOUN, UNITS
from petaday.units.text import shown

M = TypeVar("M", bound=pydantic.BaseModel)
V = TypeVar("V")


def _no_coercion(schema: Any) -> None:
    """Scalars strict and nothing else: pydantic's strict mode would also refuse a list for a tuple."""
    if isinstance(schema, dict):
        if schema.get("type") in ("int", "float", "bool"):
            schema.setdefault("strict", True)
        for part in schema.values():
            _no_coercion(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            _no_coercion(part)


class Strict(pydantic.BaseModel):
    """A mapping in a file: its keys are known, its values are of their types as written, none changes."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[pydantic.BaseModel], handler: pydantic.GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        _no_coercion(schema)
        return schema


def told(check: Callable[..., V]) -> Callable[..., V]:
    """A pydantic validator whose InputErrors join pydantic's own and come out of `validated` whole."""

    @functools.wraps(check)
    def checked(*arguments: Any) -> V:
        try:
            return check(*arguments)
        except InputError as error:
            raise ValueError(str(error)) from error

    return checked


@dataclass(frozen=True)
class Quant:
    """A field's quantity: `Annotated[float, Quant(Kind.BYTES)]` reads `80 GB` and holds 8e10, in SI."""

    kind: Kind

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_before_validator_function(told(self.read), core_schema.float_schema())

    def read(self, written: Any) -> float:
        """The SI value of what a file has. Raises InputError, see `petaday.units.parse`."""
        return parse(written, self.kind)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: object) -> dict[str, Any]:
        may_be_bare = "" in UNITS[self.kind]
        return {
            "type": ["string", "number"] if may_be_bare else "string",
            "description": NOUN[self.kind] if may_be_bare else f"{NOUN[self.kind]}, with its unit",
            "examples": [EXAMPLE[self.kind]],
        }


@dataclass(frozen=True)
class SpanOf:
    """A field's quantity or range of it: `Annotated[Span, SpanOf(Kind.MONEY)]` reads `$22k` and `$22k..$47k`."""

    kind: Kind

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        def read(written: Any) -> Span:
            return written if isinstance(written, Span) else parse_span(written, self.kind)

        return core_schema.no_info_plain_validator_function(told(read))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: object) -> dict[str, Any]:
        example = EXAMPLE[self.kind]
        return {
            "type": ["string", "number"] if "" in UNITS[self.kind] else "string",
            "description": f"{NOUN[self.kind]}, or a range of it (90 %) as low..high",
            "examples": [example, f"{example}..{example}"],
        }


def validated(model: type[M], document: Document, at: Steps = ()) -> M:
    """The part of a document at a path, as an instance of its model.

    Parameters
    ----------
    at : keys and indexes from the document's root to the part

    Raises
    ------
    InputError : the first thing wrong, with file, line, column, dotted field, what was expected and the
        nearest name; the message counts the rest
    """
    try:
        return model.model_validate(_part(document, at))
    except pydantic.ValidationError as error:
        raise _told(_faults(model, document, at, error)) from error
    except InputError as error:
        raise error.at(field=dotted(at), place=_place(document, at)) from error


def dotted(steps: Steps) -> str:
    """A path as users write it: `train.precision[0].dtype`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


@dataclass(frozen=True)
class _Fault:
    """One error of pydantic's at its path in the document; what is absent stands for a missing field."""

    steps: Steps
    place: Place
    error: InputError
    absent: bool = False


def _part(document: Document, at: Steps) -> object:
    part: Any = document.data
    for depth, step in enumerate(at):
        try:
            part = part[step]
        except (KeyError, IndexError, TypeError):
            raise InputError("missing", field=dotted(at), place=_place(document, at[:depth])) from None
    return part


def _place(document: Document, steps: Steps) -> Place:
    """Where a value stands, or the nearest mapping or list around it that has a place."""
    while steps and steps not in document.places:
        steps = steps[:-1]
    return document.places.get(steps) or Place(document.file)


def _told(faults: list[_Fault]) -> InputError:
    """The fault to tell: a mistyped key before the field it leaves missing, then in the order of the file."""
    # A mapping for a union fails inside as one of its types and as a whole as another: the inside tells more.
    inner = [fault for fault in faults if not any(_is_inside(other.steps, fault.steps) for other in faults)]
    first = min(inner, key=lambda fault: (fault.absent, fault.place.line, fault.place.column))
    same = [fault.error for fault in inner if fault.steps == first.steps and fault.absent == first.absent]
    others = len({fault.steps for fault in inner}) - 1
    error = first.error.at(field=dotted(first.steps), place=first.place)
    # A value of several types fails once for each: any of them is expected.
    error.expected = " or ".join(dict.fromkeys(each.expected for each in same if each.expected))
    if others:
        error.message += f" (and {others} more error{'s' if others > 1 else ''})"
    return error


def _is_inside(steps: Steps, whole: Steps) -> bool:
    return len(steps) > len(whole) and steps[: len(whole)] == whole


def _faults(
    model: type[pydantic.BaseModel], document: Document, at: Steps, error: pydantic.ValidationError
) -> list[_Fault]:
    faults = []
    for detail in error.errors(include_url=False):
        steps = _steps(document, at, detail)
        told_error = _in_plain_words(detail)
        if detail["type"] == "missing":
            faults.append(_Fault(steps, _place(document, steps), told_error, absent=True))
        elif detail["type"] == "extra_forbidden":
            known = _keys_at(model, steps[len(at) : -1])
            told_error.nearest = nearest_names(str(steps[-1]), known)
            told_error.expected = "" if told_error.nearest else _one_of(known)
            faults.append(_Fault(steps, _key_place(document, steps), told_error))
        else:
            is_key = detail["loc"][-1:] == ("[key]",)
            place = _key_place(document, steps) if is_key else _place(document, steps)
            faults.append(_Fault(steps, place, told_error))
    return faults


def _key_place(document: Document, steps: Steps) -> Place:
    return document.places_of_keys.get(steps) or _place(document, steps)


def _steps(document: Document, at: Steps, detail: ErrorDetails) -> Steps:
    """The error's path in the document; names that pydantic gives to a union's types are no part of it."""
    steps, part = at, _part(document, at)
    for step in detail["loc"]:
        match part:
            case dict() if step in part:
                part = part[step]
            case list() if isinstance(step, int) and step < len(part):
                part = part[step]
            case _:
                continue
        steps = (*steps, step)
    return (*steps, detail["loc"][-1]) if detail["type"] == "missing" else steps


def _keys_at(model: type[pydantic.BaseModel], steps: Steps) -> list[str]:
    """The keys that the model, or any of a union's, knows at a path inside it."""
    models: list[type[pydantic.BaseModel]] = [model]
    for step in steps:
        annotations = [field.annotation for each in models for key, field in _fields(each) if key == step]
        # An index of a list, or a key of a free mapping, leads to the same models.
        models = [found for each in annotations for found in _models_in(each)] or models
    return [key for each in models for key, _ in _fields(each)]


def _fields(model: type[pydantic.BaseModel]) -> Iterator[tuple[str, Any]]:
    return ((field.alias or name, field) for name, field in model.model_fields.items())


def _models_in(annotation: Any) -> Iterator[type[pydantic.BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


_EXPECTED = {
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "null",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "multiple_of": "a multiple of {multiple_of}",
    "too_short": "{min_length} or more items",
    "too_long": "{max_length} or fewer items",
    "string_too_short": "{min_length} or more characters",
    "string_too_long": "{max_length} or fewer characters",
    "string_pattern_mismatch": "text that matches `{pattern}`",
}
_CHOICES = {"literal_error": "expected", "enum": "expected", "union_tag_invalid": "expected_tags"}


def _in_plain_words(detail: ErrorDetails) -> InputError:
    """What is wrong with a value, without its place."""
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == "missing":
        return InputError("missing")
    if kind == "extra_forbidden":
        return InputError("unknown key")
    if kind == "union_tag_not_found":
        return InputError(f"missing key {context['discriminator'].replace(chr(39), '`')}")
    if kind == "value_error":
        cause = context["error"].__cause__
        return cause if isinstance(cause, InputError) else InputError(str(context["error"]))
    if kind in _CHOICES:
        choices = re.findall(r"'([^']*)'", context[_CHOICES[kind]]) or [context[_CHOICES[kind]]]
        chosen = str(context.get("tag", value))
        return InputError(
            f"unknown value `{shown(chosen)}`",
            expected=_one_of(choices),
            nearest=nearest_names(chosen, choices),
        )
    if kind in _EXPECTED:
        expected = _EXPECTED[kind].format(**context)
        if kind == "string_type" and isinstance(value, int | float):
            expected += " in quotes"
        quoted = shown(value) if isinstance(value, dict | list | None) else f"`{shown(value)}`"
        return InputError(f"{quoted} does not fit", expected=expected)
    return InputError(detail["msg"][:1].lower() + detail["msg"][1:])


def _one_of(names: Iterable[str]) -> str:
    names = list(names)
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"

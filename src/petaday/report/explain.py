"""One field of an answer taken apart: value, unit, meaning, formula, and each input with its value and source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from petaday.errors import InputError, nearest_names
from petaday.report.data import Data
from petaday.report.fields import Field, field_of
from petaday.report.inputs import Input, inputs_of
from petaday.study.answer import Answer
from petaday.study.factor import Factor

UNIT_ENDINGS = ("_s", "_bytes", "_days", "_bytes_per_s")


@dataclass(frozen=True)
class Explanation:
    """A field of an answer with its value and its inputs; where a field has several values, they are listed."""

    path: str
    values: tuple[str, ...]
    field: Field
    inputs: tuple[Input, ...]


def explain(answer: Answer, data: Data, name: str, factors: Iterable[Factor] = ()) -> Explanation:
    """Take a field apart. `name` is its path in the JSON, or the end of it, with or without its unit.

    Raises InputError for an unknown or ambiguous name, with the nearest paths.
    """
    values: dict[str, list[str]] = {}
    for path, value in leaves(data):
        values.setdefault(path, []).append(_text(value))
    path = _resolve(name, list(values))
    field = field_of(path)
    if field is None:
        raise InputError(f"`{path}` has no explanation", field=path)
    return Explanation(path, tuple(values[path]), field, tuple(_inputs(answer, values, field, path, factors)))


def leaves(data: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every value of plain data with its path, positions of lists left out."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list):
        for value in data:
            yield from leaves(value, path)
    else:
        yield path, data


def _resolve(name: str, paths: list[str]) -> str:
    endings = ("", *UNIT_ENDINGS)
    matching = [
        path
        for path in paths
        if any(path == f"{name}{ending}" or path.endswith(f".{name}{ending}") for ending in endings)
    ]
    # What stands in a list of other plans is the same field again.
    own = [
        path for path in matching if not path.startswith(("alternatives", "pareto", "infeasible", "fabric"))
    ] or matching
    exact = [path for path in own if path == name] or own
    if len(exact) == 1:
        return exact[0]
    if exact:
        raise InputError(f"`{name}` is ambiguous", field="field", expected=" or ".join(exact))
    short = {path.rsplit(".", 1)[-1]: path for path in reversed(paths)}
    near = [short[each] for each in nearest_names(name, short)] or list(nearest_names(name, paths))
    raise InputError(f"no field `{name}` in the answer", field="field", expected="a key of the JSON", nearest=near)


def _inputs(
    answer: Answer, values: dict[str, list[str]], field: Field, path: str, factors: Iterable[Factor]
) -> Iterator[Input]:
    drawn = {each.name: Input(each.name, each.text, each.source, each.estimate) for each in factors}
    known = {**inputs_of(answer), **drawn}
    seen = {path} if path not in known else set()
    for pattern in field.inputs:
        for name, each in known.items():
            if fnmatchcase(name, pattern) and name not in seen:
                seen.add(name)
                yield each
        for other, texts in values.items():
            if fnmatchcase(other, pattern) and other not in seen:
                seen.add(other)
                formula = field_of(other)
                yield Input(other, ", ".join(texts), f"computed: {formula.formula}" if formula else "computed")


def _text(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return f"{value:.6g}" if isinstance(value, float) else str(value)

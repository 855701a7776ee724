"""What is known of each field of an answer: unit, meaning, formula, inputs, source (`data/fields.yaml`)."""

from __future__ import annotations

import functools
from fnmatch import fnmatchcase
from pathlib import Path

from petaday.catalog.strict_yaml import load
from petaday.catalog.validate import Strict, validated
from petaday.training.plan import COLUMNS


class Field(Strict):
    """Meaning of one field, or of the family that a `*` in its path stands for."""

    path: str
    unit: str = ""
    meaning: str
    formula: str = ""
    inputs: tuple[str, ...] = ()
    source: str = ""


class _Table(Strict):
    fields: tuple[Field, ...]


@functools.cache
def fields() -> tuple[Field, ...]:
    """All fields; those of a plan are the plan's columns."""
    table = validated(_Table, load(Path(__file__).parent / "data" / "fields.yaml"))
    how = "held by the scenario, a habit of the software, or chosen by the search for the least step time"
    columns = tuple(
        Field(
            path=f"plan.{name}",
            unit="B" if name.endswith("_bytes") else "",
            meaning=column.meaning,
            formula=how,
            inputs=(f"plan.{name}",),
        )
        for name, column in COLUMNS.items()
    )
    return (*columns, *table.fields)


def field_of(path: str) -> Field | None:
    """What is known of a field by its path."""
    return next((field for field in fields() if fnmatchcase(path, field.path)), None)

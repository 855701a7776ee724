"""Quarters of a year, `2025Q3`, as whole numbers that count on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic_core import CoreSchema, core_schema

from petaday.catalog.validate import told
from petaday.errors import InputError
from petaday.units.text import shown

_WRITTEN = re.compile(r"(20[0-9][0-9])-?Q([1-4])")


class _Index(int):
    """A quarter that was read already; a file's bare number is none."""


def read_quarter(text: object) -> int:
    """Quarters since the year 0, so that differences are distances. Raises InputError: no quarter as `2025Q3`."""
    if isinstance(text, _Index):
        return text
    found = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InputError(f"`{shown(text)}` is no quarter", expected="a year and a quarter such as `2025Q3`")
    return _Index(4 * int(found[1]) + int(found[2]) - 1)


def quarter_name(index: int) -> str:
    """The quarter as people write it."""
    return f"{index // 4}Q{index % 4 + 1}"


@dataclass(frozen=True)
class QuarterOf:
    """A field that holds a quarter: `Annotated[int, QuarterOf()]` reads `2025Q3`."""

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_before_validator_function(told(read_quarter), core_schema.int_schema())

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: object) -> dict[str, Any]:
        return {"type": "string", "pattern": _WRITTEN.pattern, "examples": ["2025Q3"]}


Quarter = Annotated[int, QuarterOf()]

"""A table of distinct costs, read row by row: a column is gathered when it is first asked for, and only then."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any, TypeVar, cast

import numpy as np

from petaday.fabric.network import Ints

T = TypeVar("T")


class _Rows:
    def __init__(self, table: object, place: Ints) -> None:
        self._table = table
        self._place = place

    def rows(self, place: Ints) -> _Rows:
        return _Rows(self._table, self._place[place])

    def __getattr__(self, name: str) -> Any:
        rows = _rows(getattr(self._table, name), self._place)
        setattr(self, name, rows)
        return rows


def _rows(value: object, place: Ints) -> object:
    if isinstance(value, np.ndarray):
        return value[place]
    if isinstance(value, dict):
        return {key: _rows(part, place) for key, part in value.items()}
    if is_dataclass(value):
        return _Rows(value, place)
    return value


def gather(table: T, place: Ints) -> T:
    """`table`, a dataclass of arrays over distinct rows, seen as arrays over the rows `place` points from.

    A gathered table can be gathered again; no column of the first is read for it.
    """
    if isinstance(table, _Rows):
        return cast(T, table.rows(place))
    return cast(T, _Rows(table, place))

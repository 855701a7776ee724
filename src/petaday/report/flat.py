"""Rows of plain data as CSV: a column for each number, mappings opened by dots, lists left out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from petaday.report.data import Data


def flat_csv(rows: Sequence[Data]) -> str:
    """A table with a head line; a row that lacks a column has an empty cell there."""
    flat = [dict(_cells(row)) for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    text = io.StringIO()
    table = csv.DictWriter(text, columns, lineterminator="\n", restval="")
    table.writeheader()
    table.writerows(flat)
    return text.getvalue()


def _cells(row: Data, path: str = "") -> Iterator[tuple[str, object]]:
    for key, value in row.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from _cells(value, here)
        elif not isinstance(value, list | tuple):
            yield here, "" if value is None else value

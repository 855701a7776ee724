"""Tables of measured training runs: reading them, and the numbers in their cells."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from petaday.errors import InputError, Place

Row = Mapping[str, str]

REQUIRED = (
    "model",
    "accelerator",
    "n_accelerators",
    "seq_len",
    "global_batch",
    "step_time_s",
    "dtype",
)
"""Columns without which a table holds no runs; the others may be missing or blank."""


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV table, which may be gzipped; a row without an id is called by its line.

    Raises InputError: it cannot be read, or lacks the columns of a run.
    """
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline=""), restval=""))
    except (OSError, UnicodeDecodeError, csv.Error, EOFError) as error:
        reason = getattr(error, "strerror", None) or "not a CSV table in UTF-8"
        raise InputError(f"cannot be read: {reason}", place=Place(str(path))) from None
    missing = [name for name in REQUIRED if rows and name not in rows[0]]
    if missing or not rows:
        raise InputError(
            f"no column {', '.join(missing)}" if missing else "no rows",
            place=Place(str(path)),
            expected="a table in the documented columns",
        )
    return [{**row, "id": row.get("id") or f"line {number}"} for number, row in enumerate(rows, start=2)]


def read_packed(path: Path) -> list[dict[str, str]]:
    """The rows of a shipped record, each a column's text by its name."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def write_packed(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """A gzipped table that `read_rows` reads; a missing cell is blank, and the same rows give the same bytes.

    Raises ValueError: a row has another column.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        packed.write(text.getvalue().encode())


def number(row: Row, column: str) -> float | None:
    """The number in a cell; None where it is blank. Raises InputError: it is no number."""
    text = (row.get(column) or "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"`{text}` is no number", field=column, expected="a number without a unit") from None
    if not 0 <= value < 1e18:
        raise InputError(f"`{text}` is out of range", field=column, expected="0 or more")
    return value


def whole(row: Row, column: str) -> int | None:
    """The whole number in a cell; None where it is blank."""
    value = number(row, column)
    return None if value is None else int(value)


def needed(row: Row, column: str) -> int:
    """The whole number in a cell that must not be blank."""
    value = whole(row, column)
    if value is None:
        raise InputError("blank", field=column, expected="a number")
    return value


def true(row: Row, column: str) -> bool:
    """Whether a cell says yes."""
    return (row.get(column) or "").strip().casefold() in ("true", "1", "yes")

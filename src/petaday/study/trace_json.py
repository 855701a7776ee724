"""Rows of a trace in JSON lines as numbers."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from petaday.errors import InputError, Place
from petaday.study.trace_formats import Block, Format, check_names
from petaday.units.text import shown

BLOCK = 512
"""Tokens that one id of `hash_ids` stands for (README of the Mooncake traces, FAST'25 release)."""

MILLISECOND = 1e-3


@dataclass
class JsonLines:
    """A file of JSON lines being read."""

    text: Iterable[str]
    file: str
    format: Format

    def __post_init__(self) -> None:
        self._lines = ((line, text) for line, text in enumerate(self.text, 1) if not text.isspace())

    def read(self, size: int) -> Block | None:
        """The next rows, at most `size`; None at the end. Raises InputError: what is no such row."""
        numbered = list(itertools.islice(self._lines, size))
        if not numbered:
            return None
        lines = [line for line, _ in numbered]
        rows = [self._row(line, text) for line, text in numbered]
        milliseconds = self._column(rows, lines, self.format.time, _is_time, "milliseconds, 0 or more")
        prompt = self._column(rows, lines, self.format.prompt, _is_whole, "a whole number of tokens")
        output = self._column(rows, lines, self.format.output, _is_whole, "a whole number of tokens")
        ids = self._column(rows, lines, "hash_ids", _is_ids, "a list of whole numbers")
        counts = np.fromiter(map(len, ids), np.int64, len(ids))
        length = np.array(prompt, dtype=np.int64)
        # The block at the prompt's end may be partial; a cache of whole blocks has no id for it.
        wrong = np.flatnonzero((counts < length // BLOCK) | (counts > -(-length // BLOCK)))
        if len(wrong):
            row = wrong[0]
            raise InputError(
                f"{counts[row]:,} blocks of a prompt of {length[row]:,} tokens",
                field="hash_ids",
                expected=f"one for every {BLOCK} tokens",
                place=Place(self.file, lines[row]),
            )
        return Block(
            lines,
            np.array(milliseconds, dtype=np.float64),
            MILLISECOND,
            length,
            np.array(output, dtype=np.int64),
            first_block=np.concatenate(([0], np.cumsum(counts))),
            blocks=np.fromiter(itertools.chain.from_iterable(ids), np.int64, int(counts.sum())),
        )

    def _row(self, line: int, text: str) -> dict[str, Any]:
        try:
            row = json.loads(text)
        except json.JSONDecodeError as error:
            place = Place(self.file, line, error.colno)
            raise InputError(f"no JSON: {error.msg}", expected="one JSON object a line", place=place) from error
        except (ValueError, RecursionError) as error:
            raise InputError("no JSON", expected="one JSON object a line", place=Place(self.file, line)) from error
        if not isinstance(row, dict):
            raise InputError("no JSON object", expected="one JSON object a line", place=Place(self.file, line))
        if len(row) != len(self.format.required) or row.keys() != set(self.format.required):
            check_names(row, self.format, Place(self.file, line))
        return row

    def _column(
        self, rows: list[dict[str, Any]], lines: list[int], name: str, fits: Callable[[Any], bool], expected: str
    ) -> list[Any]:
        column = [row[name] for row in rows]
        for line, value in zip(lines, column, strict=True):
            if not fits(value):
                told = shown(value) if isinstance(value, dict | list | None) else f"`{shown(value)}`"
                raise InputError(f"{told} does not fit", field=name, expected=expected, place=Place(self.file, line))
        return column


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < math.inf


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**62


def _is_ids(value: Any) -> bool:
    return type(value) is list and set(map(type, value)) <= {int} and (not value or max(map(abs, value)) < 2**62)

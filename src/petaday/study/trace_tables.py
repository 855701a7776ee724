"""Rows of a CSV trace as numbers.

A column is read at once; only when that fails are its rows tried one by one, to tell which one is wrong.
"""

from __future__ import annotations

import csv
import itertools
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from petaday.errors import InputError, Place, nearest_names
from petaday.serving.requests import Floats, Ints
from petaday.study.trace_formats import FORMATS, Block, Format
from petaday.units.text import shown

MICROSECOND = 1e-6
"""Date-times are read to the microsecond; the public traces have steps of 0.1 µs with a last digit of 0, and of 1 µs."""


def fields_of(line: str, place: Place) -> list[str]:
    """The fields of one line, some of which may be in quotes. Raises InputError: quotes that do not close on it."""
    try:
        return next(csv.reader((line,), skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        expected = "quotes around whole fields that end on their line"
        raise InputError(f"no CSV: {error}", expected=expected, place=place) from error


@dataclass
class Table:
    """A CSV file being read: the lines after its header, which has `names`.

    tiers: names of the service's tiers; users: the numbers given to the users seen so far
    """

    lines: Iterable[str]
    file: str
    format: Format
    names: Sequence[str]
    tiers: Sequence[str]
    users: dict[str, int] = field(default_factory=dict)
    time: _Time | None = None
    line: int = 2

    def read(self, size: int) -> Block | None:
        """The next rows, at most `size`; None at the end. Raises InputError: a field that is no such number."""
        while lines := list(itertools.islice(self.lines, size)):
            numbers = [number for number, line in enumerate(lines, self.line) if not line.isspace()]
            self.line += len(lines)
            if len(numbers) < len(lines):
                lines = [line for line in lines if not line.isspace()]
            if lines:
                return self._block(numbers, self._columns(numbers, lines))
        return None

    def _columns(self, numbers: Sequence[int], lines: list[str]) -> dict[str, Sequence[str]]:
        """Fields of these lines by the name of their column."""
        width = len(self.names)
        text = "".join(lines).removesuffix("\n")
        if '"' in text:
            places = (Place(self.file, number) for number in numbers)
            rows = list(map(fields_of, lines, places))
            widths, fields = list(map(len, rows)), list(itertools.chain.from_iterable(rows))
        else:
            widths = [line.count(",") + 1 for line in lines]
            # Far quicker than a list for each row.
            fields = text.replace("\n", ",").replace(", ", ",").split(",")
        if set(widths) != {width}:
            row = next(row for row, own in enumerate(widths) if own != width)
            expected = f"{width}: {', '.join(self.names)}"
            raise InputError(f"{widths[row]} columns", expected=expected, place=Place(self.file, numbers[row]))
        return {name: fields[place::width] for place, name in enumerate(self.names)}

    def _block(self, numbers: Sequence[int], columns: dict[str, Sequence[str]]) -> Block:
        column, form = _Column(self.file, numbers), self.format
        if self.time is None:
            self.time = _time_of(columns[form.time][0], form)
        tiers = f"one of {', '.join(self.tiers)}" if self.tiers else "no column `tier`, as the service has no tiers"
        return Block(
            numbers,
            column.read(columns[form.time], self.time.read, form.time, self.time.expected),
            self.time.tick,
            column.read(columns[form.prompt], _whole, form.prompt, "a whole number of tokens"),
            column.read(columns[form.output], _whole, form.output, "a whole number of tokens"),
            column.read(columns["tier"], self._tiers, "tier", tiers, self.tiers) if "tier" in columns else None,
            column.read(columns["user"], self._users, "user", "text") if "user" in columns else None,
        )

    def _tiers(self, column: Sequence[str]) -> Ints:
        places = {name: place for place, name in enumerate(self.tiers)}
        try:
            return np.fromiter(map(places.__getitem__, column), np.int64, len(column))
        except KeyError:
            raise ValueError from None

    def _users(self, column: Sequence[str]) -> Ints:
        if "" in column:
            raise ValueError
        users = self.users
        return np.array([users.setdefault(name, len(users)) for name in column], dtype=np.int64)


class _Time(NamedTuple):
    """How a column of times is read: `read` gives ticks of `tick` seconds."""

    read: Callable[[Sequence[str]], NDArray[Any]]
    tick: float
    expected: str


SECONDS = "seconds, 0 or more"
DATE_TIME = "a date-time such as 2024-05-10 00:00:00.0099300"


def _time_of(first: str, format_: Format) -> _Time:
    """How to read a file's times, of which this is the first: our own format has seconds or date-times."""
    own = format_ is FORMATS["csv"]
    if format_ is FORMATS["burstgpt"] or (own and _works(_seconds, first)):
        return _Time(_seconds, 1.0, SECONDS)
    zoned = bool(_zone(first))
    written = f"{DATE_TIME}{'+00:00' if zoned else ''}"
    with_seconds = own and not _works(_date_times(zoned), first)
    return _Time(_date_times(zoned), MICROSECOND, f"{SECONDS}, or {written}" if with_seconds else written)


class _Column(NamedTuple):
    """Reads columns of rows that stand on these lines."""

    file: str
    lines: Sequence[int]

    def read(
        self,
        column: Sequence[str],
        read: Callable[[Sequence[str]], NDArray[Any]],
        name: str,
        expected: str,
        known: Sequence[str] = (),
    ) -> NDArray[Any]:
        try:
            return read(column)
        except (ValueError, OverflowError):
            row = next(row for row, text in enumerate(column) if not _works(read, text))
        raise InputError(
            f"`{shown(column[row])}` does not fit",
            field=name,
            expected=expected,
            nearest=nearest_names(column[row], known),
            place=Place(self.file, self.lines[row]),
        )


def _works(read: Callable[[Sequence[str]], NDArray[Any]], text: str) -> bool:
    try:
        read((text,))
    except (ValueError, OverflowError):
        return False
    return True


def _whole(column: Sequence[str]) -> Ints:
    digits = "".join(column)
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError
    return np.fromiter(map(int, column), np.int64, len(column))


def _seconds(column: Sequence[str]) -> Floats:
    values = np.fromiter(map(float, column), np.float64, len(column))
    # NaN is not at least 0 either.
    if not (values >= 0).all() or values.max() == math.inf:
        raise ValueError
    return values


def _zone(text: str) -> str:
    """What follows the digits of a date-time's seconds."""
    return text[19:].lstrip(".0123456789")


def _offset(zone: str) -> int:
    """Microseconds that clocks of a zone are ahead of UTC."""
    found = re.fullmatch(r"Z|([+-])(\d\d):?([0-5]\d)", zone)
    if not found:
        raise ValueError
    minutes = 60 * int(found[2]) + int(found[3]) if found[1] else 0
    return (-minutes if found[1] == "-" else minutes) * 60_000_000


LATEST = 2**53
"""Microseconds since 1970 that a float counts one by one: the year 2255."""


def _date_times(zoned: bool) -> Callable[[Sequence[str]], Ints]:
    """Reads date-times, all with or all without a zone, as microseconds since 1970."""

    def read(column: Sequence[str]) -> Ints:
        zones = [_zone(text) for text in column]
        offsets = {zone: _offset(zone) for zone in set(zones)} if zoned else {"": 0}
        if not offsets.keys() >= set(zones):
            raise ValueError
        bare = [text.removesuffix(zone) for text, zone in zip(column, zones, strict=True)] if zoned else list(column)
        # NumPy also knows `now`, and dates without a time.
        if min(map(len, bare)) < 19:
            raise ValueError
        values = np.array(bare, dtype="datetime64[us]").astype(np.int64)
        values -= np.fromiter(map(offsets.__getitem__, zones), np.int64, len(zones))
        if values.min() < 0 or values.max() >= LATEST:
            raise ValueError
        return np.asarray(values, dtype=np.int64)

    return read

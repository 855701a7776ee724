"""Request traces from files, streamed: at no time are more than `CHUNK` rows of a file in memory."""

from __future__ import annotations

import gzip
import itertools
import math
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from petaday.errors import InputError, Place
from petaday.serving.requests import CHUNK, Requests, Tally, Trace, requests
from petaday.study.scenario_types import LARGEST_COUNT
from petaday.study.trace_formats import FORMATS, Block, Format, format_of
from petaday.study.trace_json import BLOCK, JsonLines
from petaday.study.trace_tables import Table, fields_of


def open_trace(
    path: Path,
    *,
    format: str = "",
    speed: float = 1.0,
    limit: int | None = None,
    longest: int | None = None,
    tiers: Sequence[str] = (),
) -> Trace:
    """The requests of a trace file, plain or gzip; its first row arrives at 0.

    Parameters
    ----------
    format : azure, burstgpt, mooncake or csv; by default the one that the file's first line belongs to
    speed : arrival times are divided by it, so 2 is twice the load
    limit : the most requests that are read
    longest : tokens of prompt and output together that the model has room for
    tiers : names of the service's tiers, in its order; what a column `tier` may say

    Raises
    ------
    InputError : with file, line and column, here or while the chunks are read: no file, an unknown format or column, a
        missing one, no number, times that are negative or fall, lengths below 1 or over `longest`, no requests at all
    """
    _check_options(speed, limit, longest)
    with _opened(path) as text:
        found = _start(text, str(path), format).format
    tally = Tally()
    mooncake = found is FORMATS["mooncake"]
    return Trace(
        name=path.name,
        chunks=_Chunks(path, format, speed, limit, longest, tuple(tiers), tally),
        block_tokens=BLOCK if mooncake else 0,
        source=found.source if speed == 1 else f"{found.source}, {speed:g} times as fast",
        tally=tally,
    )


def _check_options(speed: float, limit: int | None, longest: int | None) -> None:
    if not 0 < speed < math.inf:
        raise InputError(f"a speed of {speed:g}", field="speed", expected="a number above 0")
    for name, value in (("limit", limit), ("longest", longest)):
        if value is not None and value < 1:
            raise InputError(f"a `{name}` of {value}", field=name, expected="1 or more")


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """The text of a file, unpacked where it is packed. Raises InputError: it cannot be read."""
    place = Place(str(path))
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        # With a byte-order mark or without.
        with gzip.open(path, "rt", encoding="utf-8-sig") if packed else path.open(encoding="utf-8-sig") as text:
            yield text
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8 text", place=place) from error
    except (OSError, EOFError, zlib.error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InputError(f"cannot be read: {reason}", place=place) from error


class _Start(NamedTuple):
    """The beginning of a file: its format, the names of a header (none of JSON lines), and the lines after these."""

    format: Format
    names: Sequence[str]
    lines: Iterable[str]


def _start(text: TextIO, file: str, format: str) -> _Start:
    first = text.readline()
    if not first:
        raise InputError("is empty", expected="a header and a row for each request, or JSON lines", place=Place(file))
    if format == "mooncake" or (not format and first.lstrip().startswith("{")):
        return _Start(FORMATS["mooncake"], (), itertools.chain((first,), text))
    place = Place(file, 1)
    names = [name.strip() for name in fields_of(first, place)]
    return _Start(format_of(format, names, place), names, text)


@dataclass(frozen=True)
class _Chunks:
    """The requests of a file, as often as they are asked for."""

    path: Path
    format: str
    speed: float
    limit: int | None
    longest: int | None
    tiers: tuple[str, ...]
    tally: Tally

    def __iter__(self) -> Iterator[Requests]:
        self.tally.dropped = 0
        file, most = str(self.path), sys.maxsize if self.limit is None else self.limit
        with _opened(self.path) as text:
            found, names, lines = _start(text, file, self.format)
            rows = Table(lines, file, found, names, self.tiers) if names else JsonLines(lines, file, found)
            check = _Check(file, found, self.longest)
            begin, last, served = None, None, 0
            while served < most and (block := rows.read(min(CHUNK, most - served))):
                begin = block.time[0] if begin is None else begin
                check.order(block, begin if last is None else last)
                last = block.time[-1]
                kept = check.lengths(block)
                self.tally.dropped += len(kept) - int(kept.sum())
                served += int(kept.sum())
                if kept.any():
                    yield _chosen(block, (block.time - begin) * block.tick / self.speed, kept)
            if not served:
                raise InputError("holds no requests", expected="a row for each", place=Place(file))


def _chosen(block: Block, arrival: NDArray[np.float64], kept: NDArray[np.bool_]) -> Requests:
    """The requests of the rows that are kept."""
    own = requests(
        arrival[kept],
        block.prompt[kept],
        block.output[kept],
        None if block.tier is None else block.tier[kept],
        None if block.user is None else block.user[kept],
    )
    if block.first_block is None or block.blocks is None:
        return own
    # No format with blocks has failures, so every row is kept.
    return own._replace(first_block=block.first_block, blocks=block.blocks)


class _Check(NamedTuple):
    """What rows of a file must be like."""

    file: str
    format: Format
    longest: int | None

    def order(self, block: Block, last: float) -> None:
        """Raises InputError: a time before the one above it, of which the first is `last`."""
        before = np.concatenate(([last], block.time[:-1]))
        wrong = np.flatnonzero(block.time < before)
        if len(wrong):
            earlier = float(before[wrong[0]] - block.time[wrong[0]]) * block.tick
            raise InputError(
                f"arrives {earlier:g} s before the row above it",
                field=self.format.time,
                expected="rows in the order of their arrival",
                place=Place(self.file, block.lines[wrong[0]]),
            )

    def lengths(self, block: Block) -> NDArray[np.bool_]:
        """Which rows are requests to serve; the others failed. Raises InputError: tokens below 1 or too many."""
        fewest = 0 if self.format.failures else 1
        for name, column, least in (
            (self.format.prompt, block.prompt, 1),
            (self.format.output, block.output, fewest),
        ):
            self._within(block, name, column, least, LARGEST_COUNT, f"{least} to {LARGEST_COUNT:,} tokens")
        served = block.output > 0
        if self.longest is not None:
            both = np.where(served, block.prompt + block.output, 0)
            expected = f"at most {self.longest:,} tokens of prompt and output, the model's context"
            self._within(block, self.format.prompt, both, 0, self.longest, expected)
        return np.asarray(served)

    def _within(
        self, block: Block, name: str, column: NDArray[np.int64], least: int, most: int, expected: str
    ) -> None:
        wrong = np.flatnonzero((column < least) | (column > most))
        if len(wrong):
            place = Place(self.file, block.lines[wrong[0]])
            raise InputError(f"{column[wrong[0]]:,} tokens", field=name, expected=expected, place=place)

"""Formats of request traces: the columns they have, and blocks of their rows as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from petaday.errors import InputError, Place, nearest_names
from petaday.serving.requests import Ints
from petaday.units.text import shown


class Format(NamedTuple):
    """A format: names of its columns, and what its requests are.

    others, optional: further columns that it has, and may have
    failures: a request without output failed where it was recorded, and is left out
    """

    time: str
    prompt: str
    output: str
    others: tuple[str, ...]
    optional: tuple[str, ...]
    failures: bool
    source: str

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that every file has."""
        return (self.time, self.prompt, self.output, *self.others)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that a file may have."""
        return (*self.required, *self.optional)


FORMATS = {
    "azure": Format(
        "TIMESTAMP",
        "ContextTokens",
        "GeneratedTokens",
        (),
        (),
        True,
        "Azure LLM inference trace (Azure Public Dataset, CC-BY-4.0)",
    ),
    "burstgpt": Format(
        "Timestamp",
        "Request tokens",
        "Response tokens",
        ("Model", "Total tokens", "Log Type"),
        ("Session ID", "Elapsed time"),
        True,
        "BurstGPT (arXiv:2401.17644, CC-BY-4.0)",
    ),
    "csv": Format("arrival", "prompt", "output", (), ("tier", "user"), False, "a table of requests"),
    "mooncake": Format(
        "timestamp",
        "input_length",
        "output_length",
        ("hash_ids",),
        (),
        False,
        "Mooncake trace (FAST'25 release, Apache-2.0)",
    ),
}


class Block(NamedTuple):
    """Rows as numbers, not yet checked against each other.

    lines: where each row stands in its file; time: in ticks of `tick` seconds from any start
    tier, user, first_block and blocks as in `Requests`, None where the file has none
    """

    lines: Sequence[int]
    time: NDArray[Any]
    tick: float
    prompt: Ints
    output: Ints
    tier: Ints | None = None
    user: Ints | None = None
    first_block: Ints | None = None
    blocks: Ints | None = None


def format_of(name: str, columns: Sequence[str], place: Place) -> Format:
    """The format of this name, or of the CSV format that these columns of a header are closest to.

    Raises
    ------
    InputError : no such format; columns that it does not have, lack or repeat, with the nearest names
    """
    if name and name not in FORMATS:
        expected = f"one of {', '.join(FORMATS)}"
        raise InputError(
            f"no trace format `{shown(name)}`",
            field="format",
            expected=expected,
            nearest=nearest_names(name, FORMATS),
        )
    tables = {key: each for key, each in FORMATS.items() if key != "mooncake"}
    found = FORMATS[name] if name else max(tables.values(), key=lambda each: _likeness(columns, each))
    if not name and _likeness(columns, found) == (0, 0):
        headers = "; ".join(f"{key}: {','.join(each.required)}" for key, each in tables.items())
        raise InputError("the first line is no header of a trace", expected=headers, place=place)
    check_names(columns, found, place)
    return found


def _likeness(columns: Sequence[str], format_: Format) -> tuple[int, int]:
    known = format_.columns
    return sum(name in known for name in columns), sum(bool(nearest_names(name, known)) for name in columns)


def check_names(names: Iterable[str], format_: Format, place: Place) -> None:
    """Raises InputError: a column that is unknown, there twice, or missing."""
    left = list(format_.columns)
    for name in names:
        if name not in left:
            twice = name in format_.columns
            raise InputError(
                f"column `{shown(name)}` is {'there twice' if twice else 'unknown'}",
                field=shown(name),
                expected="each column once" if twice else f"columns {', '.join(format_.columns)}",
                nearest=() if twice else nearest_names(name, left),
                place=place,
            )
        left.remove(name)
    missing = [name for name in format_.required if name in left]
    if missing:
        expected = f"columns {', '.join(format_.required)}"
        raise InputError(f"column `{missing[0]}` is missing", field=missing[0], expected=expected, place=place)

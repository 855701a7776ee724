"""Errors that a user can act on. The lowest file of the house: it imports nothing of ours.

Every error says what was wrong, where (file, line, column, field), what was expected and, for a name, which
known names are nearest. `exit_code` is the process exit code of the contract: 2 bad input, 3 infeasible.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where in a user's file something stands; line and column count from 1, 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        position = ":".join(str(part) for part in (self.line, self.column) if part)
        return f"{self.file}:{position}" if position else self.file


class PetadayError(Exception):
    """Base of every error that petaday raises on purpose."""

    exit_code = 2


class InputError(PetadayError):
    """Bad input: the message, and every part of it apart for `--json`."""

    def __init__(
        self,
        message: str,
        *,
        field: str = "",
        expected: str = "",
        nearest: Iterable[str] = (),
        place: Place | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.expected = expected
        self.nearest = tuple(nearest)
        self.place = place

    def at(self, *, field: str = "", place: Place | None = None) -> InputError:
        """The same error with its field and place filled in where they were not known before."""
        self.field = self.field or field
        self.place = self.place or place
        return self

    def __str__(self) -> str:
        head = ": ".join(str(part) for part in (self.place, self.field) if part)
        text = f"{head}: {self.message}" if head else self.message
        if self.expected:
            text += f"; expected {self.expected}"
        if self.nearest:
            text += f"; did you mean {', '.join(self.nearest)}?"
        return text

    def as_dict(self) -> dict[str, object]:
        """The error for `--json`."""
        place = self.place or Place("")
        return {
            "message": self.message,
            "field": self.field,
            "expected": self.expected,
            "nearest": list(self.nearest),
            "file": place.file,
            "line": place.line,
            "column": place.column,
        }


def nearest_names(name: str, known: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """The known names closest to a mistyped one, best first; case and separators do not count."""

    def plain(text: str) -> str:
        return "".join(letter for letter in text.lower() if letter.isalnum())

    by_plain = {plain(candidate): candidate for candidate in known}
    close = difflib.get_close_matches(plain(name), by_plain, n=count, cutoff=0.5)
    return tuple(by_plain[match] for match in close)

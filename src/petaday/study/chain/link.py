"""A link of the chain: the factors it brings, and the numbers it adds to those of the links before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from petaday.study.factor import Factor, Floats, Values
from petaday.study.parts import Assumption


class Link(Protocol):
    """A room's part of the chain.

    Numbers go by the path that they have in the answer, such as `cost.yearly_usd`: arrays of one shape, or scalars where no
    factor of theirs is drawn.
    """

    @property
    def factors(self) -> tuple[Factor, ...]:
        """What the link's numbers rest on, beside those of the links before."""

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the scenario left open and is no number."""

    @property
    def unused(self) -> Mapping[str, str]:
        """Fields of the scenario that were given and move nothing here, and why."""

    def extend(self, values: Values, told: dict[str, Floats]) -> None:
        """Add the link's numbers to those told so far."""


def under(room: str, values: Values) -> dict[str, Floats]:
    """The values of a room's factors, by their names in it."""
    head = f"{room}."
    return {name.removeprefix(head): value for name, value in values.items() if name.startswith(head)}


def evaluate(links: Iterable[Link], values: Values) -> dict[str, Floats]:
    """All numbers of the chain at some values of its factors."""
    told: dict[str, Floats] = {}
    for link in links:
        link.extend(values, told)
    return told

"""The shipped fleets with their hazards, and the figures of recovery."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from petaday.catalog.hazard import Fleet, Recovery
from petaday.catalog.load import DATA, catalog_of, find, parts

USUAL = "h100-llama3"
"""The fleet of chips that none has on record: the only one whose every interruption was published by its cause."""


@functools.cache
def fleets() -> Mapping[str, Fleet]:
    """Fleets by id."""
    return catalog_of([DATA / "hazards.yaml"], "fleets", Fleet)


def fleet(name: str) -> Fleet:
    """The fleet of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, fleets(), "fleet")


def fleet_of(generation: str) -> Fleet | None:
    """The fleet whose record is of chips of this generation; None where there is none."""
    return next((each for each in fleets().values() if generation in each.generations), None)


@functools.cache
def recovery() -> Recovery:
    """What failures cost besides lost work."""
    (found,) = parts(DATA / "recovery.yaml", "recovery", Recovery)
    return found

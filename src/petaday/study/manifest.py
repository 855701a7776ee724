"""What a result needs so that somebody can get it again: version, catalog, scenario, command."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from petaday import __version__
from petaday.catalog.load import catalog_hash
from petaday.catalog.validate import Strict


@dataclass(frozen=True)
class Manifest:
    """petaday: version; catalog, scenario: SHA-256; command: as it was typed. Nothing here is drawn at random."""

    petaday: str
    catalog: str
    scenario: str
    command: str


def manifest(scenario: Strict, command: str) -> Manifest:
    """The manifest of a scenario's answer."""
    content = scenario.model_dump_json(exclude_unset=True).encode()
    return Manifest(__version__, catalog_hash(), hashlib.sha256(content).hexdigest(), command)

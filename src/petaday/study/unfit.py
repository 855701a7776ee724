"""Why something cannot be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unfit:
    """constraint: the one that binds; detail: by how much; reliefs: changes that lift it, in words."""

    constraint: str
    detail: str
    reliefs: tuple[str, ...]

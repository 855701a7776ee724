"""Measured times of collectives inside one node, as curves over message size.

The points are NVIDIA AIConfigurator's nccl-tests in 16 bit (Apache-2.0 data), half of the sizes it measured;
`benchmarks/make_curves.py` writes the file.
"""

from __future__ import annotations

import csv
import functools
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

SOURCE = "nccl-tests in 16 bit of NVIDIA AIConfigurator (ai-dynamo/aiconfigurator@095f58a5)"


@dataclass(frozen=True)
class Curve:
    """Seconds of one operation among `ranks` chips of one node, at ascending sizes in bytes (the whole buffer)."""

    chip: str
    library: str
    operation: str
    ranks: int
    sizes: tuple[float, ...]
    seconds: tuple[float, ...]


@functools.cache
def curves() -> tuple[Curve, ...]:
    """All measured curves."""
    points: dict[tuple[str, str, str, int], list[tuple[float, float]]] = defaultdict(list)
    path = Path(__file__).parent / "data" / "collectives.csv"
    with path.open(newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            key = (row["chip"], row["library"], row["operation"], int(row["ranks"]))
            points[key].append((float(row["bytes"]), float(row["microseconds"]) * 1e-6))
    return tuple(
        Curve(*key, tuple(size for size, _ in sorted(each)), tuple(seconds for _, seconds in sorted(each)))
        for key, each in points.items()
    )


def curves_of(chip: str, library: str = "") -> tuple[Curve, ...]:
    """A chip's curves under one library, the newest NCCL where none is named."""
    own = [curve for curve in curves() if curve.chip == chip]
    newest = max((curve.library for curve in own), key=_version, default="")
    return tuple(curve for curve in own if curve.library == (library or newest))


def _version(library: str) -> tuple[bool, tuple[int, ...]]:
    return library.startswith("nccl-"), tuple(int(part) for part in re.findall(r"\d+", library))

"""The hash that spreads flows over paths, the same on every machine and in every run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from petaday.fabric.network import Ints

Hashes = NDArray[np.uint64]


def hashed(src: Ints, dst: Ints, path: Ints, seed: int) -> Hashes:
    """64 bits for each flow's header (splitmix64's finaliser over its words: Steele et al., OOPSLA 2014)."""
    mixed = src.astype(np.uint64)
    for word in (dst, path, np.array(seed)):
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + word.astype(np.uint64)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return mixed


def quarters(mixed: Hashes) -> list[Ints]:
    """Four independent numbers of 16 bits from each hash."""
    return [((mixed >> np.uint64(16 * i)) & np.uint64(0xFFFF)).astype(np.int64) for i in range(4)]

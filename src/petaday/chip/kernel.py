"""What the laws of single kernels share: a chip's silicon, the formats of operands, and bounds of fitted figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Figures = Mapping[str, float]
Sizes = Mapping[str, Floats]


@dataclass(frozen=True)
class Silicon:
    """A chip as a kernel of one dtype sees it.

    peak: FLOP/s, dense, of the dtype that is multiplied; bandwidth: B/s of the memory, datasheet
    processors: what thread blocks are spread over (streaming multiprocessors; Xe cores at Intel)
    cache: bytes of the last cache before the memory
    weight_bytes, activation_bytes: bytes of an element of the weights (or of the KV cache) and of the activations
    """

    peak: float
    bandwidth: float
    processors: int
    cache: float
    weight_bytes: float
    activation_bytes: float


@dataclass(frozen=True)
class Law:
    """Seconds from sizes, silicon and fitted figures; `figures` names these with first guess and bounds."""

    sizes: tuple[str, ...]
    figures: Mapping[str, tuple[float, float, float]]
    seconds: Callable[[Sizes, Silicon, Figures], Floats]


def tiles(size: Floats, tile: float) -> Floats:
    """Tiles that cover a size; the last one is computed whole."""
    return np.ceil(size / tile)


def overlapped(one: Floats, other: Floats, norm: float = 4.0) -> Floats:
    """Seconds of two streams of work that hide each other, except where they are nearly equal."""
    longer, shorter = np.maximum(one, other), np.minimum(one, other)
    return np.asarray(longer * (1 + (shorter / longer) ** norm) ** (1 / norm))

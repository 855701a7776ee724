"""Products of activations with weights whose formats differ, single and grouped by expert: what they cost a chip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.chip.law import ChipLaw
from petaday.chip.roofline import gemm_efficiency
from petaday.serving.layout import Floats

WIDE = 2.0
"""Bytes of an activation between layers, and of what collectives carry: 16 bit in every engine."""

PADDING = 32.0
"""Rows of an expert's last tile that are computed for nothing: half of a tile of 64, the smallest of Hopper's matrix
instructions (CUDA PTX ISA, wgmma: M = 64)."""


@dataclass(frozen=True)
class Weights:
    """Weights of one kind: bytes of a parameter, scales included, and the chip's law at the dtype they multiply in.

    `law.element_bytes` is what an activation takes; it may be wider than the weights.
    """

    bytes: float
    law: ChipLaw


@dataclass(frozen=True)
class Work:
    """What a chip spends on kernels, arrays of one shape.

    seconds: that they take; arithmetic, traffic: seconds that their FLOP and their bytes would take at the datasheet's
    peak and memory bandwidth
    """

    seconds: Floats
    arithmetic: Floats
    traffic: Floats

    def __add__(self, other: Work) -> Work:
        """Both, one after the other."""
        return Work(self.seconds + other.seconds, self.arithmetic + other.arithmetic, self.traffic + other.traffic)

    def times(self, count: Floats | float) -> Work:
        """So many times the same."""
        return Work(count * self.seconds, count * self.arithmetic, count * self.traffic)


def nothing(like: Floats) -> Work:
    """No work, of an array's shape."""
    return Work(np.zeros_like(like), np.zeros_like(like), np.zeros_like(like))


def gemm(rows: Floats, n: Floats, k: Floats, weights: Weights, count: Floats | float = 1.0) -> Work:
    """`count` products of rows×k by k×n in one launch, whose weights may be narrower than its operands."""
    law = weights.law
    flops = 2.0 * count * rows * n * k
    moved = count * (weights.bytes * n * k + law.element_bytes * rows * k + WIDE * rows * n)
    efficiency = np.where(flops > 0, gemm_efficiency(rows, n, k, law), 1.0)
    longer = np.maximum(flops / (law.peak * efficiency), moved / (law.memory_bandwidth * law.memory))
    traffic = np.where(flops > 0, moved / law.memory_bandwidth, 0.0)
    return Work(np.where(flops > 0, longer + law.launch, 0.0), np.asarray(flops / law.peak), traffic)


def grouped_gemm(rows: Floats, groups: Floats, n: Floats, k: Floats, weights: Weights) -> Work:
    """Products of `rows` in all, over `groups` matrices of k×n: tiles of all groups fill the chip together, so only the
    padding of each group's last tile and the depth of the products cost arithmetic."""
    law = weights.law
    flops = 2.0 * (rows + PADDING * groups) * n * k
    moved = weights.bytes * groups * n * k + rows * (law.element_bytes * k + WIDE * n)
    rate = law.peak * law.gemm * k / (k + law.gemm_k)
    longer = np.maximum(flops / rate, moved / (law.memory_bandwidth * law.memory))
    seconds = np.where(rows > 0, longer + law.launch, 0.0)
    some = rows > 0
    return Work(seconds, np.where(some, flops / law.peak, 0.0), np.where(some, moved / law.memory_bandwidth, 0.0))

"""Seconds of the products of activations with weights whose formats differ, single and grouped by expert."""

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


def gemm(rows: Floats, n: Floats, k: Floats, weights: Weights, count: Floats | float = 1.0) -> Floats:
    """Seconds of `count` products of rows×k by k×n in one launch, whose weights may be narrower than its operands."""
    law = weights.law
    flops = 2.0 * count * rows * n * k
    moved = count * (weights.bytes * n * k + law.element_bytes * rows * k + WIDE * rows * n)
    efficiency = np.where(flops > 0, gemm_efficiency(rows, n, k, law), 1.0)
    longer = np.maximum(flops / (law.peak * efficiency), moved / (law.memory_bandwidth * law.memory))
    return np.where(flops > 0, longer + law.launch, 0.0)


def grouped_gemm(rows: Floats, groups: Floats, n: Floats, k: Floats, weights: Weights) -> Floats:
    """Seconds of products of `rows` in all, over `groups` matrices of k×n: tiles of all groups fill the chip together,
    so only the padding of each group's last tile and the depth of the products cost arithmetic."""
    law = weights.law
    flops = 2.0 * (rows + PADDING * groups) * n * k
    moved = weights.bytes * groups * n * k + rows * (law.element_bytes * k + WIDE * n)
    rate = law.peak * law.gemm * k / (k + law.gemm_k)
    longer = np.maximum(flops / rate, moved / (law.memory_bandwidth * law.memory))
    return np.where(rows > 0, longer + law.launch, 0.0)

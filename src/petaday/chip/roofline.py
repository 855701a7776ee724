"""Seconds of an operator on a chip: `max(FLOP / (peak·e), bytes / (bandwidth·e_mem)) + launch`.

The GEMM efficiency saturates in each dimension, `e = gemm · M/(M+M0) · N/(N+N0) · K/(K+K0)`: a small dimension
leaves tiles, waves or the k-loop unfilled. The law fits measured bf16 GEMMs of four GPU generations to 4-7 % median
(see the fit records of the catalog).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from petaday.chip.law import ChipLaw

Floats = NDArray[np.float64]

UNALIGNED = 1 / 8
"""Rate of a GEMM outside the matrix units over its rate on them: A100 does 312 TFLOP/s in 16 bit on its tensor cores
and 78 TFLOP/s off them (datasheet), of which such kernels reach about half what they do of the former."""


def gemm_efficiency(m: Floats, n: Floats, k: Floats, law: ChipLaw) -> Floats:
    """Share of the peak that an M×N×K GEMM reaches when it is bound by arithmetic."""
    return law.gemm * (m / (m + law.gemm_m)) * (n / (n + law.gemm_n)) * (k / (k + law.gemm_k))


def gemm_seconds(
    m: Floats,
    n: Floats,
    k: Floats,
    law: ChipLaw,
    *,
    count: Floats | float = 1.0,
    output_bytes: float = 2.0,
    aligned: bool = True,
) -> Floats:
    """Seconds of `count` independent M×N×K GEMMs in one launch (grouped or batched when count > 1)."""
    flops = 2.0 * m * n * k * count
    moved = count * (law.element_bytes * (m * k + k * n) + output_bytes * m * n)
    efficiency = np.where(flops > 0, gemm_efficiency(m, n, k, law), 1.0) * (1.0 if aligned else UNALIGNED)
    arithmetic = flops / (law.peak * efficiency)
    memory = moved / (law.memory_bandwidth * law.memory)
    return np.where(flops > 0, np.maximum(arithmetic, memory) + law.launch, 0.0)


def attention_seconds(flops: Floats, moved: Floats, law: ChipLaw, *, seq_len: Floats, backward: bool) -> Floats:
    """Seconds of fused attention of `flops` FLOP that moves `moved` bytes, over sequences of `seq_len` tokens.

    Tiles on the causal diagonal are computed whole, so the efficiency saturates as s/(s + s0).
    """
    efficiency = law.attention_backward if backward else law.attention_forward
    filled = seq_len / (seq_len + law.attention_sequence)
    arithmetic = flops / (law.attention_peak * efficiency * filled)
    memory = moved / (law.memory_bandwidth * law.memory)
    return np.where(flops > 0, np.maximum(arithmetic, memory) + law.launch, 0.0)


def streaming_seconds(moved: Floats, law: ChipLaw) -> Floats:
    """Seconds of a memory-bound operator that reads and writes `moved` bytes in all."""
    return np.where(moved > 0, moved / (law.memory_bandwidth * law.memory) + law.launch, 0.0)

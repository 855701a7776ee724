"""Seconds of a GEMM: tiles in waves over the processors against bytes, and the quantisation of the activations."""

from __future__ import annotations

import numpy as np

from petaday.chip.kernel import Figures, Floats, Law, Silicon, Sizes, overlapped, tiles

TILES = ((64, 32), (64, 64), (64, 128), (128, 64), (128, 128), (128, 256), (256, 128))
"""Output tiles that GEMM libraries choose from; the fastest is taken, as their heuristics try to."""
LARGEST = max(height * width for height, width in TILES)
SPLITS = (1, 2, 3, 4, 5, 6, 8, 16)
"""Parts of K that separate blocks sum when the output alone does not fill the processors."""
PROLOGUE = 100.0
"""Steps of K that filling and draining a tile takes: fits leave it between 0 and 150, and barely depend on it."""
WARM_UP = 1e-3
"""Seconds of arithmetic at which the clock has lost half of what power costs it: a control loop's time."""

COMMON = {
    "gemm": (0.8, 0.2, 1.0),  # share of the peak that full waves of the largest tile reach
    "tile_area": (2000.0, 50.0, 60000.0),  # elements of a tile that reaches half the rate
    "memory": (0.8, 0.3, 1.0),  # share of the memory bandwidth
    "columns": (10.0, 0.1, 3000.0),  # N at which half of that is reached: narrow outputs leave few blocks to read
    "launch": (4e-6, 5e-7, 6e-5),  # seconds of the launch and of what precedes the first tile
}
WIDE_FIGURES = {**COMMON, "throttle": (0.1, 0.001, 2.0)}
NARROW_FIGURES = {**COMMON, "quantise": (0.5, 0.02, 4.0)}
"""`throttle`: how much longer arithmetic takes once the power limit has lowered the clock. `quantise`: bytes per
second of the quantisation over the memory bandwidth (caches may serve it, so up to 4)."""


def arithmetic_seconds(sizes: Sizes, silicon: Silicon, figures: Figures) -> Floats:
    """Seconds of the fastest tile and split, in whole waves of blocks; never under the datasheet's."""
    m, n, k = sizes["m"], sizes["n"], sizes["k"]
    best = np.full(len(m), np.inf)
    for height, width in TILES:
        area = height * width
        filled = area / (area + figures["tile_area"]) * (1 + figures["tile_area"] / LARGEST)
        rate = silicon.peak / silicon.processors * figures["gemm"] * filled
        for split in SPLITS:
            waves = np.ceil(tiles(m, height) * tiles(n, width) * split / silicon.processors)
            sums = 8 * split * m * n / silicon.bandwidth * (split > 1)  # fp32 partial sums, written and read
            best = np.minimum(best, waves * 2 * area * (k / split + PROLOGUE) / rate + sums)
    return np.asarray(np.maximum(best, 2 * m * n * k / silicon.peak))


def gemm_kernel_seconds(sizes: Sizes, silicon: Silicon, figures: Figures) -> Floats:
    """Seconds of M×N×K with 16-bit output; narrow activations are quantised from 16 bit inside (read and write)."""
    m, n, k = sizes["m"], sizes["n"], sizes["k"]
    moved = silicon.weight_bytes * k * n + silicon.activation_bytes * m * k + 2 * m * n
    memory = moved / (silicon.bandwidth * figures["memory"]) * (n + figures["columns"]) / n
    arithmetic = arithmetic_seconds(sizes, silicon, figures)
    if "throttle" in figures:
        arithmetic = arithmetic * (1 + figures["throttle"] * arithmetic / (arithmetic + WARM_UP))
    seconds = overlapped(arithmetic, memory)
    if "quantise" in figures:
        seconds = seconds + (2 + silicon.activation_bytes) * m * k / (silicon.bandwidth * figures["quantise"])
    return seconds + figures["launch"]


GEMM = Law(("m", "n", "k"), WIDE_FIGURES, gemm_kernel_seconds)
NARROW_GEMM = Law(("m", "n", "k"), NARROW_FIGURES, gemm_kernel_seconds)

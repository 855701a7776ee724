"""Seconds of a GEMM: tiles in waves over the processors against bytes, and the quantisation of the activations."""

from __future__ import annotations

import numpy as np

from petaday.chip.kernel import Figures, Floats, Law, Silicon, Sizes, overlapped, tiles

TILES = ((64, 32), (64, 64), (64, 128), (128, 64), (128, 128), (128, 256), (256, 128))
"""Output tiles that GEMM libraries choose from; the fastest is taken, as their heuristics try to."""
SPLITS = (1, 2, 4, 8)
"""Parts of K that separate blocks sum when the output alone does not fill the processors."""

FIGURES = {
    "gemm": (0.8, 0.2, 1.0),  # share of the peak of full waves of the largest tile
    "tile_area": (2000.0, 50.0, 60000.0),  # elements of a tile that reaches half the rate
    "gemm_k": (100.0, 1.0, 3000.0),  # k-steps' worth of filling and draining a tile
    "gemm_m": (10.0, 0.1, 2000.0),  # rows at which reuse of weights in cache reaches half the rate
    "memory": (0.8, 0.3, 1.0),  # share of the memory bandwidth
    "launch": (4e-6, 5e-7, 6e-5),  # seconds of the launch and of what precedes the first tile
}


def gemm_kernel_seconds(sizes: Sizes, silicon: Silicon, figures: Figures) -> Floats:
    """Seconds of M×N×K with 16-bit output; narrow activations are quantised from 16 bit inside (read and write)."""
    m, n, k = sizes["m"], sizes["n"], sizes["k"]
    arithmetic = np.full(len(m), np.inf)
    largest = max(height * width for height, width in TILES)
    for height, width in TILES:
        area = height * width
        filled = area / (area + figures["tile_area"]) * (1 + figures["tile_area"] / largest)
        rate = silicon.peak / silicon.processors * figures["gemm"] * filled * m / (m + figures["gemm_m"])
        for split in SPLITS:
            blocks = tiles(m, height) * tiles(n, width) * split / silicon.processors
            sums = 8 * split * m * n / silicon.bandwidth * (split > 1)  # fp32 partial sums, written and read
            seconds = np.ceil(blocks) * 2 * area * (k / split + figures["gemm_k"]) / rate + sums
            arithmetic = np.minimum(arithmetic, seconds)
    # Tiles are padded, so only the floor keeps thin shapes from seeming faster than the datasheet.
    arithmetic = np.maximum(arithmetic, 2 * m * n * k / silicon.peak)
    bandwidth = silicon.bandwidth * figures["memory"]
    moved = silicon.weight_bytes * k * n + silicon.activation_bytes * m * k + 2 * m * n
    quantised = (2 + silicon.activation_bytes) * m * k if silicon.activation_bytes < 2 else 0.0
    return overlapped(arithmetic, moved / bandwidth) + quantised / bandwidth + figures["launch"]


GEMM = Law(("m", "n", "k"), FIGURES, gemm_kernel_seconds)

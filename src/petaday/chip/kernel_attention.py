"""Seconds of fused attention kernels, grouped-query and latent (MLA), in prefill and in decode.

Prefill computes whole tiles of 128 queries by 128 keys; decode streams the KV cache once, split over blocks or not.
"""

from __future__ import annotations

import numpy as np

from petaday.chip.kernel import Figures, Floats, Law, Silicon, Sizes, overlapped, tiles

TILE = 128
GROUP = 8
"""Query heads of a tile of decode, computed whole: the narrowest matrix instructions take 8 columns."""
MLA_KEY, MLA_VALUE, MLA_LATENT, MLA_CACHE = 192, 128, 512, 576
"""Head sizes of DeepSeek-V2's multi-head latent attention (arXiv 2405.04434), and its cache per token."""

PREFILL_FIGURES = {
    "attention": (0.7, 0.1, 1.0),  # share of the peak on long sequences
    "starvation": (0.5, 0.001, 20.0),  # blocks per processor at which half of that is reached
    "prologue": (100.0, 0.1, 4000.0),  # keys' worth of filling and draining a block
    "memory": (0.7, 0.05, 1.0),  # share of the memory bandwidth
    "launch": (6e-6, 1e-6, 1e-4),  # seconds
}
DECODE_FIGURES = {
    "attention": (0.3, 0.005, 1.0),  # share of the peak
    "starvation": (0.3, 0.001, 20.0),  # blocks per processor at which half of both rates is reached
    "chain": (1e-9, 1e-12, 1e-6),  # seconds a cached token of the one block that walks a whole sequence
    "cached": (2.0, 1.0, 10.0),  # bandwidth of the cache over that of the memory
    "memory": (0.8, 0.1, 1.0),  # share of the memory bandwidth
    "launch": (6e-6, 1e-6, 3e-4),  # seconds
}
WARM = 0.5
"""Share of the cache's bytes at which a repeated kernel finds half of its own in it; benchmarks repeat kernels."""


def causal_pairs(length: Floats, window: Floats) -> Floats:
    """Query-key pairs of the tiles on or below the diagonal, within `window` keys where it is not 0."""
    rows = tiles(length, TILE)
    wide = np.where(window > 0, np.minimum(rows, tiles(window, TILE) + 1), rows)
    return np.asarray((wide * (wide + 1) / 2 + (rows - wide) * wide) * TILE**2)


def _prefill(
    blocks: Floats, flops: Floats, keys: Floats, moved: Floats, silicon: Silicon, figures: Figures
) -> Floats:
    filled = blocks / (blocks + figures["starvation"] * silicon.processors)
    filled = filled * keys / (keys + figures["prologue"])
    arithmetic = flops / (silicon.peak * figures["attention"] * filled)
    return arithmetic + moved / (silicon.bandwidth * figures["memory"]) + figures["launch"]


def prefill_seconds(sizes: Sizes, silicon: Silicon, figures: Figures) -> Floats:
    """Seconds of causal attention of `batch` prompts of `length` tokens; bytes do not hide behind arithmetic."""
    batch, length, heads, kv, head = (sizes[name] for name in ("batch", "length", "heads", "kv_heads", "head"))
    pairs = causal_pairs(length, sizes["window"])
    moved = batch * length * head * (4 * heads + 2 * silicon.weight_bytes * kv)
    blocks = batch * heads * tiles(length, TILE)
    keys = pairs / TILE / tiles(length, TILE)
    return _prefill(blocks, 4 * head * pairs * batch * heads, keys, moved, silicon, figures)


def mla_prefill_seconds(sizes: Sizes, silicon: Silicon, figures: Figures) -> Floats:
    """The same with keys of 192 and values of 128 elements, and the latent cache written."""
    batch, length, heads = sizes["batch"], sizes["length"], sizes["heads"]
    pairs = causal_pairs(length, np.zeros_like(length))
    moved = batch * length * (2 * heads * 2 * (MLA_KEY + MLA_VALUE) + silicon.weight_bytes * MLA_CACHE)
    blocks = batch * heads * tiles(length, TILE)
    keys = pairs / TILE / tiles(length, TILE)
    flops = 2 * (MLA_KEY + MLA_VALUE) * pairs * batch * heads
    return _prefill(blocks, flops, keys, moved, silicon, figures)


def _decode(
    blocks: Floats, flops: Floats, moved: Floats, length: Floats, silicon: Silicon, figures: Figures
) -> Floats:
    filled = blocks / (blocks + figures["starvation"] * silicon.processors)
    warm = 1 / (1 + (moved / (WARM * silicon.cache)) ** 2)
    missed = moved * (1 - warm + warm / figures["cached"])
    memory = missed / (silicon.bandwidth * figures["memory"] * filled)
    arithmetic = flops / (silicon.peak * figures["attention"] * filled)
    work = overlapped(memory, arithmetic)
    return overlapped(work, figures["chain"] * length, 2.0) + figures["launch"]


def decode_seconds(sizes: Sizes, silicon: Silicon, figures: Figures) -> Floats:
    """Seconds of one new token for each of `batch` sequences over `length` cached tokens; query heads go by tiles."""
    batch, length, heads, kv, head = (sizes[name] for name in ("batch", "length", "heads", "kv_heads", "head"))
    seen = np.where(sizes["window"] > 0, np.minimum(length, sizes["window"]), length)
    padded = TILE * tiles(seen, TILE)
    moved = batch * head * (2 * silicon.weight_bytes * kv * seen + 4 * heads)
    rows = kv * GROUP * tiles(heads / kv, GROUP)
    return _decode(batch * kv * padded / TILE, 4 * head * batch * rows * padded, moved, seen, silicon, figures)


def mla_decode_seconds(sizes: Sizes, silicon: Silicon, figures: Figures) -> Floats:
    """The same over the latent cache, which all heads share: 576 elements a token for keys, 512 for values."""
    batch, length, heads = sizes["batch"], sizes["length"], sizes["heads"]
    padded = TILE * tiles(length, TILE)
    moved = batch * (silicon.weight_bytes * MLA_CACHE * length + 2 * heads * (MLA_CACHE + MLA_LATENT))
    flops = 2 * (MLA_CACHE + MLA_LATENT) * batch * GROUP * tiles(heads, GROUP) * padded
    return _decode(batch * padded / TILE, flops, moved, length, silicon, figures)


_GROUPED = ("batch", "length", "heads", "kv_heads", "head", "window")
_LATENT = ("batch", "length", "heads")
ATTENTION_PREFILL = Law(_GROUPED, PREFILL_FIGURES, prefill_seconds)
ATTENTION_DECODE = Law(_GROUPED, DECODE_FIGURES, decode_seconds)
MLA_PREFILL = Law(_LATENT, PREFILL_FIGURES, mla_prefill_seconds)
MLA_DECODE = Law(_LATENT, DECODE_FIGURES, mla_decode_seconds)

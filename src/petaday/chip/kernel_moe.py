"""Seconds of the grouped GEMMs of a mixture of experts on its hottest rank."""

from __future__ import annotations

import numpy as np

from petaday.chip.kernel import Figures, Floats, Law, Silicon, Sizes, overlapped

CLASSES = 16
"""Quantiles by which the load of the experts is followed."""

HOTTEST = 1.4
"""Deviations of the hottest rank over sqrt(ln ranks): sqrt(2) for the largest of many normal sums. Fits left it
between 1 and 2, and nothing is lost by holding it."""

FIGURES = {
    "gemm": (0.6, 0.05, 1.0),  # share of the peak that full tiles reach
    "rows": (30.0, 1.0, 3000.0),  # rows of padding of an expert that has tokens
    "columns": (100.0, 1.0, 8000.0),  # inner size on a rank at which half of the share is reached
    "memory": (0.7, 0.05, 1.0),  # share of the memory bandwidth
    "route": (1e-9, 1e-12, 1e-6),  # seconds a token and choice, of all ranks: each rank sorts what the router chose
    "launch": (3e-5, 2e-6, 3e-4),  # seconds of the launches of routing, sorting and both products
}


def expert_loads(routed: Floats, experts: Floats, tokens: Floats, alpha: Floats) -> Floats:
    """Tokens of an expert, row by quantile: alike where alpha is 0, else draws of density x^-alpha for x from 1 to
    0.8 of the tokens, scaled to the routed total; no expert sees a token twice."""
    quantile = (np.arange(CLASSES) + 0.5) / CLASSES
    power = np.where(alpha > 0, 1 - alpha, -1.0)[:, None]
    top = np.maximum(0.8 * tokens, 2.0)[:, None] ** power
    drawn = np.where(alpha[:, None] > 0, ((top - 1) * quantile + 1) ** (1 / power), 1.0)
    mean = (routed / experts)[:, None]
    return np.asarray(np.minimum(drawn / drawn.mean(axis=1, keepdims=True) * mean, tokens[:, None]))


def hottest_loads(sizes: Sizes) -> Floats:
    """Tokens of the experts of the rank that has most: the largest of several sums lies above their mean, and no
    rank that holds the largest expert has less than that one and average others."""
    ranks = np.maximum(sizes["expert"], 1)
    loads = expert_loads(sizes["tokens"] * sizes["topk"], sizes["experts"], sizes["tokens"], sizes["alpha"])
    spread = loads.std(axis=1) / loads.mean(axis=1)
    above = 1 + HOTTEST * spread * np.sqrt(np.log(ranks) * ranks / sizes["experts"])
    largest = loads.max(axis=1) / loads.mean(axis=1)
    with_largest = 1 + (largest - 1) * (1 - 1 / ranks) * ranks / sizes["experts"]
    return np.asarray(loads * np.minimum(np.maximum(above, with_largest), ranks)[:, None])


def moe_seconds(sizes: Sizes, silicon: Silicon, figures: Figures) -> Floats:
    """Seconds of the `matrices` products of an expert (gate, up and down; up and down where nothing is gated) for
    `tokens` over `experts`, split into `tensor` x `expert` ranks."""
    hidden, inner = sizes["hidden"], sizes["inner"] / sizes["tensor"]
    local = sizes["experts"] / sizes["expert"]
    loads = hottest_loads(sizes)
    awake = 1 - np.exp(-loads)  # chance that an expert has any token
    padded = (loads + figures["rows"] * awake).mean(axis=1) * local
    share = figures["gemm"] * inner / (inner + figures["columns"])
    arithmetic = 2 * sizes["matrices"] * padded * hidden * inner / (silicon.peak * share)
    weights = sizes["matrices"] * silicon.weight_bytes * awake.mean(axis=1) * local * hidden * inner
    streamed = weights / (silicon.bandwidth * figures["memory"])
    routed = figures["route"] * sizes["tokens"] * sizes["topk"]
    return np.asarray(overlapped(arithmetic, streamed, 2.0) + routed + figures["launch"])


SIZES = ("tokens", "hidden", "inner", "topk", "experts", "tensor", "expert", "alpha", "matrices")
MOE = Law(SIZES, FIGURES, moe_seconds)

"""Seconds of the grouped GEMMs of a mixture of experts on its hottest rank."""

from __future__ import annotations

import numpy as np

from petaday.chip.kernel import Figures, Floats, Law, Silicon, Sizes, overlapped

CLASSES = 16
"""Quantiles by which the load of the experts is followed."""

FIGURES = {
    "gemm": (0.6, 0.05, 1.0),
    "rows": (30.0, 1.0, 3000.0),  # tokens of an expert at which half of that is reached
    "memory": (0.7, 0.05, 1.0),
    "width": (100.0, 1.0, 8000.0),  # columns of an expert at which half of both rates is reached
    "shuffle": (2.0, 0.01, 60.0),  # times that the tokens of the rank are read or written beside the GEMMs
    "launch": (3e-5, 2e-6, 3e-4),
}


def expert_loads(routed: Floats, experts: Floats, tokens: Floats, alpha: Floats) -> Floats:
    """Tokens of an expert, row by quantile: alike where alpha is 0, else loads x with density x^-alpha, x up to 0.8
    of the tokens, scaled to the routed total; no expert sees a token twice."""
    quantile = (np.arange(CLASSES) + 0.5) / CLASSES
    power = np.where(alpha > 0, 1 - alpha, -1.0)[:, None]
    top = np.maximum(0.8 * tokens, 2.0)[:, None] ** power
    drawn = np.where(alpha[:, None] > 0, ((top - 1) * quantile + 1) ** (1 / power), 1.0)
    mean = (routed / experts)[:, None]
    return np.minimum(drawn / drawn.mean(axis=1, keepdims=True) * mean, tokens[:, None])


def moe_seconds(sizes: Sizes, silicon: Silicon, figures: Figures) -> Floats:
    """Seconds of gate, up and down products for `tokens` over `experts`, split into `tensor` x `expert` ranks."""
    tokens, hidden, experts, ranks = (sizes[name] for name in ("tokens", "hidden", "experts", "expert"))
    inner = sizes["inner"] / sizes["tensor"]
    local = experts / ranks
    loads = expert_loads(tokens * sizes["topk"], experts, tokens, sizes["alpha"])
    # The expected largest of `ranks` sums of `local` loads lies sqrt(2 ln ranks) deviations above their mean.
    spread = loads.std(axis=1) / np.maximum(loads.mean(axis=1), 1e-9)
    hottest = np.minimum(1 + spread * np.sqrt(2 * np.log(np.maximum(ranks, 1)) / local), ranks)
    loads = loads * hottest[:, None]
    routed = loads.mean(axis=1) * local
    active = (1 - np.exp(-loads)).mean(axis=1) * local
    padded = (loads + figures["rows"] * (1 - np.exp(-loads))).mean(axis=1) * local
    wide = inner / (inner + figures["width"])
    arithmetic = 6 * padded * hidden * inner / (silicon.peak * figures["gemm"] * wide)
    bandwidth = silicon.bandwidth * figures["memory"]
    weights = 3 * silicon.weight_bytes * active * hidden * inner / (bandwidth * wide)
    shuffled = 2 * figures["shuffle"] * routed * (hidden + inner) / bandwidth
    return overlapped(arithmetic, weights) + shuffled + figures["launch"]


MOE = Law(("tokens", "hidden", "inner", "topk", "experts", "tensor", "expert", "alpha"), FIGURES, moe_seconds)

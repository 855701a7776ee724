"""Every layout that a replica of a model may have on a pool of chips."""

from __future__ import annotations

import numpy as np

from petaday.catalog.model import Model
from petaday.serving.layout import Layout

MOST_STAGES = 16
"""Pipeline stages beyond which no engine serves: each adds the latency of a hand-over and an idle stage at low load."""


def legal_layouts(model: Model, chips: int, domain: int) -> Layout:
    """The layouts of replicas of at most `chips` chips; columns of numbers.

    tp divides the heads and stays within a scale-up domain of `domain` chips; pp divides the layers; dp beyond 1 is for
    mixtures of experts (attention groups of a dense model share nothing, so they are replicas); ep divides the experts
    and the chips of a stage. Replicas tile a domain, or are whole domains. Sizes are powers of two, or three or five times
    such where these divide.
    """
    sizes = np.array(sorted({base << power for base in (1, 3, 5) for power in range(18) if base << power <= chips}))
    tp = sizes[(model.heads % sizes == 0) & (sizes <= domain)]
    pp = sizes[(model.layers % sizes == 0) & (sizes <= MOST_STAGES)]
    dp = sizes if model.moe else sizes[:1]
    ep = sizes[model.moe.experts % sizes == 0] if model.moe else sizes[:1]
    grid = np.stack([axis.ravel() for axis in np.meshgrid(tp, pp, ep, dp, indexing="ij")])
    tp_, pp_, ep_, dp_ = grid
    size = tp_ * pp_ * dp_
    tiles = (domain % size == 0) | (size % domain == 0)
    legal = (size <= chips) & tiles & ((tp_ * dp_) % ep_ == 0)
    return Layout(*grid[:, legal].astype(float))

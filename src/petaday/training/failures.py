"""How often a job is stopped, by class of component: hazards times counts, and what very large jobs add.

Everything takes floats or arrays (n,) that broadcast; a table of classes has them in its first axis, (k, n).
"""

from __future__ import annotations

import numpy as np

from petaday.fabric.network import Floats


def correlation(chips: Floats, onset: Floats, full: Floats, excess: Floats) -> Floats:
    """How many times as often a part stops a job of `chips` as the same part stops a small one.

    1 up to `onset` chips, `excess` from `full` chips on, and a power of the chips between them:
    c(N) = excess ^ clip(ln(N/onset) / ln(full/onset), 0, 1). The law is a choice that joins three published points: no
    excess at 32,768 chips, one of about 3 at 98,304, and a linear projection beyond (FT-HSDP, arXiv:2602.00277). Equal
    `onset` and `full` make it a step.
    """
    span = np.log(np.asarray(full) / onset)
    reached = np.log(np.asarray(chips) / onset)
    share = np.where(span > 0, reached / np.where(span > 0, span, 1.0), (reached > 0) * 1.0)
    return np.asarray(np.asarray(excess) ** np.clip(share, 0.0, 1.0))


def out_of_service(rate: Floats, repair: Floats) -> Floats:
    """Nodes in repair on average, where `rate` leave a second and each is away for `repair` seconds: Little's law."""
    return np.asarray(np.asarray(rate) * repair)


def short_of_spares(absent: Floats, spares: Floats) -> Floats:
    """Share of time in which more nodes than `spares` are in repair, when `absent` are on average.

    Nodes leave independently, so the number in repair is Poisson whatever the repair times (M/G/infinity, Takács 1962).
    """
    from scipy.special import pdtr

    mean, held = np.broadcast_arrays(np.asarray(absent, dtype=float), np.asarray(spares, dtype=float))
    return np.asarray(1.0 - pdtr(held, mean))


def nodes_short(absent: Floats, spares: Floats) -> Floats:
    """Nodes missing on average, where `absent` are in repair on average and `spares` stand in: E[(X - s)+], X Poisson."""
    from scipy.special import pdtr

    mean, held = np.broadcast_arrays(np.asarray(absent, dtype=float), np.asarray(spares, dtype=float))
    at_least = 1.0 - np.where(held > 0, pdtr(np.maximum(held - 1, 0), mean), 0.0)
    return np.asarray(np.maximum(mean * at_least - held * (1.0 - pdtr(held, mean)), 0.0))


def spares_for(absent: Floats, waiting: Floats) -> Floats:
    """The fewest spare nodes with which a job waits for one in at most the share `waiting` of its time."""
    from scipy.special import pdtrik

    mean, share = np.broadcast_arrays(np.asarray(absent, dtype=float), np.asarray(waiting, dtype=float))
    some = mean > 0
    count = np.ceil(np.where(some, pdtrik(1.0 - share, np.where(some, mean, 1.0)), 0.0) - 1e-9)
    count = np.maximum(np.nan_to_num(count), 0.0)
    # The inverse is that of a continuous extension, exact only up to its own rounding.
    fewer = np.maximum(count - 1.0, 0.0)
    count = np.where(short_of_spares(mean, fewer) <= share, fewer, count)
    return np.asarray(np.where(short_of_spares(mean, count) > share, count + 1.0, count))

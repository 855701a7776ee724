"""How often a job is stopped, by class of component: hazards times counts, and what very large jobs add.

Everything takes floats or arrays (n,) that broadcast; a table of classes has them in its first axis, (k, n).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import lgamma

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


def poisson_at_most(mean: Floats) -> Iterator[Floats]:
    """P(X <= 0), P(X <= 1), ... of Poisson variables, until 1 to a float's breadth for all. mean: (n,), may be 0."""
    known = np.asarray(mean, dtype=float)
    log_mean = np.log(np.maximum(known, 1e-300))
    total = np.zeros(known.shape)
    last = int(np.max(known, initial=0.0) + 12 * np.sqrt(np.max(known, initial=0.0)) + 30)
    for count in range(last + 1):
        total = total + np.exp(count * log_mean - known - lgamma(count + 1))
        yield np.minimum(total, 1.0)


def _more_than(mean: Floats, count: Floats) -> Floats:
    """P(X > count) of Poisson variables; 1 for a negative count."""
    above = np.where(count < 0, 1.0, 0.0)
    for number, at_most in enumerate(poisson_at_most(mean)):
        above = np.where(np.floor(count) == number, 1.0 - at_most, above)
    return np.asarray(above)


def short_of_spares(absent: Floats, spares: Floats) -> Floats:
    """Share of time in which more nodes than `spares` are in repair, when `absent` are on average.

    Nodes leave independently, so the number in repair is Poisson whatever the repair times (M/G/infinity, Takács 1962).
    """
    mean, held = np.broadcast_arrays(np.asarray(absent, dtype=float), np.asarray(spares, dtype=float))
    return _more_than(mean, held)


def nodes_short(absent: Floats, spares: Floats) -> Floats:
    """Nodes missing on average, where `absent` are in repair on average and `spares` stand in: E[(X - s)+], X Poisson."""
    mean, held = np.broadcast_arrays(np.asarray(absent, dtype=float), np.asarray(spares, dtype=float))
    return np.asarray(np.maximum(mean * _more_than(mean, held - 1) - held * _more_than(mean, held), 0.0))


def spares_for(absent: Floats, waiting: Floats) -> Floats:
    """The fewest spare nodes with which a job waits for one in at most the share `waiting` of its time."""
    mean, share = np.broadcast_arrays(np.asarray(absent, dtype=float), np.asarray(waiting, dtype=float))
    fewest = np.zeros(mean.shape)
    for at_most in poisson_at_most(mean):
        short = 1.0 - at_most > share
        if not np.any(short):
            break
        fewest = fewest + short
    return fewest


def spares_that_pay(absent: Floats, nodes: Floats | float) -> Floats:
    """The spare nodes with which waiting and spares together cost least: share of time without enough, plus spares / nodes.

    A spare node costs as much as any other and, of a job that stops as a whole, is worth the time that it saves all.
    """
    mean = np.asarray(absent, dtype=float)
    best, least = np.zeros(mean.shape), np.full(mean.shape, np.inf)
    for count, at_most in enumerate(poisson_at_most(mean)):
        lost = 1.0 - at_most + count / nodes
        best, least = np.where(lost < least, float(count), best), np.minimum(lost, least)
    return best

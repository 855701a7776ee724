"""Checkpoints: how long they take, how often they are worth it, and what failures leave of the time between them.

Failures come as a Poisson process, while a job computes, writes or recovers. Everything takes floats or arrays (n,) that
broadcast. Notation: rate of failures λ, interval of work τ between checkpoints, stall w of a checkpoint, delay d until a
written checkpoint can be restored.
"""

from __future__ import annotations

import numpy as np

from petaday.fabric.network import Floats


def young_interval(rate: Floats, stall: Floats) -> Floats:
    """Seconds of work between checkpoints, first order: sqrt(2 w / λ) (Young 1974, CACM 17(9))."""
    return np.asarray(np.sqrt(2 * np.asarray(stall) / rate))


def daly_interval(rate: Floats, stall: Floats) -> Floats:
    """Seconds of work between checkpoints, higher order (Daly 2006, FGCS 22(3), equation 37); 1/λ where w ≥ 2/λ."""
    half = np.asarray(stall) * rate / 2
    series = np.sqrt(2 * np.asarray(stall) / rate) * (1 + np.sqrt(half) / 3 + half / 9) - stall
    return np.asarray(np.where(half < 1, series, 1 / np.asarray(rate)))


NEWTON = 7
"""Steps after which the best interval is exact to a float's breadth: each doubles the digits."""


def best_interval(rate: Floats, stall: Floats) -> Floats:
    """Seconds of work between checkpoints that leave most, exactly: the x / λ at which 1 - x = exp(-x - λ w).

    There `share_kept` has its maximum over τ, whatever the recovery (Daly 2006, equation 20). By Newton's method from
    above: the difference of both sides is concave, so that no step passes the root.
    """
    product = np.asarray(rate) * stall
    x = np.minimum(np.sqrt(2 * product), 1.0)
    for _ in range(NEWTON):
        decay = np.expm1(-(x + product))
        x = x - np.where(decay < 0, (x + decay) / np.where(decay < 0, -decay, 1.0), 0.0)
    return np.asarray(x / rate)


def alive(rate: Floats, durations: Floats, weights: Floats) -> Floats:
    """Share of time in which nothing recovers: sum of weight · exp(-λ · duration) over the classes of the first axis.

    The time since the last failure of a Poisson process is exponential, and a job recovers while it is below the duration
    of that failure's recovery. A failure in it starts it anew.
    """
    return np.asarray(np.sum(np.asarray(weights) * np.exp(-np.asarray(rate) * durations), axis=0))


def share_kept(rate: Floats, interval: Floats, stall: Floats, delay: Floats) -> Floats:
    """Useful share of the time in which nothing recovers: λ τ exp(-λ d) / (exp(λ (τ + w)) - 1).

    By renewal, exactly: a stretch of work and its checkpoint takes (exp(λ (τ + w)) - 1) exp(λ d) / (λ · alive) seconds of
    wall time until it can be restored (Daly 2006, equation 13, with the recovery's factor replaced by `alive`, and with a
    delay: after a failure a job has to get back to its checkpoint and d further before the next one counts).
    """
    rate = np.asarray(rate, dtype=float)
    cycle = rate * (np.asarray(interval) + stall)
    some = cycle > 0
    safe = np.where(some, cycle, 1.0)
    with np.errstate(over="ignore"):  # a cycle that no luck outlives: the share is 0, which is right
        share = rate * interval * np.exp(-rate * delay) / np.expm1(safe)
    return np.where(some, share, np.asarray(interval) / (np.asarray(interval) + stall))

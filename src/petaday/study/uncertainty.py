"""How uncertain an answer is, and what makes it so: quasi-random draws of all factors through one vectorised function.

Sobol points (Sobol 1967; scrambled by Owen's method) stand for random ones: quantiles of as many of them scatter less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from petaday.errors import InputError
from petaday.study.factor import Z95, Factor, Floats, Values

Chain = Callable[[Values], dict[str, Floats]]
"""From the factors' values, arrays of one shape, to named outputs of that shape."""

QUANTILES = (0.1, 0.5, 0.9)

TAIL = 0.01
"""Draws stop at the first and the last percentile, where their tails gather: few sources stand behind a range, and they say
nothing of what lies beyond."""


MOST_EXPLAINED = 8
"""Factors whose shares of an output's variance are told."""


BASES = 16
"""Draws around which each factor is moved alone, to find those."""


@dataclass(frozen=True)
class Shares:
    """Of one output's variance, by factor: what the factor explains alone, and with all others it acts through."""

    first: dict[str, float]
    total: dict[str, float]


@dataclass(frozen=True)
class Uncertainty:
    """P10, P50 and P90 of every output, and the Sobol indices of those asked for, largest total first.

    rows: draws of each of the indices' sets; 0 where none were asked for
    """

    samples: int
    rows: int
    quantiles: dict[str, tuple[float, float, float]]
    shares: dict[str, Shares]


def open_factors(factors: Sequence[Factor]) -> list[Factor]:
    """Those that are not known exactly."""
    return [each for each in factors if not each.span.is_known]


def draw(factors: Sequence[Factor], points: Floats) -> dict[str, Floats]:
    """Values of factors at standard normal points (n, factors that are open); known ones are scalars."""
    values = {each.name: np.asarray(each.span.value) for each in factors}
    for column, each in enumerate(open_factors(factors)):
        values[each.name] = each.at(points[:, column])
    return values


def sobol(samples: int, dimensions: int, seed: int = 0) -> Floats:
    """Standard normal values at scrambled Sobol points, (samples, dimensions), without the tails."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    points = qmc.Sobol(dimensions, rng=seed).random(samples)
    return np.asarray(ndtri(np.clip(points, TAIL, 1 - TAIL)))


def propagate(
    factors: Sequence[Factor], chain: Chain, *, samples: int, explain: Sequence[str] = (), seed: int = 0
) -> Uncertainty:
    """Quantiles of the outputs of `chain`, and Sobol indices of those named in `explain`.

    samples : a power of two, so that the points are balanced

    Raises
    ------
    InputError : samples that are no power of two, or below 64
    """
    if samples < 64 or samples & (samples - 1):
        near = 1 << max(6, round(np.log2(max(samples, 1))))
        raise InputError(
            f"{samples:,} samples", field="--samples", expected=f"a power of two of at least 64, as {near}"
        )
    uncertain = open_factors(factors)
    if not uncertain:
        values = chain(draw(factors, np.empty((1, 0))))
        return Uncertainty(1, 0, {name: (float(v[0]),) * 3 for name, v in _plain(values, 1).items()}, {})
    outputs = _plain(chain(draw(factors, sobol(samples, len(uncertain), seed))), samples)
    # Without interpolation, since a number without end has no neighbour to lie between.
    found = {name: np.quantile(column, QUANTILES, method="inverted_cdf") for name, column in outputs.items()}
    quantiles = {name: tuple(float(each) for each in three) for name, three in found.items()}
    rows = max(64, samples // 16) if explain else 0
    shares = _indices(factors, chain, explain, rows, seed) if explain else {}
    return Uncertainty(samples, rows, quantiles, shares)  # type: ignore[arg-type]


def _plain(outputs: dict[str, Floats], samples: int) -> dict[str, Floats]:
    """Outputs as arrays of n values; one that no open factor moves is constant."""
    return {name: np.broadcast_to(np.asarray(column, dtype=float), (samples,)) for name, column in outputs.items()}


def _indices(
    factors: Sequence[Factor], chain: Chain, explain: Sequence[str], samples: int, seed: int
) -> dict[str, Shares]:
    """First and total Sobol indices (Saltelli et al. 2010, table 2: Saltelli's first, Jansen's total).

    Of each output the factors are taken apart that move it most between their ends, all others being drawn with them.
    """
    uncertain = open_factors(factors)
    count = len(uncertain)
    both = sobol(samples, 2 * count, seed + 1)
    first, second = both[:, :count], both[:, count:]
    moving = _moving(factors, chain, explain, first)
    columns = sorted(set().union(*moving.values()))
    mixed = np.repeat(first[None], len(columns), axis=0)
    mixed[np.arange(len(columns)), :, columns] = second[:, columns].T
    together = np.concatenate([first[None], second[None], mixed]).reshape(-1, count)
    outputs = _plain(chain(draw(factors, together)), len(together))
    found = {}
    for name, own in moving.items():
        rows = outputs[name].reshape(len(columns) + 2, samples)
        if not np.isfinite(rows).all():
            continue
        rows = rows - rows[:2].mean()
        a, b, others = rows[0], rows[1], rows[[2 + columns.index(column) for column in own]]
        variance = rows[:2].var()
        if variance <= 0:
            continue
        alone = (b * (others - a)).mean(axis=1) / variance
        acting = ((a - others) ** 2).mean(axis=1) / (2 * variance)
        order = np.argsort(-acting)
        names = [uncertain[own[place]].name for place in order]
        found[name] = Shares(
            dict(zip(names, (float(alone[place]) for place in order), strict=True)),
            dict(zip(names, (float(acting[place]) for place in order), strict=True)),
        )
    return found


def _moving(factors: Sequence[Factor], chain: Chain, explain: Sequence[str], first: Floats) -> dict[str, list[int]]:
    """Of each output the columns of the factors that move it most from end to end, one at a time.

    All others lie where they do in some of the draws (Morris 1991), so that what acts only with others is seen.
    """
    bases, count = first[:BASES], first.shape[1]
    points = np.broadcast_to(bases, (2, count, *bases.shape)).copy()
    for column in range(count):
        points[:, column, :, column] = [[-Z95], [Z95]]
    outputs = _plain(chain(draw(factors, points.reshape(-1, count))), points[..., 0].size)
    moving = {}
    for name in explain:
        ends = outputs[name].reshape(2, count, len(bases))
        # A number without end has no variance to share out.
        swing = np.abs(ends[1] - ends[0]).sum(axis=-1) if np.isfinite(ends).all() else np.zeros(count)
        if swing.any():
            moving[name] = [int(column) for column in np.argsort(-swing)[:MOST_EXPLAINED] if swing[column] > 0]
    return moving

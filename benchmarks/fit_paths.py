"""Fit the law of the worst flow under ECMP to simulated permutations and print its figures with their errors.

    python benchmarks/fit_paths.py

Random permutations on full-bisection fat trees of 2 and 3 tiers, 128 to 65,536 hosts, 1 to 64 paths a flow, and at
most 300,000 subflows; several draws of each, fewer where they are large.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from petaday.fabric.contention import flow_shares
from petaday.fabric.network import Floats
from petaday.fabric.topology.clos import Clos
from petaday.fabric.traffic import permutation
from petaday.fabric.wiring import Wiring

RADIX = {2: (16, 32, 64, 128), 3: (8, 16, 32, 64)}
PATHS = (1, 2, 4, 8, 16, 32, 64)
MOST_SUBFLOWS = 300_000


def worst(shape: Clos, paths: int) -> float:
    """Mean over draws of the worst flow's share."""
    wiring, draws = Wiring(shape), max(3, min(40, 400_000 // (shape.endpoints * paths)))
    return float(
        np.mean(
            [
                flow_shares(wiring, permutation(shape.endpoints, seed), paths=paths, seed=seed).min()
                for seed in range(draws)
            ]
        )
    )


def law(figures: Floats, hosts: Floats, paths: Floats) -> Floats:
    """The law of `worst_flow_share` with figures a, b and c."""
    a, b, c = figures
    return np.asarray(1 / (1 + (a * np.log(hosts) + b) / (paths + c)))


def main() -> None:
    """Print one line of fitted figures for each number of tiers."""
    for tiers, radixes in RADIX.items():
        shapes = [Clos(Clos(1, radix, tiers).max_endpoints, radix, tiers) for radix in radixes]
        points = [
            (shape.endpoints, paths, worst(shape, paths))
            for shape in shapes
            for paths in PATHS
            if shape.endpoints * paths <= MOST_SUBFLOWS
        ]
        hosts, paths, seen = np.array(points).T
        fit = least_squares(lambda figures: np.log(law(figures, hosts, paths) / seen), (1.0, 1.0, 1.0))  # noqa: B023
        error = law(fit.x, hosts, paths) / seen - 1
        print(
            f"{tiers} tiers: a {fit.x[0]:.3f} b {fit.x[1]:.3f} c {fit.x[2]:.3f}; points {seen.size}, "
            f"mean error {np.abs(error).mean():.1%}, worst {np.abs(error).max():.1%}"
        )


if __name__ == "__main__":
    main()

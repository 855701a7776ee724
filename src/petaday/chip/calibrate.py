"""Fit a chip's laws to measured kernels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from petaday.chip.kernel import Law, Silicon, Sizes
from petaday.chip.law import ChipLaw
from petaday.chip.roofline import gemm_seconds

Floats = NDArray[np.float64]

FITTED = ("gemm", "gemm_m", "gemm_n", "gemm_k", "memory", "launch")
PLAUSIBLE = {
    "gemm": (0.2, 1.0),
    "gemm_m": (1.0, 4000.0),
    "gemm_n": (1.0, 6000.0),
    "gemm_k": (1.0, 4000.0),
    "memory": (0.3, 1.0),
    "launch": (1e-6, 3e-5),
}
"""Bounds of the fit: a figure that ends on a bound says that the law, not the chip, is wrong."""


@dataclass(frozen=True)
class Fit:
    """The fitted law with its record: rows used, median and 90th percentile of |predicted/measured - 1|."""

    law: ChipLaw
    rows: int
    median_error: float
    p90_error: float


def fit_gemm(m: Floats, n: Floats, k: Floats, seconds: Floats, start: ChipLaw) -> Fit:
    """Least squares on the log of time, robust to the algorithm switches that no smooth law follows."""
    from scipy.optimize import least_squares

    low, high = np.log(np.array([PLAUSIBLE[name] for name in FITTED])).T

    def law_at(logs: Floats) -> ChipLaw:
        return replace(start, **dict(zip(FITTED, np.exp(logs).tolist(), strict=True)))

    def residuals(logs: Floats) -> Floats:
        return np.asarray(np.log(gemm_seconds(m, n, k, law_at(logs)) / seconds))

    first = np.clip(np.log([getattr(start, name) for name in FITTED]), low + 1e-6, high - 1e-6)
    solution = least_squares(residuals, first, bounds=(low, high), loss="soft_l1", f_scale=0.05)
    errors = np.abs(np.exp(residuals(solution.x)) - 1)
    return Fit(law_at(solution.x), len(seconds), float(np.median(errors)), float(np.quantile(errors, 0.9)))


def fit_kernel(law: Law, sizes: Sizes, silicon: Silicon, seconds: Floats) -> tuple[dict[str, float], Floats]:
    """A kernel law's figures by the same robust least squares, and the signed relative errors that they leave."""
    from scipy.optimize import least_squares

    first, low, high = np.log(np.array(list(law.figures.values()))).T

    def figures_at(logs: Floats) -> dict[str, float]:
        return dict(zip(law.figures, np.exp(logs).tolist(), strict=True))

    def residuals(logs: Floats) -> Floats:
        return np.asarray(np.log(law.seconds(sizes, silicon, figures_at(logs)) / seconds))

    # Ceilings make steps that the default difference of 1e-8 does not see across.
    solution = least_squares(
        residuals, first, bounds=(low, high), loss="soft_l1", f_scale=0.02, diff_step=1e-3, max_nfev=100
    )
    return figures_at(solution.x), np.exp(residuals(solution.x)) - 1

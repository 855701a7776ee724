"""A chip's law fitted to what was measured on it, with standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from petaday.calibration.microbench import Point
from petaday.chip.law import ChipLaw
from petaday.chip.roofline import attention_seconds, gemm_seconds, streaming_seconds
from petaday.errors import InputError

Floats = NDArray[np.float64]

PLAUSIBLE = {
    "gemm": (0.2, 1.0),
    "gemm_m": (1.0, 4000.0),
    "gemm_n": (1.0, 6000.0),
    "gemm_k": (1.0, 4000.0),
    "memory": (0.3, 1.0),
    "attention_forward": (0.05, 1.0),
    "attention_backward": (0.05, 1.0),
    "attention_sequence": (1.0, 8000.0),
    "launch": (1e-7, 2e-4),
}
"""Bounds of the fit, as shares, elements, tokens and seconds."""
START = {
    "gemm": 0.8, "gemm_m": 100.0, "gemm_n": 100.0, "gemm_k": 100.0, "memory": 0.8, "attention_forward": 0.6,
    "attention_backward": 0.5, "attention_sequence": 500.0, "launch": 5e-6,
}  # fmt: skip
SIZES = ("gemm_m", "gemm_n", "gemm_k", "attention_sequence")
"""Figures that may end at their lower bound: nothing saturates, which is a finding and no failure."""
EDGE = 0.01
"""ln(figure) within which it stands on a bound."""
ODD = 0.05
"""|ln(predicted/measured)| beyond which a point pulls by its size, no longer by its square."""
LARGEST_LOSS = 0.25
"""Median error beyond which the law does not describe the machine; the fits shipped leave 3 to 13 %."""


@dataclass(frozen=True)
class Fitted:
    """A fitted law. errors: standard errors by figure, in its unit; loss: median |predicted/measured - 1|.

    forced: figures that would have been refused: at an end of their plausible range, or all of a fit that failed
    """

    dtype: str
    law: ChipLaw
    errors: dict[str, float]
    points: int
    loss: float
    forced: tuple[str, ...] = ()

    def figures(self) -> dict[str, float]:
        """Fitted values by figure, in SI units."""
        return {name: float(getattr(self.law, name)) for name in PLAUSIBLE}


def predicted(points: Sequence[Point], law: ChipLaw) -> Floats:
    """Seconds that the law gives to each point."""
    kind = np.array([point.work.kind for point in points])
    m, n, k, flops, moved = np.array(
        [(w.m, w.n, w.k, w.flops, w.moved) for w in (point.work for point in points)], dtype=float
    ).T
    forward = attention_seconds(flops, moved, law, seq_len=n, backward=False)
    backward = attention_seconds(flops, moved, law, seq_len=n, backward=True)
    choices = [gemm_seconds(m, n, k, law), forward, backward]
    wanted = [kind == "gemm", kind == "attention_forward", kind == "attention_backward"]
    return np.asarray(np.select(wanted, choices, streaming_seconds(moved, law)))


def fit_law(
    points: Sequence[Point], start: ChipLaw, dtype: str, *, measured_peaks: bool = False, force: bool = False
) -> Fitted:
    """The law that predicts the points best: least squares on ln(seconds), robust to switches of algorithm.

    Parameters
    ----------
    points : GEMMs of the dtype, attention and streaming operators
    start : peaks and bandwidth (kept); its other figures are where the search begins
    measured_peaks : peaks are the best rates seen, so that a share of 1 is no failure
    force : accept a fit that did not converge or misses most points, or figures at an end of their plausible range

    Raises
    ------
    InputError : too few points, no convergence, too large a loss, or a figure at an end of its range, which is named
    """
    try:
        from scipy.optimize import least_squares
    except ImportError:
        raise InputError(
            "fitting needs SciPy, which is not installed", expected='pip install "petaday[microbench]"'
        ) from None

    names = tuple(PLAUSIBLE)
    if len(points) <= len(names):
        raise InputError(f"{len(points)} points measured in {dtype}", expected=f"more than {len(names)}")
    low, high = np.log(np.array([PLAUSIBLE[name] for name in names])).T
    measured = np.array([point.seconds for point in points])

    def law_at(logs: Floats) -> ChipLaw:
        return replace(start, **dict(zip(names, np.exp(logs).tolist(), strict=True)))

    def residuals(logs: Floats) -> Floats:
        return np.asarray(np.log(predicted(points, law_at(logs)) / measured))

    first = np.clip(np.log([getattr(start, name) for name in names]), low + 1e-6, high - 1e-6)
    found = least_squares(residuals, first, bounds=(low, high), loss="soft_l1", f_scale=ODD, x_scale="jac")
    edges = _at_an_edge(names, found.x, low, high, measured_peaks)
    if not force and not found.success:
        raise InputError(f"the {dtype} fit did not converge", expected="a quiet machine, or --force")
    if edges and not force:
        told = ", ".join(f"{name} ({np.exp(found.x[names.index(name)]):.4g})" for name in edges)
        raise InputError(
            f"the {dtype} fit ends at the edge of what is plausible for {told}",
            field=edges[0],
            expected="a quiet machine and the right datasheet, or --force",
        )
    loss = float(np.median(np.abs(np.exp(residuals(found.x)) - 1)))
    if loss > LARGEST_LOSS and not force:
        raise InputError(
            f"the {dtype} fit leaves a median error of {loss:.0%}",
            expected=f"a quiet machine, on which at most {LARGEST_LOSS:.0%} is left, or --force",
        )
    failed = loss > LARGEST_LOSS or not found.success
    variance = 2 * found.cost / (len(points) - len(names))
    spread = np.sqrt(np.diag(np.linalg.pinv(found.jac.T @ found.jac)) * variance) * np.exp(found.x)
    errors = dict(zip(names, spread.tolist(), strict=True))
    return Fitted(dtype, law_at(found.x), errors, len(points), loss, names if failed else tuple(edges))


def _at_an_edge(names: Sequence[str], logs: Floats, low: Floats, high: Floats, measured_peaks: bool) -> list[str]:
    edges = []
    for name, value, least, most in zip(names, logs, low, high, strict=True):
        at_low = value - least < EDGE and name not in SIZES
        at_high = most - value < EDGE and not (measured_peaks and PLAUSIBLE[name][1] == 1.0)
        if at_low or at_high:
            edges.append(name)
    return edges

"""A joint fit of software profiles and chips to measured training runs, and what it says of runs it has not seen.

Each figure has a prior, a log-normal around a typical value: where runs say nothing it stays there. The loss is a
pseudo-Huber function of ln(predicted/measured), which no single odd run can pull far, plus the prior's square. A run
depends on the figures of one profile and of one chip in at most two dtypes, so one perturbation moves a figure of all
profiles at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petaday.validation.cases import Case, Owner, log_step_time

Floats = NDArray[np.float64]

NOISE = 0.04
"""Standard deviation of ln(predicted/measured) that a good fit leaves: measurements of one configuration differ by
3 % between makers."""

ODD = 0.08
"""Errors far beyond this pull on the fit by their size, no longer by its square."""

STEP = 0.02
"""Relative change of a figure for a derivative."""


@dataclass(frozen=True)
class Prior:
    """A figure's typical value, the spread of its logarithm, and the range that is physically plausible."""

    typical: float
    spread: float
    low: float
    high: float


SOFTWARE = {
    "slowdown": Prior(1.08, 0.12, 0.85, 2.0),
    "attention_rate": Prior(0.9, 0.3, 0.2, 1.6),
    "dp_hidden": Prior(0.6, 0.4, 0.02, 1.0),
    "tp_overlap": Prior(0.4, 0.6, 0.001, 0.98),
    "shard_bandwidth": Prior(0.6, 0.4, 0.05, 1.0),
    "expert_rate": Prior(0.8, 0.5, 0.1, 1.5),
    "expert_host": Prior(4e-3, 1.0, 1e-5, 0.1),
    "host_launch": Prior(1.5e-4, 1.0, 1e-7, 6e-4),
    "step_overhead": Prior(0.02, 1.0, 1e-4, 2.0),
    "straggling": Prior(0.01, 0.8, 1e-5, 0.1),
    "shard_start": Prior(1e-3, 1.0, 1e-6, 2e-2),
    "tensor_launch": Prior(5e-4, 1.0, 1e-6, 1e-2),
    "pipeline_launch": Prior(2.0, 1.0, 1.0, 20.0),
}
CHIP = {
    "sustained": Prior(0.95, 0.08, 0.4, 1.0),
    "memory": Prior(0.8, 0.1, 0.3, 1.0),
}
UNMEASURED_CLOCK = Prior(0.85, 0.2, 0.2, 1.0)
"""`sustained` of a chip whose kernels nobody measured alone also carries what its class's kernels are taken to reach."""
PRIORS = {**SOFTWARE, **CHIP}


@dataclass(frozen=True)
class Knob:
    """One figure that the fit may move."""

    owner: Owner
    name: str
    prior: Prior

    @classmethod
    def of(cls, owner: Owner, name: str, *, measured_alone: bool = True) -> Knob:
        """The figure of this owner, with what is known of it before any run."""
        return cls(owner, name, PRIORS[name] if measured_alone or name != "sustained" else UNMEASURED_CLOCK)


@dataclass(frozen=True)
class Solution:
    """Fitted ln(values) of the knobs; residuals ln(predicted/measured) of the cases, with their derivatives.

    weights: of the cases, before robustness
    """

    knobs: tuple[Knob, ...]
    logs: Floats
    residuals: Floats
    jacobian: Floats
    weights: Floats

    def values(self) -> dict[Knob, float]:
        """Fitted values."""
        return dict(zip(self.knobs, np.exp(self.logs).tolist(), strict=True))

    def errors(self) -> dict[Knob, float]:
        """Standard errors of the fitted values, from the curvature at the solution."""
        covariance = np.linalg.inv(_normal(self, np.ones(len(self.residuals), dtype=bool)))
        spread = np.sqrt(np.diag(covariance)) * np.exp(self.logs)
        return dict(zip(self.knobs, spread.tolist(), strict=True))

    def without(self, left_out: NDArray[np.bool_]) -> Floats:
        """ln(values) fitted without some cases: one Gauss-Newton step from the solution, exact where it is linear."""
        return np.asarray(self.logs + _move(self, ~left_out))


class Problem:
    """A fit of some knobs to cases."""

    def __init__(self, cases: Sequence[Case], knobs: Sequence[Knob]) -> None:
        self.cases, self.knobs = tuple(cases), tuple(knobs)
        self.place = {(knob.owner, knob.name): i for i, knob in enumerate(self.knobs)}
        self.measured = np.log([case.measured for case in cases])
        self.weights = weights_of(cases)
        self._alike = [_signature(case) for case in cases]

    def predict(self, logs: Floats, slot: tuple[str, str] | None = None) -> Floats:
        """ln of every predicted time; `slot` nudges one figure of all profiles ("software"), or of all chips in the
        dtype of their GEMMs ("chip") or of the rest ("wide")."""
        seen: dict[object, float] = {}
        out = np.empty(len(self.cases))
        for i, (case, alike) in enumerate(zip(self.cases, self._alike, strict=True)):
            if alike not in seen:
                owners = {"software": case.software, "chip": case.chip, "wide": case.wide_chip}
                figures = {kind: self._figures(logs, owner, kind, slot) for kind, owner in owners.items()}
                seen[alike] = log_step_time(case, figures["software"], figures["chip"], figures["wide"])
            out[i] = seen[alike]
        return out

    def _figures(self, logs: Floats, owner: Owner, kind: str, slot: tuple[str, str] | None) -> dict[str, float]:
        names = SOFTWARE if kind == "software" else CHIP
        return {
            name: float(np.exp(logs[i] + (STEP if slot == (kind, name) else 0.0)))
            for name in names
            if (i := self.place.get((owner, name))) is not None
        }

    def jacobian(self, logs: Floats, base: Floats) -> Floats:
        """Derivatives of ln(time) by ln(figure)."""
        table = np.zeros((len(self.cases), len(self.knobs)))
        names = sorted({(knob.owner[0], knob.name) for knob in self.knobs})
        slots = [slot for kind, name in names for slot in ([(kind, name)] if kind == "software" else _both(name))]
        for slot in slots:
            change = (self.predict(logs, slot) - base) / STEP
            for i, case in enumerate(self.cases):
                owner = {"software": case.software, "chip": case.chip, "wide": case.wide_chip}[slot[0]]
                place = self.place.get((owner, slot[1]))
                if place is not None:
                    table[i, place] += change[i]
        return table

    def solve(
        self, start: Floats | None = None, steps: int = 8, report: Callable[[int, float], None] | None = None
    ) -> Solution:
        """Gauss-Newton with the Huber weights of each step, halved where it does not improve the loss."""
        low, high = np.log([[knob.prior.low, knob.prior.high] for knob in self.knobs]).T
        typical = np.log([knob.prior.typical for knob in self.knobs])
        logs = np.clip(typical if start is None else start, low, high)
        base = self.predict(logs)
        for step in range(steps):
            now = Solution(self.knobs, logs, base - self.measured, self.jacobian(logs, base), self.weights)
            whole = np.ones(len(base), dtype=bool)
            move = _move(now, whole)
            loss, shrink = _loss(now), 1.0
            while True:
                tried = np.clip(logs + shrink * move, low, high)
                after = self.predict(tried)
                trial = Solution(self.knobs, tried, after - self.measured, now.jacobian, self.weights)
                if _loss(trial) < loss or shrink < 0.1:
                    break
                shrink /= 2
            gained = loss - _loss(trial)
            if gained > 0:
                logs, base = tried, after
            if report:
                report(step, min(loss, _loss(trial)))
            if gained < 1e-3 * loss:
                break
        return Solution(self.knobs, logs, base - self.measured, self.jacobian(logs, base), self.weights)


def _both(name: str) -> list[tuple[str, str]]:
    return [("chip", name), ("wide", name)]


def _signature(case: Case) -> object:
    """Cases with the same signature have the same predicted time."""
    job = case.job
    model = job.model.model_dump_json(exclude={"name", "source", "family"})
    shape = (job.seq_len, job.global_batch, job.chips, job.lora_rank, job.network.domain, job.network.out)
    recipe = job.software.recipe.expert_imbalance
    return (case.software, case.chip, repr(case.plans.row(0)), model, shape, recipe)


def weights_of(cases: Sequence[Case]) -> Floats:
    """A configuration counts once, and a source on an accelerator by the square root of its configurations."""
    runs = Counter(case.group for case in cases)
    groups: dict[tuple[str, str], set[str]] = {}
    for case in cases:
        groups.setdefault(case.cell, set()).add(case.group)
    return np.array([1 / np.sqrt(runs[case.group] * np.sqrt(len(groups[case.cell]))) for case in cases])


def _robust(residuals: Floats) -> Floats:
    """Weights of the pseudo-Huber loss."""
    return np.asarray(1 / np.sqrt(1 + (residuals / ODD) ** 2))


def _loss(at: Solution) -> float:
    huber = 2 * ODD**2 * (np.sqrt(1 + (at.residuals / ODD) ** 2) - 1)
    return float(np.sum(huber * (at.weights / NOISE) ** 2) + np.sum(_from_prior(at) ** 2))


def _from_prior(at: Solution) -> Floats:
    typical, spread = np.array([[np.log(knob.prior.typical), knob.prior.spread] for knob in at.knobs]).T
    return np.asarray((at.logs - typical) / spread)


def _move(at: Solution, kept: NDArray[np.bool_]) -> Floats:
    """The Gauss-Newton step of ln(values) inside the plausible ranges; figures that would leave theirs stop at its end,
    and the others are solved for again."""
    curvature, gradient = _normal(at, kept), _gradient(at, kept)
    low, high = np.log([[knob.prior.low, knob.prior.high] for knob in at.knobs]).T - at.logs
    move, free = np.zeros(len(at.logs)), np.ones(len(at.logs), dtype=bool)
    while free.any():
        pulled = gradient[free] + curvature[np.ix_(free, ~free)] @ move[~free]
        move[free] = -np.linalg.solve(curvature[np.ix_(free, free)], pulled)
        leaves = free & ((move < low) | (move > high))
        if not leaves.any():
            break
        move[leaves] = np.clip(move, low, high)[leaves]
        free &= ~leaves
    return move


def _normal(at: Solution, kept: NDArray[np.bool_]) -> Floats:
    weight = (at.weights / NOISE) ** 2 * _robust(at.residuals) * kept
    spread = np.array([knob.prior.spread for knob in at.knobs])
    return np.asarray((at.jacobian.T * weight) @ at.jacobian + np.diag(1 / spread**2))


def _gradient(at: Solution, kept: NDArray[np.bool_]) -> Floats:
    weight = (at.weights / NOISE) ** 2 * _robust(at.residuals) * kept
    spread = np.array([knob.prior.spread for knob in at.knobs])
    return np.asarray(at.jacobian.T @ (weight * at.residuals) + _from_prior(at) / spread)

"""Which layouts and how many replicas: the closed form ranks and brackets, the simulation confirms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from petaday.serving.layout import Layout
from petaday.serving.memory import memory
from petaday.study.serve import (
    Asking,
    Chosen,
    Plan,
    Tell,
    chosen_of,
    layouts_of,
    run,
    with_replicas,
)
from petaday.study.serve_parts import Stack
from petaday.study.serve_totals import totals_of
from petaday.study.unfit import Unfit
from petaday.units import Kind, render

CANDIDATES = 4
"""Layouts whose number of replicas is confirmed by simulation, the best by the closed form."""

LARGEST_REPLICA = 64
"""Chips of the largest replica that is tried where the scenario does not say how many chips there are."""

QUEUED = 0.5
"""Share of a latency limit that a layout may take without any queue to be tried first."""


@dataclass(frozen=True)
class Option:
    """A layout that could serve, by the closed form. ttft, tpot: seconds without a queue; rate: requests a second of a
    replica at that latency"""

    stack: Stack
    layout: Layout
    sequences: float
    ttft: float
    tpot: float
    rate: float

    @property
    def chips(self) -> int:
        """Chips of a replica."""
        return int(self.layout.chips)


def plan_service(asking: Asking, *, curves: bool = False, tell: Tell | None = None) -> Plan:
    """The answer to a scenario: pools as given, or the fewest chips (cost, energy) that meet its objectives."""
    if asking.scenario.pools[0].chips == "auto":
        return _fewest(asking, curves, tell)
    chosen: list[Chosen] = []
    for stack in asking.stacks:
        chips = int(stack.spec.chips)
        able = options(asking, stack, chips, whole=True)
        if not able:
            return Plan(asking.scenario, asking.workload, (), None, too_small(stack, chips), asking.notes)
        chosen.append(chosen_of(asking, stack, able[0].layout, chips // able[0].chips))
    plan = run(asking, chosen, curves=curves, tell=tell)
    return plan if plan.meets else replace(plan, infeasible=_missed(plan))


def options(asking: Asking, stack: Stack, chips: int, *, whole: bool = False) -> list[Option]:
    """The layouts of replicas of at most `chips` chips that hold a request, the most requests a second and chip within the
    objectives first; where `whole`, the most that whole replicas give on all the chips.

    The rate of a layout is the largest whose latencies stay within the limits, or where none does that of its quickest
    point; then the layout comes after those that stay within.
    """
    wanted, layout = asking.scenario.objectives, layouts_of(stack, chips)
    points = stack.points(layout, asking.workload.load)
    tpot_limit = (wanted.tpot or math.inf) if stack.spec.role != "prefill" else math.inf
    ttft_limit = QUEUED * (wanted.ttft or math.inf) if stack.spec.role != "decode" else math.inf
    within = (points.tpot <= tpot_limit) & (points.ttft <= ttft_limit)
    found = []
    for place in np.unique(points.layout):
        own = points.layout == place
        rows = np.flatnonzero(own & within) if (own & within).any() else np.flatnonzero(own)[:1]
        row = rows[np.argmax(points.rate[rows])]
        option = Option(
            stack,
            layout.row(int(place)),
            float(points.sequences[row]),
            float(points.ttft[row]),
            float(points.tpot[row]),
            float(points.rate[row]),
        )
        if option.chips <= chips:
            gain = option.rate * (chips // option.chips) if whole else option.rate / option.chips
            found.append(((not within[row], -gain), option))
    return [option for _, option in sorted(found, key=lambda each: each[0])]


def _fewest(asking: Asking, curves: bool, tell: Tell | None) -> Plan:
    """The replicas that meet the objectives in simulation at the least cost, of every pool's best layouts."""
    by_pool = [options(asking, stack, LARGEST_REPLICA)[:CANDIDATES] for stack in asking.stacks]
    candidates = [option for found in by_pool for option in found]
    if not candidates:
        shortfall = too_small(asking.stacks[0], LARGEST_REPLICA)
        return Plan(asking.scenario, asking.workload, (), None, shortfall, asking.notes)
    best: Plan | None = None
    nearest: Plan | None = None
    trials = 0
    for option in candidates:
        tried = _Trials(asking, chosen_of(asking, option.stack, option.layout, 1), tell)
        fewest = fewest_that(tried.meets, math.ceil(asking.workload.peak_rate / option.rate))
        trials += len(tried.plans)
        if fewest is not None and (best is None or cost_of(tried.plans[fewest]) < cost_of(best)):
            best = tried.plans[fewest]
        last = tried.plans[max(tried.plans)]
        if nearest is None or last.attained > nearest.attained:
            nearest = last
    assert nearest is not None
    if best is None:
        return replace(nearest, infeasible=_missed(nearest), trials=trials)
    if curves:
        best = run(asking, list(best.chosen), curves=True, tell=tell)
    return replace(best, trials=trials)


@dataclass(frozen=True)
class _Trials:
    """Simulations of one layout by its number of replicas."""

    asking: Asking
    pool: Chosen
    tell: Tell | None
    plans: dict[int, Plan] = field(default_factory=dict)

    def meets(self, replicas: int) -> bool:
        """Whether so many replicas meet the objectives."""
        if replicas not in self.plans:
            if self.tell:
                self.tell(f"trying {replicas * int(self.pool.layout.chips)} chips", 0)
            self.plans[replicas] = run(self.asking, [with_replicas(self.pool, replicas)])
        return self.plans[replicas].meets


def cost_of(plan: Plan) -> float:
    """What the scenario minimises: chips, dollars or joules of the whole simulation."""
    totals, minimise = totals_of(plan), plan.scenario.minimise
    if minimise == "cost" and totals.dollars is not None:
        return totals.dollars
    if minimise == "energy" and totals.joules is not None:
        return totals.joules
    return float(sum(each.chips for each in plan.chosen))


def fewest_that(meets: Callable[[int], bool], guess: int) -> int | None:
    """The smallest number that meets, from a guess: doubled or halved until it is bracketed, then bisected.

    None where doubling three times from the guess does not do it: a limit that more replicas do not lift.
    """
    high = max(guess, 1)
    doublings = 0
    while not meets(high):
        if doublings == 3:
            return None
        high, doublings = 2 * high, doublings + 1
    low = high // 2
    while low >= 1 and meets(low):
        high, low = low, low // 2
    while high - low > 1:
        middle = (low + high) // 2
        if meets(middle):
            high = middle
        else:
            low = middle
    return high


def too_small(stack: Stack, chips: int) -> Unfit:
    """Why no layout of so many chips holds the model and one request: the memory term that is over, and what would fit."""
    layout = layouts_of(stack, chips)
    held = memory(stack.engine, layout, np.full_like(layout.tp, float(stack.chunk)))
    total = held.weights + held.activations
    leanest = int(np.argmin(total))
    sizes = ", ".join(f"{name} {size[leanest]:.0f}" for name, size in zip(Layout._fields, layout, strict=True))
    over = float(total[leanest] - stack.capacity)
    terms = {"weights": float(held.weights[leanest]), "activations": float(held.activations[leanest])}
    largest = max(terms, key=lambda name: terms[name]) if over > 0 else "cache"
    told = ", ".join(f"{name} {_bytes(size)}" for name, size in terms.items())
    detail = f"in the leanest layout ({sizes}) a chip holds {told} of {_bytes(stack.capacity)}"
    detail += f": {_bytes(over)} over" if over > 0 else f": {_bytes(-over)} for caches is less than one request takes"
    reliefs = []
    for more in (2 * chips, 4 * chips, 8 * chips, 16 * chips):
        wider = layouts_of(stack, more)
        if (stack.room(wider) > 0).any():
            reliefs.append(f"a replica of up to {more} chips holds it")
            break
    return Unfit(f"memory: {largest}", detail, tuple(reliefs))


def _bytes(size: float) -> str:
    return render(size, Kind.BYTES, digits=3)


def _missed(plan: Plan) -> Unfit:
    """Which objective a simulated service misses, and by how much."""
    wanted, outcome = plan.scenario.objectives, plan.outcome
    assert outcome is not None
    ledger = outcome.ledger
    if outcome.stopped:
        return Unfit("overload", f"{outcome.unfinished:,} requests were still in the system when it stopped", ())
    misses = []
    for name in ("ttft", "tpot", "e2e"):
        limit = getattr(wanted, name)
        if limit is not None:
            reached = ledger.percentile(name, wanted.share)
            if not reached <= limit:
                times = f"{render(reached, Kind.TIME)} for {wanted.share:.4g} of those served"
                told = f"{name.upper()}: {times}, the limit is {render(limit, Kind.TIME)}"
                misses.append((reached / limit, name, told))
    if plan.refused > wanted.rejected:
        misses.append(
            (
                math.inf,
                "rejected",
                f"{plan.refused:.2%} of the requests were not served, {wanted.rejected:.2%} may be",
            )
        )
    if not misses:
        misses = [
            (1.0, "share", f"{plan.attained:.2%} of the requests met all limits together, {wanted.share:.2%} should")
        ]
    misses.sort(reverse=True)
    return Unfit(misses[0][1], "; ".join(told for _, _, told in misses), ())

"""The best plans of a job: all that are legal are priced, those that fit are ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from petaday.errors import InputError, nearest_names
from petaday.fabric.network import Floats
from petaday.training.job import Job
from petaday.training.plan import Ints, Plans
from petaday.training.pricer import Pricer
from petaday.training.space import Space, all_plans

Progress = Callable[[int], None]
"""Called with the number of plans priced so far."""

OBJECTIVES = ("step_time", "memory", "bubble", "communication")
"""What a Pareto front can weigh; all are better when smaller."""


@dataclass(frozen=True)
class Found:
    """What a search saw.

    best: the fastest plans that fit, ascending in step time, with their step_time (s) and memory (bytes)
    front: plans that no other beats in every objective asked for, with a column of values for each
    considered, fitting: numbers of legal plans and of those that fit
    leanest: the legal plan that needs least memory, and least_memory its bytes; None where nothing is legal
    """

    best: Plans | None
    step_time: Floats
    memory: Floats
    front: Plans | None
    front_values: dict[str, Floats]
    considered: int
    fitting: int
    leanest: Plans | None
    least_memory: float

    @property
    def answered(self) -> bool:
        """Whether some plan fits."""
        return self.best is not None


NOTHING_FOUND = Found(None, np.zeros(0), np.zeros(0), None, {}, 0, 0, None, np.inf)
"""What a search that was not worth starting has seen."""


def search(
    job: Job,
    space: Space,
    *,
    top: int = 1,
    objectives: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Found:
    """Price every legal plan; keep the `top` fastest that fit and the front of the objectives."""
    for name in objectives:
        if name not in OBJECTIVES:
            raise InputError(
                f"`{name}` is no objective of a plan",
                field="pareto",
                expected=", ".join(OBJECTIVES),
                nearest=nearest_names(name, OBJECTIVES),
            )
    pricer = Pricer(job)
    best = _Kept()
    front = _Kept()
    considered = fitting = 0
    leanest: Plans | None = None
    least = np.inf
    for plans in all_plans(job, space):
        fits, step_time, memory = pricer.price_fitting(plans)
        considered += len(plans)
        smallest = int(np.argmin(memory))
        if memory[smallest] < least:
            least, leanest = float(memory[smallest]), plans.take(np.array([smallest]))
        if len(fits):
            fitting += len(fits)
            values = {"step_time": step_time, "memory": memory[fits]}
            _weigh(pricer, plans.take(fits), values, best, front, top, objectives)
        if progress is not None:
            progress(considered)
    return Found(
        best.plans,
        best.values.get("step_time", np.zeros(0)),
        best.values.get("memory", np.zeros(0)),
        front.plans,
        front.values,
        considered,
        fitting,
        leanest,
        least,
    )


@dataclass
class _Kept:
    """Rows kept so far with their values."""

    plans: Plans | None = None
    values: dict[str, Floats] = field(default_factory=dict)

    def merge(self, plans: Plans, values: dict[str, Floats], pick: Callable[[dict[str, Floats]], Ints]) -> None:
        """Add rows, then keep those that `pick` chooses."""
        if self.plans is not None:
            plans = Plans.concat([self.plans, plans])
            values = {name: np.concatenate([self.values[name], values[name]]) for name in values}
        kept = pick(values)
        self.plans = plans.take(kept)
        self.values = {name: column[kept] for name, column in values.items()}


def _weigh(
    pricer: Pricer,
    plans: Plans,
    values: dict[str, Floats],
    best: _Kept,
    front: _Kept,
    top: int,
    objectives: tuple[str, ...],
) -> None:
    def fastest(candidates: dict[str, Floats]) -> Ints:
        return np.lexsort((candidates["memory"], candidates["step_time"]))[:top]

    quick = fastest(values)
    best.merge(plans.take(quick), {name: column[quick] for name, column in values.items()}, fastest)
    if objectives:
        if {"bubble", "communication"} & set(objectives):
            values = {**values, **pricer.losses(plans)}
        weighed = {name: values[name] for name in objectives}
        own = pareto(weighed.values())
        chosen = {name: column[own] for name, column in values.items()}
        front.merge(plans.take(own), chosen, lambda all_: pareto([all_[name] for name in objectives]))


def pareto(columns: Iterable[Floats]) -> Ints:
    """Rows that no other row beats in one column without losing in another, ascending in the first column.

    Of rows that are equal in every column the first is kept.
    """
    table = np.column_stack(list(columns))
    order = np.lexsort(table.T[::-1])
    table = table[order]
    kept: list[int] = []
    if table.shape[1] == 1:
        return order[:1]
    if table.shape[1] == 2:
        running = np.minimum.accumulate(table[:, 1])
        better = np.concatenate([[True], table[1:, 1] < running[:-1]])
        return np.asarray(order[better])
    front = np.empty((0, table.shape[1]))
    for row, values in enumerate(table):
        if not np.any(np.all(front <= values, axis=1)):
            kept.append(row)
            front = np.vstack([front, values])
    return order[kept]


def chip_counts(domain: int, fewest: float) -> Iterator[int]:
    """Cluster sizes worth trying from `fewest` chips up, ascending.

    Powers of two inside one scale-up domain, then whole domains in numbers with no prime factor above 5: sizes that
    divide into parallel plans.
    """
    inside = 1
    while inside < domain:
        if inside >= fewest:
            yield inside
        inside *= 2
    domains = max(1, int(np.ceil(fewest / domain)))
    while True:
        if _smooth(domains):
            yield domains * domain
        domains += 1


def _smooth(number: int) -> bool:
    for prime in (2, 3, 5):
        while number % prime == 0:
            number //= prime
    return number == 1

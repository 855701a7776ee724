"""When no plan fits: what binds, and the cheapest change that lifts it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil

from petaday.training.job import Job
from petaday.training.search import Found, search
from petaday.training.space import Space
from petaday.units import Kind, render

LARGEST_GROWTH = 64
"""A cluster is grown up to this many times before growth counts as no help."""


@dataclass(frozen=True)
class Relief:
    """A change that makes some plan fit: what to write, and what the best plan then takes (seconds, bytes)."""

    change: str
    step_time: float
    memory: float


@dataclass(frozen=True)
class Infeasible:
    """constraint: the one that binds; detail: by how much; reliefs: changes that lift it, cheapest first."""

    constraint: str
    detail: str
    reliefs: tuple[Relief, ...]


def explain_infeasible(job: Job, space: Space, user_columns: tuple[str, ...], found: Found) -> Infeasible:
    """Name what binds a search that found nothing, and try the changes that could lift it, cheapest first."""
    if found.leanest is None:
        constraint = "divisibility"
        detail = (
            f"no legal plan divides {job.chips} chips, a batch of {job.global_batch} sequences, "
            f"{job.model.layers} layers and {job.model.heads} heads among them"
        )
    else:
        constraint = "memory"
        detail = (
            f"the leanest of {found.considered:,} legal plans needs {found.least_memory / 1e9:.1f} GB a chip, "
            f"and a chip has {job.memory / 1e9:.1f} GB"
        )
    return Infeasible(constraint, detail, tuple(_reliefs(job, space, user_columns, found)))


def explain_late(job: Job, space: Space, steps: int, deadline: float, found: Found) -> Infeasible:
    """What a run that fits but comes too late would need: the bigger clusters are searched."""
    seconds = float(found.step_time[0]) * steps
    detail = f"the fastest plan takes {render(seconds, Kind.TIME)}, and the deadline is {render(deadline, Kind.TIME)}"
    in_time = (relief for relief in _bigger_clusters(job, space) if relief.step_time * steps <= deadline)
    later = Relief(f"cluster.deadline: {ceil(seconds / 3600)} h", float(found.step_time[0]), float(found.memory[0]))
    return Infeasible("deadline", detail, (*islice(in_time, 1), later))


def _reliefs(job: Job, space: Space, user_columns: tuple[str, ...], found: Found) -> Iterator[Relief]:
    """Free choices first, then host memory, then a bigger cluster, then a bigger chip."""
    for column in user_columns:
        freed = space.without(column)
        # Layers of the ends follow from pp, so they are freed with it.
        ends = (
            [end for end in ("first_layers", "last_layers") if end in user_columns] if column in ("pp", "vpp") else []
        )
        for end in ends:
            freed = freed.without(end)
        yield from _try(f"leave {', '.join(f'plan.{name}' for name in (column, *ends))} open", job, freed)
    offloads: tuple[dict[str, int], ...] = (
        {"optimizer_offload": 1},
        {"activation_offload": 1},
        {"optimizer_offload": 1, "activation_offload": 1},
    )
    for columns in offloads:
        change = " and ".join(f"plan.{name}: true" for name in columns)
        lifted = list(_try(change, job, space.with_values(**columns)))
        yield from lifted
        if lifted:
            break
    if "dp" not in user_columns:
        yield from islice(_bigger_clusters(job, space), 1)
    if found.leanest is not None:
        roomy = replace(job, memory=found.least_memory)
        yield from _try(f"a chip with {ceil(found.least_memory / 1e9)} GB of memory", roomy, space)


def _bigger_clusters(job: Job, space: Space) -> Iterator[Relief]:
    """Clusters of two times the chips, four times and so on, that some plan fits; searched as they are asked for."""
    growth = 2
    while growth <= LARGEST_GROWTH:
        chips = job.chips * growth
        yield from _try(f"cluster.chips: {chips}", job.with_chips(chips), space)
        growth *= 2


def _try(change: str, job: Job, space: Space) -> Iterator[Relief]:
    found = search(job, space)
    if found.answered:
        yield Relief(change, float(found.step_time[0]), float(found.memory[0]))

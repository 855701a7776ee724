"""Every legal plan of a job, as a stream of tables.

Outer columns (tp, cp, pp, ep, etp) are few and looped over; for each, the inner columns are crossed as arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from petaday.training.job import Job
from petaday.training.layout import cost_split, even_split
from petaday.training.plan import COLUMNS, Ints, Plans, Recompute, Schedule

CHUNK = 16384
"""Rows priced at once: the working arrays stay in the cache, and memory is bounded at any size."""

RECOMPUTED_QUARTERS = (1, 2, 3, 4)
"""Full recomputation is tried on this many quarters of each stage's layers."""

FEWEST_LOCAL_TOKENS = 1024
"""The context is not cut finer: below this a ring hop takes longer than the attention that hides it."""


@dataclass(frozen=True)
class Space:
    """What the search may choose: for a column in `allowed`, only those values; elsewhere, whatever is legal.

    `habits` is what was allowed before a user held any column: what the software can run, and does by default.
    """

    allowed: Mapping[str, tuple[int, ...]]
    habits: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def permits(self, column: str, value: int) -> bool:
        """Whether a value is open to the search."""
        return column not in self.allowed or value in self.allowed[column]

    def choices(self, column: str, legal: tuple[int, ...]) -> tuple[int, ...]:
        """The legal values of a column that are open to the search."""
        return tuple(value for value in legal if self.permits(column, value))

    def fixed(self, column: str) -> bool:
        """Whether a column has one value."""
        return len(self.allowed.get(column, ())) == 1

    def without(self, column: str) -> Space:
        """The space with a column as open as the software leaves it."""
        others = {name: values for name, values in self.allowed.items() if name != column}
        own = {column: self.habits[column]} if column in self.habits else {}
        return Space({**others, **own}, self.habits)

    def with_values(self, **columns: int) -> Space:
        """The space with columns held at the given values."""
        return Space({**self.allowed, **{name: (value,) for name, value in columns.items()}}, self.habits)


class Outer(NamedTuple):
    """The columns that decide which rank does what."""

    tp: int
    cp: int
    pp: int
    dp: int
    ep: int
    etp: int


def divisors(number: int) -> tuple[int, ...]:
    """All divisors, ascending."""
    small = [d for d in range(1, int(number**0.5) + 1) if number % d == 0]
    return tuple(sorted({*small, *(number // d for d in small)}))


def splits_heads(job: Job, tp: int) -> bool:
    """Whether tp ranks can share the heads; key-value heads are copied where there are fewer than ranks."""
    model = job.model
    kv = model.heads if model.mla else model.kv_heads
    widths = (model.ffn, model.moe.shared_ffn * model.moe.shared_experts if model.moe else 0)
    return model.heads % tp == 0 and (kv % tp == 0 or tp % kv == 0) and not any(width % tp for width in widths)


def layout(layers: int, pp: int, vpp: int, *, uneven: bool = False) -> tuple[int, int] | None:
    """Layers of the first and last stage, or None where pp·vpp cannot hold the model.

    Even where it divides; else the vocabulary ends count as a layer each (Llama 3, arXiv:2407.21783, §3.3.2);
    else, without interleaving or where `uneven` virtual stages were asked for, the remainder goes to the middle.
    """
    stages = pp * vpp
    if layers % stages == 0:
        return (layers // pp, layers // pp if pp > 1 else 0)
    if pp > 2 and (layers + 2) % stages == 0 and layers + 2 >= 2 * pp:
        return ((layers + 2) // pp - 1, (layers + 2) // pp - 1)
    if (vpp > 1 and not uneven) or stages > layers:
        return None
    first, last = even_split(layers, np.array([pp]))
    return int(first[0]), int(last[0])


def outer_plans(job: Job, space: Space) -> Iterator[Outer]:
    """Every legal division of the chips."""
    model, chips = job.model, job.chips
    tensor = [tp for tp in divisors(chips) if splits_heads(job, tp) and space.permits("tp", tp)]
    if not space.fixed("tp"):
        tensor = [tp for tp in tensor if tp <= job.network.domain]
    for tp in tensor:
        for cp in _context_sizes(job, space, chips // tp):
            for pp in divisors(chips // (tp * cp)):
                dp = chips // (tp * cp * pp)
                if not (space.permits("pp", pp) and space.permits("dp", dp)):
                    continue
                if pp > model.layers or job.global_batch % dp:
                    continue
                for ep, etp in _expert_sizes(job, space, tp, cp, dp):
                    yield Outer(tp, cp, pp, dp, ep, etp)


def _context_sizes(job: Job, space: Space, ranks: int) -> list[int]:
    sizes = [1]
    while ranks % (2 * sizes[-1]) == 0 and job.seq_len % (4 * sizes[-1]) == 0:
        sizes.append(2 * sizes[-1])
    if not space.fixed("cp"):
        sizes = [cp for cp in sizes if cp == 1 or job.seq_len // cp >= FEWEST_LOCAL_TOKENS]
    return [cp for cp in sizes if space.permits("cp", cp)]


def _expert_sizes(job: Job, space: Space, tp: int, cp: int, dp: int) -> list[tuple[int, int]]:
    moe = job.model.moe
    if moe is None:
        return [(1, 1)] if space.permits("ep", 1) else []
    return [
        (ep, etp)
        for etp in sorted({1, tp})
        for ep in divisors(moe.experts)
        if (tp * cp * dp) % (ep * etp) == 0
        and moe.ffn % etp == 0
        and space.permits("ep", ep)
        and space.permits("etp", etp)
    ]


def inner_plans(job: Job, space: Space, outer: Outer) -> Plans | None:
    """All plans with these outer columns, or None where there is no legal one."""
    pipelines = list(_pipelines(job, space, outer))
    sharding = [
        (zero, split)
        for zero in _zero_stages(space, outer)
        for split in space.choices("sequence_parallel", (0, 1) if outer.tp > 1 else (0,))
    ]
    if not pipelines or not sharding:
        return None
    left, right = (np.array(table, dtype=np.int64) for table in (pipelines, sharding))
    i, j = np.divmod(np.arange(len(left) * len(right)), len(right))
    micro_batch, vpp, schedule, first, last, recompute, repeated = left[i].T
    zero, split = right[j].T
    chosen: dict[str, Ints | int] = {
        **outer._asdict(),
        "micro_batch": micro_batch,
        "vpp": vpp,
        "schedule": schedule,
        "first_layers": first,
        "last_layers": last,
        "recompute": recompute,
        "recompute_layers": repeated,
        "zero": zero,
        "sequence_parallel": split,
    }
    options = [name for name in COLUMNS if name not in chosen]
    tables = []
    for values in _cross([space.allowed[name] for name in options]):
        row = {**chosen, **dict(zip(options, values, strict=True))}
        tables.append(Plans(*(_full(row[name], len(i)) for name in COLUMNS)))
    return tables[0] if len(tables) == 1 else Plans.concat(tables)


def _zero_stages(space: Space, outer: Outer) -> tuple[int, ...]:
    """ZeRO stages open to the search; one replica has nothing to shard."""
    return space.choices("zero", (0, 1, 2, 3) if outer.dp * outer.cp > 1 else (0,))


def _full(value: Ints | int, length: int) -> Ints:
    return np.full(length, value, dtype=np.int64) if isinstance(value, int) else np.ascontiguousarray(value)


def _cross(choices: list[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
    if not choices:
        yield ()
        return
    for value in choices[0]:
        for rest in _cross(choices[1:]):
            yield (value, *rest)


def _pipelines(job: Job, space: Space, outer: Outer) -> Iterator[tuple[int, ...]]:
    """Legal (micro_batch, vpp, schedule, first, last, recompute, recompute_layers)."""
    layers, pp = job.model.layers, outer.pp
    virtual = space.choices("vpp", tuple(range(1, (layers + 2) // pp + 1)) if pp > 1 else (1,))
    schedules = space.choices("schedule", tuple(Schedule) if pp > 1 else (Schedule.ONE_F_ONE_B,))
    for micro_batch in space.choices("micro_batch", divisors(job.global_batch // outer.dp)):
        count = job.global_batch // (outer.dp * micro_batch)
        for vpp in virtual:
            ends = layout(layers, pp, vpp, uneven=space.fixed("pp") and space.fixed("vpp"))
            if ends is None or (vpp > 1 and count % pp):
                continue
            if job.software.footprint.splits_by_cost and vpp == 1:
                ends = cost_split(layers, pp, head_in_layers(job))
            if space.fixed("first_layers") or space.fixed("last_layers"):
                ends = _given_ends(space, layers, pp, ends)
                if ends is None:
                    continue
            for schedule in schedules:
                if _runs(Schedule(schedule), pp, vpp, count):
                    for recompute, repeated in _repeats(space, layers, pp):
                        yield (micro_batch, vpp, schedule, *ends, recompute, repeated)


def head_in_layers(job: Job) -> float:
    """Multiply-adds of the LM head over those of the average layer."""
    head = job.model.vocab * job.model.hidden
    return head * job.model.layers / (job.count.matmul_active - head)


def _given_ends(space: Space, layers: int, pp: int, ends: tuple[int, int]) -> tuple[int, int] | None:
    held = {name: space.allowed[name][0] for name in ("first_layers", "last_layers") if space.fixed(name)}
    first, last = ends
    if pp == 2 and "first_layers" not in held:
        first = layers - held["last_layers"]
    first = held.get("first_layers", first)
    last = held.get("last_layers", layers - first if pp == 2 else last)
    between = layers - first - last
    fits = between >= pp - 2 if pp > 2 else between == 0
    return (first, last) if fits and min(first, last) >= 0 else None


def _runs(schedule: Schedule, pp: int, vpp: int, count: int) -> bool:
    """Zero-bubble and DualPipe do not interleave; DualPipe feeds an even pipeline from both ends."""
    if schedule is Schedule.ONE_F_ONE_B:
        return True
    return vpp == 1 and (schedule is Schedule.ZERO_BUBBLE or (pp % 2 == 0 and count >= 2 * pp))


def _repeats(space: Space, layers: int, pp: int) -> Iterator[tuple[int, int]]:
    """Recompute modes with the layers of a stage they apply to."""
    stage = -(-layers // pp)
    for mode in space.choices("recompute", tuple(Recompute)):
        if mode == Recompute.NONE:
            if not (space.fixed("recompute_layers") and space.allowed["recompute_layers"][0]):
                yield mode, 0
        elif space.fixed("recompute_layers"):
            yield mode, space.allowed["recompute_layers"][0]
        elif mode == Recompute.SELECTIVE or space.fixed("recompute"):
            yield mode, stage
        else:
            for repeated in sorted({-(-stage * quarters // 4) for quarters in RECOMPUTED_QUARTERS}):
                yield mode, repeated


def all_plans(job: Job, space: Space) -> Iterator[Plans]:
    """Every legal plan, in tables of about CHUNK rows."""
    waiting: list[Plans] = []
    rows = 0
    for outer in outer_plans(job, space):
        table = inner_plans(job, space, outer)
        if table is None:
            continue
        waiting.append(table)
        rows += len(table)
        if rows >= CHUNK:
            whole = Plans.concat(waiting)
            full = rows - rows % CHUNK
            for start in range(0, full, CHUNK):
                yield whole.take(slice(start, start + CHUNK))
            rest = whole.take(slice(full, rows))
            waiting, rows = ([rest], len(rest)) if len(rest) else ([], 0)
    if waiting:
        yield Plans.concat(waiting)

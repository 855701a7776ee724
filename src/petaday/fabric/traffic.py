"""Who sends to whom, and on which hosts the jobs stand.

A pattern is a pair of arrays, sender and receiver of each flow, over ranks 0 to n - 1; `Pairs.on` puts it on hosts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from petaday.errors import InputError, nearest_names
from petaday.fabric.network import Ints

Placement = Literal["packed", "interleaved", "random"]
PLACEMENTS: tuple[Placement, ...] = ("packed", "interleaved", "random")


class Pairs(NamedTuple):
    """Flows: the rank or host that sends and the one that receives."""

    src: Ints
    dst: Ints

    def on(self, hosts: Ints) -> Pairs:
        """The same flows where rank i stands on hosts[i]."""
        return Pairs(hosts[self.src], hosts[self.dst])


def together(jobs: Iterable[Pairs]) -> Pairs:
    """The flows of several jobs at once."""
    src, dst = zip(*jobs, strict=True)
    return Pairs(np.concatenate(src), np.concatenate(dst))


def permutation(ranks: int, seed: int) -> Pairs:
    """Everyone sends to one other and receives from one other: one random cycle (Sattolo), so never to itself."""
    _at_least_two(ranks)
    cycle = np.random.default_rng(seed).permutation(ranks)
    return Pairs(cycle, np.roll(cycle, -1))


def shift(ranks: int, by: int) -> Pairs:
    """Rank i sends to i + by: one of the ranks - 1 phases of a pairwise all-to-all."""
    _at_least_two(ranks)
    if by % ranks == 0:
        raise InputError(f"a shift by {by} of {ranks} ranks", field="shift", expected=f"1 to {ranks - 1}")
    rank = np.arange(ranks)
    return Pairs(rank, (rank + by) % ranks)


def all_to_all(ranks: int) -> Pairs:
    """Everyone sends to everyone else at once: ranks·(ranks - 1) flows, sender by sender."""
    _at_least_two(ranks)
    src, dst = np.divmod(np.arange(ranks * (ranks - 1)), ranks - 1)
    return Pairs(src, dst + (dst >= src))


def ring(ranks: int, groups: int = 1) -> Pairs:
    """Each rank sends to the next of its group; the groups are equal and rank i belongs to group i // size."""
    size, rest = divmod(ranks, groups) if groups > 0 else (0, 1)
    if rest or size < 2:
        raise InputError(
            f"{ranks} ranks do not make {groups} rings", field="groups", expected="a divisor of the ranks, below half"
        )
    group, place = np.divmod(np.arange(ranks), size)
    return Pairs(np.arange(ranks), group * size + (place + 1) % size)


def incast(ranks: int) -> Pairs:
    """Everyone sends to rank 0."""
    _at_least_two(ranks)
    return Pairs(np.arange(1, ranks), np.zeros(ranks - 1, dtype=np.int64))


def placed(hosts: int, jobs: Sequence[int], placement: Placement = "packed", seed: int = 0) -> list[Ints]:
    """Hosts of each job, which have `jobs` ranks.

    packed: one job after another. interleaved: dealt out in turn, so that jobs share every leaf. random: as a busy
    cluster leaves them.
    """
    total = sum(jobs)
    if any(job < 1 for job in jobs) or total > hosts:
        raise InputError(
            f"jobs of {', '.join(map(str, jobs))} ranks", field="jobs", expected=f"1 or more, {hosts} hosts in all"
        )
    owner = np.repeat(np.arange(len(jobs)), jobs)
    if placement == "packed":
        where = np.arange(total)
    elif placement == "interleaved":
        turn = np.concatenate([(np.arange(job) + 0.5) / job for job in jobs])
        where = np.empty(total, dtype=np.int64)
        where[np.lexsort((owner, turn))] = np.arange(total)
    elif placement == "random":
        where = np.random.default_rng(seed).permutation(hosts)[:total]
    else:
        raise InputError(
            f"unknown placement {placement!r}",
            field="placement",
            expected=" or ".join(PLACEMENTS),
            nearest=nearest_names(placement, PLACEMENTS),
        )
    return np.split(where, np.cumsum(jobs)[:-1])


def _at_least_two(ranks: int) -> None:
    if ranks < 2:
        raise InputError(f"traffic among {ranks} ranks", field="ranks", expected="2 or more")

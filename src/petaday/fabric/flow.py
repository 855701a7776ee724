"""Max-min fair rates of many flows over shared links, by progressive filling on arrays.

All rates rise together until a link is full; its flows stop there and the others rise on (Bertsekas and Gallager,
Data Networks, §6.5.2). A link whose share is the smallest that any of its flows meets can stop at once, whatever the
rest of the network does, so a round freezes every such link: a permutation of 65,536 hosts takes 5 rounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.errors import InputError
from petaday.fabric.network import Flags, Floats, Ints

TIE = 1e-9
"""Shares closer than this, relatively, count as equal; far above rounding, far below what anyone measures."""


@dataclass(frozen=True, eq=False)
class Routes:
    """The links that each row of traffic takes.

    hops: (longest route, rows) directed link ids; shorter routes are filled up with `links`, an id of no link
    links: directed links of the network
    part: (longest route, rows) share of the row's rate on that link, where it is spread over several paths; or all 1
    paths: rows of one flow (its subflows), which stand next to each other
    """

    hops: Ints
    links: int
    part: Floats | None = None
    paths: int = 1

    @property
    def rows(self) -> int:
        """Rows of traffic: flows times paths."""
        return int(self.hops.shape[1])

    @classmethod
    def of_entries(cls, row: Ints, link: Ints, links: int, rows: int, part: Floats | None = None) -> Routes:
        """Routes from the entries of a sparse matrix: entry i says that `row[i]` uses `link[i]`."""
        order = np.argsort(row, kind="stable")
        row, link = row[order], link[order]
        length = np.bincount(row, minlength=rows)
        place = np.arange(row.size) - np.repeat(np.cumsum(length) - length, length)
        hops = np.full((int(length.max(initial=0)), rows), links)
        hops[place, row] = link
        if part is None:
            return cls(hops, links)
        parts = np.zeros(hops.shape)
        parts[place, row] = part[order]
        return cls(hops, links, parts)

    def take(self, rows: Ints) -> Routes:
        """The routes of some rows alone, each a flow of its own."""
        return Routes(self.hops[:, rows], self.links, None if self.part is None else self.part[:, rows])

    def per_flow(self, of_rows: Floats) -> Floats:
        """Sums over the paths of each flow."""
        return np.asarray(of_rows.reshape(-1, self.paths).sum(axis=1))

    def load(self, of_rows: Floats | None = None) -> Floats:
        """What the rows together put on each link; without values, how many rows it carries (in parts)."""
        if of_rows is None and self.part is None:
            rows = np.bincount(self.hops.ravel(), minlength=self.links + 1)
            return np.asarray(rows[: self.links], dtype=np.float64)
        values = np.broadcast_to(1.0 if of_rows is None else of_rows, self.hops.shape)
        if self.part is not None:
            values = values * self.part
        return np.asarray(
            np.bincount(self.hops.ravel(), values.ravel(), self.links + 1)[: self.links], dtype=np.float64
        )


def max_min(
    capacity: Floats, routes: Routes, *, weight: Floats | None = None, demand: Floats | None = None
) -> Floats:
    """Max-min fair rates in B/s (or any unit of `capacity`), one per row.

    No row can get more without taking from one that has as little or less, per unit of weight.

    capacity: of each directed link. weight: rows that stand for several, or that a switch favours; 1 each by default.
    demand: most that each row wants; no end by default. A row over no link at all gets its demand.
    """
    _check(capacity, routes, weight, demand)
    rates = np.zeros(routes.rows)
    left = np.append(capacity, np.inf).astype(float)
    heavy = np.ones(routes.rows) if weight is None else weight
    wanted = np.full(routes.rows, np.inf) if demand is None else demand / heavy
    rising = np.arange(routes.rows)
    while rising.size:
        level, stopped = _round(left, routes, None if weight is None else heavy, wanted)
        frozen, kept = np.flatnonzero(stopped), np.flatnonzero(~stopped)
        rate = level[frozen] * heavy[frozen]
        rates[rising[frozen]] = rate
        taken = routes.take(frozen).load(np.where(np.isinf(rate), 0.0, rate))
        left[:-1] = np.maximum(left[:-1] - taken, 0.0)
        rising, routes, heavy, wanted = rising[kept], routes.take(kept), heavy[kept], wanted[kept]
    return rates


def _round(left: Floats, routes: Routes, weight: Floats | None, wanted: Floats) -> tuple[Floats, Flags]:
    """Rate per weight at which each row would stop now, and whether nothing can still change that."""
    load = routes.load(weight)
    share = np.full(left.size, np.inf)
    np.divide(left[:-1], load, out=share[:-1], where=load > 0)
    at = share[routes.hops]
    level = np.minimum(at.min(axis=0, initial=np.inf), wanted)
    elsewhere = at > level * (1 + TIE)
    loose = np.zeros(left.size, dtype=bool)
    loose[routes.hops[elsewhere]] = True
    elsewhere |= loose[routes.hops]
    return level, ~elsewhere.all(axis=0) | (level >= wanted)


def _check(capacity: Floats, routes: Routes, weight: Floats | None, demand: Floats | None) -> None:
    if capacity.shape != (routes.links,):
        raise InputError(f"{capacity.size} capacities for {routes.links} links", field="capacity")
    if not ((capacity >= 0) & np.isfinite(capacity)).all():
        raise InputError("a link's capacity is negative or without end", field="capacity", expected="0 or more")
    if weight is not None and not (weight > 0).all():
        raise InputError(f"a flow of weight {weight.min()}", field="weight", expected="more than 0")
    if demand is not None and not (demand >= 0).all():
        raise InputError(f"a flow of demand {demand.min()}", field="demand", expected="0 or more")

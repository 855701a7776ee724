"""Which links the flows of a Clos network take: hashed onto paths (ECMP), sprayed over all of them, or adaptive.

A path goes up a port of the sender's leaf to a spine and, where the receiver is in another pod, up a port of that
spine to a core; then down one of the parallel cables from the core to the receiver's pod, and one from the spine
where that ends to the receiver's leaf. Routes avoid links of no capacity, as they do once routing has converged.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from petaday.errors import InputError
from petaday.fabric.flow import Routes
from petaday.fabric.hashing import hashed, quarters
from petaday.fabric.network import Flags, Floats, Ints
from petaday.fabric.wiring import Wiring

Scheme = Literal["ecmp", "spray", "adaptive"]
SCHEMES: tuple[Scheme, ...] = ("ecmp", "spray", "adaptive")

MOST_ENTRIES = 50_000_000
"""Links times flows that spraying lists at most: 400 MB for each array."""

REDRAWS = 100
"""Hashes that a row tries before all its paths are listed; with half of all paths dead none gets there."""


class Choice(NamedTuple):
    """What picks one path: a plane, a leaf's port up, a spine's, and which of the parallel cables down to each."""

    plane: Ints
    leaf_up: Ints
    spine_up: Ints
    spine_down: Ints
    leaf_down: Ints


def ecmp(wiring: Wiring, src: Ints, dst: Ints, capacity: Floats, *, paths: int = 1, seed: int = 0) -> Routes:
    """`paths` subflows a flow, each hashed onto a path as switches hash headers; the planes take turns.

    A row that the hash puts on a dead link is hashed anew and no other row moves (resilient hashing).
    """
    check_paths(paths)
    check_pairs(src, dst, endpoints=wiring.clos.endpoints, capacity=capacity, links=wiring.links)
    sender, receiver = np.repeat(src, paths), np.repeat(dst, paths)
    path = np.tile(np.arange(paths), src.size)
    hops = np.empty((6, sender.size), dtype=np.int64)
    dead = np.arange(sender.size)
    alive = _alive(capacity)
    for attempt in range(REDRAWS):
        choice = _hashed(wiring, sender[dead], receiver[dead], path[dead] + attempt, seed + attempt)
        drawn, _ = _hops(wiring, sender[dead], receiver[dead], choice)
        hops[:, dead] = drawn
        dead = dead[~alive[drawn].all(axis=0)]
        if not dead.size:
            break
    for row in dead[:, None]:
        every = _living(wiring, sender[row], receiver[row], alive)
        which = hashed(sender[row], receiver[row], path[row], seed) % np.uint64(every.shape[1])
        hops[:, row] = every[:, which.astype(np.int64)]
    return Routes(hops, wiring.links, paths=paths)


def spray(wiring: Wiring, src: Ints, dst: Ints, capacity: Floats) -> Routes:
    """Each flow split evenly over all its living paths, packet by packet; one row a flow."""
    check_pairs(src, dst, endpoints=wiring.clos.endpoints, capacity=capacity, links=wiring.links)
    every = _choices(wiring)
    if every.plane.size * 6 * src.size > MOST_ENTRIES:
        raise InputError(
            f"{src.size:,} flows over {every.plane.size:,} paths each are too many to spray one by one",
            field="scheme",
            expected=f"adaptive, or at most {MOST_ENTRIES // (6 * every.plane.size):,} flows",
        )
    hops, distinct = _hops(wiring, src, dst, Choice(*(pick[:, None] for pick in every)))
    lives = _alive(capacity)[hops].all(axis=0) & distinct
    require_reached(np.asarray(lives.any(axis=0)), src, dst)
    part = np.broadcast_to(lives / lives.sum(axis=0), hops.shape)
    hops = np.where(lives, hops, wiring.links)
    return Routes(hops.reshape(-1, src.size), wiring.links, part.reshape(-1, src.size))


def adaptive(wiring: Wiring, src: Ints, dst: Ints, capacity: Floats) -> tuple[Floats, Routes]:
    """The most that any load balancing can reach: all uplinks of a leaf, and of a pod, as one link of their sum.

    Capacity and routes of that smaller network, one row a flow and plane. Where links have failed this is the bound
    of the cuts, which switches that balance over live queues come near.
    """
    check_pairs(src, dst, endpoints=wiring.clos.endpoints, capacity=capacity, links=wiring.links)
    clos = wiring.clos
    endpoint, leaf, spine = np.split(capacity.reshape(clos.planes, -1, 2), np.cumsum(wiring.blocks)[:2], axis=1)
    of_leaf = np.repeat(np.arange(clos.leaves), clos.leaf_up)
    of_pod = np.repeat(np.arange(clos.spines) // max(clos.spines_per_pod, 1), clos.spine_up)
    bundles = (endpoint, _summed(leaf, of_leaf, clos.leaves), _summed(spine, of_pod, clos.pods))
    pooled = np.concatenate(bundles, axis=1).ravel()
    from_leaf, to_leaf, from_pod, to_pod = _places(wiring, src, dst)
    above = clos.endpoints + clos.leaves
    cables = (
        (src, dst, np.full(src.shape, True)),
        (clos.endpoints + from_leaf, clos.endpoints + to_leaf, from_leaf != to_leaf),
        (above + from_pod, above + to_pod, from_pod != to_pod),
    )
    plane = np.arange(clos.planes) * (above + clos.pods)
    hops = np.full((6, src.size, clos.planes), pooled.size)
    for tier, (up, down, used) in enumerate(cables):
        hops[2 * tier, used] = 2 * (plane + up[used, None])
        hops[2 * tier + 1, used] = 2 * (plane + down[used, None]) + 1
    lives = _alive(pooled)[hops].all(axis=0)
    require_reached(np.asarray(lives.any(axis=1)), src, dst)
    return pooled, Routes(hops.reshape(6, -1), pooled.size, paths=clos.planes)


def _summed(block: Floats, owner: Ints, owners: int) -> Floats:
    """Capacity (planes, owners, directions) of the cables that belong to each owner."""
    sums = np.zeros((owners, block.shape[0], 2))
    np.add.at(sums, owner, block.swapaxes(0, 1))
    return sums.swapaxes(0, 1)


def _places(wiring: Wiring, src: Ints, dst: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Leaves and pods of both ends."""
    from_leaf, to_leaf = wiring.clos.leaf_of(src), wiring.clos.leaf_of(dst)
    return from_leaf, to_leaf, from_leaf // wiring.clos.leaves_per_pod, to_leaf // wiring.clos.leaves_per_pod


def _hops(wiring: Wiring, src: Ints, dst: Ints, choice: Choice) -> tuple[Ints, Flags]:
    """Links of the chosen paths: (6, ...) over whatever src, dst and choice broadcast to.

    Link number `links` stands for no hop, links + 1 for a cable that does not exist. The flags are false where a pick
    goes round its bundle, and so names a path that a lower pick names too.
    """
    clos, plane = wiring.clos, choice.plane
    from_leaf, to_leaf, from_pod, to_pod = _places(wiring, src, dst)
    other_leaf, other_pod = from_leaf != to_leaf, from_pod != to_pod
    hops = np.full((6, *np.broadcast(src, plane).shape), wiring.links)
    distinct = np.full(hops.shape[1:], True)

    def climb(tier: int, up: Ints, down: Ints, used: Flags, bundle: Ints, pick: Ints) -> None:
        up, down = (wiring.cable(plane, tier, place) for place in (up, down))
        hops[2 * tier] = np.where(used, 2 * up, wiring.links)
        hops[2 * tier + 1] = np.where(used, np.where(bundle > 0, 2 * down + 1, wiring.links + 1), wiring.links)
        distinct[...] &= ~used | (pick < bundle)

    hops[0], hops[1] = 2 * wiring.cable(plane, 0, src), 2 * wiring.cable(plane, 0, dst) + 1
    if clos.tiers == 1:
        return hops, distinct
    up = from_leaf * clos.leaf_up + choice.leaf_up
    end = spine = wiring.spine_above[up]
    if clos.tiers == 3:
        over = spine * clos.spine_up + choice.spine_up
        under, bundle = wiring.to_core.pick(to_pod, wiring.core_above[over], choice.spine_down)
        climb(2, over, under, other_pod, bundle, choice.spine_down)
        end = np.where(other_pod, under // clos.spine_up, spine)
    down, bundle = wiring.to_spine.pick(to_leaf, end - to_pod * clos.spines_per_pod, choice.leaf_down)
    climb(1, up, down, other_leaf, bundle, choice.leaf_down)
    return hops, distinct


def _hashed(wiring: Wiring, src: Ints, dst: Ints, path: Ints, seed: int) -> Choice:
    """One path each, its cables picked by the quarters of one hash."""
    leaf_up, spine_up, spine_down, leaf_down = quarters(hashed(src, dst, path, seed))
    clos = wiring.clos
    plane = (src + dst + path) % clos.planes
    return Choice(plane, leaf_up % max(clos.leaf_up, 1), spine_up % max(clos.spine_up, 1), spine_down, leaf_down)


def _choices(wiring: Wiring) -> Choice:
    """Every path that a pair in different pods may have."""
    clos = wiring.clos
    parallel = (wiring.to_core.most if clos.tiers == 3 else 1, wiring.to_spine.most if clos.tiers > 1 else 1)
    picks = (clos.planes, max(clos.leaf_up, 1), max(clos.spine_up, 1), *parallel)
    return Choice(*np.indices(picks).reshape(len(picks), -1))


def _living(wiring: Wiring, src: Ints, dst: Ints, alive: Flags) -> Ints:
    """The hops of every path of one pair that has no dead link."""
    every, distinct = _hops(wiring, src, dst, _choices(wiring))
    every = every[:, alive[every].all(axis=0) & distinct]
    require_reached(np.array([every.shape[1] > 0]), src, dst)
    return every


def _alive(capacity: Floats) -> Flags:
    """Which links carry anything; no hop is no obstacle, a cable that does not exist is."""
    return np.append(capacity > 0, [True, False])


def check_paths(paths: int) -> None:
    """Refuse flows without a path."""
    if paths < 1:
        raise InputError(f"{paths} paths for a flow", field="paths", expected="1 or more")


def check_pairs(src: Ints, dst: Ints, *, endpoints: int, capacity: Floats, links: int) -> None:
    """Refuse hosts and links that are not there."""
    for host in (src, dst):
        wrong = host[(host < 0) | (host >= endpoints)]
        if wrong.size:
            raise InputError(f"no host {wrong[0]}", field="hosts", expected=f"0 to {endpoints - 1:,}")
    if (src == dst).any():
        raise InputError(f"host {src[src == dst][0]} sends to itself", field="hosts", expected="two different hosts")
    if capacity.shape != (links,):
        raise InputError(f"{capacity.size:,} capacities for {links:,} links", field="capacity")


def require_reached(reached: Flags, src: Ints, dst: Ints) -> None:
    """Name the first pair that has no path."""
    if not reached.all():
        first = int(np.flatnonzero(~reached)[0])
        raise InputError(
            f"host {src[first]} cannot reach host {dst[first]}",
            field="links",
            expected="a path of live links for each of the flows",
        )

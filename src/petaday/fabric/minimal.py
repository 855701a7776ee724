"""Shortest routes on any graph, for the networks whose routes are no arithmetic (dragonfly, slim fly, torus).

A breadth-first search back from every receiver at once, then a walk that takes at each node one of the links that
come nearer. Meant for some thousand nodes: distances take receivers times links.
"""

from __future__ import annotations

import numpy as np

from petaday.fabric.flow import Routes
from petaday.fabric.hashing import Hashes, hashed
from petaday.fabric.network import Flags, Floats, Ints
from petaday.fabric.routing import check_pairs, check_paths, require_reached
from petaday.fabric.topology.graph import Graph
from petaday.fabric.traffic import Pairs


def minimal(network: Graph, pairs: Pairs, capacity: Floats, *, paths: int = 1, seed: int = 0) -> Routes:
    """`paths` subflows a flow, each on a shortest path hashed hop by hop; links of no capacity are avoided.

    Link i of the graph is directed link 2i from its u to its v and 2i + 1 back. `pairs` are its endpoints.
    """
    check_paths(paths)
    tail = np.stack([network.link_u, network.link_v], axis=1).ravel()
    head = np.stack([network.link_v, network.link_u], axis=1).ravel()
    check_pairs(*pairs, endpoints=int((network.node_kind == 0).sum()), capacity=capacity, links=tail.size)
    alive = np.flatnonzero(capacity > 0)
    receivers, column = np.unique(pairs.dst, return_inverse=True)
    nodes = network.node_count
    distance = _distances(tail[alive], head[alive], receivers, nodes)
    require_reached(distance[pairs.src, column] < nodes, *pairs)

    leaving = _leaving(tail[alive], alive, nodes, tail.size)
    ends = np.append(head, 0)
    sender, to = np.repeat(pairs.src, paths), np.repeat(column, paths)
    at = sender.copy()
    path = np.tile(np.arange(paths), pairs.src.size)
    hops = np.full((int(distance[pairs.src, column].max()), at.size), tail.size)
    for step, taken in enumerate(hops):
        away = np.flatnonzero(distance[at, to] > 0)
        options = leaving[at[away]]
        nearer = distance[ends[options], to[away, None]] < distance[at[away], to[away]][:, None]
        nearer &= options < tail.size
        header = hashed(sender[away], receivers[to[away]], path[away], seed + step)
        taken[away] = options[np.arange(away.size), _nth(nearer, header)]
        at[away] = ends[taken[away]]
    return Routes(hops, tail.size, paths=paths)


def _distances(tail: Ints, head: Ints, receivers: Ints, nodes: int) -> Ints:
    """Hops from each node (row) to each receiver (column); `nodes` where there is no way."""
    distance = np.full((nodes, receivers.size), nodes)
    distance[receivers, np.arange(receivers.size)] = 0
    order = np.argsort(tail, kind="stable")
    senders, first = np.unique(tail[order], return_index=True)
    if not senders.size:
        return distance
    while True:
        through = np.minimum.reduceat(distance[head[order]], first, axis=0) + 1
        shorter = np.minimum(distance[senders], through)
        if np.array_equal(shorter, distance[senders]):
            return distance
        distance[senders] = shorter


def _leaving(tail: Ints, link: Ints, nodes: int, none: int) -> Ints:
    """The links that leave each node, one row a node, filled up with `none`."""
    routes = Routes.of_entries(tail, link, none, nodes)
    return routes.hops.T


def _nth(options: Flags, header: Hashes) -> Ints:
    """Which option of each row the hash picks among the true ones."""
    count = options.sum(axis=1)
    wanted = (header % count.astype(np.uint64)).astype(np.int64)
    return np.asarray((options.cumsum(axis=1) > wanted[:, None]).argmax(axis=1))

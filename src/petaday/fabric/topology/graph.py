"""Any topology as arrays of nodes and links, for simulations and drawings.

Nodes: endpoints first, then plane by plane the tiers from below. Links: plane by plane, class by class, each class in
the order of the lower end and its ports. Parallel cables are separate links. An optical circuit is one link between
chips: mirrors hold no packets, so the circuit switches are no nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petaday.fabric.topology.clos import Clos
from petaday.fabric.topology.direct import Dragonfly, SlimFly, Torus
from petaday.fabric.topology.direct_graph import (
    Pairs,
    dragonfly_global,
    dragonfly_local,
    slim_fly_routers,
    torus_chips,
)
from petaday.fabric.topology.scale_up import Star
from petaday.fabric.topology.shape import Topology

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes and undirected links.

    Attributes
    ----------
    kinds: what a node can be: "endpoint", then the topology's tiers
    node_kind: index into `kinds`
    link_u, link_v: nodes that a link joins, the lower one first
    link_class: index into the topology's classes of links
    link_rate: B/s each way
    """

    kinds: tuple[str, ...]
    node_kind: Ints
    link_u: Ints
    link_v: Ints
    link_class: Ints
    link_rate: Floats

    @property
    def node_count(self) -> int:
        """Nodes of all kinds."""
        return self.node_kind.size

    @property
    def link_count(self) -> int:
        """Links of all classes."""
        return self.link_u.size

    def degree(self) -> Ints:
        """Link ends at each node."""
        ends = np.concatenate([self.link_u, self.link_v])
        return np.bincount(ends, minlength=self.node_count)


def graph(topology: Topology) -> Graph:
    """The nodes and links of a topology.

    Raises
    ------
    InputError : a Slim Fly that can be counted but not wired
    """
    shape = topology.shape
    match shape:
        case Clos():
            return _planes(topology, _clos(shape))
        case Star():
            return _planes(topology, [_star(shape)])
        case SlimFly():
            routers = [slim_fly_routers(shape)]
            return _planes(topology, _routed(shape.endpoints, shape.concentration, routers))
        case Dragonfly():
            routers = [dragonfly_local(shape), dragonfly_global(shape)]
            return _planes(topology, _routed(shape.endpoints, shape.p, routers))
        case Torus():
            return _torus(topology, shape)
    raise TypeError(f"no wiring of a {topology.kind}")


def _clos(shape: Clos) -> list[Pairs]:
    endpoint = np.arange(shape.endpoints)
    leaf, leaf_port = _ports(shape.leaves, shape.leaf_up)
    spine, spine_port = _ports(shape.spines, shape.spine_up)
    leaves, spines = shape.endpoints, shape.endpoints + shape.leaves
    layers = [(endpoint, leaves + shape.leaf_of(endpoint))]
    if shape.tiers > 1:
        layers.append((leaves + leaf, spines + shape.spine_of(leaf, leaf_port)))
    if shape.tiers > 2:
        layers.append((spines + spine, spines + shape.spines + shape.core_of(spine, spine_port)))
    return layers


def _star(shape: Star) -> Pairs:
    chip, link = _ports(shape.chips, shape.links)
    return chip, shape.chips + link % shape.switches


def _routed(endpoints: int, concentration: int, routers: list[Pairs]) -> list[Pairs]:
    endpoint = np.arange(endpoints)
    return [(endpoint, endpoints + endpoint // concentration), *((endpoints + u, endpoints + v) for u, v in routers)]


def _torus(topology: Topology, shape: Torus) -> Graph:
    u, v, optical = torus_chips(shape)
    order = np.argsort(optical, kind="stable")
    return _graph(
        ("endpoint",),
        np.zeros(shape.chips, dtype=np.int64),
        u[order],
        v[order],
        optical[order].astype(np.int64),
        topology,
    )


def _ports(devices: int, ports: int) -> Pairs:
    """Every port of every device: (device, port)."""
    device, port = np.divmod(np.arange(devices * ports), max(ports, 1))
    return device, port


def _planes(topology: Topology, layers: Sequence[Pairs]) -> Graph:
    """The graph whose planes are all wired like one: endpoints are shared, switches are not."""
    planes, endpoints = topology.planes, topology.endpoints
    switches = [tier.switches // planes for tier in topology.tiers]
    kinds = np.repeat(np.arange(1, len(switches) + 1), switches)
    shift = np.arange(planes)[:, None] * sum(switches)
    u, v = (np.concatenate(ends) for ends in zip(*layers, strict=True))
    return _graph(
        ("endpoint", *(tier.name for tier in topology.tiers)),
        np.concatenate([np.zeros(endpoints, dtype=np.int64), np.tile(kinds, planes)]),
        np.where(u < endpoints, u, u + shift).ravel(),
        np.where(v < endpoints, v, v + shift).ravel(),
        np.tile(np.repeat(np.arange(len(layers)), [u.size for u, _ in layers]), planes),
        topology,
    )


def _graph(
    kinds: tuple[str, ...], node_kind: Ints, link_u: Ints, link_v: Ints, link_class: Ints, topology: Topology
) -> Graph:
    rates = np.array([links.rate for links in topology.links])
    return Graph(
        kinds, node_kind, np.minimum(link_u, link_v), np.maximum(link_u, link_v), link_class, rates[link_class]
    )

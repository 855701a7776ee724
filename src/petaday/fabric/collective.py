"""Seconds of a collective in closed form, for any array of group shapes.

Ring laws with NCCL's published tuning constants (`src/graph/tuning.cc`, NVIDIA/nccl@5067397c): a ring over n ranks
in d domains takes

    base + (n - d)·hop_up + d·hop_out + bytes·(n - 1)/n / bus

where the bus is the slower of the scale-up ring and the NICs of the members that share a domain: `local` members
drive `local` NICs at once. Where a collective was measured inside one domain, the measured curve stands for the law.
`bytes` is the whole buffer, as NCCL counts it, on every rank.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from petaday.fabric.network import Flags, Floats, Group, MeasuredCurve, Network

NVLS_EFFICIENCY = 0.85
"""NCCL's `nvlsEfficiency` on Hopper: what in-switch reduction keeps of the ring's link rate."""

TREE_EFFICIENCY = 0.92
"""NCCL's share of ring bandwidth that a double binary tree keeps."""


def bus_bandwidth(group: Group, network: Network) -> Floats:
    """B/s that a ring over the group sustains: NVLink alone inside a domain, else also the members' NICs."""
    across = np.minimum(network.up, np.minimum(group.local, network.most_nics) * network.out)
    return np.where(group.domains > 1, across, network.up)


def _ring_latency(group: Group, network: Network) -> Floats:
    crossings = np.where(group.domains > 1, group.domains - 1, 0)
    hops = (group.size - 1 - crossings) * network.scale_up_latency + crossings * network.scale_out_latency
    return np.asarray(network.base_latency + hops)


def _tree_latency(group: Group, network: Network) -> Floats:
    climb = (group.local - 1) * network.scale_up_latency
    climb = climb + np.ceil(np.log2(group.domains)) * network.scale_out_latency
    return np.asarray(network.base_latency + 2 * climb)


def all_gather(size_bytes: Floats, group: Group, network: Network) -> Floats:
    """Seconds to gather `size_bytes` (the gathered buffer) on every rank of the group."""
    return _calibrated("all-gather", _ring, size_bytes, group, network)


def reduce_scatter(size_bytes: Floats, group: Group, network: Network) -> Floats:
    """Seconds to reduce a buffer of `size_bytes` and leave each rank its share; a ring as the all-gather's."""
    return _calibrated("reduce-scatter", _ring, size_bytes, group, network)


def all_reduce(size_bytes: Floats, group: Group, network: Network) -> Floats:
    """Seconds to sum `size_bytes` over the group, by the fastest algorithm that the network has."""
    return _calibrated("all-reduce", _fastest_all_reduce, size_bytes, group, network)


def all_to_all(size_bytes: Floats, group: Group, network: Network) -> Floats:
    """Seconds for each rank to send `size_bytes`, split evenly over the group; NICs and NVLink work side by side."""
    return _calibrated("all-to-all", _pairwise, size_bytes, group, network)


def _ring(size_bytes: Floats, group: Group, network: Network) -> Floats:
    share = (group.size - 1) / group.size
    return _ring_latency(group, network) + size_bytes * share / bus_bandwidth(group, network)


def all_reduce_algorithms(size_bytes: Floats, group: Group, network: Network) -> dict[str, Floats]:
    """Seconds of an all-reduce by each of NCCL's algorithms; infinite where the network does not have it.

    ring: a reduce-scatter and an all-gather. tree: up and down a double binary tree between domains. nvls: the
    scale-up switch reduces, so a rank moves S·(n+1)/n bytes where a ring moves 2·S·(n-1)/n. nvls-tree: NVLS inside
    the domains and a tree of each local rank's share between them. collnet: the scale-out switches reduce, so a NIC
    sends and receives its share once (SHARP).
    """
    never = np.full(np.broadcast(size_bytes, group.size).shape, np.inf)
    bus = bus_bandwidth(group, network)
    several = group.domains > 1
    ring_bytes = size_bytes * 2 * (group.size - 1) / group.size
    tree = _tree_latency(group, network) + 2 * size_bytes / (TREE_EFFICIENCY * bus)
    algorithms = {
        "ring": 2 * _ring_latency(group, network) + ring_bytes / bus,
        "tree": np.where(several, tree, never),
        "nvls": never,
        "nvls-tree": never,
        "collnet": never,
    }
    climb = network.base_latency + 2 * np.ceil(np.log2(group.domains)) * network.scale_out_latency
    shared = size_bytes / np.minimum(group.local, network.most_nics)
    inside = size_bytes * (group.local + 1) / group.local / (NVLS_EFFICIENCY * network.up)
    if network.in_switch_reduction:
        start = network.base_latency + 2 * network.scale_up_latency
        algorithms["nvls"] = np.where(several, never, start + inside)
        between = 2 * shared / (TREE_EFFICIENCY * network.out)
        algorithms["nvls-tree"] = np.where(several, climb + np.maximum(inside, between), never)
    if network.in_network_reduction:
        ring_inside = 2 * size_bytes * (group.local - 1) / group.local / network.up
        algorithms["collnet"] = np.where(several, climb + np.maximum(ring_inside, shared / network.out), never)
    return algorithms


def _fastest_all_reduce(size_bytes: Floats, group: Group, network: Network) -> Floats:
    algorithms = all_reduce_algorithms(size_bytes, group, network)
    return np.asarray(np.minimum.reduce(list(algorithms.values())))


def _pairwise(size_bytes: Floats, group: Group, network: Network) -> Floats:
    to_domain = (group.local - 1) / group.size
    to_others = (group.size - group.local) / group.size
    inside = size_bytes * to_domain / network.up
    across = size_bytes * to_others / network.out
    hop = np.where(group.domains > 1, network.scale_out_latency, network.scale_up_latency)
    return np.asarray(network.base_latency + hop + np.maximum(inside, across))


def routed_all_to_all(
    size_bytes: Floats, group: Group, network: Network, *, topk: float, most_domains: float = np.inf
) -> Floats:
    """Seconds of an expert all-to-all that sends a token to each domain once and from there to each rank once (DeepEP).

    A token's topk experts lie in D·(1 - (1 - 1/D)^topk) distinct domains of D on average, at most `most_domains`
    (node-limited routing, DeepSeek-V3, arXiv:2412.19437, §2.1.2), and in as many distinct ranks of the group by the
    same law. `size_bytes` counts every token topk times.
    """
    domains, ranks = group.domains.astype(float), group.size.astype(float)
    distinct = np.minimum(domains * (1 - (1 - 1 / domains) ** topk), most_domains)
    remote = distinct * (domains - 1) / domains
    across = size_bytes / topk * remote / network.out
    visited = ranks * (1 - (1 - 1 / ranks) ** topk) * (ranks - 1) / ranks
    inside = size_bytes / topk * visited / network.up
    hop = np.where(group.domains > 1, network.scale_out_latency, network.scale_up_latency)
    seconds = network.base_latency + hop + np.maximum(inside, across)
    return np.where((group.size > 1) & (size_bytes > 0), seconds, 0.0)


def _calibrated(operation: str, law: Collective, size_bytes: Floats, group: Group, network: Network) -> Floats:
    """The law, or inside one domain what was measured there.

    A group size that nobody measured takes the law times what the nearest measured size shows over it.
    """
    size_bytes, *shape = np.broadcast_arrays(np.asarray(size_bytes, dtype=float), *group)
    group = Group(*shape)
    works = (group.size > 1) & (size_bytes > 0)
    seconds = np.where(works, law(size_bytes, group, network), 0.0)
    measured = {curve.ranks: curve for curve in network.curves if curve.operation == operation}
    if not measured:
        return seconds
    ranks = np.array(sorted(measured))
    local = works & (group.domains == 1)
    nearest = ranks[np.abs(np.log(group.size[..., None] / ranks)).argmin(axis=-1)]
    for count, curve in measured.items():
        rows = local & (nearest == count)
        if rows.any():
            seen = _along(curve, size_bytes[rows])
            like = np.full(int(rows.sum()), count)
            at_count = law(size_bytes[rows], Group(like, like, np.ones_like(like)), network)
            seconds[rows] *= np.where(group.size[rows] == count, seen / seconds[rows], seen / at_count)
    return seconds


def _along(curve: MeasuredCurve, size_bytes: Floats) -> Floats:
    """Seconds on a measured curve; beyond its largest size at that size's rate, below its smallest at its time."""
    logs = np.interp(np.log(size_bytes), curve.log_sizes, curve.log_seconds)
    return np.asarray(np.exp(logs) * np.maximum(size_bytes / np.exp(curve.log_sizes[-1]), 1.0))


def point_to_point(size_bytes: Floats, crosses: Flags, network: Network) -> Floats:
    """Seconds to hand `size_bytes` to a neighbour; `crosses` says whether the link leaves the scale-up domain."""
    latency = np.where(crosses, network.scale_out_latency, network.scale_up_latency)
    bandwidth = np.where(crosses, network.out, network.up)
    return np.where(size_bytes > 0, latency + size_bytes / bandwidth, 0.0)


class Collective(Protocol):
    """A collective's law: seconds for whole-buffer bytes over groups on a network."""

    def __call__(self, size_bytes: Floats, group: Group, network: Network) -> Floats: ...


COLLECTIVES: dict[str, Collective] = {
    "all-reduce": all_reduce,
    "all-gather": all_gather,
    "reduce-scatter": reduce_scatter,
    "all-to-all": all_to_all,
}

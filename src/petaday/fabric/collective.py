"""Seconds of a collective in closed form, for any array of group shapes.

Ring laws with NCCL's published tuning constants (`src/graph/tuning.cc`, NVIDIA/nccl@5067397c): a ring over n ranks
in d domains takes

    base + (n - d)·hop_up + d·hop_out + bytes·(n - 1)/n / bus

where the bus is the slower of the scale-up ring and the NICs of the members that share a domain: `local` members
drive `local` NICs at once. An all-reduce is a reduce-scatter and an all-gather; with reduction in the switch (NVLS)
it reads and writes its bytes once. `bytes` is the whole buffer, as NCCL counts it, on every rank.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from petaday.fabric.network import Flags, Floats, Group, Network

NVLS_EFFICIENCY = 0.85
"""NCCL's `nvlsEfficiency` on Hopper: what in-switch reduction keeps of the ring's link rate."""

TREE_EFFICIENCY = 0.92
"""NCCL's share of ring bandwidth that a double binary tree keeps."""


def bus_bandwidth(group: Group, network: Network) -> Floats:
    """B/s that a ring over the group sustains: NVLink alone inside a domain, else also the members' NICs."""
    across = np.minimum(network.up, group.local * network.out)
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
    share = (group.size - 1) / group.size
    seconds = _ring_latency(group, network) + size_bytes * share / bus_bandwidth(group, network)
    return np.where((group.size > 1) & (size_bytes > 0), seconds, 0.0)


def reduce_scatter(size_bytes: Floats, group: Group, network: Network) -> Floats:
    """Seconds to reduce a buffer of `size_bytes` and leave each rank its share; the mirror of the all-gather."""
    return all_gather(size_bytes, group, network)


def all_reduce(size_bytes: Floats, group: Group, network: Network) -> Floats:
    """Seconds to sum `size_bytes` over the group: the fastest of ring, double tree and in-switch reduction."""
    share = 2 * (group.size - 1) / group.size
    bus = bus_bandwidth(group, network)
    ring = 2 * _ring_latency(group, network) + size_bytes * share / bus
    tree = _tree_latency(group, network) + 2 * size_bytes / (TREE_EFFICIENCY * bus)
    seconds = np.minimum(ring, np.where(group.domains > 1, tree, ring))
    if network.in_switch_reduction:
        # The switch reduces, so one domain moves S·(n+1)/n bytes a rank where the ring moves 2·S·(n-1)/n.
        inside = size_bytes * (group.size + 1) / group.size / (NVLS_EFFICIENCY * network.up)
        in_switch = network.base_latency + 2 * network.scale_up_latency + inside
        seconds = np.where(group.domains == 1, np.minimum(seconds, in_switch), seconds)
    return np.where((group.size > 1) & (size_bytes > 0), seconds, 0.0)


def all_to_all(size_bytes: Floats, group: Group, network: Network) -> Floats:
    """Seconds for each rank to send `size_bytes`, split evenly over the group; NICs and NVLink work side by side."""
    to_domain = (group.local - 1) / group.size
    to_others = (group.size - group.local) / group.size
    inside = size_bytes * to_domain / network.up
    across = size_bytes * to_others / network.out
    hop = np.where(group.domains > 1, network.scale_out_latency, network.scale_up_latency)
    seconds = network.base_latency + hop + np.maximum(inside, across)
    return np.where((group.size > 1) & (size_bytes > 0), seconds, 0.0)


def point_to_point(size_bytes: Floats, crosses: Flags, network: Network) -> Floats:
    """Seconds to hand `size_bytes` to a neighbour; `crosses` says whether the link leaves the scale-up domain."""
    latency = np.where(crosses, network.scale_out_latency, network.scale_up_latency)
    bandwidth = np.where(crosses, network.out, network.up)
    return np.where(size_bytes > 0, latency + size_bytes / bandwidth, 0.0)


class Collective(Protocol):
    """A collective's law: seconds for whole-buffer bytes over groups on a network."""

    def __call__(self, size_bytes: Floats, group: Group, network: Network) -> Floats: ...

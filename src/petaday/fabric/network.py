"""The two networks of a cluster, and how a group of ranks falls on them.

Ranks are numbered so that the innermost parallel dimension is contiguous. A group of `size` ranks that stand
`stride` apart therefore has `domain // stride` of its members in one scale-up domain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


NCCL_RING_BASE = 17e-6
"""Seconds to start a collective: NCCL's 8.4 us for a ring under the Simple protocol (`baseLatencies`,
src/graph/tuning.cc), and the kernel launch, which its model leaves out: small all-reduces of 8 H100 take 17 us."""

NCCL_NETWORK_SOFTWARE = 11.2e-6
"""Seconds of a network hop that are not the wire: NCCL's 14.0 us for a hop, of which InfiniBand takes 2.8 us."""


class MeasuredCurve(NamedTuple):
    """Measured seconds of an operation among `ranks` chips of one domain, as logs over ascending sizes in bytes."""

    operation: str
    ranks: int
    log_sizes: Floats
    log_seconds: Floats


@dataclass(frozen=True)
class Network:
    """What a collective needs to know of a cluster's wiring.

    Attributes
    ----------
    domain: chips in one scale-up domain
    scale_up_bandwidth: datasheet B/s per chip and direction inside the domain
    scale_up_efficiency: share of it that a ring keeps (NCCL's per-link constants over the link rate)
    scale_up_latency: seconds a hop inside the domain
    scale_out_bandwidth: line rate in B/s per chip and direction between domains
    scale_out_efficiency: share of it that a collective keeps
    scale_out_latency: seconds a hop between domains
    base_latency: seconds to start a collective
    in_switch_reduction: the scale-up switch adds on the fly (NVLS), so an all-reduce moves its bytes once
    in_network_reduction: the scale-out switches do so between domains (SHARP)
    most_nics: NICs of one domain that a collective drives at once, at most
    path_share: share of its rate that the worst flow of a synchronous collective keeps (ECMP collisions)
    curves: measured times inside a domain, which stand for the law where they exist
    """

    domain: int
    scale_up_bandwidth: float
    scale_up_efficiency: float
    scale_up_latency: float
    scale_out_bandwidth: float
    scale_out_efficiency: float
    scale_out_latency: float
    base_latency: float
    in_switch_reduction: bool
    in_network_reduction: bool = False
    most_nics: float = math.inf
    path_share: float = 1.0
    curves: tuple[MeasuredCurve, ...] = ()

    @property
    def up(self) -> float:
        """Achievable scale-up B/s per chip and direction."""
        return self.scale_up_bandwidth * self.scale_up_efficiency

    @property
    def out(self) -> float:
        """Achievable scale-out B/s per chip and direction."""
        return self.scale_out_bandwidth * self.scale_out_efficiency * self.path_share


class Group(NamedTuple):
    """Groups of ranks: `size` members each, `local` of them in one scale-up domain, over `domains` domains."""

    size: Ints
    local: Ints
    domains: Ints


def group(size: Ints, stride: Ints, network: Network) -> Group:
    """Where groups of `size` ranks, `stride` apart, fall on the network."""
    local = np.clip(network.domain // stride, 1, size)
    return Group(size, local, -(-size // local))

"""Folded Clos networks (fat trees) of one to three tiers: the closed forms and the wiring.

With leaves of `d` ports down and `u` up, spines of `e` down and `v` up, and N endpoints on each of the planes:

    leaves  L = ⌈N/d⌉                        rail-optimised: rails·⌈N/(rails·d)⌉
    spines  S = smallest ≥ ⌈L·u/e⌉ that divides u, in each pod: equal bundles from every leaf to every spine
    cores   C = ⌈S·v/radix⌉
    links   N + L·u + S·v

which for full bisection (d = u = radix/2) are N endpoints, N leaf-spine and N spine-core links. The equal bundles are
what vendors build: of Lambda's 4,608 GPUs on 144 ports, the published count has 36 spines, where the plain ⌈N/radix⌉
is 32. Only a last, partly filled pod has unequal ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petaday.errors import InputError
from petaday.fabric.topology.clos_limits import capacity, check, joins, split
from petaday.fabric.topology.shape import End, LinkClass, Tier, Topology, completed, parameters

Ints = NDArray[np.int64]

REACHES = (30.0, 50.0, 150.0)
"""Metres of the longest endpoint-leaf, leaf-spine and spine-core cable: leaves in the middle of a row of racks,
spines in the same room, cores in the next. An estimate. To a leaf in its endpoints' own rack 3 m do, in copper."""

RATE = 50e9
"""B/s of a port: 400 Gb/s."""


@dataclass(frozen=True)
class Clos:
    """The integers of a Clos network. All counts are those of one plane.

    Attributes
    ----------
    endpoints: ports of hosts on each plane
    radix: ports of a switch
    tiers: 1 (a lone switch), 2 (leaf, spine) or 3 (leaf, spine, core)
    planes: independent copies; every endpoint has a port on each
    oversubscription: bandwidth down over up, of the leaves and then of the spines; 1 where left out
    rails: leaf i of a group serves chip i of each node, of `rails` chips; 1: a leaf serves consecutive endpoints
    leaf_ports: ports (down, up) of a leaf that splits or fills its ports otherwise, as where their rates differ
    pod_leaves: leaves in a pod of a 3-tier network; 0: as many as a spine has ports down
    """

    endpoints: int
    radix: int
    tiers: int = 2
    planes: int = 1
    oversubscription: tuple[float, ...] = ()
    rails: int = 1
    leaf_ports: tuple[int, int] | None = None
    pod_leaves: int = 0

    def __post_init__(self) -> None:
        check(self)

    @property
    def leaf_down(self) -> int:
        """Ports of a leaf to endpoints."""
        return self._leaf[0]

    @property
    def leaf_up(self) -> int:
        """Ports of a leaf to spines, all cabled."""
        return self._leaf[1]

    @property
    def spine_down(self) -> int:
        """Ports of a spine to leaves, of which a small pod leaves some free."""
        return self._spine[0]

    @property
    def spine_up(self) -> int:
        """Ports of a spine to cores, all cabled: as many as the ratio asks for its ports to leaves in use."""
        if self.tiers < 3:
            return 0
        used = self.leaves_per_pod * self.leaf_up / self.spines_per_pod
        return min(self._spine[1], math.ceil(used / self.ratio(1) - 1e-9))

    @property
    def leaves(self) -> int:
        """Leaf switches."""
        return self.rails * math.ceil(self.endpoints / (self.rails * self.leaf_down))

    @property
    def leaves_per_pod(self) -> int:
        """Leaves of a full pod; of 2 tiers, all."""
        return min(self.leaves, self.pod_leaves or self.spine_down) if self.tiers == 3 else self.leaves

    @property
    def pods(self) -> int:
        """Pods; the last may be partly filled."""
        return math.ceil(self.leaves / self.leaves_per_pod)

    @property
    def spines_per_pod(self) -> int:
        """Spines of a full pod, by the equal-bundle rule."""
        if self.tiers == 1:
            return 0
        fewest = math.ceil(self.leaves_per_pod * self.leaf_up / self.spine_down)
        return next(count for count in range(fewest, self.leaf_up + 1) if self.leaf_up % count == 0)

    @property
    def spines_in_last_pod(self) -> int:
        """Spines of the last pod; where it is partly filled, as many as its leaves fill."""
        left = self.leaves - (self.pods - 1) * self.leaves_per_pod
        if left == self.leaves_per_pod:
            return self.spines_per_pod
        return min(self.spines_per_pod, math.ceil(left * self.leaf_up / self.spine_down))

    @property
    def spines(self) -> int:
        """Spine switches."""
        return (self.pods - 1) * self.spines_per_pod + self.spines_in_last_pod

    @property
    def cores(self) -> int:
        """Core switches."""
        return math.ceil(self.spines * self.spine_up / self.radix)

    @property
    def leaf_up_bundle(self) -> int:
        """Links between a leaf and each spine of its full pod."""
        return self.leaf_up // self.spines_per_pod if self.spines_per_pod else 0

    @property
    def cores_per_spine(self) -> int:
        """Cores that serve the spines of one place in all pods and no others; 0 where they do not divide that way."""
        if self.tiers < 3 or self.spines % self.spines_per_pod or self.cores % self.spines_per_pod:
            return 0
        group = self.cores // self.spines_per_pod
        return group if self.spine_up % group == 0 else 0

    @property
    def max_endpoints(self) -> int:
        """Endpoints a plane that these switches join at most."""
        leaves_per_pod = self.pod_leaves or self.spine_down
        return capacity(self.radix, self.tiers, self.rails, self.leaf_down, leaves_per_pod)

    def ratio(self, tier: int) -> float:
        """Oversubscription asked of the leaves (0) or spines (1)."""
        return self.oversubscription[tier] if tier < len(self.oversubscription) else 1.0

    def leaf_of(self, endpoint: Ints) -> Ints:
        """Leaves that endpoints plug into."""
        node, rail = endpoint // self.rails, endpoint % self.rails
        return node // self.leaf_down * self.rails + rail

    def spine_of(self, leaf: Ints, port: Ints) -> Ints:
        """Spines that ports 0 to `leaf_up` - 1 of leaves lead to: a pod's ports are dealt to its spines in turn."""
        pod = leaf // self.leaves_per_pod
        spines = np.where(pod == self.pods - 1, self.spines_in_last_pod, self.spines_per_pod)
        return pod * self.spines_per_pod + ((leaf - pod * self.leaves_per_pod) * self.leaf_up + port) % spines

    def core_of(self, spine: Ints, port: Ints) -> Ints:
        """Cores that ports 0 to `spine_up` - 1 of spines lead to.

        Spine j of every pod leads to the j-th group of cores (Al-Fares et al., SIGCOMM 2008, section 3); where the
        cores do not divide that way, all uplinks are dealt to all cores in turn.
        """
        if group := self.cores_per_spine:
            return spine % self.spines_per_pod * group + port % group
        return (spine * self.spine_up + port) % self.cores

    @property
    def _leaf(self) -> tuple[int, int]:
        if self.leaf_ports:
            return self.leaf_ports
        return (self.radix, 0) if self.tiers == 1 else split(self.radix, self.ratio(0))

    @property
    def _spine(self) -> tuple[int, int]:
        return split(self.radix, self.ratio(1)) if self.tiers == 3 else (self.radix, 0)


def fewest_tiers(endpoints: int, radix: int, rails: int = 1, oversubscription: tuple[float, ...] = ()) -> int:
    """Tiers of the flattest network that joins so many endpoints; 3 where none does."""
    flattest = max(len(oversubscription) + 1, 1 if rails == 1 else 2)
    return next((tiers for tiers in range(flattest, 3) if joins(endpoints, radix, tiers, rails, oversubscription)), 3)


def rail_only(nodes: int, rails: int, radix: int) -> Clos:
    """A network for each rail and none between them: endpoints are nodes, planes are rails.

    Rails of up to `radix` nodes take one switch each; larger ones a Clos of their own.
    """
    return Clos(nodes, radix, fewest_tiers(nodes, radix), planes=rails)


def clos(
    shape: Clos,
    rate: float = RATE,
    fabric_rate: float | None = None,
    reaches: tuple[float, ...] = (),
    *,
    end: End = "nic",
    kind: str = "",
) -> Topology:
    """Switches and links of all planes of a Clos network.

    Parameters
    ----------
    rate: B/s of an endpoint's port, each way
    fabric_rate: B/s of the ports between switches; None: the same
    reaches: metres of the longest cable of each layer, endpoints first; `REACHES` where left out
    end: what an endpoint's cable plugs into
    kind: its name; "" for one by its shape

    Raises
    ------
    InputError : the ports of a leaf carry more than the switch has, or there are fewer layers than reaches
    """
    fabric_rate = rate if fabric_rate is None else fabric_rate
    if shape.leaf_down * rate + shape.leaf_up * fabric_rate > shape.radix * max(rate, fabric_rate) * (1 + 1e-9):
        most = math.floor(shape.radix * max(rate, fabric_rate) / rate)
        raise InputError(
            f"leaf ports {shape.leaf_down} down and {shape.leaf_up} up carry more than a switch of {shape.radix}",
            field="leaf_ports",
            expected=f"at most {most} ports of the endpoints' rate",
        )
    up, top = shape.leaves * shape.leaf_up, shape.spines * shape.spine_up
    layers: tuple[tuple[str, int, float, tuple[End, End]], ...] = (
        ("endpoint-leaf", shape.endpoints, rate, (end, "switch")),
        ("leaf-spine", up, fabric_rate, ("switch", "switch")),
        ("spine-core", top, fabric_rate, ("switch", "switch")),
    )
    tiers = (
        ("leaf", shape.leaves, shape.endpoints + up),
        ("spine", shape.spines, up + top),
        ("core", shape.cores, top),
    )[: shape.tiers]
    # The cut halves the leaves or the pods, whichever layer is thinner; a lone leaf or pod has nothing above to cut.
    crossed = [shape.endpoints * rate]
    crossed += [up * fabric_rate] if shape.leaves > 1 else []
    crossed += [top * fabric_rate] if shape.pods > 1 else []
    longest = completed(reaches, REACHES[: shape.tiers])
    planes = shape.planes
    return Topology(
        kind=kind or _kind(shape),
        endpoints=shape.endpoints,
        planes=planes,
        tiers=tuple(Tier(name, switches * planes, shape.radix, used * planes) for name, switches, used in tiers),
        links=tuple(
            LinkClass(name, count * planes, speed, reach, ends)
            for (name, count, speed, ends), reach in zip(layers, longest, strict=False)
        ),
        bisection=min(crossed) * planes / 2,
        hops=1 if shape.leaves == 1 else 3 if shape.pods == 1 else 5,
        parameters=parameters(shape, leaf_down=shape.leaf_down, leaf_up=shape.leaf_up, spine_up=shape.spine_up),
        shape=shape,
    )


def _kind(shape: Clos) -> str:
    tree = f"{shape.tiers}-tier Clos" if shape.tiers > 1 else "lone switch"
    rails = "rail-optimised " if shape.rails > 1 else ""
    return f"{shape.planes}-plane {rails}{tree}" if shape.planes > 1 else f"{rails}{tree}"

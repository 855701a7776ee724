"""The directed links of a fat tree, numbered so that a route is arithmetic and not a search.

Hosts hang on leaves; leaf uplink u goes to spine u mod S of the pod; uplink v of a pod's spine j goes to core v mod C
of the cores that serve all spines j (al-Fares et al., SIGCOMM 2008, §3). In one plane the cables stand in three blocks
(host, leaf, spine), a cable's two directions next to each other: 2·cable up, 2·cable + 1 down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.errors import InputError
from petaday.fabric.network import Floats, Ints


@dataclass(frozen=True)
class Wiring:
    """A fat tree of 2 or 3 tiers in numbers; every plane is the same.

    hosts: NIC ports of a plane. leaf_down, leaf_up: hosts and uplinks of a leaf
    pod_leaves, pod_spines: leaves and spines of a pod; a 2-tier fabric is one pod
    spine_up, spine_cores: uplinks of a spine, and cores that they reach; 0 in a 2-tier fabric
    planes: independent copies. rails: NICs of a node that go to as many different leaves; 1 in a plain fat tree
    host_rate, leaf_rate, spine_rate: B/s of a cable of each block
    """

    hosts: int
    leaf_down: int
    leaf_up: int
    pod_leaves: int
    pod_spines: int
    spine_up: int = 0
    spine_cores: int = 0
    planes: int = 1
    rails: int = 1
    host_rate: float = 1.0
    leaf_rate: float = 1.0
    spine_rate: float = 1.0

    @property
    def leaves(self) -> int:
        """Leaves of a plane."""
        return self.rails * -(-self.hosts // (self.leaf_down * self.rails))

    @property
    def pods(self) -> int:
        """Pods of a plane."""
        return -(-self.leaves // self.pod_leaves)

    @property
    def blocks(self) -> tuple[int, int, int]:
        """Cables of a plane: host to leaf, leaf to spine, spine to core."""
        return self.hosts, self.leaves * self.leaf_up, self.pods * self.pod_spines * self.spine_up

    @property
    def cables(self) -> int:
        """Cables of all planes."""
        return self.planes * sum(self.blocks)

    @property
    def links(self) -> int:
        """Directed links of all planes."""
        return 2 * self.cables

    def capacity(self) -> Floats:
        """B/s of every directed link."""
        rates = (self.host_rate, self.leaf_rate, self.spine_rate)
        return np.tile(np.repeat(rates, 2 * np.array(self.blocks)), self.planes)

    def leaf(self, host: Ints) -> Ints:
        """The leaf of a host; with rails, NIC i of the nodes of a group shares leaf i of that group."""
        node, rail = np.divmod(host, self.rails)
        return np.asarray(node // self.leaf_down * self.rails + rail)

    def pod(self, host: Ints) -> Ints:
        """The pod of a host."""
        return np.asarray(self.leaf(host) // self.pod_leaves)

    def host_cable(self, plane: Ints, host: Ints) -> Ints:
        """The cable of a host's NIC port."""
        return np.asarray(plane * sum(self.blocks) + host)

    def leaf_cable(self, plane: Ints, leaf: Ints, uplink: Ints) -> Ints:
        """The cable of a leaf's uplink."""
        return np.asarray(plane * sum(self.blocks) + self.hosts + leaf * self.leaf_up + uplink)

    def spine_cable(self, plane: Ints, pod: Ints, spine: Ints, uplink: Ints) -> Ints:
        """The cable of an uplink of a pod's spine."""
        place = (pod * self.pod_spines + spine) * self.spine_up + uplink
        return np.asarray(plane * sum(self.blocks) + sum(self.blocks[:2]) + place)

    def switch_cables(self, plane: int) -> Ints:
        """The cables between switches of one plane."""
        return np.arange(plane * sum(self.blocks) + self.hosts, (plane + 1) * sum(self.blocks))


def failed(wiring: Wiring, count: int, seed: int) -> Ints:
    """`count` different cables between switches, drawn at random."""
    between = np.concatenate([wiring.switch_cables(plane) for plane in range(wiring.planes)])
    if not 0 <= count <= between.size:
        raise InputError(
            f"{count} links cannot fail", field="fail-links", expected=f"0 to {between.size}, the links between switches"
        )
    return np.sort(np.random.default_rng(seed).choice(between, count, replace=False))


def without(capacity: Floats, cables: Ints) -> Floats:
    """The capacity with some cables dead both ways."""
    rest = capacity.copy()
    rest[2 * cables] = rest[2 * cables + 1] = 0.0
    return rest


def degraded(wiring: Wiring, capacity: Floats, plane: int, share: float) -> Floats:
    """The capacity with every cable of one plane at a share of its rate."""
    if not 0 <= plane < wiring.planes:
        raise InputError(f"no plane {plane}", field="plane", expected=f"0 to {wiring.planes - 1}")
    rest = capacity.copy()
    rest.reshape(wiring.planes, -1)[plane] *= share
    return rest

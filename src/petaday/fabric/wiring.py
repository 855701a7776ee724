"""The directed links of a Clos network, numbered so that a route is arithmetic and not a search.

Cables of one plane stand in three blocks, then comes the next plane: endpoint to leaf, one for each endpoint; leaf to
spine, `leaf_up` for each leaf; spine to core, `spine_up` for each spine. Cable i is link i of the topology's graph,
and here link 2i up and link 2i + 1 down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from petaday.errors import InputError
from petaday.fabric.network import Floats, Ints
from petaday.fabric.topology.clos import Clos


class Bundles:
    """Cables that run in parallel from a lower switch (or pod) to an upper one, found by the two."""

    def __init__(self, lower: Ints, upper: Ints, lowers: int, uppers: int) -> None:
        pair = lower * uppers + upper
        self._uppers = uppers
        self._cables = np.argsort(pair, kind="stable")
        self._count = np.bincount(pair, minlength=lowers * uppers)
        self._first = np.cumsum(self._count) - self._count
        self.most = int(self._count.max())

    def pick(self, lower: Ints, upper: Ints, which: Ints) -> tuple[Ints, Ints]:
        """One of the cables between the two, counted round the bundle, and how many there are."""
        pair = lower * self._uppers + upper
        count = self._count[pair]
        place = self._first[pair] + which % np.maximum(count, 1)
        return self._cables[np.minimum(place, self._cables.size - 1)], count


@dataclass(frozen=True)
class Wiring:
    """A Clos network and the rates of its ports in B/s: endpoints' ports, and those between switches.

    The default rates count in units of an endpoint's port.
    """

    clos: Clos
    rate: float = 1.0
    fabric_rate: float | None = None

    @property
    def blocks(self) -> tuple[int, int, int]:
        """Cables of a plane: endpoint to leaf, leaf to spine, spine to core."""
        clos = self.clos
        return clos.endpoints, clos.leaves * clos.leaf_up, clos.spines * clos.spine_up

    @property
    def cables(self) -> int:
        """Cables of all planes."""
        return self.clos.planes * sum(self.blocks)

    @property
    def links(self) -> int:
        """Directed links of all planes."""
        return 2 * self.cables

    @property
    def line_rate(self) -> float:
        """B/s of an endpoint over all planes."""
        return self.rate * self.clos.planes

    def capacity(self) -> Floats:
        """B/s of every directed link."""
        between = self.rate if self.fabric_rate is None else self.fabric_rate
        return np.tile(np.repeat([self.rate, between, between], 2 * np.array(self.blocks)), self.clos.planes)

    @cached_property
    def spine_above(self) -> Ints:
        """Spine of each leaf-spine cable."""
        leaf, port = np.divmod(np.arange(self.blocks[1]), self.clos.leaf_up)
        return self.clos.spine_of(leaf, port)

    @cached_property
    def core_above(self) -> Ints:
        """Core of each spine-core cable."""
        spine, port = np.divmod(np.arange(self.blocks[2]), self.clos.spine_up)
        return self.clos.core_of(spine, port)

    @cached_property
    def to_spine(self) -> Bundles:
        """Leaf-spine cables by leaf and the spine's place in its pod."""
        leaf = np.arange(self.blocks[1]) // self.clos.leaf_up
        per_pod = self.clos.spines_per_pod
        place = self.spine_above - leaf // self.clos.leaves_per_pod * per_pod
        return Bundles(leaf, place, self.clos.leaves, per_pod)

    @cached_property
    def to_core(self) -> Bundles:
        """Spine-core cables by pod and core."""
        pod = np.arange(self.blocks[2]) // (self.clos.spine_up * self.clos.spines_per_pod)
        return Bundles(pod, self.core_above, self.clos.pods, self.clos.cores)

    def cable(self, plane: Ints, block: int, place: Ints) -> Ints:
        """The cable at a place of a block: the endpoint; leaf · leaf_up + port; spine · spine_up + port."""
        return np.asarray(plane * sum(self.blocks) + sum(self.blocks[:block]) + place)

    def between_switches(self) -> Ints:
        """The cables between switches, of all planes."""
        per_plane = np.arange(self.blocks[0], sum(self.blocks))
        return np.asarray(np.add.outer(np.arange(self.clos.planes) * sum(self.blocks), per_plane).ravel())


def failed(wiring: Wiring, count: int, seed: int) -> Ints:
    """`count` different cables between switches, drawn at random."""
    between = wiring.between_switches()
    if not 0 <= count <= between.size:
        raise InputError(
            f"{count:,} links cannot fail",
            field="fail-links",
            expected=f"0 to {between.size:,}, the links between switches",
        )
    return np.sort(np.random.default_rng(seed).choice(between, count, replace=False))


def without(capacity: Floats, cables: Ints) -> Floats:
    """The capacity with some cables dead both ways."""
    if ((cables < 0) | (2 * cables >= capacity.size)).any():
        raise InputError("no such link", field="links", expected=f"0 to {capacity.size // 2 - 1:,}")
    rest = capacity.copy()
    rest[2 * cables] = rest[2 * cables + 1] = 0.0
    return rest


def degraded(wiring: Wiring, capacity: Floats, plane: int, share: float) -> Floats:
    """The capacity with every cable of one plane at a share of its rate; 0 for a plane that is down."""
    if not 0 <= plane < wiring.clos.planes:
        raise InputError(f"no plane {plane}", field="plane", expected=f"0 to {wiring.clos.planes - 1}")
    if not 0 <= share <= 1:
        raise InputError(f"a plane at {share:g} of its rate", field="share", expected="0 to 1")
    rest = capacity.copy()
    rest.reshape(wiring.clos.planes, -1)[plane] *= share
    return rest

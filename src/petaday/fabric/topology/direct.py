"""Networks without tiers: Slim Fly, dragonfly, and the 3-D torus behind circuit switches, counted exactly.

    Slim Fly q = 4w + δ    2q² routers of k' = (3q - δ)/2 router ports and p = ⌈k'/2⌉ endpoints
    dragonfly (p, a, h, g) g groups of a routers, each of p endpoints, a - 1 local and h global ports
    torus x·y·z            cubes of 4³ chips; the 96 chip ports on a cube's faces go to 48 optical circuit switches

Sources: Besta and Hoefler, SC 2014; Kim et al., ISCA 2008; Jouppi et al. (TPU v4), ISCA 2023.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from petaday.errors import InputError
from petaday.fabric.topology.clos import RATE
from petaday.fabric.topology.shape import LinkClass, Tier, Topology, at_least, completed, parameters

CUBE = 4
"""Chips along an edge of a cube, the building block that optical circuit switches join."""

OCS = 48
"""Optical circuit switches: one for each of the 16 lines through a cube in each of 3 dimensions."""

SLIM_FLY_REACHES = (30.0, 150.0)
"""Metres to endpoints and between routers, through the whole hall. An estimate."""

DRAGONFLY_REACHES = (30.0, 30.0, 150.0)
"""Metres to endpoints, within a group that stands in one row, and between groups. An estimate."""

TORUS_REACHES = (2.0, 50.0)
"""Metres within a cube, which is one rack, and from there to the optical circuit switches. An estimate."""


@dataclass(frozen=True)
class SlimFly:
    """A Slim Fly of order `q`, with the concentration that gives full throughput under uniform traffic.

    Counts exist for every q = 4w + δ with δ in -1, 0, 1; a graph is known only where q is a power of a prime.
    """

    q: int

    def __post_init__(self) -> None:
        if self.q < 3 or self.q % 4 == 2:
            expected = "3 or more" if self.q < 3 else f"{self.q - 1} or {self.q + 1}"
            raise InputError(f"no Slim Fly has q = {self.q}", field="q", expected=expected)

    @classmethod
    def of(cls, endpoints: int) -> SlimFly:
        """The Slim Fly of so many endpoints.

        Raises
        ------
        InputError : there is none; names the next smaller and larger
        """
        shapes = (cls(q) for q in count(3) if q % 4 != 2)
        return _exactly(endpoints, shapes, "Slim Fly")

    @property
    def delta(self) -> int:
        """δ: -1, 0 or 1."""
        return (self.q + 1) % 4 - 1

    @property
    def degree(self) -> int:
        """Router ports of a router, k'."""
        return (3 * self.q - self.delta) // 2

    @property
    def concentration(self) -> int:
        """Endpoints of a router, p."""
        return math.ceil(self.degree / 2)

    @property
    def routers(self) -> int:
        """Routers."""
        return 2 * self.q**2

    @property
    def endpoints(self) -> int:
        """Endpoints."""
        return self.concentration * self.routers


@dataclass(frozen=True)
class Dragonfly:
    """A dragonfly: `p` endpoints a router, `a` routers a group, `h` global ports a router, `g` groups."""

    p: int
    a: int
    h: int
    g: int

    def __post_init__(self) -> None:
        for name in ("p", "a", "h"):
            at_least(1, name, getattr(self, name))
        at_least(2, "g", self.g)
        if self.g > self.a * self.h + 1:
            raise InputError(
                f"{self.a}·{self.h} global ports of a group cannot reach {self.g - 1} others",
                field="g",
                expected=f"at most {self.a * self.h + 1} groups",
            )
        if self.g * self.a * self.h % 2:
            raise InputError(
                f"{self.g}·{self.a}·{self.h} global ports do not pair", field="g", expected=f"{self.g - 1} groups"
            )

    @classmethod
    def of(cls, endpoints: int) -> Dragonfly:
        """The balanced dragonfly (a = 2p = 2h) with all groups, of so many endpoints.

        Raises
        ------
        InputError : there is none; names the next smaller and larger
        """
        shapes = (cls(p, 2 * p, p, 2 * p * p + 1) for p in count(1))
        return _exactly(endpoints, shapes, "balanced dragonfly")

    @property
    def routers(self) -> int:
        """Routers of all groups."""
        return self.a * self.g

    @property
    def endpoints(self) -> int:
        """Endpoints of all groups."""
        return self.p * self.routers


@dataclass(frozen=True)
class Torus:
    """A 3-D torus of `x`·`y`·`z` chips, each a multiple of the cube's edge."""

    x: int
    y: int
    z: int

    def __post_init__(self) -> None:
        for name in ("x", "y", "z"):
            side = getattr(self, name)
            if side < CUBE or side % CUBE:
                below = max(side // CUBE * CUBE, CUBE)
                expected = f"{below} or {below + CUBE}" if side > CUBE else f"{CUBE}"
                raise InputError(f"{side} chips along {name} are no whole cubes", field=name, expected=expected)

    @classmethod
    def of(cls, chips: int) -> Torus:
        """The torus of so many chips that is nearest to a cube, its longest side last.

        Raises
        ------
        InputError : the chips are no whole cubes; names the next smaller and larger
        """
        cubes, left = divmod(chips, CUBE**3)
        if left or cubes < 1:
            sizes = [cubes * CUBE**3, (cubes + 1) * CUBE**3][not cubes :]
            raise InputError(
                f"{chips:,} chips do not factor into cubes of {CUBE**3}",
                field="chips",
                expected=" or ".join(f"{size:,}" for size in sizes),
            )
        sides = min(
            ((x, y, cubes // x // y) for x in _divisors(cubes) for y in _divisors(cubes // x)),
            key=lambda sides: (sum(sides), sides),
        )
        return cls(*(CUBE * side for side in sides))

    @property
    def chips(self) -> int:
        """Chips."""
        return self.x * self.y * self.z

    @property
    def cubes(self) -> int:
        """Cubes of 64 chips."""
        return self.chips // CUBE**3


S = TypeVar("S", SlimFly, Dragonfly)


def slim_fly(shape: SlimFly, rate: float = RATE, reaches: tuple[float, ...] = ()) -> Topology:
    """Routers and links of a Slim Fly. `rate`: B/s of a port; `reaches`: as `SLIM_FLY_REACHES`.

    Its bisection is q³/2 links: the Laplacian's gap q allows no cut of fewer, and halving the rows of both halves of
    the graph cuts just as many where q is even. Where q is odd it is the lower bound.
    """
    to_endpoint, between = completed(reaches, SLIM_FLY_REACHES)
    cables = shape.routers * shape.degree // 2
    return Topology(
        kind="Slim Fly",
        endpoints=shape.endpoints,
        planes=1,
        tiers=(_routers(shape.routers, shape.concentration + shape.degree),),
        links=(
            LinkClass("endpoint-router", shape.endpoints, rate, to_endpoint, ("nic", "switch")),
            LinkClass("router-router", cables, rate, between, ("switch", "switch")),
        ),
        bisection=min(shape.q**3, shape.endpoints) / 2 * rate,
        hops=3,
        parameters=parameters(shape, concentration=shape.concentration, degree=shape.degree),
        shape=shape,
    )


def dragonfly(shape: Dragonfly, rate: float = RATE, reaches: tuple[float, ...] = ()) -> Topology:
    """Routers and links of a dragonfly. `rate`: B/s of a port; `reaches`: as `DRAGONFLY_REACHES`.

    Its bisection is that between two halves of the groups: the worst cut where, as in all balanced ones, a ≥ h. With
    an odd number of groups it is a link or so below the worst even cut.
    """
    to_endpoint, within, between = completed(reaches, DRAGONFLY_REACHES)
    p, a, h, g = shape.p, shape.a, shape.h, shape.g
    crossing = (g // 2) * (g - g // 2) * a * h / (g - 1)
    return Topology(
        kind="dragonfly",
        endpoints=shape.endpoints,
        planes=1,
        tiers=(_routers(shape.routers, p + a - 1 + h),),
        links=(
            LinkClass("endpoint-router", shape.endpoints, rate, to_endpoint, ("nic", "switch")),
            LinkClass("local", g * a * (a - 1) // 2, rate, within, ("switch", "switch")),
            LinkClass("global", g * a * h // 2, rate, between, ("switch", "switch")),
        ),
        bisection=min(crossing, shape.endpoints / 2) * rate,
        hops=2 if a == 1 else 4,
        parameters=parameters(shape),
        shape=shape,
    )


def torus(shape: Torus, rate: float = RATE, reaches: tuple[float, ...] = ()) -> Topology:
    """Chips' links within cubes, and from the cubes' faces to the optical circuit switches.

    `rate`: B/s of a link, each way (50 GB/s in TPU v4); `reaches`: as `TORUS_REACHES`.
    """
    within, to_circuits = completed(reaches, TORUS_REACHES)
    faces = 2 * OCS * shape.cubes
    return Topology(
        kind="3-D torus",
        endpoints=shape.chips,
        planes=1,
        tiers=(Tier("ocs", OCS, 2 * shape.cubes, faces),),
        links=(
            LinkClass("cube", 3 * CUBE**2 * (CUBE - 1) * shape.cubes, rate, within, ("chip", "chip")),
            LinkClass("chip-ocs", faces, rate, to_circuits, ("chip", "ocs")),
        ),
        bisection=2 * shape.chips / max(shape.x, shape.y, shape.z) * rate,
        hops=(shape.x + shape.y + shape.z) // 2 - 1,
        parameters=parameters(shape, cubes=shape.cubes),
        shape=shape,
    )


def _routers(routers: int, ports: int) -> Tier:
    return Tier("router", routers, ports, routers * ports)


def _divisors(number: int) -> list[int]:
    return [each for each in range(1, number + 1) if number % each == 0]


def _exactly(endpoints: int, shapes: Iterator[S], name: str) -> S:
    below = 0
    for shape in shapes:
        if shape.endpoints == endpoints:
            return shape
        if shape.endpoints > endpoints:
            break
        below = shape.endpoints
    sizes = [size for size in (below, shape.endpoints) if size]
    raise InputError(
        f"no {name} has {endpoints:,} endpoints",
        field="endpoints",
        expected=" or ".join(f"{size:,}" for size in sizes),
    )

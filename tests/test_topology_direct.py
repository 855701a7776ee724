"""Slim Fly, dragonfly and torus: published sizes, invariants, and errors that name the nearest size."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from petaday.errors import InputError
from petaday.fabric.topology.build import build
from petaday.fabric.topology.direct import Dragonfly, SlimFly, Torus, dragonfly, slim_fly, torus

ORDERS = [q for q in range(4, 64) if q % 4 != 2]


@st.composite
def dragonflies(draw: st.DrawFn) -> Dragonfly:
    """Any dragonfly of small groups."""
    p, a, h = (draw(st.integers(1, 6)) for _ in range(3))
    g = draw(st.integers(2, a * h + 1))
    assume(g * a * h % 2 == 0)
    return Dragonfly(p, a, h, g)


@pytest.mark.parametrize(
    ("q", "degree", "routers"),
    [(5, 7, 50), (4, 6, 32), (7, 11, 98), (19, 29, 722)],
    ids=["δ=1", "δ=0", "δ=-1", "q=19"],
)
def test_slim_fly_of_the_paper(q: int, degree: int, routers: int) -> None:
    """Besta and Hoefler, SC 2014: q = 5 is the Hoffman-Singleton graph; q = 19 has 10,830 endpoints."""
    assert (SlimFly(q).degree, SlimFly(q).routers) == (degree, routers)
    assert SlimFly(19).endpoints == 10_830


@pytest.mark.parametrize("q", ORDERS)
def test_slim_fly_stays_within_the_moore_bound(q: int) -> None:
    """A graph of diameter 2 has at most k'² + 1 routers; a Slim Fly reaches about 8/9 of that."""
    shape = SlimFly(q)
    bound = shape.degree**2 + 1
    assert 0.75 * bound < shape.routers <= bound
    assert SlimFly.of(shape.endpoints) == shape


def test_dragonfly_of_the_paper() -> None:
    """Kim et al., ISCA 2008, figure 5: p = h = 2, a = 4, 9 groups, 72 endpoints on 36 routers of 7 ports."""
    shape = Dragonfly.of(72)
    assert shape == Dragonfly(2, 4, 2, 9)
    (tier,) = dragonfly(shape).tiers
    assert (tier.switches, tier.radix) == (36, 7)


@given(dragonflies())
def test_dragonfly_uses_every_port(shape: Dragonfly) -> None:
    topology = dragonfly(shape)
    (tier,) = topology.tiers
    assert topology.ends_at("switch") == tier.ports_used == tier.switches * tier.radix


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
def test_torus_has_three_links_a_chip_and_48_circuit_switches(x: int, y: int, z: int) -> None:
    shape = Torus(4 * x, 4 * y, 4 * z)
    topology = torus(shape)
    copper, optical = topology.links
    assert copper.count + optical.count // 2 == 3 * shape.chips
    assert topology.switches == 48
    assert topology.tiers[0].ports_used == optical.count == 96 * x * y * z


@given(st.integers(1, 400))
def test_torus_of_a_number_of_chips_is_the_nearest_to_a_cube(cubes: int) -> None:
    shape = Torus.of(64 * cubes)
    sides = [side // 4 for side in (shape.x, shape.y, shape.z)]
    assert math.prod(sides) == cubes
    assert sides == sorted(sides)
    assert not any(
        cubes % (a * b) == 0 and a + b + cubes // (a * b) < sum(sides) for a in range(1, 21) for b in range(a, 21)
    )


def test_tori_that_google_builds() -> None:
    """TPU v4: 16·16·16 chips; Ironwood: 9,216 chips as 16·24·24."""
    assert Torus.of(4_096) == Torus(16, 16, 16)
    assert Torus.of(9_216) == Torus(16, 24, 24)
    assert torus(Torus(16, 16, 16), rate=1.0).bisection == 512


BAD = [
    (lambda: SlimFly(6), "q", "5 or 7"),
    (lambda: SlimFly(2), "q", "3 or more"),
    (lambda: SlimFly.of(33_000), "endpoints", "32,928 or 37,004"),
    (lambda: SlimFly.of(1), "endpoints", "54"),
    (lambda: Dragonfly(2, 4, 2, 10), "g", "at most 9 groups"),
    (lambda: Dragonfly(2, 3, 1, 3), "g", "2 groups"),
    (lambda: Dragonfly(0, 4, 2, 9), "p", "at least 1"),
    (lambda: Dragonfly.of(100), "endpoints", "72 or 342"),
    (lambda: Torus(6, 8, 8), "x", "4 or 8"),
    (lambda: Torus(8, 2, 8), "y", "4"),
    (lambda: Torus.of(100), "chips", "64 or 128"),
    (lambda: Torus.of(10), "chips", "64"),
    (lambda: build("slim-fly", endpoints=32_928, radix=48), "radix", "at least 63"),
    (lambda: build("torus", endpoints=4_096, radix=64), "radix", "at least 128"),
]


@pytest.mark.parametrize(("make", "field", "expected"), BAD, ids=[f"{case[1]}: {case[2]}" for case in BAD])
def test_what_does_not_exist_names_the_nearest_that_does(
    make: Callable[[], object], field: str, expected: str
) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert (caught.value.field, caught.value.expected) == (field, expected)


def test_build_by_number_of_endpoints() -> None:
    assert build("dragonfly", endpoints=72, radix=64).shape == Dragonfly(2, 4, 2, 9)
    assert build("slim-fly", endpoints=32_928, radix=64).shape == SlimFly(28)
    assert build("torus", endpoints=4_096, radix=136, reaches=(1.0,)).links[0].reach == 1.0


def test_bisections_are_below_half_of_the_endpoints() -> None:
    """Slim Fly keeps about two thirds of full bisection; a balanced dragonfly half, more where groups are few."""
    flat, fly = slim_fly(SlimFly(28), rate=1.0), dragonfly(Dragonfly.of(72), rate=1.0)
    assert flat.bisection / (flat.endpoints / 2) == pytest.approx(2 / 3, rel=0.01)
    assert fly.bisection / (fly.endpoints / 2) == pytest.approx(20 / 36)

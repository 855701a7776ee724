"""Clos networks: closed forms, invariants of every shape, and errors that name what would work."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.errors import InputError
from petaday.fabric.topology.build import build
from petaday.fabric.topology.clos import REACHES, Clos, clos, fewest_tiers, rail_only
from petaday.fabric.topology.clos_limits import split


@st.composite
def shapes(draw: st.DrawFn, largest_radix: int = 24) -> Clos:
    """Any Clos of switches of a few ports, filled to any degree."""
    radix = draw(st.integers(4, largest_radix))
    tiers = draw(st.integers(1, 3))
    ratios = tuple(draw(st.floats(1.0, 3.0)) for _ in range(draw(st.integers(0, tiers - 1))))
    rails = draw(st.sampled_from([1, 2, 4])) if tiers > 1 else 1
    pods = split(radix, ratios[1] if len(ratios) > 1 else 1.0)[0]
    pod_leaves = draw(st.integers(0, pods)) if tiers == 3 else 0
    planes = draw(st.integers(1, 3))
    smallest = Clos(rails, radix, tiers, planes, ratios, rails, pod_leaves=pod_leaves)
    nodes = draw(st.integers(1, smallest.max_endpoints // rails))
    return Clos(nodes * rails, radix, tiers, planes, ratios, rails, pod_leaves=pod_leaves)


@given(shapes())
def test_no_switch_has_more_links_than_ports(shape: Clos) -> None:
    for tier in clos(shape).tiers:
        assert tier.ports_used <= tier.switches * tier.radix


@given(shapes())
def test_ports_used_are_link_ends(shape: Clos) -> None:
    topology = clos(shape)
    assert sum(tier.ports_used for tier in topology.tiers) == topology.ends_at("switch")
    assert topology.ends_at("nic") == shape.endpoints * shape.planes


@given(shapes())
def test_a_leaf_has_equal_bundles_to_the_spines_of_a_full_pod(shape: Clos) -> None:
    if shape.tiers > 1:
        assert shape.leaf_up_bundle * shape.spines_per_pod == shape.leaf_up


@given(shapes())
def test_oversubscription_is_at_most_what_was_asked(shape: Clos) -> None:
    if shape.tiers > 1:
        assert shape.leaf_down / shape.leaf_up <= shape.ratio(0) * (1 + 1e-9)
    if shape.tiers > 2:
        down = shape.leaves_per_pod * shape.leaf_up / shape.spines_per_pod
        assert down / shape.spine_up <= shape.ratio(1) * (1 + 1e-9)


@given(shapes())
def test_planes_multiply_counts_and_bandwidth(shape: Clos) -> None:
    one = Clos(
        shape.endpoints, shape.radix, shape.tiers, 1, shape.oversubscription, shape.rails, pod_leaves=shape.pod_leaves
    )
    assert clos(shape).switches == shape.planes * clos(one).switches
    assert clos(shape).cables == shape.planes * clos(one).cables
    assert clos(shape).bisection == pytest.approx(shape.planes * clos(one).bisection)


@given(st.integers(2, 40), st.integers(2, 3))
def test_a_full_tree_has_the_textbook_counts(half: int, tiers: int) -> None:
    """k²/2 hosts on 3k/2 switches; k³/4 hosts on 5k²/4 switches; as many links in every layer as hosts."""
    k = 2 * half
    hosts = k**2 // 2 if tiers == 2 else k**3 // 4
    topology = clos(Clos(hosts, k, tiers), rate=1.0)
    assert Clos(hosts, k, tiers).max_endpoints == hosts
    assert topology.switches == (3 * k // 2 if tiers == 2 else 5 * k**2 // 4)
    assert {links.count for links in topology.links} == {hosts}
    assert topology.bisection == hosts / 2


@given(st.integers(2, 512), st.floats(1.0, 64.0))
def test_split_gives_the_most_endpoints_that_leave_enough_uplinks(radix: int, ratio: float) -> None:
    down, up = split(radix, ratio)
    assert down + up <= radix
    assert up * ratio >= down * (1 - 1e-9)
    assert (down + 1) + (down + 1) / ratio > radix * (1 - 1e-9)


def test_rails_put_every_nic_of_a_node_on_its_own_leaf() -> None:
    """Two half-empty groups take as many leaves as full ones: leaf i serves only NICs i."""
    assert Clos(16 * 8, 64, rails=8).leaves == 8
    assert Clos(16 * 8, 64).leaves == 4
    assert Clos(33 * 8, 64, rails=8).leaves == 16


def test_rail_only_joins_each_rail_and_nothing_else() -> None:
    assert clos(rail_only(128, 8, 128)).switches == 8
    assert rail_only(2_048, 8, 128) == Clos(2_048, 128, 2, planes=8)
    # 8 planes of 2,048 nodes are DeepSeek's multi-plane fat tree, too: 16,384 chips on 768 switches.
    assert clos(rail_only(2_048, 8, 64)).switches == 768


def test_fewest_tiers() -> None:
    assert [fewest_tiers(n, 64) for n in (64, 65, 2_048, 2_049, 65_536)] == [1, 2, 2, 3, 3]
    assert fewest_tiers(64, 64, rails=8) == 2
    assert fewest_tiers(3_000, 64, oversubscription=(3.0,)) == 2


def test_rates_and_reaches_are_by_layer() -> None:
    topology = clos(Clos(8_192, 64, 3), rate=25e9, fabric_rate=50e9, reaches=(3.0,))
    assert [links.rate for links in topology.links] == [25e9, 50e9, 50e9]
    assert [links.reach for links in topology.links] == [3.0, *REACHES[1:]]


@pytest.mark.parametrize(
    ("endpoints", "hops"), [(32, 1), (33, 3), (1_024, 3), (1_025, 5)], ids=["leaf", "leaves", "pod", "pods"]
)
def test_hops_are_those_of_the_longest_shortest_path(endpoints: int, hops: int) -> None:
    assert clos(Clos(endpoints, 64, 3)).hops == hops


BAD = [
    ({"endpoints": 5_000, "radix": 64}, "radix", "at most 2,048 endpoints or 3 tiers or a radix of 100"),
    ({"endpoints": 70_000, "radix": 64, "tiers": 3}, "radix", "at most 65,536 endpoints or a radix of 66"),
    ({"endpoints": 65, "radix": 64, "tiers": 1}, "radix", "at most 64 endpoints or 2 tiers or a radix of 65"),
    ({"endpoints": 3_072, "radix": 64, "rails": 8, "leaf_ports": (16, 16)}, "radix", "at most 1,024 endpoints"),
    ({"endpoints": 0, "radix": 64}, "endpoints", "at least 1"),
    ({"endpoints": 8, "radix": 1}, "radix", "at least 2"),
    ({"endpoints": 8, "radix": 8, "planes": 0}, "planes", "at least 1"),
    ({"endpoints": 8, "radix": 8, "rails": 0}, "rails", "at least 1"),
    ({"endpoints": 8, "radix": 8, "tiers": 4}, "tiers", "1, 2 or 3"),
    ({"endpoints": 8, "radix": 8, "tiers": 1, "rails": 8}, "rails", "1, and as many planes as rails"),
    ({"endpoints": 100, "radix": 64, "rails": 8}, "endpoints", "96 or 104"),
    ({"endpoints": 5, "radix": 64, "rails": 8}, "endpoints", "8"),
    ({"endpoints": 64, "radix": 64, "oversubscription": (64.0,)}, "oversubscription", "1 to 63"),
    ({"endpoints": 64, "radix": 64, "oversubscription": (0.5,)}, "oversubscription", "1 to 63"),
    ({"endpoints": 64, "radix": 64, "oversubscription": (1.0, 2.0)}, "oversubscription", "at most 1"),
    ({"endpoints": 64, "radix": 64, "leaf_ports": (64, 0)}, "leaf_ports", "at least 1 up"),
    ({"endpoints": 64, "radix": 64, "tiers": 1, "leaf_ports": (32, 32)}, "leaf_ports", "0 up"),
    ({"endpoints": 64, "radix": 64, "leaf_ports": (48, 16), "oversubscription": (3.0,)}, "leaf_ports", "one of them"),
    ({"endpoints": 64, "radix": 64, "tiers": 3, "pod_leaves": 33}, "pod_leaves", "1 to 32"),
    ({"endpoints": 64, "radix": 64, "pod_leaves": 8}, "pod_leaves", "0 without a third tier"),
]


@pytest.mark.parametrize(("arguments", "field", "expected"), BAD, ids=[f"{case[1]}: {case[2]}" for case in BAD])
def test_what_cannot_be_built_names_what_can(arguments: dict[str, object], field: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        Clos(**arguments)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert expected in caught.value.expected


@given(st.integers(1, 100_000), st.integers(4, 128), st.integers(1, 3), st.sampled_from([1, 8]))
def test_the_radix_that_an_error_names_is_the_smallest_that_works(n: int, radix: int, tiers: int, rails: int) -> None:
    n *= rails
    try:
        Clos(n, radix, tiers, rails=rails)
    except InputError as error:
        if error.field != "radix":
            return
        (named,) = re.findall(r"radix of (\d+)", error.expected)
        Clos(n, int(named), tiers, rails=rails)
        with pytest.raises(InputError):
            Clos(n, int(named) - 1, tiers, rails=rails)


def test_a_leaf_that_carries_more_than_its_switch() -> None:
    with pytest.raises(InputError, match=r"at most 256 ports of the endpoints' rate"):
        clos(Clos(512, 128, leaf_ports=(250, 60)), rate=25e9, fabric_rate=50e9)


def test_more_reaches_than_layers() -> None:
    with pytest.raises(InputError, match="at most 2"):
        clos(Clos(512, 64), reaches=(3.0, 30.0, 150.0))


def test_build_takes_the_fewest_tiers_and_whole_nodes() -> None:
    assert build("fat-tree", endpoints=1_024, radix=64).shape == Clos(1_024, 64)
    assert build("rail-optimised", endpoints=16_384, radix=64).shape == Clos(16_384, 64, 3, rails=8)
    assert build("rail-only", endpoints=512, radix=64).switches == 8
    with pytest.raises(InputError, match="96 or 104"):
        build("rail-only", endpoints=100, radix=64)
    with pytest.raises(InputError, match="did you mean fat-tree"):
        build("fat tre", endpoints=64, radix=64)
    with pytest.raises(InputError, match="a dragonfly leaves no choice of tiers"):
        build("dragonfly", endpoints=72, radix=64, tiers=2)

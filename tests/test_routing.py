"""Routes on Clos networks and graphs: they join what they should, avoid what is dead, and spread as they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from petaday.errors import InputError
from petaday.fabric.flow import Routes, max_min
from petaday.fabric.minimal import minimal
from petaday.fabric.network import Floats
from petaday.fabric.routing import adaptive, ecmp, spray
from petaday.fabric.topology.clos import Clos, clos
from petaday.fabric.topology.direct import Dragonfly, SlimFly, Torus, dragonfly, slim_fly, torus
from petaday.fabric.topology.graph import Graph, graph
from petaday.fabric.topology.shape import Topology
from petaday.fabric.traffic import Pairs, all_to_all, permutation
from petaday.fabric.wiring import Wiring, degraded, failed, without

FAT = Wiring(Clos(128, 8, 3))
DUAL = Wiring(Clos(32, 8, 2, planes=2))
PAIR = (np.array([0]), np.array([127]))


@st.composite
def wirings(draw: st.DrawFn) -> Wiring:
    """Clos networks of every kind: tiers, planes, rails, oversubscription, full or with a last pod partly filled."""
    radix, tiers = draw(st.sampled_from([4, 6, 8])), draw(st.integers(1, 3))
    ratio = draw(st.sampled_from([(), (1.0,), (3.0,)])) if tiers > 1 else ()
    rails = draw(st.sampled_from([1, 2])) if tiers > 1 else 1
    most = Clos(rails, radix, tiers, oversubscription=ratio, rails=rails).max_endpoints
    endpoints = draw(st.integers(1, most // rails)) * rails
    assume(endpoints > 1)
    return Wiring(Clos(endpoints, radix, tiers, draw(st.integers(1, 3)), ratio, rails), fabric_rate=2.0)


def graph_of(wiring: Wiring) -> Graph:
    """The same network as a graph, whose links are in the order of the wiring's cables."""
    return graph(clos(wiring.clos))


def follow(network: Graph, routes: Routes, row: int, at: int, order: Sequence[int]) -> int:
    """The node where a row that starts `at` a node ends, its hops taken in this order."""
    ends = np.stack([network.link_u, network.link_v])
    for hop in routes.hops[np.array(order), row]:
        if hop < routes.links:
            start, end = ends[:, hop // 2] if hop % 2 == 0 else ends[::-1, hop // 2]
            assert start == at
            at = int(end)
    return at


UP_THEN_DOWN = (0, 2, 4, 5, 3, 1)


@given(wirings(), st.integers(0, 2**31), st.integers(1, 4))
def test_hashed_routes_lead_from_sender_to_receiver(wiring: Wiring, seed: int, paths: int) -> None:
    pairs = permutation(wiring.clos.endpoints, seed)
    network, routes = graph_of(wiring), ecmp(wiring, *pairs, wiring.capacity(), paths=paths, seed=seed)
    for row in range(0, routes.rows, max(routes.rows // 20, 1)):
        start, end = (int(host[row // paths]) for host in pairs)
        assert follow(network, routes, row, start, UP_THEN_DOWN) == end


@given(wirings(), st.integers(0, 2**31))
def test_hashed_routes_are_shortest(wiring: Wiring, seed: int) -> None:
    """As many hops as a search of the graph finds: two under one leaf, four within a pod, six across."""
    pairs, capacity = permutation(wiring.clos.endpoints, seed), wiring.capacity()
    hashed, searched = ecmp(wiring, *pairs, capacity), minimal(graph_of(wiring), pairs, capacity)
    hops = [(routes.hops < routes.links).sum(axis=0) for routes in (hashed, searched)]
    assert np.array_equal(*hops)


@given(wirings(), st.integers(0, 2**31), st.floats(0, 0.3))
def test_routes_avoid_dead_links_or_name_the_pair(wiring: Wiring, seed: int, share: float) -> None:
    count = int(share * wiring.between_switches().size)
    capacity = without(wiring.capacity(), failed(wiring, count, seed))
    src, dst = permutation(wiring.clos.endpoints, seed)
    try:
        sprayed = spray(wiring, src, dst, capacity)
    except InputError as error:
        assert "cannot reach" in error.message
        with pytest.raises(InputError, match="cannot reach"):
            ecmp(wiring, src, dst, capacity)
        return
    routes = ecmp(wiring, src, dst, capacity, paths=2, seed=seed)
    assert (np.append(capacity, 1.0)[routes.hops] > 0).all()
    assert (max_min(capacity, sprayed) > 0).all()


@given(st.integers(0, 2**31), st.integers(1, 3))
def test_a_failure_moves_only_the_flows_it_hits(seed: int, count: int) -> None:
    """Up to three dead cables: with 4 uplinks a leaf, they cut nobody off."""
    pairs, whole = permutation(128, seed), FAT.capacity()
    hurt = without(whole, failed(FAT, count, seed))
    before, after = (ecmp(FAT, *pairs, capacity, paths=2, seed=seed).hops for capacity in (whole, hurt))
    hit = (np.append(hurt, 1.0)[before] == 0).any(axis=0)
    assert np.array_equal(before[:, ~hit], after[:, ~hit])


def test_a_flow_has_as_many_paths_as_a_fat_tree_should() -> None:
    """(k/2)² between pods of a k-ary fat tree (Al-Fares et al., SIGCOMM 2008): 16 of 8 ports."""
    routes = ecmp(FAT, *PAIR, FAT.capacity(), paths=1000)
    assert len(np.unique(routes.hops, axis=1).T) == 16
    assert (spray(FAT, *PAIR, FAT.capacity()).part == 1 / 16).all()


def test_the_hash_is_even() -> None:
    """Each of 16 paths has 1,000 of 16,000 subflows, within four standard deviations."""
    _, count = np.unique(ecmp(FAT, *PAIR, FAT.capacity(), paths=16_000).hops, axis=1, return_counts=True)
    assert np.abs(count - 1000).max() < 4 * np.sqrt(1000)


def test_the_last_living_path_is_found() -> None:
    """All cables of the first leaf but one dead, and all of that spine's but one: all subflows take what is left."""
    leaf_ports = 128 + np.arange(1, 4)
    spine_ports = 256 + np.arange(1, 4)
    capacity = without(FAT.capacity(), np.concatenate([leaf_ports, spine_ports]))
    routes = ecmp(FAT, *PAIR, capacity, paths=50)
    assert len(np.unique(routes.hops, axis=1).T) == 1


def test_planes_take_turns() -> None:
    routes = ecmp(DUAL, np.array([0]), np.array([31]), DUAL.capacity(), paths=4)
    assert np.array_equal(np.sort(routes.hops[0] // (DUAL.links // 2)), [0, 0, 1, 1])


def test_a_dead_plane_leaves_the_other() -> None:
    pairs, capacity = permutation(32, 1), degraded(DUAL, DUAL.capacity(), 0, 0.0)
    routes = ecmp(DUAL, *pairs, capacity, paths=2)
    assert (routes.hops[0] >= DUAL.links // 2).all()
    pooled, bundled = adaptive(DUAL, *pairs, capacity)
    assert bundled.per_flow(max_min(pooled, bundled)) == pytest.approx(1.0)


@given(wirings(), st.integers(0, 2**31))
def test_spraying_a_whole_fabric_is_all_that_adaptive_routing_can_do(wiring: Wiring, seed: int) -> None:
    """With every bundle equal both load all cables of a layer alike; where not, spraying can only be worse."""
    shape, pairs = wiring.clos, permutation(wiring.clos.endpoints, seed)
    sprayed = spray(wiring, *pairs, wiring.capacity())
    pooled, bundled = adaptive(wiring, *pairs, wiring.capacity())
    best, even = bundled.per_flow(max_min(pooled, bundled)).min(), max_min(wiring.capacity(), sprayed).min()
    assert even <= best * (1 + 1e-6)
    if shape.endpoints == shape.max_endpoints:
        assert even == pytest.approx(best, rel=1e-6)


def test_spraying_spreads_over_what_lives() -> None:
    """With one of a leaf's 4 cables up dead, its 4 hosts have 3/4 of their rate."""
    src, dst = np.arange(4), np.arange(4) + 64
    capacity = without(FAT.capacity(), np.array([128]))
    assert max_min(capacity, spray(FAT, src, dst, capacity)) == pytest.approx(0.75)
    pooled, bundled = adaptive(FAT, src, dst, capacity)
    assert max_min(pooled, bundled) == pytest.approx(0.75)


def test_oversubscription_divides_what_leaves_a_leaf() -> None:
    """Three to one: with everyone sending to another leaf each has a third."""
    wiring = Wiring(Clos(36, 8, 2, oversubscription=(3.0,)))
    src = np.arange(36)
    pooled, bundled = adaptive(wiring, src, (src + 6) % 36, wiring.capacity())
    assert max_min(pooled, bundled) == pytest.approx(1 / 3)


def test_rails_share_a_leaf() -> None:
    """With 4 rails, NIC 0 of nodes 0 and 1 hang on one leaf; NICs 0 and 1 of one node do not."""
    wiring = Wiring(Clos(64, 8, 3, rails=4))
    same, other = (ecmp(wiring, np.array([0]), np.array([dst]), wiring.capacity()).hops for dst in (4, 1))
    assert (same < wiring.links).sum() == 2
    assert (other < wiring.links).sum() > 2


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: ecmp(FAT, *PAIR, FAT.capacity(), paths=0), "paths"),
        (lambda: ecmp(FAT, np.array([0]), np.array([128]), FAT.capacity()), "hosts"),
        (lambda: ecmp(FAT, np.array([3]), np.array([3]), FAT.capacity()), "hosts"),
        (lambda: ecmp(FAT, *PAIR, np.ones(3)), "capacity"),
        (lambda: failed(FAT, 257, 0), "fail-links"),
        (lambda: failed(FAT, -1, 0), "fail-links"),
        (lambda: without(FAT.capacity(), np.array([FAT.cables])), "links"),
        (lambda: degraded(DUAL, DUAL.capacity(), 2, 0.5), "plane"),
        (lambda: degraded(DUAL, DUAL.capacity(), 1, 1.5), "share"),
        (lambda: spray(Wiring(Clos(65536, 64, 3)), *permutation(65536, 0), np.ones(6 * 65536)), "scheme"),
    ],
)
def test_impossible_inputs_are_named(call: Any, field: str) -> None:
    with pytest.raises(InputError) as error:
        call()
    assert error.value.field == field


def test_an_unreachable_pair_is_named() -> None:
    """Host 127 has one cable; without it nobody reaches it, by any scheme."""
    capacity = without(FAT.capacity(), np.array([127]))
    for scheme in (ecmp, spray, adaptive):
        with pytest.raises(InputError, match="host 0 cannot reach host 127"):
            scheme(FAT, *PAIR, capacity)


# Any graph


def square(side: int) -> Graph:
    """A square torus of chips: each joined to the next in its row and in its column."""
    row, column = np.indices((side, side)).reshape(2, -1)
    node, right, below = (
        row * side + column,
        row * side + (column + 1) % side,
        (row + 1) % side * side + column,
    )
    u, v = np.concatenate([node, node]), np.concatenate([right, below])
    return Graph(("endpoint",), np.zeros(node.size, dtype=int), u, v, np.zeros(u.size, dtype=int), np.ones(u.size))


def both_ways(network: Graph) -> Floats:
    return np.repeat(network.link_rate, 2)


@given(st.integers(3, 7), st.integers(0, 2**31), st.integers(1, 3))
def test_minimal_routes_on_a_torus_are_manhattan_paths(side: int, seed: int, paths: int) -> None:
    network, pairs = square(side), permutation(side * side, seed)
    routes = minimal(network, pairs, both_ways(network), paths=paths, seed=seed)
    apart = [np.abs(pairs.src // side - pairs.dst // side), np.abs(pairs.src % side - pairs.dst % side)]
    manhattan = sum(np.minimum(step, side - step) for step in apart)
    assert np.array_equal((routes.hops < routes.links).sum(axis=0), np.repeat(manhattan, paths))


DIRECT = [slim_fly(SlimFly(5)), dragonfly(Dragonfly(2, 4, 2, 9)), torus(Torus(4, 4, 8))]


@given(st.sampled_from(DIRECT), st.integers(0, 2**31), st.integers(0, 5))
def test_minimal_routes_lead_to_the_receiver_over_living_links(topology: Topology, seed: int, dead: int) -> None:
    network, pairs = graph(topology), permutation(topology.endpoints, seed)
    capacity = both_ways(network)
    between = np.flatnonzero(network.node_kind[network.link_u] == network.node_kind[network.link_v])
    capacity[2 * np.random.default_rng(seed).choice(between, dead)] = 0
    routes = minimal(network, pairs, capacity, seed=seed)
    assert (np.append(capacity, 1.0)[routes.hops] > 0).all()
    for row in range(0, routes.rows, 7):
        assert follow(network, routes, row, int(pairs.src[row]), range(len(routes.hops))) == pairs.dst[row]


@pytest.mark.parametrize(("topology", "hops"), [(DIRECT[0], 4), (DIRECT[1], 5)], ids=["slim fly", "dragonfly"])
def test_diameter(topology: Topology, hops: int) -> None:
    """Two hops between routers of a Slim Fly (Besta, SC 2014), three of a dragonfly (Kim, ISCA 2008), and both ends."""
    network = graph(topology)
    routes = minimal(network, all_to_all(topology.endpoints), both_ways(network))
    assert len(routes.hops) == hops


def test_minimal_routes_use_all_shortest_paths() -> None:
    """Opposite corners of a 3 x 3 piece of a torus are joined by 6 shortest paths."""
    network = square(6)
    routes = minimal(network, Pairs(np.array([0]), np.array([14])), both_ways(network), paths=400)
    assert len(np.unique(routes.hops, axis=1).T) == 6


def test_on_a_graph_too_an_unreachable_pair_is_named() -> None:
    network = square(3)
    with pytest.raises(InputError, match="host 0 cannot reach host 1"):
        minimal(network, Pairs(np.array([0]), np.array([1])), 0 * both_ways(network))

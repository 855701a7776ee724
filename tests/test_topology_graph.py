"""Graphs of topologies: every port, every count, every cut agrees with the closed form."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, maximum_flow, shortest_path

from petaday.errors import InputError
from petaday.fabric.topology.clos import Clos, clos, rail_only
from petaday.fabric.topology.direct import Dragonfly, SlimFly, Torus, dragonfly, slim_fly, torus
from petaday.fabric.topology.direct_graph import slim_fly_routers
from petaday.fabric.topology.galois import field, prime_power
from petaday.fabric.topology.graph import Graph, graph
from petaday.fabric.topology.scale_up import cloudmatrix384, nvl8_hopper, nvl72
from petaday.fabric.topology.shape import Topology
from test_topology_clos import shapes
from test_topology_direct import dragonflies

PRIME_POWERS = [q for q in range(3, 18) if prime_power(q) and q % 4 != 2]


def matrix(wired: Graph) -> coo_array:
    """Links between every two nodes, both ways."""
    u, v = np.concatenate([wired.link_u, wired.link_v]), np.concatenate([wired.link_v, wired.link_u])
    return coo_array((np.ones(u.size, dtype=np.int32), (u, v)), shape=(wired.node_count,) * 2)


def diameter(wired: Graph, nodes: np.ndarray) -> int:
    """Links on the longest shortest path between some nodes."""
    return int(shortest_path(matrix(wired).tocsr(), unweighted=True, indices=nodes)[:, nodes].max())


def worst_even_cut(wired: Graph, endpoints: int) -> int:
    """Fewest links that part any half of the endpoints from the other, by maximum flow over all halves."""
    half = endpoints // 2
    source, sink = wired.node_count, wired.node_count + 1
    links = matrix(wired)
    cuts = []
    for chosen in itertools.combinations(range(1, endpoints), half - 1):
        side = np.isin(np.arange(endpoints), (0, *chosen))
        u = np.concatenate([links.row, np.where(side, source, np.arange(endpoints))])
        v = np.concatenate([links.col, np.where(side, np.arange(endpoints), sink)])
        data = np.concatenate([links.data, np.full(endpoints, 1_000, dtype=np.int32)])
        capacity = coo_array((data, (u, v)), shape=(sink + 1,) * 2).tocsr()
        cuts.append(maximum_flow(capacity, source, sink).flow_value)
    return min(cuts)


def agrees(topology: Topology) -> Graph:
    """The graph, after its links, ports and nodes were counted."""
    wired = graph(topology)
    assert np.bincount(wired.link_class, minlength=len(topology.links)).tolist() == [
        links.count // (1 + links.ends.count("ocs")) for links in topology.links
    ]
    assert (wired.link_u < wired.link_v).all()
    assert wired.link_v.max() < wired.node_count
    assert wired.link_rate.tolist() == [topology.links[each].rate for each in wired.link_class]
    degree = wired.degree()
    for kind, tier in enumerate(topology.tiers, start=1):
        if tier.name == "ocs":
            continue
        ports = degree[wired.node_kind == kind]
        assert ports.size == tier.switches
        assert ports.sum() == tier.ports_used
        assert ports.max() <= tier.radix
    return wired


def is_connected(wired: Graph) -> bool:
    return bool(connected_components(matrix(wired), directed=False)[0] == 1)


@given(shapes(largest_radix=12))
@settings(deadline=None)
def test_clos_is_wired_as_it_is_counted(shape: Clos) -> None:
    wired = agrees(clos(shape))
    assert is_connected(wired)
    assert (wired.degree()[: shape.endpoints] == shape.planes).all()


@given(shapes(largest_radix=8))
@settings(deadline=None, max_examples=40)
def test_hops_of_a_clos_are_its_graphs(shape: Clos) -> None:
    topology = clos(shape)
    wired = graph(topology)
    if shape.endpoints > 1:
        assert diameter(wired, np.arange(shape.endpoints)) - 1 <= topology.hops


@given(shapes(largest_radix=12))
@settings(deadline=None)
def test_links_of_a_tier_are_dealt_evenly(shape: Clos) -> None:
    """Full pods give all spines alike; cores differ by a link at most where uplinks do not divide."""
    wired = graph(clos(shape))
    for upper in range(2, shape.tiers + 1):
        uplinks = wired.link_class == upper - 1
        below = np.bincount(wired.link_u[uplinks], minlength=wired.node_count)[wired.node_kind == upper - 1]
        assert (below == (shape.leaf_up, shape.spine_up)[upper - 2]).all()
        above = np.bincount(wired.link_v[uplinks], minlength=wired.node_count)[wired.node_kind == upper]
        full = above[: shape.spines_per_pod * (shape.pods - 1)] if upper == 2 else above
        assert full.size == 0 or np.ptp(full) <= (upper == 3)


def test_rails_share_a_leaf() -> None:
    """NIC i of 32 nodes plugs into leaf i of their group."""
    shape = Clos(512, 64, rails=8)
    leaf = shape.leaf_of(np.arange(512)).reshape(64, 8)
    assert (leaf[:32] == np.arange(8)).all()
    assert (leaf[32:] == np.arange(8, 16)).all()


def test_pods_meet_in_the_same_cores() -> None:
    """Al-Fares et al., SIGCOMM 2008: in a k = 4 fat tree, core 2j + i joins spine j of every pod."""
    shape = Clos(16, 4, 3)
    spine, port = np.divmod(np.arange(16), 2)
    assert shape.core_of(spine, port).tolist() == [0, 1, 2, 3] * 4


@pytest.mark.parametrize(
    "shape",
    [
        Clos(12, 6),
        Clos(8, 4),
        Clos(12, 8, oversubscription=(3.0,)),
        Clos(8, 4, 3),
        Clos(8, 6, 3, oversubscription=(2.0,)),
        Clos(8, 6, 3, oversubscription=(1.0, 2.0), pod_leaves=1, leaf_ports=(4, 2)),
        Clos(8, 4, planes=2),
        Clos(8, 8, 1),
        Clos(8, 8, rails=2),
    ],
    ids=str,
)
def test_bisection_of_a_clos_is_its_worst_even_cut(shape: Clos) -> None:
    topology = clos(shape, rate=1.0)
    assert worst_even_cut(graph(topology), shape.endpoints) == topology.bisection


def test_bisection_is_no_more_than_the_cut_where_leaves_do_not_halve() -> None:
    """Three leaves: an even cut must go through one, which costs a link more than half of all uplinks."""
    topology = clos(Clos(12, 6, 3, oversubscription=(2.0,)), rate=1.0)
    assert topology.bisection == 3
    assert worst_even_cut(graph(topology), 12) == 4


@pytest.mark.parametrize("q", PRIME_POWERS)
def test_a_slim_fly_has_diameter_two_and_even_degree(q: int) -> None:
    """Every router has k' neighbours and reaches all others over at most one more."""
    shape = SlimFly(q)
    u, v = slim_fly_routers(shape)
    adjacent = np.zeros((shape.routers,) * 2)
    adjacent[u, v] += 1
    adjacent += adjacent.T
    assert adjacent.max() == 1
    assert (adjacent.sum(axis=0) == shape.degree).all()
    assert (adjacent + adjacent @ adjacent > 0).all()


@pytest.mark.parametrize("q", PRIME_POWERS)
def test_bisection_of_a_slim_fly_is_that_of_its_laplacian(q: int) -> None:
    """The gap is q, so two halves share q·2q²/4 links or more; with q even, halves of the rows share just as many."""
    shape = SlimFly(q)
    u, v = slim_fly_routers(shape)
    adjacent = np.zeros((shape.routers,) * 2)
    adjacent[u, v] = adjacent[v, u] = 1
    bisection = slim_fly(shape, rate=1.0).bisection
    assert shape.degree - np.linalg.eigvalsh(adjacent)[-2] == pytest.approx(q)
    assert bisection == q**3 / 2
    if q % 2 == 0:
        near = np.arange(shape.routers) // q % q < q // 2
        assert (near[u] != near[v]).sum() == bisection


@pytest.mark.parametrize("q", [3, 4, 5])
def test_slim_fly_is_wired_as_it_is_counted(q: int) -> None:
    topology = slim_fly(SlimFly(q))
    wired = agrees(topology)
    assert diameter(wired, np.arange(topology.endpoints)) - 1 == topology.hops


def test_a_slim_fly_without_a_field_can_only_be_counted() -> None:
    """DeepSeek's table counts q = 28, of which no field, and so no such graph, exists."""
    with pytest.raises(InputError, match="27 or 29"):
        graph(slim_fly(SlimFly(28)))


@given(dragonflies())
@settings(deadline=None)
def test_dragonfly_is_wired_as_it_is_counted(shape: Dragonfly) -> None:
    topology = dragonfly(shape)
    wired = agrees(topology)
    routers = wired.degree()[wired.node_kind == 1]
    assert (routers == topology.tiers[0].radix).all()
    assert is_connected(wired)
    assert diameter(wired, np.arange(shape.endpoints)) - 1 <= topology.hops
    u, v = (end[wired.link_class == 2] - shape.endpoints for end in (wired.link_u, wired.link_v))
    pairs = np.zeros((shape.g, shape.g), dtype=np.int64)
    np.add.at(pairs, (u // shape.a, v // shape.a), 1)
    pairs += pairs.T
    assert (np.diag(pairs) == 0).all()
    assert pairs[~np.eye(shape.g, dtype=bool)].min() >= 1


@pytest.mark.parametrize("shape", [Dragonfly(2, 2, 1, 2), Dragonfly(1, 2, 3, 4), Dragonfly(3, 1, 3, 4)], ids=str)
def test_bisection_of_a_dragonfly_is_between_halves_of_its_groups(shape: Dragonfly) -> None:
    topology = dragonfly(shape, rate=1.0)
    assert worst_even_cut(graph(topology), shape.endpoints) == topology.bisection


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2))
@settings(deadline=None)
def test_torus_is_wired_as_it_is_counted(x: int, y: int, z: int) -> None:
    topology = torus(Torus(4 * x, 4 * y, 4 * z))
    wired = agrees(topology)
    assert is_connected(wired)
    assert (wired.degree() == 6).all()
    assert diameter(wired, np.arange(topology.endpoints)) - 1 == topology.hops


def test_half_of_a_torus_is_cut_at_its_longest_side() -> None:
    topology = torus(Torus(4, 4, 8), rate=1.0)
    wired = graph(topology)
    near = np.arange(topology.endpoints) % 8 < 4
    assert (near[wired.link_u] != near[wired.link_v]).sum() == topology.bisection


@pytest.mark.parametrize("topology", [nvl8_hopper(), nvl72(), cloudmatrix384()], ids=lambda each: each.kind)
def test_scale_up_domains_are_wired_as_they_are_counted(topology: Topology) -> None:
    assert is_connected(agrees(topology))


def test_rails_of_a_rail_only_network_meet_only_in_nodes() -> None:
    topology = clos(rail_only(16, 8, 16))
    wired = agrees(topology)
    assert (wired.node_kind == 1).sum() == 8
    assert wired.link_count == 128


@pytest.mark.parametrize("q", [2, 3, 4, 5, 7, 8, 9, 16, 25, 27])
def test_fields_are_fields(q: int) -> None:
    """Every row of differences and, but for 0, of products is a permutation; products distribute over differences."""
    finite = field(*prime_power(q))
    assert (np.sort(finite.difference, axis=1) == np.arange(q)).all()
    assert (np.sort(finite.product[1:], axis=1) == np.arange(q)).all()
    assert sorted(finite.powers) == list(range(1, q))
    a, b, c = np.ix_(*(np.arange(q),) * 3)
    left = finite.product[a, finite.difference[b, c]]
    assert (left == finite.difference[finite.product[a, b], finite.product[a, c]]).all()


def test_no_field_has_six_elements() -> None:
    assert [q for q in range(2, 30) if prime_power(q) is None] == [6, 10, 12, 14, 15, 18, 20, 21, 22, 24, 26, 28]


def test_a_graph_of_65_536_hosts_takes_well_under_a_second() -> None:
    topology = clos(Clos(65_536, 64, 3))
    start = time.process_time()
    wired = graph(topology)
    assert time.process_time() - start < 0.5
    assert wired.link_count == 3 * 65_536

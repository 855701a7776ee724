"""Speed of routing flows and of sharing a fabric among them, on one core.

    pytest benchmarks/bench_flow.py --benchmark-enable --benchmark-only

Without --benchmark-enable every case runs once on a fabric of 1,024 hosts, as a smoke test with the others.
"""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from petaday.fabric.contention import flow_shares
from petaday.fabric.events import simulate
from petaday.fabric.network import Floats
from petaday.fabric.routing import Scheme, ecmp
from petaday.fabric.topology.clos import Clos
from petaday.fabric.traffic import permutation
from petaday.fabric.wiring import Wiring, failed, without

HOSTS = {65_536: 64, 1_024: 16}
"""Full 3-tier fat trees: hosts and the radix that builds them."""


def hosts_of(benchmark: BenchmarkFixture) -> int:
    """The large fabric when measuring, the small one otherwise."""
    return 65_536 if benchmark.enabled else 1_024


def share(hosts: int, scheme: Scheme, paths: int, dead: int) -> Floats:
    """Wire the fabric, route a permutation and find its max-min rates: all that one question costs."""
    wiring = Wiring(Clos(hosts, HOSTS[hosts], 3))
    capacity = without(wiring.capacity(), failed(wiring, dead, seed=1))
    return flow_shares(wiring, permutation(hosts, 1), scheme=scheme, paths=paths, seed=1, capacity=capacity)


@pytest.mark.parametrize(
    ("scheme", "paths", "dead"),
    [("ecmp", 1, 0), ("ecmp", 4, 0), ("ecmp", 16, 0), ("ecmp", 1, 300), ("adaptive", 1, 0)],
    ids=["1-path", "4-paths", "16-paths", "1-path-300-links-dead", "adaptive"],
)
def test_permutation(benchmark: BenchmarkFixture, scheme: Scheme, paths: int, dead: int) -> None:
    hosts = hosts_of(benchmark)
    shares = benchmark(share, hosts, scheme, paths, dead if benchmark.enabled else 3)
    assert shares.size == hosts
    benchmark.extra_info["subflows"] = hosts * paths


def test_flows_in_time(benchmark: BenchmarkFixture) -> None:
    """Flows of a thousand different sizes, so that a thousand events need new rates."""
    wiring = Wiring(Clos(1_024, 16, 3))
    routes = ecmp(wiring, *permutation(1_024, 1), wiring.capacity())
    sizes = np.random.default_rng(1).exponential(size=routes.rows)
    transfer = benchmark(simulate, wiring.capacity(), routes, sizes)
    assert np.isfinite(transfer.finish).all()
    benchmark.extra_info["flows"] = routes.rows

"""Traffic patterns, placement of jobs, and what collisions leave of a flow's rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.errors import InputError
from petaday.fabric.contention import flow_shares, worst_flow_share
from petaday.fabric.routing import SCHEMES, Scheme
from petaday.fabric.topology.clos import Clos
from petaday.fabric.traffic import (
    PLACEMENTS,
    Pairs,
    Placement,
    all_to_all,
    incast,
    permutation,
    placed,
    ring,
    shift,
    together,
)
from petaday.fabric.wiring import Wiring, degraded, failed, without

RANKS = st.integers(2, 200)
SEEDS = st.integers(0, 2**31)
THOUSAND = Wiring(Clos(1024, 16, 3))
EIGHT_THOUSAND = Wiring(Clos(8192, 32, 3))

# Patterns


def one_each(pairs: Pairs, ranks: int) -> bool:
    """Each rank sends once, receives once, and never to itself."""
    everyone = np.arange(ranks)
    once = all(np.array_equal(np.sort(end), everyone) for end in pairs)
    return once and bool((pairs.src != pairs.dst).all())


@given(RANKS, SEEDS)
def test_a_permutation_is_a_derangement_of_its_seed(ranks: int, seed: int) -> None:
    assert one_each(permutation(ranks, seed), ranks)
    assert np.array_equal(permutation(ranks, seed).dst, permutation(ranks, seed).dst)


@given(st.integers(2, 40))
def test_all_to_all_is_every_shift(ranks: int) -> None:
    """Its flows are those of the ranks - 1 phases, each once."""
    phases = together(shift(ranks, by) for by in range(1, ranks))
    whole = all_to_all(ranks)
    assert set(zip(*phases, strict=True)) == set(zip(*whole, strict=True))
    assert whole.src.size == ranks * (ranks - 1)
    assert one_each(shift(ranks, ranks - 1), ranks)


@given(st.integers(2, 20), st.integers(1, 10))
def test_rings_close_within_their_group(size: int, groups: int) -> None:
    pairs = ring(size * groups, groups)
    assert one_each(pairs, size * groups)
    assert np.array_equal(pairs.src // size, pairs.dst // size)
    at = np.arange(groups) * size
    for _ in range(size):
        at = pairs.dst[at]
    assert np.array_equal(at, np.arange(groups) * size)


@given(RANKS)
def test_an_incast_has_one_receiver(ranks: int) -> None:
    src, dst = incast(ranks)
    assert np.array_equal(np.sort(src), np.arange(1, ranks))
    assert (dst == 0).all()


# Placement


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.sampled_from(PLACEMENTS), SEEDS, st.integers(0, 20))
def test_jobs_stand_on_hosts_of_their_own(jobs: list[int], placement: Placement, seed: int, spare: int) -> None:
    hosts = placed(sum(jobs) + spare, jobs, placement, seed)
    all_hosts = np.concatenate(hosts)
    assert [len(of_job) for of_job in hosts] == jobs
    assert np.unique(all_hosts).size == sum(jobs)
    assert all_hosts.max() < sum(jobs) + spare


def test_interleaved_jobs_take_turns() -> None:
    even, odd = placed(8, [4, 4], "interleaved")
    assert np.array_equal(even, [0, 2, 4, 6])
    assert np.array_equal(odd, [1, 3, 5, 7])


def test_packed_jobs_do_not_meet_and_scattered_ones_do() -> None:
    """Two jobs of half a fabric, each a ring: packed, no uplink carries two flows; at random, they collide."""
    shares = {}
    for placement in ("packed", "random"):
        jobs = placed(1024, [512, 512], placement, seed=1)
        rings = together(ring(512).on(hosts) for hosts in jobs)
        shares[placement] = flow_shares(THOUSAND, rings, paths=1).mean()
    assert shares["packed"] > 0.9 > 0.6 > shares["random"]


# Collisions


@pytest.mark.parametrize(
    ("paths", "mean", "worst"),
    [(1, (0.40, 0.43), (0.11, 0.17)), (4, (0.70, 0.74), (0.34, 0.43)), (16, (0.90, 0.92), (0.68, 0.70))],
)
def test_permutation_under_ecmp(paths: int, mean: tuple[float, float], worst: tuple[float, float]) -> None:
    """Bands that a first simulation of 1,024 to 65,536 hosts gave: mean and worst flow in units of line rate."""
    shares = np.array(
        [flow_shares(EIGHT_THOUSAND, permutation(8192, seed), paths=paths, seed=seed) for seed in range(2)]
    )
    assert mean[0] <= shares.mean() <= mean[1]
    assert worst[0] - 0.01 <= shares.min(axis=1).mean() <= worst[1] + 0.01


@pytest.mark.parametrize("scheme", ["spray", "adaptive"])
@pytest.mark.parametrize("pattern", [lambda: permutation(1024, 3), lambda: shift(1024, 77), lambda: ring(1024, 8)])
def test_full_bisection_carries_any_permutation_that_is_sprayed(scheme: Scheme, pattern: Callable[[], Pairs]) -> None:
    assert flow_shares(THOUSAND, pattern(), scheme=scheme) == pytest.approx(1.0)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_incast_shares_one_port(scheme: Scheme) -> None:
    """By any routing: 63 senders, one receiver's port."""
    shares = flow_shares(Wiring(Clos(64, 8, 3)), incast(64), scheme=scheme, paths=8)
    assert shares == pytest.approx(1 / 63)


@given(SEEDS, st.integers(0, 40))
def test_no_routing_beats_the_cuts_of_what_lives(seed: int, count: int) -> None:
    """With cables dead too, the worst flow of a spread that is possible has at most what adaptive routing bounds."""
    wiring = Wiring(Clos(64, 8, 3))
    pairs, capacity = permutation(64, seed), without(wiring.capacity(), failed(wiring, count, seed))
    try:
        worst = [flow_shares(wiring, pairs, scheme=scheme, capacity=capacity).min() for scheme in SCHEMES]
    except InputError as error:
        assert "cannot reach" in error.message
        return
    hashed, sprayed, bound = worst
    assert max(hashed, sprayed) <= bound + 1e-9
    assert bound <= 1 + 1e-9


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_a_degraded_plane_costs_its_part(share: float) -> None:
    """One of two planes at a share of its rate leaves (1 + share)/2 of the line rate."""
    wiring = Wiring(Clos(32, 8, 2, planes=2), rate=25e9)
    capacity = degraded(wiring, wiring.capacity(), 1, share)
    shares = flow_shares(wiring, permutation(32, 0), scheme="adaptive", capacity=capacity)
    assert shares == pytest.approx((1 + share) / 2)


@given(st.floats(1e6, 1e12))
def test_shares_do_not_depend_on_the_rate(rate: float) -> None:
    pairs = permutation(1024, 1)
    assert flow_shares(Wiring(THOUSAND.clos, rate), pairs) == pytest.approx(flow_shares(THOUSAND, pairs))


# The law of the worst flow


@pytest.mark.parametrize("paths", [1, 4, 16, 64])
@pytest.mark.parametrize(("tiers", "radix", "hosts"), [(2, 32, 512), (3, 16, 1024)])
def test_the_law_is_the_simulation(tiers: int, radix: int, hosts: int, paths: int) -> None:
    """Its fit's worst error is 9%; the mean of 8 draws adds some."""
    wiring = Wiring(Clos(hosts, radix, tiers))
    seen = [flow_shares(wiring, permutation(hosts, seed), paths=paths, seed=seed).min() for seed in range(100, 108)]
    assert worst_flow_share(paths, "ecmp", hosts=hosts, tiers=tiers) == pytest.approx(np.mean(seen), rel=0.13)


@given(st.integers(1, 1000), st.integers(2, 10**6), st.sampled_from([2, 3]))
def test_more_paths_help_and_more_hosts_hurt(paths: int, hosts: int, tiers: int) -> None:
    share = worst_flow_share(paths, "ecmp", hosts=hosts, tiers=tiers)
    assert 0 < share < 1
    assert worst_flow_share(paths + 1, "ecmp", hosts=hosts, tiers=tiers) > share
    assert worst_flow_share(paths, "ecmp", hosts=hosts + 1, tiers=tiers) < share


def test_spraying_has_no_collisions() -> None:
    assert [worst_flow_share(1, scheme, hosts=4096) for scheme in ("spray", "adaptive")] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: permutation(1, 0), "ranks"),
        (lambda: incast(1), "ranks"),
        (lambda: all_to_all(0), "ranks"),
        (lambda: shift(8, 16), "shift"),
        (lambda: ring(10, 3), "groups"),
        (lambda: ring(10, 0), "groups"),
        (lambda: ring(10, 10), "groups"),
        (lambda: placed(8, [4, 5]), "jobs"),
        (lambda: placed(8, [4, 0]), "jobs"),
        (lambda: placed(8, [4], "packd"), "placement"),  # type: ignore[arg-type]
        (lambda: flow_shares(THOUSAND, incast(4), scheme="sprya"), "scheme"),  # type: ignore[arg-type]
        (lambda: flow_shares(THOUSAND, incast(4), paths=0), "paths"),
        (lambda: worst_flow_share(0, "ecmp", hosts=8), "paths"),
        (lambda: worst_flow_share(1, "ecmp", hosts=1), "hosts"),
        (lambda: worst_flow_share(1, "ecmp", hosts=8, tiers=4), "tiers"),
        (lambda: worst_flow_share(1, "sprya", hosts=8), "scheme"),  # type: ignore[arg-type]
    ],
)
def test_impossible_inputs_are_named(call: Callable[[], Any], field: str) -> None:
    with pytest.raises(InputError) as error:
        call()
    assert error.value.field == field


def test_a_mistyped_name_has_a_nearest_one() -> None:
    with pytest.raises(InputError, match="did you mean adaptive"):
        worst_flow_share(1, "adaptve", hosts=8)  # type: ignore[arg-type]

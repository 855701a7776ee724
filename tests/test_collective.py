"""Collectives: NCCL's measured bus bandwidths, identities, directions, placement on the network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import NVLINK3, NVLINK4, SHARP
from petaday.fabric.collective import (
    Collective,
    all_gather,
    all_reduce,
    all_reduce_algorithms,
    all_to_all,
    point_to_point,
    reduce_scatter,
    routed_all_to_all,
)
from petaday.fabric.network import Group, MeasuredCurve, Network, group

LAWS: tuple[Collective, ...] = (all_gather, reduce_scatter, all_reduce, all_to_all)
BYTES = st.floats(1, 1e11)
RANKS = st.integers(1, 512)
STRIDES = st.sampled_from([1, 2, 4, 8, 16])
NETWORKS = st.sampled_from([NVLINK3, NVLINK4, SHARP, replace(NVLINK3, domain=1), replace(NVLINK4, domain=72)])


def ranks(size: int, stride: int = 1, network: Network = NVLINK3) -> Group:
    return group(np.array([size]), np.array([stride]), network)


def seconds(law: Collective, size_bytes: float, size: int, stride: int = 1, network: Network = NVLINK3) -> float:
    return float(law(np.array([size_bytes]), ranks(size, stride, network), network)[0])


def bus_bandwidth(law: Collective, size: int, network: Network, stride: int = 1) -> float:
    """nccl-tests' bus bandwidth of a 16 GB buffer: bytes·(n-1)/n over the time, twice that for an all-reduce."""
    moved = 16e9 * (size - 1) / size * (2 if law is all_reduce else 1)
    return moved / seconds(law, 16e9, size, stride, network)


# Published and measured


def test_eight_a100_reach_240_gb_per_second() -> None:
    """NCCL's constants give 20 GB/s on each of 12 links; nccl-tests measures 230 to 240."""
    assert bus_bandwidth(all_reduce, 8, NVLINK3) == pytest.approx(240e9, rel=0.01)
    assert bus_bandwidth(all_gather, 8, NVLINK3) == pytest.approx(240e9, rel=0.01)


def test_eight_h100_with_nvls_reach_480_gb_per_second() -> None:
    """nccl-tests' all-reduce on HGX H100 with in-switch reduction: 475 to 480 GB/s, above the ring's 370."""
    assert bus_bandwidth(all_reduce, 8, NVLINK4) == pytest.approx(480e9, abs=15e9)
    assert bus_bandwidth(all_gather, 8, NVLINK4) == pytest.approx(370.8e9, rel=0.01)


def test_between_nodes_the_nics_bound() -> None:
    """Eight NICs of 200 Gb/s at 90 % carry 180 GB/s, below NVLink; one rank a node has one NIC."""
    assert bus_bandwidth(all_gather, 64, NVLINK3) == pytest.approx(8 * 25e9 * 0.9, rel=0.02)
    assert bus_bandwidth(all_gather, 8, NVLINK3, stride=8) == pytest.approx(25e9 * 0.9, rel=0.01)
    assert bus_bandwidth(all_reduce, 64, NVLINK3) <= 8 * 25e9 * 0.9


def test_fat_nics_leave_nvlink_as_the_bound() -> None:
    fat = replace(NVLINK3, scale_out_bandwidth=1e12)
    assert bus_bandwidth(all_gather, 64, fat) == pytest.approx(240e9, rel=0.02)


# Identities


@given(size_bytes=BYTES, size=RANKS, stride=STRIDES)
def test_a_ring_all_reduce_is_scatter_and_gather(size_bytes: float, size: int, stride: int) -> None:
    """A tree may be faster, and inside one domain without a reducing switch nothing is."""
    pair = seconds(reduce_scatter, size_bytes, size, stride) + seconds(all_gather, size_bytes, size, stride)
    reduce = seconds(all_reduce, size_bytes, size, stride)
    assert reduce <= pair * (1 + 1e-12)
    if ranks(size, stride).domains[0] == 1:
        assert reduce == pytest.approx(pair, rel=1e-12)


@given(size_bytes=BYTES, stride=STRIDES, network=NETWORKS)
def test_a_group_of_one_says_nothing(size_bytes: float, stride: int, network: Network) -> None:
    for law in LAWS:
        assert seconds(law, size_bytes, 1, stride, network) == 0


@given(size=RANKS, stride=STRIDES, network=NETWORKS)
def test_no_bytes_take_no_time(size: int, stride: int, network: Network) -> None:
    for law in LAWS:
        assert seconds(law, 0.0, size, stride, network) == 0


@given(size_bytes=BYTES, size=st.integers(2, 512), stride=STRIDES, network=NETWORKS, more=st.floats(1, 100))
def test_more_bytes_take_no_less(size_bytes: float, size: int, stride: int, network: Network, more: float) -> None:
    for law in LAWS:
        less = seconds(law, size_bytes, size, stride, network)
        assert seconds(law, size_bytes * more, size, stride, network) >= less * (1 - 1e-12)
        assert less >= network.base_latency


RATES = ["scale_up_bandwidth", "scale_out_bandwidth", "scale_up_efficiency", "scale_out_efficiency"]


@given(size_bytes=BYTES, size=st.integers(2, 512), stride=STRIDES, network=NETWORKS, rate=st.sampled_from(RATES))
def test_a_faster_network_takes_no_more(
    size_bytes: float, size: int, stride: int, network: Network, rate: str
) -> None:
    faster = replace(network, **{rate: getattr(network, rate) * 1.1})
    for law in LAWS:
        slow = seconds(law, size_bytes, size, stride, network)
        assert seconds(law, size_bytes, size, stride, faster) <= slow * (1 + 1e-12)


@given(size_bytes=st.floats(1e6, 1e11), size=st.integers(2, 64))
def test_an_all_to_all_moves_less_than_a_gather(size_bytes: float, size: int) -> None:
    """Inside a domain each rank sends (n-1)/n of its bytes either way, and the ring has the longer path."""
    wide = replace(NVLINK3, domain=64)
    assert seconds(all_to_all, size_bytes, size, 1, wide) <= seconds(all_gather, size_bytes, size, 1, wide)


def test_an_all_to_all_splits_between_nvlink_and_nics() -> None:
    """Of 16 ranks on two nodes, 8/16 of the bytes leave by the rank's own NIC."""
    expected = 1e9 * 8 / 16 / (25e9 * 0.9) + 8.4e-6 + 14e-6
    assert seconds(all_to_all, 1e9, 16) == pytest.approx(expected)


def test_a_tree_wins_on_many_domains_and_small_messages() -> None:
    pair = 2 * seconds(all_gather, 1e4, 512)
    assert seconds(all_reduce, 1e4, 512) < pair / 5


def test_algorithms_are_those_the_network_has() -> None:
    several, one = ranks(16), ranks(8)
    size_bytes = np.array([1e9])

    def present(group_: Group, network: Network) -> set[str]:
        algorithms = all_reduce_algorithms(size_bytes, group_, network)
        return {name for name, seconds_ in algorithms.items() if np.isfinite(seconds_[0])}

    assert present(one, NVLINK3) == {"ring"}
    assert present(one, SHARP) == {"ring", "nvls"}
    assert present(several, NVLINK3) == {"ring", "tree"}
    assert present(several, NVLINK4) == {"ring", "tree", "nvls-tree"}
    assert present(several, SHARP) == {"ring", "tree", "nvls-tree", "collnet"}


def test_a_routed_token_crosses_once_a_domain() -> None:
    """Eight experts on 8 domains: 8·(1 - (7/8)⁸) domains, 7/8 of them others; node-limited routing caps them."""
    size_bytes, topk = np.array([1e9]), 8
    distinct = 8 * (1 - (7 / 8) ** topk)
    free = routed_all_to_all(size_bytes, ranks(64), NVLINK3, topk=topk)[0]
    capped = routed_all_to_all(size_bytes, ranks(64), NVLINK3, topk=topk, most_domains=2)[0]
    start = NVLINK3.base_latency + NVLINK3.scale_out_latency
    assert free - start == pytest.approx(1e9 / topk * distinct * 7 / 8 / 22.5e9)
    assert capped - start == pytest.approx(max(1e9 / topk * 2 * 7 / 8 / 22.5e9, 1e9 * 63 / 64 / 240e9))
    assert free < seconds(all_to_all, 1e9, 64)


# Measured curves

SIZES = np.array([1e3, 1e6, 1e9])
MEASURED = np.array([20e-6, 30e-6, 6e-3])
CURVED = replace(NVLINK3, curves=(MeasuredCurve("all-gather", 8, np.log(SIZES), np.log(MEASURED)),))


def test_a_measured_size_takes_its_measured_time() -> None:
    for size_bytes, measured in zip(SIZES, MEASURED, strict=True):
        assert seconds(all_gather, size_bytes, 8, 1, CURVED) == pytest.approx(measured)
    assert seconds(all_gather, 1.0, 8, 1, CURVED) == pytest.approx(20e-6)  # the smallest one's time
    assert seconds(all_gather, 1e10, 8, 1, CURVED) == pytest.approx(60e-3)  # the largest one's rate
    assert 30e-6 < seconds(all_gather, 1e8, 8, 1, CURVED) < 6e-3


def test_an_unmeasured_group_takes_the_law_times_what_was_seen() -> None:
    seen = seconds(all_gather, 1e9, 8, 1, CURVED) / seconds(all_gather, 1e9, 8)
    assert seconds(all_gather, 1e9, 4, 1, CURVED) == pytest.approx(seen * seconds(all_gather, 1e9, 4))


@given(size_bytes=BYTES, size=st.integers(1, 64))
def test_a_curve_stands_for_its_operation_in_a_domain_alone(size_bytes: float, size: int) -> None:
    for law in (reduce_scatter, all_reduce, all_to_all):
        assert seconds(law, size_bytes, size, 1, CURVED) == seconds(law, size_bytes, size)
    assert seconds(all_gather, size_bytes, size, 8, CURVED) == seconds(all_gather, size_bytes, size, 8)


# Placement


@given(size=RANKS, stride=STRIDES, network=NETWORKS)
def test_a_group_falls_whole_on_its_domains(size: int, stride: int, network: Network) -> None:
    placed = ranks(size, stride, network)
    local, domains = int(placed.local[0]), int(placed.domains[0])
    assert 1 <= local <= size
    assert local * (domains - 1) < size <= local * domains
    assert local == 1 or local * stride <= network.domain


@given(size=st.sampled_from([1, 2, 4, 8, 16, 32]), stride=STRIDES)
def test_placement_counts_ranks(size: int, stride: int) -> None:
    """By numbering the ranks: rank r stands in domain r // 8."""
    domains = [rank * stride // NVLINK3.domain for rank in range(size)]
    placed = ranks(size, stride)
    assert placed.domains[0] == len(set(domains))
    assert placed.local[0] == max(map(domains.count, domains))


def test_a_hand_over_knows_whether_it_leaves() -> None:
    stays, leaves = point_to_point(np.array([1e9, 1e9]), np.array([False, True]), NVLINK3)
    assert stays == pytest.approx(1e9 / 240e9 + 3.4e-6)
    assert leaves == pytest.approx(1e9 / 22.5e9 + 14e-6)
    assert point_to_point(np.array([0.0]), np.array([True]), NVLINK3)[0] == 0


@given(st.data())
def test_arrays_are_their_elements(data: st.DataObject) -> None:
    network = data.draw(NETWORKS)
    rows = data.draw(st.lists(st.tuples(BYTES, RANKS, STRIDES), min_size=1, max_size=8))
    size_bytes, sizes, strides = (np.array(column) for column in zip(*rows, strict=True))
    for law in LAWS:
        together = law(size_bytes, group(sizes, strides, network), network).tolist()
        assert together == pytest.approx([seconds(law, *row, network) for row in rows], rel=1e-12)

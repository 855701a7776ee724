"""Scale-up domains: what their makers say of them, and what cannot be."""

from __future__ import annotations

import pytest

from petaday.errors import InputError
from petaday.fabric.topology.build import build
from petaday.fabric.topology.scale_up import (
    Star,
    cloudmatrix384,
    nvl8_blackwell,
    nvl8_hopper,
    nvl72,
    nvl576,
    star,
    tpu_cube,
    ualink_pod,
)
from petaday.fabric.topology.shape import Topology


def bandwidth(topology: Topology) -> float:
    """B/s of a chip, each way."""
    return sum(links.count * links.rate for links in topology.links if "chip" in links.ends) / topology.endpoints


@pytest.mark.parametrize(
    ("domain", "chips", "per_chip"),
    [
        (nvl8_hopper(), 8, 450e9),  # NVIDIA H100 datasheet: 900 GB/s both ways
        (nvl8_blackwell(), 8, 900e9),  # NVIDIA HGX B200: 1.8 TB/s both ways
        (nvl72(), 72, 900e9),  # NVIDIA GB200 NVL72: 130 TB/s both ways of all
        (nvl576(), 576, 900e9),
        (cloudmatrix384(), 384, 392e9),  # arXiv:2506.12708: 392 GB/s each way
    ],
    ids=lambda value: value.kind if isinstance(value, Topology) else "",
)
def test_bandwidth_of_a_chip_is_the_datasheets(domain: Topology, chips: int, per_chip: float) -> None:
    assert domain.endpoints == chips
    assert bandwidth(domain) == per_chip
    # All are full-bisection networks.
    assert domain.bisection == pytest.approx(chips / 2 * per_chip)


def test_nvl72_is_one_link_of_every_gpu_to_every_switch() -> None:
    """9 trays of two NVSwitches, all 72 ports in use; 130 TB/s; 5,184 pairs (from memory)."""
    domain = nvl72()
    (tier,) = domain.tiers
    assert (tier.switches, tier.radix, tier.ports_used) == (18, 72, 18 * 72)
    assert 2 * bandwidth(domain) * 72 == pytest.approx(130e12, rel=0.01)
    assert domain.parameters["pairs"] == 5_184


def test_nvl576_has_the_36_switches_of_a_rack_in_each_of_eight() -> None:
    assert [tier.switches for tier in nvl576().tiers] == [8 * 36, 162]


def test_cloudmatrix_has_as_much_above_a_node_as_below() -> None:
    """An L1 switch: 8 NPUs of 56 GB/s below, 16 links of 28 GB/s above; an L2 switch: a link to each of 48 nodes."""
    below, above = cloudmatrix384().links
    assert below.count * below.rate == above.count * above.rate
    assert cloudmatrix384().tiers[1].ports_used == 112 * 48


def test_ualink_pod_of_all_accelerators() -> None:
    pod = ualink_pod(radix=128, ports=4)
    assert pod.endpoints == 1_024
    assert pod.hops == 3
    assert bandwidth(pod) == 4 * 100e9
    assert max(links.reach for links in pod.links) <= 4.0
    with pytest.raises(InputError, match="at most 1,024"):
        ualink_pod(radix=128, ports=4, chips=2_048)


def test_tpu_cube_is_closed_by_circuits() -> None:
    """144 links in the rack and 96 to the circuit switches (TPU v4, ISCA 2023)."""
    copper, optical = tpu_cube().links
    assert (copper.count, optical.count) == (144, 96)


def test_links_that_do_not_divide_go_in_turn() -> None:
    """18 links over four switches: two take five of every chip, two take four; 40 of 64 ports at most."""
    assert Star(8, 18, 4, 64).most_per_switch == 5
    assert star(Star(8, 18, 4, 40), 25e9, 0.5).cables == 144


@pytest.mark.parametrize(
    ("arguments", "field", "expected"),
    [
        ((9, 18, 4, 40), "chips", "at most 8 chips"),
        ((73, 18, 18, 72), "chips", "at most 72 chips"),
        ((8, 3, 4, 64), "links", "at least 4"),
        ((0, 18, 4, 64), "chips", "at least 1"),
    ],
)
def test_what_does_not_fit(arguments: tuple[int, int, int, int], field: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        Star(*arguments)
    assert (caught.value.field, caught.value.expected) == (field, expected)


def test_domains_are_bought_whole() -> None:
    assert build("nvl72", endpoints=72, radix=72) == nvl72()
    assert build("ualink-pod", endpoints=256, radix=64, planes=8).planes == 8
    with pytest.raises(InputError, match="expected 72"):
        build("nvl72", endpoints=64, radix=72)
    with pytest.raises(InputError, match="leaves no choice of planes"):
        build("nvl72", endpoints=72, radix=72, planes=2)

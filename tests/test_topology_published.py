"""Counts that operators and papers published, each against the closed form, by the name of its source."""

from __future__ import annotations

import pytest

from petaday.fabric.topology.clos import Clos, clos, rail_only
from petaday.fabric.topology.direct import Dragonfly, SlimFly, Torus, dragonfly, slim_fly, torus
from petaday.fabric.topology.scale_up import cloudmatrix384, nvl8_hopper, nvl72
from petaday.fabric.topology.shape import Topology


def tiers(topology: Topology) -> tuple[int, ...]:
    """Switches by tier, from below."""
    return tuple(tier.switches for tier in topology.tiers)


def between_switches(topology: Topology) -> int:
    """Links with a switch at both ends, which DeepSeek's table counts."""
    return sum(links.count for links in topology.links if links.ends == ("switch", "switch"))


def cables(topology: Topology) -> tuple[int, ...]:
    """Links by class, endpoints first."""
    return tuple(links.count for links in topology.links)


def superpod(gpus: int, tier_count: int = 2) -> Topology:
    """DGX B200 or H100 on 64-port switches, eight rails."""
    return clos(Clos(gpus, 64, tier_count, rails=8))


def b300(gpus: int) -> Topology:
    """DGX B300: an 800 Gb/s adapter has a 400 Gb/s port on each of two planes of 128-port switches."""
    return clos(Clos(gpus, 128, planes=2, rails=8))


HPN_POD = Clos(15_360, 128, 3, planes=2, oversubscription=(1.0, 15.0), rails=8, leaf_ports=(128, 60), pod_leaves=120)
"""Alibaba HPN: ToR of 128 ports of 200 Gb/s down (8 spare) and 60 of 400 Gb/s up, 15:1 above."""

META_ROCE = Clos(24_576, 256, 3, oversubscription=(1.0, 7.0), leaf_ports=(16, 16), pod_leaves=192)
"""Meta: racks of 16 GPUs with as many uplinks, pods of 192 racks, 7:1 above."""

DEEPSEEK = "DeepSeek-V3 ISCA 2025, table 3"
B200 = "NVIDIA DGX SuperPOD B200 reference architecture"
B300 = "NVIDIA DGX SuperPOD B300 reference architecture"
LAMBDA = "Lambda, Q3450-LD evaluation"
HPN = "Alibaba HPN, SIGCOMM 2024"
META = "Meta, Llama 3 herd of models, section 3.3"
TPU = "Google TPU v4, ISCA 2023"
CM384 = "Huawei CloudMatrix384, arXiv:2506.12708"

ft2, ft3 = clos(Clos(2_048, 64)), clos(Clos(65_536, 64, 3))
mpft, flat = clos(Clos(2_048, 64, planes=8)), slim_fly(SlimFly(28))
fly = dragonfly(Dragonfly(p=16, a=32, h=16, g=511))
hpn, tpu, ub = clos(HPN_POD, rate=25e9, fabric_rate=50e9), torus(Torus.of(4_096)), cloudmatrix384()
# Two 224 Gb/s links share a 400G module on CloudMatrix's UB plane; its RDMA plane has one for each link end.
ub_modules = ub.links[1].count * 2 // 2
rdma = clos(Clos(384, 64))
rdma_modules = rdma.ends_at("nic") + rdma.ends_at("switch")

PUBLISHED = [
    (DEEPSEEK, "FT2 endpoints", ft2.ends_at("nic"), 2_048),
    (DEEPSEEK, "FT2 switches", ft2.switches, 96),
    (DEEPSEEK, "FT2 links", between_switches(ft2), 2_048),
    (DEEPSEEK, "MPFT endpoints", mpft.ends_at("nic"), 16_384),
    (DEEPSEEK, "MPFT switches", mpft.switches, 768),
    (DEEPSEEK, "MPFT links", between_switches(mpft), 16_384),
    (DEEPSEEK, "FT3 endpoints", Clos(65_536, 64, 3).max_endpoints, 65_536),
    (DEEPSEEK, "FT3 switches", ft3.switches, 5_120),
    (DEEPSEEK, "FT3 links", between_switches(ft3), 131_072),
    (DEEPSEEK, "Slim Fly endpoints", flat.endpoints, 32_928),
    (DEEPSEEK, "Slim Fly switches", flat.switches, 1_568),
    (DEEPSEEK, "Slim Fly links", between_switches(flat), 32_928),
    (DEEPSEEK, "dragonfly endpoints", fly.endpoints, 261_632),
    (DEEPSEEK, "dragonfly switches", fly.switches, 16_352),
    (DEEPSEEK, "dragonfly links", between_switches(fly), 384_272),
    (B200, "512: leaf, spine", tiers(superpod(512)), (16, 8)),
    (B200, "1,024: leaf, spine", tiers(superpod(1_024)), (32, 16)),
    (B200, "2,048: leaf, spine", tiers(superpod(2_048)), (64, 32)),
    (B200, "4,096: leaf, spine, core", tiers(superpod(4_096, 3)), (128, 128, 64)),
    (B200, "8,192: leaf, spine, core", tiers(superpod(8_192, 3)), (256, 256, 128)),
    (B200, "16,384: leaf, spine, core", tiers(superpod(16_384, 3)), (512, 512, 256)),
    (B200, "4,096: cables a layer", cables(superpod(4_096, 3)), (4_096,) * 3),
    (B200, "8,192: cables a layer", cables(superpod(8_192, 3)), (8_192,) * 3),
    (B200, "16,384: cables a layer", cables(superpod(16_384, 3)), (16_384,) * 3),
    (B300, "512: leaf, spine", tiers(b300(512)), (16, 8)),
    (B300, "8,192: leaf, spine", tiers(b300(8_192)), (256, 128)),
    ("NVIDIA DGX SuperPOD H100", "127 nodes: leaf, spine", tiers(superpod(127 * 8)), (32, 16)),
    (LAMBDA, "576 GPUs: switches", clos(Clos(576, 144)).switches, 12),
    (LAMBDA, "4,608 GPUs: switches", clos(Clos(4_608, 144)).switches, 100),
    (LAMBDA, "10,368 GPUs: switches", clos(Clos(10_368, 144)).switches, 216),
    (LAMBDA, "41,472 GPUs: switches", clos(Clos(41_472, 144, 3)).switches, 1_440),
    (HPN, "pod: ToR", hpn.tiers[0].switches, 240),
    (HPN, "pod: aggregation switches of a plane", hpn.tiers[1].switches // hpn.planes, 60),
    (HPN, "pod: ToR to aggregation links", hpn.links[1].count, 14_400),
    (HPN, "ToR of a segment of 1,024 GPUs", hpn.tiers[0].switches * 1_024 // hpn.endpoints, 16),
    (HPN, "aggregation ports down, up", (HPN_POD.spine_down, HPN_POD.spine_up), (120, 8)),
    (HPN, "table 1: fat tree of k = 48", Clos(48, 48, 3).max_endpoints, 27_648),
    (META, "racks", META_ROCE.leaves, 1_536),
    (META, "racks of a pod", META_ROCE.leaves_per_pod, 192),
    (META, "GPUs of a pod", META_ROCE.leaves_per_pod * META_ROCE.leaf_down, 3_072),
    (META, "pods", META_ROCE.pods, 8),
    (CM384, "L1 switches", ub.tiers[0].switches, 336),
    (CM384, "L2 switches", ub.tiers[1].switches, 112),
    (CM384, "400G modules of the UB plane, an NPU", ub_modules // 384, 14),
    (CM384, "400G modules", ub_modules + rdma_modules, 6_912),
    (TPU, "optical circuit switches of 4,096 chips", tpu.switches, 48),
    (TPU, "ports of a circuit switch in use", tpu.tiers[0].ports_used // 48, 128),
    (TPU, "optical ports", tpu.ends_at("ocs"), 6_144),
    ("Google TPU7x (Ironwood)", "ports of a circuit switch in use", torus(Torus.of(9_216)).tiers[0].radix, 288),
    ("NVIDIA GB200 NVL72", "NVLinks", nvl72().cables, 1_296),
    ("NVIDIA GB200 NVL72, from memory", "copper pairs", nvl72().parameters["pairs"], 5_184),
    ("NVIDIA HGX H100", "NVSwitches", nvl8_hopper().switches, 4),
    ("Lambda and NVIDIA", "131,072 GPUs: switch ports", clos(Clos(131_072, 128, 3)).ends_at("switch"), 655_360),
    ("rail-only, arXiv:2307.12169", "64 nodes: switches", clos(rail_only(64, 8, 64)).switches, 8),
    ("prediction, none published: xAI Colossus", "tiers", tiers(clos(Clos(100_000, 128, 3))), (1_563, 1_563, 782)),
]


@pytest.mark.parametrize(
    ("source", "what", "counted", "published"), PUBLISHED, ids=[f"{c[0]}: {c[1]}" for c in PUBLISHED]
)
def test_published_counts(source: str, what: str, counted: object, published: object) -> None:
    assert counted == published, f"{source}: {what}"


@pytest.mark.parametrize("gpus", [512, 1_024, 2_048, 4_096, 8_192])
def test_b300_superpods_double_leaves_and_spines_with_the_gpus(gpus: int) -> None:
    assert tiers(b300(gpus)) == (gpus // 32, gpus // 64)


def test_oversubscription_of_hpn_and_meta() -> None:
    hosts, uplinks, core = (links.count * links.rate for links in hpn.links)
    assert hosts / uplinks == pytest.approx(1.067, abs=1e-3)
    assert uplinks / core == 15
    # No switch has 192/7 ports: the next whole number of uplinks is a little better than 7:1.
    _, uplinks, core = (links.count for links in clos(META_ROCE).links)
    assert 6.8 < uplinks / core <= 7


def test_lambda_counts_optics_of_three_tiers_as_five_ports_an_endpoint() -> None:
    """Optical ports on switches are (2T - 1)·N, and N on adapters."""
    for tier_count, gpus in ((2, 10_368), (3, 41_472)):
        network = clos(Clos(gpus, 144, tier_count))
        assert network.ends_at("switch") == (2 * tier_count - 1) * gpus
        assert network.ends_at("nic") == gpus

"""Bills of networks: published watts, counts and costs; the reach rule; what must hold for any network."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.catalog import load
from petaday.catalog.figure import Figure
from petaday.catalog.link import Link
from petaday.errors import InputError
from petaday.fabric.bill import Bill, Line, bill, compare
from petaday.fabric.optics import Choice, choose, modules, serve
from petaday.fabric.ranges import Range, saved, total
from petaday.fabric.topology.shape import LinkClass, Tier, Topology

LINKS, SWITCHES = load.links(), load.switches()
CX7, CX8 = load.nic("connectx-7"), load.nic("connectx-8")
G400, G800 = 50e9, 100e9  # B/s


def fat_tree(endpoints: int, radix: int, rate: float, host_reach: float = 20.0) -> Topology:
    """Three tiers at full bisection."""
    half, links = radix // 2, endpoints
    leaves = -(-endpoints // half)
    cores = -(-endpoints // radix)
    return Topology(
        kind="fat tree",
        endpoints=endpoints,
        planes=1,
        tiers=(
            Tier("leaf", leaves, radix, 2 * endpoints),
            Tier("spine", leaves, radix, 2 * endpoints),
            Tier("core", cores, radix, endpoints),
        ),
        links=(
            LinkClass("host", links, rate, host_reach, ("nic", "switch")),
            LinkClass("leaf-spine", links, rate, 50.0, ("switch", "switch")),
            LinkClass("spine-core", links, rate, 100.0, ("switch", "switch")),
        ),
        bisection=endpoints * rate / 2,
        hops=5,
    )


def designed(kind: str, switches: int, trunks: int, endpoints: int) -> Topology:
    """A network of 64-port switches by its counts alone; endpoints within reach of copper."""
    return Topology(
        kind=kind,
        endpoints=endpoints,
        planes=1,
        tiers=(Tier("switches", switches, 64, 2 * trunks + endpoints),),
        links=(
            LinkClass("host", endpoints, G400, 2.0, ("nic", "switch")),
            LinkClass("trunk", trunks, G400, 50.0, ("switch", "switch")),
        ),
        bisection=0.0,
        hops=3,
    )


GPUS_131K = fat_tree(131_072, 144, G800)
NVL72 = Topology(
    kind="switched domain",
    endpoints=72,
    planes=18,
    tiers=(Tier("nvswitch", 18, 72, 72 * 18),),
    links=(LinkClass("nvlink", 72 * 18, G400, 1.5, ("chip", "switch")),),
    bisection=72 / 2 * 900e9,
    hops=1,
)


def with_dsp_adapters(name: str) -> Choice:
    """Optics at the switches only: the adapters keep their 15 W modules."""
    return Choice(load.link(name), nic_optics=load.link("dsp-800g"))


def megawatts(choice: Choice) -> tuple[float, float]:
    """Typical MW of link ends on switches and on adapters at 131,072 GPUs."""
    whole = bill(GPUS_131K, choice, load.switch("q3400"), CX8).link_watts.typical
    adapters = 131_072 * 800e9 * choice.nic_optics.energy_per_bit
    return (whole - adapters) / 1e6, adapters / 1e6


# Published


def test_131072_gpus_have_655360_switch_ports() -> None:
    assert GPUS_131K.ends_at("switch") == 5 * 131_072 == 655_360
    answer = bill(GPUS_131K, with_dsp_adapters("dsp-800g"), load.switch("q3400"), CX8)
    assert answer.modules == 655_360 + 131_072
    assert answer.nics.count == 131_072


@pytest.mark.parametrize(("name", "expected"), [("dsp-800g", 9.8), ("lpo-800g", 5.6), ("cpo-nvidia", 2.9)])
def test_131072_gpus_take_megawatts_of_optics(name: str, expected: float) -> None:
    """15, 8.5 and 4.5 W an 800 Gb/s end on 655,360 switch ports; the adapters' 2.0 MW stay what they are."""
    at_switches, at_adapters = megawatts(with_dsp_adapters(name))
    assert at_switches == pytest.approx(expected, abs=0.05)
    assert at_adapters == pytest.approx(2.0, abs=0.05)


def test_co_packaging_saves_2_4_times_on_the_network_not_3_5() -> None:
    """The "3.5 times" is of a switch's optics alone; adapters keep their modules."""
    pluggable, packaged = megawatts(with_dsp_adapters("dsp-800g")), megawatts(with_dsp_adapters("cpo-nvidia"))
    assert pluggable[0] / packaged[0] == pytest.approx(3.33, abs=0.01)
    assert sum(pluggable) / sum(packaged) == pytest.approx(2.4, abs=0.01)


def test_both_accounts_of_a_co_packaged_switch_are_bounds() -> None:
    """1.51 kW a switch by NVIDIA's watts a port, 3.05 kW by Lambda's two whole switches."""
    pair = Topology(
        kind="pair", endpoints=0, planes=1, tiers=(Tier("pair", 2, 144, 288),), bisection=0.0, hops=2,
        links=(LinkClass("trunk", 144, G800, 20.0, ("switch", "switch")),),
    )  # fmt: skip
    optics = [load.link("dsp-1.6t"), load.link("cpo-nvidia")]
    cages, built_in = compare(pair, optics, LINKS, SWITCHES, load.switch("q3400"), CX8)
    assert built_in.switches.ends == ("q3450-ld",)
    saving = saved(cages.watts, built_in.watts)
    assert saving.low / 2 == pytest.approx(1512)
    assert saving.high / 2 == pytest.approx(3050)


def test_nvl72_in_optics_takes_19_4_kw() -> None:
    """72 x 7.2 Tb/s at 18.75 pJ/bit and two ends: the "20 kW saved" by copper."""
    answer = bill(NVL72, choose(load.link("dsp-1.6t"), LINKS, copper=False), load.switch("nvswitch4"), CX8)
    assert answer.link_watts.typical == pytest.approx(19.4e3, rel=0.003)


def test_nvl72_is_wired_in_copper() -> None:
    answer = bill(NVL72, choose(load.link("dsp-1.6t"), LINKS), load.switch("nvswitch4"), CX8)
    assert answer.links[0].ends == ("backplane-200g", "backplane-200g")
    assert (answer.copper_cables, answer.modules, answer.link_watts.typical) == (1296, 0, 0.0)


@pytest.mark.parametrize(
    ("topology", "dollars"),
    [
        (designed("fat tree, 2 tiers", 96, 2_048, 2_048), 9e6),
        (designed("fat tree, 8 planes", 768, 16_384, 16_384), 72e6),
        (designed("fat tree, 3 tiers", 5_120, 131_072, 65_536), 491e6),
        (designed("slim fly", 1_568, 32_928, 32_928), 146e6),
        (designed("dragonfly", 16_352, 384_272, 261_632), 1_522e6),
    ],
    ids=lambda value: value.kind if isinstance(value, Topology) else "",
)
def test_deepseek_isca25_table_3(topology: Topology, dollars: float) -> None:
    """Three prices give the table's costs to 0.55 %: $10.8k a switch, $2.73k a trunk, $1.17k an endpoint link.

    The table is itself a cost model (Slim Fly's), so these are a model of a model.
    """
    trunk = costing("dsp-400g", 2_729.4)
    priced = Choice(optics=trunk, nic_optics=trunk, copper=(costing("dac-400g", 1_167.8),))
    switch = load.switch("qm9700").model_copy(update={"price": usd(10_761)})
    answer = bill(topology, priced, switch, CX7.model_copy(update={"price": usd(0)}))
    assert answer.price.typical == pytest.approx(dollars, rel=0.0055)
    assert answer.copper_cables == topology.endpoints


def test_lasers_of_128k_gpus_are_claims() -> None:
    """Vendors' claims: 5 M lasers in pluggables, 1 M with co-packaged optics. Switch ends hold 5.2 M and 0.7 M.

    The adapters' pluggables make the second 1.7 M at 8 lasers each; where four lanes share one they all but vanish.
    """
    at_adapters = 131_072 * Range(2.0, 8.0, 8.0)
    plugged = bill(GPUS_131K, with_dsp_adapters("dsp-800g"), load.switch("q3400"), CX8).lasers
    packaged = bill(GPUS_131K, with_dsp_adapters("cpo-nvidia"), load.switch("q3450-ld"), CX8).lasers
    assert plugged.typical - at_adapters.typical == pytest.approx(5e6, rel=0.05)
    assert packaged.typical - at_adapters.typical == 655_360
    assert packaged.low < 1e6 < packaged.high


# The reach rule


@pytest.mark.parametrize(
    ("metres", "expected"),
    [(1.0, "dac-800g"), (3.0, "dac-800g"), (5.0, "acc-800g"), (7.0, "aec-800g"), (7.1, "dsp-800g")],
)
def test_copper_where_it_reaches(metres: float, expected: str) -> None:
    host = LinkClass("host", 1, G800, metres, ("nic", "switch"))
    ends = serve(host, choose(load.link("dsp-800g"), LINKS))
    assert ends.first is not None and ends.first.id == expected


def test_faster_lanes_leave_less_to_copper() -> None:
    host = LinkClass("host", 1, G800, 2.5, ("nic", "switch"))
    assert serve(host, choose(load.link("dsp-800g"), LINKS)).links[0].technology == "dac"
    assert serve(host, choose(load.link("dsp-1.6t"), LINKS)).links[0].technology == "aec"


def test_a_mirror_needs_light_and_no_module() -> None:
    choice = choose(load.link("dsp-800g"), LINKS)
    ends = serve(LinkClass("cube", 1, G800, 1.0, ("chip", "ocs")), choice)
    assert ends.second is None and not ends.is_copper and ends.links == (choice.optics,)


def test_engines_are_not_in_adapters() -> None:
    """Adapters of a co-packaged network keep pluggables of the same lane rate."""
    assert choose(load.link("cpo-nvidia"), LINKS).nic_optics.id == "dsp-1.6t"
    assert choose(load.link("npo"), LINKS).nic_optics.id == "dsp-800g"
    assert choose(load.link("lpo"), LINKS).nic_optics.id == "lpo-800g"


def test_two_links_share_a_twin_port_module_in_a_switch_only() -> None:
    trunk, module = LinkClass("trunk", 7, G400, 20.0, ("switch", "switch")), load.link("dsp-800g")
    assert modules(trunk, "switch", module) == 4
    assert modules(trunk, "nic", module) == 7
    assert modules(replace(trunk, rate=2 * G800), "nic", module) == 14


# Any network

OPTICS = [load.link(name) for name in ("dsp-800g", "lro-800g", "lpo-800g", "npo-3.2t", "cpo-bailly")]
TREES = st.builds(
    fat_tree,
    endpoints=st.integers(1, 200_000),
    radix=st.just(64),
    rate=st.sampled_from([G400, G800]),
    host_reach=st.sampled_from([2.0, 4.0, 6.0, 30.0]),
)


def bills(tree: Topology) -> list[Bill]:
    return compare(tree, OPTICS, LINKS, SWITCHES, load.switch("tomahawk5"), CX8)


@given(tree=TREES)
def test_links_take_less_from_dsp_to_co_packaged(tree: Topology) -> None:
    watts = [answer.link_watts.typical for answer in bills(tree)]
    # Adapters of the co-packaged keep DSPs, those of the linear do not.
    assert watts[0] > watts[1] > watts[2]
    assert watts[0] > watts[3] > watts[4]


@given(tree=TREES)
def test_a_bill_is_the_sum_of_its_lines(tree: Topology) -> None:
    for answer in bills(tree):
        assert answer.cables == tree.cables
        assert answer.watts == total(line.watts for line in answer.lines)
        assert answer.price.typical == pytest.approx(sum(line.price.typical for line in answer.lines))
        assert answer.modules == sum(line.modules for line in answer.links if not line.is_copper)
        assert (answer.fibres == 0) == (answer.copper_cables == answer.cables)
        assert answer.switches.count == tree.switches


@given(tree=TREES, factor=st.integers(2, 9))
def test_watts_and_prices_are_proportional_to_links(tree: Topology, factor: int) -> None:
    def scaled(line: Line) -> tuple[Range, Range, Range]:
        return line.watts * factor, line.price * factor, line.lasers * factor

    many = replace(tree, links=tuple(replace(link, count=link.count * factor) for link in tree.links))
    roomy = load.switch("tomahawk5").model_copy(update={"capacity": Figure(value=1e18, text="", source="any")})
    choice = choose(load.link("dsp-800g"), LINKS)
    pairs = zip(bill(tree, choice, roomy, CX8).links, bill(many, choice, roomy, CX8).links, strict=True)
    for one, line in pairs:
        for expected, found in zip(scaled(one), (line.watts, line.price, line.lasers), strict=True):
            assert found.typical == pytest.approx(expected.typical)
            assert found.high == pytest.approx(expected.high)


@given(tree=TREES)
def test_copper_never_costs_watts_dollars_or_lasers(tree: Topology) -> None:
    dsp = load.link("dsp-800g")
    switch = load.switch("tomahawk5")
    wired, lit = (bill(tree, choose(dsp, LINKS, copper=copper), switch, CX8) for copper in (True, False))
    assert wired.watts.typical <= lit.watts.typical
    assert wired.price.typical <= lit.price.typical
    assert wired.lasers.typical <= lit.lasers.typical
    assert wired.failures.typical <= lit.failures.typical


def test_two_planes_take_one_adapter_of_two_ports() -> None:
    tree = fat_tree(512, 128, G400)
    planes = replace(tree, planes=2, links=tuple(replace(link, count=2 * link.count) for link in tree.links))
    planes = replace(planes, tiers=tuple(replace(tier, switches=2 * tier.switches) for tier in tree.tiers))
    answer = bill(planes, choose(load.link("dsp-800g"), LINKS), load.switch("tomahawk5"), CX8)
    assert answer.nics.count == 512


def test_a_dsp_adds_100_ns_to_a_link() -> None:
    retimed, linear = (bill(GPUS_131K, with_dsp_adapters(name), SWITCHES["q3400"], CX8) for name in ("dsp", "lpo"))
    assert [line.latency.typical for line in retimed.links] == pytest.approx([100e-9, 100e-9, 100e-9])
    assert [line.latency.typical for line in linear.links] == pytest.approx([50e-9, 0.0, 0.0])


# Bad input


def test_a_radix_above_the_switch_is_refused() -> None:
    with pytest.raises(InputError, match="at most 64 ports, and tier `leaf` takes 144"):
        bill(GPUS_131K, with_dsp_adapters("dsp-800g"), load.switch("qm9700"), CX8)


def test_links_above_the_switch_are_refused() -> None:
    with pytest.raises(InputError, match=r"plug into \d+ `qm9700`.*expected a switch of higher port rate"):
        bill(fat_tree(1024, 64, G800), with_dsp_adapters("dsp-800g"), load.switch("qm9700"), CX8)


def test_links_beyond_the_optics_are_refused() -> None:
    campus = replace(GPUS_131K, links=(replace(GPUS_131K.links[2], reach=2000.0),))
    with pytest.raises(InputError, match="`dsp-800g` reaches 500 m, and the links `spine-core` are 2000 m long"):
        bill(campus, with_dsp_adapters("dsp-800g"), load.switch("q3400"), CX8)


def test_mirrors_and_packet_switches_do_not_stand_for_each_other() -> None:
    torus = Topology(
        kind="torus", endpoints=4096, planes=1, tiers=(Tier("circuits", 48, 136, 6144),), bisection=0.0, hops=1,
        links=(LinkClass("cube", 6144, G800, 50.0, ("chip", "ocs")),),
    )  # fmt: skip
    choice = choose(load.link("dsp-800g"), LINKS)
    assert bill(torus, choice, load.switch("ocs"), CX8).modules == 6144
    with pytest.raises(InputError, match="cannot switch a torus; expected an optical circuit switch"):
        bill(torus, choice, load.switch("sn5600"), CX8)
    with pytest.raises(InputError, match="expected a packet switch"):
        bill(GPUS_131K, choice, load.switch("ocs-300"), CX8)


def test_copper_is_no_optics() -> None:
    with pytest.raises(InputError, match="`aec-800g` is copper; expected optics"):
        choose(load.link("aec"), LINKS)


def test_ranges_are_in_order() -> None:
    with pytest.raises(ValueError, match="not in order"):
        Range(2.0, 1.0, 3.0)


def usd(value: float) -> Figure:
    return Figure(value=value, text=f"${value}", source="the fit")


def costing(name: str, dollars: float) -> Link:
    """A link technology whose cable and ends cost so much together."""
    return load.link(name).model_copy(update={"end_price": None, "cable_price": usd(dollars)})

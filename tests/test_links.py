"""The catalog's links, switches and adapters: published figures, what is marked as doubtful, lookups."""

from __future__ import annotations

import pytest

from petaday.catalog import load
from petaday.catalog.figure import Figure
from petaday.catalog.link import Link
from petaday.catalog.switch import Nic, Switch
from petaday.errors import InputError
from petaday.fabric.optics import fit

LINKS = sorted(load.links())
SWITCHES = sorted(load.switches())
NICS = sorted(load.nics())


def figures(part: Link | Switch | Nic) -> list[Figure]:
    return [value for _, value in part if isinstance(value, Figure)]


# Published figures


@pytest.mark.parametrize(
    ("link", "picojoules"),
    [("dsp-1.6t", 18.75), ("dsp-400g", 22.5), ("cpo-nvidia", 5.625), ("lpo-800g", 10.625), ("cpo-bailly", 6.875)],
)
def test_energy_per_bit(link: str, picojoules: float) -> None:
    """30 W, 9 W and 8.5 W at 1.6 Tb/s, 400 Gb/s and 800 Gb/s, and 9 W of NVIDIA's 1.6 Tb/s engine."""
    assert load.link(link).energy_per_bit * 1e12 == pytest.approx(picojoules)


def test_hpn_link_failures_are_780_fit() -> None:
    """Alibaba HPN, SIGCOMM 2024 section 2.3: 0.057 % of 400 Gb/s access links fail a month; a link has two ends."""
    link = 2 * load.link("dsp-400g").failures_per_year.value
    assert link == pytest.approx(12 * 0.057e-2)
    assert fit(link) == pytest.approx(780, abs=1)


def test_a_switch_of_144_ports_saves_1_5_or_3_1_kw() -> None:
    """NVIDIA's watts a port and Lambda's whole switches differ twofold; both are bounds of one figure."""
    cages, built_in = load.switch("q3400"), load.switch("q3450-ld")
    pluggable = cages.power.value + 72 * load.link("dsp-1.6t").power.value
    engines = 72 * load.link("cpo-nvidia").power.value
    assert pluggable == pytest.approx(7000)
    assert built_in.power.low is not None and built_in.power.high is not None
    assert built_in.power.low + engines == pytest.approx(3950)
    assert pluggable - (built_in.power.low + engines) == pytest.approx(3050)
    assert pluggable - (built_in.power.high + engines) == pytest.approx(72 * (30 - 9))


def test_a_million_port_hours_without_a_flap_bound_little() -> None:
    """Zero events in 1 M hours leave up to 3.0e-6/h (95 %), four 400 Gb/s ports to an engine of 1.6 Tb/s."""
    high = load.link("cpo-nvidia").failures_per_year.high
    assert high == pytest.approx(4 * 3.0e-6 * 8760, rel=0.01)


@pytest.mark.parametrize(
    ("switch", "radix", "gigabits"),
    [("sn5600", 64, 800), ("sn5600", 128, 400), ("qm9700", 64, 400), ("q3400", 144, 800), ("nvswitch4", 72, 400)],
)
def test_port_rates(switch: str, radix: int, gigabits: float) -> None:
    assert load.switch(switch).port_rate(radix) * 8e-9 == pytest.approx(gigabits)


# Every part


@pytest.mark.parametrize("name", LINKS)
def test_a_link_is_consistent(name: str) -> None:
    link = load.link(name)
    assert link.lane_rate * 8e-9 in (100.0, 200.0)
    assert link.is_copper == (link.fibres == 0) == (link.lasers is None) == (link.end_price is None)
    assert link.is_copper == (link.repair_unit == "cable")
    assert link.is_co_packaged == ("nic" not in link.ends) or link.technology == "backplane"


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_consistent(name: str) -> None:
    switch = load.switch(name)
    assert list(switch.radixes) == sorted(switch.radixes)
    assert switch.asic_power is None or switch.asic_power.value < switch.power.value
    if switch.optics is not None:
        assert load.link(switch.optics).is_co_packaged
    if switch.twin is not None:
        twin = load.switch(switch.twin)
        assert twin.capacity.value == switch.capacity.value and twin.optics is None


@pytest.mark.parametrize("part", [*load.links().values(), *load.switches().values(), *load.nics().values()])
def test_what_is_guessed_is_marked(part: Link | Switch | Nic) -> None:
    """A source that is memory, a guess or unread belongs to an estimate, unless it is the source of a bound only."""
    for figure in figures(part):
        said = figure.source.split("; low:")[0].split("; high:")[0]
        if any(word in said for word in ("from memory", "a guess", "no figure", "no price", "was read")):
            assert figure.estimate, f"{part.id}: {figure.text}"


# Lookups


def test_names_and_aliases_find_parts() -> None:
    assert load.link("DSP").id == "dsp-800g"
    assert load.link("cpo").id == "cpo-nvidia"
    assert load.switch("Quantum X800").id == "q3400"
    assert load.nic("CX8").id == "connectx-8"


def test_unknown_names_tell_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no link technology `dsp-900g`.*dsp-800g"):
        load.link("dsp-900g")
    with pytest.raises(InputError, match=r"no switch `sn5601`.*sn5600"):
        load.switch("sn5601")
    with pytest.raises(InputError, match=r"no network adapter `connectx-77`.*connectx-7"):
        load.nic("connectx-77")


def test_refresh_reads_again() -> None:
    before = load.links()
    load.refresh()
    assert load.links() is not before and load.links() == before

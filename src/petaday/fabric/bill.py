"""What a network takes in modules, fibres, lasers, watts, dollars and repairs, for any choice of optics.

Every sum is a range: a part's low, typical and high figures each times its count. Watts and prices of an end scale
with the share of it that a link uses, so a 400 Gb/s link takes half of a twin-port 800 Gb/s module.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from petaday.catalog.link import Link
from petaday.catalog.switch import Nic, Switch
from petaday.errors import InputError
from petaday.fabric.optics import Choice, Ends, choose, modules, serve
from petaday.fabric.ranges import ZERO, Range, span, total
from petaday.fabric.topology.shape import LinkClass, Topology


@dataclass(frozen=True)
class Line:
    """A class of links, or a kind of device, in the bill.

    Attributes
    ----------
    count: links or devices
    ends: ids of the parts at a link's two ends, or of the device; "" where light only passes through
    modules: modules and engines plugged or built in; fibres: both directions
    lasers: of all modules
    watts: W
    price: US dollars
    failures: a year
    latency: seconds that a link's electronics add to the time of flight
    """

    name: str
    count: int
    ends: tuple[str, ...]
    is_copper: bool
    modules: int
    fibres: int
    lasers: Range
    watts: Range
    price: Range
    failures: Range
    latency: Range = ZERO


@dataclass(frozen=True)
class Bill:
    """A network's bill under one choice of optics: its links by class, its switches, its adapters."""

    optics: str
    links: tuple[Line, ...]
    switches: Line
    nics: Line

    @property
    def lines(self) -> tuple[Line, ...]:
        """Links, switches and adapters."""
        return (*self.links, self.switches, self.nics)

    @property
    def cables(self) -> int:
        """Links of all classes."""
        return sum(line.count for line in self.links)

    @property
    def copper_cables(self) -> int:
        """Links that are wired in copper."""
        return sum(line.count for line in self.links if line.is_copper)

    @property
    def modules(self) -> int:
        """Optical modules and engines."""
        return sum(line.modules for line in self.links)

    @property
    def fibres(self) -> int:
        """Fibres of all links, both directions."""
        return sum(line.fibres for line in self.links)

    @property
    def lasers(self) -> Range:
        """Lasers of all modules."""
        return total(line.lasers for line in self.links)

    @property
    def link_watts(self) -> Range:
        """W of all link ends, without switches and adapters."""
        return total(line.watts for line in self.links)

    @property
    def watts(self) -> Range:
        """W of links, switches and adapters."""
        return total(line.watts for line in self.lines)

    @property
    def price(self) -> Range:
        """US dollars of links, switches and adapters."""
        return total(line.price for line in self.lines)

    @property
    def failures(self) -> Range:
        """Failures a year of links, switches and adapters."""
        return total(line.failures for line in self.lines)


def bill(topology: Topology, choice: Choice, switch: Switch, nic: Nic) -> Bill:
    """What a topology takes when its links are what `choice` says and its switches and adapters are these.

    Raises
    ------
    InputError : the switch cannot be these switches, or the optics do not reach
    """
    _fits(topology, switch)
    return Bill(
        optics=choice.optics.id,
        links=tuple(_links(links, serve(links, choice)) for links in topology.links),
        switches=_devices("switches", topology.switches, switch),
        nics=_devices("adapters", _adapters(topology, nic), nic),
    )


def compare(
    topology: Topology,
    optics: Iterable[Link],
    links: Mapping[str, Link],
    switches: Mapping[str, Switch],
    switch: Switch,
    nic: Nic,
    copper: bool = True,
) -> list[Bill]:
    """One bill for each of the optics. Co-packaged ones come in the switch's twin that has them built in.

    Where the catalog knows no such twin the switch itself stands for it, so that only the link ends change.
    """
    return [
        bill(topology, choose(each, links, copper), _twin(switch, each, switches.values()), nic) for each in optics
    ]


def _twin(switch: Switch, optics: Link, switches: Iterable[Switch]) -> Switch:
    twins = [other for other in switches if other.twin == switch.id and other.optics == optics.id]
    return twins[0] if twins else switch


def _links(links: LinkClass, ends: Ends) -> Line:
    at_ends = [(end, link) for end, link in zip(links.ends, (ends.first, ends.second), strict=True) if link]
    shares = [links.count * links.rate / link.rate.value for _, link in at_ends]
    counts = [modules(links, end, link) for end, link in at_ends]
    # The engine's or module's cable, where the two ends differ the one with more fibres.
    cable = max(ends.links, key=lambda link: link.fibres * links.rate / link.rate.value)
    parts = list(zip(ends.links, shares, counts, strict=True))
    return Line(
        name=links.name,
        count=links.count,
        ends=tuple("" if link is None else link.id for link in (ends.first, ends.second)),
        is_copper=ends.is_copper,
        modules=0 if ends.is_copper else sum(counts),
        fibres=links.count * math.ceil(cable.fibres * links.rate / cable.rate.value - 1e-9),
        lasers=total(span(link.lasers) * share for link, share, _ in parts),
        watts=total(span(link.power) * share for link, share, _ in parts),
        price=total(span(link.end_price) * share for link, share, _ in parts)
        + span(cable.cable_price) * (links.count * links.rate / cable.rate.value),
        failures=total(span(link.failures_per_year) * count for link, _, count in parts),
        latency=total(span(link.latency) * 0.5 for link in ends.links),
    )


def _devices(name: str, count: int, part: Switch | Nic) -> Line:
    return Line(
        name=name,
        count=count,
        ends=(part.id,),
        is_copper=False,
        modules=0,
        fibres=0,
        lasers=ZERO,
        watts=span(part.power) * count,
        price=span(part.price) * count,
        failures=span(part.failures_per_year) * count,
    )


def _adapters(topology: Topology, nic: Nic) -> int:
    """Adapters that carry the rate of all NIC ends: an 800 Gb/s adapter has two ports in a network of two planes."""
    rate = sum(links.count * links.rate * links.ends.count("nic") for links in topology.links)
    return math.ceil(rate / nic.bandwidth.value - 1e-9)


def _fits(topology: Topology, switch: Switch) -> None:
    circuits = topology.switches > 0 and topology.ends_at("switch") == 0
    if topology.switches and circuits != (switch.technology == "optical-circuit"):
        expected = "an optical circuit switch" if circuits else "a packet switch"
        raise InputError(f"`{switch.id}` cannot switch a {topology.kind}", expected=expected)
    widest = max(switch.radixes)
    for tier in topology.tiers:
        if tier.radix > widest:
            raise InputError(
                f"`{switch.id}` has at most {widest} ports, and tier `{tier.name}` takes {tier.radix}",
                expected=f"a switch of {tier.radix} ports or a topology of radix {widest}",
            )
    plugged = sum(links.count * links.rate * links.ends.count("switch") for links in topology.links)
    capacity = topology.switches * switch.capacity.value
    if plugged > capacity * (1 + 1e-9):
        raise InputError(
            f"links of {plugged * 8e-12:,.1f} Tb/s plug into {topology.switches} `{switch.id}`"
            f" of {capacity * 8e-12:,.1f} Tb/s",
            expected="a switch of higher port rate, or slower links",
        )

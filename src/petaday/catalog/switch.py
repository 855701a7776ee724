"""Switches and network adapters as catalog parts, without the optics that plug into them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from petaday.catalog.chip import Bandwidth, Money, Power
from petaday.catalog.network import Ratio, Time
from petaday.catalog.part import Id, Part


class Switch(Part):
    """A switch. Its capacity divides evenly over any of its radixes.

    capacity: B/s per direction over all ports; radixes: ports it can be split into, fewest first
    power: W of the system without modules or engines; asic_power: W of the switching chips alone
    optics: the co-packaged link built into it; twin: the same switch with cages
    """

    technology: Literal["infiniband", "ethernet", "nvlink", "ualink", "optical-circuit"]
    capacity: Bandwidth
    radixes: Annotated[tuple[int, ...], Field(min_length=1)]
    power: Power
    asic_power: Power | None = None
    price: Money
    latency: Time | None = None
    failures_per_year: Ratio
    cooling: Literal["air", "liquid"] = "air"
    optics: Id | None = None
    twin: Id | None = None
    notes: str = ""

    def port_rate(self, radix: int) -> float:
        """B/s per direction of a port when the switch is split into `radix` of them."""
        return self.capacity.value / radix


class Nic(Part):
    """A network adapter, without the module in its cage. bandwidth: B/s per direction over all of its ports."""

    bandwidth: Bandwidth
    power: Power
    price: Money
    failures_per_year: Ratio
    notes: str = ""

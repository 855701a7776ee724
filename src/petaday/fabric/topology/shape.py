"""What every topology is counted in: tiers of switches, classes of links, bisection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

End = Literal["chip", "nic", "switch", "ocs"]


@dataclass(frozen=True)
class Tier:
    """Switches of one tier over all planes: `radix` ports each, `ports_used` of all of them together."""

    name: str
    switches: int
    radix: int
    ports_used: int


@dataclass(frozen=True)
class LinkClass:
    """Links of one class: `count` cables of `rate` B/s each way, at most `reach` metres long."""

    name: str
    count: int
    rate: float
    reach: float
    ends: tuple[End, End]


@dataclass(frozen=True)
class Topology:
    """Exact counts of a network.

    endpoints: chips (or NIC ports) that it joins; planes: independent copies that share the endpoints
    bisection: B/s one way across the worst even cut; hops: switches on the longest shortest path
    parameters: the numbers that define it, for graphs and reports
    """

    kind: str
    endpoints: int
    planes: int
    tiers: tuple[Tier, ...]
    links: tuple[LinkClass, ...]
    bisection: float
    hops: int
    parameters: dict[str, int | float] = field(default_factory=dict)

    @property
    def switches(self) -> int:
        """Switches of all tiers and planes."""
        return sum(tier.switches for tier in self.tiers)

    @property
    def cables(self) -> int:
        """Links of all classes."""
        return sum(link.count for link in self.links)

    def ends_at(self, end: End) -> int:
        """Link ends that plug into one kind of device."""
        return sum(link.count * link.ends.count(end) for link in self.links)

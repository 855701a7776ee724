"""What every topology is counted in: tiers of switches, classes of links, bisection."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from petaday.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

End = Literal["chip", "nic", "switch", "ocs"]


@dataclass(frozen=True)
class Tier:
    """Switches of one tier over all planes: `radix` ports each, `ports_used` of all of them together.

    A port that is split in slower ones counts once in `radix` and as often as it is split in `ports_used`.
    """

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

    endpoints: chips that it joins, or nodes where each of a node's chips is on a plane of its own
    planes: independent copies that share the endpoints, each with a port on every plane
    bisection: B/s one way across the worst even cut
    hops: switches on the longest shortest path; where chips pass traffic on, those
    parameters: the numbers that define it, for reports
    shape: the closed form that it was counted from, for graphs
    """

    kind: str
    endpoints: int
    planes: int
    tiers: tuple[Tier, ...]
    links: tuple[LinkClass, ...]
    bisection: float
    hops: int
    parameters: dict[str, int | float] = field(default_factory=dict)
    shape: object = None

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


def parameters(shape: DataclassInstance, **derived: int) -> dict[str, int | float]:
    """The numbers among a shape's fields, and derived ones."""
    values: dict[str, Any] = {each.name: getattr(shape, each.name) for each in fields(shape)}
    return {name: value for name, value in values.items() if isinstance(value, int | float)} | derived


def at_least(fewest: int, name: str, value: int) -> None:
    """Raise an InputError where a count is too small."""
    if value < fewest:
        raise InputError(f"{name} of {value}", field=name, expected=f"at least {fewest}")


def whole_nodes(chips: int, rails: int) -> None:
    """Raise an InputError where chips are no whole nodes of one chip a rail."""
    at_least(1, "rails", rails)
    if left := chips % rails:
        below = chips - left
        expected = f"{below:,} or {below + rails:,}" if below else f"{rails:,}"
        raise InputError(f"{chips:,} chips are no whole nodes of {rails} rails", field="endpoints", expected=expected)


def completed(reaches: tuple[float, ...], defaults: tuple[float, ...]) -> tuple[float, ...]:
    """Reaches as given, then the defaults of the classes of links that were left out."""
    if len(reaches) > len(defaults):
        message = f"{len(reaches)} reaches for {len(defaults)} classes of links"
        raise InputError(message, field="reaches", expected=f"at most {len(defaults)}")
    return reaches + defaults[len(reaches) :]

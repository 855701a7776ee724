"""A topology by the name of its kind and a number of chips, with everything else chosen sensibly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from petaday.errors import InputError, nearest_names
from petaday.fabric.topology import scale_up
from petaday.fabric.topology.clos import RATE, Clos, clos, fewest_tiers, rail_only
from petaday.fabric.topology.direct import Dragonfly, SlimFly, Torus, dragonfly, slim_fly, torus
from petaday.fabric.topology.shape import Topology, whole_nodes

Kind = Literal[
    "fat-tree",
    "rail-optimised",
    "rail-only",
    "dragonfly",
    "slim-fly",
    "torus",
    "nvl8",
    "nvl8-blackwell",
    "nvl72",
    "nvl576",
    "cloudmatrix384",
    "ualink-pod",
    "tpu-cube",
]

_DOMAINS: dict[str, Callable[[], Topology]] = {
    "nvl8": scale_up.nvl8_hopper,
    "nvl8-blackwell": scale_up.nvl8_blackwell,
    "nvl72": scale_up.nvl72,
    "nvl576": scale_up.nvl576,
    "cloudmatrix384": scale_up.cloudmatrix384,
    "tpu-cube": scale_up.tpu_cube,
}

_TAKES = {
    "fat-tree": ("tiers", "planes", "oversubscription", "reaches"),
    "rail-optimised": ("tiers", "planes", "oversubscription", "reaches"),
    "rail-only": ("reaches",),
    "dragonfly": ("reaches",),
    "slim-fly": ("reaches",),
    "torus": ("reaches",),
    "ualink-pod": ("planes",),
}


def build(
    kind: str,
    *,
    endpoints: int,
    radix: int,
    tiers: int | None = None,
    rails: int = 8,
    planes: int = 1,
    oversubscription: tuple[float, ...] = (),
    rate: float = RATE,
    reaches: tuple[float, ...] = (),
) -> Topology:
    """The topology of a kind that joins so many chips.

    Parameters
    ----------
    kind: one of `Kind`; those that one buys whole (NVL72 ...) have their own rates, reaches and number of chips
    endpoints: chips
    radix: ports of a switch
    tiers: of a fat tree; None: as few as join the chips
    rails: chips of a node, each on a rail of its own; of rail kinds only
    planes: independent copies of a fat tree; ports of an accelerator in a UALink pod
    oversubscription: of a fat tree's leaves and then spines
    rate: B/s of a port each way
    reaches: metres of the longest cable of each class of links, in order; the kind's own where left out

    Raises
    ------
    InputError : no such kind, none of that size, or a choice that the kind does not leave; names the nearest
    """
    if kind not in get_args(Kind):
        raise InputError(
            f"no topology is called `{kind}`",
            field="kind",
            expected=f"one of {', '.join(get_args(Kind))}",
            nearest=nearest_names(kind, get_args(Kind)),
        )
    _refuse(kind, tiers=tiers is not None, planes=planes != 1, oversubscription=oversubscription, reaches=reaches)
    if kind in _DOMAINS:
        return _domain(kind, endpoints)
    if kind == "ualink-pod":
        return scale_up.ualink_pod(radix, planes, endpoints)
    if kind == "rail-only":
        whole_nodes(endpoints, rails)
        return clos(rail_only(endpoints // rails, rails, radix), rate, reaches=reaches, kind=kind)
    if kind in ("fat-tree", "rail-optimised"):
        rails = rails if kind == "rail-optimised" else 1
        tiers = fewest_tiers(endpoints, radix, rails, oversubscription) if tiers is None else tiers
        return clos(Clos(endpoints, radix, tiers, planes, oversubscription, rails), rate, reaches=reaches)
    return _direct(kind, endpoints, radix, rate, reaches)


def _refuse(kind: str, **given: object) -> None:
    for name, value in given.items():
        if value and name not in _TAKES.get(kind, ()):
            taking = " or ".join(other for other, names in _TAKES.items() if name in names)
            raise InputError(f"a {kind} leaves no choice of {name}", field=name, expected=f"none, or a {taking}")


def _domain(kind: str, endpoints: int) -> Topology:
    domain = _DOMAINS[kind]()
    if domain.endpoints != endpoints:
        raise InputError(f"{kind} of {endpoints:,} chips", field="endpoints", expected=f"{domain.endpoints:,}")
    return domain


def _direct(kind: str, endpoints: int, radix: int, rate: float, reaches: tuple[float, ...]) -> Topology:
    if kind == "dragonfly":
        built = dragonfly(Dragonfly.of(endpoints), rate, reaches)
    elif kind == "slim-fly":
        built = slim_fly(SlimFly.of(endpoints), rate, reaches)
    else:
        built = torus(Torus.of(endpoints), rate, reaches)
    (tier,) = built.tiers
    if tier.radix > radix:
        raise InputError(
            f"a {kind} of {endpoints:,} takes {tier.radix} ports of a switch, not {radix}",
            field="radix",
            expected=f"at least {tier.radix}",
        )
    return built

"""What a Clos network can be: how a switch's ports split, how many endpoints fit, and errors that name what would."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Protocol

from petaday.errors import InputError
from petaday.fabric.topology.shape import at_least, whole_nodes


class ClosNumbers(Protocol):
    """The numbers of a Clos network that a check looks at; `clos.Clos` has them."""

    @property
    def endpoints(self) -> int: ...
    @property
    def radix(self) -> int: ...
    @property
    def tiers(self) -> int: ...
    @property
    def planes(self) -> int: ...
    @property
    def rails(self) -> int: ...
    @property
    def oversubscription(self) -> tuple[float, ...]: ...
    @property
    def leaf_ports(self) -> tuple[int, int] | None: ...
    @property
    def pod_leaves(self) -> int: ...
    @property
    def spine_down(self) -> int: ...
    @property
    def max_endpoints(self) -> int: ...
    def ratio(self, tier: int) -> float: ...


def split(radix: int, ratio: float) -> tuple[int, int]:
    """Ports (down, up) with as many down as leave at least down/ratio up."""
    down = math.floor(radix * ratio / (ratio + 1) + 1e-9)
    return down, math.ceil(down / ratio - 1e-9)


def capacity(radix: int, tiers: int, rails: int, leaf_down: int, leaves_per_pod: int) -> int:
    """Endpoints that a plane joins at most: a spine reaches `radix` leaves, a core as many pods."""
    leaves = {1: 1, 2: radix, 3: leaves_per_pod * radix}[tiers]
    return leaves // rails * rails * leaf_down


def joins(endpoints: int, radix: int, tiers: int, rails: int, oversubscription: tuple[float, ...]) -> bool:
    """Whether a network of switches split by these ratios, in full pods, has room for so many endpoints."""
    of_leaf, of_spine = (*oversubscription, 1.0, 1.0)[:2]
    leaf_down = radix if tiers == 1 else split(radix, of_leaf)[0]
    return capacity(radix, tiers, rails, leaf_down, split(radix, of_spine)[0]) >= endpoints


def check(shape: ClosNumbers) -> None:
    """Raise an InputError where no such network can be built."""
    for name in ("endpoints", "planes"):
        at_least(1, name, getattr(shape, name))
    at_least(2, "radix", shape.radix)
    if shape.tiers not in (1, 2, 3):
        raise InputError(f"{shape.tiers} tiers", field="tiers", expected="1, 2 or 3")
    if shape.tiers == 1 and shape.rails > 1:
        raise InputError("rails without a spine are planes", field="rails", expected="1, and as many planes as rails")
    whole_nodes(shape.endpoints, shape.rails)
    _check_ratios(shape)
    _check_leaf_and_pod(shape)
    if shape.endpoints > shape.max_endpoints:
        raise _too_many(shape)


def _check_ratios(shape: ClosNumbers) -> None:
    if len(shape.oversubscription) > shape.tiers - 1:
        raise InputError(
            f"{len(shape.oversubscription)} oversubscription ratios for {shape.tiers} tiers",
            field="oversubscription",
            expected=f"at most {shape.tiers - 1}, one for each tier with uplinks",
        )
    for ratio in shape.oversubscription:
        if not 1 <= ratio <= shape.radix - 1:
            raise InputError(
                f"a ratio of {ratio:g}" + (f" leaves no uplink on {shape.radix} ports" if ratio > 1 else ""),
                field="oversubscription",
                expected=f"1 to {shape.radix - 1}",
            )


def _check_leaf_and_pod(shape: ClosNumbers) -> None:
    if shape.leaf_ports is not None:
        down, up = shape.leaf_ports
        at_least(1, "leaf_ports", down)
        if (shape.tiers > 1) != (up > 0):
            expected = "at least 1 up" if shape.tiers > 1 else "0 up, as there is nothing above"
            raise InputError(f"leaf ports of {down} down and {up} up", field="leaf_ports", expected=expected)
        if shape.ratio(0) != 1:
            raise InputError("both leaf ports and a ratio of leaves", field="leaf_ports", expected="one of them")
    if shape.pod_leaves and (shape.tiers < 3 or not 0 < shape.pod_leaves <= shape.spine_down):
        most = f"1 to {shape.spine_down}, a spine's ports down, or 0 for as many"
        expected = most if shape.tiers == 3 else "0 without a third tier"
        raise InputError(f"pods of {shape.pod_leaves} leaves", field="pod_leaves", expected=expected)


def _too_many(shape: ClosNumbers) -> InputError:
    options = [f"at most {shape.max_endpoints:,} endpoints"] if shape.max_endpoints else []
    if shape.leaf_ports is None and not shape.pod_leaves:
        rest = (shape.rails, shape.oversubscription)
        if shape.tiers < 3 and joins(shape.endpoints, shape.radix, shape.tiers + 1, *rest):
            options.append(f"{shape.tiers + 1} tiers")
        radixes = range(shape.endpoints + 2 * shape.rails)
        enough = bisect_left(radixes, True, key=lambda radix: joins(shape.endpoints, radix, shape.tiers, *rest))
        options.append(f"a radix of {enough}")
    return InputError(
        f"a {shape.tiers}-tier network of radix {shape.radix} cannot join {shape.endpoints:,} endpoints",
        field="radix",
        expected=" or ".join(options),
    )

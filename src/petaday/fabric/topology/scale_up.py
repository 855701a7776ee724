"""Scale-up domains: chips joined by NVLink-class links, as one can buy them or as their makers announced them.

Most are a star: every chip's links go straight to switches. Larger ones are a Clos on each of their planes.
"""

from __future__ import annotations

from dataclasses import dataclass

from petaday.errors import InputError
from petaday.fabric.topology.clos import Clos, clos, fewest_tiers
from petaday.fabric.topology.direct import CUBE, Torus, torus
from petaday.fabric.topology.shape import LinkClass, Tier, Topology, at_least, parameters

BOARD = 0.5
"""Metres of the longest trace on a board of eight chips. An estimate."""

RACK = 1.3
"""Metres of the longest cable from a chip to switches in the middle of its rack. An estimate."""

ROW = 30.0
"""Metres of the longest cable to switches in another rack of the row. An estimate."""

UALINK_CHIPS = 1024
"""Accelerators of a pod (UALink 200G 1.0)."""

UALINK_REACH = 4.0
"""Metres of the longest UALink cable (UALink 200G 1.0)."""


@dataclass(frozen=True)
class Star:
    """`chips` of `links` each, dealt in turn to `switches` of `radix` ports."""

    chips: int
    links: int
    switches: int
    radix: int

    def __post_init__(self) -> None:
        for name in ("chips", "links", "switches", "radix"):
            at_least(1, name, getattr(self, name))
        at_least(self.switches, "links", self.links)
        most = self.radix // self.most_per_switch
        if self.chips > most:
            raise InputError(
                f"{self.chips} chips of {self.links} links do not fit {self.switches} switches of {self.radix} ports",
                field="chips",
                expected=f"at most {most} chips",
            )

    @property
    def most_per_switch(self) -> int:
        """Links of a chip to the switch that takes the most of them."""
        return -(-self.links // self.switches)


def star(shape: Star, rate: float, reach: float, kind: str = "star", pairs_per_link: int = 4) -> Topology:
    """Switches and links of a star. `rate`: B/s of a link each way; `reach`: metres of the longest.

    `pairs_per_link`: wire pairs of a link, two lanes each way in NVLink 4 and 5.
    """
    cables = shape.chips * shape.links
    return Topology(
        kind=kind,
        endpoints=shape.chips,
        planes=1,
        tiers=(Tier("switch", shape.switches, shape.radix, cables),),
        links=(LinkClass("chip-switch", cables, rate, reach, ("chip", "switch")),),
        bisection=cables / 2 * rate,
        hops=1,
        parameters=parameters(shape, pairs=cables * pairs_per_link),
        shape=shape,
    )


def nvl8_hopper() -> Topology:
    """HGX H100 and H200: 18 NVLink 4 links a GPU to four NVSwitches of 64 ports, 5 to two of them and 4 to two."""
    return star(Star(chips=8, links=18, switches=4, radix=64), 25e9, BOARD, "NVL8 (Hopper)")


def nvl8_blackwell() -> Topology:
    """HGX B200: 18 NVLink 5 links a GPU to two NVSwitches of 72 ports."""
    return star(Star(chips=8, links=18, switches=2, radix=72), 50e9, BOARD, "NVL8 (Blackwell)")


def nvl72() -> Topology:
    """GB200 and GB300 NVL72: one of a GPU's 18 NVLink 5 links to each of 18 NVSwitches of 72 ports, in 9 trays."""
    return star(Star(chips=72, links=18, switches=18, radix=72), 50e9, RACK, "NVL72")


def nvl576() -> Topology:
    """Eight racks of NVL72 under a second tier of NVSwitches, on each of the 18 planes.

    Full bisection by the closed form: 288 switches in the racks and 162 above, 9 a plane, as 8 do not divide a leaf's
    36 uplinks. No count is published.
    """
    return clos(Clos(endpoints=576, radix=72, planes=18), 50e9, reaches=(RACK, ROW), end="chip", kind="NVL576")


def cloudmatrix384() -> Topology:
    """Huawei CloudMatrix384: 48 nodes of 8 NPUs; on each of 7 planes a node's L1 switch is linked to 16 L2 switches.

    An NPU has 392 GB/s over 7 planes, 56 GB/s each; the links above are of 28 GB/s (arXiv:2506.12708). An L2 switch
    has 48 of them.
    """
    shape = Clos(endpoints=384, radix=48, planes=7, leaf_ports=(8, 16))
    return clos(shape, 56e9, 28e9, reaches=(BOARD, ROW), end="chip", kind="CloudMatrix384")


def ualink_pod(radix: int, ports: int, chips: int = UALINK_CHIPS) -> Topology:
    """A UALink pod: every port of 4 lanes (800 Gb/s) of an accelerator is on a plane of its own.

    Parameters
    ----------
    radix: ports of a switch, and ports of an accelerator; no such switch had a published radix when this was written

    Raises
    ------
    InputError : more accelerators than the standard addresses, or than three tiers join
    """
    if chips > UALINK_CHIPS:
        raise InputError(f"a UALink pod of {chips:,}", field="chips", expected=f"at most {UALINK_CHIPS:,}")
    shape = Clos(chips, radix, fewest_tiers(chips, radix), planes=ports)
    return clos(shape, 100e9, reaches=(UALINK_REACH,) * shape.tiers, end="chip", kind="UALink pod")


def tpu_cube() -> Topology:
    """A TPU v4 cube: 64 chips, closed to a torus by the optical circuit switches."""
    return torus(Torus(CUBE, CUBE, CUBE))

"""A scale-up interconnect as a catalog part: what collectives reach of a chip's link rate inside its domain."""

from __future__ import annotations

from petaday.catalog.chip import Count
from petaday.catalog.network import Ratio, Time
from petaday.catalog.part import Part


class ScaleUp(Part):
    """An interconnect. A chip's `scale_up_technology` begins with one of the `prefixes`.

    efficiency: share of the link rate that a ring keeps; latency: seconds a hop of a ring;
    in_switch_reduction: the switch adds on the fly, so an all-reduce moves its bytes once
    most_nics: NICs of one domain that a collective over several domains drives at once; None: all
    """

    prefixes: tuple[str, ...]
    efficiency: Ratio
    latency: Time
    in_switch_reduction: bool
    most_nics: Count | None = None

"""A scale-out network as a catalog part: one port of the adapter that a chip sends through."""

from __future__ import annotations

from typing import Annotated, Literal

from petaday.catalog.chip import Bandwidth
from petaday.catalog.figure import Figure, FigureOf
from petaday.catalog.part import Part
from petaday.units import Kind

Time = Annotated[Figure, FigureOf(Kind.TIME)]
Ratio = Annotated[Figure, FigureOf(Kind.RATIO)]


class Network(Part):
    """A port: line rate in B/s per direction, seconds of a small message, and the share that is reached."""

    technology: Literal["infiniband", "roce", "ethernet", "efa", "omni-path"]
    bandwidth: Bandwidth
    latency: Time  # host to host, through one or two switches
    efficiency: Ratio  # of the line rate, in large collectives

"""What carries several chips, a board or the boards of a rack, by what its carbon depends on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from petaday.catalog.chip import Area, Power
from petaday.catalog.figure import Figure, FigureOf
from petaday.catalog.network import Ratio
from petaday.catalog.part import Id, Part
from petaday.catalog.recipe import DieOf
from petaday.catalog.silicon import AreaMass
from petaday.units import Kind

Mass = Annotated[Figure, FigureOf(Kind.MASS)]


class Baseboard(Part):
    """A board of chips, or all boards of a rack. carries: ids of its chips; none of the one for all others.

    switches: dies of the switches on it, none where chips are joined directly or elsewhere
    circuit: m2 of printed circuit, modules included, with kg CO2e by area
    sink, sink_power: kg of heat sink that this many watts take; metal_carbon: kg CO2e by kg of it
    assembly: carbon of assembly, test and transport, as a share of all the rest
    """

    carries: tuple[Id, ...] = ()
    chips: Annotated[int, Field(ge=1)]
    switches: DieOf | None = None
    circuit: Area
    circuit_carbon: AreaMass
    sink: Mass
    sink_power: Power
    metal_carbon: Ratio
    assembly: Ratio

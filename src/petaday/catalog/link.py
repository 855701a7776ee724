"""A link technology as a catalog part: what one end of a cable costs in watts, money and failures.

Copper: dac (passive), backplane (passive, inside a rack), acc (redriven), aec (retimed). Optics: dsp (retimed
pluggable), lro (retimed towards the fibre only), lpo (no DSP), npo (engine beside the package), cpo (engine in it).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from petaday.catalog.chip import Bandwidth, Count, Money, Power
from petaday.catalog.figure import Figure, FigureOf
from petaday.catalog.network import Ratio, Time
from petaday.catalog.part import Part
from petaday.units import Kind

Length = Annotated[Figure, FigureOf(Kind.LENGTH)]
End = Literal["chip", "nic", "switch"]

COPPER = frozenset({"dac", "backplane", "acc", "aec"})
CO_PACKAGED = frozenset({"npo", "cpo"})


class Link(Part):
    """One technology at one rate. Figures are of one end (a module, an engine, a plug) at the whole rate.

    rate: B/s per direction; lanes: electrical lanes of an end per direction; reach: metres of cable
    latency: seconds that both ends together add to the time of flight
    end_price: of a module or engine, None where the ends belong to the cable; cable_price: of the copper or fibre
    fibres: in the cable, both directions; lasers: of an end; failures_per_year: of an end, 0.01 is 1 % a year
    """

    technology: Literal["dac", "backplane", "acc", "aec", "dsp", "lro", "lpo", "npo", "cpo"]
    rate: Bandwidth
    lanes: Annotated[int, Field(gt=0)]
    reach: Length
    power: Power
    latency: Time
    end_price: Money | None = None
    cable_price: Money
    fibres: Annotated[int, Field(ge=0)] = 0
    lasers: Count | None = None
    failures_per_year: Ratio
    repair_unit: Literal["cable", "module", "engine", "switch"]
    cooling: Literal["air", "liquid"] = "air"
    ends: tuple[End, ...] = ("chip", "nic", "switch")  # what an end can sit in
    notes: str = ""

    @property
    def is_copper(self) -> bool:
        """Whether it carries electrons from end to end."""
        return self.technology in COPPER

    @property
    def is_co_packaged(self) -> bool:
        """Whether its ends are built into the device and no cage takes them."""
        return self.technology in CO_PACKAGED

    @property
    def lane_rate(self) -> float:
        """B/s of an electrical lane, one direction."""
        return self.rate.value / self.lanes

    @property
    def energy_per_bit(self) -> float:
        """Joules of one end for each bit per direction: 15 W at 800 Gb/s are 18.75 pJ."""
        return self.power.value / (8 * self.rate.value)

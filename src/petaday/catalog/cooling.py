"""What surrounds IT, as catalog parts: heat paths, heat rejection, power chains, servers' hosts."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from petaday.catalog import load
from petaday.catalog.chip import Chip, Power
from petaday.catalog.figure import Figure, FigureOf
from petaday.catalog.network import Ratio
from petaday.catalog.part import Id, Part
from petaday.catalog.validate import Strict
from petaday.units import Kind

Temperature = Annotated[Figure, FigureOf(Kind.TEMPERATURE)]
Count = Annotated[Figure, FigureOf(Kind.COUNT)]


class HeatPath(Strict):
    """From chips to facility water; differences of temperature are written in degC too.

    supply: of the air or liquid that reaches the servers; approach: of that to facility water
    rise: of facility water between supply and return
    fans, pumps: W per W of heat at design
    """

    supply: Temperature
    approach: Temperature
    rise: Temperature
    fans: Ratio
    pumps: Ratio


class ChillerFigures(Strict):
    """carnot: share of Carnot's efficiency; highest: COP; evaporator: below the water made; condenser: above the water
    that comes back; coldest: condenser water that it stands."""

    carnot: Ratio
    highest: Count
    evaporator: Temperature
    condenser: Temperature
    coldest: Temperature


class Cooling(Part):
    """A kind of cooling. liquid_share: of the IT's heat; least_speed: of fans and pumps; rack_limit: W of IT.

    other: lighting and controls, W per W of IT capacity
    server_fans: W at full speed per W of all else in the server at its peak
    """

    liquid_share: Ratio
    air: HeatPath
    liquid: HeatPath | None = None
    economiser: bool
    least_speed: Ratio
    chiller: ChillerFigures
    other: Ratio
    server_fans: Ratio
    rack_limit: Power
    notes: str = ""


class HeatRejection(Part):
    """How heat leaves. approach: of the water to the air's dry bulb, or wet bulb in a tower; fans: W per W rejected;
    pads: effectiveness of wetted pads; air_rise: of the air at design; cycles: of concentration."""

    kind: Literal["dry", "adiabatic", "wet"]
    approach: Temperature
    fans: Ratio
    pads: Ratio | None = None
    air_rise: Temperature
    cycles: Count
    notes: str = ""

    @model_validator(mode="after")
    def _pads_where_they_are(self) -> Self:
        if (self.pads is not None) != (self.kind == "adiabatic"):
            raise ValueError("pads belong to adiabatic coolers, and to no others")
        return self


class PowerChainPart(Part):
    """From the grid to the racks. Losses over rating: constant + linear x + square x², x the load over the rating.

    rating: of all units over the IT capacity
    """

    constant: Ratio
    linear: Ratio
    square: Ratio
    rating: Count
    notes: str = ""


class Host(Part):
    """What surrounds chips in a server. idle, peak: W of the node's processors, memory, drives and inner switches.

    chips: of a node; generations: of the chips that it is usual for, all others where it has none
    parked: share of a chip's limit that it draws without a job; supply: efficiency of the power supplies
    least_speed: of the server's fans; storage: W of shared storage and management a chip
    """

    chips: Annotated[int, Field(ge=1)]
    generations: tuple[Id, ...] = ()
    rack: bool = False
    idle: Power
    peak: Power
    parked: Ratio
    supply: Ratio
    least_speed: Ratio
    storage: Power


@functools.cache
def coolings() -> Mapping[str, Cooling]:
    """Kinds of cooling by id."""
    return load.catalog_of([load.DATA / "coolings.yaml"], "coolings", Cooling)


@functools.cache
def rejections() -> Mapping[str, HeatRejection]:
    """Kinds of heat rejection by id."""
    return load.catalog_of([load.DATA / "rejections.yaml"], "rejections", HeatRejection)


@functools.cache
def power_chains() -> Mapping[str, PowerChainPart]:
    """Power chains by id."""
    return load.catalog_of([load.DATA / "power_chains.yaml"], "power_chains", PowerChainPart)


@functools.cache
def hosts() -> Mapping[str, Host]:
    """Servers' hosts by id."""
    return load.catalog_of([load.DATA / "hosts.yaml"], "hosts", Host)


def cooling(name: str) -> Cooling:
    """The kind of cooling of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return load.find(name, coolings(), "kind of cooling")


def rejection(name: str) -> HeatRejection:
    """The heat rejection of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return load.find(name, rejections(), "heat rejection")


def power_chain(name: str) -> PowerChainPart:
    """The power chain of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return load.find(name, power_chains(), "power chain")


def host(name: str) -> Host:
    """The host of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return load.find(name, hosts(), "host")


def host_of(chip: Chip) -> Host:
    """The usual host of a chip: of its generation and as rack-scale as its id says, else the one of all others."""
    known = [each for each in hosts().values() if chip.generation in each.generations]
    in_rack = "nvl72" in chip.id
    matching = [each for each in known if each.rack == in_rack]
    return (matching or [each for each in hosts().values() if not each.generations])[0]

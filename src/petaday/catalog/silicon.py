"""What chips are made of, as catalog parts: process nodes, HBM generations, kinds of package, and capacity by quarter."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from petaday.catalog.chip import Bytes, Count, Money
from petaday.catalog.figure import Figure, FigureOf
from petaday.catalog.network import Ratio, Time
from petaday.catalog.part import Id, Part
from petaday.catalog.quarter import Quarter
from petaday.catalog.validate import Strict
from petaday.units import Kind

WaferRate = Annotated[Figure, FigureOf(Kind.WAFER_RATE)]
ChipRate = Annotated[Figure, FigureOf(Kind.CHIP_RATE)]
DefectDensity = Annotated[Figure, FigureOf(Kind.DEFECT_DENSITY)]
AreaMass = Annotated[Figure, FigureOf(Kind.AREA_MASS)]
DataMass = Annotated[Figure, FigureOf(Kind.DATA_MASS)]
DataPrice = Annotated[Figure, FigureOf(Kind.DATA_PRICE)]


class Knot(Strict):
    """What a line makes when a quarter ends; one of the three. Between two knots the rate runs straight.

    wafers: wafers/s; packages: packages/s; bytes: of memory in a whole quarter at that rate
    """

    quarter: Quarter
    wafers: WaferRate | None = None
    packages: ChipRate | None = None
    bytes: Bytes | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.given) != 1:
            raise ValueError("give one of wafers, packages and bytes")
        return self

    @property
    def given(self) -> tuple[Figure, ...]:
        """The figure that is given, alone in a tuple."""
        return tuple(each for each in (self.wafers, self.packages, self.bytes) if each is not None)


class Line(Part):
    """A production line with its capacity by quarter. Nothing is said before the first knot or after the last."""

    knots: Annotated[tuple[Knot, ...], Field(min_length=2)]
    notes: str = ""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        quarters = [knot.quarter for knot in self.knots]
        if quarters != sorted(set(quarters)):
            raise ValueError("the quarters of the knots do not rise")
        if len({knot.model_fields_set - {"quarter"} == self.knots[0].model_fields_set - {"quarter"}
                for knot in self.knots}) > 1:  # fmt: skip
            raise ValueError("the knots do not count the same thing")
        return self


class ProcessNode(Part):
    """A process of a foundry. wafer_price: dollars of a 300 mm wafer; cluster: alpha of the negative binomial law.

    carbon: kg CO2e of a processed wafer by area, before yield; fab_time: seconds from start to a finished wafer
    """

    foundry: str
    platform: Literal["advanced", "mature"]
    wafer_price: Money
    defect_density: DefectDensity
    cluster: Count
    fab_time: Time
    carbon: AreaMass
    line: Id
    notes: str = ""


class HbmGeneration(Part):
    """A generation of stacked memory. price: dollars by byte; carbon: kg CO2e by byte; lead_time: seconds."""

    price: DataPrice
    carbon: DataMass
    lead_time: Time
    line: Id
    notes: str = ""


class PackageKind(Part):
    """A way to join dies and memory. interposer: what of the package is made on wafers of the line.

    attach_yield: of placing one die or stack; carbon: kg CO2e of the interposer or substrate by its area
    """

    interposer: Literal["silicon", "bridges", "none"]
    attach_yield: Ratio
    carbon: AreaMass
    lead_time: Time
    line: Id
    notes: str = ""

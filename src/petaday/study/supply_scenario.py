"""What a user says of an order of chips: from when, which share of the lines, what lies ready, and what is taken away."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from petaday.catalog.quarter import Quarter
from petaday.catalog.validate import Quant, Strict, told
from petaday.errors import InputError
from petaday.units import Kind

Name = Annotated[str, Field(min_length=1)]


def _whole(chips: float) -> float:
    if chips != int(chips):
        raise InputError("a part of a chip", expected="a whole number of chips")
    return chips


Chips = Annotated[float, Quant(Kind.CHIPS), Field(ge=1, le=1e12), AfterValidator(told(_whole))]
Dies = Annotated[float, Quant(Kind.COUNT), Field(ge=0)]
Ready = Annotated[float, Quant(Kind.CHIPS), Field(ge=0)]
Bytes = Annotated[float, Quant(Kind.BYTES), Field(ge=0)]
Share = Annotated[float, Quant(Kind.RATIO), Field(gt=0, le=1)]
Left = Annotated[float, Quant(Kind.RATIO), Field(ge=0, le=1)]
Density = Annotated[float, Quant(Kind.DEFECT_DENSITY), Field(gt=0)]
Time = Annotated[float, Quant(Kind.TIME), Field(gt=0)]
ChipRate = Annotated[float, Quant(Kind.CHIP_RATE), Field(gt=0)]
WaferRate = Annotated[float, Quant(Kind.WAFER_RATE), Field(gt=0)]

Stage = Literal["logic", "hbm", "packaging"]


class Shares(Strict):
    """The share of each line's capacity that works for the order."""

    logic: Share | None = None
    hbm: Share | None = None
    packaging: Share | None = None


class Stock(Strict):
    """What lies ready at the start. dies: good dies of the first kind; hbm: bytes; chips: packaged and tested."""

    dies: Dies = 0.0
    hbm: Bytes = 0.0
    chips: Ready = 0.0


class Embargo(Strict):
    """Something removed from the start of a quarter to the start of another, or for good; `chips` are the order itself."""

    what: Literal["logic", "hbm", "packaging", "chips"]
    start: Quarter
    end: Quarter | None = None
    left: Left = 0.0

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError("end: an embargo ends after it has begun")
        return self


class Second(Strict):
    """Another line that makes the same part, of logic the first kind of die at its own yield, and no embargo reaches."""

    what: Stage
    line: Name
    share: Share = 1.0


class Ramp(Strict):
    """Capacity that rises straight from nothing at the end of one quarter to its full rate at the end of another.

    One of: wafers of logic or of interposers, packages, or bytes of HBM in a quarter.
    """

    what: Stage
    start: Quarter
    end: Quarter
    wafers: WaferRate | None = None
    packages: ChipRate | None = None
    bytes: Annotated[float, Quant(Kind.BYTES), Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        fitting = {"logic": ("wafers",), "hbm": ("bytes",), "packaging": ("wafers", "packages")}[self.what]
        given = [name for name in ("wafers", "packages", "bytes") if getattr(self, name) is not None]
        if len(given) != 1 or given[0] not in fitting:
            raise ValueError(f"give {' or '.join(fitting)} of {self.what}")
        if self.end <= self.start:
            raise ValueError("end: a ramp ends after it has begun")
        return self


class Learning(Strict):
    """Defect density of the logic from the start of the order: it falls from `first` towards `last`."""

    first: Density
    last: Density
    time: Time

    @model_validator(mode="after")
    def _falling(self) -> Self:
        if self.last > self.first:
            raise ValueError("last: defects become fewer with time, not more")
        return self


class Supply(Strict):
    """How chips are supplied.

    running: the lines make this chip already; substrates: the most that come in a time, no limit if left out
    life: after which chips are replaced
    """

    start: Quarter
    running: bool = False
    shares: Shares = Field(default_factory=Shares)
    stock: Stock = Field(default_factory=Stock)
    substrates: ChipRate | None = None
    embargo: tuple[Embargo, ...] = ()
    second: tuple[Second, ...] = ()
    ramps: tuple[Ramp, ...] = ()
    learning: Learning | None = None
    life: Time | None = None


class Order(Strict):
    """How many of which chip."""

    chip: Name
    chips: Chips


class SupplyScenario(Strict):
    """An order of chips."""

    name: str = ""
    order: Order
    supply: Supply

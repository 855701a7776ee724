"""A chip (accelerator) as a catalog part: dense peaks, memory, links, power, price and silicon.

A chip is what software addresses as one device: a GPU package, a TPU chip, one GPU of an NVL72 rack.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from petaday.catalog.figure import Figure, FigureOf
from petaday.catalog.part import Id, Part
from petaday.catalog.validate import told
from petaday.errors import InputError, nearest_names
from petaday.units import DTYPES, Kind

Rate = Annotated[Figure, FigureOf(Kind.FLOP_RATE)]
Bytes = Annotated[Figure, FigureOf(Kind.BYTES)]
Bandwidth = Annotated[Figure, FigureOf(Kind.BANDWIDTH)]
Power = Annotated[Figure, FigureOf(Kind.POWER)]
Money = Annotated[Figure, FigureOf(Kind.MONEY)]
Area = Annotated[Figure, FigureOf(Kind.AREA)]
Count = Annotated[Figure, FigureOf(Kind.COUNT)]

# The scaled formats run at the plain format's peak.
_SAME_PEAK = {"mxfp8": "fp8", "nvfp4": "fp4"}


def known_dtype(dtype: str) -> str:
    """The dtype itself, if the house knows it. Raises InputError with the nearest ones if not."""
    if dtype not in DTYPES:
        nearest = nearest_names(dtype, DTYPES)
        raise InputError(f"unknown dtype `{dtype}`", expected=f"one of {', '.join(DTYPES)}", nearest=nearest)
    return dtype


Dtype = Annotated[str, AfterValidator(told(known_dtype))]


class Chip(Part):
    """One accelerator. Figures are in SI units; None is not known.

    Link rates are per chip and per direction, so NVLink4's advertised 900 GB/s stands here as 450 GB/s.
    """

    vendor: str
    generation: Id  # chips of one generation inherit each other's efficiencies
    class_: Literal["gpu", "tpu", "npu", "other"] = Field(alias="class")
    year: Annotated[int, Field(ge=2000, le=2100)]  # of first shipment, or as announced
    status: str = ""
    verified: Literal["yes", "partial", "no"]
    availability: str = ""
    conflicts: str = ""  # what other sources say
    notes: str = ""

    # FLOP/s by dtype, dense
    peak: dict[Dtype, Rate] = Field(default_factory=dict)
    tpp: Count | None = None  # published total processing performance: dense TOPS x bits (US ECCN 3A090)

    memory_capacity: Bytes | None = None
    memory_bandwidth: Bandwidth | None = None
    memory_type: str = ""
    memory_stacks: Count | None = None

    scale_up_bandwidth: Bandwidth | None = None  # B/s per direction
    scale_up_technology: str = ""
    scale_up_domain: Count | None = None  # chips
    scale_out_bandwidth: Bandwidth | None = None  # B/s per direction

    tdp: Power | None = None
    price_low: Money | None = None
    price_high: Money | None = None

    die_area: Area | None = None  # of one compute die
    dies: Count | None = None  # compute dies in the package
    process: str = ""
    foundry: str = ""
    transistors: Count | None = None

    # plausibility check -> why this chip rightly fails it
    exceptions: dict[str, str] = Field(default_factory=dict)

    def dense_peak(self, dtype: str) -> Figure:
        """The dense peak in FLOP/s; mxfp8 and nvfp4 have the peaks of fp8 and fp4.

        Raises
        ------
        InputError : the chip has no peak for the dtype
        """
        for name in (dtype, _SAME_PEAK.get(dtype)):
            if name in self.peak:
                return self.peak[name]
        raise InputError(
            f"{self.id} has no known {dtype} peak",
            expected=f"one of {', '.join(self.peak)}" if self.peak else "a chip with published peaks",
            nearest=nearest_names(dtype, self.peak),
        )

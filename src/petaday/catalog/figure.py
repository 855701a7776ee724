"""One number of the catalog with the text it was written as and the source it was read in."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, create_model, model_validator
from pydantic_core import CoreSchema

from petaday.catalog.validate import Quant, Strict, told
from petaday.units import Kind, parse_span


class Figure(Strict):
    """A value in SI units, as `text` says it with its unit; `low` and `high` span what sources give (90 %).

    A file may write the value itself as a range, `$22k..$47k`; see `petaday.units.span` for its median.

    `estimate` marks what no source states: derived, assumed, from memory, or inherited from another part.
    """

    value: float
    text: str
    source: str
    estimate: bool = False
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        if self.value < 0 or not low <= self.value <= high:
            raise ValueError(f"`{self.text}` is negative or not between its low and high")
        if not self.source.strip():
            raise ValueError("the source is empty")
        return self


@dataclass(frozen=True)
class FigureOf:
    """A field's figure: `Annotated[Figure, FigureOf(Kind.BYTES)]` reads `{value: 80 GB, source: "..."}`."""

    kind: Kind

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(_written(self.kind))


class _Written(Figure):
    """A figure as a file has it: the value is text with a unit, and becomes the figure's text."""

    kind_: ClassVar[Kind]

    @model_validator(mode="before")
    @classmethod
    def _keep_text(cls, data: Any) -> Any:
        if isinstance(data, dict) and "value" in data:
            if "text" in data:
                raise ValueError("`text` is taken from the value; leave it out")
            return _spread(cls.kind_, {**data, "text": str(data["value"])})
        return data


class _Read(float):
    """A quantity that was read already, in its SI unit."""


@dataclass(frozen=True)
class _Quant(Quant):
    def read(self, written: Any) -> float:
        return float(written) if isinstance(written, _Read) else super().read(written)


def _spread(kind: Kind, data: Any) -> Any:
    """A figure whose value is a range, with its median and its ends."""
    written = data.get("value") if isinstance(data, dict) else None
    if not isinstance(written, str) or ".." not in written:
        return data
    if "low" in data or "high" in data:
        raise ValueError("the value is a range and has its low and high; leave those out")
    ends = told(parse_span)(written, kind)
    return {**data, "value": _Read(ends.value), "text": written, "low": _Read(ends.low), "high": _Read(ends.high)}


@functools.cache
def _written(kind: Kind) -> type[_Written]:
    quantity = Annotated[float, _Quant(kind)]
    optional = Annotated[float, _Quant(kind)] | None
    read = create_model(
        f"FigureOf{kind.title().replace('_', '')}",
        __base__=_Written,
        value=(quantity, ...),
        low=(optional, None),
        high=(optional, None),
    )
    read.kind_ = kind
    return read

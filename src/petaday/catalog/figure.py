"""One number of the catalog with the text it was written as and the source it was read in."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import GetCoreSchemaHandler, create_model, model_validator
from pydantic_core import CoreSchema

from petaday.catalog.validate import Quant, Strict
from petaday.units import Kind


class Figure(Strict):
    """A value in SI units, as `text` says it with its unit; `low` and `high` span what sources give.

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

    @model_validator(mode="before")
    @classmethod
    def _keep_text(cls, data: Any) -> Any:
        if isinstance(data, dict) and "value" in data:
            if "text" in data:
                raise ValueError("`text` is taken from the value; leave it out")
            return {**data, "text": str(data["value"])}
        return data


@functools.cache
def _written(kind: Kind) -> type[_Written]:
    quantity = Annotated[float, Quant(kind)]
    optional = Annotated[float, Quant(kind)] | None
    return create_model(
        f"FigureOf{kind.title().replace('_', '')}",
        __base__=_Written,
        value=(quantity, ...),
        low=(optional, None),
        high=(optional, None),
    )

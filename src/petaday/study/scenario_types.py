"""Types of fields that scenarios share: names, dtypes, quantities with units, whole numbers of things."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from petaday.catalog.validate import Quant, told
from petaday.errors import InputError
from petaday.units import DTYPES, Kind, parse
from petaday.units.text import shown

Name = Annotated[str, Field(min_length=1)]
Dtype = Literal["fp32", "tf32", "bf16", "fp16", "fp8", "mxfp8", "int8", "fp6", "fp4", "nvfp4"]
Tokens = Annotated[float, Quant(Kind.TOKENS), Field(gt=0)]
Bytes = Annotated[float, Quant(Kind.BYTES), Field(gt=0)]
Bandwidth = Annotated[float, Quant(Kind.BANDWIDTH), Field(gt=0)]
Time = Annotated[float, Quant(Kind.TIME), Field(gt=0)]
Ratio = Annotated[float, Quant(Kind.RATIO), Field(gt=0, le=1)]

assert set(Dtype.__args__) <= set(DTYPES)  # type: ignore[attr-defined]


LARGEST_COUNT = 100_000_000
"""More chips, sequences or tokens of a sequence than any run has; beyond it sizes are typing errors."""


def _count(kind: Kind, noun: str) -> BeforeValidator:
    """A whole number of things, written plainly or as `1.5k`."""

    def whole(value: object) -> int:
        number = parse(value, kind)  # type: ignore[arg-type]
        if number != int(number) or not 1 <= number <= LARGEST_COUNT:
            raise InputError(
                f"`{shown(value)}` is no number of {noun}", expected=f"a whole number from 1 to {LARGEST_COUNT:,}"
            )
        return int(number)

    return BeforeValidator(told(whole))


WholeTokens = Annotated[int, _count(Kind.TOKENS, "tokens")]
Chips = Annotated[int, _count(Kind.CHIPS, "chips")]
Whole = Annotated[int, _count(Kind.COUNT, "sequences")]

"""Money as scenarios write it: dollars or yuan, exactly or as a range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic_core import CoreSchema, core_schema

from petaday.catalog.validate import told
from petaday.units import Kind, Span, parse_span
from petaday.units.kinds import EXAMPLE, NOUN

CurrencyName = Literal["USD", "CNY"]
_YUAN = ("¥", "￥", "CNY", "RMB")


@dataclass(frozen=True)
class Priced:
    """A price or a rate of it in the SI unit of its kind, in its currency."""

    span: Span
    currency: CurrencyName


@dataclass(frozen=True)
class PricedIn:
    """A field that holds a price in either currency: `Annotated[Priced, PricedIn(Kind.MONEY, Kind.MONEY_CNY)]`."""

    dollars: Kind
    yuan: Kind

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        def read(written: Any) -> Priced:
            if isinstance(written, Priced):
                return written
            in_yuan = isinstance(written, str) and any(sign in written for sign in _YUAN)
            kind, name = (self.yuan, "CNY") if in_yuan else (self.dollars, "USD")
            return Priced(parse_span(written, kind), name)  # type: ignore[arg-type]

        return core_schema.no_info_plain_validator_function(told(read))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: object) -> dict[str, Any]:
        return {
            "type": "string",
            "description": f"{NOUN[self.dollars]} or {NOUN[self.yuan]}, or a range of them (90 %) as low..high",
            "examples": [EXAMPLE[self.dollars], EXAMPLE[self.yuan]],
        }

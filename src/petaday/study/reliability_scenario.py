"""The `reliability` section of a training scenario: whose hazards, which checkpoints, how the job recovers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic_core import CoreSchema, core_schema

from petaday.catalog.validate import Quant, Strict, told
from petaday.errors import InputError
from petaday.units import Kind, parse
from petaday.units.text import shown

Seconds = Annotated[float, Quant(Kind.TIME), Field(gt=0)]
StorageRate = Annotated[float, Quant(Kind.BANDWIDTH), Field(gt=0)]
Factor = Annotated[float, Quant(Kind.RATIO), Field(ge=0, le=1000)]

MOST_NODES = 1_000_000


@dataclass(frozen=True)
class WordOrTime:
    """A field that is one of some words, or a time: `auto`, `10 min`."""

    words: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(told(self.read))

    def read(self, written: Any) -> str | float:
        """The word, or the time in seconds. Raises InputError: neither, or no time passes."""
        if isinstance(written, str) and written in self.words:
            return written
        expected = " or ".join((*self.words, "a time such as 10 min"))
        try:
            seconds = parse(written, Kind.TIME)
        except InputError as error:
            raise InputError(error.message, expected=expected, nearest=error.nearest) from None
        if seconds <= 0:
            raise InputError(f"`{shown(written)}` is no time that passes", expected=expected)
        return seconds

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: object) -> dict[str, Any]:
        words = ", ".join(f"`{word}`" for word in self.words)
        return {
            "type": "string",
            "description": f"{words} or a time, with its unit",
            "examples": [*self.words, "10 min"],
        }


Interval = Annotated[Literal["auto"] | float, WordOrTime(("auto",))]
Detect = Annotated[Literal["timeout", "inspection"] | float, WordOrTime(("timeout", "inspection"))]


class CheckpointOf(Strict):
    """How state is saved.

    interval: work between checkpoints, `auto` for the best; storage_bandwidth: all writers together
    asynchronous: the job waits only until the state is in the host's memory; in_memory: nodes also keep one another's state
    """

    interval: Interval = "auto"
    storage_bandwidth: StorageRate | None = None
    asynchronous: bool = True
    in_memory: bool = False


class Reliability(Strict):
    """What a training run does about failures.

    profile: the fleet whose hazards it has; node: chips of a node; optics: times as often as in the catalog that links fail
    replicas: that can leave one by one where recovery is elastic; spares: nodes held ready, or as many as keep the wait
    below `waiting` of the time
    """

    profile: Annotated[str, Field(min_length=1)] | None = None
    node: Annotated[int, Field(ge=1, le=1024)] | None = None
    checkpoint: CheckpointOf = Field(default_factory=CheckpointOf)
    recovery: Literal["synchronous", "elastic"] = "synchronous"
    replicas: Annotated[int, Field(ge=2, le=MOST_NODES)] | None = None
    detection: Detect = "timeout"
    restart: Seconds | None = None
    repair: Seconds | None = None
    spares: Literal["auto"] | Annotated[int, Field(ge=0, le=MOST_NODES)] = "auto"
    waiting: Annotated[float, Quant(Kind.RATIO), Field(gt=0, lt=1)] | None = None
    optics: Factor | None = None

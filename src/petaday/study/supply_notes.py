"""What an order's answer rests on that its scenario does not say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from petaday.catalog.figure import Figure
from petaday.catalog.quarter import quarter_name
from petaday.catalog.silicon import Line
from petaday.catalog.silicon_load import GENERIC_BOARD
from petaday.catalog.validate import Strict
from petaday.study.factor import Factor
from petaday.study.parts import Assumption
from petaday.study.supply_parts import Behind
from petaday.study.supply_scenario import Supply
from petaday.units import Kind, render


def left_open(parts: Behind, supply: Supply | None) -> Iterator[Assumption]:
    """What the scenario leaves open and is no figure of the catalog; without a supply section, of the chip alone."""
    if parts.board.id == GENERIC_BOARD:
        yield Assumption("supply.board", parts.board.name, f"no board of {parts.chip} is known", estimate=True)
    if supply is None:
        return
    for what in ("logic", "hbm", "packaging"):
        if getattr(supply.shares, what) is None and (what != "hbm" or parts.hbm):
            yield Assumption(f"supply.shares.{what}", "100 %", "nobody else is served", estimate=True)
    if supply.substrates is None:
        yield Assumption("supply.substrates", "no limit", "no capacity of substrates was read", estimate=True)
    if "running" not in supply.model_fields_set:
        yield Assumption("supply.running", "false", "the lines start with the order", estimate=True)


def life_left_open(supply: Supply, life: Figure) -> Iterator[Assumption]:
    """The life after which chips are replaced, where the scenario does not say one."""
    if supply.life is None:
        low, high = (life.value if end is None else end for end in (life.low, life.high))
        ends = f"{render(low, Kind.TIME)} to {render(high, Kind.TIME)}"
        yield Assumption("supply.life", f"{life.text} ({ends})", life.source, life.estimate)


def estimates(parts: Mapping[str, Strict], factors: Iterable[Factor]) -> Iterator[Assumption]:
    """Every estimate among the figures that an answer took, those of one part in one line.

    parts : by their name in the factors' own, `supply.NAME.PATH`
    """
    guesses = [each for each in factors if each.estimate]
    for name, part in parts.items():
        head = f"supply.{name}."
        of_part = [each for each in guesses if each.name.startswith(head)]
        if of_part:
            told = ", ".join(f"{_words(part, each.name.removeprefix(head))} {each.text}" for each in of_part)
            yield Assumption(
                head[:-1], told, "; ".join(dict.fromkeys(each.source for each in of_part)), estimate=True
            )


def _words(part: Strict, path: str) -> str:
    """A figure's path in its part; of a line its quarter."""
    if isinstance(part, Line):
        return quarter_name(part.knots[int(path.split(".")[1])].quarter)
    return path

"""What one chip is made of: dies on their nodes, memory stacks, the package that joins them, and the rest."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from petaday.catalog.chip import Bytes, Money, Power
from petaday.catalog.link import Length
from petaday.catalog.network import Ratio, Time
from petaday.catalog.part import Id, Part
from petaday.catalog.validate import Strict


class DieOf(Strict):
    """Dies of one kind. width, height: metres; count: in the package.

    cores: equal cores on the die; needed: cores that a sold die must have; repairable: share of the area that is cores,
    whose loss the spare ones make up for. Without cores, a die is sold only if it is perfect.
    stacked: placed on the other dies, and tested with them before memory is placed beside
    """

    name: str
    node: Id
    width: Length
    height: Length
    count: Annotated[int, Field(ge=1)]
    cores: Annotated[int, Field(ge=1)] | None = None
    needed: Annotated[int, Field(ge=1)] | None = None
    repairable: Ratio | None = None
    stacked: bool = False

    @model_validator(mode="after")
    def _harvest(self) -> Self:
        given = [each is not None for each in (self.cores, self.needed, self.repairable)]
        if any(given) and not all(given):
            raise ValueError("give cores, needed and repairable together, or none of them")
        if self.cores is not None and self.needed is not None and self.needed > self.cores:
            raise ValueError("more cores are needed than the die has")
        return self


class Memory(Strict):
    """Memory stacks of one chip. bytes: of a stack, what is made, of which a chip may show less."""

    hbm: Id
    stacks: Annotated[int, Field(ge=1)]
    bytes: Bytes


class Recipe(Part):
    """A chip by what goes into it; the id is the chip's.

    interposer: width and height in metres; packaging: dollars of interposer, substrate, assembly and test of a package;
    rest: dollars of module, power stages and what no source splits; tdp: W, which the heat sink is made for
    module_time: seconds from a tested package to a module that ships
    """

    dies: Annotated[tuple[DieOf, ...], Field(min_length=1)]
    memory: Memory | None = None
    package: Id
    interposer_width: Length
    interposer_height: Length
    packaging: Money
    rest: Money
    tdp: Power
    module_time: Time
    notes: str = ""

    @model_validator(mode="after")
    def _bases(self) -> Self:
        if all(die.stacked for die in self.dies):
            raise ValueError("every die is stacked, and none carries them")
        return self

    @property
    def placed(self) -> int:
        """Pieces that are placed on the package last: dies or stacks of dies, and stacks of memory."""
        return sum(die.count for die in self.dies if not die.stacked) + (self.memory.stacks if self.memory else 0)

    @property
    def on_each(self) -> float:
        """Dies that are stacked on each of those that carry them."""
        stacked = sum(die.count for die in self.dies if die.stacked)
        return stacked / sum(die.count for die in self.dies if not die.stacked)

"""Packages: how many fit on a wafer, how many are good, and what one chip takes of every part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from petaday.catalog.recipe import DieOf, Recipe
from petaday.catalog.silicon import HbmGeneration, PackageKind, ProcessNode
from petaday.catalog.take import Take, median
from petaday.supply.silicon import Floats, die_cost, good_dies, gross_dies, harvested_yield


@dataclass(frozen=True)
class MadeDie:
    """Dies of one kind in a chip. gross: of a wafer; yielded: share that is sold; cost: dollars of a good one."""

    name: str
    node: ProcessNode
    count: int
    gross: int
    yielded: Floats
    cost: Floats

    @property
    def good(self) -> Floats:
        """Dies of a wafer that are sold."""
        return good_dies(self.gross, self.yielded)


@dataclass(frozen=True)
class Made:
    """What one chip is made of. gross: packages of a wafer of interposers, None where there are none.

    joined: share of stacks of dies that are good, 1 where none are stacked; assembled: share of packages that are good
    stack_bytes: of one memory stack
    """

    recipe: Recipe
    dies: tuple[MadeDie, ...]
    hbm: HbmGeneration | None
    package: PackageKind
    gross: int | None
    joined: Floats
    assembled: Floats
    stack_bytes: Floats

    @property
    def stacks(self) -> int:
        """Memory stacks of a package."""
        return self.recipe.memory.stacks if self.recipe.memory else 0

    @property
    def memory_bytes(self) -> Floats:
        """Bytes of all stacks of a package."""
        return self.stacks * self.stack_bytes

    @property
    def wafers_per_chip(self) -> Floats:
        """Wafers of logic on all nodes behind one good chip."""
        return sum((die.count / die.good for die in self.dies), np.asarray(0.0)) / (self.joined * self.assembled)


def assembly_yield(attach_yield: ArrayLike, pieces: ArrayLike) -> Floats:
    """Share of packages that are good when each piece is placed well with the same chance, one after the other."""
    share: Floats = np.asarray(attach_yield, dtype=float) ** np.asarray(pieces, dtype=float)
    return share


def made_die(die: DieOf, node: ProcessNode, take: Take = median) -> MadeDie:
    """A die on its node: whole dies of a wafer, the share that is sold, and the cost of one."""
    area = take(die.width) * take(die.height)
    share = take(die.repairable) if die.repairable is not None else np.asarray(0.0)
    yielded = harvested_yield(
        area, take(node.defect_density), take(node.cluster), share, die.cores or 1, die.needed or 1
    )
    gross = gross_dies(die.width.value, die.height.value)
    return MadeDie(die.name, node, die.count, gross, yielded, die_cost(take(node.wafer_price), gross * yielded))


def at_yields(made: Made, good: Sequence[Floats], take: Take = median) -> Made:
    """The same chip from wafers that give so many good dies, of each kind: of an order during which yields were learned."""
    dies = tuple(
        replace(die, yielded=each / die.gross, cost=die_cost(take(die.node.wafer_price), each))
        for die, each in zip(made.dies, good, strict=True)
    )
    return replace(made, dies=dies)


def dies_by_month(die: DieOf, made: MadeDie, density: Floats | None, months: int, take: Take = median) -> Floats:
    """Dies of a wafer that are sold by the month it was started in, (..., months).

    density : (..., months) defects per m2, or None for the node's own throughout
    """
    if density is None:
        return made.good[..., None] * np.ones(months)
    area = (take(die.width) * take(die.height))[..., None]
    share = take(die.repairable)[..., None] if die.repairable is not None else np.asarray(0.0)
    cluster = take(made.node.cluster)[..., None]
    yielded = harvested_yield(area, density, cluster, share, die.cores or 1, die.needed or 1)
    return good_dies(made.gross, yielded)


def made(
    recipe: Recipe,
    nodes: tuple[ProcessNode, ...],
    hbm: HbmGeneration | None,
    package: PackageKind,
    take: Take = median,
) -> Made:
    """A recipe with its parts put in.

    Parameters
    ----------
    nodes : of the recipe's dies, in their order
    """
    dies = tuple(made_die(die, node, take) for die, node in zip(recipe.dies, nodes, strict=True))
    on_wafer = package.interposer != "none"
    return Made(
        recipe=recipe,
        dies=dies,
        hbm=hbm,
        package=package,
        gross=gross_dies(recipe.interposer_width.value, recipe.interposer_height.value) if on_wafer else None,
        joined=assembly_yield(take(package.attach_yield), recipe.on_each),
        assembled=assembly_yield(take(package.attach_yield), recipe.placed),
        stack_bytes=take(recipe.memory.bytes) if recipe.memory else np.asarray(0.0),
    )

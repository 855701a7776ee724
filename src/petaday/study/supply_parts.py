"""The catalog's parts behind a chip: what it is made of, the board that carries it, and the lines that make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from petaday.catalog import silicon_load as silicon
from petaday.catalog.baseboard import Baseboard
from petaday.catalog.recipe import Recipe
from petaday.catalog.silicon import HbmGeneration, PackageKind, ProcessNode
from petaday.catalog.take import Take, median
from petaday.catalog.validate import Strict
from petaday.errors import InputError
from petaday.study.parts import find_chip
from petaday.study.supply_scenario import Supply
from petaday.supply.package import Made, made


@dataclass(frozen=True)
class Behind:
    """Parts behind a chip. nodes: of the recipe's dies, in their order; switch_node: of the board's switches, if any."""

    chip: str
    recipe: Recipe
    nodes: tuple[ProcessNode, ...]
    hbm: HbmGeneration | None
    package: PackageKind
    board: Baseboard
    switch_node: ProcessNode | None

    def made(self, take: Take = median) -> Made:
        """The recipe with its parts put in."""
        return made(self.recipe, self.nodes, self.hbm, self.package, take)

    def by_name(self, supply: Supply | None) -> Mapping[str, Strict]:
        """All parts by names that differ: some lines of a supply section are called as a package is."""
        parts: list[Recipe | ProcessNode | HbmGeneration | PackageKind | Baseboard] = [
            self.recipe, self.package, *self.nodes, self.board,
        ]  # fmt: skip
        parts += [each for each in (self.hbm, self.switch_node) if each is not None]
        named: dict[str, Strict] = {part.id: part for part in parts}
        if supply is not None:
            ids = [*(node.line for node in self.nodes), *([self.hbm.line] if self.hbm else []), self.package.line]
            named |= {f"lines.{id_}": silicon.line(id_) for id_ in (*ids, *(each.line for each in supply.second))}
        return named


def behind(chip: str, field: str = "order.chip", allow_unverified: bool = False) -> Behind:
    """The parts behind a chip, by its id, name or alias; `field`: where the scenario names it.

    Raises
    ------
    InputError : no such chip, with the nearest names; an unverified one that is not allowed; one without a recipe
    """
    id_ = find_chip(chip, allow_unverified, field).id
    try:
        recipe = silicon.recipe(id_)
    except InputError:
        known = sorted(
            {*silicon.recipes(), *(alias for each in silicon.recipes().values() for alias in each.aliases)}
        )
        raise InputError(
            f"nothing is known of what {id_} is made of", field=field, expected=", ".join(known)
        ) from None
    board = silicon.baseboard_of(id_)
    return Behind(
        chip=id_,
        recipe=recipe,
        nodes=tuple(silicon.node(die.node) for die in recipe.dies),
        hbm=silicon.hbm(recipe.memory.hbm) if recipe.memory else None,
        package=silicon.package(recipe.package),
        board=board,
        switch_node=silicon.node(board.switches.node) if board.switches else None,
    )

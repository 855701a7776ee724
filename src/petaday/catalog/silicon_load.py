"""Process nodes, HBM generations, packages, production lines and recipes as read from their files."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from petaday.catalog.baseboard import Baseboard
from petaday.catalog.load import DATA, catalog_of, find
from petaday.catalog.recipe import Recipe
from petaday.catalog.silicon import HbmGeneration, Line, PackageKind, ProcessNode

GENERIC_BOARD = "generic"
"""The board of chips whose own is not known."""


@functools.cache
def nodes() -> Mapping[str, ProcessNode]:
    """Process nodes by id."""
    return catalog_of([DATA / "nodes.yaml"], "nodes", ProcessNode)


@functools.cache
def hbm_generations() -> Mapping[str, HbmGeneration]:
    """HBM generations by id."""
    return catalog_of([DATA / "hbm.yaml"], "hbm", HbmGeneration)


@functools.cache
def packages() -> Mapping[str, PackageKind]:
    """Kinds of package by id."""
    return catalog_of([DATA / "packages.yaml"], "packages", PackageKind)


@functools.cache
def lines() -> Mapping[str, Line]:
    """Production lines by id."""
    return catalog_of([DATA / "lines.yaml"], "lines", Line)


@functools.cache
def recipes() -> Mapping[str, Recipe]:
    """Recipes by the id of their chip."""
    return catalog_of([DATA / "recipes.yaml"], "recipes", Recipe)


@functools.cache
def baseboards() -> Mapping[str, Baseboard]:
    """Baseboards by id."""
    return catalog_of([DATA / "baseboards.yaml"], "baseboards", Baseboard)


def node(name: str) -> ProcessNode:
    """The process node of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, nodes(), "process node")


def hbm(name: str) -> HbmGeneration:
    """The HBM generation of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, hbm_generations(), "HBM generation")


def package(name: str) -> PackageKind:
    """The kind of package of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, packages(), "kind of package")


def line(name: str) -> Line:
    """The production line of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, lines(), "production line")


def recipe(name: str) -> Recipe:
    """The recipe of the chip of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, recipes(), "recipe of a chip")


def baseboard_of(chip: str) -> Baseboard:
    """The board that carries a chip of this id; the generic one where none is known."""
    return next((board for board in baseboards().values() if chip in board.carries), baseboards()[GENERIC_BOARD])

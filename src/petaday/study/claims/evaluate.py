"""Expressions worked out over a claim's quantities, under one reading of each."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from petaday.study.claims.expression import Binary, Call, Constant, Name, Node, names_in
from petaday.study.claims.functions import FUNCTIONS
from petaday.study.claims.schema import Claim
from petaday.study.claims.typed import OpenError, Typed

Reading = Mapping[str, str]
"""Which reading of each quantity is meant."""


def value_of(node: Node, claim: Claim, reading: Reading) -> Typed:
    """An expression's value. Raises UnsoundError: it means nothing; OpenError: the claim leaves a figure out."""
    match node:
        case Constant(value):
            return value
        case Name(name):
            return quantity(name, claim, reading)
        case Call(name, arguments, words):
            function = FUNCTIONS[name].of
            return function(*words) if words else function(*(value_of(each, claim, reading) for each in arguments))
        case Binary(sign, left, right):
            a, b = value_of(left, claim, reading), value_of(right, claim, reading)
            if sign in "+-":
                return a.plus(b, 1 if sign == "+" else -1)
            return a.to_the(b) if sign == "^" else a.times(b, 1 if sign == "*" else -1)


def quantity(name: str, claim: Claim, reading: Reading) -> Typed:
    """A quantity's value, worked out where it is given so."""
    stated = claim.quantities[name]
    if stated.missing is not None:
        raise OpenError(stated.missing)
    if stated.is_ is not None:
        return value_of(stated.is_.node, claim, reading)
    return stated.typed()[reading.get(name, "")]


def leaves(nodes: Iterable[Node | None], claim: Claim) -> list[str]:
    """The stated quantities behind expressions, each once."""
    names = [name for node in nodes if node is not None for name in names_in(node)]
    return list(dict.fromkeys(leaf for name in names for leaf in claim.leaves(name)))


def readings(names: Iterable[str], claim: Claim) -> Iterator[dict[str, str]]:
    """Every way to understand the quantities; one, empty, where they are all plain."""
    open_ = {name: list(claim.quantities[name].readings) for name in names if claim.quantities[name].readings}
    for chosen in itertools.product(*open_.values()):
        yield dict(zip(open_, chosen, strict=True))

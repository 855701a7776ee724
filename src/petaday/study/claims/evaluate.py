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


class Valuation:
    """A claim's quantities under one reading, each worked out once."""

    def __init__(self, claim: Claim, reading: Reading) -> None:
        self._claim, self._reading = claim, reading
        self._known: dict[str, Typed] = {}

    def of(self, node: Node) -> Typed:
        """An expression's value. Raises UnsoundError: it means nothing; OpenError: the claim leaves a figure out."""
        match node:
            case Constant(value):
                return value
            case Name(name):
                return self.quantity(name)
            case Call(name, arguments, words):
                function = FUNCTIONS[name].of
                return function(*words) if words else function(*(self.of(each) for each in arguments))
            case Binary(sign, left, right):
                a, b = self.of(left), self.of(right)
                if sign in "+-":
                    return a.plus(b, 1 if sign == "+" else -1)
                return a.to_the(b) if sign == "^" else a.times(b, 1 if sign == "*" else -1)

    def quantity(self, name: str) -> Typed:
        """A quantity's value, worked out where it is given so. Raises UnsoundError, OpenError as `of`."""
        if name not in self._known:
            stated = self._claim.quantities[name]
            if stated.missing is not None:
                raise OpenError(stated.missing)
            worked_out = stated.is_
            self._known[name] = (
                stated.typed()[self._reading.get(name, "")] if worked_out is None else self.of(worked_out.node)
            )
        return self._known[name]


def leaves(nodes: Iterable[Node | None], claim: Claim) -> list[str]:
    """The stated quantities behind expressions, each once."""
    names = [name for node in nodes if node is not None for name in names_in(node)]
    return list(dict.fromkeys(leaf for name in names for leaf in claim.leaves(name)))


def readings(names: Iterable[str], claim: Claim) -> Iterator[dict[str, str]]:
    """Every way to understand the quantities; one, empty, where they are all plain."""
    open_ = {name: list(claim.quantities[name].readings) for name in names if claim.quantities[name].readings}
    for chosen in itertools.product(*open_.values()):
        yield dict(zip(open_, chosen, strict=True))

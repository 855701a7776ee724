"""Relations between quantities as text: `cards / dies = wafers`, `log2(growth) * doubling = window`.

A small grammar of its own, read by descent; nothing is evaluated by Python. A number may carry one unit (`5 years`);
`^` is a power; names are the claim's quantities; `peak(h100-sxm-80, bf16, dense)` and other look-ups take words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from petaday.errors import InputError, nearest_names
from petaday.study.claims.functions import FUNCTIONS
from petaday.study.claims.read import typed_text
from petaday.study.claims.typed import Typed
from petaday.units import Kind

Comparator = Literal["=", "<", "<=", ">", ">=", "~"]
_COMPARATOR = re.compile(r"<=|>=|[=<>~]")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>[-+*/^(),%]))"
)
_LONGEST = 200
_DEEPEST = 15


@dataclass(frozen=True)
class Constant:
    """A number, with its unit if it has one."""

    value: Typed


@dataclass(frozen=True)
class Name:
    """A quantity of the claim."""

    name: str


@dataclass(frozen=True)
class Call:
    """A function of other expressions, or a look-up of words."""

    name: str
    arguments: tuple[Node, ...]
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Binary:
    """Two expressions and the sign between them."""

    sign: str
    left: Node
    right: Node


Node = Constant | Name | Call | Binary


@dataclass(frozen=True)
class Expression:
    """An expression and its text."""

    text: str
    node: Node


@dataclass(frozen=True)
class Relation:
    """Two expressions and how they compare; one alone is only worked out. `~`: both are in comparable units."""

    text: str
    left: Node
    comparator: Comparator | None = None
    right: Node | None = None


def parse_relation(written: object) -> Relation:
    """A relation from its text. Raises InputError: what is wrong with it."""
    text = _line(written)
    found = _COMPARATOR.findall(text)
    if len(found) > 1:
        raise InputError(f"`{text}` compares more than once", expected="one relation, such as `a / b = c`")
    if not found:
        return Relation(text, _Reader(text).whole())
    left, right = text.split(found[0])
    return Relation(text, _Reader(left).whole(), found[0], _Reader(right).whole())


def parse_expression(written: object) -> Expression:
    """An expression without a comparison from its text. Raises InputError: what is wrong with it."""
    text = _line(written)
    return Expression(text, _Reader(text).whole())


def names_in(node: Node) -> list[str]:
    """The quantities that an expression uses, in order, each once."""
    match node:
        case Name(name):
            return [name]
        case Call(_, arguments):
            found = [name for each in arguments for name in names_in(each)]
        case Binary(_, left, right):
            found = names_in(left) + names_in(right)
        case _:
            found = []
    return list(dict.fromkeys(found))


def _line(written: object) -> str:
    if not isinstance(written, str) or not written.strip():
        raise InputError("no relation", expected="text such as `cards / dies = wafers`")
    text = " ".join(written.split())
    if len(text) > _LONGEST:
        raise InputError(f"a relation of {len(text)} characters", expected=f"at most {_LONGEST}")
    return text


class _Reader:
    """Reads one expression from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    def whole(self) -> Node:
        node = self.sum()
        if self.text[self.at :].strip():
            raise self.wrong(f"`{self.text[self.at :].strip()}` is left over")
        return node

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.wrong("brackets too deep")
        node = self.product()
        while sign := self.sign("+-"):
            node = Binary(sign, node, self.product())
        self.depth -= 1
        return node

    def product(self) -> Node:
        node = self.power()
        while sign := self.sign("*/"):
            node = Binary(sign, node, self.power())
        return node

    def power(self) -> Node:
        base = self.atom()
        if not self.sign("^"):
            return base
        if self.sign("-"):
            return Binary("^", base, Binary("-", Constant(Typed(0.0, 0.0)), self.atom()))
        return Binary("^", base, self.atom())

    def atom(self) -> Node:
        found = _TOKEN.match(self.text, self.at)
        if not found:
            raise self.wrong("something is missing or no part of a relation")
        self.at = found.end()
        if found["number"]:
            return self.literal(found["number"])
        if found["name"]:
            return self.call(found["name"]) if self.sign("(") else Name(found["name"])
        if found["sign"] == "(":
            node = self.sum()
            self.close()
            return node
        raise self.wrong(f"`{found['sign']}` has nothing before it")

    def literal(self, number: str) -> Node:
        unit = _TOKEN.match(self.text, self.at)
        if unit and (unit["name"] or unit["sign"] == "%"):
            self.at = unit.end()
            return Constant(typed_text(f"{number} {unit['name'] or '%'}"))
        return Constant(typed_text(number, Kind.COUNT))

    def call(self, name: str) -> Node:
        if name not in FUNCTIONS:
            raise InputError(
                f"no function `{name}`",
                expected=f"one of {', '.join(FUNCTIONS)}",
                nearest=nearest_names(name, FUNCTIONS),
            )
        function = FUNCTIONS[name]
        if function.words:
            end = self.text.find(")", self.at)
            words = tuple(word.strip() for word in self.text[self.at : end if end >= 0 else None].split(","))
            self.at = end if end >= 0 else len(self.text)
            self.close()
            node = Call(name, (), words)
        else:
            arguments = [self.sum()]
            while self.sign(","):
                arguments.append(self.sum())
            self.close()
            node = Call(name, tuple(arguments))
        count = len(node.words or node.arguments)
        if not function.fewest <= count <= function.most:
            raise self.wrong(f"`{name}` takes {function.usage}")
        if function.words:
            function.of(*node.words)  # an unknown name is an error of the file
        return node

    def close(self) -> None:
        if not self.sign(")"):
            raise self.wrong("a bracket is not closed")

    def sign(self, signs: str) -> str:
        """The next sign if it is one of these, taken."""
        found = _TOKEN.match(self.text, self.at)
        if found and found["sign"] and found["sign"] in signs:
            self.at = found.end()
            return found["sign"]
        return ""

    def wrong(self, reason: str) -> InputError:
        return InputError(f"`{self.text.strip()}`: {reason}", expected="a relation such as `cards / dies = wafers`")

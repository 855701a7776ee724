"""A claim as a file has it: typed quantities, the relations that it asserts, and what the program works out beside."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from petaday.catalog import load
from petaday.catalog.chip import Dtype
from petaday.catalog.validate import Strict, told
from petaday.errors import InputError, nearest_names
from petaday.study.claims.expression import Expression, Relation, names_in, parse_expression, parse_relation
from petaday.study.claims.read import counted, date_of, divided, typed_text, year_of
from petaday.study.claims.typed import Typed, UnsoundError
from petaday.study.scenario_types import Name
from petaday.units import Kind


def _as_text(written: object) -> object:
    return str(written) if isinstance(written, int | float) and not isinstance(written, bool) else written


Text = Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]
_AS_WRITTEN = (PlainSerializer(lambda each: each.text, return_type=str), WithJsonSchema({"type": "string"}))
Expr = Annotated[Expression, PlainValidator(told(parse_expression)), *_AS_WRITTEN]
Related = Annotated[Relation, PlainValidator(told(parse_relation)), *_AS_WRITTEN]
QuantityName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")]
MOST_READINGS = 256
LONGEST_CHAIN = 20
GIVEN = ("value", "readings", "date", "is", "missing")


class Stated(Strict):
    """A quantity of a claim, given in one of five ways.

    value: `260万亿 TFLOPS`, `$3B..$11B`; readings: several, where the text may be understood in several ways;
    date: a year, month or day; is: worked out from other quantities; missing: what the claim leaves out
    kind: where the unit alone does not tell; per: `day`, `chip`, `wafer` or a noun; of: what a bare number counts
    used_as: how the claim uses it; at: the year or date that it holds for; scope: what it covers
    chip: the chip whose peak it is said to be, with dtype and density as far as they are stated; workload: what for
    source: where it stands if not in the claim itself
    """

    value: Text | None = None
    readings: dict[str, Text] = Field(default_factory=dict)
    date: Text | None = None
    is_: Expr | None = Field(None, alias="is")
    missing: Text | None = None
    kind: Kind | None = None
    per: str = ""
    of: str = ""
    used_as: Literal["amount", "stock", "rate", "flow"] | None = None
    at: Text | None = None
    scope: str = ""
    chip: Name | None = None
    dtype: Dtype | None = None
    density: Literal["dense", "sparse"] | None = None
    workload: Literal["training", "any"] = "any"
    source: str = ""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        given = [name for name in GIVEN if getattr(self, "is_" if name == "is" else name)]
        if len(given) != 1:
            raise ValueError(f"give one of {', '.join(GIVEN)}")
        if given[0] in ("date", "is", "missing") and (self.per or self.of or self.kind):
            raise ValueError(f"`{given[0]}` takes no kind, per or of")
        self._read()
        return self

    @told
    def _read(self) -> None:
        """Raises InputError: a text that is no quantity, an unknown chip."""
        self.typed()
        if self.chip is not None:
            load.chip(self.chip, allow_unverified=True)

    def typed(self) -> dict[str, Typed]:
        """The quantity by reading; nothing for those worked out or missing."""
        at = None if self.at is None else year_of(self.at)
        if self.date is not None:
            return {"": date_of(self.date)}
        texts = self.readings or ({"": self.value} if self.value is not None else {})
        return {name: self._typed(text, at) for name, text in texts.items()}

    def _typed(self, text: str, at: float | None) -> Typed:
        read = typed_text(text, self.kind)
        try:
            read = counted(read, self.of) if self.of else read
            read = divided(read, self.per) if self.per else read
        except UnsoundError as error:
            raise InputError(error.reason) from None
        return Typed(read.low, read.high, read.dimension, at)


class Claim(Strict):
    """A statement with its typed quantities.

    source: where it was read; published: when; relations: what the statement asserts, which the verdict rests on
    model: what the program works out beside it, by name; note: what a correct model needs
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    topic: str = ""
    source: str = ""
    published: Text | None = None
    statement: Name
    quantities: dict[QuantityName, Stated] = Field(default_factory=dict)
    relations: tuple[Related, ...] = ()
    model: dict[str, Expr] = Field(default_factory=dict)
    note: str = ""

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        self._check()
        return self

    @told
    def _check(self) -> None:
        """Raises InputError: a name that is no quantity of the claim, quantities that rest on each other."""
        nodes = [node for each in self.relations for node in (each.left, each.right) if node is not None]
        nodes += [each.node for each in self.model.values()]
        nodes += [each.is_.node for each in self.quantities.values() if each.is_ is not None]
        for name in (name for node in nodes for name in names_in(node)):
            if name not in self.quantities:
                raise InputError(
                    f"no quantity `{name}` in claim {self.id}",
                    expected=", ".join(self.quantities) or "quantities",
                    nearest=nearest_names(name, self.quantities),
                )
        for name in self.quantities:
            self.leaves(name)
        for relation in self.relations:
            names = {
                leaf
                for node in (relation.left, relation.right)
                if node
                for name in names_in(node)
                for leaf in self.leaves(name)
            }
            ways = math.prod(len(self.quantities[name].readings) or 1 for name in names)
            if ways > MOST_READINGS:
                raise InputError(f"`{relation.text}` can be read in {ways} ways", expected=f"at most {MOST_READINGS}")
        if self.published is not None:
            date_of(self.published)

    def leaves(self, name: str) -> list[str]:
        """The stated quantities behind one, each once. Raises InputError: a circle, a chain without end."""
        found: dict[str, None] = {}
        seen: set[str] = set()

        def visit(each: str, above: tuple[str, ...]) -> None:
            if each in above:
                raise InputError(f"quantity `{each}` of claim {self.id} rests on itself")
            if len(above) > LONGEST_CHAIN:
                raise InputError(f"quantity `{name}` of claim {self.id} rests on more than {LONGEST_CHAIN} others")
            worked_out = self.quantities[each].is_
            if worked_out is None:
                found[each] = None
            elif each not in seen:
                for one in names_in(worked_out.node):
                    visit(one, (*above, each))
                seen.add(each)

        visit(name, ())
        return list(found)


class ClaimsFile(Strict):
    """A file of claims."""

    claims: Annotated[tuple[Claim, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _own_ids(self) -> Self:
        ids = [claim.id for claim in self.claims]
        twice = next((each for each in ids if ids.count(each) > 1), None)
        if twice is not None:
            raise ValueError(f"two claims are called {twice}")
        return self

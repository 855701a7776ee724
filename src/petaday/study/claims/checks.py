"""What is checked of a claim: kinds, peaks, dtypes, dates, scopes, arithmetic; each check gives findings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from petaday.catalog import load
from petaday.catalog.chip import Chip
from petaday.study.claims.evaluate import Reading, Valuation, leaves, readings
from petaday.study.claims.expression import Relation
from petaday.study.claims.functions import DENSITIES
from petaday.study.claims.schema import Claim, Stated
from petaday.study.claims.typed import (
    DATE,
    DATES,
    TOLERANCE,
    OpenError,
    Typed,
    UnsoundError,
    require_like,
    text,
    words,
)
from petaday.units import bits

Outcome = Literal["holds", "fails", "doubtful", "open"]


@dataclass(frozen=True)
class Finding:
    """What one check says of one quantity or relation.

    check: kind, peak, dtype, scope, date, dimension, currency, stock or flow, arithmetic, comparison, missing
    subject: the quantity's name or the relation's text; left, right: its two sides
    error: right / left - 1, the stated number against the recomputed one
    """

    check: str
    outcome: Outcome
    subject: str
    reason: str
    left: str = ""
    right: str = ""
    error: float | None = None


def findings(claim: Claim) -> tuple[Finding, ...]:
    """Everything that the checks say of a claim, quantities first."""
    found = [each for name, stated in claim.quantities.items() for each in _of_quantity(name, stated)]
    for relation in claim.relations:
        found += _of_relation(relation, claim)
    return tuple(found)


def _of_quantity(name: str, stated: Stated) -> Iterator[Finding]:
    for typed in stated.typed().values():
        powers = dict(typed.dimension)
        if powers.get("s", 0) < -1:
            over = words({**powers, "s": powers["s"] + 1})
            yield Finding("kind", "fails", name, f"{text(typed)}: a rate ({over}) is given per time, as if an amount")
        elif stated.used_as:
            is_rate = powers.get("s", 0) == -1
            if is_rate != (stated.used_as in ("rate", "flow")):
                article = "an" if stated.used_as == "amount" else "a"
                yield Finding("kind", "fails", name, f"{text(typed)} is used as {article} {stated.used_as}")
            else:
                yield Finding("kind", "holds", name, f"{text(typed)} is a {stated.used_as} and used as one")
        if stated.chip is not None:
            yield _peak(name, stated, typed)


def _peak(name: str, stated: Stated, typed: Typed) -> Finding:
    """A number said to be a chip's peak, held against the catalog's in every dtype and density."""
    assert stated.chip is not None
    if tuple(each for each in typed.dimension if each != ("chip", -1)) != (("FLOP", 1), ("s", -1)):
        return Finding("kind", "fails", name, f"{text(typed)} is no rate of FLOP/s, which a peak is")
    chip = load.chip(stated.chip, allow_unverified=True)
    known = _peaks(chip, stated.workload)
    same = [each for each, value in known.items() if abs(typed.value / value - 1) <= TOLERANCE]
    of = " ".join(filter(None, (stated.dtype, stated.density)))
    as_stated = [each for each in same if stated.dtype in (None, each[0]) and stated.density in (None, each[1])]
    fits = " or ".join(f"{dtype} {density}" for dtype, density in same) or "no"
    said = f"{text(typed)}: {fits} peak of {chip.id}"
    if not as_stated:
        return Finding("peak", "fails", name, f"{said}, not {of}" if of else said)
    if all(density == "sparse" for _, density in as_stated) and stated.density is None:
        best = max(
            value for (dtype, density), value in known.items() if density == "dense" and stated.dtype in (None, dtype)
        )
        most = text(Typed(best, best, typed.dimension))
        use = "a training" if stated.workload == "training" else "dense work"
        return Finding("peak", "fails", name, f"{said}, which {use} cannot use: {most} at most")
    if stated.dtype is None or (stated.density is None and len({density for _, density in as_stated}) > 1):
        return Finding("dtype", "doubtful", name, f"{said}; the claim does not say which dtype and density")
    return Finding("peak", "holds", name, said)


def _peaks(chip: Chip, workload: str) -> dict[tuple[str, str], float]:
    """FLOP/s by dtype and density; a training multiplies floats, and 2:4 sparsity is of 16 bit and below."""
    dense = {dtype: figure.value for dtype, figure in chip.peak.items()}
    if workload == "training":
        dense = {dtype: value for dtype, value in dense.items() if not dtype.startswith("int")}
    has_sparsity = chip.vendor in ("NVIDIA", "AMD") and chip.generation not in DENSE_ONLY
    return {
        (dtype, density): value * factor
        for dtype, value in dense.items()
        for density, factor in DENSITIES.items()
        if density == "dense" or (has_sparsity and bits(dtype) <= 16)
    }


DENSE_ONLY = ("pascal", "volta", "cdna1", "cdna2")
"""Generations without 2:4 sparsity, which came with Ampere (white paper, 2020) and CDNA 3 (white paper, 2023)."""


def _of_relation(relation: Relation, claim: Claim) -> Iterator[Finding]:
    names = leaves((relation.left, relation.right), claim)
    if relation.comparator == "~":
        yield _comparable(relation, claim, names)
        return
    results = [(reading, _arithmetic(relation, claim, reading)) for reading in readings(names, claim)]
    outcomes = {finding.outcome for _, finding in results}
    if outcomes == {"holds", "fails"}:
        told = "; ".join(f"{'/'.join(reading.values())}: {finding.reason}" for reading, finding in results)
        yield Finding("reading", "doubtful", relation.text, f"depends on how it is read: {told}")
    else:
        yield results[0][1]
    yield from _dtypes(relation, claim, names)
    yield from _scopes(relation, claim, names)


def _arithmetic(relation: Relation, claim: Claim, reading: Reading) -> Finding:
    try:
        values = Valuation(claim, reading)
        left = values.of(relation.left)
        if relation.right is None:
            return Finding("arithmetic", "holds", relation.text, f"{relation.text} = {text(left)}", text(left))
        right = values.of(relation.right)
        require_like(left, right)
    except UnsoundError as error:
        return Finding(error.check, "fails", relation.text, error.reason)
    except OpenError as error:
        return Finding("missing", "open", relation.text, f"the claim does not state {error}")
    assert relation.comparator is not None
    holds = _compares(left, relation.comparator, right)
    exact = left.low == left.high != 0 and right.low == right.high and left.dimension != DATE
    off = right.value / left.value - 1 if exact else None
    off = off if off is not None and math.isfinite(off) else None
    by = f" ({off:+.1%})" if off is not None and abs(off) < 10 else ""
    if relation.comparator == "=":
        told = f"{text(left)}, stated {text(right)}{by}"
    else:
        told = f"{text(left)} {relation.comparator} {text(right)} {'holds' if holds else 'does not hold'}"
    return Finding("arithmetic", "holds" if holds else "fails", relation.text, told, text(left), text(right), off)


def _compares(left: Typed, sign: str, right: Typed) -> bool:
    """Whether the ranges allow it, each number being rounded."""
    slack = DATES if left.dimension == DATE else TOLERANCE * max(abs(right.low), abs(right.high))
    above, below = left.high >= right.low - slack, left.low <= right.high + slack
    return {"=": above and below, ">": above, ">=": above, "<": below, "<=": below}[sign]


def _comparable(relation: Relation, claim: Claim, names: list[str]) -> Finding:
    """Whether rates stand in one unit: the same dimension, dtype and density, all of them stated."""
    units = {name: (claim.quantities[name].dtype, claim.quantities[name].density) for name in names}
    firsts = [typed for name in names for typed in list(claim.quantities[name].typed().values())[:1]]
    for typed in firsts[1:]:
        try:
            require_like(firsts[0], typed)
        except UnsoundError as error:
            return Finding(error.check, "fails", relation.text, error.reason)
    told = ", ".join(f"{name} {d or 'any dtype'} {s or 'any density'}" for name, (d, s) in units.items())
    if len(set(units.values())) > 1:
        return Finding("dtype", "fails", relation.text, f"one unit for different things: {told}")
    if None in next(iter(units.values())):
        return Finding("dtype", "doubtful", relation.text, f"not said whether these are alike: {told}")
    return Finding("dtype", "holds", relation.text, f"comparable: {told}")


def _dtypes(relation: Relation, claim: Claim, names: list[str]) -> Iterator[Finding]:
    """A bare rate of FLOP/s may be added to its like; into yuan, chips or time it turns only with its dtype."""
    rates = [name for name in names if _is_capacity(claim.quantities[name])]
    units = {
        (stated.dtype, stated.density)
        for stated in (claim.quantities[name] for name in rates)
        if stated.dtype is not None and stated.density is not None
    }
    if len(units) > 1:
        told = " and ".join(sorted(f"{dtype} {density}" for dtype, density in units))
        yield Finding("dtype", "fails", relation.text, f"rates of {told} are put together, and these do not add")
    bare = [name for name in rates if None in (claim.quantities[name].dtype, claim.quantities[name].density)]
    others = [
        name
        for name in names
        if any(dict(typed.dimension).keys() - {"s"} for typed in claim.quantities[name].typed().values())
        and name not in rates
    ]
    if bare and others:
        yield Finding(
            "dtype", "doubtful", relation.text,
            f"{', '.join(bare)} without dtype and density (dense or sparse) is turned into something else",
        )  # fmt: skip


def _is_capacity(stated: Stated) -> bool:
    """Whether it is FLOP/s of machines: no chip's peak, which is checked by itself, and no FLOP demanded a day."""
    if stated.chip is not None or stated.per:
        return False
    return any(typed.dimension == (("FLOP", 1), ("s", -1)) for typed in stated.typed().values())


def _scopes(relation: Relation, claim: Claim, names: list[str]) -> Iterator[Finding]:
    scopes = {name: claim.quantities[name].scope for name in names if claim.quantities[name].scope}
    if len(set(scopes.values())) > 1:
        told = ", ".join(f"{name} is of {scope}" for name, scope in scopes.items())
        yield Finding("scope", "doubtful", relation.text, f"mixes scopes: {told}")

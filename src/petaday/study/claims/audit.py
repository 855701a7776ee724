"""The audit of claims: findings, the verdict that follows from them, and what the program works out beside."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from petaday.catalog.strict_yaml import load
from petaday.catalog.validate import validated
from petaday.errors import InputError, nearest_names
from petaday.study.claims.checks import Finding, findings
from petaday.study.claims.evaluate import Valuation, readings
from petaday.study.claims.read import year_of
from petaday.study.claims.schema import Claim, ClaimsFile
from petaday.study.claims.typed import OpenError, Typed, UnsoundError

DATA = Path(__file__).parent / "data"
Verdict = Literal["consistent", "partial", "inconsistent", "not checkable"]


@dataclass(frozen=True)
class Worked:
    """A number worked out by name; where it cannot be, why not."""

    name: str
    typed: Typed | None
    reason: str = ""


@dataclass(frozen=True)
class Audit:
    """A claim with its verdict, its findings, its quantities as typed and what the model says.

    is_forecast: whether one of its numbers is of a time after it was published
    """

    claim: Claim
    verdict: Verdict
    reason: str
    findings: tuple[Finding, ...]
    quantities: tuple[Worked, ...]
    model: tuple[Worked, ...]
    is_forecast: bool


def audit(claim: Claim) -> Audit:
    """A claim's audit. Whatever is wrong with the claim is a finding; only a malformed file is an error."""
    found = findings(claim)
    verdict = verdict_of(found)
    first = next(iter(readings(claim.quantities, claim)))
    return Audit(
        claim=claim,
        verdict=verdict,
        reason=_reason(verdict, found, claim),
        findings=found,
        quantities=tuple(
            Worked(f"{name} ({reading[name]})" if name in reading else name, *_worked(name, claim, reading))
            for name in claim.quantities
            for reading in readings([name], claim)
        ),
        model=tuple(_model(name, claim, first) for name in claim.model),
        is_forecast=_is_forecast(claim),
    )


def verdict_of(found: tuple[Finding, ...]) -> Verdict:
    """Any failure: inconsistent. Doubts, or something open beside what holds: partial. Nothing held: not checkable."""
    outcomes = {each.outcome for each in found}
    if "fails" in outcomes:
        return "inconsistent"
    if "doubtful" in outcomes or {"holds", "open"} <= outcomes:
        return "partial"
    return "consistent" if "holds" in outcomes else "not checkable"


def _reason(verdict: Verdict, found: tuple[Finding, ...], claim: Claim) -> str:
    deciding = {
        "inconsistent": ("fails",),
        "partial": ("doubtful", "open"),
        "consistent": ("holds",),
        "not checkable": ("open",),
    }[verdict]
    reasons = [each.reason for each in found if each.outcome in deciding]
    if reasons:
        return "; ".join(dict.fromkeys(reasons))
    return "nothing relates its numbers" if claim.quantities else "no numbers of compute in it"


def _worked(name: str, claim: Claim, reading: dict[str, str]) -> tuple[Typed | None, str]:
    try:
        return Valuation(claim, reading).quantity(name), ""
    except UnsoundError as error:
        return None, error.reason
    except OpenError as error:
        return None, f"not stated: {error}"


def _model(name: str, claim: Claim, reading: dict[str, str]) -> Worked:
    try:
        return Worked(name, Valuation(claim, reading).of(claim.model[name].node))
    except UnsoundError as error:
        return Worked(name, None, error.reason)
    except OpenError as error:
        return Worked(name, None, f"not stated: {error}")


def _is_forecast(claim: Claim) -> bool:
    if claim.published is None:
        return False
    return any(year_of(each.at) > year_of(claim.published) for each in claim.quantities.values() if each.at)


def read_claims(path: Path) -> ClaimsFile:
    """Claims from a user's file. Raises InputError: what is malformed, with its place."""
    return validated(ClaimsFile, load(path))


@functools.cache
def shipped_claims() -> tuple[Claim, ...]:
    """The press claims that ship with the program, by id."""
    claims = [claim for path in sorted(DATA.glob("*.yaml")) for claim in read_claims(path).claims]
    return tuple(sorted(claims, key=lambda claim: claim.id))


def chosen(claims: tuple[Claim, ...], id_: str) -> tuple[Claim, ...]:
    """The claim of an id, case apart. Raises InputError: there is none, with the nearest."""
    found = tuple(claim for claim in claims if claim.id.casefold() == id_.casefold())
    if not found:
        ids = [claim.id for claim in claims]
        raise InputError(f"no claim `{id_}`", field="--id", expected="an id", nearest=nearest_names(id_, ids))
    return found

"""Audited claims as plain data and as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from petaday.report.data import SCHEMA_VERSION, Data
from petaday.report.tables import plain_table
from petaday.study.claims.typed import text, words

if TYPE_CHECKING:
    from rich.console import Console

    from petaday.study.claims.audit import Audit, Worked
    from petaday.study.manifest import Manifest

STYLES = {"consistent": "green", "partial": "yellow", "inconsistent": "red", "not checkable": "dim"}


def claims_data(audits: Sequence[Audit], made: Manifest) -> Data:
    """Audits with stable keys; quantities are in SI units with their dimension, errors in percent."""
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "answered",
        "claims": [_audit(each) for each in audits],
        "verdicts": dict(Counter(each.verdict for each in audits)),
        "manifest": asdict(made),
    }


def _audit(audit: Audit) -> Data:
    claim = audit.claim
    return {
        "id": claim.id,
        "topic": claim.topic,
        "source": claim.source,
        "published": claim.published,
        "statement": claim.statement,
        "verdict": audit.verdict,
        "reason": audit.reason,
        "is_forecast": audit.is_forecast,
        "findings": [
            {
                "check": each.check,
                "outcome": each.outcome,
                "subject": each.subject,
                "reason": each.reason,
                "recomputed": each.left,
                "stated": each.right,
                "stated_over_recomputed_pct": None if each.error is None else round(100 * each.error, 2),
            }
            for each in audit.findings
        ],
        "quantities": [
            {**_worked(each), "source": claim.quantities[each.name.partition(" (")[0]].source or "the claim"}
            for each in audit.quantities
        ],
        "relations": [each.text for each in claim.relations],
        "model": [{**_worked(each), "expression": claim.model[each.name].text} for each in audit.model],
        "note": claim.note,
    }


def _worked(worked: Worked) -> Data:
    typed = worked.typed
    if typed is None:
        return {"name": worked.name, "text": worked.reason, "low": None, "value": None, "high": None, "si_unit": None}
    ends = {"low": typed.low, "value": typed.value, "high": typed.high, "si_unit": words(typed.dimension)}
    return {"name": worked.name, "text": text(typed), **ends}


def show_claims(data: Data, console: Console) -> None:
    """Print one line for each claim and how many verdicts there are of each kind."""
    from rich.text import Text

    table = plain_table("", "id", "claim", "verdict", "reason")
    for each in data["claims"]:
        verdict = Text(each["verdict"], style=STYLES[each["verdict"]])
        table.add_row(Text(each["id"]), Text(each["statement"]), verdict, Text(each["reason"]))
    console.print(table)
    told = ", ".join(f"{count} {name}" for name, count in data["verdicts"].items())
    console.print(f"{len(data['claims'])} claims: {told}. `--id` shows one in full.")


def show_claim(each: Data, console: Console) -> None:
    """Print one claim in full: its quantities, its relations, what was found and what the model says."""
    from rich.text import Text

    forecast = ", a forecast" if each["is_forecast"] else ""
    where = ", ".join(filter(None, (each["source"], each["published"])))
    console.print(Text(f"{each['id']}: {each['statement']}", style="bold"))
    console.print(Text(f"{where or 'source not given'}{forecast}"))
    console.print(Text.assemble("Verdict: ", (each["verdict"], STYLES[each["verdict"]])))
    if each["quantities"]:
        table = plain_table("\nQuantities", "name", ">amount", "source")
        for one in each["quantities"]:
            table.add_row(Text(one["name"]), Text(one["text"]), Text(one["source"]))
        console.print(table)
    if each["findings"]:
        table = plain_table("\nChecks", "check", "of", "outcome", "what was found")
        for one in each["findings"]:
            table.add_row(*(Text(one[key]) for key in ("check", "subject", "outcome", "reason")))
        console.print(table)
    if each["model"]:
        table = plain_table("\nWhat the model says", "what", ">amount", "by")
        for one in each["model"]:
            table.add_row(*(Text(one[key]) for key in ("name", "text", "expression")))
        console.print(table)
    if each["note"]:
        console.print(Text(f"\n{each['note']}"))

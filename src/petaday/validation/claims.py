"""Audited claims against a table made by hand: what their arithmetic comes to, and the verdict on each.

The record (`data/claims.csv`): 45 statements of the press on AI compute from 2023 and 2025, each recomputed and judged
by hand before there was an auditor. The auditor does not read it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from petaday.study.claims import Audit, audit, shipped_claims
from petaday.validation.suite import Checked, Suite

RECORD = Path(__file__).parent / "data" / "claims.csv"


def claim_suites() -> list[Suite]:
    """The arithmetic of claims in SI units, and the share of verdicts that agree (1 where one does, 0 where not)."""
    with RECORD.open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    audits = {claim.id: audit(claim) for claim in shipped_claims()}
    return [
        Suite("claims, arithmetic", tuple(_arithmetic(rows, audits))),
        Suite("claims, verdicts", tuple(_verdicts(rows, audits))),
    ]


def _arithmetic(rows: list[dict[str, str]], audits: dict[str, Audit]) -> Iterator[Checked]:
    for row in rows:
        if row["name"]:
            worked = next(each for each in audits[row["id"]].model if each.name == row["name"])
            yield Checked(
                id=f"{row['id']} {row['name']}",
                group=audits[row["id"]].claim.topic,
                metric=row["unit"] or "1",
                measured=float(row["stated"]) * float(row["si"]),
                predicted=None if worked.typed is None else worked.typed.value,
                skipped=worked.reason,
            )


def _verdicts(rows: list[dict[str, str]], audits: dict[str, Audit]) -> Iterator[Checked]:
    for id_, verdict in {row["id"]: row["verdict"] for row in rows}.items():
        agrees = float(audits[id_].verdict == verdict)
        yield Checked(id=id_, group=verdict, metric="agreement", measured=1.0, predicted=agrees)

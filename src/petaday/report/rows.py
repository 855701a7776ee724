"""Plans of an answer as a CSV table: the ranked ones and, where asked for, the Pareto front."""

from __future__ import annotations

import csv
import io

from petaday.report.data import Data
from petaday.report.payload import ranked_plans
from petaday.study.answer import Answer
from petaday.training.plan import COLUMNS

KEYS = ("kind", "rank", "step_time_s", "memory_bytes", "bubble_s", "communication_s")


def plans_csv(answer: Answer, front: list[Data]) -> str:
    """One line a plan, every plan column in its own; what a line does not know is blank."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*KEYS, *COLUMNS], lineterminator="\n")
    writer.writeheader()
    for kind, plans in (("ranked", ranked_plans(answer)), ("pareto", front)):
        for each in plans:
            values = {key: each[key] for key in KEYS if key in each}
            writer.writerow({"kind": kind, **values, **each["plan"]})
    return text.getvalue()

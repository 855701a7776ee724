"""The shipped sweep of nanotron's plans: memory, out-of-memory verdicts and step times of one cluster's H100s.

Rows become scenarios as any table's do. Those of one model, cluster, sequence and batch share a job, and their plans are
priced as one table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from petaday.study.job import Joined
from petaday.training.plan import Plans
from petaday.training.space import Space, all_plans
from petaday.validation.rows import joined_of, plan_of
from petaday.validation.table import Row, needed, read_rows, true

SWEEP = Path(__file__).parent / "data" / "nanotron.csv.gz"
"""Runs of the ultra-scale playbook's benchmark; columns of the training record, and memory, verdict and pipeline."""

SHARED = (
    "model", "layers", "hidden", "ffn", "heads", "kv_heads", "vocab", "tied_embeddings", "seq_len", "global_batch",
    "accelerator", "n_accelerators", "scale_up_domain", "dtype", "framework",
)  # fmt: skip
"""Columns whose rows share a job."""

KEY = ("tp", "pp", "dp", "micro_batch", "zero")
"""Plan columns that tell the rows of a sweep apart."""


@dataclass(frozen=True)
class Sweep:
    """Rows of one model, cluster, sequence and batch, their job, and their plans in the rows' order."""

    rows: tuple[Row, ...]
    joined: Joined
    plans: Plans

    @property
    def size(self) -> str:
        """The model's name."""
        return self.rows[0]["model"]


@lru_cache(maxsize=1)
def sweep_rows() -> tuple[Row, ...]:
    """Every row of the record."""
    return tuple(read_rows(SWEEP))


def fast_pipeline(row: Row) -> bool:
    """Whether a row ran the pipeline that nanotron has since its repair, or none."""
    return needed(row, "pp") == 1 or true(row, "after_pp_fix")


def sweeps_of(rows: Iterable[Row]) -> Iterator[Sweep]:
    """Rows by what they share, in the order of their first row.

    Rows that no legal plan has (fewer layers than stages) are left out.
    """
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in SHARED), []).append(row)
    for members in groups.values():
        joined = joined_of(members[0])
        legal = legal_plans(members, joined)
        place = {key: at for at, key in enumerate(zip(*(getattr(legal, name).tolist() for name in KEY), strict=True))}
        wanted = [place.get(key_of(row, joined.job.chips)) for row in members]
        rows = tuple(row for row, at in zip(members, wanted, strict=True) if at is not None)
        if rows:
            yield Sweep(rows, joined, legal.take(np.array([at for at in wanted if at is not None])))


def key_of(row: Row, chips: int) -> tuple[int, ...]:
    """A row's plan columns of KEY."""
    plan = plan_of(row, chips, 8)
    return tuple(plan.get(name, 0) for name in KEY)


def legal_plans(rows: Iterable[Row], joined: Joined) -> Plans:
    """Every legal plan with the columns of some of the rows; a tensor split is enumerated as if it were given alone."""
    listed = [plan_of(row, joined.job.chips, 8) for row in rows]
    columns = {name for plan in listed for name in plan} - {"tp", "sequence_parallel"}
    tables: list[Plans] = []
    for tp in sorted({plan["tp"] for plan in listed}):
        alike = [plan for plan in listed if plan["tp"] == tp]
        values = {
            name: tuple(sorted({plan[name] for plan in alike if name in plan}))
            for name in columns
            if any(name in plan for plan in alike)
        }
        values["zero"] = (0, *(value for value in values.get("zero", ()) if value))
        held = {**values, "tp": (tp,), "sequence_parallel": (int(tp > 1),)}
        tables.extend(all_plans(joined.job, Space({**joined.space.habits, **held}, joined.space.habits)))
    return Plans.concat(tables)

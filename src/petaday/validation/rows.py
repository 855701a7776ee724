"""A row of a table of measurements as a scenario: from its own columns, never by its name.

Columns are those of the public record of training measurements. A plan column that a row leaves blank is searched,
and the best plan is the prediction.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from petaday.catalog import load
from petaday.catalog.model import Model, Moe
from petaday.errors import InputError, Place
from petaday.study.job import Joined, join
from petaday.study.scenario import Cluster, PlanColumns, Scenario, Train, WhatIfNetwork
from petaday.training.baseline import baseline_step_time
from petaday.training.job import Job
from petaday.training.plan import COLUMNS
from petaday.training.search import search
from petaday.units import DTYPES

Row = Mapping[str, str]

SHARDING = {"none": 0, "zero-1": 1, "dist-opt": 1, "zero-2": 2, "zero-3": 3, "fsdp": 3}
PLAN_COLUMNS = ("tp", "pp", "vpp", "cp", "ep", "etp", "dp", "micro_batch")
REQUIRED = (
    "id",
    "model",
    "accelerator",
    "n_accelerators",
    "seq_len",
    "global_batch",
    "step_time_s",
    "dtype",
    "framework",
)
"""Columns without which a table holds no runs; the others may be blank."""

LINE_RATES = {100: "ib-edr", 200: "ib-hdr", 400: "ib-ndr", 800: "ib-xdr"}
"""Gb/s per chip to the catalog network of that rate; other rates stand by themselves."""


@dataclass(frozen=True)
class Prediction:
    """measured, predicted, baseline: seconds per step; plan_known: no searched column was left open."""

    id: str
    measured: float
    predicted: float
    baseline: float
    plan_known: bool
    plan: dict[str, int | str]

    @property
    def error(self) -> float:
        """predicted / measured - 1."""
        return self.predicted / self.measured - 1


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV table. Raises InputError: it cannot be read, or lacks the columns of a run."""
    try:
        with path.open(newline="", encoding="utf-8") as table:
            rows = list(csv.DictReader(table))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a CSV table in UTF-8"
        raise InputError(f"cannot be read: {reason}", place=Place(str(path))) from None
    missing = [name for name in REQUIRED if rows and name not in rows[0]]
    if missing or not rows:
        raise InputError(
            f"no column {', '.join(missing)}" if missing else "no rows",
            place=Place(str(path)),
            expected="a table in the documented columns",
        )
    return rows


def _whole(row: Row, column: str) -> int | None:
    text = row.get(column, "")
    return int(float(text)) if text else None


def _needed(row: Row, column: str) -> int:
    value = _whole(row, column)
    if value is None:
        raise InputError("blank", field=column, expected="a number")
    return value


def model_of(row: Row) -> Model:
    """The model that a row's dimensions describe; a GPT with its learned positions where nothing is gated."""
    heads = _needed(row, "heads")
    experts = _whole(row, "experts")
    gated = row["gated_ffn"] in ("True", "1")
    shared = _whole(row, "shared_experts") or 0
    moe_ffn = _whole(row, "moe_ffn") or 0
    moe = None
    if experts:
        moe = Moe(
            experts=experts,
            topk=_needed(row, "topk"),
            ffn=moe_ffn or _needed(row, "ffn"),
            shared_experts=shared,
            shared_ffn=moe_ffn if shared else 0,
        )
    return Model(
        id="row",
        name=row["model"],
        family=row["family"],
        source=row["source"] or "the row",
        layers=_needed(row, "layers"),
        hidden=_needed(row, "hidden"),
        heads=heads,
        kv_heads=_whole(row, "kv_heads") or heads,
        head_dim=_whole(row, "head_dim") or _needed(row, "hidden") // heads,
        ffn=0 if moe else _needed(row, "ffn"),
        gated=gated,
        vocab=_needed(row, "vocab"),
        max_position=0 if gated else _needed(row, "seq_len"),
        tied_embeddings=not gated,
        norm="rmsnorm" if gated else "layernorm",
        linear_bias=not gated,
        moe=moe,
    )


def software_of(row: Row) -> str:
    """The latest profile of the row's framework that existed at the row's date; the default profile if none did."""
    framework = row["framework"].casefold()
    fitting = [
        (profile.date, profile.id)
        for profile in load.software().values()
        if any(framework.startswith(name.casefold()) for name in profile.frameworks)
    ]
    if not fitting:
        return "megatron-core-2024"
    date = row["date"] or "9999"
    earlier = [each for each in fitting if each[0][: len(date)] <= date]
    return max(earlier)[1] if earlier else min(fitting)[1]


def scenario_of(row: Row) -> Scenario:
    """The scenario that a row's columns describe."""
    given = {name: value for name in PLAN_COLUMNS if (value := _whole(row, name)) is not None}
    replicas = (given.get("dp") or 2) * (given.get("cp") or 1)
    if row["sharding"] and replicas > 1:
        word = row["sharding"].casefold()
        given["zero"] = next((zero for name, zero in SHARDING.items() if word.startswith(name)), 0)
    if row["recompute"]:
        mode = row["recompute"].split()[0]
        given["recompute"] = COLUMNS["recompute"].value(mode, "recompute")
    if row["sequence_parallel"] and given.get("tp", 2) > 1:
        given["sequence_parallel"] = int(row["sequence_parallel"] == "True")
    dtype = row["dtype"].split()[0].split("-")[0].casefold() or "bf16"
    if dtype not in DTYPES:
        raise InputError(f"unknown dtype `{row['dtype']}`", field="dtype", expected=", ".join(DTYPES))
    seq_len, batch = _needed(row, "seq_len"), _needed(row, "global_batch")
    rate = row["scale_out_Gbps_per_gpu"]
    network: str | WhatIfNetwork | None = None
    if rate:
        network = LINE_RATES.get(int(float(rate))) or WhatIfNetwork(bandwidth=f"{rate} Gb/s")  # type: ignore[arg-type]
    written = {name: COLUMNS[name].text(v) if COLUMNS[name].names else v for name, v in given.items()}
    return Scenario(
        name=row["id"],
        train=Train(
            model=model_of(row),
            tokens=float(seq_len * batch),
            sequence_length=seq_len,
            global_batch=batch,
            precision=dtype,  # type: ignore[arg-type]
            software=software_of(row),
        ),
        cluster=Cluster(
            chip=row["accelerator"],
            chips=_needed(row, "n_accelerators"),
            scale_up_domain=_whole(row, "scale_up_domain"),
            network=network,
        ),
        plan=PlanColumns.model_validate(written),
    )


def predict(row: Row, adjust: Callable[[Job], Job] = lambda job: job) -> Prediction:
    """Price a row's plan, or the best plan under what the row tells; `adjust` changes the job while fitting.

    A run that was measured did fit: where no plan with its columns fits by our count, the fastest of them is taken.
    """
    joined: Joined = join(scenario_of(row), Path())
    job = adjust(joined.job)
    found = search(job, joined.space)
    if found.best is None:
        found = search(replace(job, memory=float("inf")), joined.space)
    if found.best is None:
        raise InputError("no legal plan has this row's columns")
    searched = ("tp", "pp", "vpp", "dp", "micro_batch", "recompute", "zero")
    return Prediction(
        id=row["id"],
        measured=float(row["step_time_s"]),
        predicted=float(found.step_time[0]),
        baseline=float(baseline_step_time(found.best, job)[0]),
        plan_known=all(name in joined.given for name in searched),
        plan=found.best.texts(0),
    )

"""A row of a table of measurements as a scenario: from its own columns, never by its name.

Columns are those of the public record of training measurements (docs/fidelity.md). A plan column that a row leaves
blank is searched, and the best plan is the prediction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from petaday.catalog import load
from petaday.catalog.chip import Chip
from petaday.catalog.model import Model
from petaday.errors import InputError
from petaday.study.interval import Likely, likely, plan_known
from petaday.study.job import Joined, join
from petaday.study.scenario import Cluster, PlanColumns, Scenario, Train, WhatIfNetwork
from petaday.training.baseline import baseline_step_time
from petaday.training.job import Job
from petaday.training.plan import COLUMNS, Plans
from petaday.training.pricer import Pricer
from petaday.training.search import search
from petaday.validation.table import Row, needed, number, true, whole
from petaday.validation.words import gemm_dtype, recomputation, shard_ranks, zero_stage

PLAN_COLUMNS = ("tp", "pp", "vpp", "cp", "ep", "etp", "dp", "micro_batch")
LINE_RATES = {100: "ib-edr", 200: "ib-hdr", 400: "ib-ndr", 800: "ib-xdr"}
"""Gb/s per chip to the catalog network of that rate; other rates stand by themselves."""

TECHNOLOGIES = {"omni-path": "omni-path", "efa": "efa", "roce": "roce", "ethernet": "roce", "gbe": "roce"}
"""Words of a row's network source, and the technology of catalog networks that they mean."""

LORA_RANK = 16
"""Rank of the adapters of MLPerf's LoRA benchmark; tables give no rank."""

TRAINED = ("pretrain", "sft", "finetune-full", "")


@dataclass(frozen=True)
class Prediction:
    """A row's plan and predicted seconds per step beside the measured ones.

    plan_known: no column of the plan that matters was searched; likely: the interval of measured times
    """

    id: str
    measured: float
    predicted: float
    plan_known: bool
    plans: Plans
    job: Job
    joined: Joined
    likely: Likely | None

    @property
    def error(self) -> float:
        """predicted / measured - 1."""
        return self.predicted / self.measured - 1

    @property
    def plan(self) -> dict[str, int | str]:
        """The plan as users write it."""
        return self.plans.texts(0)

    @property
    def baseline(self) -> float:
        """Seconds per step by the one-constant baseline."""
        return float(baseline_step_time(self.plans, self.job)[0])


def model_of(row: Row) -> Model:
    """The model that a row's dimensions describe; what they leave out is the catalog's, where it has a model so named.

    A GPT with its learned positions where nothing is gated. Raises InputError: a hybrid, or a dimension is missing.
    """
    if row.get("family", "").startswith("hybrid"):
        raise InputError(f"family {row['family']}: state-space layers are not modelled", field="family")
    like = _named_model(row["model"])
    given = {name: whole(row, name) for name in ("layers", "hidden", "heads", "kv_heads", "head_dim", "vocab", "ffn")}
    known = {name: getattr(like, name) for name in given} if like else {}
    sizes = {name: value or known.get(name) for name, value in given.items()}
    needs = ("layers", "hidden", "heads", "vocab", *(() if whole(row, "experts") else ("ffn",)))
    for name in needs:
        if not sizes[name]:
            raise InputError("blank", field=name, expected="a number, or the name of a catalog model")
    if not sizes["head_dim"] and (sizes["hidden"] or 0) % (sizes["heads"] or 1):
        raise InputError(f"{sizes['hidden']} is no multiple of {sizes['heads']} heads", field="hidden")
    gated = true(row, "gated_ffn") if row.get("gated_ffn") else bool(like and like.gated)
    plain = not gated
    heads = sizes["heads"] or 1
    head_dim = sizes["head_dim"] or (sizes["hidden"] or 0) // heads
    moe = _experts(row, like, sizes["ffn"])
    keeps_attention = like is not None and (like.heads, like.hidden) == (heads, sizes["hidden"])
    dense = moe is None or moe["first_dense_layers"] or moe["every"] > 1
    return Model.model_validate(
        {
            "id": "row",
            "name": row["model"],
            "family": row.get("family") or "dense",
            "source": row.get("source") or "the row",
            "layers": sizes["layers"],
            "hidden": sizes["hidden"],
            "heads": heads,
            "kv_heads": sizes["kv_heads"] or heads,
            "head_dim": like.head_dim if like and like.mla and keeps_attention else head_dim,
            "ffn": sizes["ffn"] if dense else 0,
            "gated": gated,
            "vocab": sizes["vocab"],
            "max_position": needed(row, "seq_len") if plain else 0,
            "tied_embeddings": true(row, "tied_embeddings") if row.get("tied_embeddings") else plain,
            "norm": "layernorm" if plain else "rmsnorm",
            "linear_bias": plain,
            "mla": like.mla if like and keeps_attention else None,
            "sliding_window": like.sliding_window if like and keeps_attention else None,
            "moe": moe,
        }
    )


def _named_model(name: str) -> Model | None:
    """The catalog model of this name, whatever stands behind it in brackets."""
    try:
        return load.model(re.sub(r"\s*\(.*\)\s*$", "", name))
    except InputError:
        return None


def _experts(row: Row, like: Model | None, ffn: int | None) -> dict[str, int] | None:
    """The mixture of a row, with the catalog model's dense layers in the same proportion."""
    experts = whole(row, "experts")
    if not experts:
        return None
    width = whole(row, "moe_ffn") or ffn or 0
    shared = whole(row, "shared_experts") or 0
    known = like.moe if like else None
    lead = round(known.first_dense_layers * needed(row, "layers") / like.layers) if like and known else 0
    return {
        "experts": experts,
        "topk": needed(row, "topk"),
        "ffn": width,
        "shared_experts": shared,
        "shared_ffn": width if shared else 0,
        "first_dense_layers": lead,
        "every": known.every if known else 1,
    }


def software_of(row: Row, chip: Chip) -> str:
    """The profile of the first framework that a row names, at the row's date.

    Of the profiles for the chip's maker that can run the row's sharding, those whose word stands first in the row's
    framework (the longest such word) are meant, and of these the latest that existed at its date, else the earliest. A
    framework that no profile knows takes what else runs on these chips.
    """
    framework, date = (row.get("framework") or "").casefold(), row.get("date") or "9999"
    zero = zero_stage(row.get("sharding") or "")
    able = [
        each
        for each in load.software().values()
        if (not each.vendors or chip.vendor in each.vendors) and (zero is None or zero in each.supports.zero)
    ]
    places = {
        each.id: min(
            (
                (framework.index(word.casefold()), -len(word))
                for word in each.frameworks
                if word.casefold() in framework
            ),
            default=(len(framework), 0),
        )
        for each in able
    }
    first = min(places.values())
    meant = [each for each in able if places[each.id] == first]
    if first[1] == 0:
        meant = [each for each in able if each.vendors] or able
    earlier = [each for each in meant if each.date[: len(date)] <= date]
    return (max(earlier, key=lambda each: each.date) if earlier else min(meant, key=lambda each: each.date)).id


def plan_of(row: Row, chips: int, domain: int) -> dict[str, int]:
    """The plan columns that a row gives."""
    given = {name: value for name in PLAN_COLUMNS if (value := whole(row, name)) is not None}
    if given.get("pp") == 1:
        given.pop("vpp", None)
    sharding = row.get("sharding") or ""
    ranks = given.get("tp", 1) * given.get("pp", 1) * given.get("cp", 1)
    copies = given.get("dp", 0)
    if zero_stage(sharding) == 3 and copies and chips % (ranks * copies) == 0:
        # Tables of sharded runs may count the copies of a shard as dp; here dp counts every data-parallel rank.
        given["dp"] = chips // ranks
    if micro_batch := _micro_batch(row, given.get("dp", 0)):
        given["micro_batch"] = micro_batch
    replicas = given.get("dp", 2) * given.get("cp", 1)
    copied = 0 if not copies or given["dp"] == copies else replicas // copies
    if replicas > 1 and (zero := zero_stage(sharding)) is not None:
        given["zero"] = zero
        shared_by = shard_ranks(sharding, domain) or copied
        if 1 < shared_by < replicas and zero and replicas % shared_by == 0:
            given["shard"] = shared_by
    given |= recomputation(row.get("recompute") or "")
    if row.get("sequence_parallel") and given.get("tp", 2) > 1:
        given["sequence_parallel"] = int(true(row, "sequence_parallel"))
    if "offload" in sharding.casefold():
        given["optimizer_offload"] = 1
    return given


def _micro_batch(row: Row, dp: int) -> int:
    """Sequences of a replica in one forward pass, from the batch and the accumulation steps; 0 where they do not tell.

    Some tables count the micro-batch by chip, however many chips share a replica.
    """
    batch, steps = whole(row, "global_batch") or 0, whole(row, "grad_accum") or 0
    return batch // (dp * steps) if dp and steps and batch % (dp * steps) == 0 else 0


def network_of(row: Row) -> str | WhatIfNetwork | None:
    """The scale-out network of a row's rate, of the technology that its source names; None leaves it to the chip."""
    rate = number(row, "scale_out_Gbps_per_gpu")
    if not rate:
        return None
    told = (row.get("net_source") or "").casefold()
    technology = next((kind for word, kind in TECHNOLOGIES.items() if word in told), "")
    if not technology and int(rate) in LINE_RATES:
        return LINE_RATES[int(rate)]
    alike = [each for each in load.networks().values() if each.technology == (technology or "infiniband")]
    like = min(alike, key=lambda each: abs(each.bandwidth.value - rate / 8 * 1e9))
    return WhatIfNetwork.model_validate(
        {"bandwidth": f"{rate:g} Gb/s", "latency": like.latency.text, "efficiency": like.efficiency.value}
    )


def scenario_of(row: Row) -> Scenario:
    """The scenario that a row's columns describe."""
    task = row.get("task") or ""
    if task not in (*TRAINED, "lora"):
        raise InputError(f"task `{task}` is not modelled", field="task", expected="pretrain, sft or lora")
    chip = load.chip(row["accelerator"], allow_unverified=True)
    chips = needed(row, "n_accelerators")
    seq_len, batch = needed(row, "seq_len"), needed(row, "global_batch")
    domain = whole(row, "scale_up_domain")
    plan = plan_of(row, chips, domain or 8)
    written = {name: COLUMNS[name].text(v) if COLUMNS[name].names else v for name, v in plan.items()}
    return Scenario(
        name=row["id"],
        train=Train(
            model=model_of(row),
            tokens=float(seq_len * batch),
            sequence_length=seq_len,
            global_batch=batch,
            precision=gemm_dtype(row["dtype"]),  # type: ignore[arg-type]
            software=software_of(row, chip),
            lora_rank=LORA_RANK if task == "lora" else None,
            expert_imbalance=1.0 if _balanced(row) else 1.1,
        ),
        cluster=Cluster(
            chip=row["accelerator"],
            chips=chips,
            scale_up_domain=domain,
            network=network_of(row),
        ),
        plan=PlanColumns.model_validate(written),
    )


def _balanced(row: Row) -> bool:
    """Whether a row says that its benchmark forced every expert to the same load."""
    return bool(re.search(r"force-balanced|balanced gate", row.get("notes") or ""))


def joined_of(row: Row) -> Joined:
    """A row's scenario joined with the catalog's parts."""
    return join(scenario_of(row), Path(), allow_unverified=True)


def best_plan(job: Job, joined: Joined) -> tuple[Plans, float]:
    """The plan that a row gives, or the best one under what it tells, and its seconds per step.

    A run that was measured did fit: where no plan with its columns fits by our count, the leanest of them is taken.
    Raises InputError: no legal plan has its columns.
    """
    found = search(job, joined.space)
    if found.best is not None:
        return found.best, float(found.step_time[0])
    if found.leanest is None:
        raise InputError("no legal plan has this row's columns")
    return found.leanest, float(Pricer(job).price(found.leanest).step_time[0])


def predict(row: Row) -> Prediction:
    """Price a row's plan, or the best plan under what the row tells. Raises InputError: it cannot be predicted."""
    joined = joined_of(row)
    plans, seconds = best_plan(joined.job, joined)
    return Prediction(
        id=row["id"],
        measured=float(row["step_time_s"]),
        predicted=seconds,
        plan_known=plan_known(joined),
        plans=plans,
        job=joined.job,
        joined=joined,
        likely=likely(joined),
    )

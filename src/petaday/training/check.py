"""Whether the columns that a user fixed can belong to a legal plan; the error names the values that would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

from petaday.errors import InputError
from petaday.training.job import Job
from petaday.training.plan import COLUMNS, Schedule
from petaday.training.space import divisors, layout, splits_heads

RANKS = ("tp", "cp", "pp", "dp")
"""The columns whose product is the number of chips."""


def check_columns(job: Job, given: Mapping[str, int], *, chips_fixed: bool = True) -> None:
    """Raise InputError for the first given column, or pair of columns, that no legal plan has.

    `chips_fixed` is false while the number of chips is still searched for.
    """
    _check_tensor(job, given)
    _check_pipeline(job, given)
    _check_context(job, given)
    _check_experts(job, given)
    _check_batch(job, given)
    if chips_fixed:
        _check_chips(job, given)


def _refuse(column: str, value: int, why: str, workable: Iterable[int] = ()) -> None:
    near = sorted(workable, key=lambda candidate: (abs(candidate - value), candidate))[:6]
    raise InputError(
        f"{COLUMNS[column].text(value)} {why}",
        field=f"plan.{column}",
        expected=f"one of {', '.join(map(str, sorted(near)))}" if near else "",
    )


def _check_tensor(job: Job, given: Mapping[str, int]) -> None:
    tp = given.get("tp", 0)
    if tp and not splits_heads(job, tp):
        model = job.model
        workable = [d for d in divisors(model.heads) if splits_heads(job, d)]
        _refuse(
            "tp", tp, f"does not divide {model.heads} heads, {model.kv_heads} key-value heads and the FFN", workable
        )
    if given.get("sequence_parallel") and tp == 1:
        _refuse("sequence_parallel", 1, "splits over tensor-parallel ranks, and plan.tp is 1")


def _check_pipeline(job: Job, given: Mapping[str, int]) -> None:
    layers, pp, vpp = job.model.layers, given.get("pp", 0), given.get("vpp", 1)
    if pp > layers:
        _refuse("pp", pp, f"stages are more than {layers} layers", [layers])
    if vpp > 1 and pp == 1:
        _refuse("vpp", vpp, "virtual stages need a pipeline, and plan.pp is 1", [1])
    if pp and vpp > 1 and layout(layers, pp, vpp, uneven=True) is None:
        workable = [v for v in range(1, layers // pp + 1) if layout(layers, pp, v)]
        _refuse("vpp", vpp, f"virtual stages on {pp} ranks are more than {layers} layers", workable)
    if given.get("schedule") and vpp > 1:
        _refuse("schedule", given["schedule"], f"does not interleave, and plan.vpp is {vpp}")
    _check_ends(layers, given)
    if given.get("schedule") and pp == 1:
        _refuse("schedule", given["schedule"], "needs a pipeline, and plan.pp is 1")
    if given.get("schedule") == Schedule.DUALPIPE and pp % 2:
        _refuse("pp", pp, "is odd, and dualpipe feeds the pipeline from both ends", [pp - 1, pp + 1])
    if vpp > 1 and not pp and not any(layout(layers, stages, vpp) for stages in range(2, layers + 1)):
        _refuse("vpp", vpp, f"virtual stages divide {layers} layers with no number of ranks")
    for column in ("recompute_layers", "first_layers", "last_layers"):
        if given.get(column, 0) > layers:
            _refuse(column, given[column], f"is more than the model's {layers} layers", [layers])
    if given.get("recompute") == 0 and given.get("recompute_layers"):
        _refuse("recompute_layers", given["recompute_layers"], "layers recompute, but plan.recompute is none", [0])


def _check_ends(layers: int, given: Mapping[str, int]) -> None:
    """Layers held at the ends against the stages between them."""
    pp = given.get("pp", 0)
    first, last = given.get("first_layers"), given.get("last_layers")
    if pp == 1 and (first not in (None, layers) or last not in (None, 0)):
        column = "first_layers" if first not in (None, layers) else "last_layers"
        _refuse(column, given[column], f"does not leave one stage all {layers} layers", [layers if first else 0])
    if pp == 2 and first is not None and last is not None and first + last != layers:
        _refuse("last_layers", last, f"and first_layers {first} are not all of {layers} layers", [layers - first])
    held = (first or 0) + (last or 0)
    if pp > 2 and layers - held < pp - 2:
        column = "first_layers" if first else "last_layers"
        _refuse(column, given[column], f"leaves fewer than {pp - 2} layers for the {pp - 2} stages between")


def _check_context(job: Job, given: Mapping[str, int]) -> None:
    cp = given.get("cp", 1)
    if cp & (cp - 1) or (job.seq_len % (2 * cp) and cp > 1):
        workable = [2**power for power in range(12) if job.seq_len % 2 ** (power + 1) == 0]
        _refuse("cp", cp, f"is no power of two that cuts {job.seq_len} tokens in 2·cp parts", workable)


def _check_experts(job: Job, given: Mapping[str, int]) -> None:
    moe = job.model.moe
    for column in ("ep", "etp"):
        if moe is None and given.get(column, 1) > 1:
            _refuse(column, given[column], f"ranks would share experts, and {job.model.id} has none", [1])
    if moe and "ep" in given and moe.experts % given["ep"]:
        _refuse("ep", given["ep"], f"does not divide {moe.experts} experts", divisors(moe.experts))
    ranks = [given.get(name) for name in ("tp", "cp", "dp")]
    if moe and all(ranks) and prod(filter(None, ranks)) % (given.get("ep", 1) * given.get("etp", 1)):
        _refuse("ep" if "ep" in given else "etp", given.get("ep", given.get("etp", 1)),
                f"times etp does not divide tp · cp · dp = {prod(filter(None, ranks))}")  # fmt: skip
    if moe and "etp" in given:
        allowed = sorted({1, given.get("tp", given["etp"])})
        if given["etp"] not in allowed or moe.ffn % given["etp"]:
            _refuse("etp", given["etp"], "is neither 1 nor plan.tp", allowed)


def _check_batch(job: Job, given: Mapping[str, int]) -> None:
    batch = job.global_batch
    for column in ("dp", "micro_batch"):
        if batch % given.get(column, 1):
            _refuse(column, given[column], f"does not divide a global batch of {batch} sequences", divisors(batch))
    replicas, micro = given.get("dp", 1), given.get("micro_batch", 1)
    if batch % (replicas * micro):
        _refuse(
            "micro_batch",
            micro,
            f"times dp = {replicas} does not divide {batch} sequences",
            divisors(batch // replicas),
        )
    if {"dp", "micro_batch", "pp"} <= given.keys() and given.get("vpp", 1) > 1:
        count = batch // (replicas * micro)
        if count % given["pp"]:
            _refuse("vpp", given["vpp"], f"interleaves only if pp divides the {count} micro-batches", [1])


def _check_chips(job: Job, given: Mapping[str, int]) -> None:
    chips = job.chips
    held = {name: given[name] for name in RANKS if name in given}
    product = prod(held.values())
    if not held:
        return
    told = " × ".join(f"{name} {value}" for name, value in held.items())
    if chips % product:
        raise InputError(
            f"{told} = {product} does not divide {chips} chips",
            field="plan",
            expected=f"a product that divides {chips}, or cluster.chips a multiple of {product}",
        )
    if product == chips:
        for column, needs in (("sequence_parallel", "tp"), ("vpp", "pp"), ("schedule", "pp"), ("zero", "dp")):
            wants = given.get(column, 0) > (1 if column == "vpp" else 0)
            if wants and needs not in given and not (column == "zero" and given.get("cp", 1) > 1):
                _refuse(column, given[column], f"needs {needs} of 2 or more, and {told} takes all {chips} chips")
    if len(held) == len(RANKS) and product != chips:
        raise InputError(f"{told} = {product} chips, and cluster.chips is {chips}", field="plan.dp",
                         expected=f"dp {chips // (product // held['dp'])}")  # fmt: skip
    if {"tp", "cp", "pp"} <= held.keys() and "dp" not in held and job.global_batch % (chips // product):
        raise InputError(
            f"{told} leaves dp {chips // product}, which does not divide {job.global_batch} sequences",
            field="plan",
            expected=f"a global batch that is a multiple of {chips // product}",
        )

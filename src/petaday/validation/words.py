"""What tables of measured runs call sharding, recomputation and dtypes, as plan columns."""

from __future__ import annotations

import re

from petaday.errors import InputError
from petaday.training.plan import Recompute
from petaday.units import DTYPES

_ZERO = (
    (r"zero-?\s*([0-3])", None),
    (r"shard_grad_op", 2),
    (r"fsdp|hsdp|full_shard", 3),
    (r"dist-?opt|parallel optimizer", 1),
    (r"none", 0),
)
_SHARED_BY = (r"shard group (\d+)", r"shard=(\d+)", r"fsdp ([4-9]|\d{2,})\b", r"fsdp(\d{2,})\b")


def zero_stage(sharding: str) -> int | None:
    """The ZeRO stage that words such as `dist-opt (ZeRO-1)` or `fsdp2` mean; None where they say nothing."""
    for pattern, stage in _ZERO:
        if found := re.search(pattern, sharding, re.IGNORECASE):
            return int(found.group(1)) if stage is None else stage
    return None


def shard_ranks(sharding: str, domain: int) -> int:
    """Replicas that share the state: `shard group 8`, `fsdp (shard=128)`, `hsdp` (a domain); 0 for all of them."""
    for pattern in _SHARED_BY:
        if found := re.search(pattern, sharding, re.IGNORECASE):
            return int(found.group(1))
    return domain if re.search(r"hsdp", sharding, re.IGNORECASE) else 0


def recomputation(text: str) -> dict[str, int]:
    """Plan columns for a recompute cell; {} where it leaves the choice open (blank, `custom`).

    MaxText's policies: `minimal` and `save_dot_*` keep the GEMMs' results and repeat what is cheap; `qkv_proj_offloaded`
    keeps three projections on the host and repeats the rest.
    """
    word = text.strip().casefold()
    layers = re.search(r"(\d+) layers", word) or re.search(r"\[(\d+)", word)
    if word in ("", "custom"):
        return {}
    if word.startswith("none"):
        return {"recompute": Recompute.NONE}
    if word.startswith(("selective", "minimal", "save_dot")):
        return {"recompute": Recompute.SELECTIVE}
    if word.startswith(("full", "partial", "qkv_proj")):
        some = {"recompute_layers": int(layers.group(1))} if layers else {}
        return {"recompute": Recompute.FULL, **some}
    raise InputError(f"unknown recomputation `{text}`", field="recompute", expected="none, selective or full")


def gemm_dtype(text: str) -> str:
    """The dtype of the GEMMs: `fp8 (current scaling)` and `fp16 (assumed)` are fp8 and fp16."""
    word = re.split(r"[\s(]", text.strip().casefold())[0].removesuffix("-delayed")
    if word not in DTYPES:
        raise InputError(f"unknown dtype `{text}`", field="dtype", expected=", ".join(DTYPES))
    return word

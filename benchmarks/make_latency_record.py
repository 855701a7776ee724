"""Write the record of measured serving latencies, with layouts in one notation, and say why rows are not usable.

python benchmarks/make_latency_record.py --data path/to/serving_latency.csv
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

from petaday.validation.latency_record import COLUMNS, RECORD
from petaday.validation.table import write_packed

MODELS = {
    "deepseek-ai/DeepSeek-R1": "deepseek-r1",
    "deepseek-ai/DeepSeek-V3": "deepseek-r1",
    "nvidia/DeepSeek-R1-NVFP4": "deepseek-r1",
    "nvidia/DeepSeek-V3.1-NVFP4": "deepseek-r1",
    "Qwen/Qwen3-32B": "qwen3-32b",
    "nvidia/Qwen3-32B-NVFP4": "qwen3-32b",
    "meta-llama/Llama-3.1-70B": "llama-3.1-70b",
    "meta-llama/Llama-3.1-8B-Instruct": "llama-3.1-8b",
    "openai/gpt-oss-120b": "gpt-oss-120b",
    "Qwen/Qwen3-235B-A22B-FP8": "qwen3-235b-a22b",
}
"""Some dumps call R1, which the runs served, by the V3 that it is built as."""

CHIPS = {"h100_sxm": "h100-sxm-80", "h200_sxm": "h200-sxm", "b200_sxm": "b200-sxm", "gb200": "gb200-nvl72"}
PRECISIONS = {"": "bf16", "bf16": "bf16", "fp8": "fp8", "fp8_block": "fp8-block", "nvfp4": "nvfp4"}
MIXED = ("1.2.0rc6.post3", "b200_sxm", "deepseek-r1")
"""InferenceMAX's B200 runs with multi-token prediction use this image (its list of configurations names post2 and post3
for runs without and with it); at 4 to 16 sequences the latencies are half of those of post2 a few days before."""

AMBIGUOUS = 1.2
"""Ratio of latencies of one recorded configuration beyond which the record leaves out what made the difference."""


def main() -> None:
    """Write the record; print how many rows are usable, and the others by reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    with parser.parse_args().data.open(newline="", encoding="utf-8") as given:
        rows = [record_of(row) for row in csv.DictReader(given)]
    mark_repeated(rows)
    mark_ambiguous(rows)
    write_packed(RECORD, COLUMNS, sorted(rows, key=key_of))
    print(f"{len(rows):6} rows, {RECORD.stat().st_size} bytes")
    for reason, count in Counter(row["skipped"] or "usable" for row in rows).most_common():
        print(f"{count:6} {reason}")


def record_of(row: dict[str, str]) -> dict[str, str]:
    """A row in the record's columns."""
    source = row["silicon_data_source"]
    concurrency = re.search(r"concurrency=(\d+)", source)
    measured = re.search(r"measured=(\d{4}-\d{2})", source)
    disaggregated = row["mode"] == "disagg"
    layout, reason = layout_of(row, "decode_" if disaggregated else "")
    model = MODELS.get(row["model_path"], "")
    if not model:
        reason = f"the catalog has no model like {row['model_path'].split('/')[1]}"
    elif (row["backend_version"], row["system"], model) == MIXED:
        reason = "runs with and without speculative decoding share this version and no column tells them apart"
    elif concurrency is None:
        reason = "no concurrency"
    elif disaggregated and not row["decode_num_workers"]:
        reason = "no number of decode workers"
    return {
        "id": row["id"],
        "engine": row["backend"],
        "version": row["backend_version"],
        "month": measured[1] if measured else "",
        "model": model or row["model_path"],
        "chip": CHIPS[row["system"]],
        "precision": PRECISIONS[row["gemm_quant_mode"]],
        "mode": row["mode"],
        "prompt": row["isl"],
        "output": row["osl"],
        "concurrency": concurrency[1] if concurrency else "",
        "workers": row["decode_num_workers"] if disaggregated else replicas_of(row, concurrency),
        **{name: str(size) for name, size in layout.items()},
        "ttft_ms": f"{float(row['silicon_ttft_ms']):.4g}",
        "tpot_ms": f"{float(row['silicon_tpot_ms']):.4g}",
        "tool": "aiconfigurator" if "source_file=/" in source else "inferencemax",
        "skipped": reason,
    }


def replicas_of(row: dict[str, str], concurrency: re.Match[str] | None) -> str:
    """Replicas of an aggregated service: some runs had several, and give the sequences of one as their batch."""
    batch = int(row["batch_size"]) * max(int(row["attention_dp_size"] or 1), 1)
    several = concurrency is not None and row["attention_dp_size"] in ("", "0") and "source_file=/" in row[
        "silicon_data_source"]  # fmt: skip
    return f"{int(concurrency[1]) / batch:g}" if several and concurrency else "1"


def layout_of(row: dict[str, str], prefix: str) -> tuple[dict[str, int], str]:
    """tp, pp, dp and ep of a replica, and what is wrong with them.

    The dumps write tp times ep into the tensor- (or attention-data-) parallel size where all of n chips share tensors and
    hold n groups of experts; their experts' columns then read n by n.
    """
    tp, dp, moe_tp, moe_ep, pp = (
        max(int(row[prefix + name] or 1), 1)
        for name in ("tp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size", "pp_size")
    )
    if moe_tp == moe_ep and tp * dp == moe_tp * moe_ep and "source_file=/" not in row["silicon_data_source"]:
        tp, dp, moe_tp = (moe_ep, 1, 1) if dp == 1 else (1, moe_ep, 1)
    if tp == 1 and dp == 1 and moe_tp * moe_ep > 1:
        dp = moe_tp * moe_ep
    if moe_tp * moe_ep > tp * dp and (moe_tp * moe_ep) % tp == 0:
        dp = moe_tp * moe_ep // tp
    layout = {"tp": tp, "pp": pp, "dp": dp, "ep": moe_ep}
    if not prefix and tp > 8:
        return layout, "more tensor ranks than an aggregated replica had: the chips of a disaggregated service"
    return layout, ""


def key_of(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in ("model", "chip", "engine", "version", "precision", "mode", "id"))


def configuration(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in COLUMNS[1:-4] if name != "month")


def mark_repeated(rows: list[dict[str, str]]) -> None:
    """Runs that several dumps list count once."""
    seen = set()
    for row in sorted(rows, key=key_of):
        run = (*(row[name] for name in COLUMNS[1:-2] if name not in ("version", "month")),)
        if not row["skipped"] and run in seen:
            row["skipped"] = "the same run in another dump"
        seen.add(run)


def mark_ambiguous(rows: list[dict[str, str]]) -> None:
    """Configurations whose latencies differ too much: speculative decoding, for one, is not in the columns.

    All runs of that model, chip and version of an engine in the same layout share the doubt.
    """
    latencies = defaultdict(list)
    family: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
    names = ("engine", "version", "model", "chip", "precision", "mode", "workers", "tp", "dp", "ep")
    for row in rows:
        if not row["skipped"]:
            latencies[configuration(row)].append(float(row["tpot_ms"]))
            family[tuple(row[name] for name in names)].add(configuration(row))
    doubtful = {
        layout
        for layout, members in family.items()
        if any(max(latencies[each]) > AMBIGUOUS * min(latencies[each]) for each in members)
    }
    for row in rows:
        if not row["skipped"] and tuple(row[name] for name in names) in doubtful:
            row["skipped"] = "one recorded configuration with several latencies"


if __name__ == "__main__":
    main()

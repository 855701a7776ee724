"""Make the shipped record of a sweep of plans from the table of nanotron's benchmark: facts only.

python benchmarks/make_nanotron.py nanotron_sweep.csv src/petaday/validation/data/nanotron.csv.gz

The sweep prints GiB as GB (`torch.cuda.max_memory_allocated() / 1024**3` in its log), and the batch of runs that
failed in tokens; the record has 1e9 bytes and sequences. Feed-forward widths and key-value heads that failed runs
leave blank are those of the same model's other runs.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from pathlib import Path

from petaday.validation.table import read_rows, write_packed
from petaday.validation.training import RECORD

FFN = {"2048": 8192, "3072": 8192, "4096": 14336, "8192": 28672, "16384": 53248}
"""Feed-forward width by hidden size, as the sweep's runs print it."""

TIED = ("1.34", "3.57")
"""Models of the sweep, by their billions of parameters, that tie embedding and head."""

EXTRA = ("mem_alloc_GB", "mem_reserved_GB", "status", "tied_embeddings", "local_params", "after_pp_fix")
SOURCE = "Hugging Face, the ultra-scale playbook (2025): benchmark of nanotron, one table of runs"


def record_of(run: Mapping[str, str]) -> dict[str, str]:
    """One run in the record's columns."""
    sequence, chips = int(run["seq_len"]), int(run["dp"]) * int(run["tp"]) * int(run["pp"])
    batch = int(run["dp"]) * int(run["mbs"]) * int(float(run["batch_accum"]))
    rate = float(run["tok/s/gpu"]) if run["tok/s/gpu"] else 0.0
    heads = int(run["num_heads"])
    plan = f"dp{run['dp']}-tp{run['tp']}-pp{run['pp']}-mbs{run['mbs']}-zero{run['zero_stage']}"
    vocab = "" if run["vocab_size"] == "131072" else f"-v{run['vocab_size']}"
    kv = int(float(run["num_kv_heads"] or heads))
    group = f"nanotron-{run['num_params']}b{vocab}-kv{kv}-b{batch}-{plan}"
    told: dict[str, object] = {
        "id": f"{group}-{run['job_id']}",
        "source_family": "nanotron",
        "tier": "A",
        "config_group": group,
        "model": f"Llama-like {run['num_params']}B",
        "family": "dense",
        "task": "pretrain",
        "layers": run["num_layers"],
        "hidden": run["hidden_size"],
        "ffn": run["interm_dim"] or FFN[run["hidden_size"]],
        "gated_ffn": True,
        "heads": heads,
        "kv_heads": kv,
        "head_dim": int(run["hidden_size"]) // heads,
        "vocab": run["vocab_size"],
        "seq_len": sequence,
        "accelerator": "NVIDIA H100-SXM5-80GB",
        "vendor": "NVIDIA",
        "n_accelerators": chips,
        "gpus_per_node": 8,
        "scale_up_domain": 8,
        "scale_out_Gbps_per_gpu": 400,
        "net_source": "p5: 3200 Gb/s EFA per 8 GPUs (assumed)",
        "global_batch": batch,
        "micro_batch": run["mbs"],
        "grad_accum": int(float(run["batch_accum"])),
        "tp": run["tp"],
        "pp": run["pp"],
        "vpp": 1,
        "cp": 1,
        "ep": 1,
        "dp": run["dp"],
        "sequence_parallel": int(run["tp"]) > 1,
        "sharding": f"ZeRO-{run['zero_stage']}",
        "recompute": "none",
        "dtype": "bf16",
        "metric": "tokens_per_s_per_gpu" if rate else "",
        "value": rate or "",
        "step_time_s": f"{batch * sequence / (rate * chips):.5g}" if rate else "",
        "tokens_per_s_per_gpu": rate or "",
        "framework": "nanotron",
        "date": "2025-02",
        "source": SOURCE,
        "source_checked": True,
        "config_checked": True,
        "mem_alloc_GB": gigabytes(run["Mem Alloc (GB)"]),
        "mem_reserved_GB": gigabytes(run["Mem Res (GB)"]),
        "status": run["status"],
        "tied_embeddings": run["num_params"] in TIED,
        "local_params": run["Local Params"],
        "after_pp_fix": run["after_pp_fix"],
    }
    return {name: str(value) for name, value in told.items()}


def gigabytes(gibibytes: str) -> str:
    """GiB as 1e9 bytes."""
    return f"{float(gibibytes) * 2**30 / 1e9:.2f}" if gibibytes else ""


def main() -> None:
    """Write the record; the same table gives the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("record", type=Path)
    options = parser.parse_args()
    with options.table.open(newline="", encoding="utf-8") as table:
        rows = sorted((record_of(run) for run in csv.DictReader(table)), key=lambda row: row["id"])
    columns = [*read_rows(RECORD)[0], *EXTRA]
    write_packed(options.record, columns, rows)
    print(f"{len(rows)} rows, {len(columns)} columns, {options.record.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

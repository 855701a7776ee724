"""Clean and sample measured kernels into the records of fits and suite, and say how many rows each rule drops.

python benchmarks/make_kernels.py --data path/to/folder/of/kernels_*.csv.gz

What is out of scope is harder. With it, the same laws fitted anew leave medians on unseen shapes of 8.8 % for bf16 and
8.7 % for fp8 GEMMs, 14 to 21 % for prefill, 11 to 12 % for decode and 8 to 9 % for latent decode, where rows in scope
leave 5.2, 5.6, 4 to 8, 7 to 8 and 6 %; experts and latent prefill have nothing out of scope.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from petaday.chip.kernels import LAWS
from petaday.validation.kernel_record import CHECKED, FITTED, silicon_of

CHIPS = {"a100_sxm": "a100-sxm-80", "h100_sxm": "h100-sxm-80", "b200_sxm": "b200-sxm", "b300_sxm": "b300-sxm",
         "gb300": "gb300-nvl72", "l40s": "l40s", "b60": "arc-pro-b60"}  # fmt: skip
DTYPES = {"bfloat16": "bf16", "fp8_block": "fp8-block", "sq": "int8-int8", "int8_wo": "int8-weights",
          "int4_wo": "int4-weights", "w4a16_mxfp4": "mxfp4-weights", "w4a8_mxfp4_mxfp8": "mxfp4-mxfp8"}  # fmt: skip
ALPHA = {"balanced": 0.0, "power_law_1.01": 1.01, "power_law_1.2": 1.2}
UNGATED = {(2048, 5120), (8192, 5120), (2688, 1856), (1024, 2688), (4096, 2688)}
"""Hidden and inner sizes of experts with two matrices, not three (Nemotron-H squares a ReLU): TensorRT-LLM's rows of
the first three name a kernel for it, and the last two have the first two's 22 of 512 experts."""
SAMPLE = {FITTED: 400, CHECKED: 200}
"""Rows kept of each chip, operation, dtype, framework and version, the same ones every time: those of half of the
shapes to fit, those of the other half to check."""


def main() -> None:
    """Write the record and print what was dropped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data
    dropped: Counter[str] = Counter()
    groups: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    for operation in LAWS:
        with gzip.open(folder / f"kernels_{operation}.csv.gz", "rt") as table:
            for row in csv.DictReader(table):
                key = (CHIPS[row["gpu"]], operation, dtype_of(operation, row), row["framework"], row["version"])
                sizes = sizes_of(operation, row)
                rule = rejected(key, sizes, row)
                if rule:
                    dropped[f"{operation}: {rule}"] += 1
                else:
                    text = " ".join(f"{size:.6g}" for size in sizes)
                    groups[key].append((text, f"{float(row['latency_ms']) * 1e3:.4g}"))
    for path, sample in SAMPLE.items():
        lines = ["chip,operation,dtype,framework,version,sizes,microseconds"]
        for key, rows in sorted(groups.items()):
            half = [row for row in rows if seen(row[0]) is (path == FITTED)]
            kept = sorted(half, key=lambda row: digest(row[0]))[:sample]
            lines += [",".join((*key, *row)) for row in sorted(kept)]
        with gzip.GzipFile(path, "wb", mtime=0) as out:
            out.write("\n".join(lines).encode() + b"\n")
        print(f"{path.name}: {len(lines) - 1} rows, {path.stat().st_size} bytes")
    for rule, count in sorted(dropped.items()):
        print(f"{count:6} {rule}")
    print(f"{sum(map(len, groups.values())):6} clean")


def digest(text: str) -> bytes:
    """What puts rows in an order that says nothing about them."""
    return hashlib.sha256(text.encode()).digest()


def seen(sizes: str) -> bool:
    """Whether fits see this shape: all sizes but the first, which counts tokens or sequences."""
    return digest(sizes.split(" ", 1)[1])[0] % 2 == 0


def dtype_of(operation: str, row: dict[str, str]) -> str:
    """The house's name of a row's dtype."""
    if operation in ("gemm", "moe"):
        measured = row[f"{operation}_dtype"]
        return DTYPES.get(measured, measured)
    computed = row["attn_dtype" if operation.startswith("attention") else "mla_dtype"]
    return "fp8-cache" if (computed, row["kv_cache_dtype"]) == ("bfloat16", "fp8") else DTYPES.get(computed, computed)


def sizes_of(operation: str, row: dict[str, str]) -> list[float]:
    """A row's sizes in the order of the law."""
    number = {name: float(text) for name, text in row.items() if text and text.replace(".", "", 1).isdigit()}
    if operation == "gemm":
        return [number[name] for name in ("m", "n", "k")]
    if operation == "moe":
        names = ("num_tokens", "hidden_size", "inter_size", "topk", "num_experts", "moe_tp_size", "moe_ep_size")
        matrices = 2.0 if (number["hidden_size"], number["inter_size"]) in UNGATED else 3.0
        return [*(number[name] for name in names), ALPHA[row["distribution"]], matrices]
    # A decode row's step is the tokens in the cache before this one.
    length = number["step"] + 1 if operation.endswith("decode") else number["isl"]
    sizes = [number["batch_size"], length, number["num_heads"]]
    if operation.startswith("attention"):
        sizes += [number["num_key_value_heads"], number["head_dim"], number.get("window_size", 0.0)]
    return sizes


def rejected(key: tuple[str, ...], sizes: list[float], row: dict[str, str]) -> str:
    """The first rule that drops a row, with its reason; empty for a clean row."""
    chip, operation, dtype, framework, version = key
    seconds = float(row["latency_ms"]) * 1e-3
    if chip == "b300-sxm" and (framework, version) == ("sglang", "0.5.14"):
        return "B300 under SGLang 0.5.14 was measured on GB300, whose rows are here under its own name"
    if dtype == "fp8-block" and operation == "gemm" and framework == "vllm":
        return "vLLM's block-scaled FP8 waits for the host (55 to 282 us at least), so no kernel was timed"
    if seconds < 1e-6:
        return "under 1 us, less than a launch takes"
    if operation == "gemm":
        m, n, k = sizes
        if min(n, k) < 1024:
            return "out of scope: N or K under 1,024, smaller than the layers of language models"
        silicon = silicon_of(chip, dtype)
        # The caches and boosted clocks explain some rows over the peak, not 1.05 of it.
        if 2 * m * n * k / seconds > 1.05 * silicon.peak:
            return "above 1.05 of the dense peak"
        moved = silicon.weight_bytes * n * k + silicon.activation_bytes * m * k + 2 * m * n
        if moved / seconds > silicon.bandwidth:
            return "operands faster than the memory's datasheet: repeats found them in the cache, a model would not"
    if operation == "attention_decode":
        if sizes[1] < 256:
            return "out of scope: under 256 cached tokens, where launches and kernel switches rule"
        if sizes[2] / sizes[3] > 16:
            return "out of scope: more than 16 query heads a key head fall to other kernels, 30 to 60 times slower"
    if operation == "attention_prefill" and (sizes[4] != 128 or sizes[1] < 16):
        return "out of scope: head size other than 128 (other kernels), or prompts under 16 tokens"
    if operation == "mla_decode" and sizes[1] < 256:
        return "out of scope: under 256 cached tokens, where launches and kernel switches rule"
    return "" if np.isfinite(seconds) else "no number"


if __name__ == "__main__":
    main()

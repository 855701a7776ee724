"""Fit the GEMM law to measured kernels and print the catalog's efficiency figures with their record.

    python benchmarks/fit_kernels.py --data path/to/kernels_gemm.csv.gz

Rows are GEMMs with N and K of at least 1,024. 16-bit rows are pooled over the serving frameworks that measured the
chip; the narrow formats are TensorRT-LLM's alone, whose tensor-wide scales are those of training recipes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np

from petaday.catalog import load
from petaday.chip.calibrate import fit_gemm
from petaday.chip.law import ChipLaw
from petaday.units import bits

CHIPS = {
    "a100_sxm": "a100-sxm-80",
    "h100_sxm": "h100-sxm-80",
    "b200_sxm": "b200-sxm",
    "b300_sxm": "b300-sxm",
    "gb300": "gb300-nvl72",
}
DTYPES = {"bfloat16": "bf16", "fp8": "fp8", "nvfp4": "nvfp4"}


def main() -> None:
    """Print one line of fitted figures for each chip and dtype."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    rows: dict[tuple[str, str], list[tuple[float, ...]]] = defaultdict(list)
    with gzip.open(parser.parse_args().data, "rt") as table:
        for row in csv.DictReader(table):
            pooled = row["gemm_dtype"] == "bfloat16" or row["framework"] == "trtllm"
            if row["gpu"] in CHIPS and row["gemm_dtype"] in DTYPES and pooled:
                sizes = tuple(float(row[name]) for name in "mnk")
                if min(sizes[1:]) >= 1024:
                    rows[row["gpu"], row["gemm_dtype"]].append((*sizes, float(row["latency_ms"]) * 1e-3))
    for (gpu, measured_dtype), measured in sorted(rows.items()):
        dtype = DTYPES[measured_dtype]
        chip = load.chip(CHIPS[gpu])
        peak = chip.dense_peak(dtype).value
        start = ChipLaw(
            peak=peak, attention_peak=peak, memory_bandwidth=chip.memory_bandwidth.value,
            element_bytes=bits(dtype) / 8, gemm=0.8, gemm_m=100, gemm_n=100, gemm_k=100, memory=0.8,
            attention_forward=0.6, attention_backward=0.5, attention_sequence=500, launch=5e-6,
        )  # fmt: skip
        m, n, k, seconds = np.array(measured).T
        fit = fit_gemm(m, n, k, seconds, start)
        law = fit.law
        print(
            f"{chip.id} {dtype}: gemm {law.gemm:.3f} gemm_m {law.gemm_m:.0f} gemm_n {law.gemm_n:.0f} "
            f"gemm_k {law.gemm_k:.0f} memory {law.memory:.3f} launch {law.launch * 1e6:.1f} us; "
            f"rows {fit.rows}, median error {fit.median_error:.1%}, p90 {fit.p90_error:.1%}"
        )


if __name__ == "__main__":
    main()

"""Thin Acme's distributions of power and activity to 201 quantiles, as `petaday validate --suite power` reads them.

    python benchmarks/make_acme.py

The source is InternLM/AcmeTrace (Hu et al., NSDI 2024), CC-BY-4.0: quantiles over GPUs and servers of two clusters from
March to August 2023, by NVIDIA DCGM and IPMI.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from petaday.validation.power import ACME

SOURCE = Path(__file__).parents[1] / "../shared/data/traces/acme_cdfs_1000q.npz"
COLUMNS = {
    "seren_gpu_w": "gpu_power_seren__0",
    "kalos_gpu_w": "gpu_power_kalos__0",
    "server_w": "server_power__0",
    "seren_busy_pct": "util_gpu_seren__0",
    "seren_tensor_pct": "util_gpu_seren__6",
    "kalos_busy_pct": "util_gpu_kalos_full__0",
    "kalos_tensor_pct": "util_gpu_kalos_full__6",
}
"""Our columns and the source's arrays: DCGM's POWER_USAGE, GPU_UTIL and PIPE_TENSOR_ACTIVE, and IPMI's total power."""


def main() -> None:
    """Write the table."""
    source = np.load(SOURCE)
    at = np.linspace(0, 100, 201)
    columns = [np.interp(at, source[name.replace("__0", "__1").replace("__6", "__7")], source[name])
               for name in COLUMNS.values()]  # fmt: skip
    with ACME.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["quantile_pct", *COLUMNS])
        table.writerows([f"{value:.6g}" for value in row] for row in np.stack([at, *columns], axis=1).tolist())


if __name__ == "__main__":
    main()

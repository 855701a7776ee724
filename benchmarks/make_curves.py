"""Write the catalog's measured collective curves: every second size of each single-node curve.

    python benchmarks/make_curves.py --data collectives.csv.gz

The sizes in between stay out of the catalog, so that `petaday validate --suite collectives` can hold them out.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np

from petaday.catalog import load

TARGET = Path(load.__file__).parent / "data" / "collectives.csv"
CHIPS = {
    "A100-SXM": "a100-sxm-80", "H100-SXM": "h100-sxm-80", "H200-SXM": "h200-sxm", "B200-SXM": "b200-sxm",
    "B300-SXM": "b300-sxm", "GB200": "gb200-nvl72", "GB300": "gb300-nvl72", "L40S": "l40s",
    "RTX-PRO-6000": "rtx-pro-6000", "Intel-B60": "arc-pro-b60",
}  # fmt: skip
OPERATIONS = {
    "all_reduce": "all-reduce",
    "all_gather": "all-gather",
    "reduce_scatter": "reduce-scatter",
    "alltoall": "all-to-all",
}


def main() -> None:
    """Read the measured collectives and write the curves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    times: dict[tuple[str, str, str, int], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(parser.parse_args().data, "rt") as table:
        for row in csv.DictReader(table):
            if row["src_id"] == "AIC" and row["dtype"] == "half" and row["gpu"] in CHIPS:
                key = (CHIPS[row["gpu"]], row["lib"], OPERATIONS[row["op"]], int(row["n_gpus"]))
                times[key][int(row["bytes"])].append(float(row["time_us"]))
    with TARGET.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["chip", "library", "operation", "ranks", "bytes", "microseconds"])
        for key in sorted(times):
            for size in sorted(times[key])[::2]:
                writer.writerow([*key, size, f"{np.median(times[key][size]):.5g}"])


if __name__ == "__main__":
    main()

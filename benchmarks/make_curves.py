"""Write the catalog's measured collective curves and the record they are checked against.

    python benchmarks/make_curves.py --data collectives.csv.gz

The catalog gets every second size of each single-node curve; the record gets all sizes, and the measurements over
several nodes, so that `petaday validate --suite collectives` speaks of points that no prediction has seen.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from petaday.catalog import load
from petaday.validation import rows

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


RECORD = Path(rows.__file__).parent / "data" / "collectives.csv.gz"
COLUMNS = ("source", "chip", "library", "operation", "ranks", "nodes", "bytes", "microseconds", "share_of_nics")
WITHOUT_NVSWITCH = ("RING", "RING(NVLS off)")


def main() -> None:
    """Read the measured collectives; write curves and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    with gzip.open(parser.parse_args().data, "rt") as table:
        measured = list(csv.DictReader(table))
    times: dict[tuple[str, str, str, int], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in measured:
        if row["src_id"] == "AIC" and row["dtype"] == "half" and row["gpu"] in CHIPS:
            key = (CHIPS[row["gpu"]], row["lib"], OPERATIONS[row["op"]], int(row["n_gpus"]))
            times[key][int(row["bytes"])].append(float(row["time_us"]))
    with TARGET.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["chip", "library", "operation", "ranks", "bytes", "microseconds"])
        for key in sorted(times):
            for size in sorted(times[key])[::2]:
                writer.writerow([*key, size, f"{np.median(times[key][size]):.5g}"])
    with gzip.GzipFile(RECORD, "wb", mtime=0) as packed, io.TextIOWrapper(packed, "utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for chip, library, operation, ranks in sorted(times):
            for size, seconds in sorted(times[chip, library, operation, ranks].items()):
                median = f"{np.median(seconds):.5g}"
                writer.writerow(["AIConfigurator", chip, library, operation, ranks, 1, size, median, ""])
        for row in measured:
            writer.writerows(over_nodes(row))


def over_nodes(row: dict[str, str]) -> Iterator[tuple[object, ...]]:
    """A measurement over several nodes, if the row is one whose ranks fill their nodes."""
    if not row["n_nodes"] or not row["n_gpus"] or int(row["n_nodes"]) < 2 or row["algo"] in WITHOUT_NVSWITCH:
        return
    fills = int(row["n_gpus"]) == 8 * int(row["n_nodes"])
    where = (row["n_gpus"], row["n_nodes"], row["bytes"])
    if row["src_id"] == "SIMAI" and "peak NIC " in row["kind"] and row["op"].startswith("all_gather") and fills:
        yield ("SimAI", "h100-sxm-80", "NCCL", "all-gather", *where, "", row["algbw_GBps"])
    elif row["op"] in OPERATIONS and row["gpu"] in CHIPS and row["time_us"] and row["src_id"] != "AIC":
        yield (row["src_id"], CHIPS[row["gpu"]], row["lib"], OPERATIONS[row["op"]], *where, row["time_us"], "")


if __name__ == "__main__":
    main()

"""Make the shipped record of training runs from the full table: facts with their sources, and no text but notes.

python benchmarks/make_record.py training_measurements.csv src/petaday/validation/data/training.csv.gz
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from pathlib import Path

LEFT_OUT = ("split_group", "split", "holdout_reason", "core30", "config_source", "peak_source")
"""Columns that say nothing about a run."""


def main() -> None:
    """Write the record; the same table gives the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("record", type=Path)
    options = parser.parse_args()
    with options.table.open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    columns = [name for name in rows[0] if name not in LEFT_OUT]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with options.record.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        packed.write(text.getvalue().encode())
    print(f"{len(rows)} rows, {len(columns)} columns, {options.record.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

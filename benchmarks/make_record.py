"""Make the shipped record of training runs from the full table: facts with their sources, and no text but notes.

python benchmarks/make_record.py training_measurements.csv src/petaday/validation/data/training.csv.gz
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from petaday.validation.table import write_packed

LEFT_OUT = ("split_group", "split", "holdout_reason", "core30", "config_source", "peak_source")
"""Columns that say nothing about a run."""


def main() -> None:
    """Write the record; the same table gives the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("record", type=Path)
    options = parser.parse_args()
    with options.table.open(newline="", encoding="utf-8") as table:
        rows = [{name: row[name] for name in row if name not in LEFT_OUT} for row in csv.DictReader(table)]
    columns = list(rows[0])
    write_packed(options.record, columns, rows)
    print(f"{len(rows)} rows, {len(columns)} columns, {options.record.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

"""First check of accuracy: predicted against published step times of three sets, beside a one-constant baseline.

python benchmarks/accuracy.py [--data training_measurements.csv] [--rows]
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from petaday.validation.rows import predict
from petaday.validation.suite import errors_of
from petaday.validation.table import read_rows
from petaday.validation.training import RECORD

SETS = {
    "Megatron scaling paper (Narayanan et al. 2021)": r"paper-gpt-.*--megatron-2021-",
    "selective recompute paper (Korthikanti et al. 2022)": (
        r"paper-(gpt-3-175b-a100-64|mt-nlg-530b-a100-280|megatron-22b)-"
    ),
    "vTrain (Megatron-DeepSpeed, 2023)": r"vtrain-",
}


def main() -> None:
    """Print errors by set and, with --rows, by row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=RECORD, help="a table of runs; the shipped record if left out")
    parser.add_argument("--rows", action="store_true", help="print every row")
    options = parser.parse_args()
    rows = read_rows(options.data)
    for name, pattern in SETS.items():
        predictions = [predict(row) for row in rows if re.match(pattern, row["id"])]
        if options.rows:
            for each in predictions:
                plan = " ".join(f"{key}{each.plan[key]}" for key in ("tp", "pp", "vpp", "dp", "micro_batch", "zero"))
                print(f"  {each.id:55} {each.measured:9.3f} s  {each.predicted:9.3f} s {each.error:+7.1%}  {plan}")
        own = errors_of(each.error for each in predictions)
        base = errors_of(each.baseline / each.measured - 1 for each in predictions)
        print(
            f"{name}: {own.n} rows, median error {own.median:.1%}, p90 {own.p90:.1%}, bias {own.bias:+.1%}; "
            f"baseline {base.median:.1%}"
        )


if __name__ == "__main__":
    main()

"""Count the dated list prices of ../shared/data/supply/hardware_prices.csv into catalog/data/rents_counted.yaml."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from petaday.catalog import load
from petaday.errors import InputError

ROOT = Path(__file__).parents[1]
TABLE = ROOT.parent / "shared" / "data" / "supply" / "hardware_prices.csv"
OUT = ROOT / "src" / "petaday" / "catalog" / "data" / "rents_counted.yaml"
COLUMNS = {
    "Price per chip-hour (on-demand)": "on-demand",
    "Price per chip-hour (1-year CUD)": "committed",
    "Price per chip-hour (3-year CUD)": "committed",
}
HEAD = f"""# Written by `python benchmarks/{Path(__file__).name}`:
# list prices of clouds by chip, year and term; median and 5th and 95th percentiles of their quotes.
# From Epoch AI, training-cost-trends, hardware prices (the site says CC-BY).
sources:
  - &epoch "Epoch AI, training-cost-trends, hardware prices: list prices of clouds in that year"

rents:
"""


def main() -> None:
    quotes: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    dates: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    with TABLE.open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            try:
                chip = load.chip(row["Hardware model"], allow_unverified=True).id
            except InputError:
                continue
            for column, term in COLUMNS.items():
                if row[column]:
                    key = (chip, row["Price date"][:4], term)
                    quotes[key].append(float(row[column].replace("$", "")))
                    dates[key].append(row["Price date"][:7])
    lines = []
    for key in sorted(quotes):
        chip, _, term = key
        low, middle, high = np.quantile(quotes[key], [0.05, 0.5, 0.95])
        date = sorted(dates[key])[len(dates[key]) // 2]
        figure = (
            f"value: ${middle:.4g}/chip-hour, low: ${low:.4g}/chip-hour, high: ${high:.4g}/chip-hour, source: *epoch"
        )
        lines.append(
            f"  - {{chip: {chip}, date: {date}, term: {term}, quotes: {len(quotes[key])}, price: {{{figure}}}}}\n"
        )
    OUT.write_text(HEAD + "".join(lines), encoding="utf-8")
    print(f"{len(lines)} rents of {sum(map(len, quotes.values()))} quotes")


if __name__ == "__main__":
    main()

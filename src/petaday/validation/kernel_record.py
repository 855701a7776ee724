"""The records of measured kernels as arrays: `data/kernels_fit.csv.gz`, which the laws are fitted to, and
`data/kernels.csv.gz`, of other shapes, which they are checked on.

NVIDIA AIConfigurator's tables (Apache-2.0 data), cleaned and sampled by `benchmarks/make_kernels.py`.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from petaday.catalog import load
from petaday.catalog.kernels import FORMATS, PROCESSORS, Key, peak_of
from petaday.chip.kernel import Floats, Silicon
from petaday.chip.kernels import LAWS

CHECKED = Path(__file__).parent / "data" / "kernels.csv.gz"
FITTED = CHECKED.with_name("kernels_fit.csv.gz")


@dataclass(frozen=True)
class Measured:
    """Kernels of one chip, operation, dtype, framework and version: sizes by name, and seconds."""

    sizes: dict[str, Floats]
    seconds: Floats


def read_record(path: Path = CHECKED) -> dict[Key, Measured]:
    """A record by chip, operation, dtype, framework and version."""
    rows: dict[Key, list[list[float]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as table:
        for chip, operation, dtype, framework, version, sizes, microseconds in list(csv.reader(table))[1:]:
            numbers = [float(size) for size in sizes.split()]
            rows.setdefault((chip, operation, dtype, framework, version), []).append([*numbers, float(microseconds)])
    record = {}
    for key, numbers_of in rows.items():
        *columns, microseconds_of = np.array(numbers_of).T
        record[key] = Measured(dict(zip(LAWS[key[1]].sizes, columns, strict=True)), microseconds_of * 1e-6)
    return record


def silicon_of(chip_id: str, dtype: str) -> Silicon:
    """A cataloged chip as a kernel of this dtype sees it."""
    chip = load.chip(chip_id)
    assert chip.memory_bandwidth is not None
    _, weight, activation = FORMATS[dtype]
    return Silicon(peak_of(chip, dtype), chip.memory_bandwidth.value, *PROCESSORS[chip_id], weight, activation)

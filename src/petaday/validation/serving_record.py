"""The record of measured throughput and energy of serving (`data/serving.csv.gz`).

Published results of MLPerf Inference, engine makers, laboratories and blogs, each with its source, in one notation by
`benchmarks/make_serving_record.py`.
"""

from __future__ import annotations

from pathlib import Path

from petaday.validation.table import read_packed

RECORD = Path(__file__).parent / "data" / "serving.csv.gz"
COLUMNS = ("id", "source", "engine", "version", "month", "model", "chip", "chips", "tp", "pp", "dp", "ep", "weights",
           "cache", "scenario", "lengths", "prompt", "output", "beams", "concurrency", "requests", "qps", "metric", "value",
           "joules", "scope", "weight", "skipped")  # fmt: skip
"""version, month: of the engine, where published
chips: that the value covers; tp, pp, dp, ep: of a replica, blank where not published
weights: a key of the kernel formats; cache: bytes of an element of the KV cache
lengths: `fixed` where every request has the mean prompt and output
beams: decoded for each request, of which one counts
concurrency: requests under way; requests: of the whole run, where known; qps: requests offered a second
metric: unit of the value, tokens a second over all chips or milliseconds
joules: of an output token, at the scope (`gpus`, `server`)
weight: 1 over the rows of a source, model and chip
skipped: why a row is not comparable."""


def read_record(path: Path = RECORD) -> list[dict[str, str]]:
    """The rows, each a column's text by its name."""
    return read_packed(path)

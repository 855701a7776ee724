"""The record of measured serving latencies (`data/latency.csv.gz`).

The public sample of NVIDIA AIConfigurator's measured set (ai-dynamo/aiconfigurator, Apache-2.0 data), in one notation of
layouts by `benchmarks/make_latency_record.py`.
"""

from __future__ import annotations

from pathlib import Path

from petaday.validation.table import read_packed

RECORD = Path(__file__).parent / "data" / "latency.csv.gz"
COLUMNS = ("id", "engine", "version", "month", "model", "chip", "precision", "mode", "prompt", "output", "concurrency",
           "workers", "tp", "pp", "dp", "ep", "ttft_ms", "tpot_ms", "tool", "skipped")  # fmt: skip
"""month: of the run, where known; precision: of the weights; concurrency: requests under way in the whole service;
workers: replicas that decode; tp, pp, dp, ep: of one of them; tool: whose client measured, inferencemax or
aiconfigurator; skipped: why a row is not comparable."""


def read_record(path: Path = RECORD) -> list[dict[str, str]]:
    """The rows, each a column's text by its name."""
    return read_packed(path)

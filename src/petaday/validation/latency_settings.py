"""How the measured runs of serving were made: lengths, and what their scripts set in the engine.

InferenceMAX: SemiAnalysisAI/InferenceX, `utils/bench_serving/benchmark_serving.py` (lengths drawn evenly from 0.8 of the
named one up to it) and `benchmarks/*.sh`, read at stored commits and not at those of each run. AIConfigurator:
ai-dynamo/aiconfigurator, `eval/benchmarks/genai_perf_runner.py` (no spread of lengths) and `generator/rule_plugin`
(`max_num_tokens` = batch + prompt + 1500); that its dumps come from this runner is inferred from their file names.
"""

from __future__ import annotations

from typing import NamedTuple

from petaday.catalog.engine import Engine as Profile

Row = dict[str, str]

TUNED = "2025-12"
"""Month from which InferenceMAX's TensorRT-LLM chunks of DeepSeek-R1 have 8,192 tokens at least; the change was seen, its
date is an estimate."""


class Settings(NamedTuple):
    """chunk: most tokens of an attention group's iteration; mixes: whether decodes join the iterations that compute
    prompts; shortest: length over the named one from which lengths are drawn evenly"""

    chunk: int
    mixes: bool
    shortest: float


def settings_of(row: Row, profile: Profile) -> Settings:
    """The settings of a row of the record of latencies."""
    mixes = profile.mixes
    if row["tool"] == "inferencemax":
        return Settings(_inferencemax_chunk(row, int(profile.chunk.value)), mixes, 0.8)
    chunk = int(profile.chunk.value)
    if row["engine"] != "sglang" and float(row["workers"]) == 1:
        chunk = int(float(row["concurrency"]) / float(row["dp"])) + int(row["prompt"]) + 1500
    return Settings(chunk, mixes, 1.0)


def _inferencemax_chunk(row: Row, usual: int) -> int:
    model = row["model"]
    if row["engine"] == "sglang":
        if row["chip"] != "b200-sxm":
            return 32_768
        return 16_384 if row["precision"] == "nvfp4" else 32_768 if row["tp"] == "8" else 8_192
    if row["engine"] != "trtllm":
        return usual
    if model.startswith("llama"):
        return 16_384
    if model.startswith("gpt-oss"):
        return 20_000
    whole = int(float(row["concurrency"]) + float(row["prompt"]) + 127) // 64 * 64
    return whole if row["month"] < TUNED else max(usual, whole)

"""Write the record of measured throughput and energy of serving in one notation, and say why rows are not usable.

python benchmarks/make_serving_record.py --data path/to/serving_measurements.csv
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from petaday.catalog import load
from petaday.errors import InputError
from petaday.validation.serving_record import COLUMNS, RECORD
from petaday.validation.table import write_packed

MODELS = {
    "CodeLlama-7B": "llama-2-7b",
    "CodeLlama-13B": "llama-2-13b",
    "CodeLlama-70B": "llama-2-70b",
    "CodeGemma-2B": "gemma-2b",
    "CodeGemma-7B": "gemma-7b",
    "DeepSeek-V3.1": "deepseek-v3",
    "OPT-6.7B": "gpt-3-6.7b",
    "Qwen2-7B": "qwen2.5-7b",
    "Qwen2-72B": "qwen2.5-72b",
    "Qwen3-Coder-30B-A3B": "qwen3-30b-a3b",
}
"""Models with the dimensions of another one; some differ by a few tokens of vocabulary."""

LACKING = {
    "DeepSeek-V3.2": "sparse attention",
    "Nemotron-Nano-9B-v2": "state-space layers",
    "Phi-3-small": "block-sparse attention",
    "Qwen3.5-9B": "linear attention",
}
"""What the catalog's models cannot say of these."""

FORMATS = {"bf16": "bf16", "fp16": "bf16", "fp8": "fp8", "fp4": "nvfp4", "mxfp4": "mxfp4-weights", "int8": "int8-int8",
           "w8a16": "int8-weights", "int4": "int4-weights", "q4_k_m": "q4-k-m"}  # fmt: skip
BLOCKED = ("deepseek", "qwen3")
"""Models whose fp8 checkpoints scale blocks of 128 by 128 (their model cards)."""

CACHES = {"bf16": "2", "fp16": "2", "fp8": "1", "int8": "1"}
NARROW_CACHE = ("trtllm", "trtllm-bench", "tensorrt-llm", "trtllm-mlperf")
"""Engines whose checkpoints with narrow weights bring an 8-bit cache (ModelOpt's); others keep 16 bit unless told."""

ENGINES = {
    "TensorRT-LLM": "trtllm",
    "vLLM": "vllm",
    "vLLM (ROCm)": "vllm-rocm",
    "vLLM-Ascend": "vllm-ascend",
    "vLLM (tpu-inference)": "vllm-tpu",
    "SGLang": "sglang",
    "MindIE": "mindie",
    "LMDeploy TurboMind": "lmdeploy",
    "DeepSpeed-MII": "deepspeed-mii",
    "DeepSpeed (optimum-habana)": "optimum-habana",
    "optimum-habana": "optimum-habana",
    "Transformers-NeuronX": "neuronx",
    "llama.cpp": "llama.cpp",
}
UNKNOWN_ENGINES = {
    "best of InferenceX engines (mixed)": "unknown deployments, interpolated",
    "MoAI (Moreh)": "a lower bound without lengths",
    "JetStream-PyTorch": "lengths of prompts and outputs not published",
    "DeepSeek in-house": "an engine that nobody else has",
    "PyTorch": "an engine that is not named",
    "tt-metal": "no profile of this engine",
}
VERSIONS = {"ML.ENERGY leaderboard v2": "0.5.4", "ML.ENERGY leaderboard v3": "0.11.1", "LLM-Inference-Bench": "0.5"}
"""What sources say of all their vLLM runs: ML.ENERGY's page (0.5.4), the other two from memory."""

PROMPTS = {
    "OpenOrca": 290,
    "CNN/DailyMail": 778,
    "ML.ENERGY v2 chat": 200,
    "ML.ENERGY v2 code": 130,
    "ML.ENERGY lm-arena-chat": 200,
    "ML.ENERGY gpqa": 250,
    "ML.ENERGY sourcegraph-fim": 600,
}
"""Mean prompt tokens of data sets where rows have none: CNN/DailyMail as MLPerf's Llama 3.1 rows give it, the others
estimates. Prefill is a small part of these runs but for the first two."""

UNKNOWN_LENGTHS = ("MLPerf v6.0 perf set", "OpenOrca+GSM8K+MBXP")
"""Data sets of long prompts whose mean nobody gives. A guess of 220 tokens for the second was off by a factor of two in all
rounds and on all chips alike."""

REQUESTS = {(128, 128): 30000, (128, 2048): 3000, (128, 4096): 1500, (1000, 2000): 1500, (2048, 128): 3000,
            (2048, 2048): 1500, (5000, 500): 1500, (1000, 1000): 3000, (500, 2000): 3000, (20000, 2000): 1000,
            (1024, 1024): 3000, (1024, 8192): 1500, (8192, 1024): 1500, (32768, 1024): 1000,
            (1024, 32768): 1000}  # fmt: skip
"""Requests of TensorRT-LLM's published runs by prompt and output (its perf-overview.md, "Preparing a Dataset"); those with
1,024 tokens and more from memory."""

SCENARIOS = {
    "offline_inf": "offline",
    "online_inf_rate": "burst",
    "static_batch": "static batch",
    "online_concurrency": "concurrency",
    "online_fixed_qps": "fixed qps",
    "online_max_throughput": "offline",
    "steady_state_max_num_seqs": "steady state",
    "mlperf_offline": "mlperf offline",
    "mlperf_server": "mlperf server",
    "mlperf_interactive": "mlperf interactive",
    "decode_only": "decode",
    "decode_only_bs1": "decode",
    "single_stream": "static batch",
    "prefill_only": "prefill",
    "prefill_only_bs1": "prefill",
    "static_batch_prefill": "prefill",
}
SCOPES = {"gpus_only": "gpus", "gpus_only_derived": "gpus", "system_wall": "server"}


def main() -> None:
    """Write the record; print how much weight is usable, and the rest by reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    with parser.parse_args().data.open(newline="", encoding="utf-8") as given:
        rows = [record_of(row) for row in csv.DictReader(given)]
    write_packed(RECORD, COLUMNS, sorted(rows, key=key_of))
    weight: Counter[str] = Counter()
    for row in rows:
        weight[row["skipped"] or "usable"] += float(row["weight"])  # type: ignore[assignment]
    print(f"{len(rows)} rows, weight {sum(weight.values()):.1f}, {RECORD.stat().st_size} bytes")
    for reason, share in weight.most_common():
        print(f"{share:7.2f} {sum((row['skipped'] or 'usable') == reason for row in rows):5} {reason}")


def record_of(row: dict[str, str]) -> dict[str, str]:
    """A row in the record's columns; MLPerf's GPT-J searches with four beams (its reference implementation)."""
    engine, version = engine_of(row)
    model, weights = model_of(row), FORMATS.get(row["dtype_weights"], "")
    if weights == "fp8" and model.startswith(BLOCKED):
        weights = "fp8-block"
    if row["source"].startswith("MLPerf Inference v4.1") and row["accelerator"].startswith("B200"):
        # NVIDIA said so of its preview result; the table has the format of its other chips.
        weights = "nvfp4"
    if row["accelerator"].startswith("Arc") and weights == "int4-weights":
        # Its rates are beyond the peak in 16 bit.
        weights = "int4-int8"
    narrow = weights not in ("bf16", "int4-weights", "int8-weights", "q4-k-m")
    cache = CACHES.get(row["dtype_kv"], "1" if narrow and engine in NARROW_CACHE else "2")
    layout = layout_of(row, engine, model)
    scenario = SCENARIOS.get(row["scenario"], "")
    fixed = "fixed" in row["workload"] or row["workload"] in ("single stream", "random") or scenario == "static batch"
    prompt = row["input_len"] or str(PROMPTS.get(row["workload"], ""))
    return {
        "id": row["id"],
        "source": row["source"],
        "engine": engine,
        "version": version,
        "month": row["date"][:7],
        "model": model or row["model"],
        "chip": chip_of(row) or row["accelerator"],
        "chips": row["n_accelerators"],
        **layout,
        "weights": weights,
        "cache": cache,
        "scenario": scenario or row["scenario"],
        "lengths": "fixed" if fixed else "mixed",
        "prompt": prompt,
        "output": row["output_len"] or ("1" if scenario == "decode" else ""),
        "beams": "4" if row["workload"] == "CNN/DailyMail" and row["model"] == "GPT-J-6B" else "1",
        "concurrency": row["concurrency"] if scenario in ("static batch", "concurrency", "steady state", "decode",
                                                          "prefill", "burst") else "",
        "requests": requests_of(row),
        "qps": row["qps"] if scenario == "fixed qps" else "",
        "metric": row["metric"],
        "value": row["value"],
        "joules": row["j_per_output_token"] if row["power_scope"] in SCOPES else "",
        "scope": SCOPES.get(row["power_scope"], "") if row["j_per_output_token"] else "",
        "weight": row["weight"],
        "skipped": reason_of(row, engine, model, scenario, prompt),
    }  # fmt: skip


def engine_of(row: dict[str, str]) -> tuple[str, str]:
    """Engine and version in the words of the catalog's profiles; MLPerf's rounds are versions of their own.

    Runs inside one program have no server that streams tokens to clients, and chats sample their tokens: they have names of
    their own.
    """
    engine, version = ENGINES.get(row["engine"], row["engine"]), re.sub(r"^v(?=\d)", "", row["engine_version"])
    ascending = re.search(r"(?:vllm[- _]|^)v?(\d+\.\d+(?:\.\d+)?)", version, re.IGNORECASE)
    if row["source"].startswith("MLPerf"):
        if engine == "trtllm":
            return "trtllm-mlperf", row["source"].split()[2]
        if row["vendor"] == "AMD":
            return "vllm-rocm", ascending[1] if ascending else row["source"].split()[2]
    if engine == "trtllm" and row["source"].startswith("TensorRT-LLM docs") and version >= "1":
        return "trtllm-bench", version
    if engine == "trtllm":
        # Up to 0.19 its published figures are those of engines that TensorRT built.
        return "tensorrt-llm" if version < "1" else engine, version
    if engine == "vllm" and row["vendor"] in ("AMD", "Intel"):
        engine = "vllm-rocm" if row["vendor"] == "AMD" else "vllm-xpu"
    if engine in ("vllm", "vllm-rocm") and not version:
        version = next((told for name, told in VERSIONS.items() if row["source"].startswith(name)), "")
    elif engine.startswith("vllm"):
        version = ascending[1] if ascending else ""
    if engine in ("vllm", "vllm-rocm") and row["scenario"] in ("static_batch", "static_batch_prefill", "offline_inf"):
        engine += "-library"
    if engine == "vllm" and row["source"].startswith(("ML.ENERGY leaderboard v3", "GPUStack")):
        engine = "vllm-chat"
    return engine, version


def model_of(row: dict[str, str]) -> str:
    """The catalog's id of a model, blank where it has none."""
    try:
        return load.model(MODELS.get(row["model"], row["model"])).id
    except InputError:
        return ""


def chip_of(row: dict[str, str]) -> str:
    """The catalog's id of an accelerator, blank where it has none; CTS is an H200 with another cooler."""
    try:
        return load.chip(row["accelerator"].removesuffix("-CTS")).id
    except InputError:
        return ""


def layout_of(row: dict[str, str], engine: str, model: str) -> dict[str, str]:
    """Parallel sizes of a replica, as published; dp is blank where ranks of `tp` may have shared attention or not.

    Data-parallel engines without expert parallelism are replicas.

    Trainium's and Inferentia's chips have two cores, each a rank of its own; the catalog counts chips.
    """
    tp, pp, dp, ep = (row[name] for name in ("tp", "pp", "dp", "ep"))
    if tp and row["accelerator"] == "Inferentia2":
        tp = f"{max(int(tp) // 2, 1)}"
    if engine == "llama.cpp":
        # It puts whole layers on each board.
        pp = row["n_accelerators"]
    moe = bool(model) and load.model(model).moe is not None
    if engine == "sglang" and tp and dp:
        # Its tensor ranks are those of all attention groups together.
        tp = f"{max(int(tp) // int(dp), 1)}"
    elif dp and not (moe and ep and int(ep) > 1):
        dp = ""
    if ep and not moe:
        ep = ""
    if moe and tp and engine == "trtllm-mlperf":
        # Its data-parallel size counts instances.
        dp = ""
    if moe and tp and not dp and engine.startswith("trtllm"):
        return {"tp": tp, "pp": pp, "dp": "", "ep": ep}
    if tp == "1" and ep and int(ep) > 1 and not (dp and int(dp) > 1):
        # Sources that give an expert size alone leave open how attention was shared.
        tp, dp = "", ""
    return {"tp": tp, "pp": pp or ("1" if tp else ""), "dp": dp or ("1" if tp else ""), "ep": ep}


def requests_of(row: dict[str, str]) -> str:
    """Requests of the whole run, blank where unknown or enough for a steady state."""
    lengths = (row["input_len"], row["output_len"])
    if row["scenario"] == "offline_inf" and "" not in lengths:
        if row["concurrency"]:
            return row["concurrency"]
        return str(REQUESTS.get((int(float(lengths[0])), int(float(lengths[1]))), ""))
    told = re.search(r"(\d+) (?:requests|prompts)", f"{row['notes']} {row['workload']}")
    if row["scenario"] in ("online_fixed_qps", "online_inf_rate") and told:
        return told[1]
    return row["concurrency"] if row["scenario"] == "online_inf_rate" else ""


def reason_of(row: dict[str, str], engine: str, model: str, scenario: str, prompt: str) -> str:
    """Why a row cannot be compared, blank where it can."""
    if row["vendor"] == "Apple" or row["accelerator"].startswith("Xeon"):
        return "a processor or a laptop: no chip of the catalog"
    if not chip_of(row):
        return "the catalog has no such chip"
    if engine in UNKNOWN_ENGINES:
        return UNKNOWN_ENGINES[engine]
    if row["model"] in LACKING:
        return f"the catalog's models have no {LACKING[row['model']]}"
    if not model:
        return "the catalog has no such model"
    if row["spec_decode"]:
        return "speculative decoding"
    if not scenario:
        return "a scenario of its own"
    if row["disaggregated"] == "yes" and scenario not in ("decode", "prefill"):
        return "disaggregated, with rates of prefill and decode workers that nobody gives"
    if row["workload"] in UNKNOWN_LENGTHS:
        return "prompt lengths of the data set not published"
    if scenario == "decode" and not row["concurrency"]:
        return "no concurrency"
    if not prompt or not (row["output_len"] or scenario == "decode"):
        return "no lengths of prompts or outputs"
    return "" if row["dtype_weights"] in FORMATS else "an unknown format of weights"


def key_of(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in ("source", "engine", "version", "model", "chip", "scenario", "id"))


if __name__ == "__main__":
    main()

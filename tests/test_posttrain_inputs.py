"""No input of a post-training is for show: every field moves the answer, or the answer says that it does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from petaday.report.payload import Data
from petaday.study.posttrain_scenario import PosttrainScenario
from petaday.study.scenario import Cluster, PlanColumns
from posttrains import TINY, planned, told
from scenarios import DROPPED, changed
from test_inputs_move_outputs import fields_of


@dataclass(frozen=True)
class Move:
    """Two values of a field between which the answer differs, and what else has to change."""

    first: Any
    second: Any
    also: dict[str, Any] = field(default_factory=dict)


FAR = {"cluster__network": {"bandwidth": "20 Gb/s"}, "model": "llama-3.1-8b", "cluster__chips": 32}
WHAT_IF = {"cluster__chip": {"like": "h100-sxm-80"}}
STAGE: dict[str, Move] = {
    "model": Move(DROPPED, "qwen3-0.6b"),
    "tokens": Move("10M", "20M"),
    "examples": Move(1000, 2000),
    "epochs": Move(1, 2),
    "sequence_length": Move(1024, 2048),
    "global_batch": Move(32, 64),
    "precision": Move("bf16", "fp8"),
    "plan": Move({"tp": 1}, {"tp": 4}),
}
MOVES: dict[str, Move] = {
    "model": Move("llama-3.2-1b", "qwen3-0.6b"),
    "software": Move("megatron-core-2024", "fsdp-2024"),
    "optimizer": Move("adam", "sgd"),
    "cluster": Move({"chip": "h100-sxm-80", "chips": 16}, {"chip": "a100-sxm-80", "chips": 16}),
    "cluster__chip": Move("h100-sxm-80", "a100-sxm-80"),
    "cluster__chip__like": Move("h100-sxm-80", "a100-sxm-80", WHAT_IF),
    "cluster__chip__peak": Move({"bf16": "800 TFLOPS"}, {"bf16": "500 TFLOPS"}, WHAT_IF),
    "cluster__chip__memory_capacity": Move("8 GB", "96 GB", WHAT_IF),
    "cluster__chip__memory_bandwidth": Move("1 TB/s", "3 TB/s", WHAT_IF),
    "cluster__chip__scale_up_bandwidth": Move("100 GB/s", "450 GB/s", WHAT_IF),
    "cluster__chips": Move(8, 16),
    "cluster__deadline": Move("1 s", "30 days"),
    "cluster__scale_up_domain": Move(8, 1),
    "cluster__network": Move("ib-ndr", "roce-100", FAR),
    "cluster__network__bandwidth": Move("20 Gb/s", "400 Gb/s", FAR),
    "cluster__network__latency": Move("1 us", "50 us", FAR),
    "cluster__network__efficiency": Move("50 %", "95 %", FAR),
    "cluster__routing": Move("adaptive", "ecmp", FAR),
    "cluster__paths": Move(1, 16, {**FAR, "cluster__routing": "ecmp"}),
    "cluster__memory_reserve": Move("1 GB", "70 GB"),
    "cluster__host_bandwidth": Move("10 GB/s", "50 GB/s"),
    **{f"sft__{name}": move for name, move in STAGE.items()},
    "sft__examples": Move(1000, 2000, {"sft__tokens": DROPPED}),
    **{f"reward__{name}": move for name, move in STAGE.items()},
    "reward__tokens": Move("10M", "20M", {"reward__examples": DROPPED}),
    "rl__algorithm": Move("ppo", "grpo"),
    "rl__steps": Move(10, 20),
    "rl__prompts": Move(32, 64),
    "rl__samples": Move(4, 8),
    "rl__prompt_tokens": Move(128, 512),
    "rl__response": Move({"mean": 300, "longest": 1500}, {"mean": 600, "longest": 1500}),
    "rl__response__mean": Move(300, 600),
    "rl__response__longest": Move(1500, 3000),
    "rl__response__sigma": Move(0.5, 1.0),
    "rl__mini_batches": Move(1, 4),
    "rl__kl_reference": Move(True, False),
    "rl__reward": Move(DROPPED, {"seconds": "3 s"}),
    "rl__reward__model": Move("llama-3.2-1b", "llama-3.2-3b"),
    "rl__reward__seconds": Move("1 s", "3 s"),
    "rl__critic": Move(DROPPED, "llama-3.2-3b"),
    "rl__precision": Move("bf16", "fp8"),
    "rl__placement": Move("colocated", "split"),
    "rl__off_policy": Move(0, 1, {"rl__placement": "split"}),
    "rl__rollout": Move(DROPPED, {"tp": 1}),
    "rl__rollout__engine": Move("vllm-0.12", "sglang-0.5.8"),
    "rl__rollout__precision": Move("bf16", "fp8"),
    "rl__rollout__tp": Move(1, 4),
    "rl__rollout__slots": Move(4, 64),
    "rl__rollout__chips": Move(4, 8, {"rl__placement": "split"}),
    "rl__plan": Move({"tp": 1}, {"tp": 4}),
}


def outcome(data: Data) -> Data:
    """What a scenario comes to, without what only repeats it."""
    return {name: data[name] for name in ("status", "wall_time_s", "sft", "reward", "rl")}


def test_every_field_of_the_schema_has_its_two_values() -> None:
    columns = {f"{stage}__plan__{name}" for stage in ("sft", "reward", "rl") for name in PlanColumns.model_fields}
    fields = set(fields_of(PosttrainScenario)) | {"cluster"}
    assert fields - columns - {"name"} == MOVES.keys()
    assert {path.split("__")[1] for path in MOVES if path.count("__") == 1 and path.startswith("cluster")} == set(
        Cluster.model_fields
    )


@pytest.mark.parametrize("path", MOVES)
def test_a_field_moves_the_answer(path: str) -> None:
    move = MOVES[path]
    first, second = (told(planned(changed(changed(TINY, **move.also), **{path: value})))
                     for value in (move.first, move.second))  # fmt: skip
    assert outcome(first) != outcome(second)
    assert path.replace("__", ".") not in {**first["unused"], **second["unused"]}


@pytest.mark.parametrize(
    ("path", "values", "also"),
    [
        ("rl__critic", ("llama-3.2-1b", "llama-3.2-3b"), {"rl__algorithm": "grpo"}),
        ("rl__off_policy", (1, 1), {"rl__placement": "colocated"}),
        ("sft__model", ("llama-3.2-1b", "llama-3.2-1b"), {}),
    ],
)
def test_a_field_that_moves_nothing_is_reported(
    path: str, values: tuple[object, object], also: dict[str, Any]
) -> None:
    first, second = (told(planned(changed(TINY, **also, **{path: value}))) for value in values)
    assert outcome(first) == outcome(second)
    assert (path.replace("__", ".") in first["unused"]) == (path != "sft__model")

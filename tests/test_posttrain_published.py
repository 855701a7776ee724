"""Published post-training runs by name, with how far the predictions are off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from petaday.catalog import load
from petaday.study.posttrain_scenario import PosttrainScenario
from petaday.study.rl import sync_seconds
from petaday.study.rl_work import cast_of
from petaday.workload.demand import demand
from posttrains import TINY, at, planned
from scenarios import DROPPED, ROOT, changed


@dataclass(frozen=True, eq=False)
class Published:
    """A GRPO step of NVIDIA NeMo RL, docs/about/performance-summary.md of a version, with its recipe's layouts.

    lag: steps off policy, on a pool of half the chips for rollouts; error: of the prediction, as it is
    """

    version: str
    model: str
    chip: str
    chips: int
    lag: int
    mean: int
    limit: int
    update: int
    rollout_tp: int
    plan: dict[str, object]
    seconds: float
    error: float
    rollouts: int = 2048


H100, GB200 = "h100-sxm-80", "gb200-nvl72"
EIGHT, DENSE, SPARSE, LARGE = "llama-3.1-8b", "qwen3-32b", "qwen3-30b-a3b", "qwen3-235b-a22b"
NEMO_RL = (
    Published("0.5", EIGHT, H100, 16, 0, 1019, 4096, 512, 1, {"tp": 1, "pp": 2, "recompute": "full"}, 92.8, -0.36),
    Published("0.5", EIGHT, H100, 16, 1, 1123, 4096, 512, 1, {"tp": 1, "pp": 1, "recompute": "full"}, 64.8, -0.20),
    Published("0.5", DENSE, H100, 32, 0, 3251, 4096, 512, 4, {"tp": 4, "pp": 4}, 376, -0.34),
    Published("0.5", DENSE, H100, 64, 1, 3252, 4096, 512, 4, {"tp": 4, "pp": 4}, 200, -0.29),
    Published("0.7", DENSE, H100, 32, 0, 3256, 4096, 2048, 4, {"tp": 4, "pp": 4}, 323, -0.24),
    Published("0.7", DENSE, H100, 64, 1, 3258, 4096, 2048, 4, {"tp": 4, "pp": 4}, 161, -0.11),
    Published("0.5", SPARSE, H100, 32, 0, 3196, 4096, 512, 2, {"tp": 1, "pp": 1, "ep": 8}, 198, -0.46),
    Published("0.7", SPARSE, H100, 32, 0, 3198, 4096, 2048, 2, {"tp": 1, "pp": 1, "ep": 8}, 171, -0.39),
    Published("0.7", SPARSE, H100, 32, 1, 3203, 4096, 2048, 2, {"tp": 1, "pp": 2, "ep": 8}, 141, -0.29),
    Published(
        "0.7", LARGE, H100, 128, 0, 5719, 8192, 512, 16, {"tp": 2, "cp": 2, "pp": 8, "ep": 16}, 367, -0.09, 512
    ),
    Published("0.7", "deepseek-v3", H100, 256, 0, 722, 1536, 512, 32, {"tp": 1, "pp": 16, "ep": 16}, 93, -0.25, 512),
    Published("0.7", DENSE, GB200, 16, 0, 3254, 4096, 2048, 2, {"tp": 2, "pp": 4}, 295, -0.35),
    Published("0.7", DENSE, GB200, 32, 1, 3255, 4096, 2048, 1, {"tp": 2, "pp": 1}, 140, -0.22),
    Published("0.5", EIGHT, GB200, 8, 0, 1066, 4096, 512, 1, {"tp": 1, "pp": 1}, 91, -0.56),
)
PROMPT = 115
"""Tokens of a prompt: those of the table's tokens/s that are not in its average length, 105 to 127 a sample."""


@cache
def predicted(row: Published) -> float:
    """Seconds of a published step."""
    found = planned({
        "model": row.model,
        "cluster": {"chip": row.chip, "chips": row.chips},
        "rl": {
            "algorithm": "grpo", "steps": 1, "prompts": row.rollouts // 32, "samples": 32, "prompt_tokens": PROMPT,
            "response": {"mean": row.mean, "longest": row.limit - PROMPT},
            "mini_batches": row.rollouts // row.update, "reward": {"seconds": "1 s"},
            "placement": "split" if row.lag else "colocated", "off_policy": row.lag, "plan": row.plan,
            "rollout": {"engine": "vllm-0.11", "tp": row.rollout_tp} | ({"chips": row.chips // 2} if row.lag else {}),
        },
    })  # fmt: skip
    assert found.rl is not None
    assert found.rl.best is not None
    return found.rl.best.step_time


@pytest.mark.parametrize("row", NEMO_RL, ids=lambda row: f"{row.version} {row.model} {row.chip} {row.lag}")
def test_steps_of_nemo_rl_are_predicted_as_far_off_as_the_page_says(row: Published) -> None:
    assert predicted(row) / row.seconds - 1 == pytest.approx(row.error, abs=0.01)


def test_the_page_lists_the_same_errors() -> None:
    page = (ROOT / "docs" / "posttrain.md").read_text(encoding="utf-8")
    for row in NEMO_RL:
        assert f"| {row.seconds:g} s | {predicted(row):.0f} s | {row.error:.0%} |" in page
    ratio = np.array([row.seconds / predicted(row) for row in NEMO_RL])
    assert f"{ratio.min():.1f} to {ratio.max():.1f} times" in page
    assert f"median {np.median(ratio):.1f}" in page


def test_weights_of_qwen_7b_reach_the_engines_within_what_verl_measured() -> None:
    """veRL, docs/advance/one_step_off.md: under 300 ms at most times, 12 training and 4 rollout H20 in two nodes."""
    scenario = changed(TINY, model="qwen2.5-7b", cluster={"chip": "h20", "chips": 16}, sft=DROPPED)
    cast = cast_of(PosttrainScenario.model_validate(scenario), Path(), allow_unverified=True)
    assert 0.02 < float(sync_seconds(cast, np.array([16.0]))[0]) < 0.3


def test_a_pass_for_likelihoods_is_a_quarter_shorter_beside_an_update_than_verl_measured() -> None:
    """veRL, docs/advance/fully_async.md: Qwen2.5-Math-7B on 32 H20, 107.71 s of likelihoods and 313.81 s of updates."""
    scenario = changed(
        TINY, model="qwen2.5-7b", cluster={"chip": "h20", "chips": 32}, sft=DROPPED, rl__algorithm="grpo",
        rl__prompts=512, rl__samples=16, rl__mini_batches=16, rl__response={"mean": 2500, "longest": 28000},
        rl__plan={"recompute": "full"},
    )  # fmt: skip
    parts = at(planned(scenario), "colocated").parts
    assert parts["scoring policy"] / parts["update policy"] / (107.71 / 313.81) == pytest.approx(0.73, abs=0.01)


def test_the_sft_of_instructgpt_takes_4_9_petaflops_days() -> None:
    """Ouyang et al. 2022, arXiv:2203.02155, section 5.1 and appendix C.1: 12,725 prompts, 16 epochs, 2k contexts."""
    scenario = changed(TINY, sft={"examples": 12725, "epochs": 16, "sequence_length": 2000, "global_batch": 32})
    stage = PosttrainScenario.model_validate(scenario).sft
    assert stage is not None
    assert demand(load.model("gpt-3-175b"), 2000, stage.all_tokens).pf_days == pytest.approx(4.9, rel=0.03)

"""A small post-training to change, which the tests of its stages share, and its answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from petaday.report.payload import Data
from petaday.report.posttrain import posttrain_data
from petaday.study.manifest import manifest
from petaday.study.posttrain import Posttrain, posttrain
from petaday.study.posttrain_scenario import PosttrainScenario

TINY: dict[str, Any] = {
    "model": "llama-3.2-1b",
    "cluster": {"chip": "h100-sxm-80", "chips": 16, "network": "ib-ndr", "scale_up_domain": 8},
    "sft": {"tokens": "10M", "sequence_length": 2048, "global_batch": 16},
    "reward": {"examples": 10000, "sequence_length": 1024, "global_batch": 32},
    "rl": {
        "algorithm": "ppo",
        "steps": 10,
        "prompts": 64,
        "samples": 4,
        "prompt_tokens": 128,
        "response": {"mean": 300, "longest": 1500},
    },
}
"""One billion parameters on two domains of 8 H100, with every stage."""


def planned(scenario: dict[str, Any]) -> Posttrain:
    return posttrain(PosttrainScenario.model_validate(scenario), Path(), allow_unverified=True)


def told(found: Posttrain) -> Data:
    return posttrain_data(found, manifest(found.scenario, "petaday posttrain"))


def at(found: Posttrain, placement: str) -> Any:
    assert found.rl is not None
    return next(option for option in found.rl.options if option.placement == placement)

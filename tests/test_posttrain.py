"""Post-training: published runs, parts that add up, more chips and older weights that never cost time, every input."""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petaday import cli
from petaday.catalog import load
from petaday.catalog.strict_yaml import load as load_yaml
from petaday.errors import InputError
from petaday.report.payload import Data
from petaday.report.posttrain import bars, posttrain_data
from petaday.study.manifest import manifest
from petaday.study.posttrain import Posttrain, posttrain, posttrain_file
from petaday.study.posttrain_scenario import PosttrainScenario
from petaday.study.rl import sync_seconds
from petaday.study.rl_rollouts import replica_counts
from petaday.study.rl_training import ladder
from petaday.study.rl_work import cast_of, work_of
from petaday.study.scenario import Cluster, PlanColumns
from petaday.workload.demand import demand
from scenarios import DROPPED, ROOT, changed, written
from test_inputs_move_outputs import fields_of

EXAMPLE = ROOT / "examples" / "rlhf-70b.yaml"

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


@cache
def tiny(chips: int = 16, algorithm: str = "ppo", sigma: float = 0.86) -> Posttrain:
    return planned(
        changed(TINY, cluster__chips=chips, rl__algorithm=algorithm, rl__response__sigma=sigma, sft=DROPPED,
                rl__off_policy=1, rl__placement="split")
    )  # fmt: skip


# --- published numbers


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
    Published("0.7", DENSE, H100, 32, 0, 3256, 4096, 2048, 4, {"tp": 4, "pp": 4}, 323, -0.23),
    Published("0.7", DENSE, H100, 64, 1, 3258, 4096, 2048, 4, {"tp": 4, "pp": 4}, 161, -0.11),
    Published("0.5", SPARSE, H100, 32, 0, 3196, 4096, 512, 2, {"tp": 1, "pp": 1, "ep": 8}, 198, -0.46),
    Published("0.7", SPARSE, H100, 32, 0, 3198, 4096, 2048, 2, {"tp": 1, "pp": 1, "ep": 8}, 171, -0.39),
    Published("0.7", SPARSE, H100, 32, 1, 3203, 4096, 2048, 2, {"tp": 1, "pp": 2, "ep": 8}, 141, -0.25),
    Published(
        "0.7", LARGE, H100, 128, 0, 5719, 8192, 512, 16, {"tp": 2, "cp": 2, "pp": 8, "ep": 16}, 367, -0.09, 512
    ),
    Published("0.7", "deepseek-v3", H100, 256, 0, 722, 1536, 512, 32, {"tp": 1, "pp": 16, "ep": 16}, 93, -0.25, 512),
    Published("0.7", DENSE, GB200, 16, 0, 3254, 4096, 2048, 2, {"tp": 2, "pp": 4}, 295, -0.35),
    Published("0.7", DENSE, GB200, 32, 1, 3255, 4096, 2048, 1, {"tp": 2, "pp": 1}, 140, -0.20),
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


# --- what must hold


@pytest.mark.parametrize("algorithm", ["ppo", "grpo"])
@pytest.mark.parametrize("chips", [8, 16, 48])
def test_parts_add_up_to_the_step_and_nobody_waits_less_than_nothing(chips: int, algorithm: str) -> None:
    found = tiny(chips, algorithm)
    assert found.rl is not None
    assert len(found.rl.options) == 3
    for option in found.rl.options:
        parts = dict(option.parts)
        rollout, sync = parts.pop("rollout"), parts.pop("sync")
        assert min(option.parts.values()) >= 0
        assert option.training_idle >= -1e-9
        assert option.rollout_idle >= -1e-9
        if option.placement == "colocated":
            assert rollout + sync + sum(parts.values()) == pytest.approx(option.step_time)
            assert option.chips == max(option.rollout_chips, option.training_chips) <= chips
        else:
            assert rollout + sync + option.rollout_idle == pytest.approx(option.step_time)
            assert sum(parts.values()) + sync + option.training_idle == pytest.approx(option.step_time)
            assert option.chips == option.rollout_chips + option.training_chips <= chips
    split, lagging = at(found, "split"), at(found, "split, one step off")
    assert split.training_idle == pytest.approx(split.parts["rollout"])
    assert min(lagging.training_idle, lagging.rollout_idle) == pytest.approx(0, abs=1e-9)


@settings(max_examples=12, deadline=None)
@given(
    chips=st.sampled_from([8, 16, 24, 32, 48, 64]),
    sigma=st.sampled_from([0.0, 0.5, 0.86, 1.3]),
    algorithm=st.sampled_from(["ppo", "grpo"]),
)
def test_a_step_off_policy_is_never_slower_and_more_chips_are_neither(
    chips: int, sigma: float, algorithm: str
) -> None:
    found, larger = tiny(chips, algorithm, sigma), tiny(2 * chips, algorithm, sigma)
    assert at(found, "split, one step off").step_time <= at(found, "split").step_time
    for placement in ("colocated", "split", "split, one step off"):
        assert at(larger, placement).step_time <= at(found, placement).step_time


def test_the_best_split_is_the_least_of_the_curve() -> None:
    found = tiny(48).rl
    assert found is not None
    assert found.best is not None
    assert found.best.step_time == found.curve.min()
    assert found.training.chips[found.curve.argmin()] == found.best.training_chips
    held = planned(changed(TINY, sft=DROPPED, cluster__chips=48, rl__off_policy=1, rl__placement="split",
                           rl__rollout={"chips": 24}))  # fmt: skip
    assert at(held, "split, one step off").training_chips == 24
    assert at(held, "split, one step off").step_time >= found.best.step_time


def test_a_longer_tail_costs_time_and_leaves_slots_idle() -> None:
    short, long = tiny(16, "grpo", 0.2), tiny(16, "grpo", 1.3)
    sides = [told(each)["rl"]["best"]["rollout_side"] for each in (short, long)]
    assert at(long, "colocated").parts["rollout"] > at(short, "colocated").parts["rollout"]
    assert sides[0]["slots_busy"] > sides[1]["slots_busy"]
    assert 0 < sides[1]["tail_s"] < at(long, "split, one step off").parts["rollout"]


def test_ppo_takes_a_critic_more_than_grpo() -> None:
    ppo, grpo = at(tiny(16, "ppo"), "colocated"), at(tiny(16, "grpo"), "colocated")
    assert set(ppo.parts) - set(grpo.parts) == {"scoring critic", "update critic"}
    assert ppo.step_time > grpo.step_time


def test_the_run_is_its_steps_and_off_policy_the_first_rollouts_too() -> None:
    found = tiny(16).rl
    assert found is not None
    lagging = at(tiny(16), "split, one step off")
    learning = lagging.step_time - lagging.training_idle - lagging.parts["sync"]
    alone = min(lagging.parts["rollout"], learning)
    assert found.seconds == pytest.approx(10 * lagging.step_time + alone)
    assert tiny(16).seconds == pytest.approx(found.seconds + tiny(16).reward.wall_time)


@settings(max_examples=60, deadline=None)
@given(chips=st.integers(1, 5000), domain=st.sampled_from([1, 4, 8, 72]))
def test_ladders_of_smaller_clusters_are_rungs_of_larger_ones(chips: int, domain: int) -> None:
    rungs, more = ladder(domain, chips), ladder(domain, 2 * chips)
    assert rungs == sorted(set(rungs))
    assert rungs[-1] == chips
    assert set(rungs) - {chips} <= set(more)
    counts = replica_counts(chips)
    assert counts[-1] == chips
    assert set(counts) - {chips} <= set(replica_counts(2 * chips))
    assert all(after <= before * 17 / 16 + 1 for before, after in itertools.pairwise(counts))


def test_packed_sequences_keep_tokens_pairs_and_the_longest_sample() -> None:
    rl = PosttrainScenario.model_validate(changed(TINY, rl__response={"mean": 1500, "longest": 16000})).rl
    assert rl is not None
    work = work_of(rl)
    assert work.updates * work.mini_batch * work.sequence_length == pytest.approx(work.tokens)
    assert work.packs * work.sequence_length >= work.longest
    assert work.sequence_length == pytest.approx(work.mean_square, rel=0.35)


# --- faces


def test_the_example_answers_every_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["petaday", "posttrain", str(EXAMPLE)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    out = capsys.readouterr().out
    assert left.value.code == 0
    for word in ("supervised tuning", "reward model", "reinforcement learning", "Long tail", "Placements side by side",
                 "colocated", "split, one step off", "waits in host memory", "Splits of the chips", "Assumed"):  # fmt: skip
        assert word in out


def test_json_has_the_same_keys_where_nothing_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(scenario: dict[str, Any], code: int) -> Data:
        monkeypatch.setattr(sys, "argv", ["petaday", "posttrain", str(written(scenario, tmp_path)), "--json"])
        with pytest.raises(SystemExit) as left:
            cli.main()
        assert left.value.code == code
        return dict(json.loads(capsys.readouterr().out))

    fits = run(TINY, 0)
    tight = run(changed(TINY, model="llama-3.1-70b", cluster__chips=2, sft=DROPPED, reward__model="llama-3.2-1b"), 3)
    assert fits.keys() == tight.keys()
    assert fits["rl"].keys() == tight["rl"].keys()
    assert fits["sft"].keys() == run(changed(TINY, rl=DROPPED), 0)["sft"].keys()
    assert tight["infeasible"]["stage"] == "rl"
    assert tight["infeasible"]["constraint"] == "memory"
    assert "most of it is optimizer" in tight["infeasible"]["detail"]
    assert tight["rl"]["best"] is None
    assert tight["wall_time_s"] is None


def test_bars_are_as_long_as_the_step() -> None:
    data = told(tiny(48))
    for option in data["rl"]["placements"]:
        for bar in bars(option):
            assert len(bar) == 16 + 60
    lagging = bars(data["rl"]["best"])
    assert ("·" in lagging[0]) != ("·" in lagging[1])


@pytest.mark.parametrize(
    ("changes", "stage", "constraint", "detail"),
    [
        ({"rl__rollout": {"tp": 1}, "model": "llama-3.1-70b", "cluster__chips": 64}, "rl", "memory", "leave no room"),
        ({"cluster__chips": 1, "rl__placement": "split"}, "rl", "chips", "side by side"),
        ({"cluster__deadline": "1 min"}, "all", "deadline", "all stages take"),
        ({"sft__sequence_length": 2**20, "cluster__chips": 1}, "sft", "memory", "most of it is logits"),
        ({"rl__critic": "llama-3.1-405b", "rl__placement": "colocated"}, "rl", "memory", "most of it is"),
        ({"rl__reward": {"model": "deepseek-v3"}, "rl__critic": "llama-3.2-1b"}, "rl", "memory", "the reward model"),
    ],
)
def test_infeasible_is_an_answer_that_names_what_binds(
    changes: dict[str, object], stage: str, constraint: str, detail: str
) -> None:
    found = planned(changed(TINY, **changes))
    assert found.infeasible is not None
    name, binds = found.infeasible
    assert (name, binds.constraint) == (stage, constraint)
    assert detail in binds.detail
    if constraint == "chips":
        assert [relief.change for relief in binds.reliefs] == ["rl.placement: colocated"]


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"model": "llama-3.2-1bn"}, "model", "llama-3.2-1b"),
        ({"sft__model": "lama"}, "sft.model", "no model"),
        ({"sft__precision": "nvfp4"}, "sft.precision", "nvfp4"),
        ({"software": "megatron"}, "software", "no software profile"),
        ({"rl__reward": {"model": "gpt-9"}}, "rl.reward.model", "no model"),
        ({"rl__critic": "gpt-9"}, "rl.critic", "no model"),
        ({"rl__rollout": {"engine": "orca"}}, "rl.rollout.engine", "no engine"),
        ({"rl__rollout": {"tp": 3}}, "rl.rollout.tp", "heads"),
        ({"rl__rollout": {"chips": 16}}, "rl.rollout.chips", "leave none"),
        ({"rl__plan": {"tp": 7}}, "rl.plan.tp", "heads"),
        ({"cluster__chips": "auto", "cluster__deadline": "1 day"}, "cluster.chips", "a number of chips"),
        ({"reward": DROPPED}, "rl.reward", "nothing gives rewards"),
        ({"rl__response": {"mean": 2000, "longest": 1500}}, "rl.response", "not between"),
        ({"rl__mini_batches": 7}, "rl", "do not divide"),
        ({"sft__examples": 10}, "sft", "one of tokens and examples"),
        ({"rl__samples": "x"}, "rl.samples", "x"),
        ({"rl__rollouts": {}}, "rl.rollouts", "rollout"),
    ],
)
def test_bad_input_says_where_and_what(changes: dict[str, object], field: str, said: str, tmp_path: Path) -> None:
    path = written(changed(TINY, **changes), tmp_path)
    with pytest.raises(InputError) as raised:
        posttrain_file(path)
    assert raised.value.field == field
    assert said in str(raised.value)
    assert raised.value.place is not None
    assert raised.value.place.file == str(path)
    assert raised.value.place.line >= 1


# --- every input


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


def test_the_example_is_the_scenario_it_says() -> None:
    scenario = PosttrainScenario.model_validate(load_yaml(EXAMPLE).data)
    assert scenario.rl is not None
    assert scenario.rl.algorithm == "ppo"
    assert scenario.cluster.chips == 128

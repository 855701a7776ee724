"""Post-training: parts that add up, more chips and older weights that never cost time, the command, errors."""

from __future__ import annotations

import itertools
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petaday import cli
from petaday.catalog.strict_yaml import load as load_yaml
from petaday.errors import InputError
from petaday.report.payload import Data
from petaday.report.posttrain import bars
from petaday.study.posttrain import Posttrain, posttrain_file
from petaday.study.posttrain_scenario import PosttrainScenario
from petaday.study.rl_rollouts import replica_counts
from petaday.study.rl_training import ladder
from petaday.study.rl_work import work_of
from posttrains import TINY, at, planned, told
from scenarios import DROPPED, ROOT, changed, written

EXAMPLE = ROOT / "examples" / "rlhf-70b.yaml"


@cache
def tiny(chips: int = 16, algorithm: str = "ppo", sigma: float = 0.86) -> Posttrain:
    return planned(
        changed(TINY, cluster__chips=chips, rl__algorithm=algorithm, rl__response__sigma=sigma, sft=DROPPED,
                rl__off_policy=1, rl__placement="split")
    )  # fmt: skip


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


def test_the_example_is_the_scenario_it_says() -> None:
    scenario = PosttrainScenario.model_validate(load_yaml(EXAMPLE).data)
    assert scenario.rl is not None
    assert scenario.rl.algorithm == "ppo"
    assert scenario.cluster.chips == 128

"""What a step of reinforcement learning works on, and who works on it: rollouts, their judges, and the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from pathlib import Path

import numpy as np

from petaday.catalog import load
from petaday.catalog.engine import Engine as Profile
from petaday.catalog.model import Model
from petaday.errors import InputError
from petaday.serving.engine import Engine
from petaday.serving.layout import Floats
from petaday.serving.products import WIDE, Weights
from petaday.serving.rollout import response_lengths
from petaday.study.engines import Precision, engine_of
from petaday.study.job import Joined, join
from petaday.study.parts import Assumption, find_model, named
from petaday.study.posttrain_scenario import SIGMA, Format, PosttrainScenario, Reinforcement
from petaday.study.scenario import Cluster, PlanColumns, Scenario, Train, divisible_batch
from petaday.units import Kind, render

CACHE_BYTES = 2.0
"""Bytes of an element of the KV cache of rollouts: 16 bit, the default of every engine."""

PACK = 256
"""Tokens that a packed sequence is a multiple of, so that ranks of context parallelism can share it."""


@dataclass(frozen=True)
class Work:
    """The rollouts of one step: replies in ascending tokens, behind prompts of equal length."""

    replies: Floats
    prompt: int
    mini_batches: int

    @cached_property
    def tokens(self) -> float:
        """Tokens that are scored and trained on: every sample with its prompt."""
        return float(self.replies.sum() + self.prompt * len(self.replies))

    @cached_property
    def mean_square(self) -> float:
        """Sum of squared lengths over their sum: sequences of this length have as many query-key pairs a token."""
        return float(np.square(self.replies + self.prompt).sum() / self.tokens)

    @property
    def longest(self) -> int:
        """Tokens of the longest sample."""
        return int(self.replies[-1]) + self.prompt

    @property
    def packs(self) -> int:
        """Sequences of `sequence_length` that take as much memory as the longest sample."""
        return max(1, round(self.longest / self.mean_square))

    @property
    def sequence_length(self) -> int:
        """Length of the sequences that stand for packed samples: nearly as many pairs a token, the same tokens."""
        return ceil(self.longest / self.packs / PACK) * PACK

    @property
    def mini_batch(self) -> int:
        """Packed sequences of one update, moved a little to divide well."""
        return max(1, divisible_batch(self.tokens / self.mini_batches / self.sequence_length))

    @property
    def updates(self) -> float:
        """Updates of `mini_batch` sequences that a step is worth: the mini-batches, less what dividing well added."""
        return self.tokens / (self.mini_batch * self.sequence_length)


def work_of(rl: Reinforcement) -> Work:
    """The rollouts of a step as quantiles of their law."""
    response = rl.response
    replies = response_lengths(rl.prompts * rl.samples, response.mean, response.sigma, response.longest)
    return Work(replies, rl.prompt_tokens, rl.mini_batches)


@dataclass(frozen=True)
class Scorer:
    """A forward pass over every sample: whose, and whether it gives likelihoods or one number a token.

    waits: whether its weights are brought from host memory, because nothing trains them here
    """

    name: str
    engine: Engine
    logits: bool
    waits: bool


@dataclass(frozen=True)
class Cast:
    """Everybody that a step needs, joined with the catalog.

    policy, critic: training runs of one mini-batch a step, on any number of chips; the critic is PPO's
    rollout: the policy under the serving engine
    """

    rl: Reinforcement
    cluster: Cluster
    work: Work
    profile: Profile
    policy: Joined
    critic: Joined | None
    rollout: Engine
    scorers: tuple[Scorer, ...]
    judge_seconds: float
    assumptions: tuple[Assumption, ...]
    unused: Mapping[str, str]

    @property
    def chunk(self) -> float:
        """Tokens of a forward pass of one attention group."""
        return self.profile.chunk.value


def cast_of(scenario: PosttrainScenario, folder: Path, *, allow_unverified: bool) -> Cast:
    """Look up everything that the RL stage names. Raises InputError with the scenario's field."""
    rl = scenario.rl
    assert rl is not None
    work = work_of(rl)
    profile: Profile = named("rl.rollout.engine", load.engine, rl.rollout.engine)
    policy = _run(scenario, scenario.model, "model", work, rl.plan, folder, allow_unverified)
    judge, judge_field = (rl.reward, "rl.reward.model") if rl.reward else (None, "reward.model")
    judged_by = judge.model if judge else (scenario.reward.model or scenario.model) if scenario.reward else None
    judge_model = find(judged_by, judge_field, folder) if judged_by is not None else None
    critic = None
    if rl.algorithm == "ppo":
        mind = rl.critic or judged_by or scenario.model
        critic = _run(scenario, mind, "rl.critic" if rl.critic else judge_field, work, PlanColumns(), folder,
                      allow_unverified)  # fmt: skip

    def engine(model: Model, stored: Format, field: str) -> Engine:
        precision = Precision(stored, stored, stored, CACHE_BYTES)
        try:
            built = engine_of(model, policy.parts.chip, profile, precision)
        except InputError as error:
            raise error.at(field=field) from None
        return replace(built, network=policy.job.network)

    def scorer(model: Model) -> Engine:
        """The model as the training stack passes over it: in 16 bit, at the rates that its kernels sustain."""
        weights = Weights(WIDE, policy.job.precisions[0].wide_law)
        built = engine(model, "bf16", "cluster.chip")
        return replace(built, projections=weights, ffn=weights, experts=weights, wide=weights)

    own = scorer(policy.parts.model)
    scorers = [Scorer("policy", own, logits=True, waits=False)]
    if rl.kl_reference:
        scorers.append(Scorer("reference", own, logits=True, waits=True))
    if judge_model is not None:
        scorers.append(Scorer("reward", scorer(judge_model), logits=False, waits=True))
    if critic is not None:
        scorers.append(Scorer("critic", scorer(critic.parts.model), logits=False, waits=False))
    unused = {name: why for name, why in policy.unused.items() if name != "cluster.host_bandwidth"}
    if rl.critic is not None and critic is None:
        unused["rl.critic"] = "GRPO has no critic"
    return Cast(
        rl=rl,
        cluster=scenario.cluster,
        work=work,
        profile=profile,
        policy=policy,
        critic=critic,
        rollout=engine(policy.parts.model, rl.rollout.precision, "rl.rollout.precision"),
        scorers=tuple(scorers),
        judge_seconds=judge.seconds or 0.0 if judge else 0.0,
        assumptions=tuple(_assumptions(scenario, rl, work, profile, policy, critic)),
        unused=unused,
    )


def find(written: str | Model, field: str, folder: Path) -> Model:
    """A model with its field in this scenario."""
    try:
        return find_model(written, folder)
    except InputError as error:
        error.field = field
        raise


def _run(
    scenario: PosttrainScenario,
    model: str | Model,
    field: str,
    work: Work,
    plan: PlanColumns,
    folder: Path,
    allow_unverified: bool,
) -> Joined:
    """A model's training on the packed samples of one mini-batch."""
    rl = scenario.rl
    assert rl is not None
    run = Scenario(
        train=Train(
            model=model,
            tokens=float(work.mini_batch * work.sequence_length),
            sequence_length=work.sequence_length,
            global_batch=work.mini_batch,
            precision=rl.precision,
            optimizer=scenario.optimizer,
            software=scenario.software,
        ),
        cluster=scenario.cluster,
        plan=plan,
    )
    try:
        return join(run, folder, allow_unverified=allow_unverified)
    except InputError as error:
        raise in_stage(error, "rl", model_field=field) from None


def in_stage(error: InputError, stage: str, *, model_field: str) -> InputError:
    """An error of a training run with the field that the post-training's scenario has for it."""
    section, _, name = error.field.partition(".")
    if section == "train":
        error.field = {"model": model_field, "software": "software", "optimizer": "optimizer"}.get(
            name, f"{stage}.{name}"
        )
    elif section == "plan":
        error.field = f"{stage}.{error.field}"
    return error


def _assumptions(
    scenario: PosttrainScenario,
    rl: Reinforcement,
    work: Work,
    profile: Profile,
    policy: Joined,
    critic: Joined | None,
) -> list[Assumption]:
    """What the scenario does not say of its RL stage; of the training what also holds for any other run."""
    shared = ("cluster.", "efficiency.")
    notes = [
        each
        for each in policy.assumptions
        if each.field.startswith(shared) and each.field != "cluster.host_bandwidth"
    ]
    if "sigma" not in rl.response.model_fields_set:
        source = "replies of a chat service, AzureLLMInferenceTrace_conv 2023; reasoning may spread more or less"
        notes.append(Assumption("rl.response.sigma", f"{SIGMA:g}", source, estimate=True))
    if scenario.cluster.host_bandwidth is None:
        text = render(policy.job.host_bandwidth, Kind.BANDWIDTH)
        notes.append(
            Assumption("cluster.host_bandwidth", text, "PCIe 4.0 x16 in practice: a round number", estimate=True)
        )
    if "engine" not in rl.rollout.model_fields_set:
        notes.append(Assumption("rl.rollout.engine", profile.id, "default profile"))
    if rl.rollout.slots is None:
        source = "what the memory holds at the mean length; preemption is not modelled"
        notes.append(Assumption("rl.rollout.slots", "all that fit", source))
    if critic is not None and rl.critic is None:
        source = "begins as the reward model (InstructGPT, arXiv:2203.02155, appendix C.4)"
        notes.append(Assumption("rl.critic", critic.parts.model.id, source if rl.reward is None or rl.reward.model
                                else "the policy's size where a rule gives rewards"))  # fmt: skip
    notes.append(
        Assumption(
            "rl.training",
            f"{work.mini_batch} sequences of {work.sequence_length} tokens an update",
            "samples are packed without padding; micro-batches hold the longest one",
        )
    )
    for field in ("software", "optimizer"):
        if field not in scenario.model_fields_set:
            notes.append(Assumption(field, str(getattr(scenario, field)), "default"))
    return notes

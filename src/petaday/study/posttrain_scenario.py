"""The scenario of post-training: supervised tuning, a reward model, reinforcement learning on one cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from petaday.catalog.kernels import FORMATS
from petaday.catalog.model import Model
from petaday.catalog.strict_yaml import load
from petaday.catalog.validate import Strict, validated
from petaday.errors import InputError
from petaday.study.scenario import Cluster, PlanColumns, place_of
from petaday.study.scenario_types import Chips, Dtype, Name, Time, Tokens, Whole, WholeTokens
from petaday.training.job import OPTIMIZERS

Optimizer = Literal["adam", "adamw", "muon", "sgd-momentum", "sgd"]
Format = Literal["bf16", "fp8", "fp8-block", "nvfp4", "int8-int8", "int8-weights", "int4-weights", "mxfp4-weights"]
Count = Annotated[int, Field(ge=1, le=1_000_000)]

assert set(OPTIMIZERS) == set(Optimizer.__args__)  # type: ignore[attr-defined]
assert set(Format.__args__) <= set(FORMATS)  # type: ignore[attr-defined]

SIGMA = 0.86
"""Standard deviation of ln(tokens of a reply): 19,366 replies of a chat service (AzureLLMInferenceTrace_conv 2023)."""


class Tuning(Strict):
    """A stage of supervised training on the whole cluster; of a reward model, both texts of a comparison are examples.

    Give what it trains on as `tokens` or as `examples` of `sequence_length` tokens.
    """

    model: Name | Model | None = None  # None: the scenario's model
    tokens: Tokens | None = None
    examples: Whole | None = None
    epochs: Count = 1
    sequence_length: WholeTokens
    global_batch: Whole
    precision: Dtype = "bf16"
    plan: PlanColumns = Field(default_factory=PlanColumns)

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        if (self.tokens is None) == (self.examples is None):
            raise ValueError("give one of tokens and examples")
        return self

    @property
    def all_tokens(self) -> float:
        """Tokens of all epochs."""
        once = self.tokens if self.tokens is not None else float(self.examples or 0) * self.sequence_length
        return once * self.epochs


class Response(Strict):
    """Lengths of rollouts: lognormal, cut at `longest`; `mean` is what comes out after the cut."""

    mean: Tokens
    longest: WholeTokens
    sigma: Annotated[float, Field(ge=0, le=3)] = SIGMA

    @model_validator(mode="after")
    def _mean_below_longest(self) -> Self:
        if not 1 <= self.mean <= self.longest:
            raise ValueError(f"mean: {self.mean:g} tokens are not between 1 and the longest, {self.longest}")
        return self


class Judge(Strict):
    """What gives rewards: a model that reads every rollout, or a rule that takes some seconds a step."""

    model: Name | Model | None = None
    seconds: Time | None = None

    @model_validator(mode="after")
    def _one_judge(self) -> Self:
        if (self.model is None) == (self.seconds is None):
            raise ValueError("give one of model and seconds")
        return self


class Rollout(Strict):
    """The engine that generates; what is left out is searched.

    slots: most sequences of a replica, by default what its memory holds; chips: of the rollout pool when it is split off
    """

    engine: Name = "vllm-0.12"
    precision: Format = "bf16"
    tp: Count | None = None
    slots: Count | None = None
    chips: Chips | None = None


class Reinforcement(Strict):
    """Reinforcement learning from rewards.

    Every step generates `samples` responses to each of `prompts` prompts, scores them and updates the policy once for
    each of `mini_batches`. PPO trains a critic beside; GRPO compares the samples of a prompt instead.
    """

    algorithm: Literal["ppo", "grpo"]
    steps: Count
    prompts: Whole
    samples: Count
    prompt_tokens: WholeTokens
    response: Response
    mini_batches: Count = 1
    kl_reference: bool = True
    reward: Judge | None = None  # None: the model of the reward stage
    critic: Name | Model | None = None  # None: the reward model, or the policy's where a rule gives rewards
    precision: Dtype = "bf16"
    placement: Literal["colocated", "split", "auto"] = "auto"
    off_policy: Annotated[int, Field(ge=0, le=1)] = 0
    rollout: Rollout = Field(default_factory=Rollout)
    plan: PlanColumns = Field(default_factory=PlanColumns)

    @model_validator(mode="after")
    def _batches_divide(self) -> Self:
        if self.prompts * self.samples % self.mini_batches:
            raise ValueError(
                f"mini_batches: {self.mini_batches} do not divide {self.prompts * self.samples} rollouts"
            )
        return self


class PosttrainScenario(Strict):
    """A post-training to plan; stages that are left out are not run."""

    name: str = ""
    model: Name | Model
    software: Name = "megatron-core-2024"
    optimizer: Optimizer = "adam"
    cluster: Cluster
    sft: Tuning | None = None
    reward: Tuning | None = None
    rl: Reinforcement | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.sft is None and self.reward is None and self.rl is None:
            raise ValueError("no stage: give one of sft, reward and rl")
        if self.cluster.chips == "auto":
            raise ValueError("chips") from InputError(
                "`auto` is for one training run", field="cluster.chips", expected="a number of chips"
            )
        pool = self.rl.rollout.chips if self.rl is not None else None
        if pool is not None and pool >= self.cluster.chips:
            raise ValueError("chips") from InputError(
                f"{pool} of {self.cluster.chips} chips leave none to train on",
                field="rl.rollout.chips",
                expected=f"less than {self.cluster.chips}",
            )
        if self.rl is not None and self.rl.reward is None and self.reward is None:
            raise ValueError("reward") from InputError(
                "nothing gives rewards",
                field="rl.reward",
                expected="a model, or seconds of a rule, or a stage `reward`",
            )
        return self


def read_posttrain(path: Path) -> tuple[PosttrainScenario, Callable[[InputError], InputError]]:
    """A scenario from its file, and a function that gives a later error the place of its field in that file."""
    document = load(path)
    scenario = validated(PosttrainScenario, document)

    def locate(error: InputError) -> InputError:
        return error.at(place=place_of(document, error.field))

    return scenario, locate

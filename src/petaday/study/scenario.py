"""The scenario file: what a user writes down. Strict: unknown keys and wrong units are errors with a place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from petaday.catalog.model import Model
from petaday.catalog.strict_yaml import Document, load
from petaday.catalog.validate import Quant, Strict, told, validated
from petaday.errors import InputError, Place
from petaday.study.cost_scenario import Cost
from petaday.study.reliability_scenario import Reliability
from petaday.study.scenario_types import Bandwidth, Bytes, Chips, Dtype, Name, Ratio, Time, Tokens, Whole, WholeTokens
from petaday.study.site_scenario import Site
from petaday.study.supply_scenario import Supply
from petaday.training.job import OPTIMIZERS
from petaday.training.plan import COLUMNS, DTYPE_BYTES
from petaday.units import Kind


class Stretch(Strict):
    """A stretch of training in one dtype: its share of the tokens."""

    dtype: Dtype
    share: Ratio


LARGEST_ROUNDING = 0.05
"""A batch given in tokens moves by at most this share to divide well: `8M tokens` may mean 2^23."""


def divisible_batch(sequences: float) -> int:
    """The whole number within LARGEST_ROUNDING of `sequences` that has most factors of two, the nearest of those."""
    power = 1
    rounded = round(sequences)
    while power <= sequences * (1 + LARGEST_ROUNDING):
        candidate = round(sequences / power) * power
        if candidate and abs(candidate / sequences - 1) <= LARGEST_ROUNDING:
            rounded = candidate
        power *= 2
    return rounded


class Train(Strict):
    """What is trained.

    Give the batch as `global_batch` (sequences) or as `global_batch_tokens`. With `lora_rank` the model's weights are
    frozen, and adapters of that rank beside the attention projections are trained (Hu et al. 2021, arXiv:2106.09685).
    """

    model: Name | Model  # a catalog id or alias, the path of a Hugging Face config.json, or the dimensions
    tokens: Tokens
    sequence_length: WholeTokens
    global_batch: Whole | None = None
    global_batch_tokens: Tokens | None = None
    precision: Dtype | tuple[Stretch, ...] = "bf16"
    optimizer: Literal["adam", "adamw", "muon", "sgd-momentum", "sgd"] = "adam"
    software: Name = "megatron-core-2024"
    lora_rank: Whole | None = None
    expert_imbalance: Annotated[float, Quant(Kind.RATIO), Field(ge=1)] = 1.1

    @model_validator(mode="after")
    def _one_batch(self) -> Self:
        if (self.global_batch is None) == (self.global_batch_tokens is None):
            raise ValueError("give one of global_batch (sequences) and global_batch_tokens")
        if self.sequences < 1:
            raise ValueError(f"global_batch_tokens: less than one sequence of {self.sequence_length} tokens")
        if isinstance(self.precision, tuple):
            total = sum(stretch.share for stretch in self.precision)
            if not self.precision or abs(total - 1) > 1e-6:
                wrong = InputError(
                    f"the shares add up to {total:.4g}", field="train.precision", expected="a sum of 1"
                )
                raise ValueError("shares") from wrong
        return self

    @property
    def sequences(self) -> int:
        """Sequences of a step. A batch in tokens is a round number: it moves to whole sequences that divide well."""
        if self.global_batch is not None:
            return self.global_batch
        return divisible_batch((self.global_batch_tokens or 0) / self.sequence_length)

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """The precision schedule, one stretch where a single dtype was given."""
        return (Stretch(dtype=self.precision, share=1.0),) if isinstance(self.precision, str) else self.precision


assert set(OPTIMIZERS) == set(Train.model_fields["optimizer"].annotation.__args__)  # type: ignore[union-attr]


class WhatIfChip(Strict):
    """A catalog chip with some figures replaced: `{like: h100-sxm-80, memory_capacity: 96 GB}`.

    Peaks are dense and carry their dtype in the key; a sparse peak is an error that says so.
    """

    like: Name
    peak: dict[Dtype, str] = Field(default_factory=dict)
    memory_capacity: Bytes | None = None
    memory_bandwidth: Bandwidth | None = None
    scale_up_bandwidth: Bandwidth | None = None


class WhatIfNetwork(Strict):
    """A scale-out network by its figures; what is left out comes from the chip's usual network."""

    bandwidth: Bandwidth
    latency: Time | None = None
    efficiency: Ratio | None = None


class Cluster(Strict):
    """Where it is trained. `chips: auto` asks for the fewest chips that meet the deadline."""

    chip: Name | WhatIfChip
    chips: Literal["auto"] | Chips
    deadline: Time | None = None
    scale_up_domain: Chips | None = None
    network: Name | WhatIfNetwork | None = None
    routing: Literal["ecmp", "spray", "adaptive"] | None = None
    paths: Annotated[int, Field(ge=1)] | None = None
    memory_reserve: Bytes | None = None
    host_bandwidth: Bandwidth | None = None

    @model_validator(mode="after")
    def _paths_for_ecmp(self) -> Self:
        if self.paths is not None and self.routing != "ecmp":
            raise ValueError("paths: only `routing: ecmp` hashes flows over a number of paths")
        return self

    @model_validator(mode="after")
    def _deadline_for_auto(self) -> Self:
        if self.chips == "auto" and self.deadline is None:
            told_apart = InputError(
                "`chips: auto` needs a deadline", field="cluster.deadline", expected="one such as `deadline: 30 days`"
            )
            raise ValueError("no deadline") from told_apart
        return self


def _plan_value(name: str) -> BeforeValidator:
    def value(written: object) -> int:
        if name.endswith("_bytes") and isinstance(written, str) and written in DTYPE_BYTES:
            return DTYPE_BYTES[written]
        return COLUMNS[name].value(written, f"plan.{name}")

    return BeforeValidator(told(value))


class PlanColumns(Strict):
    """Plan columns that the user holds fixed; the search chooses the rest."""

    tp: Annotated[int, _plan_value("tp")] | None = None
    cp: Annotated[int, _plan_value("cp")] | None = None
    pp: Annotated[int, _plan_value("pp")] | None = None
    vpp: Annotated[int, _plan_value("vpp")] | None = None
    dp: Annotated[int, _plan_value("dp")] | None = None
    ep: Annotated[int, _plan_value("ep")] | None = None
    etp: Annotated[int, _plan_value("etp")] | None = None
    zero: Annotated[int, _plan_value("zero")] | None = None
    shard: Annotated[int, _plan_value("shard")] | None = None
    micro_batch: Annotated[int, _plan_value("micro_batch")] | None = None
    recompute: Annotated[int, _plan_value("recompute")] | None = None
    recompute_layers: Annotated[int, _plan_value("recompute_layers")] | None = None
    sequence_parallel: Annotated[int, _plan_value("sequence_parallel")] | None = None
    schedule: Annotated[int, _plan_value("schedule")] | None = None
    first_layers: Annotated[int, _plan_value("first_layers")] | None = None
    last_layers: Annotated[int, _plan_value("last_layers")] | None = None
    tp_overlap: Annotated[int, _plan_value("tp_overlap")] | None = None
    dp_overlap: Annotated[int, _plan_value("dp_overlap")] | None = None
    weight_bytes: Annotated[int, _plan_value("weight_bytes")] | None = None
    grad_bytes: Annotated[int, _plan_value("grad_bytes")] | None = None
    moment_bytes: Annotated[int, _plan_value("moment_bytes")] | None = None
    optimizer_offload: Annotated[int, _plan_value("optimizer_offload")] | None = None
    activation_offload: Annotated[int, _plan_value("activation_offload")] | None = None

    def given(self) -> dict[str, int]:
        """The columns that the user fixed."""
        return {name: value for name in COLUMNS if (value := getattr(self, name)) is not None}


assert tuple(PlanColumns.model_fields) == tuple(COLUMNS)


class Scenario(Strict):
    """A training run to plan."""

    name: str = ""
    train: Train
    cluster: Cluster
    plan: PlanColumns = Field(default_factory=PlanColumns)
    site: Site | None = None
    supply: Supply | None = None
    cost: Cost | None = None
    reliability: Reliability | None = None


def read_scenario(path: Path) -> tuple[Scenario, Callable[[InputError], InputError]]:
    """A training scenario from its file, see `read_as`."""
    return read_as(Scenario, path)


S = TypeVar("S", bound=Strict)


def read_as(kind: type[S], path: Path) -> tuple[S, Callable[[InputError], InputError]]:
    """A scenario from its file, and a function that gives a later error the place of its field in that file."""
    document = load(path)
    scenario = validated(kind, document)

    def locate(error: InputError) -> InputError:
        inside = error.field.split(".")[0] in kind.model_fields
        return error.at(place=place_of(document, error.field)) if inside else error

    return scenario, locate


def place_of(document: Document, field: str) -> Place:
    """Where a dotted field stands, or the nearest part of it that the file has."""
    steps: tuple[Any, ...] = tuple(field.split(".")) if field else ()
    while steps and steps not in document.places:
        steps = steps[:-1]
    return document.places.get(steps) or Place(document.file)

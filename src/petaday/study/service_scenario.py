"""The scenario of a service: a model behind an engine on pools of chips, who asks for what, and what is promised."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from petaday.catalog.kernels import FORMATS
from petaday.catalog.model import Model
from petaday.catalog.validate import Quant, Strict
from petaday.errors import InputError
from petaday.study.scenario import WhatIfChip, read_as
from petaday.study.scenario_types import Bytes, Chips, Name, Ratio, Time, Whole, WholeTokens
from petaday.units import Kind

Format = Literal[
    "bf16", "fp8", "fp8-block", "nvfp4", "int8-int8", "int8-weights", "int4-weights", "mxfp4-weights", "mxfp4-mxfp8"
]
Money = Annotated[float, Quant(Kind.MONEY), Field(ge=0)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Number = Annotated[float, Field(gt=0, le=1e12)]
Rate = Annotated[float, Field(gt=0, le=1e9)]

assert set(Format.__args__) <= set(FORMATS)  # type: ignore[attr-defined]


class Sizes(Strict):
    """Parallel sizes of a replica (`serving.layout.Layout`)."""

    tp: Count = 1
    pp: Count = 1
    ep: Count = 1
    dp: Count = 1


class Formats(Strict):
    """Formats of the weights by kind; what is left out is as `ffn`."""

    ffn: Format
    projections: Format | None = None
    experts: Format | None = None


class Drafts(Strict):
    """Speculative decoding (`serving.speculation.Speculation`)."""

    drafted: Annotated[int, Field(ge=1, le=16)]
    accepted: Ratio
    layers: Annotated[float, Field(ge=0, le=200)] = 1.0


class Served(Strict):
    """What serves: the model, its formats, the engine and its features. Pools may differ in engine and formats."""

    model: Name | Model
    engine: Name = "vllm-0.15"
    precision: Format | Formats = "bf16"
    cache: Literal["16 bit", "8 bit"] = "16 bit"
    prefix_cache: bool = False
    speculation: Drafts | None = None
    preemption: Literal["recompute", "swap"] = "recompute"
    host_bandwidth: Annotated[float, Quant(Kind.BANDWIDTH), Field(gt=0)] | None = None
    router: Literal["round-robin", "least-loaded", "prefix-aware"] = "least-loaded"


class Autoscaler(Strict):
    """More replicas when each has more than `outstanding` requests, fewer after `hold` of less."""

    least: Count
    most: Count
    outstanding: Number
    start_delay: Time
    hold: Time


class PoolOf(Strict):
    """Like replicas on like chips. `chips: auto` asks for the fewest that meet the objectives; several such pools are
    alternatives.

    sequences, chunk: most of a replica, and tokens of an iteration, by default the engine's
    price: of a chip for an hour
    """

    name: str = ""
    chip: Name | WhatIfChip
    chips: Literal["auto"] | Chips
    role: Literal["both", "prefill", "decode"] = "both"
    layout: Literal["auto"] | Sizes = "auto"
    engine: Name | None = None
    precision: Format | Formats | None = None
    sequences: Whole | None = None
    chunk: WholeTokens | None = None
    memory_reserve: Bytes | None = None
    price: Money | None = None
    scaling: Autoscaler | None = None


class LengthRange(Strict):
    """Lognormal lengths: mean and spread of the logarithm, cut to a range."""

    mean: Annotated[float, Quant(Kind.TOKENS), Field(ge=1)]
    sigma: Annotated[float, Field(ge=0, le=3)] = 0.0
    lowest: WholeTokens = 1
    highest: WholeTokens = 1_000_000


class OwnLengths(Strict):
    """Tokens of prompts and outputs, and the rank correlation of the two."""

    prompt: WholeTokens | LengthRange
    output: WholeTokens | LengthRange
    correlation: Annotated[float, Field(ge=-1, le=1)] = 0.0


class Users(Strict):
    """Who asks: how many, the share active on a day and what these ask; the top tenth makes `top_tenth` of the requests."""

    count: Number
    active: Ratio
    requests: Number
    top_tenth: Annotated[float, Quant(Kind.RATIO), Field(gt=0.1, lt=1)] | None = None


class Daily(Strict):
    """A day's cycle: a cosine whose peak is so many times its trough, at an hour of the day."""

    peak_to_trough: Annotated[float, Field(ge=1, le=1000)]
    peak_hour: Annotated[float, Field(ge=0, le=24)] = 15.0


class CrowdAt(Strict):
    """A flash crowd: from `start` the rate grows to `factor` times its own within `ramp`, holds, and decays."""

    start: Annotated[float, Quant(Kind.TIME), Field(ge=0)]
    factor: Annotated[float, Field(ge=1, le=1e4)]
    ramp: Annotated[float, Quant(Kind.TIME), Field(ge=0)]
    hold: Annotated[float, Quant(Kind.TIME), Field(ge=0)]
    decay: Annotated[float, Quant(Kind.TIME), Field(ge=0)]


class Asked(Strict):
    """What is asked: a recorded trace, or requests drawn by laws: a mean rate or users, lengths, bursts, day, crowds.

    lengths: a law of the catalog (`azure-conv`) or one's own; variation: of the gaps (1: Poisson); hour: of the start
    """

    trace: Name | None = None
    speed: Rate = 1.0
    requests_per_second: Rate | None = None
    users: Users | None = None
    lengths: Name | OwnLengths | None = None
    variation: Annotated[float, Field(gt=0, le=20)] = 1.0
    daily: Daily | None = None
    hour: Annotated[float, Field(ge=0, lt=24)] = 0.0
    crowds: tuple[CrowdAt, ...] = ()
    duration: Time = 3600.0
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("trace", "requests_per_second", "users") if getattr(self, name) is not None]
        if len(given) != 1:
            told = InputError(
                f"{' and '.join(given) or 'nothing'} says how many requests come",
                field="demand",
                expected="one of trace, requests_per_second and users",
            )
            raise ValueError("demand") from told
        if (self.trace is None) == (self.lengths is None):
            told = InputError(
                "a trace has lengths of its own" if self.trace else "no lengths of prompts and outputs",
                field="demand.lengths",
                expected="none beside a trace"
                if self.trace
                else "a law of the catalog such as azure-conv, or your own",
            )
            raise ValueError("lengths") from told
        return self


class Objectives(Strict):
    """Service levels: the share of requests that must be served within the times. What is left out is no limit."""

    ttft: Time | None = None
    tpot: Time | None = None
    e2e: Time | None = None
    share: Ratio = 0.99
    rejected: Annotated[float, Quant(Kind.RATIO), Field(ge=0, le=1)] = 0.0


class Allowance(Strict):
    """Requests that each user of a tier may make in a time, and how many of them at once (a token bucket)."""

    requests: Number
    every: Time
    burst: Number | None = None


class Retry(Strict):
    """What refused users do: the share that comes again, how often, and after how long at first; it doubles each time."""

    times: Annotated[int, Field(ge=1, le=20)]
    share: Ratio = 1.0
    delay: Time


class TierOf(Strict):
    """A tier of users, the most important first. share: of the users; queue: requests waiting at a replica at which it is
    refused; patience: seconds that its users wait for a start."""

    name: Name
    share: Ratio
    queue: Annotated[int, Field(ge=1)] | None = None
    patience: Time | None = None
    limit: Allowance | None = None
    retry: Retry | None = None


class ServiceScenario(Strict):
    """A service to plan."""

    name: str = ""
    serve: Served
    pools: Annotated[tuple[PoolOf, ...], Field(min_length=1)]
    demand: Asked
    objectives: Objectives = Field(default_factory=Objectives)
    tiers: tuple[TierOf, ...] = ()
    minimise: Literal["chips", "cost", "energy"] = "chips"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        roles = {pool.role for pool in self.pools}
        if ("prefill" in roles) != ("decode" in roles) and "both" not in roles:
            missing = "decode" if "prefill" in roles else "prefill"
            told = InputError(f"no pool has the role {missing}", field="pools", expected="one beside the other")
            raise ValueError("roles") from told
        sized = [pool for pool in self.pools if pool.chips == "auto"]
        if sized and (len(sized) < len(self.pools) or roles != {"both"} or any(pool.scaling for pool in sized)):
            told = InputError(
                "`chips: auto` beside other pools, roles or scaling",
                field="pools",
                expected="`auto` for every pool, as alternatives of which the best is chosen, or for none",
            )
            raise ValueError("auto") from told
        if self.tiers and abs(sum(tier.share for tier in self.tiers) - 1) > 1e-6:
            told = InputError("the shares of the tiers do not add up", field="tiers", expected="a sum of 1")
            raise ValueError("tiers") from told
        return self


def read_service(path: Path) -> tuple[ServiceScenario, Callable[[InputError], InputError]]:
    """A service's scenario from its file, see `scenario.read_as`."""
    return read_as(ServiceScenario, path)

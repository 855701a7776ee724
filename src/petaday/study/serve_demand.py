"""What a service is asked for: a trace from a file or drawn by the scenario's laws, and its mean lengths and rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from petaday.catalog import load
from petaday.errors import InputError
from petaday.serving.arrivals import STEADY, Crowd, Rate, cosine, cumulated
from petaday.serving.capacity import Load
from petaday.serving.demand import ServiceDemand, Users, generate, spread_of
from petaday.serving.lengths import Fixed, Law, Lengths, Lognormal, measured
from petaday.serving.requests import Trace
from petaday.study.parts import named
from petaday.study.serve_parts import Notes
from petaday.study.service_scenario import Asked, LengthRange, OwnLengths, ServiceScenario
from petaday.study.traces import open_trace

TOP_TENTH = 0.5
"""Share of the requests that the most active tenth of the users makes: a round number for services with a free tier."""


@dataclass(frozen=True)
class Workload:
    """The requests, and of them: mean lengths, mean and highest rate in requests a second, seconds from first to last.

    chain: users to tokens, where the scenario gives users
    """

    trace: Trace
    load: Load
    mean_rate: float
    peak_rate: float
    seconds: float
    chain: ServiceDemand | None = None


def workload_of(scenario: ServiceScenario, folder: Path, longest: int | None, notes: Notes) -> Workload:
    """The requests of a scenario. Raises InputError with the scenario's field, or with the trace's line."""
    asked = scenario.demand
    if asked.trace is not None:
        return _recorded(scenario, folder / asked.trace, longest, notes)
    if asked.speed != 1.0:
        notes.unused["demand.speed"] = "only a trace is sped up"
    lengths = _lengths(asked)
    daily = cosine(asked.daily.peak_to_trough, asked.daily.peak_hour) if asked.daily else STEADY
    if asked.daily is None and asked.hour:
        notes.unused["demand.hour"] = "without a daily cycle every hour is alike"
    chain = None
    if asked.users is not None:
        prompt, output = lengths.prompt.mean, lengths.output.mean
        users = asked.users
        chain = ServiceDemand(users.count, users.active, users.requests, prompt, output, daily)
    mean = chain.mean_rate if chain else asked.requests_per_second
    assert mean is not None
    crowds = tuple(Crowd(each.start, each.factor, each.ramp, each.hold, each.decay) for each in asked.crowds)
    rate = Rate(mean, daily, crowds, asked.hour)
    who = _users(scenario, notes)
    trace = generate(rate, asked.duration, lengths, variation=asked.variation, seed=asked.seed, users=who)
    expected = cumulated(rate, asked.duration)
    return Workload(
        trace=trace,
        load=Load(float(lengths.prompt.mean), float(lengths.output.mean)),
        mean_rate=expected.total / asked.duration,
        peak_rate=expected.peak,
        seconds=asked.duration,
        chain=chain,
    )


def _recorded(scenario: ServiceScenario, path: Path, longest: int | None, notes: Notes) -> Workload:
    """A trace from a file; its first chunk tells lengths, and its rate by minutes."""
    asked = scenario.demand
    for name in ("variation", "daily", "hour", "crowds", "duration", "seed"):
        if name in asked.model_fields_set:
            notes.unused[f"demand.{name}"] = "a trace has its own times"
    tiers = [tier.name for tier in scenario.tiers]
    try:
        trace = open_trace(path, speed=asked.speed, longest=longest, tiers=tiers)
    except InputError as error:
        raise error.at(field="demand.trace") from None
    first = next(iter(trace.chunks))
    seconds = max(float(first.arrival[-1]), 1.0)
    by_minute = np.bincount((first.arrival / min(60.0, seconds)).astype(np.int64))
    return Workload(
        trace=trace,
        load=Load(float(first.prompt.mean()), float(first.output.mean())),
        mean_rate=len(first.arrival) / seconds,
        peak_rate=float(by_minute.max() / min(60.0, seconds)),
        seconds=seconds,
    )


def _lengths(asked: Asked) -> Lengths:
    if isinstance(asked.lengths, str):
        return measured(named("demand.lengths", load.lengths, asked.lengths))
    own = asked.lengths
    assert isinstance(own, OwnLengths)
    return Lengths(_law(own.prompt, "prompt"), _law(own.output, "output"), own.correlation)


def _law(written: int | LengthRange, name: str) -> Law:
    if isinstance(written, int):
        return Fixed(written)
    if written.sigma == 0:
        return Fixed(round(written.mean))
    try:
        return Lognormal.of_mean(written.mean, written.sigma, written.lowest, written.highest)
    except InputError as error:
        error.field = f"demand.lengths.{name}"
        raise


def _users(scenario: ServiceScenario, notes: Notes) -> Users | None:
    """Who asks, where something depends on it: tiers, and limits of each user."""
    tiers, asked = scenario.tiers, scenario.demand
    if not tiers:
        if asked.users is not None and asked.users.top_tenth is not None:
            notes.unused["demand.users.top_tenth"] = "without tiers nothing depends on who asks"
        return None
    if asked.users is None:
        notes.assume(
            "demand.users", "1,000,000 equally active", "only a scenario's users have numbers", estimate=True
        )
        return Users(1_000_000, 0.0, tuple(tier.share for tier in tiers))
    top = asked.users.top_tenth
    if top is None:
        top = TOP_TENTH
        notes.assume("demand.users.top_tenth", f"{top:.0%}", "a round number", estimate=True)
    count = math.ceil(asked.users.count * asked.users.active)
    return Users(count, spread_of(0.1, top), tuple(tier.share for tier in tiers))

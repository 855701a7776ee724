"""A service planned: layouts and replicas of its pools, and the simulation of what is asked of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from petaday.serving.law import iteration_laws
from petaday.serving.layout import Layout
from petaday.serving.layouts import legal_layouts
from petaday.serving.memory import Memory, memory
from petaday.serving.simulate.outcome import Ledger, Limits, Outcome
from petaday.serving.simulate.run import NEVER, compiled_before, simulate
from petaday.serving.simulate.service import Pool, Scaling, Service, Tier
from petaday.study.parts import Assumption
from petaday.study.serve_demand import Workload, workload_of
from petaday.study.serve_parts import Notes, Stack, host_bandwidth, stacks_of
from petaday.study.service_scenario import ServiceScenario, Sizes, TierOf
from petaday.study.unfit import Unfit

INTERVALS = 200
"""Points of a result's curves over time."""

MOST_CHUNK = 131_072
"""Tokens of a replica's iteration beyond which its table stops: wide expert-parallel replicas do not fill more."""

Tell = Callable[[str, int], None]


@dataclass(frozen=True)
class Chosen:
    """A pool as planned. layout: numbers; memory: bytes of a chip; pool: one replica as the simulator takes it"""

    stack: Stack
    layout: Layout
    replicas: int
    memory: Memory
    pool: Pool

    @property
    def started(self) -> int:
        """Replicas at the start."""
        spec = self.stack.spec.scaling
        return spec.least if spec else self.replicas

    @property
    def chips(self) -> int:
        """Chips of the pool; of one that scales, the most."""
        spec = self.stack.spec.scaling
        return int(self.layout.chips) * (spec.most if spec else self.replicas)


@dataclass(frozen=True)
class Plan:
    """A service's answer: pools with a simulation, or why there is none."""

    scenario: ServiceScenario
    workload: Workload
    chosen: tuple[Chosen, ...]
    outcome: Outcome | None
    infeasible: Unfit | None
    notes: Notes
    trials: int = 1

    @property
    def assumptions(self) -> list[Assumption]:
        """What the scenario left open."""
        return self.notes.assumptions

    @property
    def attained(self) -> float:
        """Share of all requests that were served within the limits."""
        assert self.outcome is not None
        return float(self.outcome.ledger.good.sum() / max(self.outcome.taken, 1))

    @property
    def refused(self) -> float:
        """Share of all requests that were not served."""
        assert self.outcome is not None
        return 1 - float(self.outcome.ledger.outcomes[:, 0].sum() / max(self.outcome.taken, 1))

    @property
    def meets(self) -> bool:
        """Whether the objectives are met."""
        wanted = self.scenario.objectives
        assert self.outcome is not None
        return not self.outcome.stopped and self.attained >= wanted.share and self.refused <= wanted.rejected


@dataclass(frozen=True)
class Asking:
    """A scenario joined with its parts: what every trial of a plan shares."""

    scenario: ServiceScenario
    stacks: list[Stack]
    workload: Workload
    notes: Notes
    swap_bandwidth: float


def join(scenario: ServiceScenario, folder: Path, *, allow_unverified: bool = False) -> Asking:
    """Look up the parts, open or draw the trace. Raises InputError with the scenario's field."""
    notes = Notes()
    stacks = stacks_of(scenario, folder, allow_unverified, notes)
    context = stacks[0].engine.model.context
    if not context:
        notes.assume(
            "serve.model.context", "any", f"the catalog knows no longest context of {stacks[0].engine.model.id}"
        )
    workload = workload_of(scenario, folder, context or None, notes)
    if scenario.serve.prefix_cache and not workload.trace.block_tokens:
        notes.unused["serve.prefix_cache"] = "the requests have no blocks that tell equal prefixes"
    if scenario.serve.router == "prefix-aware" and not workload.trace.block_tokens:
        notes.unused["serve.router"] = (
            "without blocks of prompts no replica knows a prefix; it goes by waiting prompts"
        )
    return Asking(scenario, stacks, workload, notes, host_bandwidth(scenario.serve, notes))


def service_of(asking: Asking, chosen: list[Chosen]) -> Service:
    """The service as the simulator takes it."""
    scenario = asking.scenario
    blocks = asking.workload.trace.block_tokens if scenario.serve.prefix_cache else 0
    return Service(
        pools=tuple(replace(each.pool, replicas=each.started) for each in chosen),
        tiers=tuple(_tier(tier) for tier in scenario.tiers) or (Tier(),),
        router=scenario.serve.router,
        prefix_tokens=blocks,
        seed=scenario.demand.seed,
    )


def _tier(written: TierOf) -> Tier:
    limit, retry = written.limit, written.retry
    return Tier(
        name=written.name,
        queue=written.queue or math.inf,
        patience=written.patience or math.inf,
        rate=limit.requests / limit.every if limit else math.inf,
        burst=(limit.burst or limit.requests) if limit else 1.0,
        retries=retry.times if retry else 0,
        retry_share=retry.share if retry else 1.0,
        retry_delay=retry.delay if retry else 1.0,
    )


def _pool(asking: Asking, stack: Stack, layout: Layout) -> Pool:
    """One replica of a layout; its tables take longer to make than a short simulation, and serve any number of replicas."""
    spec, alone = stack.spec, column(layout)
    chunk = min(int(stack.chunk * layout.dp * layout.pp), MOST_CHUNK)
    sequences = int(stack.running * layout.dp)
    laws = iteration_laws(
        stack.engine,
        layout,
        chunk=chunk,
        sequences=sequences,
        speculation=stack.speculation,
        board_watts=stack.board_watts or 0.0,
        draws=stack.draws,
    )
    scaling = spec.scaling
    network = stack.engine.network
    return Pool(
        seconds=laws.seconds,
        joules=laws.joules,
        most_watts=stack.most_watts * float(layout.chips),
        replicas=1,
        sequences=sequences,
        chunk=chunk,
        room=float(stack.room(alone)[0]),
        role=spec.role,
        mixed=stack.profile.mixes,
        stages=int(layout.pp),
        answer=stack.answer,
        speculation=stack.speculation,
        # Requests a second as full as it gets: what pools of different chips are weighed by.
        weight=float(stack.points(alone, asking.workload.load).rate.max(initial=1e-9)),
        move_start=network.scale_out_latency,
        move=stack.cached_token(layout) / (network.out * float(layout.chips)),
        swap=float(stack.cached_token(layout) / layout.chips / asking.swap_bandwidth)
        if asking.swap_bandwidth
        else 0.0,
        scaling=Scaling(scaling.least, scaling.most, scaling.outstanding, scaling.start_delay, scaling.hold)
        if scaling
        else None,
    )


def column(layout: Layout) -> Layout:
    """A layout of numbers as columns of one row."""
    return Layout(*(np.atleast_1d(np.asarray(size, dtype=float)) for size in layout))


def chosen_of(asking: Asking, stack: Stack, layout: Layout, replicas: int) -> Chosen:
    """A pool with a layout of numbers."""
    alone = column(layout)
    tokens = np.full(1, float(stack.chunk))
    held = Memory(*(part[0] for part in memory(stack.engine, alone, tokens)))
    return Chosen(stack, layout, replicas, held, _pool(asking, stack, layout))


def layouts_of(stack: Stack, chips: int) -> Layout:
    """The layouts that the scenario allows a pool: its own, or every legal one."""
    sizes = stack.spec.layout
    if isinstance(sizes, Sizes):
        return Layout(*(np.array([float(getattr(sizes, name))]) for name in Layout._fields))
    return legal_layouts(stack.engine.model, chips, stack.engine.network.domain)


def run(asking: Asking, chosen: list[Chosen], *, curves: bool = False, tell: Tell | None = None) -> Plan:
    """Simulate a choice of pools. curves: whether to keep queues and latencies over time"""
    scenario, workload = asking.scenario, asking.workload
    told = tell or (lambda _what, _count: None)
    if not compiled_before():
        told("compiling the simulator, once on this machine", 0)
    wanted = scenario.objectives
    interval = workload.seconds / INTERVALS if curves else math.inf
    ledger = Ledger(
        tiers=max(len(scenario.tiers), 1),
        limits=Limits(wanted.ttft or math.inf, wanted.tpot or math.inf, wanted.e2e or math.inf),
        interval=interval,
    )
    service = service_of(asking, chosen)
    patience = max([1.0, *(tier.patience for tier in service.tiers if tier.patience < math.inf)])
    outcome = simulate(
        service,
        workload.trace,
        ledger,
        sample_every=interval if curves else NEVER,
        drain=max(3600.0, 10 * patience),
        tell=lambda count: told("simulating", count),
    )
    return Plan(scenario, workload, tuple(chosen), outcome, None, asking.notes)


def with_replicas(chosen: Chosen, replicas: int) -> Chosen:
    """The same pool with another number of replicas."""
    return replace(chosen, replicas=replicas)

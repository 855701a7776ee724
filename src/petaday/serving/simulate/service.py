"""A service to simulate: pools of replicas, tiers of users, a router."""

from __future__ import annotations

import math
from dataclasses import dataclass

from petaday.serving.law import IterationLaw
from petaday.serving.speculation import PLAIN, Speculation


@dataclass(frozen=True)
class Scaling:
    """An autoscaler: between `least` and `most` replicas, so many that each has about `outstanding` requests.

    start_delay: seconds until a new replica serves; hold: seconds of low load before one is let go
    """

    least: int
    most: int
    outstanding: float
    start_delay: float
    hold: float


@dataclass(frozen=True)
class Pool:
    """Like replicas.

    seconds, joules: laws of an iteration; joules beside what boards draw while they wait; most_watts: the most that
    work adds to that
    role: both, prefill or decode; mixed: prompts and decodes share iterations
    stages: of a pipeline, whose batches in flight wait for the one with a prompt
    sequences, chunk: the most of a replica and the most tokens of an iteration; room: tokens of its cache
    weight: relative speed, for routing; move_start, move: seconds to hand a request's cache on, and those of a token
    answer: seconds of a request outside the iterations, before its first token is seen
    swap: seconds of a token to or from the host's memory, 0 where preempted requests are computed again
    """

    seconds: IterationLaw
    joules: IterationLaw
    replicas: int
    sequences: int
    chunk: int
    room: float
    most_watts: float = math.inf
    role: str = "both"
    mixed: bool = True
    stages: int = 1
    speculation: Speculation = PLAIN
    weight: float = 1.0
    move_start: float = 0.0
    move: float = 0.0
    swap: float = 0.0
    answer: float = 0.0
    scaling: Scaling | None = None

    @property
    def most(self) -> int:
        """The most replicas that it may have."""
        return self.scaling.most if self.scaling else self.replicas


@dataclass(frozen=True)
class Tier:
    """What some users may do; the first tier of a service goes first.

    queue: requests waiting at a replica at which this tier is refused; patience: seconds until a user gives up waiting
    rate, burst: requests a second, and at once, of each user (a token bucket)
    retries, retry_share, retry_delay: how often a refused request comes again, the share that does so each time, and
    after how long at first: the delay doubles, and is spread by a half to both sides
    """

    name: str = "all"
    queue: float = math.inf
    patience: float = math.inf
    rate: float = math.inf
    burst: float = 1.0
    retries: int = 0
    retry_share: float = 1.0
    retry_delay: float = 1.0


@dataclass(frozen=True)
class Service:
    """Pools, tiers and the rules between them.

    router: round-robin, least-loaded or prefix-aware; prefix_tokens: of a block of the prefix cache, 0 without one
    loop: requests under way in a closed loop, 0 for a trace's own times; scale_every: seconds between decisions
    """

    pools: tuple[Pool, ...]
    tiers: tuple[Tier, ...] = (Tier(),)
    router: str = "least-loaded"
    prefix_tokens: int = 0
    loop: int = 0
    scale_every: float = 15.0
    seed: int = 0

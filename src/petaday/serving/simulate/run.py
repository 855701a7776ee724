"""Run a service on a trace: the compiled loop, fed a chunk of requests at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from petaday.serving.requests import Requests, Trace, requests
from petaday.serving.simulate import state
from petaday.serving.simulate.build import NEVER as NEVER
from petaday.serving.simulate.build import build, grown, with_users
from petaday.serving.simulate.outcome import Ledger, Outcome
from petaday.serving.simulate.service import Service
from petaday.serving.simulate.state import Records, World

MOST_EVENTS = 300_000_000
"""Events after which a simulation stops and says so: some minutes of one core, a month of a million users."""


def simulate(
    service: Service,
    trace: Trace,
    ledger: Ledger,
    *,
    sample_every: float = NEVER,
    most_events: int = MOST_EVENTS,
    drain: float = math.inf,
    tell: Callable[[int], None] = lambda _count: None,
) -> Outcome:
    """Simulate a trace to its end and until all requests have left.

    ledger: takes the requests that end; sample_every: seconds between samples of queues
    most_events, drain: stop after so many events, or so many seconds after the last arrival: an overload is an answer
    tell: called with the number of requests so far
    """
    from petaday.serving.simulate.loop import advance, close

    world = build(service, sample_every, most_blocks(service))
    samples: list[Records] = []
    first, horizon, reason = 0, math.inf, state.DONE
    for chunk, last in _with_last(trace.chunks):
        position = np.zeros(1, dtype=np.int64)
        world = with_users(world, int(chunk.user.max(initial=-1)))
        if last and len(chunk.arrival):
            horizon = float(chunk.arrival[-1]) + drain
        reason = state.GROW
        while reason in (state.GROW, state.TAKE_SAMPLES):
            reason = advance(world, chunk, first, position, last, most_events, horizon)
            _take(world, ledger, samples)
            if reason == state.GROW:
                world = grown(world)
        first += len(chunk.arrival)
        tell(first)
        if reason == state.STOPPED:
            break
    totals = world.totals[0]
    close(world, totals["now"])
    return Outcome(
        service=service,
        ledger=ledger,
        seconds=float(totals["now"]),
        taken=int(totals["taken"]),
        events=int(totals["events"]),
        stopped=reason == state.STOPPED,
        pools=world.pools,
        samples=np.concatenate(samples),
    )


def compiled_before() -> bool:
    """Whether the loop is on disk in compiled form; the first time takes about 13 s."""
    from petaday.serving.simulate.compile import cached

    return cached()


def most_blocks(service: Service) -> int:
    """Blocks of the longest prompt that any of the service's caches holds; 0 without prefix caching."""
    if not service.prefix_tokens:
        return 0
    return math.ceil(max(pool.room for pool in service.pools) / service.prefix_tokens) + 1


def _with_last(chunks: Iterable[Requests]) -> Iterator[tuple[Requests, bool]]:
    """Each chunk, and whether it is the last; one empty chunk where there is none."""
    stream, none = iter(chunks), np.zeros(0, dtype=np.int64)
    before = next(stream, requests(none.astype(np.float64), none, none))
    for chunk in stream:
        yield before, False
        before = chunk
    yield before, True


def _take(world: World, ledger: Ledger, samples: list[Records]) -> None:
    """Take out what ended and what was sampled."""
    totals = world.totals[0]
    ledger.add(world.ended[: totals["ended"]])
    samples.append(world.samples[: totals["samples"]].copy())
    totals["ended"] = totals["samples"] = 0

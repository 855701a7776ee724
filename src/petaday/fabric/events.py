"""Flows that start, share links, finish and meet failures, in time.

Between two events all rates are constant, max-min fair and recomputed at each: a flow starts, flows finish (all that
finish together are one event), a link fails, degrades or comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from petaday.errors import InputError
from petaday.fabric.flow import TIE, Routes, max_min
from petaday.fabric.network import Floats


@dataclass(frozen=True, eq=False)
class Change:
    """At `time` seconds the links have this capacity in B/s; and, after a failover, the rows take these routes."""

    time: float
    capacity: Floats
    routes: Routes | None = None


@dataclass(frozen=True, eq=False)
class Transfer:
    """What became of the flows.

    finish: seconds at which each row's last byte arrived; infinite if a dead link holds it for ever
    carried: bytes that each directed link carried
    """

    finish: Floats
    carried: Floats


def simulate(
    capacity: Floats,
    routes: Routes,
    size_bytes: Floats,
    *,
    start: Floats | None = None,
    weight: Floats | None = None,
    changes: Sequence[Change] = (),
) -> Transfer:
    """Send `size_bytes` along each row from `start` (seconds, 0 by default) and see when each has arrived.

    A row over a dead link waits; what it had sent stays sent. Rates follow max_min at every event.
    """
    begin = np.zeros(routes.rows) if start is None else np.asarray(start, dtype=float)
    left = np.array(size_bytes, dtype=float)
    for name, values in (("start", begin), ("size_bytes", left)):
        if values.shape != (routes.rows,) or not (values >= 0).all():
            raise InputError(f"{name} must be {routes.rows} values", field=name, expected="0 or more, one per flow")
    finish = np.full(routes.rows, np.inf)
    carried = np.zeros(routes.links)
    agenda = sorted(changes, key=lambda change: change.time)
    now = 0.0
    while True:
        while agenda and agenda[0].time <= now:
            change = agenda.pop(0)
            capacity = change.capacity
            routes = change.routes or routes
        waiting = begin[(begin > now) & np.isinf(finish)]
        active = np.flatnonzero((begin <= now) & np.isinf(finish))
        upcoming = min(waiting.min(initial=np.inf), agenda[0].time if agenda else np.inf)
        if not active.size and not waiting.size:
            return Transfer(finish, carried)
        moving = routes.take(active)
        rates = max_min(capacity, moving, weight=None if weight is None else weight[active])
        due = _seconds(left[active], rates)
        soonest = due.min(initial=np.inf)
        step = min(soonest, upcoming - now)
        if np.isinf(step):
            return Transfer(finish, carried)
        done = due <= step * (1 + TIE)
        sent = np.where(done, left[active], np.where(done, 0.0, rates) * step)
        left[active] -= sent
        carried += moving.load(sent)
        now = upcoming if upcoming - now <= soonest else now + step
        finish[active[done]] = now


def _seconds(left: Floats, rates: Floats) -> Floats:
    """Seconds until each row is done: none where nothing is left, for ever where nothing moves."""
    due = np.full(left.shape, np.inf)
    np.divide(left, rates, out=due, where=rates > 0)
    due[left == 0] = 0.0
    return due

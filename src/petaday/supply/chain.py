"""An order of chips month by month: what every line delivers, what binds, and when the order is filled.

Lines of limited capacity deliver parts into stocks; packages take from the stocks what they need, are ready after their
lead time, and are good with a yield. What is started in a month is the least of what the lines and stocks let through.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from petaday.supply.silicon import Floats

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """A part of a package and its line. Arrays have shape (..., T) over months, others (...).

    needed: units in one package, good or bad; capacity: good units that the line can deliver in a month
    lead: months after which a line that starts with the order delivers; stock: units that lie ready
    """

    name: str
    needed: ArrayLike
    capacity: ArrayLike
    lead: ArrayLike
    stock: ArrayLike = 0.0


@dataclass(frozen=True)
class Filled:
    """How an order went. Arrays are (..., T) over months, or (...).

    names: of the parts, then "packaging", "the order", "the export ban": what can limit a month
    arrived: units of each part that its line delivers; used: units that packages take
    before: (...) packages in the making when the order came; packages: started; delivered: good ones that leave
    binding: index in names of what limits the packages of a month
    months: (...) from the start to the last delivery; infinite where the order is not filled within the months given
    """

    names: tuple[str, ...]
    arrived: tuple[Floats, ...]
    used: tuple[Floats, ...]
    before: Floats
    packages: Floats
    delivered: Floats
    binding: Ints
    months: Floats


def fill(
    order: ArrayLike,
    parts: tuple[Part, ...],
    packaging: ArrayLike,
    assembled: ArrayLike,
    lead: ArrayLike,
    exported: ArrayLike = 1.0,
    running: bool = False,
) -> Filled:
    """Fill an order as fast as the lines allow.

    Parameters
    ----------
    order : (...) good packages wanted; may be infinite
    packaging : (..., T) packages the line can start in a month
    assembled : (...) share of packages that are good
    lead : (...) months from the start of a package until it leaves
    exported : (..., T) or a number: share of the packages ready in a month that may be delivered; the others are lost
    running : the lines have made this chip before: they deliver at once, and packages are in the making at the pace of
        the slowest of them in the first month

    Raises
    ------
    ValueError : the shapes do not broadcast
    """
    order, packaging, assembled, lead, exported = (
        np.asarray(each, dtype=float) for each in (order, packaging, assembled, lead, exported)
    )
    needs = [np.asarray(part.needed, dtype=float) for part in parts]
    pace = functools.reduce(
        np.minimum,
        [np.asarray(part.capacity, dtype=float)[..., 0] / need for part, need in zip(parts, needs, strict=True)],
        packaging[..., 0],
    )
    before = np.minimum(lead * pace, order / assembled) if running else np.zeros(pace.shape)
    wanted = order / assembled - before
    possible = [_possible(part, running) for part in parts]
    ready = [
        np.asarray(part.stock, dtype=float)[..., None] + come for part, come in zip(parts, possible, strict=True)
    ]
    exported = np.broadcast_to(exported, (*exported.shape[:-1], packaging.shape[-1]))
    shape = np.broadcast_shapes(
        packaging.shape, exported.shape, *((*each.shape, 1) for each in (wanted, lead, *needs)),
        *(each.shape for each in ready),
    )  # fmt: skip
    made, most, binding = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int64)
    total = np.zeros(shape[:-1])
    # Of ties the order comes first: where it is all started, nothing else holds it up.
    index = np.array([len(parts) + 1, len(parts), *range(len(parts))])
    for month in range(shape[-1]):
        stocked = (each[..., month] / need - total for each, need in zip(ready, needs, strict=True))
        limits = np.stack(
            [np.broadcast_to(each, total.shape) for each in (wanted - total, packaging[..., month], *stocked)]
        )
        limits = np.maximum(limits, 0)
        binding[..., month] = index[np.argmin(limits, axis=0)]
        made[..., month] = limits.min(axis=0)
        most[..., month] = limits[1:].min(axis=0)
        total = total + made[..., month]
    delivered = np.diff(_later(made, lead, before), axis=-1, prepend=0.0) * assembled[..., None] * exported
    return Filled(
        names=(*(part.name for part in parts), "packaging", "the order", "the export ban"),
        arrived=tuple(
            _arrived(come, need * wanted - np.asarray(part.stock, dtype=float))
            for part, need, come in zip(parts, needs, possible, strict=True)
        ),
        used=tuple(need[..., None] * made for need in needs),
        before=before,
        packages=made,
        delivered=delivered,
        binding=np.where(exported <= 0, len(parts) + 2, binding),
        months=_filled_after(made, most, lead, before, pace, delivered.sum(axis=-1) >= order * (1 - 1e-9)),
    )


def _possible(part: Part, running: bool) -> Floats:
    """Units that a line can have delivered by each month's end."""
    capacity = np.asarray(part.capacity, dtype=float)
    lead = np.asarray(0.0 if running else part.lead, dtype=float)
    since = np.arange(1, capacity.shape[-1] + 1) - lead[..., None]
    come: Floats = np.cumsum(capacity * np.clip(since, 0, 1), axis=-1)
    return come


def _arrived(possible: Floats, missing: Floats) -> Floats:
    """Units by month: a line delivers what it can until nothing of the order is missing."""
    come = np.minimum(possible, np.maximum(missing, 0)[..., None])
    arrived: Floats = np.diff(come, axis=-1, prepend=0.0)
    return arrived


def _later(started: Floats, lead: Floats, before: Floats) -> Floats:
    """Units ready by each month's end, of those started evenly in each month and, evenly, in the lead time before.

    started : (..., T); lead, before : (...), of shapes that broadcast to those of `started`
    """
    months = started.shape[-1]
    begun = np.concatenate([np.zeros((*started.shape[:-1], 1)), np.cumsum(started, axis=-1)[..., :-1]], axis=-1)
    ends = np.arange(1, months + 1)
    lead = lead[..., None]
    inside = np.clip(ends - lead, 0, months)
    month = np.minimum(inside.astype(int), months - 1)
    at = np.broadcast_to(month, started.shape)
    through = np.take_along_axis(begun, at, -1) + (inside - month) * np.take_along_axis(started, at, -1)
    passed = np.divide(np.minimum(ends, lead), lead, out=np.zeros(inside.shape), where=lead > 0)
    ready: Floats = through + before[..., None] * passed
    return ready


def _filled_after(made: Floats, most: Floats, lead: Floats, before: Floats, pace: Floats, filled: Floats) -> Floats:
    """Months until the last package of a filled order leaves; infinite for one that is not filled.

    made, most : (..., T) packages started in each month, and what could have been; of the last month the share counts
    lead : (...) months; before, pace : (...) packages in the making at first, and their rate: they alone may be enough
    """
    last = made.shape[-1] - 1 - np.argmax(made[..., ::-1] > 0, axis=-1)
    started, could = (np.take_along_axis(each, last[..., None], -1)[..., 0] for each in (made, most))
    share = np.divide(started, could, out=np.zeros_like(started), where=could > 0)
    waiting = np.divide(before, pace, out=np.zeros_like(before), where=pace > 0)
    return np.where(filled, np.where(started > 0, last + share + lead, waiting), np.inf)

"""Medians of timed calls, after a warm-up."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Protocol

WARM_UP = 3
SAMPLES = 7
LONG_ENOUGH = 2e-3
"""Seconds that one sample lasts at least, so that the clock's resolution does not count."""
MOST_CALLS = 200


class Clock(Protocol):
    """Seconds that some calls take, until their work is done."""

    def __call__(self, call: Callable[[int], object], times: int) -> float:
        """Seconds of `times` calls, back to back; a call is told its number, to take another buffer each time."""
        ...


def median_seconds(call: Callable[[int], object], clock: Clock, *, samples: int = SAMPLES) -> float:
    """Median seconds of one call among back-to-back ones."""
    once = clock(call, WARM_UP) / WARM_UP
    times = min(MOST_CALLS, max(1, round(LONG_ENOUGH / max(once, 1e-9))))
    return median(clock(call, times) / times for _ in range(samples))

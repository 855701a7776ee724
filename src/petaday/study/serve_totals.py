"""What a simulated service made and took: tokens, chip-time, dollars, joules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.study.serve import Plan


@dataclass(frozen=True)
class Totals:
    """Of the whole simulation. prompt, output, cached: tokens of the requests served; chip_seconds: paid for
    dollars, joules: None where a pool's price or power is unknown; busy: share of the chip-time in iterations
    """

    seconds: float
    requests: int
    prompt: int
    output: int
    cached: int
    chip_seconds: float
    dollars: float | None
    joules: float | None
    busy: float


def totals_of(plan: Plan) -> Totals:
    """The totals of a plan with a simulation."""
    outcome = plan.outcome
    assert outcome is not None
    chips = np.array([float(each.layout.chips) for each in plan.chosen])
    paid = outcome.pools["on_time"] * chips
    prices = [each.stack.price for each in plan.chosen]
    powers = [each.stack.idle_watts for each in plan.chosen]
    prompt, output, cached = (int(count) for count in outcome.ledger.tokens.sum(axis=0))
    dollars = joules = None
    if None not in prices:
        dollars = float(paid @ np.array(prices, dtype=float))
    if None not in powers:
        joules = float(paid @ np.array(powers, dtype=float) + outcome.pools["joules"].sum())
    busy = float((outcome.pools["busy"] * chips).sum() / paid.sum()) if paid.sum() else 0.0
    return Totals(
        seconds=outcome.seconds,
        requests=outcome.taken,
        prompt=prompt,
        output=output,
        cached=cached,
        chip_seconds=float(paid.sum()),
        dollars=dollars,
        joules=joules,
        busy=busy,
    )

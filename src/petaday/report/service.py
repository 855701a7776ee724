"""A planned service as plain data; keys are stable and carry their unit."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np

from petaday.catalog import load
from petaday.report.data import SCHEMA_VERSION, Data
from petaday.serving.layout import Layout
from petaday.serving.simulate.outcome import METRICS, Ledger
from petaday.serving.simulate.state import FULL, LIMITED, SERVED, TIMED_OUT, TOO_LONG
from petaday.study.manifest import Manifest
from petaday.study.serve import Chosen, Plan
from petaday.study.serve_sweep import Sweep, Way
from petaday.study.serve_totals import totals_of

FORMULAS = {
    "ttft": "first token - arrival of the first attempt",
    "tpot": "(last token - first token) / (output tokens - 1), of requests with two or more",
    "e2e": "last token - arrival of the first attempt",
    "queue": "start of the first iteration - arrival of the first attempt",
}
"""What the latencies mean; other tools divide differently, so the result says it."""

INTERVAL = 0.9
"""Share of measured latencies that lie within the factors of an engine's profile."""

SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
OUTCOMES = {
    "served": SERVED,
    "queue_full": FULL,
    "rate_limited": LIMITED,
    "timed_out": TIMED_OUT,
    "too_long": TOO_LONG,
}
"""How requests end, by the columns of a ledger."""


def service_data(plan: Plan, manifest: Manifest) -> Data:
    """The whole answer; parts that need a simulation are null without one."""
    simulated = plan.outcome is not None
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "answered" if plan.infeasible is None else "infeasible",
        "manifest": asdict(manifest),
        "demand": _demand(plan),
        "pools": [_pool(plan, place) for place in range(len(plan.chosen))],
        "latency": _latency(plan.outcome.ledger) if plan.outcome else None,
        "requests": _requests(plan) if simulated else None,
        "tiers": _tiers(plan) if simulated else None,
        "totals": _totals(plan) if simulated else None,
        "objectives": _objectives(plan) if simulated else None,
        "curves": _curves(plan) if simulated else None,
        "accuracy": [_accuracy(each) for each in plan.chosen],
        "infeasible": asdict(plan.infeasible) if plan.infeasible else None,
        "unused": plan.notes.unused,
        "assumptions": [asdict(each) for each in plan.assumptions],
    }


def layout_data(layout: Layout) -> Data:
    """Parallel sizes of a replica."""
    return {name: int(size) for name, size in zip(Layout._fields, layout, strict=True)}


def layout_text(layout: Data) -> str:
    """The sizes above one: `tp 4, pp 2`."""
    return ", ".join(f"{name} {size}" for name, size in layout.items() if size > 1) or "1 chip"


def _demand(plan: Plan) -> Data:
    workload, chain = plan.workload, plan.workload.chain
    return {
        "trace": workload.trace.name,
        "source": workload.trace.source,
        "mean_requests_per_s": workload.mean_rate,
        "peak_requests_per_s": workload.peak_rate,
        "mean_prompt_tokens": workload.load.prompt,
        "mean_output_tokens": workload.load.output,
        "seconds": workload.seconds,
        "dropped_rows": asdict(workload.trace.tally),
        "users": None
        if chain is None
        else {
            "users": chain.users,
            "daily_users": chain.daily_users,
            "requests_per_day": chain.daily_requests,
            "tokens_per_day": chain.daily_tokens,
        },
    }


def _pool(plan: Plan, place: int) -> Data:
    chosen = plan.chosen[place]
    data = {
        "name": chosen.stack.name,
        "chip": chosen.stack.chip.id,
        "engine": chosen.stack.profile.id,
        "role": chosen.stack.spec.role,
        "layout": layout_data(chosen.layout),
        "replicas": chosen.replicas,
        "chips": chosen.chips,
        "most_sequences": chosen.pool.sequences,
        "cache_tokens": chosen.pool.room,
        "weights_bytes_per_chip": float(chosen.memory.weights),
        "activations_bytes_per_chip": float(chosen.memory.activations),
        "usable_bytes_per_chip": chosen.stack.capacity,
        "price_usd_per_chip_hour": None if chosen.stack.price is None else chosen.stack.price * 3600,
    }
    if plan.outcome is not None:
        row = plan.outcome.pools[place]
        paid = max(float(row["on_time"]), 1e-9)
        data |= {
            "mean_replicas": paid / max(plan.outcome.seconds, 1e-9),
            "busy_share": float(row["busy"]) / paid,
            "iterations": int(row["iterations"]),
            "decoded_tokens": float(row["decoded"]),
            "prefilled_tokens": float(row["prefilled"]),
        }
    return data


def _latency(ledger: Ledger, tier: int | None = None) -> Data:
    return {
        metric: {
            "mean_s": _number(ledger.mean(metric, tier)),
            **{f"{name}_s": _number(ledger.percentile(metric, share, tier)) for name, share in SHARES.items()},
            "formula": FORMULAS[metric],
        }
        for metric in METRICS
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _requests(plan: Plan) -> Data:
    outcome = plan.outcome
    assert outcome is not None
    ended = outcome.ledger.outcomes.sum(axis=0)
    return {
        "arrived": outcome.taken,
        **{name: int(ended[place]) for name, place in OUTCOMES.items()},
        "unfinished": outcome.unfinished,
        "preemptions": outcome.ledger.preempted,
        "came_again": outcome.ledger.retried,
        "stopped": outcome.stopped,
        "events": outcome.events,
        "trials": plan.trials,
    }


def _tiers(plan: Plan) -> list[Data]:
    outcome = plan.outcome
    assert outcome is not None
    ledger = outcome.ledger
    return [
        {
            "name": tier.name,
            "arrived": int(ledger.outcomes[place].sum()),
            **{name: int(ledger.outcomes[place, column]) for name, column in OUTCOMES.items()},
            "within_limits": int(ledger.good[place]),
            "latency": _latency(ledger, place),
        }
        for place, tier in enumerate(plan.scenario.tiers)
    ]


def _totals(plan: Plan) -> Data:
    totals = totals_of(plan)
    chip_hours = totals.chip_seconds / 3600
    output = max(totals.output, 1)
    return {
        "seconds": totals.seconds,
        "prompt_tokens": totals.prompt,
        "output_tokens": totals.output,
        "cached_prompt_tokens": totals.cached,
        "output_tokens_per_s": totals.output / max(totals.seconds, 1e-9),
        "output_tokens_per_s_per_chip": totals.output / max(totals.chip_seconds, 1e-9),
        "chip_hours": chip_hours,
        "busy_share": totals.busy,
        "usd": totals.dollars,
        "usd_per_million_output_tokens": None if totals.dollars is None else totals.dollars / output * 1e6,
        "usd_per_million_tokens": None
        if totals.dollars is None
        else totals.dollars / max(totals.output + totals.prompt, 1) * 1e6,
        "joules": totals.joules,
        "joules_per_output_token": None if totals.joules is None else totals.joules / output,
    }


def _objectives(plan: Plan) -> Data:
    wanted = plan.scenario.objectives
    return {
        "ttft_s": wanted.ttft,
        "tpot_s": wanted.tpot,
        "e2e_s": wanted.e2e,
        "share": wanted.share,
        "attained_share": plan.attained,
        "rejected_share": plan.refused,
        "most_rejected_share": wanted.rejected,
        "met": plan.meets,
    }


def _curves(plan: Plan) -> Data | None:
    """Requests by their arrival and the system over time; null where the run kept none."""
    outcome = plan.outcome
    assert outcome is not None
    if not np.isfinite(outcome.ledger.interval):
        return None
    curve, samples = outcome.ledger.curve, outcome.samples
    interval = outcome.ledger.interval
    return {
        "interval_s": interval,
        "arrived": curve.arrived.tolist(),
        "within_limits": curve.good.tolist(),
        "refused": curve.refused.tolist(),
        "timed_out": curve.timed_out.tolist(),
        "mean_ttft_s": curve.ttft.tolist(),
        "largest_ttft_s": curve.ttft_most.tolist(),
        "sample_s": samples["time"].tolist(),
        "waiting": samples["waiting"].tolist(),
        "running": samples["running"].tolist(),
        "replicas": samples["replicas"].tolist(),
        "cache_share": samples["held"].tolist(),
    }


def _accuracy(chosen: Chosen) -> Data:
    """What the engine profile was fitted to."""
    fit = chosen.stack.profile.fit
    first = load.first_tokens().get(chosen.stack.profile.id)
    return {
        "pool": chosen.stack.name,
        "engine": chosen.stack.profile.id,
        "fitted_to": None if fit is None else f"{fit.rows} measured {fit.measured}",
        "held_out_median_error": None if fit is None else fit.held_out,
        "held_out_p90_error": None if fit is None else fit.held_out_p90,
        "interval_share": INTERVAL,
        "tpot_factors": _factors(fit.held_out_p90) if fit and fit.measured == "latencies" else None,
        "ttft_factors": None if first is None else _factors(first.held_out_p90),
        "ttft_held_out_median_error": None if first is None else first.held_out,
        "ttft_held_out_p90_error": None if first is None else first.held_out_p90,
    }


def _factors(p90: float) -> list[float]:
    """The ends of the interval over what is predicted: so far off were nine of ten rows that no fit saw."""
    return [1 / (1 + p90), 1 + p90]


def sweep_data(swept: Sweep, plan_manifest: Manifest) -> Data:
    """Every layout of a sweep, the best first."""
    return {
        "schema_version": SCHEMA_VERSION,
        "manifest": asdict(plan_manifest),
        "chips": swept.chips,
        "legal_layouts": swept.layouts,
        "points": swept.points,
        "front": [_way(way) for way in swept.front],
        "ways": [_way(way) for way in swept.ways],
    }


def _way(way: Way) -> Data:
    return {
        "kind": "aggregated" if way.prefill is None else "disaggregated",
        "layout": layout_data(way.layout),
        "replicas": way.replicas,
        "prefill_layout": None if way.prefill is None else layout_data(way.prefill),
        "prefill_replicas": way.prefill_replicas,
        "sequences": way.sequences,
        "ttft_s": way.ttft,
        "tpot_s": way.tpot,
        "requests_per_s": way.requests,
        "output_tokens_per_s_per_chip": way.output,
        "within_limits": way.within,
    }

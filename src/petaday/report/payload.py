"""An answer as plain data: the keys are stable, documented in `fields`, and carry their unit in their name."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from petaday.report.chain import assumed, chain_data
from petaday.report.data import SCHEMA_VERSION, Data
from petaday.report.wiring import wired_data
from petaday.study.answer import Answer, Best
from petaday.study.chain.build import Chain
from petaday.study.fabric import fabric_of, optics_changes
from petaday.study.interval import SHARE, likely
from petaday.study.manifest import Manifest
from petaday.study.uncertainty import Uncertainty

OBJECTIVE_KEYS = {
    "step_time": "step_time_s",
    "memory": "memory_bytes",
    "bubble": "bubble_s",
    "communication": "communication_s",
}
"""What each objective of a Pareto front is called in the result."""


def payload(
    answer: Answer, manifest: Manifest, chain: Chain | None = None, uncertainty: Uncertainty | None = None
) -> Data:
    """The whole answer; a part that does not exist (no plan fits) is null."""
    best = answer.best
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "answered" if answer.infeasible is None else "infeasible",
        "manifest": asdict(manifest),
        "demand": _demand(answer),
        "cluster": _cluster(answer),
        "plan": best.plan.texts(0) if best else None,
        "step": _step(answer, best) if best else None,
        "run": _run(answer, best) if best else None,
        "memory": _memory(answer, best) if best else None,
        "limits": _limits(answer, best) if best else None,
        "alternatives": ranked_plans(answer)[1:],
        "pareto": _front(answer),
        "search": {"plans_considered": answer.found.considered, "plans_fitting": answer.found.fitting},
        "fabric": _fabric(answer),
        **chain_data(chain, uncertainty),
        "accuracy": _accuracy(answer),
        "infeasible": asdict(answer.infeasible) if answer.infeasible else None,
        "unused": unused(answer, chain),
        "unfit": asdict(chain.unfit) if chain and chain.unfit else None,
        "assumptions": [asdict(each) for each in (*answer.joined.assumptions, *assumed(chain))],
    }


def unused(answer: Answer, chain: Chain | None) -> dict[str, str]:
    """Fields that move nothing. Checkpoints pass through the host, so behind a plan its bandwidth does."""
    if chain is None:
        return dict(answer.joined.unused)
    of_plan = {field: why for field, why in answer.joined.unused.items() if field != "cluster.host_bandwidth"}
    return {**of_plan, **chain.unused}


def _demand(answer: Answer) -> Data:
    needs = answer.demand
    return {
        "parameters_total": needs.parameters_total,
        "parameters_active": needs.parameters_active,
        "tokens": needs.tokens,
        "flops": needs.flops,
        "pf_days": needs.pf_days,
        "attention_flops": needs.attention_flops,
        "model_flops": needs.model_flops,
        "model_pf_days": needs.model_pf_days,
    }


def _cluster(answer: Answer) -> Data:
    job, parts = answer.job, answer.joined.parts
    return {
        "chip": parts.chip.id,
        "chips": job.chips,
        "peak_flops_per_chip": {precision.dtype: precision.law.peak for precision in job.precisions},
        "memory_bytes_per_chip": job.memory,
        "scale_up_domain": job.network.domain,
        "scale_up_bytes_per_s": job.network.scale_up_bandwidth,
        "network": parts.network.id,
        "scale_out_bytes_per_s": job.network.scale_out_bandwidth,
        "software": parts.software.id,
    }


def _step(answer: Answer, best: Best) -> Data:
    tokens = answer.job.global_batch * answer.job.seq_len
    interval = likely(answer.joined)
    return {
        "step_time_s": best.step_time,
        "step_time_low_s": interval.low * best.step_time if interval else None,
        "step_time_high_s": interval.high * best.step_time if interval else None,
        "micro_batches": best.micro_batches,
        "tokens_per_s": tokens / best.step_time,
        "tokens_per_s_per_chip": tokens / best.step_time / answer.job.chips,
        "mfu": best.mfu,
        "hfu": best.hfu,
        "model_flops_per_s_per_chip": answer.demand.model_flops / answer.steps / best.step_time / answer.job.chips,
        "baseline_step_time_s": best.baseline,
        "waterfall_s": best.waterfall,
    }


def _run(answer: Answer, best: Best) -> Data:
    wall = answer.wall_time
    interval = likely(answer.joined)
    return {
        "steps": answer.steps,
        "wall_time_s": wall,
        "wall_time_low_s": interval.low * wall if interval else None,
        "wall_time_high_s": interval.high * wall if interval else None,
        "wall_time_days": wall / 86400,
        "chip_hours": wall / 3600 * answer.job.chips,
        "deadline_s": answer.joined.scenario.cluster.deadline,
    }


def _memory(answer: Answer, best: Best) -> Data:
    stages = []
    for each in best.stages:
        parts = each.memory
        stages.append(
            {
                "stage": each.stage,
                "layers": each.layers,
                "weights_bytes": float(parts.weights),
                "gradients_bytes": float(parts.gradients),
                "optimizer_bytes": float(parts.optimizer),
                "activations_bytes": float(parts.activations),
                "working_bytes": float(parts.working),
                "logits_bytes": float(parts.logits),
                "reserve_bytes": parts.reserve,
                "total_bytes": float(parts.total),
            }
        )
    return {
        "capacity_bytes": answer.job.memory,
        "fullest_bytes": best.memory,
        "free_bytes": answer.job.memory - best.memory,
        "stages": stages,
    }


def _limits(answer: Answer, best: Best) -> Data:
    useful = ("forward", "backward")
    losses = {name: seconds for name, seconds in best.waterfall.items() if name not in useful}
    largest = max(losses, key=lambda name: losses[name])
    return {
        "largest_loss": largest,
        "largest_loss_share": losses[largest] / best.step_time,
        "memory_share": best.memory / answer.job.memory,
    }


def _fabric(answer: Answer) -> Data | None:
    """The network behind the cluster with its bill, and what other optics change; null inside one domain."""
    wired = fabric_of(answer.joined)
    if wired is None:
        return None
    return wired_data(wired, optics_changes(wired, answer.joined, answer.best.plan if answer.best else None))


def ranked_plans(answer: Answer) -> list[Data]:
    """The ranked plans, the best first."""
    found = answer.found
    if found.best is None:
        return []
    return [
        {
            "rank": rank + 1,
            "step_time_s": float(found.step_time[rank]),
            "slower_by": float(found.step_time[rank] / found.step_time[0] - 1),
            "memory_bytes": float(found.memory[rank]),
            "plan": found.best.texts(rank),
        }
        for rank in range(len(found.best))
    ]


def _front(answer: Answer) -> list[Data]:
    found = answer.found
    if found.front is None:
        return []
    return [
        {
            **{OBJECTIVE_KEYS[name]: float(np.asarray(column)[row]) for name, column in found.front_values.items()},
            "plan": found.front.texts(row),
        }
        for row in range(len(found.front))
    ]


def _accuracy(answer: Answer) -> Data:
    """How well the software profile is known: the runs it was fitted to, or that it was not."""
    software = answer.joined.parts.software
    fit = software.fit
    interval = likely(answer.joined)
    return {
        "profile": software.id,
        "fitted_to": f"{fit.runs} runs ({', '.join(fit.sources)})" if fit else None,
        "median_error": fit.loss if fit else None,
        "held_out_median_error": fit.held_out if fit else None,
        "interval_share": SHARE if interval else None,
        "interval_runs": interval.runs if interval else None,
        "chip_measured": interval.measured if interval else None,
        "plan_known": interval.plan_known if interval else None,
        "chip_efficiencies_inherited": {
            dtype: each.inherited or None for dtype, each in answer.joined.parts.efficiencies.items()
        },
    }

"""The one-constant baseline that stands beside every answer: a model that knows almost nothing.

Hardware FLOP (four passes with full recomputation, else three) at 0.469 of the peak, lengthened by the pipeline's
bubble, (1 + (pp-1)/(m·vpp)). The constant was fitted to 109 published A100 runs (the vTrain data set).
"""

from __future__ import annotations

import numpy as np

from petaday.fabric.network import Floats
from petaday.training.job import Job
from petaday.training.plan import Plans, Recompute
from petaday.training.step import micro_batches
from petaday.workload.demand import demand

BASELINE_EFFICIENCY = 0.469


def baseline_step_time(plans: Plans, job: Job) -> Floats:
    """Seconds per step by the baseline, averaged over the job's precisions."""
    tokens = job.global_batch * job.seq_len
    flops = demand(job.model, job.seq_len, tokens).model_flops
    executed = flops * np.where(plans.recompute == Recompute.FULL, 4 / 3, 1.0)
    bubble = 1 + (plans.pp - 1) / (micro_batches(plans, job) * plans.vpp)
    rate = job.chips * BASELINE_EFFICIENCY
    per_peak = sum(precision.share / precision.law.peak for precision in job.precisions)
    return np.asarray(executed * bubble / rate * per_peak)

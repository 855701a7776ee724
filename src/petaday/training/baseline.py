"""The one-constant baseline that stands beside every answer: a model that knows almost nothing.

Executed FLOP, recomputation included, at 0.469 of the peak, lengthened by the pipeline's bubble,
(1 + (pp-1)/(m·vpp)). The constant was fitted to 109 published A100 runs (the vTrain data set).
"""

from __future__ import annotations

import numpy as np

from petaday.fabric.network import Floats
from petaday.training.job import Job
from petaday.training.plan import Plans
from petaday.training.pricer import Pricer
from petaday.training.step import micro_batches

BASELINE_EFFICIENCY = 0.469


def baseline_step_time(plans: Plans, job: Job) -> Floats:
    """Seconds per step by the baseline, averaged over the job's precisions."""
    bubble = 1 + (plans.pp - 1) / (micro_batches(plans, job) * plans.vpp)
    pricer = Pricer(job)
    seconds = np.zeros(len(plans))
    for precision in job.precisions:
        executed = pricer.terms(plans, precision).executed_flops()
        seconds += precision.share * executed / (job.chips * precision.law.peak * BASELINE_EFFICIENCY)
    return np.asarray(seconds * bubble)

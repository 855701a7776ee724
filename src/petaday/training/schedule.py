"""Pipeline schedules: time lost filling and draining, micro-batches in flight.

With F, B, W the forward, full backward and weight-gradient seconds of a stage, p stages and v virtual stages, the
bubble is (p-1)(F+B)/v for (interleaved) 1F1B (Narayanan et al. 2021, arXiv:2104.04473, §2.2), (p-1)(F+B-2W) for
zero-bubble ZB1P, and (p/2-1)(F+2B-3W) for DualPipe (DeepSeek-V3, arXiv:2412.19437, Table 2). Written over the sum of
all stages' times, the first law also holds where stages differ.
"""

from __future__ import annotations

import numpy as np

from petaday.fabric.network import Floats
from petaday.training.plan import Ints, Plans


def bubble_seconds(plans: Plans, others: Floats, forward: Floats, backward: Floats, weight_grad: Floats) -> Floats:
    """Seconds of a step that the slowest stage idles.

    others: time of one micro-batch on all stages but the slowest; forward, backward, weight_grad: one micro-batch on
    a typical stage.
    """
    gaps = plans.pp - 1.0
    one_f_one_b = others / plans.vpp
    if not plans.schedule.any():
        return one_f_one_b
    zero_bubble = np.maximum(others - 2 * gaps * weight_grad, 0.0)
    dualpipe = np.maximum((plans.pp / 2 - 1) * (forward + 2 * backward - 3 * weight_grad), 0.0)
    return np.choose(plans.schedule, [one_f_one_b, zero_bubble, dualpipe])


def in_flight(plans: Plans, micro_batches: Ints, position: Ints | int) -> Floats:
    """Micro-batches whose activations stage `position` (from 0) holds at its fullest, in units of a whole stage.

    1F1B: p - i. Interleaved: 2(p-i-1) + (v-1)p + 1 chunks of 1/v stage. Zero-bubble holds p everywhere, DualPipe
    p + 1 (same sources). Never more than the step has.
    """
    behind = plans.pp - 1 - position
    chunks = 2 * behind + (plans.vpp - 1) * plans.pp + 1
    held = np.where(plans.vpp > 1, chunks / plans.vpp, behind + 1.0)
    if plans.schedule.any():
        held = np.choose(plans.schedule, [held, plans.pp + 0.0, plans.pp + 1.0])
    return np.minimum(held, micro_batches)

"""Seconds of a layer's tensor-, expert- and context-parallel communication for one micro-batch, forward."""

from __future__ import annotations

import numpy as np

from petaday.chip.law import ChipLaw
from petaday.fabric import collective
from petaday.fabric.network import Floats, Group, group
from petaday.training.job import Job
from petaday.training.plan import Plans, Schedule
from petaday.workload.operators import ELEMENT, head_dims


def tensor_seconds(plans: Plans, job: Job) -> Floats:
    """Exposed tensor-parallel communication of one layer forward; as much again backward.

    Two all-reduces of the activations a layer (Megatron-LM, arXiv:1909.08053, §3), or with sequence parallelism two
    all-gathers and two reduce-scatters of the same volume (arXiv:2205.05198, §4.2.2).
    """
    size = ELEMENT * plans.micro_batch * job.seq_len / plans.cp * job.model.hidden
    ranks = group(plans.tp, np.ones_like(plans.tp), job.network)
    reduce = collective.all_reduce(size, ranks, job.network)
    pair = collective.all_gather(size, ranks, job.network) + collective.reduce_scatter(size, ranks, job.network)
    exposed = 1.0 - job.software.tp_overlap * plans.tp_overlap
    return np.asarray(2 * np.where(plans.sequence_parallel > 0, pair, reduce) * exposed)


def expert_seconds(plans: Plans, job: Job, law: ChipLaw) -> Floats:
    """Exposed dispatch and combine of one MoE layer forward; as much again backward.

    DualPipe computes one micro-batch while it sends another (DeepSeek-V3, arXiv:2412.19437, §3.2.1).
    """
    moe = job.model.moe
    if moe is None:
        return np.zeros(len(plans))
    tokens = plans.micro_batch * job.seq_len / plans.cp / plans.tp
    rows = tokens * moe.topk * job.model.hidden * job.software.recipe.expert_imbalance
    ranks = group(plans.ep, plans.etp, job.network)
    dispatch, combine = (_routed(rows * width, ranks, job, moe.topk) for width in (law.element_bytes, ELEMENT))
    shared = group(plans.etp, np.ones_like(plans.etp), job.network)
    gathered = rows * plans.etp * ELEMENT
    inside = collective.all_gather(gathered, shared, job.network) * 2
    hidden = np.where(plans.schedule == Schedule.DUALPIPE, 1.0, job.software.ep_overlap)
    return (dispatch + combine + inside) * (1.0 - hidden)


def _routed(size: Floats, ranks: Group, job: Job, topk: int) -> Floats:
    """An expert all-to-all as the software sends it: pairwise, or each token once to every domain that needs it."""
    domains = job.software.expert_domains
    if not domains:
        return collective.all_to_all(size, ranks, job.network)
    return collective.routed_all_to_all(size, ranks, job.network, topk=topk, most_domains=domains)


def context_seconds(plans: Plans, job: Job, core_forward: Floats, core_backward: Floats) -> tuple[Floats, Floats]:
    """Exposed context-parallel communication of a layer, forward and backward, beside attention of these seconds.

    A ring of keys and values hides behind attention (arXiv:2310.01889, §3) and carries twice as much backward; an
    exchange of the sequence for heads stands before and after it (arXiv:2309.14509, §3.1).
    """
    if job.software.recipe.context == "ring":
        ring = _ring_seconds(plans, job)
        return np.maximum(ring - core_forward, 0.0), np.maximum(2 * ring - core_backward, 0.0)
    model = job.model
    widths = 2 * model.heads + 2 * (model.heads if model.mla else model.kv_heads)
    size = ELEMENT * plans.micro_batch * job.seq_len / plans.cp * widths * model.head_dim / plans.tp
    exchanged = collective.all_to_all(size, group(plans.cp, plans.tp, job.network), job.network)
    return exchanged, exchanged


def _ring_seconds(plans: Plans, job: Job) -> Floats:
    model = job.model
    kv_heads = np.maximum((model.heads if model.mla else model.kv_heads) / plans.tp, 1.0)
    kv_width = kv_heads * sum(head_dims(model))
    size = ELEMENT * plans.micro_batch * job.seq_len / plans.cp * kv_width
    ranks = group(plans.cp, plans.tp, job.network)
    hop = collective.point_to_point(size, ranks.domains > 1, job.network)
    return (plans.cp - 1) * hop

"""Layers of a pipeline stage. Three kinds of stage suffice to price a plan: first, middle (the fullest), last."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from petaday.fabric.network import Flags
from petaday.training.plan import Ints, Plans


class Stage(IntEnum):
    """The stages that a price looks at."""

    FIRST = 0
    MIDDLE = 1
    LAST = 2


class StageLayers(NamedTuple):
    """Layers on one stage of each plan, from the model's dense lead-in and from its body, and those that recompute.

    The first `recompute_layers` layers of a stage recompute, so lead-in layers come first.
    """

    lead: Ints
    body: Ints
    lead_repeated: Ints
    body_repeated: Ints

    @property
    def total(self) -> Ints:
        """All layers of the stage."""
        return self.lead + self.body


def even_split(layers: int, pp: Ints) -> tuple[Ints, Ints]:
    """Layers of the first and last stage when the remainder goes to the middle stages, which hold no vocabulary."""
    base, extra = layers // pp, layers % pp
    overflow = np.maximum(extra - np.maximum(pp - 2, 0), 0)
    return base + overflow, np.where(pp == 1, 0, base)


def cost_split(layers: int, pp: int, head: float) -> tuple[int, int]:
    """Layers of the first and last stage where each stage ends once it has its share of the multiply-adds.

    `head` is what the LM head costs, in layers; blocks are given out in order, and the one that reaches a stage's share
    of the sum still belongs to it (nanotron's `build_model`).
    """
    if pp == 1:
        return layers, 0
    share = (layers + head) / pp
    first = min(int(share) + 1, layers)
    before_last = min(int(share * (pp - 1)) + 1, layers)
    if pp == 2:
        return first, layers - first
    # Every stage between has at least one layer.
    return first, min(layers - max(before_last, first), layers - first - (pp - 2))


def stage_exists(plans: Plans, stage: Stage) -> Flags:
    """Whether a plan has such a stage: one rank holds both ends, two have no middle."""
    return plans.pp > {Stage.FIRST: 0, Stage.MIDDLE: 2, Stage.LAST: 1}[stage]


def stage_layers(plans: Plans, layers: int, lead: int, stage: Stage, fewer: int = 0) -> StageLayers:
    """Layers on the first, the fullest middle or the last stage, less `fewer`; 0 where a plan has no such stage."""
    if stage is Stage.MIDDLE:
        between = layers - plans.first_layers - plans.last_layers
        total = np.where(plans.pp > 2, -(-between // np.maximum(plans.pp - 2, 1)) - fewer, 0)
        start = plans.first_layers
    else:
        total = plans.first_layers if stage is Stage.FIRST else plans.last_layers
        start = np.zeros_like(total) if stage is Stage.FIRST else layers - plans.last_layers
    repeated = np.minimum(plans.recompute_layers, total)
    if not lead:
        none = np.zeros_like(total)
        return StageLayers(none, total, none, repeated)
    of_lead = np.clip(lead - start, 0, total)
    lead_repeated = np.minimum(repeated, of_lead)
    return StageLayers(of_lead, total - of_lead, lead_repeated, repeated - lead_repeated)


def middle_stages(plans: Plans, layers: int) -> tuple[Ints, Ints]:
    """Numbers of middle stages with as many layers as the fullest, and with one layer fewer."""
    between = layers - plans.first_layers - plans.last_layers
    middles = np.maximum(plans.pp - 2, 0)
    remainder = between % np.maximum(middles, 1)
    full = np.where(remainder > 0, remainder, middles)
    return full, middles - full

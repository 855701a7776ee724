"""Layers of a pipeline stage. Three kinds of stage suffice to price a plan: first, middle (the fullest), last."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from petaday.training.plan import Ints, Plans


class Stage(IntEnum):
    """The stages that a price looks at."""

    FIRST = 0
    MIDDLE = 1
    LAST = 2


class StageLayers(NamedTuple):
    """Layers on one stage of each plan: `total` of them, `lead` of those from the model's dense lead-in."""

    total: Ints
    lead: Ints


def even_split(layers: int, pp: Ints) -> tuple[Ints, Ints]:
    """Layers of the first and last stage when the remainder goes to the middle stages, which hold no vocabulary."""
    base, extra = layers // pp, layers % pp
    overflow = np.maximum(extra - np.maximum(pp - 2, 0), 0)
    return base + overflow, np.where(pp == 1, 0, base)


def stage_layers(plans: Plans, layers: int, lead: int, stage: Stage) -> StageLayers:
    """Layers on the first, the fullest middle or the last stage; 0 where a plan has no such stage."""
    between = layers - plans.first_layers - plans.last_layers
    middle = np.where(plans.pp > 2, -(-between // np.maximum(plans.pp - 2, 1)), 0)
    total = {Stage.FIRST: plans.first_layers, Stage.MIDDLE: middle, Stage.LAST: plans.last_layers}[stage]
    start = {
        Stage.FIRST: np.zeros_like(total),
        Stage.MIDDLE: plans.first_layers,
        Stage.LAST: layers - plans.last_layers,
    }[stage]
    return StageLayers(total, np.clip(lead - start, 0, total))

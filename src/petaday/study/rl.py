"""A step of reinforcement learning on one cluster: who has which chips, how long it takes, who waits.

    colocated    rollout + judge + scoring + updates + weights to the engine + models in and out of host memory
    split        the same on two pools, one after the other
    split, off   max(rollout, judge + scoring + updates + models in and out) + weights to the engine

Off-policy by one step, the rollouts of the next step run beside the updates of this one, with weights one step old.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from petaday.fabric.collective import all_gather
from petaday.fabric.network import group
from petaday.serving.layout import Floats
from petaday.serving.products import WIDE
from petaday.study.answer import Report
from petaday.study.parts import routed
from petaday.study.rl_rollouts import Rollouts, least_room, price_rollouts
from petaday.study.rl_training import Training, ladder, price_training, with_largest_part
from petaday.study.rl_work import Cast
from petaday.training.relax import Infeasible, Relief, explain_infeasible
from petaday.workload.architecture import parameters

Placement = Literal["colocated", "split", "split, one step off"]
PLACEMENTS: tuple[Placement, ...] = ("colocated", "split", "split, one step off")


@dataclass(frozen=True)
class Option:
    """The best step of one placement, with its seconds by part.

    training, rollout: places in the tables of the training and the rollout side
    parts: rollout; a `scoring …` for each pass; `judge`; an `update …` for each model; `swap`; `sync`
    training_idle, rollout_idle: seconds of a step in which the chips of a side wait
    memory: bytes on the fullest training chip while the policy trains
    """

    placement: Placement
    training: int
    rollout: int
    training_chips: int
    rollout_chips: int
    chips: int
    step_time: float
    parts: dict[str, float]
    training_idle: float
    rollout_idle: float
    memory: float


@dataclass(frozen=True)
class RlAnswer:
    """The RL stage: the best option where one fits, each placement's own best, and the best of each number of chips.

    curve: step time of the chosen placement by training chips, inf where nothing fits
    """

    cast: Cast
    training: Training
    rollouts: Rollouts
    options: tuple[Option, ...]
    best: Option | None
    curve: Floats
    infeasible: Infeasible | None

    @property
    def seconds(self) -> float:
        """Seconds of all steps; off-policy, what the sides do at once in a step they do apart in the first and last."""
        if self.best is None:
            return float("inf")
        best = self.best
        lagging = best.placement == "split, one step off"
        alone = best.step_time - best.parts["sync"] - best.training_idle - best.rollout_idle if lagging else 0.0
        return self.cast.rl.steps * best.step_time + alone

    @property
    def unused(self) -> dict[str, str]:
        """Fields that the scenario gives and that move nothing, with the reason."""
        found = dict(self.cast.unused)
        if self.best is not None and self.best.placement == "colocated":
            if self.cast.rl.off_policy:
                found["rl.off_policy"] = "rollouts and updates take turns on the same chips"
            if self.cast.rl.rollout.chips is not None:
                found["rl.rollout.chips"] = "rollouts and updates share all chips"
        return found


def plan_rl(cast: Cast, tell: Report) -> RlAnswer:
    """Price both sides, then every way to give chips to them, and keep the fastest of each placement."""
    chips = cast.cluster.chips
    assert chips != "auto"
    pool = cast.rl.rollout.chips
    rungs = sorted(
        {*ladder(cast.policy.job.network.domain, chips), *([chips - pool] if pool and pool < chips else [])}
    )
    training = price_training(cast, rungs, tell)
    tell(f"rollouts on up to {chips:,} chips", 0)
    rollouts = price_rollouts(cast, chips)
    times = {name: step_times(cast, training, rollouts, chips, name) for name in PLACEMENTS}
    options = tuple(
        option(cast, training, rollouts, name, times[name]) for name in PLACEMENTS if np.isfinite(times[name]).any()
    )
    wanted = {"colocated": PLACEMENTS[:1], "split": PLACEMENTS[1:], "auto": PLACEMENTS}[cast.rl.placement]
    allowed = [each for each in options if each.placement in wanted and _freshness(each) <= cast.rl.off_policy]
    if cast.rl.placement == "split" and cast.rl.off_policy:
        allowed = [each for each in allowed if _freshness(each)] or allowed
    best = min(allowed, key=lambda each: each.step_time, default=None)
    return RlAnswer(
        cast=cast,
        training=training,
        rollouts=rollouts,
        options=options,
        best=best,
        curve=times[best.placement].min(axis=1) if best else np.full(len(rungs), np.inf),
        infeasible=None if best else explain(cast, training, rollouts, options, chips),
    )


def _freshness(option: Option) -> int:
    """Steps that the rollouts lag behind."""
    return int(option.placement == "split, one step off")


def sync_seconds(cast: Cast, chips: Floats) -> Floats:
    """Seconds to bring the new weights to every replica: each rank that takes part receives all of them in 16 bit.

    A pipelined ring over the ranks, as the gather of a sharded model by its engines or a broadcast to them
    (HybridFlow, arXiv:2409.19256, section 5; veRL's one-step-off trainer).
    """
    size = chips.astype(np.int64)
    assert cast.cluster.chips != "auto"
    network = routed(cast.policy.job.network, cast.cluster, cast.cluster.chips)
    weights = np.full(size.shape, parameters(cast.policy.parts.model).total * WIDE)
    return all_gather(weights, group(size, np.ones_like(size), network), network)


def step_times(cast: Cast, training: Training, rollouts: Rollouts, chips: int, placement: Placement) -> Floats:
    """Seconds of a step for every number of training chips (rows) with every way to roll out (columns)."""
    k, r = training.chips[:, None], rollouts.chips[None, :]
    colocated = placement == "colocated"
    learning = (training.seconds + training.swap(colocated=colocated))[:, None]
    generating = rollouts.seconds[None, :]
    sync = sync_seconds(cast, np.maximum(k, r) if colocated else k + r)
    joined = np.maximum(generating, learning) if placement == "split, one step off" else generating + learning
    pool = cast.rl.rollout.chips
    if colocated:
        fits = np.maximum(k, r) <= chips
    elif pool is not None:
        fits = (k == chips - pool) & (r <= pool)
    else:
        fits = k + r <= chips
    return np.where(fits, joined + sync, np.inf)


def option(cast: Cast, training: Training, rollouts: Rollouts, placement: Placement, times: Floats) -> Option:
    """The fastest step of a table, on the fewest chips where several are as fast, taken apart."""
    colocated = placement == "colocated"
    k, r = np.broadcast_arrays(training.chips[:, None], rollouts.chips[None, :])
    used = np.maximum(k, r) if colocated else k + r
    place = int(np.lexsort((used.ravel(), times.ravel()))[0])
    row, column = divmod(place, times.shape[1])
    chips, step_time = int(used[row, column]), float(times[row, column])
    sync = float(sync_seconds(cast, np.array([float(chips)]))[0])
    learning = {
        **{f"scoring {name}": float(seconds[row]) for name, seconds in training.scoring.items()},
        "judge": training.judge,
        **{f"update {name}": float(seconds[row]) for name, seconds in training.updating.items()},
        "swap": float(training.swap(colocated=colocated)[row]),
    }
    generating = float(rollouts.seconds[column])
    return Option(
        placement=placement,
        training=row,
        rollout=column,
        training_chips=int(k[row, column]),
        rollout_chips=int(r[row, column]),
        chips=chips,
        step_time=step_time,
        parts={"rollout": generating, **learning, "sync": sync},
        training_idle=0.0 if colocated else step_time - sum(learning.values()) - sync,
        rollout_idle=0.0 if colocated else step_time - generating - sync,
        memory=float(training.policy[row].found.memory[0]),
    )


def explain(
    cast: Cast, training: Training, rollouts: Rollouts, options: tuple[Option, ...], chips: int
) -> Infeasible:
    """What binds when the placement that the scenario wants does not work."""
    for updates in (training.policy, training.critic):
        if updates and not np.isfinite([update.seconds for update in updates]).any():
            last = updates[-1]
            binds = explain_infeasible(last.joined.job, last.space, tuple(last.joined.given), last.found)
            return with_largest_part(binds, last.joined, last.found)
    fits = np.isfinite(training.seconds)
    if not fits.any():
        name = next(name for name, seconds in training.scoring.items() if not np.isfinite(seconds).any())
        return Infeasible("memory", f"the weights of the {name} model fit on no replica of {chips} chips", ())
    if not len(rollouts.seconds):
        weights, room = least_room(cast, chips)
        detail = (
            f"rollout: weights of {weights / 1e9:.1f} GB a chip in the widest layout leave no room for the cache of one "
            f"sequence; the engine may take {room / 1e9:.1f} GB"
        )
        return Infeasible("memory", detail, ())
    fewest = int(training.chips[fits].min())
    detail = (
        f"training takes {fewest} chips or more and rollouts {int(rollouts.chips.min())} or more, "
        f"which {chips} chips do not hold side by side"
    )
    reliefs = tuple(
        Relief(f"rl.placement: {each.placement.partition(',')[0]}", each.step_time, each.memory) for each in options
    )
    return Infeasible("chips", detail, reliefs)

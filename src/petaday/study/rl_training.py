"""The training side of a step of RL on each number of chips: scoring passes, updates, and bringing models in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from petaday.serving.engine import Engine
from petaday.serving.forward import forward_seconds
from petaday.serving.layout import Floats, Layout
from petaday.serving.memory import memory
from petaday.study.answer import Report
from petaday.study.job import Joined
from petaday.study.parts import routed
from petaday.study.rl_work import Cast, Scorer, Work
from petaday.training.layout import Stage, stage_exists
from petaday.training.plan import Plans
from petaday.training.pricer import Pricer
from petaday.training.relax import Infeasible
from petaday.training.search import Found, search
from petaday.training.space import Space, divisors

MOST_TENSOR_RANKS = 64
"""Larger replicas than this are not tried."""

MEMORY_PARTS = ("weights", "gradients", "optimizer", "activations", "working", "logits")

STEPS_OF_DOMAINS = (1, 3, 5)
"""Numbers of domains are tried at these times powers of two: 1, 2, 3, 4, 5, 6, 8, 10, 12, 16 and so on."""


def ladder(domain: int, chips: int) -> list[int]:
    """Numbers of training chips that are priced, ascending: few enough to search each, and each divides well.

    A larger cluster's ladder has all numbers of a smaller one's, except that `chips` themselves are always there.
    """
    inside = [2**j for j in range(domain.bit_length()) if 2**j < domain]
    whole = [odd * 2**j * domain for odd in STEPS_OF_DOMAINS for j in range(chips.bit_length())]
    return sorted({count for count in (*inside, *whole, chips) if count <= chips})


@dataclass(frozen=True)
class Update:
    """The best plan of one model's mini-batch on some chips.

    seconds: of an update, inf where no plan fits; state: bytes of weights, gradients and optimizer on the fullest chip
    """

    joined: Joined
    space: Space
    found: Found
    seconds: float
    state: float

    @property
    def plan(self) -> Plans | None:
        """The plan, where one fits."""
        return self.found.best


@dataclass(frozen=True)
class Training:
    """The training side on each of `chips`, arrays of one shape.

    policy, critic: the best update at each; scoring: seconds of each pass; judge: seconds of the rule
    updating: seconds of each model's updates in a step
    state, waiting: bytes on a chip of what trains, and of what waits in host memory while others work, by name
    """

    chips: Floats
    policy: tuple[Update, ...]
    critic: tuple[Update, ...]
    scoring: dict[str, Floats]
    updating: dict[str, Floats]
    state: Floats
    waiting: dict[str, Floats]
    judge: float
    host_bandwidth: float

    @property
    def seconds(self) -> Floats:
        """Scoring and updates."""
        return np.asarray(sum(self.scoring.values()) + sum(self.updating.values()) + self.judge)

    def swap(self, *, colocated: bool) -> Floats:
        """Seconds that the host link moves models: frozen ones in; trained ones out and in for all that work beside.

        Where rollouts have chips of their own and nothing else takes turns with the policy, it stays.
        """
        moved = sum(self.waiting.values(), np.zeros_like(self.chips))
        leaves = colocated or bool(self.waiting)
        return np.asarray((moved + (2 * self.state if leaves else 0.0)) / self.host_bandwidth)


def price_training(cast: Cast, rungs: list[int], tell: Report) -> Training:
    """Price the training side on each number of chips."""
    policy = tuple(best_update(cast.policy, cast.work, rung, tell) for rung in rungs)
    same = cast.critic is not None and cast.critic.scenario == cast.policy.scenario
    critic: tuple[Update, ...] = ()
    if cast.critic is not None:
        critic = policy if same else tuple(best_update(cast.critic, cast.work, rung, tell) for rung in rungs)
    chips = np.asarray(rungs, dtype=float)
    room = cast.policy.job.memory - cast.policy.job.reserve
    rate = cast.policy.job.host_bandwidth
    slower = np.array([cast.policy.job.with_chips(rung).operator_factor for rung in rungs])
    scored = {each.name: score_seconds(each, cast.work, chips, cast.chunk, room, rate) for each in cast.scorers}
    waiting = {each.name: scored[each.name][1] for each in cast.scorers if each.waits}
    if critic:
        # The critic trains: it comes and goes with all its state.
        waiting["critic"] = 2 * np.array([update.state for update in critic])
    return Training(
        chips=chips,
        policy=policy,
        critic=critic,
        scoring={name: slower * seconds for name, (seconds, _) in scored.items()},
        updating={
            name: np.array([cast.work.updates * update.seconds for update in updates])
            for name, updates in (("policy", policy), ("critic", critic))
            if updates
        },
        state=np.array([update.state for update in policy]),
        waiting=waiting,
        judge=cast.judge_seconds,
        host_bandwidth=rate,
    )


def best_update(joined: Joined, work: Work, chips: int, tell: Report) -> Update:
    """Search the plans of one mini-batch on this many chips; its micro-batches hold the longest sample."""
    network = routed(joined.job.network, joined.scenario.cluster, chips)
    sized = replace(joined, job=replace(joined.job.with_chips(chips), network=network))
    space = joined.space
    if "micro_batch" not in joined.given:
        batch = sized.job.global_batch
        roomy = tuple(size for size in divisors(batch) if size >= min(work.packs, batch))
        space = Space({**space.allowed, "micro_batch": roomy}, space.habits)
    found = search(sized.job, space, progress=lambda count: tell(f"{chips:,} training chips", count))
    if found.best is None:
        return Update(sized, space, found, np.inf, np.inf)
    return Update(sized, space, found, float(found.step_time[0]), state_bytes(sized, found.best))


def state_bytes(joined: Joined, plan: Plans) -> float:
    """Weights, gradients and optimizer of a plan on its fullest chip."""
    pricer = Pricer(joined.job)
    held = [pricer.stage_memory(plan, stage) for stage in Stage if stage_exists(plan, stage)[0]]
    return max(float(np.ravel(each.weights + each.gradients + each.optimizer)[0]) for each in held)


def with_largest_part(binds: Infeasible, joined: Joined, found: Found) -> Infeasible:
    """What binds a search, with the part that takes most of the memory in the leanest plan it saw."""
    if binds.constraint != "memory" or found.leanest is None:
        return binds
    pricer, plan = Pricer(joined.job), found.leanest
    held = [pricer.stage_memory(plan, stage) for stage in Stage if stage_exists(plan, stage)[0]]
    fullest = max(held, key=lambda each: float(np.ravel(each.total)[0]))
    parts = {name: float(np.ravel(getattr(fullest, name))[0]) for name in MEMORY_PARTS}
    largest = max(parts, key=lambda name: parts[name])
    return replace(binds, detail=f"{binds.detail}; most of it is {largest}: {parts[largest] / 1e9:.1f} GB")


def tensor_sizes(engine: Engine, most: int) -> Floats:
    """Tensor-parallel sizes that can share the model's heads: powers of two."""
    sizes = [2**j for j in range(MOST_TENSOR_RANKS.bit_length()) if 2**j <= min(most, MOST_TENSOR_RANKS)]
    return np.array([float(size) for size in sizes if engine.model.heads % size == 0])


def replica_layout(engine: Engine, tp: Floats) -> Layout:
    """Replicas of `tp` chips; whole experts lie on each where that divides them."""
    moe = engine.model.moe
    whole = np.where(moe.experts % tp == 0, tp, 1.0) if moe else np.ones_like(tp)
    return Layout(tp, np.ones_like(tp), whole, np.ones_like(tp))


def score_seconds(
    scorer: Scorer, work: Work, chips: Floats, chunk: float, room: float, host_bandwidth: float
) -> tuple[Floats, Floats]:
    """Seconds of a forward pass over all samples on each number of chips, and bytes of the weights on one of them.

    Replicas that hold the model in `room` bytes share the tokens evenly; those are taken that are done first, with
    what bringing the weights in takes. Inf where none holds it.
    """
    engine = scorer.engine
    tp, many = (side.ravel() for side in np.meshgrid(tensor_sizes(engine, int(chips.max())), chips, indexing="ij"))
    layout = replica_layout(engine, tp)
    replicas = np.floor(many / tp)
    held = memory(engine, layout, np.full_like(tp, chunk))
    fits = (replicas > 0) & (held.weights + held.activations <= room)
    each = work.tokens / np.maximum(replicas, 1.0)
    seconds = forward_seconds(engine, layout, each, work.mean_square, chunk, logits=scorer.logits)
    table = np.where(fits, seconds, np.inf).reshape(-1, len(chips))
    weights = held.weights.reshape(table.shape)
    best = (table + (weights / host_bandwidth if scorer.waits else 0.0)).argmin(axis=0), np.arange(len(chips))
    return table[best], weights[best]

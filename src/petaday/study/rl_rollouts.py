"""The rollout side of a step of RL: every layout and number of replicas that the engine may have."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from petaday.errors import InputError
from petaday.serving.layout import Floats, Layout
from petaday.serving.memory import most_sequences, weight_bytes
from petaday.serving.rollout import dealt, generate
from petaday.study.rl_training import replica_layout, tensor_sizes
from petaday.study.rl_work import Cast
from petaday.training.space import divisors

FINE = 32
"""Numbers of replicas are tried one by one up to here, and beyond in steps of a sixteenth to a thirty-second."""


class Rollouts(NamedTuple):
    """Ways to generate the samples of a step, an array of one number a way.

    tp, ep, replicas, slots: the layout; slots: most sequences that a replica runs at once
    seconds: until the last token; prefill: of the prompts; tail: with less than half of the slots at work, at the end
    running: share of the used slots' time in which they decode, in the replica that ends last
    """

    tp: Floats
    ep: Floats
    replicas: Floats
    slots: Floats
    seconds: Floats
    prefill: Floats
    tail: Floats
    running: Floats

    @property
    def chips(self) -> Floats:
        """Chips of all replicas."""
        return self.tp * self.replicas


def replica_counts(most: int) -> list[int]:
    """Numbers of replicas worth trying, ascending to `most`; those of a smaller `most` are among them, but its own."""
    counts = set(range(1, min(FINE, most) + 1))
    step = 2
    while FINE / 2 * step <= most:
        counts |= {part * step for part in range(FINE // 2, FINE) if part * step <= most}
        step *= 2
    return sorted(counts | {most})


def layouts(cast: Cast, chips: int) -> Layout:
    """The layouts of a replica on at most `chips`: the scenario's, or every one that can share the heads."""
    given, heads = cast.rl.rollout.tp, cast.rollout.model.heads
    if given is not None and (heads % given or given > chips):
        workable = [size for size in divisors(heads) if size <= chips]
        raise InputError(
            f"replicas of {given} chips cannot share {heads} heads on {chips} chips",
            field="rl.rollout.tp",
            expected=f"one of {', '.join(map(str, workable))}",
        )
    tp = tensor_sizes(cast.rollout, chips) if given is None else np.array([float(given)])
    return replica_layout(cast.rollout, tp)


def slots_of(cast: Cast, layout: Layout) -> Floats:
    """Sequences that a replica of each layout runs at once: what its memory holds at the mean length.

    All start together, so after t tokens the caches of n sequences hold at most n·P(length > t)·t of them beside the
    prompts, which is never more than n times the mean (Markov's inequality).
    """
    mean = cast.rl.prompt_tokens + float(cast.work.replies.mean())
    room = cast.policy.job.memory * cast.profile.memory.value
    most = most_sequences(
        cast.rollout, layout, room, np.full_like(layout.tp, mean), np.full_like(layout.tp, cast.chunk)
    )
    return np.minimum(most, cast.rl.rollout.slots or np.inf)


def price_rollouts(cast: Cast, chips: int) -> Rollouts:
    """Price every layout with every number of replicas on at most `chips`; empty where no layout holds a sequence."""
    lengths = cast.work.replies
    every = layouts(cast, chips)
    slots = slots_of(cast, every)
    table: list[Rollouts] = []
    for place in np.flatnonzero((slots >= 1) & (every.tp <= chips)):
        counts = np.array(replica_counts(min(int(chips // every.tp[place]), len(lengths))))
        # Replicas of nearly as many sequences are priced together: their table has few blanks.
        for octave in np.unique(np.log2(counts).astype(int)):
            replicas = counts[np.log2(counts).astype(int) == octave]
            rows = np.ones(len(replicas))
            done = generate(
                cast.rollout,
                Layout(*(size[place] * rows for size in every)),
                dealt(lengths, replicas, np.zeros_like(replicas)),
                slots[place] * rows,
                prompt=cast.rl.prompt_tokens,
                samples=cast.rl.samples,
                chunk=cast.chunk,
            )
            whole = done.slots * (done.seconds - done.prefill)
            table.append(
                Rollouts(
                    every.tp[place] * rows,
                    every.ep[place] * rows,
                    replicas.astype(float),
                    slots[place] * rows,
                    done.seconds,
                    done.prefill,
                    done.tail,
                    np.where(whole > 0, done.running / np.where(whole > 0, whole, 1.0), 1.0),
                )
            )
    return Rollouts(*(np.concatenate(columns) for columns in zip(*table, strict=True))) if table else NONE


NONE = Rollouts(*(np.zeros(0) for _ in Rollouts._fields))
"""No way at all."""


def least_room(cast: Cast, chips: int) -> tuple[float, float]:
    """Bytes of the weights on a chip under the widest layout, and bytes that the engine may take."""
    every = layouts(cast, chips)
    return float(weight_bytes(cast.rollout, every).min()), cast.policy.job.memory * cast.profile.memory.value

"""What a simulation holds: arrays of records, as the compiled loop reads them.

Records and not a column for each field: a request's fields are used together, and twenty arrays compile in seconds where a
hundred take minutes. Slots are recycled, so that memory follows the requests in the system and not those of the trace.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Records = NDArray[Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NOBODY = -1
"""No slot, no replica, no place in a heap; also a time that has not come."""

OFF, STARTING, ON, DRAINING = range(4)
"""States of a replica. One that drains takes no new requests."""

BOTH, PREFILL, DECODE = range(3)
"""What replicas of a pool do."""

ROUND_ROBIN, LEAST_LOADED, PREFIX_AWARE = range(3)
"""How requests find a replica."""

SERVED, FULL, LIMITED, TIMED_OUT, TOO_LONG = range(5)
"""How a request ends: with all its tokens; refused by a full queue or a rate limit; gave up waiting; fits no cache."""

AWAY, WAITING, RUNNING, MOVING = range(4)
"""Where a request is: coming back later, in a queue, on a replica, its cache under way to another."""

DONE, NEXT_CHUNK, GROW, TAKE_SAMPLES, STOPPED = range(5)
"""Why the compiled loop returned."""

RUN, WAIT = range(2)
"""The lists of a replica: those that run, and its queue."""


def _records(whole: str, real: str) -> np.dtype[Any]:
    """A record of whole numbers and real ones by their names."""
    return np.dtype([(name, np.int64) for name in whole.split()] + [(name, np.float64) for name in real.split()])


REQUEST = _records(
    "index prompt output tier user attempts state replica place before after preempted cached count",
    "arrival admitted first target computed made joined context key",
)
"""An active request.

index: number in the trace; prompt, output, tier, user, attempts: as they say; state, replica: where it is
place: in the heap that it is in; before, after: neighbours in its list; preempted, cached: times preempted, prompt tokens
found in a cache; count: blocks of its prompt
arrival: of the first attempt; admitted, first: of its first iteration and first token
target, computed: tokens to be in the cache before it decodes, and those of them that are
made: output tokens before the present stretch of decoding; joined, context: decode rounds of the replica, and the
request's tokens, when that began; key: when it acts next, in seconds or, where it decodes, in rounds of its replica
"""

REPLICA = _records(
    "pool state iterations prompt_tokens decodes running decoding waiting partial ended oldest newest blocks",
    "now next pairs rounds context held peak pending extra since",
)
"""A replica.

iterations, prompt_tokens, pairs, decodes: of its present stretch: how many, prompt tokens of the one that has any, their
query-key pairs, sequences that gain tokens; now, next: its start and end
running, decoding, waiting: requests admitted, those of them that decode, those that queue
partial: the request whose prompt is part done; ended: how many of `done` end their prompt with this iteration
oldest, newest, blocks: of the prefix cache; rounds: iterations with decodes so far
context, held: tokens of the sequences that decode, tokens of the cache in use; peak: the most of these since blocks were
last given up; pending: prompt tokens still to compute; extra: seconds of swaps before the next iteration
since: when its time was last counted
"""

POOL = _records(
    "role mixed stages sequences chunk verified least most layers",
    "gained room weight most_watts move_start move swap answer outstanding start_delay hold low_since on_time busy "
    "iterations decoded prefilled joules",
)
"""A pool of like replicas: `service.Pool`, with kinds of layers, the time since when fewer replicas would do, and totals:
replica-seconds paid for and busy, iterations, tokens, joules."""

TIER = _records("retries", "queue patience rate burst retry_share retry_delay")
"""A tier of users: `service.Tier`."""

USER = _records("", "level filled")
"""A user's token bucket: what it held when."""

NODE = _records("replica block chain older newer", "")
"""A block in a replica's prefix cache, in a chain of the hash table and in order of use."""

TOTALS = _records(
    "router loop seed prefix_tokens free timed taken events ended samples cursor credits nodes",
    "now next_scale next_sample scale_every sample_every",
)
"""The rules that are one number, and running numbers: free slots, slots in the timed heap, requests that came, events,
rows of ended requests and samples, place of the round robin, requests that a closed loop may start, free nodes."""

ENDED = _records("index outcome tier pool prompt output preempted cached attempts", "arrival admitted first end")
"""A request that ended."""

SAMPLE = _records("waiting running replicas", "time held")
"""The system at some time: requests queued and running, replicas that serve, share of the caches held."""


class World(NamedTuple):
    """Everything that the loop works on.

    slots, blocks, free, timed: active requests, ids of their prompts' blocks, free slots, heap of slots by time
    replicas, heads, tails, finish, done, tree: replicas; first and last slot by replica, list and tier; heaps of slots by
    the round in which they end; slots whose prompt ends; times of their next events in a tree
    pools, tokens, prompt, decoding, sampled, kinds: pools and their laws (`IterationLaw`), in seconds [0] and joules [1]
    nodes, buckets, spare: blocks of the prefix caches, the hash table, free nodes
    """

    slots: Records
    blocks: Ints
    free: Ints
    timed: Ints
    replicas: Records
    heads: Ints
    tails: Ints
    finish: Ints
    done: Ints
    tree: Floats
    pools: Records
    tokens: Floats
    prompt: Floats
    decoding: Floats
    sampled: Floats
    kinds: Floats
    tiers: Records
    users: Records
    nodes: Records
    buckets: Ints
    spare: Ints
    totals: Records
    ended: Records
    samples: Records

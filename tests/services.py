"""Small services and traces for tests of the simulator."""

from __future__ import annotations

import numpy as np

from petaday.serving.law import IterationLaw
from petaday.serving.requests import Requests, Trace
from petaday.serving.simulate.service import Pool
from reference_serving import Request

UNBOUNDED = 1e15


def law(*, base=0.02, token=1e-4, decode=1e-5, context=1e-6, pair=1e-9, window=UNBOUNDED, most=4096):
    """An iteration of `base` seconds and some for each token, decode, cached token and pair; half of the layers' window."""
    tokens = base + token * np.arange(most)
    kinds = [[each, context / 2, pair / 2, token / 10, 100.0, base / 50] for each in (UNBOUNDED, window)]
    sampled = np.stack([1e-5 * np.arange(most), 1e-5 * (np.arange(most) + 1)])
    return IterationLaw(tokens, 2e-6 * np.arange(most), decode * np.arange(most), sampled, np.array(kinds))


def constant(seconds, most=4096):
    """An iteration of always the same length."""
    none = np.zeros(most)
    return IterationLaw(none + seconds, none, none, np.zeros((2, most)), np.zeros((1, 6)))


def pool(own_law=None, **changes):
    """A replica of 8 sequences, 64 tokens an iteration and a cache of 2,000 tokens; the law costs no joules."""
    own_law = own_law or law()
    free = IterationLaw(*(0 * part for part in own_law))
    return Pool(own_law, free, **{"replicas": 1, "sequences": 8, "chunk": 64, "room": 2000.0, **changes})


def random_requests(seed, count, *, rate=5.0, prompt=200, output=60, tiers=1, users=0, groups=0, size=16):
    """Poisson arrivals; some at one time; prompts of blocks that belong to one of some groups."""
    rng = np.random.default_rng(seed)
    arrival = np.cumsum(rng.exponential(1 / rate, count) * (rng.random(count) > 0.1))
    prompts, outputs = rng.integers(1, prompt, count), rng.integers(1, output, count)
    out = []
    for index in range(count):
        blocks: tuple[int, ...] = ()
        if groups:
            group, shared = int(rng.integers(groups)), int(rng.integers(0, 8))
            own = range(10_000 + 100 * index, 10_000 + 100 * index + 99)
            whole = -(-int(prompts[index]) // size)
            blocks = (*(100 * group + k for k in range(min(shared, whole))), *own)[:whole]
        tier = int(rng.integers(tiers))
        user = int(rng.integers(users)) if users else -1
        lengths = int(prompts[index]), int(outputs[index])
        out.append(Request(index, float(arrival[index]), *lengths, tier=tier, user=user, blocks=blocks))
    return out


def trace_of(listed, *, users=0, size=0, chunk=7):
    """The requests as a stream of small chunks."""
    chunks = []
    for start in range(0, len(listed), chunk):
        part = listed[start : start + chunk]
        ends = np.cumsum([0, *(len(each.blocks) for each in part)])
        blocks = [block for each in part for block in each.blocks]
        columns = ([getattr(each, name) for each in part] for name in ("prompt", "output", "tier", "user"))
        whole = (np.array(column, dtype=np.int64) for column in columns)
        arrival = np.array([each.arrival for each in part])
        chunks.append(Requests(arrival, *whole, ends.astype(np.int64), np.array(blocks, dtype=np.int64)))
    return Trace("test", chunks, block_tokens=size, users=users)

"""A service as the records that the compiled loop works on, and records that grow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from petaday.serving.requests import CHUNK
from petaday.serving.simulate import state
from petaday.serving.simulate.service import Pool, Service
from petaday.serving.simulate.state import NOBODY, ON, Records, World

FIRST_SLOTS = 1024
SAMPLES = 4096
NEVER = 1e300
"""Seconds until what does not happen: finite, since the loop adds to it."""

ROUTERS = ("round-robin", "least-loaded", "prefix-aware")
ROLES = ("both", "prefill", "decode")


def build(service: Service, sample_every: float, blocks: int) -> World:
    """An empty world. blocks: the most of a prompt."""
    members = np.repeat(np.arange(len(service.pools)), [pool.most for pool in service.pools])
    count, tiers = len(members), len(service.tiers)
    widest = max(pool.sequences for pool in service.pools)
    leaves = 1 << max(count - 1, 0).bit_length()
    nodes = _nodes(service, members)
    return World(
        slots=np.zeros(FIRST_SLOTS, dtype=state.REQUEST),
        blocks=np.zeros((FIRST_SLOTS, max(blocks, 1)), dtype=np.int64),
        free=np.arange(FIRST_SLOTS),
        timed=np.zeros(FIRST_SLOTS, dtype=np.int64),
        replicas=_replicas(service, members),
        heads=np.full((count, 2, tiers), NOBODY),
        tails=np.full((count, 2, tiers), NOBODY),
        finish=np.zeros((count, widest), dtype=np.int64),
        done=np.zeros((count, widest), dtype=np.int64),
        tree=np.full(2 * leaves, math.inf),
        pools=_pools(service.pools),
        tokens=_stacked(service.pools, "tokens"),
        prompt=_stacked(service.pools, "prompt"),
        decoding=_stacked(service.pools, "decodes"),
        sampled=_stacked(service.pools, "sampled"),
        kinds=_stacked(service.pools, "kinds"),
        tiers=_tiers(service),
        users=_accounts(0),
        nodes=np.zeros(nodes, dtype=state.NODE),
        buckets=np.full(2 * nodes + 1, NOBODY),
        spare=np.arange(nodes),
        totals=_totals(service, sample_every, nodes),
        ended=np.zeros(CHUNK + FIRST_SLOTS, dtype=state.ENDED),
        samples=np.zeros(SAMPLES, dtype=state.SAMPLE),
    )


def grown(world: World) -> World:
    """The same world with twice the slots, whose present ones are all taken."""
    old = len(world.slots)
    free = _longer(world.free, 2 * old)
    free[:old] = np.arange(old, 2 * old)
    world.totals["free"] = old
    return world._replace(
        slots=_longer(world.slots, 2 * old),
        blocks=_longer(world.blocks, 2 * old),
        free=free,
        timed=_longer(world.timed, 2 * old),
        ended=np.zeros(CHUNK + 2 * old, dtype=state.ENDED),
    )


def with_users(world: World, highest: int) -> World:
    """The same world with accounts for users up to this number."""
    missing = highest + 1 - len(world.users)
    if missing <= 0:
        return world
    return world._replace(users=np.concatenate([world.users, _accounts(max(missing, len(world.users)))]))


def _accounts(count: int) -> Records:
    """Token buckets, full before the first request whatever their size."""
    accounts = np.zeros(count, dtype=state.USER)
    accounts["level"] = NEVER
    return accounts


def _longer(array: NDArray[Any], size: int) -> NDArray[Any]:
    longer = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
    longer[: len(array)] = array
    return longer


def _replicas(service: Service, members: NDArray[np.int64]) -> Records:
    replicas = np.zeros(len(members), dtype=state.REPLICA)
    replicas["pool"] = members
    replicas["next"] = math.inf
    for name in ("partial", "oldest", "newest"):
        replicas[name] = NOBODY
    for place, pool in enumerate(service.pools):
        replicas["state"][np.flatnonzero(members == place)[: pool.replicas]] = ON
    return replicas


def _pools(pools: Sequence[Pool]) -> Records:
    out = np.zeros(len(pools), dtype=state.POOL)
    for row, pool in zip(out, pools, strict=True):
        for name in (
            "mixed",
            "stages",
            "sequences",
            "chunk",
            "room",
            "weight",
            "most_watts",
            "move_start",
            "move",
            "swap",
            "answer",
        ):
            row[name] = getattr(pool, name)
        row["role"] = ROLES.index(pool.role)
        row["verified"], row["gained"] = pool.speculation.verified, pool.speculation.gained
        row["layers"] = len(pool.seconds.kinds)
        row["least"] = row["most"] = pool.replicas
        row["outstanding"], row["hold"] = 1.0, NEVER
        if pool.scaling:
            for name in ("least", "most", "outstanding", "start_delay", "hold"):
                row[name] = getattr(pool.scaling, name)
    return out


def _stacked(pools: Sequence[Pool], name: str) -> NDArray[np.float64]:
    """One table of every pool's law, in seconds and joules, padded to one size."""
    tables = [[np.asarray(getattr(law, name)) for law in (pool.seconds, pool.joules)] for pool in pools]
    shape = np.max([table.shape for both in tables for table in both], axis=0)
    out = np.zeros((2, len(pools), *shape))
    for place, both in enumerate(tables):
        for unit, table in enumerate(both):
            out[unit, place][tuple(slice(size) for size in table.shape)] = table
    return out


def _tiers(service: Service) -> Records:
    out = np.zeros(len(service.tiers), dtype=state.TIER)
    for row, tier in zip(out, service.tiers, strict=True):
        for name in state.TIER.names or ():
            row[name] = getattr(tier, name)
    return out


def _nodes(service: Service, members: NDArray[np.int64]) -> int:
    """Room for twice the blocks that each cache holds: a prompt's own may come in before old ones go."""
    size = service.prefix_tokens
    return 2 * sum(int(service.pools[pool].room // size) for pool in members) + 1 if size else 1


def _totals(service: Service, sample_every: float, nodes: int) -> Records:
    totals = np.zeros(1, dtype=state.TOTALS)
    scaled = any(pool.scaling for pool in service.pools)
    values = {
        "router": ROUTERS.index(service.router),
        "loop": service.loop,
        "credits": service.loop,
        "seed": service.seed,
        "prefix_tokens": service.prefix_tokens,
        "free": FIRST_SLOTS,
        "nodes": nodes,
        "scale_every": service.scale_every if scaled else NEVER,
        "next_scale": service.scale_every if scaled else NEVER,
        "sample_every": sample_every,
        "next_sample": sample_every,
    }
    for name, value in values.items():
        totals[name] = value
    return totals

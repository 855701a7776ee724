"""Blocks of prompts that stay in a replica's cache after their requests, the least recently used given up first.

What running requests hold comes first: blocks only take the room beside it.
"""

from __future__ import annotations

from petaday.serving.simulate.compile import compiled
from petaday.serving.simulate.state import NOBODY


@compiled
def _bucket(world, replica, block):
    mixed = (block * 2654435761 + replica * 40503) & 0x7FFFFFFFFFFFFFFF
    return (mixed ^ (mixed >> 17)) % len(world.buckets)


@compiled
def _find(world, replica, block):
    nodes = world.nodes
    node = world.buckets[_bucket(world, replica, block)]
    while node != NOBODY and (nodes[node].block != block or nodes[node].replica != replica):
        node = nodes[node].chain
    return node


@compiled
def matched(world, replica, slot):
    """Prompt tokens of a request that a replica's cache has: its leading blocks, less the last token of the prompt."""
    size = world.totals[0].prefix_tokens
    if size == 0:
        return 0
    found = 0
    while found < world.slots[slot].count and _find(world, replica, world.blocks[slot, found]) != NOBODY:
        found += 1
    return min(found * size, world.slots[slot].prompt - 1)


@compiled
def _detach(world, node):
    nodes, own = world.nodes, world.replicas[world.nodes[node].replica]
    older, newer = nodes[node].older, nodes[node].newer
    if older == NOBODY:
        own.oldest = newer
    else:
        nodes[older].newer = newer
    if newer == NOBODY:
        own.newest = older
    else:
        nodes[newer].older = older


@compiled
def _attach(world, node):
    nodes, own = world.nodes, world.replicas[world.nodes[node].replica]
    nodes[node].older, nodes[node].newer = own.newest, NOBODY
    if own.newest == NOBODY:
        own.oldest = node
    else:
        nodes[own.newest].newer = node
    own.newest = node


@compiled
def _drop(world, node):
    """Forget a block."""
    nodes, totals = world.nodes, world.totals[0]
    where = _bucket(world, nodes[node].replica, nodes[node].block)
    at, before = world.buckets[where], NOBODY
    while at != node:
        before, at = at, nodes[at].chain
    if before == NOBODY:
        world.buckets[where] = nodes[node].chain
    else:
        nodes[before].chain = nodes[node].chain
    _detach(world, node)
    world.replicas[nodes[node].replica].blocks -= 1
    world.spare[totals.nodes] = node
    totals.nodes += 1


@compiled
def trim(world, replica):
    """Give up blocks until they fit beside the most that requests have held since the last time."""
    own, size = world.replicas[replica], world.totals[0].prefix_tokens
    room = world.pools[own.pool].room - own.peak
    while own.blocks and own.blocks * size > room:
        _drop(world, own.oldest)
    own.peak = own.held


@compiled
def keep(world, replica, slot):
    """Put a request's whole blocks into a replica's cache, the first one used last: a prefix outlives its endings."""
    own, request, totals = world.replicas[replica], world.slots[slot], world.totals[0]
    whole = min(request.count, request.prompt // totals.prefix_tokens)
    for place in range(whole - 1, -1, -1):
        block = world.blocks[slot, place]
        node = _find(world, replica, block)
        if node != NOBODY:
            _detach(world, node)
        else:
            totals.nodes -= 1
            node = world.spare[totals.nodes]
            world.nodes[node].replica, world.nodes[node].block = replica, block
            where = _bucket(world, replica, block)
            world.nodes[node].chain = world.buckets[where]
            world.buckets[where] = node
            own.blocks += 1
        _attach(world, node)
    trim(world, replica)

"""Lists and heaps of slots, and the tree of the replicas' next times. All take constant or logarithmic time."""

from __future__ import annotations

import numpy as np

from petaday.serving.simulate.compile import compiled
from petaday.serving.simulate.state import NOBODY


@compiled
def append(world, replica, which, slot):
    """Put a request at the end of its tier's list."""
    tier = world.slots[slot].tier
    last = world.tails[replica, which, tier]
    world.slots[slot].before, world.slots[slot].after = last, NOBODY
    if last == NOBODY:
        world.heads[replica, which, tier] = slot
    else:
        world.slots[last].after = slot
    world.tails[replica, which, tier] = slot


@compiled
def prepend(world, replica, which, slot):
    """Put a request at the beginning of its tier's list."""
    tier = world.slots[slot].tier
    first = world.heads[replica, which, tier]
    world.slots[slot].before, world.slots[slot].after = NOBODY, first
    if first == NOBODY:
        world.tails[replica, which, tier] = slot
    else:
        world.slots[first].before = slot
    world.heads[replica, which, tier] = slot


@compiled
def unlink(world, replica, which, slot):
    """Take a request out of its tier's list."""
    tier = world.slots[slot].tier
    before, after = world.slots[slot].before, world.slots[slot].after
    if before == NOBODY:
        world.heads[replica, which, tier] = after
    else:
        world.slots[before].after = after
    if after == NOBODY:
        world.tails[replica, which, tier] = before
    else:
        world.slots[after].before = before


@compiled
def push(slots, heap, size, slot):
    """Put a slot into a heap ordered by the requests' keys; the heap's new size."""
    heap[size] = slot
    slots[slot].place = size
    _up(slots, heap, size)
    return size + 1


@compiled
def remove(slots, heap, size, slot):
    """Take a slot out of its heap; the heap's new size."""
    place, last = slots[slot].place, heap[size - 1]
    slots[slot].place = NOBODY
    if last != slot:
        heap[place] = last
        slots[last].place = place
        _up(slots, heap, place)
        _down(slots, heap, slots[last].place, size - 1)
    return size - 1


@compiled
def _up(slots, heap, place):
    slot = heap[place]
    key = slots[slot].key
    while place > 0:
        parent = (place - 1) // 2
        above = heap[parent]
        if slots[above].key <= key:
            break
        heap[place] = above
        slots[above].place = place
        place = parent
    heap[place] = slot
    slots[slot].place = place


@compiled
def _down(slots, heap, place, size):
    slot = heap[place]
    key = slots[slot].key
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and slots[heap[child + 1]].key < slots[heap[child]].key:
            child += 1
        below = heap[child]
        if key <= slots[below].key:
            break
        heap[place] = below
        slots[below].place = place
        place = child
    heap[place] = slot
    slots[slot].place = place


@compiled
def set_next(world, replica, time):
    """Set when a replica's stretch ends: each node of the tree holds the earlier time of its two halves."""
    tree = world.tree
    world.replicas[replica].next = time
    node = len(tree) // 2 + replica
    tree[node] = time
    node //= 2
    while node:
        tree[node] = min(tree[2 * node], tree[2 * node + 1])
        node //= 2


@compiled
def earliest(tree):
    """The replica whose stretch ends first; of several, the first."""
    node, leaves = 1, len(tree) // 2
    while node < leaves:
        node = 2 * node if tree[2 * node] == tree[node] else 2 * node + 1
    return node - leaves


@compiled
def chance(seed, index, draw):
    """A number in [0, 1) that depends on its arguments alone (SplitMix64: Steele, Lea, Flood 2014, figure 16)."""
    word = (
        np.uint64(seed)
        + np.uint64(index) * np.uint64(0x9E3779B97F4A7C15)
        + np.uint64(draw) * np.uint64(0xD1B54A32D192ED03)
    )
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    word = word ^ (word >> np.uint64(31))
    return np.float64(word >> np.uint64(11)) / 9007199254740992.0

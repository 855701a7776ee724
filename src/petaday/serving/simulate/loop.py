"""The loop: what happens next, until the requests at hand have come and, at the last ones, until all have left."""

from __future__ import annotations

import math

from petaday.serving.simulate.clients import arrive, ask, on_time
from petaday.serving.simulate.compile import compiled, entry
from petaday.serving.simulate.queues import earliest, remove, set_next
from petaday.serving.simulate.replica import plan, settle
from petaday.serving.simulate.state import (
    DONE,
    DRAINING,
    GROW,
    NEXT_CHUNK,
    NOBODY,
    OFF,
    ON,
    STARTING,
    STOPPED,
    TAKE_SAMPLES,
)


@entry
def advance(world, requests, first, position, last, most_events, horizon):
    """Simulate until the chunk of requests is used up; with the `last` one, until nothing is left to happen.

    requests: a `Requests` tuple; first: number of its first one in the trace; position: [how many of them have come]
    At equal times waiting ends first, then requests come, then iterations begin.
    """
    totals, size = world.totals[0], len(requests.arrival)
    while True:
        open_ = totals.loop == 0
        ready = open_ or totals.credits > 0
        if position[0] >= size and not last and ready:
            return NEXT_CHUNK
        coming = ready and position[0] < size
        arrival = math.inf
        if coming:
            arrival = requests.arrival[position[0]] if open_ else totals.now
        timed = world.slots[world.timed[0]].key if totals.timed else math.inf
        time = min(arrival, timed, world.tree[1])
        if time == math.inf:
            return DONE
        if time > horizon or totals.events >= most_events:
            return STOPPED
        if totals.next_sample <= time:
            if totals.samples == len(world.samples):
                return TAKE_SAMPLES
            _sample(world, totals.next_sample)
            totals.next_sample += totals.sample_every
            continue
        if totals.next_scale <= time:
            for pool in range(len(world.pools)):
                _scale(world, pool, totals.next_scale)
            totals.next_scale += totals.scale_every
            continue
        totals.now = time
        totals.events += 1
        if timed <= time:
            slot = world.timed[0]
            totals.timed = remove(world.slots, world.timed, totals.timed, slot)
            on_time(world, slot, time)
        elif coming and arrival <= time:
            if totals.free == 0:
                return GROW
            _arrival(world, requests, position[0], first, time)
            position[0] += 1
        else:
            _boundary(world, earliest(world.tree), time)


@compiled
def _arrival(world, requests, row, first, time):
    """The next request of the trace comes."""
    totals = world.totals[0]
    slot = arrive(
        world, time, first + row, requests.prompt[row], requests.output[row], requests.tier[row], requests.user[row]
    )
    if totals.prefix_tokens:
        start, stop = requests.first_block[row], requests.first_block[row + 1]
        world.slots[slot].count = min(stop - start, world.blocks.shape[1])
        for place in range(world.slots[slot].count):
            world.blocks[slot, place] = requests.blocks[start + place]
    totals.taken += 1
    totals.credits -= 1
    ask(world, slot, time)


@compiled
def _boundary(world, replica, time):
    """A stretch ends, or a replica that was starting begins to serve."""
    own = world.replicas[replica]
    if own.state == STARTING:
        _switch(world, replica, time, ON)
    settle(world, replica, time)
    plan(world, replica, time)
    if own.state == DRAINING and own.running + own.waiting == 0:
        _switch(world, replica, time, OFF)


@compiled
def _switch(world, replica, time, state):
    """Change a replica's state; it is paid for from its start until it is off."""
    own = world.replicas[replica]
    if own.state != OFF:
        world.pools[own.pool].on_time += time - own.since
    own.since = time
    own.state = state


@entry
def close(world, time):
    """Count the time of replicas that are still on."""
    for replica in range(len(world.replicas)):
        _switch(world, replica, time, world.replicas[replica].state)


@compiled
def _scale(world, number, time):
    """A pool aims at so many requests on each replica: it starts more at once, and lets one go after a time of less."""
    pool = world.pools[number]
    present, load, idlest = 0, 0, NOBODY
    for replica in range(len(world.replicas)):
        own = world.replicas[replica]
        if own.pool == number and own.state != OFF:
            load += own.running + own.waiting
            present += own.state != DRAINING
    wanted = int(min(max(math.ceil(load / pool.outstanding), pool.least), pool.most))
    if wanted >= present:
        pool.low_since = time
    # Those that drain are warm: they come back before others start.
    for state in (DRAINING, OFF):
        for replica in range(len(world.replicas)):
            own = world.replicas[replica]
            if present < wanted and own.pool == number and own.state == state:
                _switch(world, replica, time, ON if state == DRAINING else STARTING)
                if state == OFF:
                    set_next(world, replica, time + pool.start_delay)
                present += 1
    if wanted < present and time - pool.low_since >= pool.hold:
        # One that does not serve yet goes first, and so at least one that serves stays.
        fewest = math.inf
        for replica in range(len(world.replicas)):
            own = world.replicas[replica]
            load = NOBODY if own.state == STARTING else own.running + own.waiting
            if own.pool == number and own.state in (STARTING, ON) and load <= fewest:
                idlest, fewest = replica, load
        if idlest != NOBODY:
            if fewest == NOBODY:
                set_next(world, idlest, math.inf)
            _switch(world, idlest, time, DRAINING if fewest > 0 else OFF)


@compiled
def _sample(world, time):
    """Note the system as it is."""
    row = world.samples[world.totals[0].samples]
    row.time, row.waiting, row.running, row.replicas = time, 0, 0, 0
    held, room = 0.0, 0.0
    for replica in range(len(world.replicas)):
        own = world.replicas[replica]
        row.waiting += own.waiting
        row.running += own.running
        if own.state == ON or own.state == DRAINING:
            row.replicas += 1
            held += own.held
            room += world.pools[own.pool].room
    row.held = held / room if room > 0 else 0.0
    world.totals[0].samples += 1

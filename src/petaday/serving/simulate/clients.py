"""How requests come in: rate limits, the choice of a replica, queues that are full, those who come again or give up."""

from __future__ import annotations

import math

from petaday.serving.memory import PAGE
from petaday.serving.simulate.compile import compiled
from petaday.serving.simulate.prefix import matched, trim
from petaday.serving.simulate.price import SECONDS, iterations_until, stretch
from petaday.serving.simulate.queues import chance, push, set_next
from petaday.serving.simulate.replica import dequeue, end, enqueue, leave
from petaday.serving.simulate.state import (
    AWAY,
    DECODE,
    FULL,
    LEAST_LOADED,
    LIMITED,
    MOVING,
    NOBODY,
    ON,
    PREFILL,
    ROUND_ROBIN,
    TIMED_OUT,
    TOO_LONG,
    WAIT,
    WAITING,
)


@compiled
def arrive(world, time, index, prompt, output, tier, user):
    """A request comes for the first time; the slot it takes."""
    totals = world.totals[0]
    totals.free -= 1
    slot = world.free[totals.free]
    request = world.slots[slot]
    request.index, request.arrival = index, time
    request.prompt, request.output, request.tier, request.user = prompt, output, tier, user
    request.attempts, request.preempted, request.cached, request.count = 1, 0, 0, 0
    request.replica, request.place = NOBODY, NOBODY
    request.admitted, request.first, request.joined = NOBODY, NOBODY, NOBODY
    request.target, request.computed, request.made = prompt, 0.0, 0.0
    request.state = AWAY
    return slot


@compiled
def ask(world, slot, time):
    """A request asks to be served: it enters a queue, comes again later, or leaves."""
    request, totals = world.slots[slot], world.totals[0]
    tier = world.tiers[request.tier]
    if tier.rate < math.inf and request.user >= 0 and not _take_token(world, slot, time):
        _refuse(world, slot, time, LIMITED)
        return
    replica = route(world, slot, DECODE, time)
    if replica == NOBODY:
        end(world, slot, time, TOO_LONG)
        return
    if world.replicas[replica].waiting >= tier.queue:
        _refuse(world, slot, time, FULL)
        return
    _wait(world, replica, slot, time)
    if tier.patience < math.inf:
        request.key = time + tier.patience
        totals.timed = push(world.slots, world.timed, totals.timed, slot)


@compiled
def on_time(world, slot, time):
    """What a request does when its time has come: give up waiting, come again, or go on where its cache now is."""
    request = world.slots[slot]
    replica = request.replica
    if request.state == WAITING:
        world.replicas[replica].pending -= request.target - request.computed
        dequeue(world, replica, slot)
        end(world, slot, time, TIMED_OUT)
    elif request.state == AWAY:
        ask(world, slot, time)
    else:
        leave(world, replica, slot)
        wake(world, replica, time, True)
        other = route(world, slot, PREFILL, time)
        if other == NOBODY:
            end(world, slot, time, TOO_LONG)
        else:
            _wait(world, other, slot, time)


@compiled
def _wait(world, replica, slot, time):
    """Enter a replica's queue, and end its stretch at the next iteration if that could let the request in."""
    ahead = False
    for tier in range(world.slots[slot].tier + 1):
        ahead = ahead or world.heads[replica, WAIT, tier] != NOBODY
    enqueue(world, replica, slot, False)
    wake(world, replica, time, not ahead)


@compiled
def wake(world, replica, time, may_join):
    """Make a resting replica plan now, and one amid a long stretch after the iteration that is under way."""
    own = world.replicas[replica]
    if own.next == math.inf:
        set_next(world, replica, time)
    elif may_join and own.iterations > 1 and own.running < world.pools[own.pool].sequences:
        since, most = time - own.now, own.iterations
        count = iterations_until(world, own.pool, own.decodes, own.context, since, most)
        if count < most:
            own.iterations = count
            seconds = stretch(world, own.pool, SECONDS, own.decodes, own.context, count)
            set_next(world, replica, own.now + seconds)


@compiled
def _refuse(world, slot, time, outcome):
    """Turn a request away: it comes again after a delay that doubles each time, or leaves."""
    request, totals = world.slots[slot], world.totals[0]
    tier, attempt = world.tiers[request.tier], request.attempts
    if attempt > tier.retries or chance(totals.seed, request.index, 2 * attempt) >= tier.retry_share:
        end(world, slot, time, outcome)
        return
    jitter = 0.5 + chance(totals.seed, request.index, 2 * attempt + 1)
    request.attempts += 1
    request.state = AWAY
    request.key = time + tier.retry_delay * 2.0 ** (attempt - 1) * jitter
    totals.timed = push(world.slots, world.timed, totals.timed, slot)


@compiled
def _take_token(world, slot, time):
    """Take one from the user's bucket, which fills at its tier's rate up to the burst; whether there was one."""
    bucket, tier = world.users[world.slots[slot].user], world.tiers[world.slots[slot].tier]
    level = min(tier.burst, bucket.level + tier.rate * (time - bucket.filled))
    bucket.filled = time
    bucket.level = level - 1 if level >= 1 else level
    return level >= 1


@compiled
def route(world, slot, other, time):
    """The replica for a request among those that are on and whose role is not `other`; nobody if it fits in none.

    Round robin takes the next; least loaded the one with the fewest requests for its speed; prefix aware the one with
    the fewest prompt tokens to compute before this request's first token, cached ones left out.
    """
    request, totals = world.slots[slot], world.totals[0]
    count = len(world.replicas)
    need = request.prompt + request.output + PAGE
    best, best_cost, best_load = NOBODY, math.inf, math.inf
    for step in range(count):
        replica = (totals.cursor + step) % count
        own = world.replicas[replica]
        pool = world.pools[own.pool]
        if own.state != ON or pool.role == other or need > pool.room:
            continue
        if totals.router == ROUND_ROBIN:
            totals.cursor = (replica + 1) % count
            return replica
        load = (own.running + own.waiting) / pool.weight
        cost = load
        if totals.router != LEAST_LOADED and request.state != MOVING:
            _catch_up(world, replica, time)
            cost = (own.pending + request.target - matched(world, replica, slot)) / pool.weight
        if cost < best_cost or (cost == best_cost and load < best_load):
            best, best_cost, best_load = replica, cost, load
    return best


@compiled
def _catch_up(world, replica, time):
    """Give up the blocks whose room the iterations done so far of the present stretch have taken."""
    own = world.replicas[replica]
    if own.iterations > 1 and own.blocks > 0:
        since = time - own.now
        done = iterations_until(world, own.pool, own.decodes, own.context, since, own.iterations) - 1
        own.peak = max(own.peak, own.held + done * own.decodes * world.pools[own.pool].gained)
        trim(world, replica)

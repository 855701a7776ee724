"""One replica: what ends with a stretch of iterations, who joins, and how long the next one lasts.

The order of an engine's scheduler (vLLM's V1): sequences that decode first, then the prompt that is part done, then the
queue, in tokens up to the chunk; where the cache has no room for the next tokens, the last to come of the lowest tier
goes back to the head of its queue.
"""

from __future__ import annotations

import math

from petaday.serving.memory import PAGE
from petaday.serving.simulate.compile import compiled
from petaday.serving.simulate.prefix import keep, matched, trim
from petaday.serving.simulate.price import JOULES, SECONDS, iteration, stretch, until_kink
from petaday.serving.simulate.queues import append, prepend, push, remove, set_next, unlink
from petaday.serving.simulate.state import MOVING, NOBODY, PREFILL, RUN, RUNNING, SERVED, WAIT, WAITING

HALF_PAGE = PAGE / 2
"""Tokens of room that the last page of a sequence wastes on average."""

ROUNDING = 1e-9
"""What sums of thousands of gained tokens may be off: they count as whole within it."""


@compiled
def end(world, slot, time, outcome):
    """A request leaves: note it and free its slot."""
    request, totals = world.slots[slot], world.totals[0]
    row = world.ended[totals.ended]
    row.index, row.outcome, row.tier = request.index, outcome, request.tier
    row.pool = world.replicas[request.replica].pool if request.replica != NOBODY else NOBODY
    row.prompt, row.output = request.prompt, request.output
    row.preempted, row.cached, row.attempts = request.preempted, request.cached, request.attempts
    row.arrival, row.admitted, row.first, row.end = request.arrival, request.admitted, request.first, time
    if outcome == SERVED:
        # What users see comes later than what the engine does, all of it alike.
        answer = world.pools[world.replicas[request.replica].pool].answer
        row.first += answer
        row.end += answer
    totals.ended += 1
    world.free[totals.free] = slot
    totals.free += 1
    totals.credits += 1


@compiled
def enqueue(world, replica, slot, first):
    """Put a request into a replica's queue, behind its tier's or before them."""
    own, request = world.replicas[replica], world.slots[slot]
    request.state, request.replica = WAITING, replica
    if first:
        prepend(world, replica, WAIT, slot)
    else:
        append(world, replica, WAIT, slot)
    own.waiting += 1
    own.pending += request.target - request.computed


@compiled
def dequeue(world, replica, slot):
    """Take a request out of a replica's queue."""
    totals = world.totals[0]
    unlink(world, replica, WAIT, slot)
    world.replicas[replica].waiting -= 1
    if world.slots[slot].place != NOBODY:
        totals.timed = remove(world.slots, world.timed, totals.timed, slot)


@compiled
def leave(world, replica, slot):
    """Take a running request out of its replica's list and cache."""
    own, request = world.replicas[replica], world.slots[slot]
    held = request.computed
    if request.joined >= 0:
        held = request.target + world.pools[own.pool].gained * (own.rounds - request.joined)
    unlink(world, replica, RUN, slot)
    own.running -= 1
    own.held -= held + HALF_PAGE


@compiled
def _join(world, replica, slot):
    """A request whose prompt is computed begins to decode."""
    own, request = world.replicas[replica], world.slots[slot]
    left = math.ceil((request.output - request.made) / world.pools[own.pool].gained - ROUNDING)
    request.joined = own.rounds
    request.context = request.prompt + request.made
    request.key = own.rounds + max(left, 1)
    own.context += request.context
    own.decoding = push(world.slots, world.finish[replica], own.decoding, slot)


@compiled
def _stop_decoding(world, replica, slot):
    """Take a request out of those that decode; the output tokens it has."""
    own, request = world.replicas[replica], world.slots[slot]
    grown = world.pools[own.pool].gained * (own.rounds - request.joined)
    own.context -= request.context + grown
    own.decoding = remove(world.slots, world.finish[replica], own.decoding, slot)
    return request.made + grown


@compiled
def settle(world, replica, time):
    """Account for the stretch that ends now: tokens made, prompts done, requests ended."""
    own = world.replicas[replica]
    count, decodes = own.iterations, own.decodes
    if count == 0:
        return
    pool = world.pools[own.pool]
    if own.prompt_tokens > 0:
        context = own.context if decodes else 0.0
        joules = iteration(world, own.pool, JOULES, decodes, context, own.prompt_tokens, own.pairs)
    else:
        joules = stretch(world, own.pool, JOULES, decodes, own.context, count)
    pool.joules += min(joules, pool.most_watts * (time - own.now))
    grown = decodes * pool.gained * count
    pool.busy += time - own.now
    pool.iterations += count
    pool.prefilled += own.prompt_tokens
    pool.decoded += grown
    own.context += grown
    own.held += grown
    own.peak = max(own.peak, own.held)
    own.iterations = 0
    if decodes:
        own.rounds += count
    while own.decoding and world.slots[world.finish[replica, 0]].key <= own.rounds:
        slot = world.finish[replica, 0]
        # The room of its tokens goes by the rounds it decoded, before it stops.
        leave(world, replica, slot)
        _stop_decoding(world, replica, slot)
        end(world, slot, time, SERVED)
    for place in range(own.ended):
        _prompt_done(world, replica, world.done[replica, place], time)
    own.ended = 0


@compiled
def _prompt_done(world, replica, slot, time):
    """A prompt's last chunk gives the next token; what follows depends on the replica's role."""
    own, request, totals = world.replicas[replica], world.slots[slot], world.totals[0]
    pool = world.pools[own.pool]
    if totals.prefix_tokens:
        keep(world, replica, slot)
    request.made += 1
    hands_on = pool.role == PREFILL and request.made < request.output
    if request.first < 0 and not hands_on:
        request.first = time
    if request.made >= request.output:
        leave(world, replica, slot)
        end(world, slot, time, SERVED)
    elif hands_on:
        request.state = MOVING
        request.key = time + pool.move_start + pool.move * request.target
        totals.timed = push(world.slots, world.timed, totals.timed, slot)
    else:
        _join(world, replica, slot)


@compiled
def _preempt(world, replica):
    """Send the last to come of the lowest tier back to the head of its queue, with all to compute again or, where the pool
    swaps, with its cache in the host's memory."""
    own = world.replicas[replica]
    tier = world.tails.shape[2] - 1
    while world.tails[replica, RUN, tier] == NOBODY:
        tier -= 1
    slot = world.tails[replica, RUN, tier]
    request, swap = world.slots[slot], world.pools[own.pool].swap
    leave(world, replica, slot)
    decoded = request.joined >= 0
    if decoded:
        request.made = _stop_decoding(world, replica, slot)
        request.joined = NOBODY
        request.target = math.floor(request.prompt + request.made)
    else:
        own.partial = NOBODY
        own.pending -= request.target - request.computed
    request.computed = 0.0
    if decoded and swap > 0:
        request.computed = request.target
        own.extra += swap * request.target
    request.preempted += 1
    enqueue(world, replica, slot, True)


@compiled
def _next_waiting(world, replica):
    """The head of the highest tier's queue, or nobody."""
    for tier in range(world.heads.shape[2]):
        if world.heads[replica, WAIT, tier] != NOBODY:
            return world.heads[replica, WAIT, tier]
    return NOBODY


@compiled
def _admit(world, replica, slot, time):
    """Move a request from the queue to those that run."""
    own, request = world.replicas[replica], world.slots[slot]
    dequeue(world, replica, slot)
    append(world, replica, RUN, slot)
    request.state = RUNNING
    own.running += 1
    own.held += request.computed + HALF_PAGE
    if request.admitted < 0:
        request.admitted = time


@compiled
def _compute(world, replica, slot, tokens):
    """Put the next tokens of a prompt into the iteration."""
    own, request = world.replicas[replica], world.slots[slot]
    own.prompt_tokens += tokens
    own.pairs += tokens * request.computed + tokens * tokens / 2
    own.held += tokens
    own.pending -= tokens
    request.computed += tokens
    own.partial = slot
    if request.computed >= request.target:
        own.partial = NOBODY
        world.done[replica, own.ended] = slot
        own.ended += 1


@compiled
def _fill(world, replica, time):
    """Choose the prompts of the next iteration, and who joins its decodes without one."""
    own = world.replicas[replica]
    pool = world.pools[own.pool]
    # Where prompts have iterations of their own, decodes take no tokens of them. Prompts always leave the decodes room to
    # grow: they would else be sent back before any decode, and come again, for ever.
    share, growth = pool.verified if pool.mixed else 0, pool.gained
    budget = pool.chunk - share * own.decoding
    if own.partial != NOBODY:
        request = world.slots[own.partial]
        free = math.floor(pool.room - own.held - growth * own.decoding)
        tokens = int(min(request.target - request.computed, budget, free))
        if tokens > 0:
            _compute(world, replica, own.partial, tokens)
            budget -= tokens
    while budget > 0 and own.running < pool.sequences:
        slot = _next_waiting(world, replica)
        if slot == NOBODY:
            break
        request = world.slots[slot]
        free = pool.room - own.held - growth * own.decoding - HALF_PAGE
        if request.computed >= request.target:
            if request.computed + growth > free:
                break
            _take_over(world, replica, slot, time)
            budget -= share
            continue
        known = matched(world, replica, slot)
        tokens = int(min(request.target - known, budget))
        if own.partial != NOBODY or known + tokens > free:
            break
        request.computed, request.cached = known, known
        own.pending -= known
        _admit(world, replica, slot, time)
        _compute(world, replica, slot, tokens)
        budget -= tokens


@compiled
def _take_over(world, replica, slot, time):
    """A request whose cache comes from elsewhere, another replica or the host's memory, begins to decode."""
    request = world.slots[slot]
    _admit(world, replica, slot, time)
    if request.preempted:
        world.replicas[replica].extra += world.pools[world.replicas[replica].pool].swap * request.target
    if request.first < 0:
        request.first = time
    _join(world, replica, slot)


@compiled
def plan(world, replica, time):
    """Begin the next stretch of iterations, or rest."""
    own = world.replicas[replica]
    pool = world.pools[own.pool]
    caching = world.totals[0].prefix_tokens > 0
    own.now, own.prompt_tokens, own.pairs = time, 0, 0.0
    while own.decoding and own.held + pool.gained * own.decoding > pool.room:
        _preempt(world, replica)
    if caching:
        trim(world, replica)
    _fill(world, replica, time)
    if caching:
        own.peak = max(own.peak, own.held)
        trim(world, replica)
    own.decodes = 0 if own.prompt_tokens and not pool.mixed else own.decoding
    context = own.context if own.decodes else 0.0
    if own.prompt_tokens or (own.decodes and own.extra > 0):
        own.iterations = 1
        seconds = own.extra + iteration(world, own.pool, SECONDS, own.decodes, context, own.prompt_tokens, own.pairs)
        own.extra = 0.0
        set_next(world, replica, time + seconds)
    elif own.decodes:
        until_end = world.slots[world.finish[replica, 0]].key - own.rounds
        until_full = math.floor((pool.room - own.held) / (pool.gained * own.decodes) + ROUNDING)
        count = until_kink(world, own.pool, own.decodes, context, min(until_end, until_full))
        own.iterations = int(max(count, 1))
        set_next(world, replica, time + stretch(world, own.pool, SECONDS, own.decodes, context, own.iterations))
    else:
        own.iterations = 0
        set_next(world, replica, math.inf)

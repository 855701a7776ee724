"""Seconds and joules of stretches of iterations, and how many iterations fit before something changes.

While the same d sequences decode, the context sum grows by d·gained each iteration, and so the j-th takes
base + slope·(S + j·d·gained) seconds: k of them have a closed form.
"""

from __future__ import annotations

import math

from petaday.serving.simulate.compile import compiled

SECONDS, JOULES = range(2)
WINDOW, TOKEN, PAIR, PROMPT, SEQUENCE, LAUNCH = range(6)


@compiled
def iteration(world, pool, unit, decodes, context, prompt, pairs):
    """SECONDS or JOULES of one iteration: `IterationLaw`."""
    own = world.pools[pool]
    verified = decodes * own.verified
    if unit == SECONDS and own.stages > 1 and prompt > 0:
        # What `engine.fullest_prompt` says, of all groups together: stages that wait draw no joules of work.
        fullest = max(prompt, min(prompt * own.stages, own.chunk))
        pairs *= fullest / prompt
        prompt = fullest
    total = world.tokens[unit, pool, verified + prompt] + world.decoding[unit, pool, decodes]
    if prompt > 0:
        total += world.prompt[unit, pool, prompt] + world.sampled[unit, pool, 1, verified]
    else:
        total += world.sampled[unit, pool, 0, verified]
    for layer in range(world.pools[pool].layers):
        kind = world.kinds[unit, pool, layer]
        if decodes > 0:
            total += min(context, decodes * kind[WINDOW]) * kind[TOKEN] + kind[LAUNCH]
        if pairs > 0:
            seen = min(pairs, prompt * kind[WINDOW])
            arithmetic = kind[PAIR] * (seen + kind[SEQUENCE] * prompt / 2)
            total += max(arithmetic, kind[PROMPT] * prompt) + kind[LAUNCH]
    return total


@compiled
def _growth(world, pool, unit, decodes, context):
    """Seconds or joules by which each iteration takes more than the one before: layers whose windows are full add none."""
    slope = 0.0
    for layer in range(world.pools[pool].layers):
        kind = world.kinds[unit, pool, layer]
        if context < decodes * kind[WINDOW]:
            slope += kind[TOKEN]
    return slope * decodes * world.pools[pool].gained


@compiled
def until_kink(world, pool, decodes, context, most):
    """Iterations, `most` at most, that all lie on one side of every window's end."""
    growth = decodes * world.pools[pool].gained
    for layer in range(world.pools[pool].layers):
        end = decodes * world.kinds[SECONDS, pool, layer, WINDOW]
        if context < end:
            most = min(most, math.floor((end - context) / growth) + 1)
    return most


@compiled
def stretch(world, pool, unit, decodes, context, count):
    """Seconds or joules of `count` iterations that only decode, on one side of every window's end."""
    first = iteration(world, pool, unit, decodes, context, 0, 0.0)
    return count * first + _growth(world, pool, unit, decodes, context) * count * (count - 1) / 2


@compiled
def iterations_until(world, pool, decodes, context, seconds, most):
    """The first of `most` iterations that ends at or after `seconds` from the start of the stretch."""
    first = iteration(world, pool, SECONDS, decodes, context, 0, 0.0)
    growth = _growth(world, pool, SECONDS, decodes, context)
    # count·first + growth·count·(count - 1)/2 = seconds, solved so that no digits cancel
    half = first - growth / 2
    count = int(2 * seconds / (half + math.sqrt(half * half + 2 * growth * seconds)))
    count = min(max(count, 1), most)
    while count > 1 and (count - 1) * first + growth * (count - 1) * (count - 2) / 2 >= seconds:
        count -= 1
    while count < most and count * first + growth * count * (count - 1) / 2 < seconds:
        count += 1
    return count

"""The wiring of networks without tiers: which router, or chip, is joined to which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from petaday.errors import InputError
from petaday.fabric.topology.direct import CUBE, Dragonfly, SlimFly, Torus
from petaday.fabric.topology.galois import field, prime_power

Ints = NDArray[np.int64]
Pairs = tuple[Ints, Ints]


def slim_fly_routers(shape: SlimFly) -> Pairs:
    """Joined routers of a McKay-Miller-Širáň graph; router (s, x, y) is s·q² + x·q + y.

    (0, x, y) - (0, x, y') where y - y' is in X; (1, m, c) - (1, m, c') where c - c' is in X'; (0, x, y) - (1, m, c)
    where y = m·x + c (Besta and Hoefler, SC 2014, section II-B).

    Raises
    ------
    InputError : q is no power of a prime
    """
    q = shape.q
    base = prime_power(q)
    if base is None:
        below, above = (
            next(order for order in range(q + step, 10 * q * step, step) if prime_power(order) and order % 4 != 2)
            for step in (-1, 1)
        )
        raise InputError(
            f"a Slim Fly of q = {q} can be counted, not wired: no field has {q} elements",
            field="q",
            expected=f"a power of a prime: {below} or {above}",
        )
    finite = field(*base)
    index = np.arange(q)
    u, v = [], []
    for half, exponents in enumerate(_generators(shape)):
        joined = np.isin(finite.difference, finite.powers[np.array(exponents) % (q - 1)])
        first, second = np.nonzero(np.triu(joined))
        rows = half * q * q + index[:, None] * q
        u.append((rows + first).ravel())
        v.append((rows + second).ravel())
    x, m, y = (each.ravel() for each in np.meshgrid(index, index, index, indexing="ij"))
    u.append(x * q + y)
    v.append(q * q + m * q + finite.difference[y, finite.product[m, x]])
    return np.concatenate(u), np.concatenate(v)


def _generators(shape: SlimFly) -> tuple[list[int], list[int]]:
    """Exponents of the field's generator in X and X'."""
    q = shape.q
    if shape.delta == 1:
        return [*range(0, q - 1, 2)], [*range(1, q - 1, 2)]
    if shape.delta == 0:
        return [*range(0, q, 2)], [*range(1, q, 2)]
    half = (q + 1) // 2
    return [*range(0, half - 1, 2), *range(half - 1, q - 1, 2)], [*range(1, half, 2), *range(half, q, 2)]


def dragonfly_local(shape: Dragonfly) -> Pairs:
    """Joined routers within groups: all of a group; router r of group i is i·a + r."""
    first, second = np.triu_indices(shape.a, 1)
    groups = np.arange(shape.g)[:, None] * shape.a
    return (groups + first).ravel(), (groups + second).ravel()


def dragonfly_global(shape: Dragonfly) -> Pairs:
    """Joined routers of different groups: group i reaches i ± 1, i ± 2, … in turn until its ports are used up.

    A group's ports 2k and 2k + 1 lead to its k-th offset, forth and back; port t is on router t div h.
    """
    g, ports = shape.g, shape.a * shape.h
    # Offsets ±1 … ±(g-1)/2 reach every other group once; with g even the one opposite takes a single port of each.
    pairs_a_round = (g - 1) // 2
    rounds, left = divmod(ports, g - 1)
    offsets = np.concatenate([np.tile(np.arange(1, pairs_a_round + 1), rounds), np.arange(1, left // 2 + 1)])
    opposite = rounds * (1 - g % 2) + left % 2
    group, slot = (each.ravel() for each in np.meshgrid(np.arange(g), np.arange(offsets.size), indexing="ij"))
    half, last = (each.ravel() for each in np.meshgrid(np.arange(g // 2), np.arange(opposite), indexing="ij"))
    u_group = np.concatenate([group, half])
    v_group = np.concatenate([(group + offsets[slot]) % g, half + g // 2])
    u_port = np.concatenate([2 * slot, 2 * offsets.size + last])
    v_port = np.concatenate([2 * slot + 1, 2 * offsets.size + last])
    return u_group * shape.a + u_port // shape.h, v_group * shape.a + v_port // shape.h


def torus_chips(shape: Torus) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Joined chips of a torus, and which of the links leave their cube; chip (x, y, z) is (x·Y + y)·Z + z."""
    sides = (shape.x, shape.y, shape.z)
    chips = np.arange(shape.chips).reshape(sides)
    u = np.tile(chips.ravel(), 3)
    v = np.concatenate([np.roll(chips, -1, axis).ravel() for axis in range(3)])
    leaves = np.concatenate([(places % CUBE == CUBE - 1).ravel() for places in np.indices(sides)])
    return u, v, leaves

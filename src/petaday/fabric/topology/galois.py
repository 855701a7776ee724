"""Finite fields GF(q), q a power of a prime: sums, products and a generator, as tables.

An element is the number whose digits to base p are the coefficients of its polynomial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Field:
    """GF(q): `powers` of a generator, from 0 to q - 2; `difference` and `product` of every two elements."""

    powers: Ints
    difference: Ints
    product: Ints


def prime_power(q: int) -> tuple[int, int] | None:
    """(p, n) with q = pⁿ and p prime, if there are such."""
    p = next((p for p in range(2, q + 1) if q % p == 0), 0)
    n = 1
    while p and p**n < q:
        n += 1
    return (p, n) if p and p**n == q else None


def field(p: int, n: int) -> Field:
    """The field of pⁿ elements."""
    q = p**n
    digits = np.arange(q)[:, None] // p ** np.arange(n) % p
    powers = _powers(digits, p)
    logs = np.zeros(q, dtype=np.int64)
    logs[powers] = np.arange(q - 1)
    product = powers[(logs[:, None] + logs) % (q - 1)]
    product[0, :] = product[:, 0] = 0
    return Field(powers, _number(digits[:, None] - digits, p), product)


def _powers(digits: Ints, p: int) -> Ints:
    """1, x, x², … for the first choice of xⁿ whose powers run through all elements but 0."""
    q, n = digits.shape
    shifted = np.roll(digits, 1, axis=1)
    shifted[:, 0] = 0
    for reduced in range(1, q):
        times_x = _number(shifted + digits[:, n - 1 :] * digits[reduced], p)
        powers = [1]
        while (following := int(times_x[powers[-1]])) not in (0, 1) and len(powers) < q:
            powers.append(following)
        if len(powers) == q - 1 and following == 1:
            return np.array(powers)
    raise AssertionError(f"GF({q}) has a generator")


def _number(digits: Ints, p: int) -> Ints:
    return np.asarray(digits % p @ p ** np.arange(digits.shape[-1]))

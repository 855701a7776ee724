"""What one iteration of a replica works on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Batch(NamedTuple):
    """A mix of decodes and prefill chunks over all chips of a replica; arrays of one shape, or numbers.

    decodes: sequences that get one token; context: tokens in their caches, summed
    prefill: prompt tokens computed; pairs: query-key pairs among these and what stood before them
    """

    decodes: Floats
    context: Floats
    prefill: Floats
    pairs: Floats


def decoding(sequences: Floats, context: Floats) -> Batch:
    """Sequences that only decode, with `context` tokens each."""
    none = np.zeros_like(sequences * context)
    return Batch(sequences + none, sequences * context, none, none)


def with_chunk(batch: Batch, chunk: Floats, before: Floats) -> Batch:
    """The batch with a chunk of prompt after `before` tokens of the same prompt: c·b + c²/2 causal pairs."""
    return batch._replace(prefill=batch.prefill + chunk, pairs=batch.pairs + chunk * before + chunk * chunk / 2)

"""Requests of a service as columns, and how they stream: nothing here holds a whole trace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHUNK = 65_536
"""Requests that are read, drawn and simulated at a time."""


class Requests(NamedTuple):
    """Some requests in the order of their arrival.

    arrival: seconds since the trace's start; prompt, output: tokens, at least one each
    tier: place of the request's tier in the service's list; user: a number from 0, -1 where the trace has no users
    first_block: where each request's blocks begin in `blocks`, and one more for the end; blocks: ids of the prompt's
        blocks of `Trace.block_tokens` tokens: equal ids stand for equal text up to there
    """

    arrival: Floats
    prompt: Ints
    output: Ints
    tier: Ints
    user: Ints
    first_block: Ints
    blocks: Ints


def requests(
    arrival: Floats, prompt: Ints, output: Ints, tier: Ints | None = None, user: Ints | None = None
) -> Requests:
    """Requests without blocks, by default of the first tier and of nobody known."""
    none = np.zeros(len(arrival), dtype=np.int64)
    return Requests(
        np.asarray(arrival, dtype=np.float64),
        np.asarray(prompt, dtype=np.int64),
        np.asarray(output, dtype=np.int64),
        none if tier is None else np.asarray(tier, dtype=np.int64),
        none - 1 if user is None else np.asarray(user, dtype=np.int64),
        np.zeros(len(arrival) + 1, dtype=np.int64),
        none[:0],
    )


@dataclass
class Tally:
    """What a reading of a stream has left out so far; a new reading starts at 0.

    dropped: rows that are no requests to serve, such as those that failed where they were recorded
    """

    dropped: int = 0


@dataclass(frozen=True)
class Trace:
    """A stream of requests, `CHUNK` of them at a time; it can be read again from its start.

    name: for the result's manifest; block_tokens: tokens of a block, 0 where requests have none
    users: how many numbers of users occur, 0 where unknown; source: what the requests are, with their licence or law
    tally: what the last reading left out
    """

    name: str
    chunks: Iterable[Requests]
    block_tokens: int = 0
    users: int = 0
    source: str = ""
    tally: Tally = field(default_factory=Tally)

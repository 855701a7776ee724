"""The demand of a service: from users to requests and tokens a day and to rates, and a trace drawn from it.

users · share active on a day · requests a day of an active user · tokens of a request
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from petaday.errors import InputError
from petaday.serving.arrivals import DAY, STEADY, Daily, Rate, arrivals
from petaday.serving.lengths import Lengths, normal_cdf
from petaday.serving.requests import CHUNK, Ints, Requests, Trace, requests


@dataclass(frozen=True)
class ServiceDemand:
    """What the users of a service ask for.

    users: people who use it at all; active: share of them that do so on a day
    requests: of an active user a day; prompt, output: mean tokens of a request; daily: the day's cycle

    Raises
    ------
    InputError : a figure that is not above 0, a share above 1
    """

    users: float
    active: float
    requests: float
    prompt: float
    output: float
    daily: Daily = STEADY

    def __post_init__(self) -> None:
        for name in ("users", "active", "requests", "prompt", "output"):
            value, most = getattr(self, name), 1 if name == "active" else math.inf
            if not 0 < value <= most or value == math.inf:
                expected = "a share above 0 and up to 1" if name == "active" else "a number above 0"
                raise InputError(f"{value:g} does not fit", field=f"demand.{name}", expected=expected)

    @property
    def daily_users(self) -> float:
        """Users active on a day."""
        return self.users * self.active

    @property
    def daily_requests(self) -> float:
        """Requests a day."""
        return self.daily_users * self.requests

    @property
    def daily_tokens(self) -> float:
        """Tokens of prompts and outputs a day."""
        return self.daily_requests * (self.prompt + self.output)

    @property
    def mean_rate(self) -> float:
        """Requests a second over the day."""
        return self.daily_requests / DAY

    @property
    def peak_rate(self) -> float:
        """Requests a second in the busiest moment of the day's cycle."""
        return self.mean_rate * self.daily.peak_to_mean


def spread_of(top: float, share: float) -> float:
    """The `spread` of users among whom the most active part `top` makes this share of the requests.

    With requests by user lognormal, the top part makes Φ(spread - Φ⁻¹(1 - top)) of them (its Lorenz curve).

    Raises
    ------
    InputError : no shares, or a top that makes less than its part
    """
    if not 0 < top < share < 1:
        raise InputError(
            f"a top of {top:g} with a share of {share:g}",
            field="spread",
            expected="shares, the top's requests above it",
        )
    below = NormalDist().inv_cdf
    return below(share) + below(1 - top)


@dataclass(frozen=True)
class Users:
    """Who the requests come from: user 0 is the most active.

    count: users; spread: deviation of the logarithm of a user's requests over time (see `spread_of`), 0 for equal ones
    tiers: share of the users in each tier of the service, whatever their activity

    Raises
    ------
    InputError : no users, a negative spread, shares that are negative or have no sum of 1
    """

    count: int
    spread: float
    tiers: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"{self.count} users", field="users.count", expected="1 or more")
        if not 0 <= self.spread < math.inf:
            raise InputError(f"a spread of {self.spread:g}", field="users.spread", expected="0 or more")
        if not all(share >= 0 for share in self.tiers) or abs(sum(self.tiers) - 1) > 1e-6:
            total = f"shares {', '.join(f'{share:g}' for share in self.tiers)}"
            raise InputError(total, field="users.tiers", expected="0 or more each, with a sum of 1")

    def draw(self, draw: np.random.Generator, count: int) -> Ints:
        """The users of `count` requests; the same whether drawn at once or in parts."""
        # The user of a random request stands at Φ(z + spread) of all users by activity, with z standard normal.
        rank = normal_cdf(-draw.standard_normal(count) - self.spread)
        return np.minimum((rank * self.count).astype(np.int64), self.count - 1)

    def tier(self, user: Ints) -> Ints:
        """The tier of each user, always the same one."""
        # Multiples of the golden section spread evenly over 0 to 1, among any run of users too.
        place = (user + 1) * ((math.sqrt(5) - 1) / 2) % 1
        within = np.searchsorted(np.cumsum(self.tiers), place, side="right")
        return np.minimum(within, len(self.tiers) - 1).astype(np.int64)


def generate(
    rate: Rate,
    seconds: float,
    lengths: Lengths,
    *,
    variation: float,
    seed: int,
    users: Users | None = None,
    chunk: int = CHUNK,
) -> Trace:
    """A trace of requests drawn by laws; equal arguments draw equal requests, however long its chunks are.

    Parameters
    ----------
    variation : of the gaps between arrivals, see `arrivals`
    users : who asks; by default nobody known, and all in the first tier

    Raises
    ------
    InputError : where the trace is read, see `arrivals`
    """
    drawn = f"drawn with seed {seed}: {rate.mean:g} requests/s, gaps with a variation of {variation:g}"
    return Trace(
        name=f"drawn-{seed}",
        chunks=_Drawn(rate, seconds, lengths, variation, seed, users, chunk),
        users=users.count if users else 0,
        source=f"{drawn}, {lengths.source}" if lengths.source else drawn,
    )


@dataclass(frozen=True)
class _Drawn:
    """The requests of a generated trace, as often as they are asked for."""

    rate: Rate
    seconds: float
    lengths: Lengths
    variation: float
    seed: int
    users: Users | None
    chunk: int

    def __iter__(self) -> Iterator[Requests]:
        # Streams of their own, so that lengths stay when the rate changes.
        for_arrivals, *others = np.random.SeedSequence(self.seed).spawn(3)
        for_lengths, for_users = map(np.random.default_rng, others)
        for arrival in arrivals(
            self.rate, self.seconds, variation=self.variation, seed=for_arrivals, chunk=self.chunk
        ):
            prompt, output = self.lengths.draw(for_lengths, len(arrival))
            if self.users is None:
                yield requests(arrival, prompt, output)
            else:
                user = self.users.draw(for_users, len(arrival))
                yield requests(arrival, prompt, output, self.users.tier(user), user)

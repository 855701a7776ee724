"""Watts of IT from its parts: chips by what they do, hosts, adapters, fans, supplies, then switches, optics and storage.

All numbers may be floats or arrays that broadcast.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from petaday.chip.power import Draws, board_joules
from petaday.site.psychrometrics import Floats

Numbers = Floats | float


@dataclass(frozen=True)
class Server:
    """A server, its figures by chip.

    limit: W of a chip's board; draws: shares of it under load (see `petaday.chip.power`); parked: share without a job
    host_idle, host_peak: W of processors, memory, drives and switches inside; adapter: W
    fans: W of fans at full speed per W of all else at its peak; least_speed: of fans
    supply: efficiency of the power supplies
    """

    limit: Numbers
    draws: Draws
    parked: Numbers
    host_idle: Numbers
    host_peak: Numbers
    adapter: Numbers
    fans: Numbers
    least_speed: Numbers
    supply: Numbers


@dataclass(frozen=True)
class Activity:
    """What chips do: share of the time with a job, and in it FLOP/s over the datasheet's peak in the job's dtype and
    bytes/s over the memory bandwidth."""

    utilisation: Numbers
    arithmetic: Numbers
    traffic: Numbers


PEAK = Activity(1.0, 1.0, 1.0)
"""Every chip at its limit: what feeds are built for."""


@dataclass(frozen=True)
class ItParts:
    """W of IT by part, at the racks' inlets: the parts add up to `total`."""

    chips: Floats
    hosts: Floats
    adapters: Floats
    fans: Floats
    supplies: Floats
    switches: Floats
    links: Floats
    storage: Floats

    @property
    def server(self) -> Floats:
        """W of the servers."""
        return np.asarray(self.chips + self.hosts + self.adapters + self.fans + self.supplies)

    @property
    def total(self) -> Floats:
        """W of all parts."""
        return np.asarray(sum(getattr(self, each.name) for each in fields(self)))


def chip_watts(server: Server, activity: Activity, ratio: Numbers = 1.0) -> Floats:
    """Mean W of a chip: its board's law while it has a job, else what it draws parked.

    ratio: what a board draws over its law, below its limit
    """
    at_work = board_joules(
        np.asarray(activity.arithmetic, dtype=float),
        np.asarray(activity.traffic, dtype=float),
        1.0,
        server.limit,
        server.draws,
        ratio,
    )
    busy = activity.utilisation
    return np.asarray(busy * at_work + (1 - busy) * server.parked * server.limit)


def it_parts(
    chips: Numbers,
    server: Server,
    activity: Activity,
    *,
    switches: Numbers = 0.0,
    links: Numbers = 0.0,
    storage: Numbers = 0.0,
    ratio: Numbers = 1.0,
) -> ItParts:
    """IT of so many chips; `switches`, `links` (modules of cables) and `storage` are W of all of them, always on.

    Fans follow the cube of the heat that they carry (affinity laws).
    """
    busy = activity.utilisation
    chip = chip_watts(server, activity, ratio)
    host = server.host_idle + busy * (server.host_peak - server.host_idle)
    rest = chip + host + server.adapter
    full = server.limit + server.host_peak + server.adapter
    speed = np.maximum(rest / full, server.least_speed)
    fans = server.fans * full * speed**3
    supplies = (rest + fans) * (1 / server.supply - 1)
    return ItParts(
        chips=np.asarray(chips * chip),
        hosts=np.asarray(chips * host),
        adapters=np.asarray(chips * server.adapter),
        fans=np.asarray(chips * fans),
        supplies=np.asarray(chips * supplies),
        switches=np.asarray(switches),
        links=np.asarray(links),
        storage=np.asarray(storage),
    )

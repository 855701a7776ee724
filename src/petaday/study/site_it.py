"""The IT of a site from its parts: servers by what their chips do, and the network behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from petaday.catalog.chip import Chip
from petaday.catalog.cooling import Cooling, Host
from petaday.catalog.site import country_of
from petaday.catalog.take import Take, median
from petaday.errors import InputError
from petaday.fabric.bill import Bill
from petaday.site.power import PEAK, Activity, ItParts, Server, it_parts
from petaday.study import site_parts as parts
from petaday.study.engines import board_draws
from petaday.study.fabric import RAILS, FabricScenario, usual_fabric, wire
from petaday.study.parts import Assumption, needed
from petaday.study.scenario import Cluster
from petaday.study.site_scenario import Load

UTILISATION = 0.8
ARITHMETIC, TRAFFIC = 0.4, 0.3
"""What chips are taken to do where nobody says: shares of peak FLOP/s and of memory bandwidth while a job runs."""


@dataclass(frozen=True)
class ItLoad:
    """IT at a site. mean: W drawn; capacity: W that it is built for; rack: W of the densest rack, None where unknown

    parts: the mean by part, and peak: with every chip at its limit; None where only the sum is known
    """

    mean: float
    capacity: float
    parts: ItParts | None = None
    peak: ItParts | None = None
    country: str | None = None
    chips: int = 0
    chip: str = ""
    host: str = ""
    rack: float | None = None


def it_of(
    chip: Chip,
    chips: int,
    activity: Activity,
    host: Host,
    cooling: Cooling,
    bill: Bill | None,
    notes: list[Assumption],
) -> ItLoad:
    """The IT around chips: servers, and the network of a bill where there is one.

    Mean watts are at the activity; the capacity is every chip at its limit.
    """
    server = server_of(chip, host, cooling, bill, chips)
    parts.note_estimates(host, "host", notes)
    network = {
        "switches": bill.switches.watts.typical if bill else 0.0,
        "links": bill.link_watts.typical if bill else 0.0,
        "storage": chips * host.storage.value,
    }
    mean, peak = (it_parts(float(chips), server, each, **network) for each in (activity, PEAK))
    rack = float(peak.server) / chips * host.chips if host.rack else None
    return ItLoad(
        mean=float(mean.total),
        capacity=float(peak.total),
        parts=mean,
        peak=peak,
        country=country_of(chip),
        chips=chips,
        chip=chip.id,
        host=host.id,
        rack=rack,
    )


def server_of(chip: Chip, host: Host, cooling: Cooling, bill: Bill | None, chips: int, take: Take = median) -> Server:
    """A server of catalog parts, by chip."""
    return Server(
        limit=take(needed(chip.tdp, chip, "tdp")),
        draws=board_draws(chip),
        parked=take(host.parked),
        host_idle=take(host.idle) / host.chips,
        host_peak=take(host.peak) / host.chips,
        adapter=bill.nics.watts.typical / chips if bill else 0.0,
        fans=take(cooling.server_fans),
        least_speed=take(host.least_speed),
        supply=take(host.supply),
    )


def given_or(value: float | None, usual: float, field: str, meaning: str, notes: list[Assumption]) -> float:
    """A share that the scenario gives, else the usual one, noted."""
    if value is None:
        notes.append(Assumption(field, f"{usual:.0%}", f"{meaning}: a guess", estimate=True))
    return usual if value is None else value


def activity_of(load: Load, notes: list[Assumption]) -> Activity:
    """What the chips do, as the scenario says or as is usual."""
    return Activity(
        utilisation=given_or(
            load.utilisation, UTILISATION, "load.utilisation", "share of the time with a job", notes
        ),
        arithmetic=given_or(load.arithmetic, ARITHMETIC, "load.arithmetic", "FLOP/s over peak in a job", notes),
        traffic=given_or(load.traffic, TRAFFIC, "load.traffic", "bytes/s over memory bandwidth in a job", notes),
    )


def network_bill(load: Load, chip: Chip, notes: list[Assumption]) -> Bill | None:
    """The bill of the usual network of so many chips; None where they share a scale-up domain."""
    count = load.chips or 0
    cluster = Cluster(chip=chip.id, chips=count, network=load.network)
    if chip.scale_up_domain is not None and count <= chip.scale_up_domain.value:
        return None
    part, note = usual_fabric(count, RAILS)
    try:
        wired = wire(FabricScenario(fabric=part, cluster=cluster), allow_unverified=True)
    except InputError as error:
        error.field = error.field.replace("cluster.", "load.")
        raise
    notes.append(replace(note, field="load.fabric"))
    notes += (replace(each, field=each.field.replace("cluster.", "load.")) for each in wired.assumptions)
    return wired.bill

"""A network put together: from a scenario of its own, or the one behind a training run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from petaday.catalog import load
from petaday.catalog.link import Link
from petaday.catalog.network import Network as NetworkPart
from petaday.catalog.strict_yaml import load as load_yaml
from petaday.catalog.switch import Nic, Switch
from petaday.catalog.validate import Quant, Strict, validated
from petaday.errors import InputError, nearest_names
from petaday.fabric.bill import Bill, bill, compare
from petaday.fabric.collective import COLLECTIVES, all_reduce, all_reduce_algorithms
from petaday.fabric.contention import flow_shares
from petaday.fabric.copper import CopperLimit, copper_limit
from petaday.fabric.network import Network, group
from petaday.fabric.optics import choose
from petaday.fabric.routing import Scheme
from petaday.fabric.topology.build import Kind as KindOfTopology
from petaday.fabric.topology.build import build
from petaday.fabric.topology.clos import Clos
from petaday.fabric.topology.shape import Topology
from petaday.fabric.traffic import Pairs, permutation, ring, shift
from petaday.fabric.wiring import Wiring, failed, without
from petaday.study.job import Joined
from petaday.study.parts import SWITCH_PORTS, Assumption, find_chip, find_network, named, routed
from petaday.study.scenario import Cluster
from petaday.study.scenario_types import Bandwidth, Chips, Name
from petaday.training.plan import Plans
from petaday.training.pricer import Pricer
from petaday.units import Kind, render

Length = Annotated[float, Quant(Kind.LENGTH), Field(gt=0)]
ETHERNET = ("roce", "ethernet", "efa")
RAILS = 8
"""Rails of a rail-optimised network: the chips of a usual server."""

CHIPS_PER_RACK = 72
"""Chips of a rack where a domain is not a rack: NVL72's count, the densest that ships."""


class FabricPart(Strict):
    """A network by its shape; sizes that a kind does not have are errors."""

    kind: KindOfTopology = "fat-tree"
    endpoints: Chips
    tiers: Annotated[int, Field(ge=1, le=3)] | None = None
    radix: Annotated[int, Field(ge=2)] | None = None
    rails: Annotated[int, Field(ge=1)] = 8
    planes: Annotated[int, Field(ge=1)] = 1
    oversubscription: tuple[float, ...] = ()
    reaches: tuple[Length, ...] = ()
    port_rate: Bandwidth | None = None
    switch: Name | None = None
    nic: Name | None = None
    optics: Name | None = None
    copper: bool = True


class FabricScenario(Strict):
    """A network to count; with a cluster, also its collectives."""

    name: str = ""
    fabric: FabricPart
    cluster: Cluster


@dataclass(frozen=True)
class Wired:
    """A network with its parts and its bill; `copper` says where copper ends in the chips' scale-up domain."""

    name: str
    topology: Topology
    switch: Switch
    nic: Nic
    bill: Bill
    network: Network
    copper: CopperLimit | None
    chip_bandwidth: float
    assumptions: tuple[Assumption, ...]


@dataclass(frozen=True)
class OpticsChange:
    """A network under other optics: its bill, and a step of the plan over that under the present ones."""

    optics: Link
    copper: bool
    bill: Bill
    step_time: float | None


def read_fabric(path: Path) -> FabricScenario:
    """A network scenario from its file."""
    return validated(FabricScenario, load_yaml(path))


def wire(scenario: FabricScenario, *, allow_unverified: bool = False) -> Wired:
    """Count a network, choose its parts where the scenario does not, and price it."""
    notes: list[Assumption] = []
    cluster = scenario.cluster
    chip = find_chip(cluster.chip, allow_unverified)
    part, network = find_network(chip, load.scale_up_of(chip), cluster, notes)
    network = routed(network, cluster, scenario.fabric.endpoints)
    wired = _wired(scenario.fabric, part, network, notes)
    lanes = max(1, round(network.scale_up_bandwidth / 25e9))
    limit = copper_limit(network.domain, min(network.domain, CHIPS_PER_RACK), lanes)
    return replace(wired, name=scenario.name, copper=limit, assumptions=tuple(notes))


def usual_fabric(chips: int, rails: int) -> tuple[FabricPart, Assumption]:
    """The network that clusters of so many chips usually have: one switch, a fat tree, else rails of full bisection."""
    whole = -(-chips // rails) * rails
    if whole <= SWITCH_PORTS:
        part = FabricPart(kind="fat-tree", endpoints=whole, tiers=1)
        return part, Assumption("fabric", "one switch", "the usual network of so few chips", estimate=True)
    if rails == 1 or whole < rails * SWITCH_PORTS // 2:
        # Rails leave most ports of their leaves empty where there are few servers.
        part = FabricPart(kind="fat-tree", endpoints=whole)
        return part, Assumption(
            "fabric", "fat tree, full bisection", "the usual network of such clusters", estimate=True
        )
    kind: KindOfTopology = "rail-optimised"
    words = f"rail-optimised, {rails} rails, full bisection"
    part = FabricPart(kind=kind, endpoints=whole, rails=rails)
    return part, Assumption("fabric", words, "the usual network of such clusters", estimate=True)


def fabric_of(joined: Joined) -> Wired | None:
    """The scale-out network behind a training run; None where its chips share one scale-up domain."""
    job = joined.job
    if job.chips <= job.network.domain:
        return None
    part, note = usual_fabric(job.chips, min(job.network.domain, RAILS))
    notes = [note]
    wired = _wired(part, joined.parts.network, job.network, notes)
    return replace(wired, assumptions=tuple(notes))


def optics_changes(wired: Wired, joined: Joined | None = None, best: Plans | None = None) -> list[OpticsChange]:
    """The network under every optics that serves it, and under copper where it reaches; with a plan, its step."""
    links, switches = load.links(), load.switches()
    fastest = max(link.rate for link in wired.topology.links)
    base = _latency(wired.bill)
    own = links[wired.bill.optics]
    serving = [
        optics for optics in links.values() if not optics.is_copper and optics.rate.value >= fastest * (1 - 1e-9)
    ]
    changes = []
    for optics, copper in [(own, True), *((each, False) for each in serving)]:
        try:
            (other,) = compare(wired.topology, [optics], links, switches, wired.switch, wired.nic, copper)
        except InputError:
            continue  # these optics do not reach, or leave another SerDes than the switch has
        changes.append(OpticsChange(optics, copper, other, _step_under(joined, best, _latency(other) - base)))
    return changes


def _step_under(joined: Joined | None, best: Plans | None, latency: float) -> float | None:
    """A plan's step time when every hop between domains takes `latency` seconds more."""
    if joined is None or best is None:
        return None
    network = replace(joined.job.network, scale_out_latency=joined.job.network.scale_out_latency + latency)
    return float(Pricer(replace(joined.job, network=network)).price(best).step_time[0])


def _latency(priced: Bill) -> float:
    """Seconds that the electronics of a path's links add, up through the tiers and down again."""
    return 2 * sum(line.latency.typical for line in priced.links)


def _wired(part: FabricPart, network_part: NetworkPart, network: Network, notes: list[Assumption]) -> Wired:
    rate = part.port_rate or network_part.bandwidth.value
    switch, radix = _switch(part, network_part, rate, notes)
    nic = _nic(part, rate, notes)
    topology = _shape(part, radix, rate)
    optics = _optics(part, topology, notes)
    priced = bill(topology, choose(optics, load.links(), part.copper), switch, nic)
    return Wired("", topology, switch, nic, priced, network, None, network.scale_up_bandwidth, ())


def _switch(part: FabricPart, network: NetworkPart, rate: float, notes: list[Assumption]) -> tuple[Switch, int]:
    """The switch asked for or the usual one of the technology, and its ports at this rate."""
    if part.switch is not None:
        switch = named("fabric.switch", load.switch, part.switch)
    else:
        technology = "ethernet" if network.technology in ETHERNET else "infiniband"
        if part.kind in ("torus", "tpu-cube"):
            technology = "optical-circuit"
        fitting = [
            each
            for each in load.switches().values()
            if each.technology == technology and each.optics is None and each.port_rate(each.radixes[0]) >= rate
        ]
        if not fitting:
            raise InputError(
                f"no {technology} switch has ports of {render(rate, Kind.BANDWIDTH)}",
                field="fabric.port_rate",
                expected="a slower port, or a fabric.switch",
            )
        usual = min(fitting, key=lambda each: _size(each, rate))
        switch = _wide(part, usual, fitting, rate)
        why = f"the usual {technology} switch with such ports"
        notes.append(Assumption("fabric.switch", switch.id, why if switch is usual else f"{usual.id} joins fewer"))
    return switch, part.radix or max(_radixes(switch, rate), default=switch.radixes[0])


def _size(switch: Switch, rate: float) -> tuple[float, float]:
    """By which switches are told to be smaller: their port nearest to a rate, then their capacity."""
    return min(map(switch.port_rate, _radixes(switch, rate))), switch.capacity.value


def _wide(part: FabricPart, usual: Switch, fitting: Sequence[Switch], rate: float) -> Switch:
    """The usual switch if its network joins all endpoints, else the smallest that does: of its technology, then of any."""
    others = [
        each
        for each in load.switches().values()
        if each.technology in ("infiniband", "ethernet") and each.optics is None and _radixes(each, rate)
    ]
    for each in (
        usual,
        *sorted(fitting, key=lambda each: _size(each, rate)),
        *sorted(others, key=lambda each: _size(each, rate)),
    ):
        try:
            _shape(part, part.radix or max(_radixes(each, rate)), rate)
        except InputError:
            continue
        return each
    return usual


def _shape(part: FabricPart, radix: int, rate: float) -> Topology:
    return build(
        part.kind,
        endpoints=part.endpoints,
        radix=radix,
        tiers=part.tiers,
        rails=part.rails,
        planes=part.planes,
        oversubscription=part.oversubscription,
        rate=rate,
        reaches=part.reaches,
    )


def _radixes(switch: Switch, rate: float) -> list[int]:
    """Radixes of a switch whose ports serve a rate."""
    return [radix for radix in switch.radixes if switch.port_rate(radix) >= rate * (1 - 1e-9)]


def _nic(part: FabricPart, rate: float, notes: list[Assumption]) -> Nic:
    if part.nic is not None:
        return named("fabric.nic", load.nic, part.nic)
    fitting = [each for each in load.nics().values() if each.bandwidth.value >= rate * part.planes * (1 - 1e-9)]
    nic = min(fitting or load.nics().values(), key=lambda each: (each.bandwidth.value, each.power.value))
    notes.append(Assumption("fabric.nic", nic.id, "the smallest adapter that carries the rate"))
    return nic


def _optics(part: FabricPart, topology: Topology, notes: list[Assumption]) -> Link:
    if part.optics is not None:
        return named("fabric.optics", load.link, part.optics)
    longest = max(link.reach for link in topology.links)
    rate = max(link.rate for link in topology.links)
    fitting = [
        link
        for link in load.links().values()
        if link.technology == "dsp" and link.rate.value >= rate * (1 - 1e-9) and link.reach.value >= longest
    ]
    if not fitting:
        raise InputError(
            f"no pluggable carries {render(rate, Kind.BANDWIDTH)} over {longest:g} m",
            field="fabric.optics",
            expected="slower ports or shorter reaches",
        )
    optics = min(fitting, key=lambda link: (link.rate.value, link.reach.value))
    notes.append(Assumption("fabric.optics", optics.id, "the smallest pluggable module that carries rate and reach"))
    return optics


def collective_times(wired: Wired, operation: str, size_bytes: float, ranks: int) -> dict[str, float]:
    """Seconds of a collective among consecutive chips, by every algorithm that the networks have.

    Raises
    ------
    InputError : no such operation, or more ranks than endpoints
    """
    if operation not in COLLECTIVES:
        raise InputError(
            f"no collective is called `{operation}`",
            field="--collective",
            expected=", ".join(COLLECTIVES),
            nearest=nearest_names(operation, COLLECTIVES),
        )
    if not 2 <= ranks <= wired.topology.endpoints:
        raise InputError(
            f"a group of {ranks:,} chips",
            field="--group",
            expected=f"2 to {wired.topology.endpoints:,}, the endpoints",
        )
    members = group(np.array([ranks]), np.array([1]), wired.network)
    size = np.array([size_bytes])
    if operation != "all-reduce":
        return {
            "ring" if operation != "all-to-all" else "pairwise": float(
                COLLECTIVES[operation](size, members, wired.network)[0]
            )
        }
    if members.domains[0] == 1 and wired.network.curves:
        return {"as measured": float(all_reduce(size, members, wired.network)[0])}
    times = {name: float(seconds[0]) for name, seconds in all_reduce_algorithms(size, members, wired.network).items()}
    return {name: seconds for name, seconds in times.items() if np.isfinite(seconds)}


@dataclass(frozen=True)
class Shares:
    """Shares of line rate that flows keep, all at once, under one scheme of paths."""

    scheme: str
    paths: int
    flows: int
    mean: float
    worst: float


PATTERNS: dict[str, Callable[[int, int], Pairs]] = {
    "permutation": permutation,
    "all-to-all": lambda endpoints, _seed: shift(endpoints, max(1, endpoints // 2)),
    "ring": lambda endpoints, _seed: ring(endpoints),
}
"""Flows of each traffic pattern among a number of endpoints, with a seed for those that chance draws."""


def simulate(wired: Wired, pattern: str, paths: tuple[int, ...], fail_links: int = 0, seed: int = 0) -> list[Shares]:
    """Max-min fair shares of a traffic pattern by ECMP over each number of paths, and by adaptive routing.

    Raises
    ------
    InputError : no such pattern, a network that is no fat tree, more failed links than there are
    """
    shape = wired.topology.shape
    if not isinstance(shape, Clos) or shape.tiers < 2:
        raise InputError(
            f"no flows are simulated on a {wired.topology.kind}",
            field="fabric.kind",
            expected="a fat tree of 2 or 3 tiers",
        )
    if pattern not in PATTERNS:
        raise InputError(
            f"no traffic is called `{pattern}`",
            field="--simulate",
            expected=", ".join(PATTERNS),
            nearest=nearest_names(pattern, PATTERNS),
        )
    rates = [link.rate for link in wired.topology.links]
    wiring = Wiring(shape, rate=rates[0], fabric_rate=rates[1])
    capacity = without(wiring.capacity(), failed(wiring, fail_links, seed))
    pairs = PATTERNS[pattern](shape.endpoints, seed)
    schemes: list[tuple[Scheme, int]] = [*(("ecmp", count) for count in paths), ("adaptive", 1)]
    results = []
    for scheme, count in schemes:
        shares = flow_shares(wiring, pairs, scheme=scheme, paths=count, seed=seed, capacity=capacity)
        results.append(Shares(scheme, count, len(shares), float(shares.mean()), float(shares.min())))
    return results

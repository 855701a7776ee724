"""A network as plain data and as tables: counts by tier, links by class, watts and dollars as ranges."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from petaday.fabric.ranges import Range
from petaday.report.data import SCHEMA_VERSION, Data
from petaday.report.tables import plain_table, span_text
from petaday.report.terminal import optics_table
from petaday.units import Kind, render

if TYPE_CHECKING:
    from rich.console import Console

    from petaday.catalog.link import Link
    from petaday.fabric.bill import Bill, Line
    from petaday.study.fabric import OpticsChange, Shares, Wired


def wired_data(wired: Wired, changes: list[OpticsChange]) -> Data:
    """A network with its bill, and with others for other optics; quantities are SI, ranges are low, typical, high."""
    topology = wired.topology
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": topology.kind,
        "endpoints": topology.endpoints,
        "planes": topology.planes,
        "switches": topology.switches,
        "switch": wired.switch.id,
        "adapter": wired.nic.id,
        "hops": topology.hops,
        "bisection_bytes_per_s": topology.bisection,
        "tiers": [asdict(tier) for tier in topology.tiers],
        "links": [
            {
                "name": link.name,
                "count": link.count,
                "rate_bytes_per_s": link.rate,
                "reach_m": link.reach,
                "parts": list(line.ends),
                **_line(line),
            }
            for link, line in zip(topology.links, wired.bill.links, strict=True)
        ],
        **_totals(wired.bill),
        "optics": [
            {
                **_totals(change.bill),
                "copper": change.copper,
                "step_time_s": change.step_time,
                "sources": _sources(change.optics),
            }
            for change in changes
        ],
        "copper_limit": _copper(wired),
        "assumptions": [asdict(each) for each in wired.assumptions],
    }


SOURCED = ("power", "end_price", "reach", "lasers", "failures_per_year")


def _sources(link: Link) -> Data:
    """Where the figures of a link technology come from, by figure."""
    figures = {name: getattr(link, name) for name in SOURCED}
    return {
        name: f"{figure.text}: {figure.source}{' (estimate)' if figure.estimate else ''}"
        for name, figure in figures.items()
        if figure is not None
    }


def _line(line: Line) -> Data:
    return {
        "modules": line.modules,
        "fibres": line.fibres,
        "lasers": _range(line.lasers),
        "watts": _range(line.watts),
        "price_usd": _range(line.price),
        "failures_per_year": _range(line.failures),
        "added_latency_s": _range(line.latency),
    }


def _totals(bill: Bill) -> Data:
    return {
        "optics_part": bill.optics,
        "cables": bill.cables,
        "copper_cables": bill.copper_cables,
        "modules": bill.modules,
        "fibres": bill.fibres,
        "lasers": _range(bill.lasers),
        "link_watts": _range(bill.link_watts),
        "switch_watts": _range(bill.switches.watts),
        "adapter_watts": _range(bill.nics.watts),
        "watts": _range(bill.watts),
        "price_usd": _range(bill.price),
        "failures_per_year": _range(bill.failures),
    }


def _copper(wired: Wired) -> Data | None:
    limit = wired.copper
    if limit is None:
        return None
    return {
        "bandwidth_bytes_per_s": _range(limit.bandwidth),
        "chip_bytes_per_s": wired.chip_bandwidth,
        "verdict": limit.verdict(wired.chip_bandwidth),
        "binding": list(limit.binding),
    }


def _range(value: Range) -> list[float]:
    return [value.low, value.typical, value.high]


def show_wired(data: Data, name: str, console: Console) -> None:
    """Print counts, links, totals and where copper ends."""
    if name:
        console.print(name, style="bold")
    bisection = render(data["bisection_bytes_per_s"], Kind.BANDWIDTH)
    console.print(f"{data['kind']}: {data['endpoints']:,} endpoints, {data['hops']} hops, bisection {bisection}\n")
    tiers = plain_table("Switches", "tier", ">switches", ">radix", ">ports in use")
    for tier in data["tiers"]:
        tiers.add_row(tier["name"], f"{tier['switches']:,}", str(tier["radix"]), f"{tier['ports_used']:,}")
    tiers.add_row(f"all, {data['switch']}", f"{data['switches']:,}")
    console.print(tiers)
    columns = ("class", ">count", ">rate", ">reach", "parts", ">modules", ">lasers", ">W", ">$", ">failures/yr")
    links = plain_table("\nLinks", *columns)
    for link in data["links"]:
        links.add_row(
            link["name"],
            f"{link['count']:,}",
            f"{link['rate_bytes_per_s'] * 8e-9:g} Gb/s",
            f"{link['reach_m']:g} m",
            " ".join(dict.fromkeys(part for part in link["parts"] if part)),
            f"{link['modules']:,}",
            span_text(link["lasers"], Kind.COUNT),
            span_text(link["watts"], Kind.POWER),
            span_text(link["price_usd"], Kind.MONEY),
            span_text(link["failures_per_year"], Kind.COUNT),
        )
    console.print(links)
    failures = span_text(data["failures_per_year"], Kind.COUNT)
    console.print(
        f"\nAll with switches and {data['adapter']}: {span_text(data['watts'], Kind.POWER)}, "
        f"{span_text(data['price_usd'], Kind.MONEY)}, {failures} failures a year (and from low to high)."
    )
    if data["copper_limit"]:
        limit = data["copper_limit"]
        bandwidth = span_text(limit["bandwidth_bytes_per_s"], Kind.BANDWIDTH)
        console.print(
            f"Scale-up copper joins the domain up to {bandwidth} a chip, "
            f"bound by {' and '.join(limit['binding'])}; at {render(limit['chip_bytes_per_s'], Kind.BANDWIDTH)}: "
            f"{limit['verdict']}."
        )
    if data["optics"]:
        console.print(optics_table(data["optics"]))
        for each in (each for each in data["optics"] if not each["copper"]):
            console.print(f"\n{each['optics_part']}", style="bold")
            for figure, source in each["sources"].items():
                console.print(f"  {figure.replace('_', ' ')} {source}")
    for each in data["assumptions"]:
        console.print(f"Assumed: {each['field']} {each['value']} ({each['source']}).")


def collective_data(seconds: dict[str, float], operation: str, size: float, ranks: int) -> Data:
    """A collective's times by algorithm and the bus bandwidth of the fastest."""
    fastest = min(seconds, key=lambda name: seconds[name])
    factor = {"all-reduce": 2 * (ranks - 1) / ranks}.get(operation, (ranks - 1) / ranks)
    return {
        "schema_version": SCHEMA_VERSION,
        "operation": operation,
        "bytes": size,
        "ranks": ranks,
        "seconds": seconds,
        "algorithm": fastest,
        "bus_bytes_per_s": size * factor / seconds[fastest],
    }


def show_collective(data: Data, console: Console) -> None:
    """Print a collective's time by algorithm."""
    size = render(data["bytes"], Kind.BYTES)
    table = plain_table(f"{data['operation']} of {size} among {data['ranks']:,}", "algorithm", ">time")
    for name, seconds in sorted(data["seconds"].items(), key=lambda item: item[1]):
        table.add_row(name, render(seconds, Kind.TIME))
    console.print(table)
    console.print(f"Bus bandwidth {render(data['bus_bytes_per_s'], Kind.BANDWIDTH)} by {data['algorithm']}.")


def shares_data(shares: list[Shares], pattern: str, failed: int) -> Data:
    """What flows keep of their line rate, by scheme."""
    return {
        "schema_version": SCHEMA_VERSION,
        "pattern": pattern,
        "failed_links": failed,
        "schemes": [asdict(each) for each in shares],
    }


def show_shares(data: Data, console: Console) -> None:
    """Print mean and worst share of line rate by scheme."""
    failed = f", {data['failed_links']} links down" if data["failed_links"] else ""
    table = plain_table(f"{data['pattern']}{failed}: share of line rate", "paths", ">flows", ">mean", ">worst")
    for each in data["schemes"]:
        paths = f"ECMP over {each['paths']}" if each["scheme"] == "ecmp" else each["scheme"]
        table.add_row(paths, f"{each['flows']:,}", f"{each['mean']:.3f}", f"{each['worst']:.3f}")
    console.print(table)
    console.print("A synchronous collective runs at its worst flow.")

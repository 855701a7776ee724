"""A site's answer as tables on a terminal, from the same plain data as the JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from petaday.report.data import Data
from petaday.report.tables import plain_table, show_assumptions, show_unused
from petaday.units import Kind, render

if TYPE_CHECKING:
    from rich.console import Console

PARTS = {
    "it": "IT",
    "chips": "chips",
    "hosts": "processors, memory, drives",
    "adapters": "network adapters",
    "fans": "fans",
    "supplies": "power supplies",
    "switches": "switches",
    "links": "optics and cables",
    "storage": "storage and management",
    "losses": "UPS and distribution",
    "other": "lighting and controls",
    "pumps": "pumps",
    "chillers": "chillers",
    "rejection": "fans outside",
}
"""Parts as a reader knows them."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SIGN = {"USD": "$", "CNY": "¥"}


def show_site(data: Data, name: str, console: Console) -> None:
    """Print the whole answer."""
    site, it = data["site"], data["it"]
    if name:
        console.print(Text(name, style="bold"))
    console.print(f"{site['name']}: {site['cooling']} cooling, {site['rejection']}, {site['power_chain']}")
    console.print(f"Weather: {site['weather']}. Carbon: {site['carbon_hours']}.")
    if it["chips"]:
        console.print(
            f"{it['chips']:,} × {it['chip']} in {it['host']}: {_w(it['mean_w_per_chip'])} a chip, "
            f"{_w(it['peak_w_per_chip'])} at its limit"
        )
    if data["infeasible"]:
        _infeasible(data["infeasible"], console)
    console.print(_power(data))
    console.print(_year(data))
    console.print(_months(data["pue"]))
    console.print(_cost(data["cost"]))
    _peak(data["peak"], console)
    if data["compared"]:
        console.print(_compared(data["compared"]))
    show_unused(data, console)
    show_assumptions(data, console)


def _infeasible(infeasible: Data, console: Console) -> None:
    console.print(Text(f"Not feasible: {infeasible['constraint']} binds", style="bold red"))
    console.print(f"{infeasible['detail']}. It would stand with {', or '.join(infeasible['reliefs'])}.")


def _power(data: Data) -> Table:
    power = data["power"]
    table = plain_table("\nPower, mean of the year", "part", ">W", ">of IT")
    for name, watts in power["it_parts_w"].items():
        if name != "it":
            table.add_row(PARTS[name], _w(watts), f"{watts / power['it_w']:.1%}")
    table.add_row("IT", _w(power["it_w"]), "100.0%")
    for name, watts in power["facility_parts_w"].items():
        table.add_row(f"  {PARTS[name]}", _w(watts), f"{watts / power['it_w']:.2%}")
    table.add_row("facility", _w(power["facility_w"]), f"{power['facility_w'] / power['it_w']:.2%}")
    return table


def _year(data: Data) -> Table:
    pue, water, energy, carbon = (data[name] for name in ("pue", "water", "energy", "carbon"))
    table = plain_table("\nYear", "what", "amount")
    table.add_row("PUE", f"{pue['mean']:.3f}; 98 % of hours between {pue['p1']:.3f} and {pue['p99']:.3f}")
    table.add_row("free cooling", f"{pue['free_cooling_share']:.1%} of the heat; no chiller in "
                                  f"{pue['hours_without_chiller']:,.0f} hours")  # fmt: skip
    table.add_row("water", f"{water['makeup_m3']:,.0f} m3, WUE {water['wue_l_per_kwh']:.2f} L/kWh")
    table.add_row("energy", f"{energy['facility_mwh']:,.0f} MWh, of it IT {energy['it_mwh']:,.0f}")
    if energy["own_output_mwh"] or energy["battery_in_mwh"]:
        table.add_row("  behind the meter", f"{energy['own_output_mwh']:,.0f} MWh, thrown away "
                                            f"{energy['curtailed_mwh']:,.0f}; battery in {energy['battery_in_mwh']:,.0f}, "
                                            f"out {energy['battery_out_mwh']:,.0f}")  # fmt: skip
        table.add_row("  from the grid", f"{energy['grid_mwh']:,.0f} MWh")
    for basis in ("location", "market"):
        of_grid, of_it = (carbon[f"{basis}_g_per_{energy_of}_kwh"] for energy_of in ("grid", "it"))
        table.add_row(
            f"carbon, {basis}", f"{carbon[f'{basis}_t']:,.0f} t, {of_grid:,.0f} g/kWh; CUE {of_it:,.0f} g/kWh of IT"
        )
    return table


def _months(pue: Data) -> Table:
    table = plain_table("\nPUE by month", *(f">{month}" for month in MONTHS))
    table.add_row(*(f"{value:.3f}" for value in pue["by_month"]))
    return table


def _cost(cost: Data) -> Table:
    sign = SIGN[cost["currency"]]
    table = plain_table(f"\nCost of the year, {cost['currency']}", "part", ">amount", ">share")
    for name, amount in cost["parts"].items():
        if amount:
            table.add_row(name, _money(amount, sign), f"{amount / cost['total']:.1%}")
    table.add_row("all", _money(cost["total"], sign), "100.0%")
    table.add_row("", f"{sign}{cost['per_grid_kwh']:.3f}/kWh")
    table.add_row("of IT", f"{sign}{cost['per_it_kwh']:.3f}/kWh")
    return table


def _peak(peak: Data, console: Console) -> None:
    dear = max((part for part in peak["parts_w"] if part != "it"), key=lambda part: peak["parts_w"][part])
    console.print(
        f"\nHighest hour: {peak['time']} at {peak['temperature_degc']:.1f} degC, wet bulb {peak['wet_bulb_degc']:.1f}: "
        f"{_w(peak['facility_w'])}, PUE {peak['highest_pue']:.3f}; beside IT most goes to {PARTS[dear]} "
        f"({_w(peak['parts_w'][dear])}). {peak['hours_near_peak']:,} hours come within 1 % of it."
    )


def _compared(lines: list[Data]) -> Table:
    many = len({each["site"] for each in lines}) > 1
    head = ["site"] if many else ["cooling", "outside"]
    columns = (">facility", ">PUE", ">p99", ">free", ">WUE", ">t location", ">t market", ">cost", ">/kWh IT")
    table = plain_table("\nSide by side", *head, *columns)
    for each in lines:
        sign = SIGN[each["currency"]]
        name = [each["site"]] if many else [each["cooling"], each["rejection"]]
        if each["infeasible"]:
            name[0] += " (not feasible)"
        table.add_row(
            *name,
            _w(each["facility_w"]),
            f"{each['pue']:.3f}",
            f"{each['pue_p99']:.3f}",
            f"{each['free_cooling_share']:.0%}",
            f"{each['wue_l_per_kwh']:.2f}",
            f"{each['location_t']:,.0f}",
            f"{each['market_t']:,.0f}",
            _money(each["cost"], sign),
            f"{sign}{each['cost_per_it_kwh']:.3f}",
        )
    return table


def _w(watts: float) -> str:
    return render(watts, Kind.POWER, digits=4)


def _money(amount: float, sign: str) -> str:
    return f"{sign}{amount / 1e6:,.2f}M" if abs(amount) >= 1e6 else f"{sign}{amount:,.0f}"

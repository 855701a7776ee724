"""A cluster's money as plain data and as tables, in dollars and in the scenario's currency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from petaday.report.chain_tables import show_spread
from petaday.report.data import Data
from petaday.report.purse import Purse, purse_of, purse_rate
from petaday.report.tables import plain_table, show_assumptions, show_infeasible, show_unused
from petaday.study.cost import CONVENTIONS

if TYPE_CHECKING:
    from rich.console import Console

PARTS = {
    "chips": "chips",
    "servers": "rest of the servers",
    "network": "switches and adapters",
    "optics": "modules and cables",
    "storage": "storage",
    "shell": "building",
    "plant": "cooling and electrical plant",
    "energy": "energy",
    "demand": "demand charge",
    "water": "make-up water",
    "staff": "staff",
    "maintenance": "maintenance",
    "replacements": "chips bought again",
    "total": "total",
}
NAMES = {
    "cloud_list": "cloud, list price",
    "cloud_committed": "cloud, committed",
    "amortised": "amortised hardware and energy",
    "marginal": "energy alone",
    "owned": "cost of ownership",
}


UNITS = {
    "usd_per_year": "a year, all told",
    "usd_per_chip_hour": "a chip-hour",
    "usd_per_sold_chip_hour": "a chip-hour that is sold",
    "usd_per_pf_day": "a PF-day of the model",
    "usd_per_mtok": "a million tokens trained on",
}


RENTS = {"cloud_list": "cost.list_rent", "cloud_committed": "cost.committed_rent"}


def show_cost(data: Data, name: str, console: Console) -> None:
    """Print capital, yearly costs, unit costs and what the run costs by each convention."""
    if not _begun(data, name, console):
        return
    cost, purse = data["cost"], purse_of(data)
    console.print(_parts("Capital", cost["capex_usd"], purse))
    console.print(_parts("Capital a year, with interest", cost["charge_usd_per_year"], purse))
    console.print(_parts("Running costs a year", cost["opex_usd_per_year"], purse))
    console.print(_units(cost, data))
    console.print(conventions_table(cost, data))
    _closing(data, console)


def show_conventions(data: Data, name: str, console: Console) -> None:
    """Print what the run costs by each convention."""
    if _begun(data, name, console):
        console.print(conventions_table(data["cost"], data))
        _closing(data, console)


def _closing(data: Data, console: Console) -> None:
    if data["uncertainty"]:
        show_spread(data, console, "cost.")
    show_unused(data, console)
    show_assumptions(data, console)


def _begun(data: Data, name: str, console: Console) -> bool:
    """Print the head; whether there is anything to tell."""
    console.print(Text(name or data["cluster"]["chip"], style="bold"))
    if data["infeasible"]:
        show_infeasible(data["infeasible"], console)
    if data["cost"] is None:
        if "cost" in data["missing"]:
            console.print(f"No costs: {data['missing']['cost']}.")
        return False
    cluster, run = data["cluster"], data["run"]
    if data["goodput"] is not None and data["goodput"]["wall_time_s"] is None:
        console.print(f"No costs: {cluster['chips']:,} × {cluster['chip']} never end the run; see `petaday goodput`.")
        return False
    days = run["wall_time_days"] if data["goodput"] is None else data["goodput"]["wall_time_s"] / 86400
    console.print(
        f"{cluster['chips']:,} × {cluster['chip']} for {days:.4g} days; a dollar is {purse_rate(data):.4g} yuan."
    )
    return True


def _parts(title: str, parts: dict[str, float], purse: Purse) -> Table:
    table = plain_table(f"\n{title}", "part", ">amount", ">share")
    for name, value in parts.items():
        if value or name == "total":
            table.add_row(PARTS[name], purse.text(value), f"{value / parts['total']:.1%}")
    return table


def _units(cost: dict[str, Any], data: Data) -> Table:
    table = plain_table("\nUnit costs", "what", ">USD", ">CNY")
    dollars, yuan = Purse("USD", 1.0), Purse("CNY", purse_rate(data))
    for key, words in UNITS.items():
        table.add_row(words, dollars.text(cost[key]), yuan.text(cost[key]))
    return table


def conventions_table(cost: dict[str, Any], data: Data) -> Table:
    """The run's cost by each convention, in both currencies."""
    table = plain_table("\nThe run, by whose accounting", "convention", ">USD", ">CNY", "what it counts")
    dollars, yuan = Purse("USD", 1.0), Purse("CNY", purse_rate(data))
    for name, what in CONVENTIONS.items():
        value = cost["run_usd"].get(name)
        if value is None:
            table.add_row(NAMES[name], "unknown", "unknown", f"{what}: no published rent of this chip near this date")
        else:
            rent = next((each for each in data["factors"] if each["name"] == RENTS.get(name)), None)
            told = f"{what}: {rent['text']}, {rent['source']}" if rent else what
            table.add_row(NAMES[name], dollars.text(value), yuan.text(value), told)
    return table

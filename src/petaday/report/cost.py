"""A cluster's money as plain data and as tables, in dollars and in the scenario's currency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from petaday.report.data import Data
from petaday.report.tables import plain_table, show_assumptions, show_infeasible
from petaday.study.cost import CONVENTIONS
from petaday.units import Kind, render

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


class Purse:
    """Dollars as text in the scenario's currency."""

    def __init__(self, currency: str, rate: float) -> None:
        self.kind, self.rate = (Kind.MONEY_CNY, rate) if currency == "CNY" else (Kind.MONEY, 1.0)

    def text(self, dollars: float, digits: int = 4) -> str:
        """An amount; small ones keep their cents."""
        amount = dollars * self.rate
        if 0 < abs(amount) < 1000:
            return f"{'¥' if self.kind is Kind.MONEY_CNY else '$'}{amount:,.{2 if abs(amount) < 100 else 0}f}"
        return render(amount, self.kind, digits=digits)


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
    show_assumptions(data, console)


def show_conventions(data: Data, name: str, console: Console) -> None:
    """Print what the run costs by each convention."""
    if _begun(data, name, console):
        console.print(conventions_table(data["cost"], data))
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
    days = run["wall_time_days"] if data["goodput"] is None else data["goodput"]["wall_time_s"] / 86400
    console.print(
        f"{cluster['chips']:,} × {cluster['chip']} for {days:.4g} days; a dollar is {purse_rate(data):.4g} yuan."
    )
    return True


def purse_rate(data: Data) -> float:
    """Yuan for a dollar."""
    return float(next(each["value"] for each in data["factors"] if each["name"] == "cost.exchange_rate"))


def purse_of(data: Data) -> Purse:
    """The scenario's currency."""
    return Purse(data["money"]["currency"], purse_rate(data))


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
            table.add_row(NAMES[name], dollars.text(value), yuan.text(value), what)
    return table

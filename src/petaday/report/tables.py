"""Tables and closing lines that all reports on a terminal share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from petaday.report.data import Data
from petaday.units import Kind, render

if TYPE_CHECKING:
    from rich.console import Console


def plain_table(title: str, *columns: str) -> Table:
    """A plain table; a column named `>x` is x, aligned right."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    return table


def show_infeasible(infeasible: Data, console: Console) -> None:
    """Print what binds and what would lift it."""
    console.print(Text(f"Not feasible: {infeasible['constraint']} binds", style="bold red"))
    console.print(infeasible["detail"])
    if infeasible["reliefs"]:
        table = plain_table("Changes that lift it, cheapest first", "change", ">step", ">memory a chip")
        for relief in infeasible["reliefs"]:
            table.add_row(relief["change"], time_text(relief["step_time"]), bytes_text(relief["memory"]))
        console.print(table)


def show_unused(data: Data, console: Console) -> None:
    """Print what the scenario gives and moves nothing."""
    for field, reason in data["unused"].items():
        console.print(f"Unused: {field} moves nothing, since {reason}.")


def show_assumptions(data: Data, console: Console) -> None:
    """Print what the scenario left open, with the source of each value."""
    if data["assumptions"]:
        table = plain_table("\nAssumed, because the scenario does not say", "field", "value", "source")
        for each in data["assumptions"]:
            table.add_row(each["field"], each["value"], each["source"] + (" (estimate)" if each["estimate"] else ""))
        console.print(table)


def span_text(values: list[float], kind: Kind) -> str:
    """A range as text: what is typical, and where the bounds differ from it, those."""
    low, typical, high = (_amount(value, kind) for value in values)
    return typical if low == high else f"{typical} ({low} to {high})"


def _amount(value: float, kind: Kind) -> str:
    if kind is Kind.COUNT:
        return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
    return render(value, kind, digits=3)


def time_text(seconds: float) -> str:
    """A time as text; steps of some minutes stay in seconds, so that they compare at a glance."""
    return f"{seconds:.4g} s" if 1 <= seconds < 1000 else render(seconds, Kind.TIME)


def bytes_text(size: float) -> str:
    return render(size, Kind.BYTES, digits=3)

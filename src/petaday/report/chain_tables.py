"""The chain behind a plan on a terminal: one line a number, its range where it was drawn, and what the range rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from petaday.report.data import Data
from petaday.report.purse import Purse, purse_of
from petaday.report.tables import plain_table
from petaday.units import Kind, render

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_SHARE = 0.05
"""Factors below this total Sobol index are not shown."""

Show = Callable[[float], str]


def of_kind(kind: Kind) -> Show:
    """A number as text of its kind."""
    return lambda value: render(value, kind, digits=3)


def count(value: float) -> str:
    """A number of things."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def lines(purse: Purse | None) -> Iterator[tuple[str, str, Show]]:
    """The numbers that are shown: path in the answer, words, text."""
    time, power, mass = of_kind(Kind.TIME), of_kind(Kind.POWER), of_kind(Kind.MASS)
    yield from (
        ("goodput.share", "goodput", lambda value: f"{value:.1%}"),
        ("goodput.mtbf_s", "time between failures", time),
        ("goodput.interval_s", "work between checkpoints", time),
        ("goodput.wall_time_s", "run with failures", time),
        ("power.it_w", "IT power, mean", power),
        ("power.pue", "PUE", lambda value: f"{value:.3f}"),
        ("power.facility_w", "facility power, mean", power),
        ("power.run_energy_j", "energy of the run", of_kind(Kind.ENERGY)),
        ("power.run_water_m3", "water of the run", of_kind(Kind.VOLUME)),
        ("carbon.operational_location_kg", "CO2 of its energy, by location", mass),
        ("carbon.operational_market_kg", "CO2 of its energy, by market", mass),
        ("carbon.embodied_run_kg", "CO2 of making the chips, the run's share", mass),
    )
    if purse is not None:
        yield from (
            ("cost.capex_usd.total", "capital", purse.text),
            ("cost.usd_per_year", "a year of ownership", purse.text),
            ("cost.run_usd.owned", "cost of the run", purse.text),
            ("cost.usd_per_pf_day", "a PF-day", purse.text),
            ("cost.usd_per_mtok", "a million tokens", purse.text),
        )
    yield from (
        ("supply.wafers", "logic wafers", count),
        ("supply.hbm_bytes", "HBM", of_kind(Kind.BYTES)),
        ("supply.packages", "packages started", count),
        ("supply.months", "months until the last chip", lambda value: f"{value:.1f}"),
    )


def show_chain(data: Data, console: Console) -> None:
    """Print the chain's numbers and, where they were drawn, P10 to P90 and what matters most."""
    if data["uncertainty"]:
        show_spread(data, console)
    else:
        table = plain_table("\nThe chain behind the run, at medians", "what", ">amount")
        for path, words, show in lines(purse_of(data) if data["cost"] else None):
            value, known = at(data, path)
            if known:
                table.add_row(words, "never" if value is None else show(value))
        console.print(table)
    if data["unfit"]:
        unfit = data["unfit"]
        console.print(Text(f"Not feasible: {unfit['constraint']} binds", style="bold red"))
        console.print(f"{unfit['detail']}. What lifts it: {', or '.join(unfit['reliefs'])}.")
    for link, why in data["missing"].items():
        console.print(f"No {link}: {why}.")


def show_spread(data: Data, console: Console, room: str = "") -> None:
    """Print P10, P50 and P90 of the numbers whose paths begin with `room`, and the factors that they rest on."""
    drawn = data["uncertainty"]
    purse = purse_of(data) if data["cost"] else None
    table = plain_table(f"\nThe chain behind the run, {drawn['samples']:,} draws", "what", ">median", ">P10", ">P90")
    for path, words, show in lines(purse):
        if path in drawn["quantiles"] and path.startswith(room):
            spread = (drawn["quantiles"][path][name] for name in ("p50", "p10", "p90"))
            table.add_row(words, *("never" if each is None else show(each) for each in spread))
    console.print(table)
    _show_shares(drawn, purse, console, room)


def at(data: Data, path: str) -> tuple[float | None, bool]:
    """The number at a path of the answer, None where it has no end; and whether there is one."""
    place: object = data
    for step in path.split("."):
        if not isinstance(place, dict) or step not in place:
            return None, False
        place = place[step]
    return (float(place) if isinstance(place, int | float) else None), True


def _show_shares(drawn: Data, purse: Purse | None, console: Console, room: str) -> None:
    words = {path: text for path, text, _ in lines(purse)}
    title = f"\nWhat the spread rests on, by {drawn['sobol_rows']:,} draws of each"
    table = plain_table(title, "number", "factor", ">total", ">alone")
    for path, shares in drawn["sobol"].items():
        if not path.startswith(room):
            continue
        name = words.get(path, path)
        for factor, total in shares["total"].items():
            if total >= SHOWN_SHARE:
                table.add_row(name, factor, f"{total:.2f}", f"{shares['first'][factor]:.2f}")
                name = ""
    console.print(table)
    console.print(Text("total: share of the variance that goes when the factor is known, with all it acts through"))

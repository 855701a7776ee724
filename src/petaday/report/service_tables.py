"""A planned service as tables on a terminal, from the same plain data as the JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from petaday.report.data import Data
from petaday.report.service import OUTCOMES, layout_text
from petaday.report.tables import plain_table, show_assumptions, show_unused
from petaday.units import Kind, render

if TYPE_CHECKING:
    from rich.console import Console

NAMES = {"ttft": "TTFT", "tpot": "TPOT", "e2e": "E2E", "queue": "queue"}
WAYS = 12
"""Layouts of a sweep, and points of its front, that a terminal lists."""


def show_service(data: Data, name: str, console: Console) -> None:
    """Print the whole report."""
    console.print(Text(name or "Service", style="bold"))
    console.print(_demand(data["demand"]))
    if data["infeasible"]:
        _infeasible(data["infeasible"], console)
    if not data["pools"]:
        _closing(data, console)
        return
    console.print(_pools(data["pools"]))
    console.print(_latency("\nLatency", data["latency"]))
    for metric, told in data["latency"].items():
        console.print(f"{NAMES[metric]} = {told['formula']}")
    console.print(_requests(data))
    if data["tiers"]:
        console.print(_tiers(data["tiers"]))
    console.print(_totals(data["totals"]))
    _closing(data, console)


def _demand(demand: Data) -> Table:
    table = plain_table("\nDemand", "what", ">amount")
    table.add_row("requests", demand["trace"])
    table.add_row("", demand["source"])
    if demand["users"]:
        users = demand["users"]
        table.add_row("users", f"{users['users']:,.0f}, {users['daily_users']:,.0f} a day")
        table.add_row("a day", f"{users['requests_per_day']:,.0f} requests, {users['tokens_per_day']:.4g} tokens")
    mean, peak = demand["mean_requests_per_s"], demand["peak_requests_per_s"]
    table.add_row("rate", f"{mean:,.4g} requests/s, at most {peak:,.4g} over {_time(demand['seconds'])}")
    prompt, output = demand["mean_prompt_tokens"], demand["mean_output_tokens"]
    table.add_row("lengths", f"{prompt:,.0f} prompt and {output:,.0f} output tokens on average")
    return table


def _pools(pools: list[Data]) -> Table:
    table = plain_table(
        "\nPools",
        "pool",
        "engine",
        "layout",
        ">replicas",
        ">chips",
        ">busy",
        ">sequences",
        ">cache",
        ">weights a chip",
    )
    for pool in pools:
        table.add_row(
            pool["name"],
            pool["engine"],
            layout_text(pool["layout"]),
            f"{pool['mean_replicas']:.4g}",
            f"{pool['chips']:,}",
            f"{pool['busy_share']:.0%}",
            f"{pool['most_sequences']:,}",
            f"{pool['cache_tokens']:,.0f} tokens",
            render(pool["weights_bytes_per_chip"], Kind.BYTES, digits=3),
        )
    return table


def _latency(title: str, latency: Data) -> Table:
    table = plain_table(title, "of requests served", ">mean", ">p50", ">p90", ">p99")
    for metric, told in latency.items():
        table.add_row(NAMES[metric], *(_time(told[f"{name}_s"]) for name in ("mean", "p50", "p90", "p99")))
    return table


def _requests(data: Data) -> Table:
    requests, objectives = data["requests"], data["objectives"]
    table = plain_table("\nRequests", "what", ">number", ">share")
    total = max(requests["arrived"], 1)
    for name in ("arrived", *OUTCOMES, "unfinished", "came_again", "preemptions"):
        if requests[name] or name in ("arrived", "served"):
            table.add_row(name.replace("_", " "), f"{requests[name]:,}", f"{requests[name] / total:.2%}")
    limits = [
        f"{NAMES[name]} {_time(objectives[f'{name}_s'])}"
        for name in ("ttft", "tpot", "e2e")
        if objectives[f"{name}_s"] is not None
    ]
    if limits:
        wanted = f"wanted {objectives['share']:.4g}"
        table.add_row(f"within {', '.join(limits)}", wanted, f"{objectives['attained_share']:.2%}")
    if requests["stopped"]:
        table.add_row("stopped", f"after {requests['events']:,} events", "")
    return table


def _tiers(tiers: list[Data]) -> Table:
    table = plain_table(
        "\nTiers", "tier", ">arrived", ">served", ">refused", ">gave up", ">TTFT p50", ">TTFT p99", ">TPOT p50"
    )
    for tier in tiers:
        refused = tier["queue_full"] + tier["rate_limited"] + tier["too_long"]
        latency = tier["latency"]
        table.add_row(
            tier["name"],
            f"{tier['arrived']:,}",
            f"{tier['served']:,}",
            f"{refused:,}",
            f"{tier['timed_out']:,}",
            _time(latency["ttft"]["p50_s"]),
            _time(latency["ttft"]["p99_s"]),
            _time(latency["tpot"]["p50_s"]),
        )
    return table


def _totals(totals: Data) -> Table:
    table = plain_table("\nWhat it makes and takes", "what", ">amount")
    table.add_row("output", f"{totals['output_tokens_per_s']:,.0f} tokens/s")
    table.add_row("a chip", f"{totals['output_tokens_per_s_per_chip']:,.1f} output tokens/s")
    if totals["cached_prompt_tokens"]:
        share = totals["cached_prompt_tokens"] / max(totals["prompt_tokens"], 1)
        table.add_row("prompts from caches", f"{share:.1%} of their tokens")
    table.add_row("chip-hours", f"{totals['chip_hours']:,.1f}, {totals['busy_share']:.0%} busy")
    if totals["usd"] is not None:
        table.add_row("cost", f"${totals['usd_per_million_output_tokens']:,.3f} per million output tokens")
        table.add_row("", f"${totals['usd_per_million_tokens']:,.3f} per million tokens, prompts counted too")
    if totals["joules_per_output_token"] is not None:
        table.add_row("energy", f"{totals['joules_per_output_token']:,.3g} J per output token, chips only")
    return table


def _infeasible(infeasible: Data, console: Console) -> None:
    console.print(Text(f"\nInfeasible: {infeasible['constraint']}", style="bold red"))
    console.print(infeasible["detail"])
    for relief in infeasible["reliefs"]:
        console.print(f"  {relief}")


def _closing(data: Data, console: Console) -> None:
    console.print()
    for each in {each["engine"]: each for each in data["accuracy"]}.values():
        if each["fitted_to"]:
            console.print(
                f"Accuracy: {each['engine']} was fitted to {each['fitted_to']}; held out it is off by "
                f"{each['held_out_median_error']:.1%} (median), {each['held_out_p90_error']:.0%} (p90)."
            )
            for name, factors in (("TPOT", each["tpot_factors"]), ("TTFT", each["ttft_factors"])):
                if factors:
                    console.print(
                        f"{each['interval_share']:.0%} of measured {name} lie in {factors[0]:.2f} to {factors[1]:.2f} "
                        f"times the predicted, which is {_times(data, name, factors)} here (median)."
                    )
            if each["ttft_held_out_median_error"] is not None:
                console.print(
                    f"First tokens under {each['engine']}: off by {each['ttft_held_out_median_error']:.0%} (median), "
                    f"{each['ttft_held_out_p90_error']:.0%} (p90) of the measured time, held out."
                )
        else:
            console.print(f"Accuracy: {each['engine']} has not been fitted to measurements.")
    show_unused(data, console)
    show_assumptions(data, console)


def _times(data: Data, name: str, factors: list[float]) -> str:
    """The interval around the median of a latency."""
    median = data["latency"][name.lower()]["p50_s"]
    return " to ".join(_time(None if median is None else factor * median) for factor in factors)


def show_sweep(data: Data, name: str, console: Console) -> None:
    """Print the front of a sweep and its best layouts."""
    console.print(Text(name or "Layouts", style="bold"))
    ways, front = data["ways"], data["front"]
    console.print(
        f"{data['legal_layouts']:,} legal layouts of up to {data['chips']:,} chips, {data['points']:,} working points, "
        "in a steady state without queues"
    )
    thinned = [front[round(place * (len(front) - 1) / (WAYS - 1))] for place in range(WAYS)]
    shown = front if len(front) <= WAYS else thinned
    console.print(_ways(f"\nFront: {len(front)} points that nothing beats in both TPOT and throughput", shown))
    for kind in ("aggregated", "disaggregated"):
        own = [way for way in ways if way["kind"] == kind]
        within = sum(way["within_limits"] for way in own)
        title = f"\n{kind.capitalize()}: {within} of {len(own)} layouts keep the limits, the best of them"
        console.print(_ways(title, own[: WAYS // 2]))
    console.print("over: misses a limit of latency at any load. All layouts: --json.")


def _ways(title: str, ways: list[Data]) -> Table:
    columns = ("decode", ">×", "prefill", ">×", ">sequences", ">TTFT", ">TPOT", ">requests/s", ">tokens/s a chip", "")
    table = plain_table(title, *columns)
    for way in ways:
        apart = way["prefill_layout"] is not None
        table.add_row(
            layout_text(way["layout"]),
            str(way["replicas"]),
            layout_text(way["prefill_layout"]) if apart else "the same",
            str(way["prefill_replicas"]) if apart else "",
            f"{way['sequences']:,.0f}",
            _time(way["ttft_s"]),
            _time(way["tpot_s"]),
            f"{way['requests_per_s']:,.4g}",
            f"{way['output_tokens_per_s_per_chip']:,.0f}",
            "" if way["within_limits"] else "over",
        )
    return table


def _time(seconds: float | None) -> str:
    return "" if seconds is None else render(seconds, Kind.TIME, digits=3)

"""An answer as tables on a terminal, from the same plain data as the JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from petaday.report.chain_tables import show_chain
from petaday.report.data import Data
from petaday.report.tables import (
    bytes_text,
    plain_table,
    show_assumptions,
    show_infeasible,
    show_unused,
    span_text,
    time_text,
)
from petaday.units import Kind, render

if TYPE_CHECKING:
    from rich.console import Console

    from petaday.report.explain import Explanation

PARTS = {
    "forward": "forward",
    "backward": "backward",
    "recompute": "recomputation",
    "tensor": "tensor-parallel communication",
    "expert": "expert-parallel communication",
    "context": "context-parallel communication",
    "host": "waiting for the host",
    "offload": "activations to host memory and back",
    "pipeline": "pipeline hand-overs",
    "bubble": "pipeline bubble",
    "data": "gradients and weights exchanged",
    "update": "optimizer",
    "overhead": "outside the step's passes",
}
"""The waterfall's parts as a reader knows them."""

PLAN_SHOWN = ("tp", "cp", "pp", "vpp", "dp", "ep", "etp", "zero", "micro_batch", "recompute", "recompute_layers",
              "sequence_parallel", "schedule")  # fmt: skip
BAR = 24


def show_answer(data: Data, name: str, console: Console) -> None:
    """Print the whole report."""
    cluster = data["cluster"]
    title = name or data["cluster"]["chip"]
    console.print(Text(title, style="bold"))
    console.print(f"{cluster['chips']:,} × {cluster['chip']}, {cluster['software']}, network {cluster['network']}\n")
    console.print(_demand(data["demand"]))
    if data["infeasible"]:
        show_infeasible(data["infeasible"], console)
    if data["plan"] is None:
        return
    console.print(_plan(data))
    console.print(_waterfall(data["step"]))
    console.print(_memory(data["memory"]))
    if data["alternatives"]:
        console.print(_alternatives(data))
    if data["pareto"]:
        console.print(_front(data["pareto"]))
    if data["fabric"]:
        _fabric(data["fabric"], console)
    show_chain(data, console)
    _closing(data, console)


def show_explanation(told: Explanation, console: Console) -> None:
    """Print a field taken apart."""
    unit = f" {told.field.unit}" if told.field.unit not in ("", "1") else ""
    console.print(Text.assemble((told.path, "bold"), f" = {', '.join(told.values)}{unit}"))
    console.print(f"  meaning  {told.field.meaning}")
    if told.field.formula:
        console.print(f"  formula  {told.field.formula}")
    if told.field.source:
        console.print(f"  source   {told.field.source}")
    if told.inputs:
        table = plain_table("Inputs", "input", "value", "source")
        for each in told.inputs:
            mark = " (estimate)" if each.estimate else ""
            table.add_row(each.name, each.value, each.source + mark)
        console.print(table)


def _demand(demand: Data) -> Table:
    table = plain_table("Demand", "what", ">amount")
    table.add_row("parameters", render(demand["parameters_total"], Kind.COUNT))
    if demand["parameters_active"] != demand["parameters_total"]:
        table.add_row("  active for a token", render(demand["parameters_active"], Kind.COUNT))
    table.add_row("tokens", render(demand["tokens"], Kind.TOKENS))
    table.add_row("6·N·D", render(demand["flops"], Kind.FLOP))
    table.add_row("", f"{demand['pf_days']:,.1f} PF-days")
    table.add_row("with attention", f"{demand['model_pf_days']:,.1f} PF-days")
    return table


def _plan(data: Data) -> Table:
    table = plain_table("\nPlan", "what", "choice")
    table.add_row("parallel plan", plan_text(data["plan"]))
    step, run = data["step"], data["run"]
    table.add_row("step time", f"{time_text(step['step_time_s'])}, {step['micro_batches']} micro-batches")
    table.add_row("throughput", f"{step['tokens_per_s']:,.0f} tokens/s, {step['tokens_per_s_per_chip']:,.1f} a chip")
    rate = render(step["model_flops_per_s_per_chip"], Kind.FLOP_RATE)
    table.add_row("utilisation", f"MFU {step['mfu']:.1%}, HFU {step['hfu']:.1%}, {rate} a chip")
    if step["step_time_low_s"] is not None:
        ends = " to ".join(time_text(step[f"step_time_{end}_s"]) for end in ("low", "high"))
        table.add_row("", f"80 % of measured steps lie in {ends}")
    table.add_row("run", f"{run['steps']:,} steps, {time_text(run['wall_time_s'])} without failures")
    table.add_row("", render(run["chip_hours"] * 3600, Kind.CHIP_TIME))
    baseline = step["baseline_step_time_s"]
    table.add_row("baseline", f"one constant says {time_text(baseline)} ({baseline / step['step_time_s'] - 1:+.0%})")
    return table


def plan_text(plan: Data) -> str:
    """A plan in one line: what is 1, none or no is left out."""
    words = [
        f"{name} {plan[name]}"
        for name in PLAN_SHOWN
        if plan[name] not in (1, "no") and not (name == "recompute_layers" and plan["recompute"] == "none")
    ]
    return ", ".join(words)


def _waterfall(step: Data) -> Table:
    table = plain_table("\nStep time", "part", ">time", ">share", "")
    total = step["step_time_s"]
    for name, seconds in step["waterfall_s"].items():
        share = seconds / total
        if share >= 5e-4:
            table.add_row(PARTS[name], time_text(seconds), f"{share:.1%}", "█" * max(1, round(share * BAR)))
    table.add_row("sum", time_text(total), "100.0%")
    return table


def _memory(memory: Data) -> Table:
    table = plain_table("\nMemory a chip", "part", *(f">{each['stage']} stage" for each in memory["stages"]))
    table.add_row("layers", *(str(each["layers"]) for each in memory["stages"]))
    for key in ("weights", "gradients", "optimizer", "activations", "working", "logits", "reserve", "total"):
        values = [each[f"{key}_bytes"] for each in memory["stages"]]
        if any(values):
            table.add_row(key, *map(bytes_text, values))
    share = memory["fullest_bytes"] / memory["capacity_bytes"]
    table.add_row(f"of {bytes_text(memory['capacity_bytes'])}", f"{share:.0%}")
    return table


def _alternatives(data: Data) -> Table:
    table = plain_table("\nNext best plans", ">#", ">step", ">slower", ">memory", "plan")
    for each in data["alternatives"]:
        table.add_row(
            str(each["rank"]),
            time_text(each["step_time_s"]),
            f"{each['slower_by']:+.1%}",
            bytes_text(each["memory_bytes"]),
            plan_text(each["plan"]),
        )
    return table


def _front(front: list[Data]) -> Table:
    names = [name for name in front[0] if name != "plan"]
    table = plain_table("\nPareto front", *(f">{name.rsplit('_', 1)[0].replace('_', ' ')}" for name in names), "plan")
    for each in front:
        values = [bytes_text(each[name]) if name.endswith("bytes") else time_text(each[name]) for name in names]
        table.add_row(*values, plan_text(each["plan"]))
    return table


def _fabric(fabric: Data, console: Console) -> None:
    """The network behind the plan in a few lines, and the optics that could serve it."""
    console.print()
    console.print(Text("Fabric", style="bold"))
    console.print(
        f"{fabric['kind']}: {fabric['switches']:,} {fabric['switch']}, {fabric['cables']:,} cables, "
        f"{fabric['modules']:,} modules, {span_text(fabric['watts'], Kind.POWER)}, "
        f"{span_text(fabric['price_usd'], Kind.MONEY)}"
    )
    console.print(optics_table(fabric["optics"]))


def optics_table(optics: list[Data]) -> Table:
    """One line for each choice of optics."""
    steps = any(each["step_time_s"] is not None for each in optics)
    names = ("optics", ">modules", ">lasers", ">links W", ">all W", ">all $", ">failures/yr")
    table = plain_table("\nOptics on every link", *names, *([">step"] if steps else []))
    for each in optics:
        row = [
            f"copper, else {each['optics_part']}" if each["copper"] else each["optics_part"],
            f"{each['modules']:,}",
            span_text(each["lasers"], Kind.COUNT),
            span_text(each["link_watts"], Kind.POWER),
            span_text(each["watts"], Kind.POWER),
            span_text(each["price_usd"], Kind.MONEY),
            span_text(each["failures_per_year"], Kind.COUNT),
        ]
        table.add_row(*row, *([f"{each['step_time_s']:.5g} s"] if steps else []))
    return table


def _closing(data: Data, console: Console) -> None:
    limits, search, accuracy = data["limits"], data["search"], data["accuracy"]
    console.print(
        f"\nLimits: {PARTS[limits['largest_loss']]} takes {limits['largest_loss_share']:.1%} of the step; "
        f"memory is {limits['memory_share']:.0%} full."
    )
    considered, fitting = search["plans_considered"], search["plans_fitting"]
    console.print(f"Search: {considered:,} legal plans priced, {fitting:,} fit.")
    if accuracy["fitted_to"]:
        console.print(
            f"Accuracy: {accuracy['profile']} was fitted to {accuracy['fitted_to']}; "
            f"median error {accuracy['median_error']:.1%}, held out {accuracy['held_out_median_error']:.1%}."
        )
    else:
        console.print(f"Accuracy: {accuracy['profile']} has not been fitted to measured runs.")
    if accuracy["chip_measured"] is False:
        console.print(
            "No training run of this chip was fitted: its efficiencies are those of its class, and the interval is wide."
        )
    for dtype, inherited in accuracy["chip_efficiencies_inherited"].items():
        if inherited:
            console.print(
                f"Kernels in {dtype}: efficiencies inherited from {inherited}; expect errors of 10 to 13 % on GEMMs."
            )
    show_unused(data, console)
    show_assumptions(data, console)

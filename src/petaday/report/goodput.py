"""What failures leave of a run, as plain data and as tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table
from rich.text import Text

from petaday.report.data import SCHEMA_VERSION, Data
from petaday.report.tables import plain_table, show_assumptions, show_unused
from petaday.training.goodput import LOSSES
from petaday.units import Kind, render
from petaday.units.kinds import DAY, YEAR

if TYPE_CHECKING:
    from rich.console import Console

    from petaday.fabric.network import Floats
    from petaday.study.goodput import GoodputAnswer, OpticsRate
    from petaday.study.manifest import Manifest
    from petaday.training.goodput import Goodput

LOSS_NAMES = {
    "checkpoint": "waiting for checkpoints",
    "lost_work": "work done again",
    "detection": "failures not yet noticed",
    "swap": "spare nodes brought in",
    "restart": "restarts",
    "elastic": "replicas leaving and joining",
    "spares": "no spare node left",
    "silent": "corruption found late",
    "slow_machines": "slow machines",
}
"""The losses as a reader knows them."""

COMPONENT_NAMES = {
    "gpu": "GPU",
    "memory": "GPU memory",
    "silent": "silent corruption",
    "host": "host",
    "maintenance": "host maintenance",
    "unknown": "unexplained timeout",
    "software": "software",
    "infrastructure": "infrastructure",
    "job": "job",
    "adapters": "network adapter",
    "links": "network link",
    "switches": "leaf switch",
}
"""Classes of failures as a reader knows them."""

assert tuple(LOSS_NAMES) == LOSSES


def goodput_data(found: GoodputAnswer, manifest: Manifest, simulated: Floats | None = None) -> Data:
    """The whole answer. Rates are those of the job, shares of its wall time; what does not end takes null seconds."""
    case, checkpoint = found.case, found.checkpoint
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "infeasible" if found.late else "answered",
        "manifest": asdict(manifest),
        "chips": case.run.chips,
        "nodes": case.nodes,
        "profile": case.fleet.id,
        "mtbf_s": found.mtbf,
        "failures_per_day": DAY / found.mtbf,
        "components": [
            {
                "component": each.component.name,
                "unit": each.component.unit,
                "count": each.component.count,
                "failures_per_year": each.rate * YEAR,
                "mtbf_s": 1 / each.rate if each.rate else None,
                "share": each.share,
            }
            for each in found.components
        ],
        "checkpoint": {
            "bytes": checkpoint.bytes,
            "stall_s": checkpoint.stall,
            "write_s": checkpoint.write,
            "interval_s": float(found.kept.interval),
            "memory_interval_s": None if found.kept.memory_interval is None else float(found.kept.memory_interval),
            "young_interval_s": checkpoint.young,
            "daly_interval_s": checkpoint.daly,
        },
        "spares": {
            "nodes": found.spares,
            "chips": found.spares * -(-case.run.chips // case.nodes),
            "in_repair_on_average": found.absent,
        },
        "recovery": case.section.recovery,
        "goodput": found.share,
        "losses": _losses(found.kept),
        "binding": found.binding,
        "ideal_time_s": found.ideal_time,
        "wall_time_s": found.wall_time if isfinite(found.wall_time) else None,
        "late_s": found.late if isfinite(found.late) else None,
        "recoveries": {
            "synchronous": _recovery(found.synchronous),
            "elastic": None if found.elastic is None else {**_recovery(found.elastic), "replicas": case.replicas},
        },
        "optics": [_optics(each) for each in found.optics],
        "simulated": None if simulated is None else _simulated(simulated, found.ideal_time),
        "unused": found.unused,
        "assumptions": [asdict(each) for each in found.assumptions],
    }


def _recovery(kept: Goodput) -> Data:
    return {"goodput": float(kept.share), "interval_s": float(kept.interval), "losses": _losses(kept)}


def _losses(kept: Goodput) -> dict[str, float]:
    return {name: float(kept.losses[name]) for name in LOSSES}


def _optics(each: OpticsRate) -> Data:
    return {
        "optics_part": each.optics,
        "copper": each.copper,
        "network_failures_per_year": list(each.network),
        "mtbf_s": list(each.mtbf),
        "goodput": list(each.share),
    }


def _simulated(share: Floats, ideal_time: float) -> Data:
    low, middle, high = (float(value) for value in np.quantile(share, (0.1, 0.5, 0.9)))
    return {
        "runs": len(share),
        "goodput_mean": float(share.mean()),
        "goodput_p10_p50_p90": [low, middle, high],
        "wall_time_p10_p50_p90_s": [ideal_time / high, ideal_time / middle, ideal_time / low],
    }


def show_goodput(data: Data, name: str, console: Console) -> None:
    """Print how often the job stops, what that costs, and what would change it."""
    if name:
        console.print(Text(name, style="bold"))
    console.print(
        f"{data['chips']:,} chips in {data['nodes']:,} nodes, hazards of {data['profile']}: a failure every "
        f"{render(data['mtbf_s'], Kind.TIME, digits=3)}, {data['failures_per_day']:.3g} a day\n"
    )
    console.print(_components(data["components"]))
    _checkpoints(data, console)
    console.print(_waterfall(data))
    _times(data, console)
    if data["recoveries"]["elastic"]:
        console.print(_side_by_side(data["recoveries"]))
    if data["optics"]:
        console.print(_optics_table(data["optics"]))
    if data["simulated"]:
        _show_simulated(data["simulated"], console)
    show_unused(data, console)
    show_assumptions(data, console)


def _components(components: list[Data]) -> Table:
    table = plain_table("What stops the job", "class", ">units", ">a year", ">every", ">share")
    for each in sorted(components, key=lambda each: -each["share"]):
        plural = "" if each["count"] == 1 else "es" if each["unit"] == "switch" else "s"
        units = f"{each['count']:,.0f} {each['unit']}{plural}"
        every = render(each["mtbf_s"], Kind.TIME, digits=3) if each["mtbf_s"] else "never"
        table.add_row(
            COMPONENT_NAMES[each["component"]],
            units,
            f"{each['failures_per_year']:,.4g}",
            every,
            f"{each['share']:.1%}",
        )
    return table


def _checkpoints(data: Data, console: Console) -> None:
    each, spares = data["checkpoint"], data["spares"]
    console.print(
        f"\nCheckpoints of {render(each['bytes'], Kind.BYTES, digits=3)} every "
        f"{render(each['interval_s'], Kind.TIME, digits=3)}: a stall of {render(each['stall_s'], Kind.TIME, digits=3)}, "
        f"{render(each['write_s'], Kind.TIME, digits=3)} to write "
        f"(Young {render(each['young_interval_s'], Kind.TIME, digits=3)}, "
        f"Daly {render(each['daly_interval_s'], Kind.TIME, digits=3)})."
    )
    if each["memory_interval_s"] is not None:
        console.print(f"In the memory of other nodes every {render(each['memory_interval_s'], Kind.TIME, digits=3)}.")
    console.print(
        f"Spares: {spares['nodes']:,} nodes ({spares['chips']:,} chips), {spares['in_repair_on_average']:.3g} nodes in "
        "repair on average."
    )


def _waterfall(data: Data) -> Table:
    table = plain_table(f"\nWall time, {data['recovery']}", "part", ">share")
    table.add_row("useful", f"{data['goodput']:.2%}")
    for name, share in sorted(data["losses"].items(), key=lambda item: -item[1]):
        if share:
            table.add_row(LOSS_NAMES[name], f"{share:.2%}")
    return table


def _times(data: Data, console: Console) -> None:
    ideal, wall = render(data["ideal_time_s"], Kind.TIME), data["wall_time_s"]
    with_failures = render(wall, Kind.TIME) if wall else "never done"
    console.print(f"\nWithout failures {ideal}, with them {with_failures}.")
    console.print(f"The largest loss: {LOSS_NAMES[data['binding']]}.")
    if data["status"] == "infeasible":
        late = data["late_s"]
        told = f"{render(late, Kind.TIME)} over the deadline" if late else "no end in sight"
        console.print(Text(f"Not feasible, bound by {LOSS_NAMES[data['binding']]}: {told}.", style="bold red"))


def _side_by_side(recoveries: Data) -> Table:
    both = recoveries["synchronous"], recoveries["elastic"]
    table = plain_table("\nRecovery", "part", ">synchronous", f">elastic, {both[1]['replicas']:,} replicas")
    table.add_row("useful", *(f"{each['goodput']:.2%}" for each in both))
    for name in LOSSES:
        if any(each["losses"][name] for each in both):
            table.add_row(LOSS_NAMES[name], *(f"{each['losses'][name]:.2%}" for each in both))
    return table


def _optics_table(optics: list[Data]) -> Table:
    table = plain_table("\nOptics on every link", "optics", ">network stops/yr", ">MTBF", ">goodput")
    for each in optics:
        low, typical, high = each["network_failures_per_year"]
        table.add_row(
            f"copper, else {each['optics_part']}" if each["copper"] else each["optics_part"],
            f"{typical:,.0f} ({low:,.0f} to {high:,.0f})",
            _ends(each["mtbf_s"], lambda value: render(value, Kind.TIME, digits=3)),
            _ends(each["goodput"], lambda value: f"{value:.1%}"),
        )
    return table


def _ends(values: list[float], text: Callable[[float], str]) -> str:
    best, typical, worst = (text(value) for value in values)
    return f"{typical} ({worst} to {best})"


def _show_simulated(simulated: Data, console: Console) -> None:
    low, middle, high = simulated["goodput_p10_p50_p90"]
    walls = " to ".join(render(simulated["wall_time_p10_p50_p90_s"][index], Kind.TIME) for index in (0, 2))
    console.print(
        f"\nSimulated event by event, {simulated['runs']:,} runs: goodput {middle:.2%} ({low:.2%} to {high:.2%}, 80 % of "
        f"runs), mean {simulated['goodput_mean']:.2%}; wall time {walls}."
    )

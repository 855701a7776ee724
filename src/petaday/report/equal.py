"""A training run on two kinds of chip that take the same time, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petaday.report.data import Data
from petaday.report.tables import plain_table
from petaday.units import Kind, render

if TYPE_CHECKING:
    from rich.console import Console

    from petaday.study.answer import Answer
    from petaday.study.equal import Equal
    from petaday.study.fabric import Wired


def equal_data(found: Equal, ordered: float) -> Data:
    """Both sides, None where nothing is as fast; `ordered`: chips of the order, of which the run takes a share."""
    base = _side(found.base, found.base_network)
    other = _side(found.other, found.other_network) if found.other is not None else None
    missing = found.other.infeasible if found.other is not None else found.base.infeasible
    return {
        "run": found.base.joined.scenario.name,
        "base": base,
        "other": other,
        "infeasible": missing.detail if missing else None,
        "chip_ratio": other["chips"] / base["chips"] if base and other else None,
        "share_of_order": other["chips"] / ordered if other else None,
    }


def _side(answer: Answer, network: Wired | None) -> Data | None:
    if answer.best is None:
        return None
    chip, chips = answer.joined.parts.chip, answer.job.chips
    return {
        "chip": chip.id,
        "chips": chips,
        "wall_time_s": answer.wall_time,
        "mfu": answer.best.mfu,
        "chip_watts": chips * chip.tdp.value if chip.tdp else None,
        "switches": network.topology.switches if network else 0,
        "cables": network.bill.cables if network else 0,
        "modules": network.bill.modules if network else 0,
        "network_watts": network.bill.watts.typical if network else 0.0,
    }


ROWS = (
    ("chips", "chips", None),
    ("wall time", "wall_time_s", Kind.TIME),
    ("MFU", "mfu", Kind.RATIO),
    ("chips' TDP", "chip_watts", Kind.POWER),
    ("switches", "switches", None),
    ("cables", "cables", None),
    ("modules", "modules", None),
    ("network", "network_watts", Kind.POWER),
)


def show_equal(data: Data, console: Console) -> None:
    """Print both sides and how many times as many the second takes."""
    base, other = data["base"], data["other"]
    if base is None or other is None:
        console.print(f"\nNo number of chips is as fast: {data['infeasible']}.")
        return
    table = plain_table(
        f"\nThe same time for {data['run'] or 'the run'}", "", f">{base['chip']}", f">{other['chip']}", ">times"
    )
    for name, key, kind in ROWS:
        values = [side[key] for side in (base, other)]
        times = f"{values[1] / values[0]:.2f}" if all(values) else ""
        table.add_row(name, *(_cell(value, kind) for value in values), times)
    console.print(table)
    console.print(
        f"{data['chip_ratio']:.2f} {other['chip']} for each {base['chip']}, "
        f"{data['share_of_order']:.3%} of the order. Full scale-up domains count as a whole."
    )


def _cell(value: float | None, kind: Kind | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if kind is None else render(value, kind, digits=3)

"""An order of chips as plain data and as tables: bill of one chip, bill of wafers, quarters, carbon, replacement."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from petaday.catalog.quarter import quarter_name
from petaday.report.data import SCHEMA_VERSION, Data
from petaday.report.equal import show_equal
from petaday.report.tables import plain_table, show_assumptions, show_unused
from petaday.units import Kind, render
from petaday.units.kinds import DAY, YEAR

if TYPE_CHECKING:
    from rich.console import Console

    from petaday.study.manifest import Manifest
    from petaday.study.supply import Supplied

BILL = ("logic", "hbm", "packaging", "loss", "rest")
CARBON = ("logic", "hbm", "package", "loss", "switches", "circuit", "sink", "assembly")


def supply_data(answer: Supplied, manifest: Manifest) -> Data:
    """An order's answer; quantities are SI but for what the keys say otherwise."""
    filled, made = answer.filled, answer.made
    delivered = min(answer.supply.stock.chips, answer.order.chips) + float(filled.delivered.sum())
    months = float(filled.months)
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "infeasible" if np.isinf(months) else "answered",
        "order": {
            "chip": made.recipe.id,
            "chips": answer.order.chips,
            "start": quarter_name(answer.supply.start),
            "delivered_chips": min(delivered, answer.order.chips),
            "missing_chips": float(answer.left),
            "months": None if np.isinf(months) else months,
            "data_end": quarter_name(answer.last_quarter),
        },
        "binding": binding(answer),
        "reliefs": [asdict(each) for each in answer.reliefs()] if np.isinf(months) else [],
        "before_packages": float(filled.before),
        "dies": [
            {
                "name": die.name,
                "node": die.node.id,
                "platform": die.node.platform,
                "count": die.count,
                "gross_per_wafer": die.gross,
                "good_per_wafer": float(die.good),
                "yield": float(die.yielded),
                "cost_usd": float(die.cost),
            }
            for die in made.dies
        ],
        "package": {
            "kind": made.package.id,
            "gross_per_wafer": made.gross,
            "good_share": float(made.assembled),
            "stacks": made.stacks,
            "memory_bytes": float(made.memory_bytes),
        },
        "bill_usd": {**{name: float(getattr(answer.bom, name)) for name in BILL}, "total": float(answer.bom.total)},
        "carbon_kg": {
            **{name: float(getattr(answer.carbon, name)) for name in CARBON},
            "packaged": float(answer.carbon.packaged),
            "total": float(answer.carbon.total),
        },
        "totals": {
            "make_usd": answer.order.chips * float(answer.bom.total),
            "carbon_kg": answer.order.chips * float(answer.carbon.total),
        },
        "wafers": wafers_data(answer),
        "quarters": _quarters(answer),
        "replacement": _replacement(answer),
        "equal": None,
        "unused": answer.unused,
        "assumptions": [asdict(each) for each in answer.assumptions],
        "manifest": asdict(manifest),
    }


def wafers_data(answer: Supplied) -> Data:
    """The bill of wafers of the whole order: dies used are those of the stock and of wafers, packages good and bad."""
    bill = answer.bill
    return {
        "logic": [
            {
                "die": line.die,
                "node": line.node,
                "platform": line.platform,
                "used_dies": float(line.used),
                "from_stock_dies": float(line.from_stock),
                "good_dies": float(line.from_wafers),
                "bad_dies": float(line.bad),
                "wafers": float(line.wafers),
            }
            for line in bill.dies
        ],
        "logic_wafers": float(bill.logic),
        "interposer_wafers": float(bill.interposers),
        "hbm_stacks": float(bill.stacks),
        "hbm_bytes": float(bill.memory),
        "packages": float(bill.packages),
        "good_packages": float(bill.good),
        "bad_packages": float(bill.bad),
        "substrates": float(bill.packages),
    }


def binding(answer: Supplied) -> str:
    """What limits the most months until the order's packages are all started."""
    names = [answer.filled.names[index] for index in answer.filled.binding]
    waited = Counter(name for name in names if name != "the order")
    return waited.most_common(1)[0][0] if waited else "nothing"


def _quarters(answer: Supplied) -> list[Data]:
    """What lines deliver and packaging starts in each quarter, until nothing more comes."""
    filled = answer.filled

    def by_quarter(monthly: Any) -> list[float]:
        return [float(each) for each in np.asarray(monthly).reshape(-1, 3).sum(axis=-1)]

    dies = {name: by_quarter(arrived) for name, arrived in zip(filled.names, filled.arrived, strict=False)}
    wafers = sum(np.asarray(each) for each in answer.wafers)
    columns = {
        "logic_wafers": by_quarter(wafers),
        "hbm_bytes": next((each for name, each in dies.items() if name.startswith("memory")), None),
        "interposer_wafers": by_quarter(answer.interposers),
        "packages_started": by_quarter(filled.packages),
        "chips_delivered": by_quarter(filled.delivered),
    }
    capacity = {name: by_quarter(each) for name, each in answer.capacity.items()}
    bound = [filled.names[index] for index in filled.binding]
    rows = []
    total = min(answer.supply.stock.chips, answer.order.chips)
    for number in range(answer.lines.months // 3):
        values = {name: column[number] if column else 0.0 for name, column in columns.items()}
        total += values["chips_delivered"]
        limit = Counter(bound[3 * number : 3 * number + 3]).most_common(1)[0][0]
        rows.append(
            {
                "quarter": quarter_name(answer.supply.start + number),
                **values,
                "chips_in_all": total,
                "capacity_chips": {name: column[number] for name, column in capacity.items()},
                "binding": limit,
            }
        )
    while len(rows) > 1 and not any(rows[-1][name] for name in columns):
        rows.pop()
    return rows


def _replacement(answer: Supplied) -> Data:
    """The flow that keeps the order standing: a stock over its life, beside what the line makes of all products."""
    wafers = answer.order.chips * float(answer.made.wafers_per_chip)
    line = float(answer.lines.whole) / (YEAR / 12)
    per_second = wafers / answer.life
    return {
        "life_s": answer.life,
        "wafers_per_day": per_second * DAY,
        "chips_per_day": answer.order.chips / answer.life * DAY,
        "line_wafers_per_day": line * DAY,
        "share_of_line": per_second / line,
    }


def show_supply(data: Data, name: str, console: Console) -> None:
    """Print the order, its bills, its quarters and what it emits."""
    order, wafers = data["order"], data["wafers"]
    console.print(name or order["chip"], style="bold")
    chips = render(order["chips"], Kind.CHIPS)
    if order["months"] is None:
        console.print(
            f"{chips} of {order['chip']} from {order['start']}: not filled by {order['data_end']}, where the data end; "
            f"{order['delivered_chips']:,.0f} delivered. {data['binding'].capitalize()} binds.\n"
        )
        listed = (f"{each['change']} ({each['months']:.1f} months)" for each in data["reliefs"])
        fewer = f"an order of {order['delivered_chips']:,.0f}"
        console.print(f"What lifts it: {', or '.join((*listed, fewer))}.\n")
    else:
        console.print(
            f"{chips} of {order['chip']} from {order['start']}: filled after {order['months']:.1f} months. "
            f"{data['binding'].capitalize()} binds.\n"
        )
    dies = plain_table("Dies", "die", "node", ">in a chip", ">on a wafer", ">good", ">yield", ">a good die")
    for die in data["dies"]:
        dies.add_row(
            die["name"],
            f"{die['node']} ({die['platform']})",
            str(die["count"]),
            str(die["gross_per_wafer"]),
            f"{die['good_per_wafer']:.1f}",
            f"{die['yield']:.0%}",
            f"${die['cost_usd']:,.0f}",
        )
    console.print(dies)
    bill = plain_table("\nBill of a chip", "part", ">USD", ">kg CO2e")
    for part in dict.fromkeys((*BILL, "package", *CARBON)):
        row = [part, data["bill_usd"].get(part), data["carbon_kg"].get(part)]
        if any(row[1:]):
            bill.add_row(*_cells(row))
    bill.add_row(*_cells(["total", data["bill_usd"]["total"], data["carbon_kg"]["total"]]))
    console.print(bill)
    totals = data["totals"]
    console.print(
        f"All chips: {render(totals['make_usd'], Kind.MONEY, digits=3)} to make, without design, masks and margins; "
        f"{render(totals['carbon_kg'], Kind.MASS, digits=3)} of CO2e."
    )
    console.print(_wafers(wafers, data["package"]["kind"]))
    quarters = plain_table(
        "\nBy quarter", "quarter", ">wafers", ">HBM", f">{data['package']['kind']} wafers", ">started", ">delivered",
        ">in all", "binds",
    )  # fmt: skip
    if data["before_packages"]:
        quarters.add_row("in the making", "", "", "", f"{data['before_packages']:,.0f}", "", "", "")
    for row in data["quarters"]:
        quarters.add_row(
            row["quarter"],
            f"{row['logic_wafers']:,.0f}",
            render(row["hbm_bytes"], Kind.BYTES, digits=3),
            f"{row['interposer_wafers']:,.0f}",
            f"{row['packages_started']:,.0f}",
            f"{row['chips_delivered']:,.0f}",
            f"{row['chips_in_all']:,.0f}",
            row["binding"],
        )
    console.print(quarters)
    flow = data["replacement"]
    console.print(
        f"\nOnce: {wafers['logic_wafers']:,.0f} wafers of logic. To replace all chips every "
        f"{flow['life_s'] / YEAR:g} years: {flow['wafers_per_day']:,.0f} wafers a day, "
        f"{flow['share_of_line']:.1%} of the {flow['line_wafers_per_day']:,.0f} of their lines in {order['start']}."
    )
    if data["equal"]:
        show_equal(data["equal"], console)
    show_unused(data, console)
    show_assumptions(data, console)


def _cells(row: list[Any]) -> list[str]:
    return [str(row[0]), *("" if value is None else f"{value:,.1f}" for value in row[1:])]


def _wafers(wafers: Data, kind: str) -> Any:
    table = plain_table("\nBill of wafers, once", "what", ">wafers", ">used", ">from stock", ">good", ">bad")
    for die in wafers["logic"]:
        columns = ("wafers", "used_dies", "from_stock_dies", "good_dies", "bad_dies")
        table.add_row(f"dies {die['die']} on {die['node']}", *(f"{die[name]:,.0f}" for name in columns))
    names = ("interposer_wafers", "packages", "good_packages", "bad_packages")
    count, packages, good, bad = (f"{wafers[name]:,.0f}" for name in names)
    table.add_row(f"packages {kind}", count, packages, "", good, bad)
    table.add_row(f"memory stacks, {render(wafers['hbm_bytes'], Kind.BYTES)}", "", f"{wafers['hbm_stacks']:,.0f}")
    return table

"""A calibration as tables, from its plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petaday.report.data import Data
from petaday.report.tables import plain_table
from petaday.units import Kind, render

if TYPE_CHECKING:
    from rich.console import Console


def show_calibration(data: Data, console: Console) -> None:
    """Print rates against the datasheet, the figures of each dtype with standard errors, and collectives."""
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    console.print(f"{data['device']} ({versions})\n", markup=False)
    rates = plain_table("Best measured", "what", ">rate", ">datasheet", ">share")
    for line in data["peaks"]:
        kind = Kind.BANDWIDTH if line["unit"] == "B/s" else Kind.FLOP_RATE
        sheet = line["datasheet"]
        rates.add_row(
            line["name"],
            render(line["best"], kind),
            render(sheet, kind) if sheet else "unknown",
            f"{line['best'] / sheet:.1%}" if sheet else "",
        )
    console.print(rates)
    for fit in data["fits"]:
        title = f"\n{fit['dtype']}: {fit['points']} points, loss {fit['loss']:.1%} (median error)"
        table = plain_table(title, "figure", ">value", ">standard error")
        for name, figure in fit["figures"].items():
            values = (figure["value"], figure["error"])
            table.add_row(name, *(render(v, Kind.TIME) if name == "launch" else f"{v:.3g}" for v in values))
        console.print(table)
        if fit["forced"]:
            console.print(f"Not to be trusted, kept by --force as estimates: {', '.join(fit['forced'])}")
    if data["collectives"]:
        table = plain_table("\nCollectives", "collective", ">ranks", ">buffer", ">time", ">rate of a rank")
        for line in data["collectives"]:
            sizes = (render(line["bytes"], Kind.BYTES), render(line["seconds"], Kind.TIME))
            table.add_row(line["name"], str(line["ranks"]), *sizes, render(line["rate"], Kind.BANDWIDTH))
        console.print(table)
    console.print(f"\nwrote {data['file']}; add it with: petaday catalog add {data['file']}", markup=False)


def show_runs(data: Data, console: Console) -> None:
    """Print the figures fitted to runs, and the error before and after."""
    table = plain_table(f"{data['chip']}: fitted to {data['runs']} runs", "figure", ">value", ">standard error")
    for dtype, figures in data["figures"].items():
        for name, figure in figures.items():
            table.add_row(f"{name}, {dtype}", f"{figure['value']:.3f}", f"{figure['standard_error']:.2g}")
    console.print(table)
    before, after = data["median_abs_pct_before"], data["median_abs_pct_after"]
    console.print(f"median error {before:.1f} % before, {after:.1f} % after")
    if data["leaving"]:
        console.print(f"At the edge of what is plausible: {', '.join(data['leaving'])}")
    for reason in sorted(set(data["skipped"].values())):
        console.print(f"not used: {reason}", markup=False)
    console.print(f"\nwrote {data['file']}; add it with: petaday catalog add {data['file']}", markup=False)

"""Commands that hold predictions against measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from petaday.cli.base import ANSWERED, Json, app, command, console, print_json, write
from petaday.errors import InputError

SuiteName = Literal[
    "training", "kernels", "collectives", "memory", "ranking", "latency", "serving",
    "goodput", "power", "supply", "cost", "claims", "forecast",
]  # fmt: skip


@app.command
def validate(
    *,
    suite: Annotated[SuiteName | None, Parameter(help="what to check; everything if left out")] = None,
    data: Annotated[Path | None, Parameter(help="a table of runs of your own in the documented columns")] = None,
    plot: Annotated[Path | None, Parameter(help="write an HTML page with plots of the errors")] = None,
    json: Json = False,
) -> int:
    """Compare predictions with measurements: median, p90 and bias by suite, chip, model and scale."""
    from petaday.report.errors import show_suites
    from petaday.validation.payload import validation_data

    if data is not None and suite not in (None, "training"):
        raise InputError(f"--data holds training runs, and the suite is {suite}", field="--data")
    measured = validation_data(suite, data)
    if plot is not None:
        from petaday.report.error_page import error_page

        write(plot, error_page(measured), "--plot")
    print_json(measured) if json else show_suites(measured, console(), every_group=suite is not None)
    return ANSWERED


@app.command
def calibrate(
    *,
    out: Annotated[Path, Parameter(help="the catalog file to write, such as my-gpu.yaml; its name is the chip's id")],
    data: Annotated[Path | None, Parameter(help="a table of measured training runs")] = None,
    chip: Annotated[
        str, Parameter(help="the catalog chip whose datasheet holds; told by the device if left out")
    ] = "",
    microbench: Annotated[bool, Parameter(negative="", help="measure this machine through PyTorch")] = False,
    device: Annotated[str, Parameter(help="cuda, cuda:1 or cpu; the first GPU if left out")] = "",
    force: Annotated[
        bool, Parameter(negative="", help="replace the file; keep figures that look implausible")
    ] = False,
    json: Json = False,
) -> int:
    """Fit a chip's figures to measurements and write a file for `petaday catalog add`."""
    if (data is not None) == microbench:
        raise InputError("give one of --data and --microbench")
    return _microbench(out, chip, device, force, json) if data is None else _own_runs(data, chip, out, force, json)


def _own_runs(data: Path, chip: str, out: Path, force: bool, json: bool) -> int:
    """Fit a chip's training figures to runs, write and show."""
    from petaday.calibration.write import part_id, refuse_existing, write_text
    from petaday.report.calibration import show_runs
    from petaday.validation.calibrate import calibrate as fit
    from petaday.validation.calibrate import calibrated_data, catalog_file

    if not chip:
        raise InputError("whose figures?", field="--chip", expected="the chip that the runs were measured on")
    id_ = part_id(out)
    refuse_existing(out, force)
    calibrated = fit(data, chip, force=force)
    write_text(out, catalog_file(calibrated, id_, command()), force=force)
    told = calibrated_data(calibrated, out)
    print_json(told) if json else show_runs(told, console())
    return ANSWERED


def _microbench(out: Path, chip: str, device: str, force: bool, json: bool) -> int:
    """Measure this machine, fit, write and show."""
    from rich.console import Console

    from petaday.calibration.collectives import measure_exchanges
    from petaday.calibration.microbench import measure
    from petaday.calibration.payload import calibration_data
    from petaday.calibration.session import calibrate as fit
    from petaday.calibration.torch_gpu import torch_machine
    from petaday.calibration.write import part_id, refuse_existing, write
    from petaday.catalog import load
    from petaday.report.calibration import show_calibration

    part_id(out)
    refuse_existing(out, force)
    if chip:
        load.chip(chip)
    machine = torch_machine(device)
    with Console(stderr=True).status("measuring") as status:
        exchanges = measure_exchanges(machine.gpus)
        points = measure(machine, report=lambda work: status.update(f"measuring {work.kind} in {work.dtype}"))
    calibrated = fit(machine.device, points, chip=chip, exchanges=exchanges, force=force)
    write(calibrated, out, command(), force=force)
    told = calibration_data(calibrated, out)
    print_json(told) if json else show_calibration(told, console())
    return ANSWERED

"""The command about failures: what they leave of a training run."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from petaday.cli.base import (
    ANSWERED,
    INFEASIBLE,
    Csv,
    Json,
    ScenarioFile,
    Unverified,
    app,
    command,
    console,
    print_json,
    progress,
    write,
)
from petaday.errors import InputError


@app.command
def goodput(
    scenario: ScenarioFile,
    /,
    *,
    json: Json = False,
    csv: Csv = None,
    simulate: Annotated[bool, Parameter(negative="", help="also run the job event by event, many times")] = False,
    runs: Annotated[int, Parameter(help="runs of the simulation")] = 100,
    seed: Annotated[int, Parameter(help="of the simulation")] = 0,
    allow_unverified: Unverified = False,
) -> int:
    """What failures leave of a training run: MTBF, checkpoints, spares, losses, recoveries and optics side by side."""
    from petaday.report.flat import flat_csv
    from petaday.report.goodput import goodput_data, show_goodput
    from petaday.study.chain.build import followed
    from petaday.study.goodput import goodput_of, simulated
    from petaday.study.manifest import manifest
    from petaday.study.reliability_scenario import Reliability
    from petaday.study.scenario import read_scenario

    read, locate = read_scenario(scenario)
    with progress() as report:
        try:
            planned, _ = followed(read, scenario.parent, allow_unverified=allow_unverified, report=report)
            if planned.best is None:
                return _no_plan(planned.infeasible, json)
            found = goodput_of(planned, read.reliability or Reliability())
        except InputError as error:
            raise locate(error) from None
    ends = found.late < float("inf")  # a run without an end cannot be simulated to it
    shares = simulated(found, runs, seed) if simulate and ends else None
    data = goodput_data(found, manifest(read, command()), shares)
    if csv is not None:
        write(csv, flat_csv(data["components"]))
    print_json(data) if json else show_goodput(data, read.name, console())
    return INFEASIBLE if found.late else ANSWERED


def _no_plan(infeasible: object, json: bool) -> int:
    """Tell why there is nothing that could fail."""
    from dataclasses import asdict

    from petaday.report.data import SCHEMA_VERSION
    from petaday.report.tables import show_infeasible

    told = asdict(infeasible)  # type: ignore[call-overload]
    if json:
        print_json({"schema_version": SCHEMA_VERSION, "status": "infeasible", "infeasible": told})
    else:
        show_infeasible(told, console())
    return INFEASIBLE

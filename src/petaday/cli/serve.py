"""Commands about serving a model and tuning it after its training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from petaday.cli.base import (
    ANSWERED,
    INFEASIBLE,
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
def serve(
    scenario: ScenarioFile,
    /,
    *,
    json: Json = False,
    trace: Annotated[Path | None, Parameter(help="a trace of requests in place of the scenario's demand")] = None,
    speed: Annotated[float, Parameter(help="how many times as fast the trace comes")] = 1.0,
    plot: Annotated[
        Path | None, Parameter(help="write queue, latency and refusals over time to this HTML file")
    ] = None,
    sweep: Annotated[Literal["layout"] | None, Parameter(help="list every legal layout of the first pool")] = None,
    allow_unverified: Unverified = False,
) -> int:
    """Plan a service: chips and layouts for its requests, their latencies, cost, and what a crowd does to it."""
    from petaday.report import service_tables
    from petaday.report.service import service_data, sweep_data
    from petaday.report.service_page import service_page
    from petaday.study import service_answer
    from petaday.study.manifest import manifest

    read, locate = service_answer.read(scenario, trace, speed)
    with progress("requests") as report:
        try:
            asking = service_answer.join(read, scenario.parent, allow_unverified=allow_unverified)
            if sweep:
                swept = service_answer.swept(asking)
                data = sweep_data(swept, manifest(read, command()))
                print_json(data) if json else service_tables.show_sweep(data, read.name, console())
                return ANSWERED
            plan = service_answer.plan_service(asking, curves=plot is not None, tell=report)
        except InputError as error:
            raise locate(error) from None
    data = service_data(plan, manifest(read, command()))
    if plot is not None and data["curves"]:
        write(plot, service_page(data, read.name), "--plot")
    print_json(data) if json else service_tables.show_service(data, read.name, console())
    return INFEASIBLE if plan.infeasible else ANSWERED


@app.command
def posttrain(scenario: ScenarioFile, /, *, json: Json = False, allow_unverified: Unverified = False) -> int:
    """Plan supervised tuning, reward model and reinforcement learning: who gets which chips, and who waits."""
    from petaday.report.posttrain import posttrain_data, show_posttrain
    from petaday.study.manifest import manifest
    from petaday.study.posttrain import posttrain_file

    with progress() as report:
        found = posttrain_file(scenario, allow_unverified=allow_unverified, report=report)
    data = posttrain_data(found, manifest(found.scenario, command()))
    print_json(data) if json else show_posttrain(data, found.scenario.name, console())
    return INFEASIBLE if found.infeasible else ANSWERED

"""The command about where chips come from."""

from __future__ import annotations

from petaday.cli.base import ANSWERED, INFEASIBLE, Json, ScenarioFile, Unverified, app, command, console, print_json
from petaday.errors import InputError


@app.command
def supply(
    scenario: ScenarioFile,
    /,
    *,
    json: Json = False,
    allow_unverified: Unverified = False,
) -> int:
    """Count dies, wafers, memory and packages of an order of chips, and say when it is filled and what binds."""
    from petaday.report.supply import show_supply, supply_data
    from petaday.study.manifest import manifest
    from petaday.study.supply import read_supply, supplied

    read, locate = read_supply(scenario)
    try:
        answer = supplied(read.order, read.supply, allow_unverified=allow_unverified)
    except InputError as error:
        raise locate(error) from None
    data = supply_data(answer, manifest(read, command()))
    print_json(data) if json else show_supply(data, read.name, console())
    return INFEASIBLE if data["status"] == "infeasible" else ANSWERED

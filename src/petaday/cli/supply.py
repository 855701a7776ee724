"""The command about where chips come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from petaday.report.data import Data


@app.command
def supply(
    scenario: ScenarioFile,
    /,
    *,
    json: Json = False,
    csv: Csv = None,
    training: Annotated[
        Path | None, Parameter(help="a training run on other chips: how many of these train it as fast")
    ] = None,
    allow_unverified: Unverified = False,
) -> int:
    """Count dies, wafers, memory and packages of an order of chips, and say when it is filled and what binds."""
    from petaday.report.flat import flat_csv
    from petaday.report.supply import show_supply, supply_data
    from petaday.study.manifest import manifest
    from petaday.study.supply import read_supply, supplied

    read, locate = read_supply(scenario)
    try:
        answer = supplied(read.order, read.supply, allow_unverified=allow_unverified)
    except InputError as error:
        raise locate(error) from None
    data = supply_data(answer, manifest(read, command()))
    if training is not None:
        data["equal"] = _equal(training, answer.made.recipe.id, read.order.chips, allow_unverified)
    if csv is not None:
        write(csv, flat_csv(data["quarters"]))
    print_json(data) if json else show_supply(data, read.name, console())
    return INFEASIBLE if data["status"] == "infeasible" else ANSWERED


def _equal(training: Path, chip: str, chips: float, allow_unverified: bool) -> Data:
    """A training run on its own chips beside the same on the order's."""
    from petaday.report.equal import equal_data
    from petaday.study.equal import equal_outcome
    from petaday.study.scenario import read_scenario

    run, locate = read_scenario(training)
    with progress() as report:
        try:
            found = equal_outcome(run, training.parent, chip, allow_unverified=allow_unverified, report=report)
        except InputError as error:
            raise locate(error) from None
    return equal_data(found, chips)

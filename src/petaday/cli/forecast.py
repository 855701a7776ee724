"""The command that grows demand and supply over years."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from petaday.cli.base import ANSWERED, Csv, Json, ScenarioFile, Unverified, app, command, console, print_json, write
from petaday.errors import InputError


@app.command
def forecast(
    scenario: ScenarioFile,
    /,
    *,
    score: Annotated[
        bool, Parameter(negative="", help="also hold published forecasts and our own law against what happened")
    ] = False,
    json: Json = False,
    csv: Csv = None,
    allow_unverified: Unverified = False,
) -> int:
    """Grow demand and supply year by year: installed chips, what is short, which capacity binds, with bands."""
    from petaday.report.flat import flat_csv
    from petaday.report.forecast import forecast_data, scores_data, show_forecast, show_scores
    from petaday.study.forecast import forecast as run
    from petaday.study.forecast_scenario import read_forecast
    from petaday.study.forecast_scores import back_tests, revisions, scores
    from petaday.study.manifest import manifest

    read, locate = read_forecast(scenario)
    try:
        data = forecast_data(run(read, allow_unverified=allow_unverified), manifest(read, command()))
    except InputError as error:
        raise locate(error) from None
    if score:
        data |= scores_data(scores(), revisions(), back_tests())
    if csv is not None:
        write(csv, flat_csv(data["years"]))
    if json:
        print_json(data)
        return ANSWERED
    show_forecast(data, read.name, console())
    if score:
        show_scores(data, console())
    return ANSWERED

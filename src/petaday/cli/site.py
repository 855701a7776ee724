"""The command about a site: its power, cooling, water, carbon and energy cost."""

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
    write,
)
from petaday.errors import InputError


@app.command
def site(
    scenario: ScenarioFile,
    /,
    *,
    json: Json = False,
    csv: Annotated[Path | None, Parameter(help="write every hour of the year to this CSV file")] = None,
    compare: Annotated[
        Literal["cooling", "sites"] | None, Parameter(help="other kinds of cooling, or every site, side by side")
    ] = None,
    allow_unverified: Unverified = False,
) -> int:
    """Account for a site: power by part, PUE by hour, water, carbon by location and market, tariff."""
    from petaday.report.site import hourly_csv, site_data
    from petaday.report.site_tables import show_site
    from petaday.study import site as study
    from petaday.study.manifest import manifest

    read, locate = study.read_site(scenario)
    others = {"cooling": study.compared_coolings, "sites": study.compared_sites}
    try:
        found = study.site_year(read, scenario.parent, allow_unverified=allow_unverified)
        compared = others[compare](read, scenario.parent, allow_unverified=allow_unverified) if compare else []
    except InputError as error:
        raise locate(error) from None
    if csv is not None:
        write(csv, hourly_csv(found))
    data = site_data(found, manifest(read, command()), compared)
    print_json(data) if json else show_site(data, read.name, console())
    return INFEASIBLE if found.infeasible else ANSWERED

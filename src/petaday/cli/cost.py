"""The command about money."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from petaday.cli.base import (
    ANSWERED,
    INFEASIBLE,
    Csv,
    Json,
    Samples,
    ScenarioFile,
    Uncertain,
    Unverified,
    app,
    command,
    console,
    print_json,
    write,
)
from petaday.cli.plan import answered


@app.command
def cost(
    scenario: ScenarioFile,
    /,
    *,
    by: Annotated[Literal["part", "convention"], Parameter(help="all parts, or only the run by convention")] = "part",
    json: Json = False,
    csv: Csv = None,
    uncertainty: Uncertain = False,
    samples: Samples = 8192,
    allow_unverified: Unverified = False,
) -> int:
    """What a cluster costs to build and to run, and what its run costs by whose accounting."""
    from petaday.report.chain import chain_rows
    from petaday.report.cost import show_conventions, show_cost
    from petaday.report.flat import flat_csv
    from petaday.report.payload import payload
    from petaday.study.manifest import manifest

    read, answer, chain = answered(scenario, allow_unverified=allow_unverified)
    drawn = chain.uncertainty(samples) if chain and uncertainty else None
    data = payload(answer, manifest(read, command()), chain, drawn)
    if csv is not None:
        write(csv, flat_csv(chain_rows(data, "cost.")))
    if json:
        print_json(data)
    else:
        show = show_conventions if by == "convention" else show_cost
        show(data, read.name, console())
    return INFEASIBLE if answer.infeasible or (chain and chain.unfit) else ANSWERED

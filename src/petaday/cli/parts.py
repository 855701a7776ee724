"""Commands about what scenarios are made of: the catalog's parts, schemas, examples."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from petaday.cli.base import ANSWERED, Json, Unverified, app, console, print_json

catalog = App(
    name="catalog",
    help="The parts one can plan with: chips, models, networks, sites, fleets, process nodes and others.",
)
app.command(catalog)


@app.command
def schema(
    kind: Annotated[
        Literal["plan", "serve", "posttrain", "site", "supply", "forecast", "claims"],
        Parameter(help="which command's files"),
    ] = "plan",
    /,
) -> int:
    """Print the JSON Schema of a scenario file."""
    from petaday.catalog.validate import Strict
    from petaday.study.claims import ClaimsFile
    from petaday.study.forecast_scenario import ForecastScenario
    from petaday.study.posttrain_scenario import PosttrainScenario
    from petaday.study.scenario import Scenario
    from petaday.study.service_scenario import ServiceScenario
    from petaday.study.site_scenario import SiteScenario
    from petaday.study.supply_scenario import SupplyScenario

    models: dict[str, type[Strict]] = {
        "plan": Scenario,
        "serve": ServiceScenario,
        "posttrain": PosttrainScenario,
        "supply": SupplyScenario,
        "site": SiteScenario,
        "forecast": ForecastScenario,
        "claims": ClaimsFile,
    }
    print_json(models[kind].model_json_schema())
    return ANSWERED


@app.command
def new(name: Annotated[str, Parameter(help="an example to copy, such as gpt3-175b")], /) -> int:
    """Copy a shipped example into this folder, to start from."""
    from petaday.study.examples import copy_example

    print(copy_example(name, Path.cwd()))
    return ANSWERED


Kind = Literal[
    "chips", "models", "networks", "software", "engines", "sites", "links", "switches", "adapters", "coolings",
    "rejections", "power-chains", "hosts", "fleets", "cost-profiles", "nodes", "hbm", "packages", "lines", "recipes",
]  # fmt: skip


@catalog.command(name="list")
def list_parts(kind: Kind, /, *, json: Json = False, allow_unverified: Unverified = False) -> int:
    """List the parts of a kind."""
    from petaday.report.parts import list_data, show_list

    data = list_data(kind, allow_unverified)
    print_json(data) if json else show_list(kind, data, console())
    return ANSWERED


@catalog.command
def show(
    name: str,
    /,
    *,
    kind: Annotated[Kind | None, Parameter(help="where parts of two kinds have one name")] = None,
    json: Json = False,
) -> int:
    """Show a part with the source of every figure."""
    from petaday.report.parts import part_data, show_part

    data = part_data(name, kind)
    print_json(data) if json else show_part(data, console())
    return ANSWERED


@catalog.command
def add(file: Path, /) -> int:
    """Check a file of chips or models and add it to your catalog."""
    from petaday.catalog.edit import add as add_file

    added = add_file(file)
    for finding in added.findings:
        print(f"{finding.severity}: {finding.chip}: {finding.check}: {finding.message}", file=sys.stderr)
    print(f"added {', '.join(added.ids)} to {added.path}")
    return ANSWERED


@catalog.command(name="import-hf")
def import_hf(
    config: Annotated[Path, Parameter(help="config.json of a Hugging Face model")],
    /,
    *,
    name: Annotated[str, Parameter(help="the model's name in your catalog")] = "",
) -> int:
    """Print a Hugging Face config.json as a catalog file of models."""
    from petaday.catalog.huggingface import import_config, model_to_yaml

    print(model_to_yaml(import_config(config, name)), end="")
    return ANSWERED

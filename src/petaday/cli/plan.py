"""Commands about training: its plan, its numbers one by one, its network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from petaday.cli.base import (
    ANSWERED,
    INFEASIBLE,
    Json,
    Samples,
    ScenarioFile,
    Uncertain,
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
    from petaday.study.answer import Answer
    from petaday.study.chain.build import Chain
    from petaday.study.scenario import Scenario


@app.command
def plan(
    scenario: ScenarioFile,
    /,
    *,
    json: Json = False,
    top: Annotated[int, Parameter(help="how many of the best plans to list")] = 5,
    pareto: Annotated[str, Parameter(help="objectives of a Pareto front, such as memory,step_time")] = "",
    csv: Annotated[Path | None, Parameter(help="write the listed plans to this CSV file")] = None,
    uncertainty: Uncertain = False,
    samples: Samples = 8192,
    allow_unverified: Unverified = False,
) -> int:
    """Plan a training run: its best parallel plan, then what failures leave of it, its watts, carbon, money and wafers."""
    from petaday.report.payload import payload
    from petaday.report.rows import plans_csv
    from petaday.study.manifest import manifest

    if top < 1:
        raise InputError(f"`{top}` is no number of plans", field="--top", expected="a whole number of at least 1")
    objectives = tuple(name.strip() for name in pareto.split(",") if name.strip())
    read, answer, chain = answered(scenario, top=top, objectives=objectives, allow_unverified=allow_unverified)
    drawn = chain.uncertainty(samples) if chain and uncertainty else None
    data = payload(answer, manifest(read, command()), chain, drawn)
    if csv is not None:
        write(csv, plans_csv(answer, data["pareto"]))
    if json:
        print_json(data)
    else:
        from petaday.report.terminal import show_answer

        show_answer(data, read.name, console())
    return INFEASIBLE if answer.infeasible or (chain and chain.unfit) else ANSWERED


@app.command
def explain(
    scenario: ScenarioFile,
    field: Annotated[str, Parameter(help="a field of the JSON answer, such as step_time or memory.fullest_bytes")],
    /,
    *,
    json: Json = False,
    allow_unverified: Unverified = False,
) -> int:
    """Show one number's formula, its inputs and where each of them comes from."""
    from dataclasses import asdict

    from petaday.report.explain import explain as take_apart
    from petaday.report.payload import payload
    from petaday.study.manifest import manifest

    read, answer, chain = answered(scenario, allow_unverified=allow_unverified)
    told = take_apart(
        answer, payload(answer, manifest(read, command()), chain), field, chain.factors if chain else ()
    )
    if json:
        print_json({**asdict(told), "field": told.field.model_dump()})
    else:
        from petaday.report.terminal import show_explanation

        show_explanation(told, console())
    return ANSWERED


@app.command
def fabric(
    scenario: ScenarioFile,
    /,
    *,
    json: Json = False,
    compare: Annotated[Literal["optics"] | None, Parameter(help="the same network under every optics")] = None,
    collective: Annotated[str, Parameter(help="all-reduce, all-gather, reduce-scatter or all-to-all")] = "",
    bytes: Annotated[str, Parameter(help="size of the collective's buffer")] = "1 GB",
    group: Annotated[int | None, Parameter(help="chips of the collective; all of them if left out")] = None,
    simulate: Annotated[str, Parameter(help="permutation, all-to-all or ring: flows that share the links")] = "",
    paths: Annotated[str, Parameter(help="subflows of a flow under ECMP")] = "1,4,16",
    fail_links: Annotated[int, Parameter(help="links between switches that are down")] = 0,
    allow_unverified: Unverified = False,
) -> int:
    """Count a network's switches, links and optics; price it; time a collective; simulate contention."""
    from petaday.report import wiring as report
    from petaday.study import fabric as study
    from petaday.units import Kind as Unit
    from petaday.units import parse

    read = study.read_fabric(scenario)
    wired = study.wire(read, allow_unverified=allow_unverified)
    if collective:
        ranks = wired.topology.endpoints if group is None else group
        size = parse(bytes, Unit.BYTES)
        times = study.collective_times(wired, collective, size, ranks)
        data = report.collective_data(times, collective, size, ranks)
        print_json(data) if json else report.show_collective(data, console())
    elif simulate:
        shares = study.simulate(wired, simulate, _counts(paths, "--paths"), fail_links)
        data = report.shares_data(shares, simulate, fail_links)
        print_json(data) if json else report.show_shares(data, console())
    else:
        data = report.wired_data(wired, study.optics_changes(wired) if compare else [])
        print_json(data) if json else report.show_wired(data, read.name, console())
    return ANSWERED


def _counts(text: str, option: str) -> tuple[int, ...]:
    """A list of whole numbers as an option has it: `1,4,16`."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and int(word) >= 1 for word in words):
        raise InputError(f"`{text}` is no list of numbers", field=option, expected="whole numbers, such as 1,4,16")
    return tuple(int(word) for word in words)


def answered(path: Path, **options: Any) -> tuple[Scenario, Answer, Chain | None]:
    """A scenario file's answer and its chain, if a plan fits; a long search shows its progress on a terminal."""
    from petaday.study.chain.build import followed
    from petaday.study.scenario import read_scenario

    scenario, locate = read_scenario(path)
    with progress() as report:
        try:
            return scenario, *followed(scenario, path.parent, report=report, **options)
        except InputError as error:
            raise locate(error) from None

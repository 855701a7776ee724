"""The terminal's face: reads arguments, calls the study, prints what the report makes of it.

Everything heavy is imported inside the commands, so that `petaday --help` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from petaday import __version__
from petaday.errors import InputError, PetadayError

if TYPE_CHECKING:
    from rich.console import Console

    from petaday.study.answer import Answer, Report
    from petaday.study.scenario import Scenario

ANSWERED, BAD_INPUT, INFEASIBLE = 0, 2, 3

app = App(
    name="petaday",
    help="Plan and simulate AI compute: from tokens to FLOPs, chips, parallel plan, step time and memory.",
    version=__version__,
    help_format="plaintext",
)
catalog = App(
    name="catalog", help="The parts one can plan with: chips, models, networks, software and engine profiles."
)
app.command(catalog)

ScenarioFile = Annotated[Path, Parameter(help="scenario file (YAML)")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="print JSON instead of tables")]
SuiteName = Literal["training", "kernels", "collectives", "memory", "ranking", "latency", "serving"]
Unverified = Annotated[
    bool, Parameter(name="--allow-unverified", negative="", help="also use chips whose figures nobody could verify")
]


@app.command
def plan(
    scenario: ScenarioFile,
    /,
    *,
    json: Json = False,
    top: Annotated[int, Parameter(help="how many of the best plans to list")] = 5,
    pareto: Annotated[str, Parameter(help="objectives of a Pareto front, such as memory,step_time")] = "",
    csv: Annotated[Path | None, Parameter(help="write the listed plans to this CSV file")] = None,
    allow_unverified: Unverified = False,
) -> int:
    """Find the best parallel plan of a training run, with its step time, memory, MFU and wall time."""
    from petaday.report.payload import payload
    from petaday.report.rows import plans_csv
    from petaday.study.manifest import manifest

    if top < 1:
        raise InputError(f"`{top}` is no number of plans", field="--top", expected="a whole number of at least 1")
    objectives = tuple(name.strip() for name in pareto.split(",") if name.strip())
    read, answer = _answered(scenario, top=top, objectives=objectives, allow_unverified=allow_unverified)
    data = payload(answer, manifest(read, _command()))
    if csv is not None:
        _write(csv, plans_csv(answer, data["pareto"]))
    if json:
        _print_json(data)
    else:
        from petaday.report.terminal import show_answer

        show_answer(data, read.name, _console())
    return INFEASIBLE if answer.infeasible else ANSWERED


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

    read, answer = _answered(scenario, allow_unverified=allow_unverified)
    told = take_apart(answer, payload(answer, manifest(read, _command())), field)
    if json:
        _print_json({**asdict(told), "field": told.field.model_dump()})
    else:
        from petaday.report.terminal import show_explanation

        show_explanation(told, _console())
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
        _print_json(data) if json else report.show_collective(data, _console())
    elif simulate:
        shares = study.simulate(wired, simulate, _counts(paths, "--paths"), fail_links)
        data = report.shares_data(shares, simulate, fail_links)
        _print_json(data) if json else report.show_shares(data, _console())
    else:
        data = report.wired_data(wired, study.optics_changes(wired) if compare else [])
        _print_json(data) if json else report.show_wired(data, read.name, _console())
    return ANSWERED


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
    with _progress("requests") as report:
        try:
            asking = service_answer.join(read, scenario.parent, allow_unverified=allow_unverified)
            if sweep:
                swept = service_answer.swept(asking)
                data = sweep_data(swept, manifest(read, _command()))
                _print_json(data) if json else service_tables.show_sweep(data, read.name, _console())
                return ANSWERED
            plan = service_answer.plan_service(asking, curves=plot is not None, tell=report)
        except InputError as error:
            raise locate(error) from None
    data = service_data(plan, manifest(read, _command()))
    if plot is not None and data["curves"]:
        _write(plot, service_page(data, read.name), "--plot")
    _print_json(data) if json else service_tables.show_service(data, read.name, _console())
    return INFEASIBLE if plan.infeasible else ANSWERED


@app.command
def posttrain(scenario: ScenarioFile, /, *, json: Json = False, allow_unverified: Unverified = False) -> int:
    """Plan supervised tuning, reward model and reinforcement learning: who gets which chips, and who waits."""
    from petaday.report.posttrain import posttrain_data, show_posttrain
    from petaday.study.manifest import manifest
    from petaday.study.posttrain import posttrain_file

    with _progress() as report:
        found = posttrain_file(scenario, allow_unverified=allow_unverified, report=report)
    data = posttrain_data(found, manifest(found.scenario, _command()))
    _print_json(data) if json else show_posttrain(data, found.scenario.name, _console())
    return INFEASIBLE if found.infeasible else ANSWERED


def _counts(text: str, option: str) -> tuple[int, ...]:
    """A list of whole numbers as an option has it: `1,4,16`."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and int(word) >= 1 for word in words):
        raise InputError(f"`{text}` is no list of numbers", field=option, expected="whole numbers, such as 1,4,16")
    return tuple(int(word) for word in words)


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

        _write(plot, error_page(measured), "--plot")
    _print_json(measured) if json else show_suites(measured, _console(), every_group=suite is not None)
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
    write_text(out, catalog_file(calibrated, id_, _command()), force=force)
    told = calibrated_data(calibrated, out)
    _print_json(told) if json else show_runs(told, _console())
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
    write(calibrated, out, _command(), force=force)
    told = calibration_data(calibrated, out)
    _print_json(told) if json else show_calibration(told, _console())
    return ANSWERED


@app.command
def schema(
    kind: Annotated[Literal["plan", "serve", "posttrain"], Parameter(help="which command's scenarios")] = "plan", /
) -> int:
    """Print the JSON Schema of a scenario file."""
    from petaday.catalog.validate import Strict
    from petaday.study.posttrain_scenario import PosttrainScenario
    from petaday.study.scenario import Scenario
    from petaday.study.service_scenario import ServiceScenario

    models: dict[str, type[Strict]] = {"plan": Scenario, "serve": ServiceScenario, "posttrain": PosttrainScenario}
    _print_json(models[kind].model_json_schema())
    return ANSWERED


@app.command
def new(name: Annotated[str, Parameter(help="an example to copy, such as gpt3-175b")], /) -> int:
    """Copy a shipped example into this folder, to start from."""
    from petaday.study.examples import copy_example

    print(copy_example(name, Path.cwd()))
    return ANSWERED


Kind = Literal["chips", "models", "networks", "software", "engines"]


@catalog.command(name="list")
def list_parts(kind: Kind, /, *, json: Json = False, allow_unverified: Unverified = False) -> int:
    """List the chips, models, networks, software or engine profiles."""
    from petaday.report.parts import list_data, show_list

    data = list_data(kind, allow_unverified)
    _print_json(data) if json else show_list(kind, data, _console())
    return ANSWERED


@catalog.command
def show(name: str, /, *, json: Json = False) -> int:
    """Show a part with the source of every figure."""
    from petaday.report.parts import part_data, show_part

    data = part_data(name)
    _print_json(data) if json else show_part(data, _console())
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


def _answered(path: Path, **options: Any) -> tuple[Scenario, Answer]:
    """A scenario file's answer; a long search shows its progress on a terminal."""
    from petaday.study.answer import answer
    from petaday.study.scenario import read_scenario

    scenario, locate = read_scenario(path)
    with _progress() as report:
        try:
            return scenario, answer(scenario, path.parent, report=report, **options)
        except InputError as error:
            raise locate(error) from None


@contextmanager
def _progress(noun: str = "plans") -> Iterator[Report | None]:
    """A counter on stderr while a search or a simulation runs, and nothing in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}: {task.completed:,} " + noun), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("searching", total=None)
        yield lambda what, count: bar.update(task, description=what, completed=count)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 118)


def _print_json(data: object) -> None:
    import json

    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def _write(path: Path, text: str, option: str = "--csv") -> None:
    """Write a whole file or nothing of it."""
    if not path.name or path.is_dir():
        raise InputError(f"`{path}` is no file", field=option, expected="a file name such as plans.csv")
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"cannot write {path}: {error.strerror}", field=option) from None


def _command() -> str:
    return " ".join(["petaday", *sys.argv[1:]])


def _fail(error: PetadayError) -> int:
    if "--json" in sys.argv and isinstance(error, InputError):
        _print_json({"error": error.as_dict()})
    print(f"petaday: {error}", file=sys.stderr)
    return error.exit_code


def main() -> None:
    """Run the command line and leave with its exit code."""
    from cyclopts import CycloptsError

    try:
        result = app(sys.argv[1:], exit_on_error=False, print_error=False)
    except PetadayError as error:
        sys.exit(_fail(error))
    except CycloptsError as error:
        sys.exit(_fail(InputError(str(error).replace("\n", " "))))
    except BrokenPipeError:
        sys.exit(ANSWERED)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(result if isinstance(result, int) else ANSWERED)

"""What every command shares: the app, its common arguments, exit codes, and how answers are printed and written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from petaday import __version__
from petaday.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from petaday.study.answer import Report

ANSWERED, BAD_INPUT, INFEASIBLE = 0, 2, 3

app = App(
    name="petaday",
    help="Plan and simulate AI compute: from tokens to FLOPs, chips, parallel plan, step time and memory.",
    version=__version__,
    help_format="plaintext",
)

ScenarioFile = Annotated[Path, Parameter(help="scenario file (YAML)")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="print JSON instead of tables")]
Unverified = Annotated[
    bool, Parameter(name="--allow-unverified", negative="", help="also use chips whose figures nobody could verify")
]


Csv = Annotated[Path | None, Parameter(help="write the main table to this CSV file")]
Uncertain = Annotated[
    bool,
    Parameter(negative="", help="draw every figure that is not known exactly: P10, P50, P90 and what matters most"),
]
Samples = Annotated[int, Parameter(help="draws, a power of two")]


@contextmanager
def progress(noun: str = "plans") -> Iterator[Report | None]:
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


def console() -> Console:
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 118)


def print_json(data: object) -> None:
    import json

    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def write(path: Path, text: str, option: str = "--csv") -> None:
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


def command() -> str:
    return " ".join(["petaday", *sys.argv[1:]])

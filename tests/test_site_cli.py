"""`petaday site` as a user types it: exit codes, JSON, files, comparisons, errors with their place."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from petaday import cli
from petaday.study.examples import example_names

# The library of the command line warns when a test runs the program's own `main`.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")

EXAMPLE = Path(__file__).parents[1] / "examples" / "gansu-100mw.yaml"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Call the command line in an empty folder; give exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["petaday", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return call


def test_the_example_on_a_terminal(run: Run) -> None:
    code, out, err = run("site", EXAMPLE)
    assert (code, err) == (0, "")
    for word in ("100 MW in Gansu", "PUE by month", "carbon, market", "Cost of the year, CNY", "from memory"):
        assert word in out


def test_json_and_hours(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("site", EXAMPLE, "--json", "--csv", "hours.csv", "--compare", "cooling")
    data = json.loads(out)
    assert code == 0 and data["schema_version"] == 1 and data["status"] == "answered"
    assert {"petaday", "catalog", "scenario", "command"} <= data["manifest"].keys()
    assert len(data["compared"]) == 15
    with (tmp_path / "hours.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 8760


def test_what_does_not_fit_leaves_with_3(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(EXAMPLE.read_text() + "  connection: 50 MW\n")
    code, out, _ = run("site", "s.yaml")
    assert code == 3 and "Not feasible: grid connection binds" in out


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("  region: gansu", "s.yaml:7:11"),
        ("  cooling: direct-liquid", "s.yaml:8:12"),
        ("  utilisation: 80 %", "s.yaml:5:16"),
    ],
)
def test_wrong_input_has_its_place(run: Run, tmp_path: Path, line: str, place: str) -> None:
    text = EXAMPLE.read_text()
    assert line in text
    (tmp_path / "s.yaml").write_text(text.replace(line, line.partition(":")[0] + ": nothing-like-it"))
    code, _, err = run("site", "s.yaml")
    assert code == 2 and place in err


def test_sites_have_a_schema_and_examples(run: Run) -> None:
    code, out, _ = run("schema", "site")
    assert code == 0 and {"name", "load", "site"} == json.loads(out)["properties"].keys()
    assert {"gansu-100mw", "h100-singapore"} <= set(example_names())
    assert run("new", "gansu-100mw")[0] == 0 and run("site", "gansu-100mw.yaml")[0] == 0

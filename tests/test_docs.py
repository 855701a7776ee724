"""What the pages show works: commands run, scenarios are planned, named files exist, tables list what there is."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from petaday import cli
from petaday.report.fields import fields
from petaday.study import service_answer
from petaday.study import site_scenario as sites
from petaday.study.cost_scenario import Cost
from petaday.study.fabric import read_fabric, wire
from petaday.study.reliability_scenario import CheckpointOf, Reliability
from petaday.study.scenario import Cluster, PlanColumns, Scenario, Train
from petaday.study.service_scenario import Asked, Objectives, PoolOf, Served, ServiceScenario, TierOf
from petaday.study.site import read_site, site_year
from petaday.study.supply_scenario import Order, Supply, SupplyScenario
from scenarios import ROOT, planned, written

# The library of the command line warns when a test runs the program's own `main`.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")

PAGES = [*sorted(ROOT.glob("README*.md")), *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^(?P<before>[^\n]*)\n*^```(?P<kind>\w+)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SKIPPED = "<!-- not run -->"
"""Before a block that cannot run here; `<!-- exit: 3 -->` before one whose commands leave with another code."""


def blocks(page: Path, *kinds: str) -> Iterator[tuple[str, str]]:
    """Blocks of some kinds, each with the line before it."""
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if found["kind"] in kinds and SKIPPED not in found["before"]:
            yield found["before"], found["text"]


def commands() -> dict[str, int]:
    """Every petaday command of the pages with its exit code, each once."""
    listed: dict[str, int] = {}
    for page in PAGES:
        for before, text in blocks(page, "console", "sh", "bash"):
            code = re.search(r"<!-- exit: (\d+) -->", before)
            for line in text.splitlines():
                command = line.removeprefix("$ ").partition("  #")[0].strip()
                if command.startswith("petaday "):
                    listed[command] = int(code[1]) if code else cli.ANSWERED
    return listed


def scenarios() -> dict[str, str]:
    """Every scenario that the pages show, by page and number."""
    return {
        f"{page.name} {number}": text
        for page in PAGES
        for number, (_, text) in enumerate(blocks(page, "yaml"), 1)
        if "cluster:" in text or "pools:" in text or "site:" in text
    }


COMMANDS, SCENARIOS = commands(), scenarios()


def test_the_pages_show_something() -> None:
    assert any(command.startswith("petaday plan ") for command in COMMANDS)
    assert len(SCENARIOS) >= 3


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_pages_runs(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = shlex.split(command)
    # What a command writes is written elsewhere.
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PETADAY_CATALOG", str(tmp_path / "catalog"))
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as left:
        cli.main()
    out, err = capsys.readouterr()
    assert left.value.code == COMMANDS[command], err
    assert out
    if "--json" in arguments:
        json.loads(out)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_a_command_reads_exists(command: str) -> None:
    arguments = shlex.split(command)
    written_here = {after for word, after in itertools.pairwise(arguments) if word in ("--csv", "--plot")}
    for word in arguments:
        if word.endswith((".yaml", ".json", ".csv")) and word not in written_here:
            assert (ROOT / word).is_file()


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_of_the_pages_is_answered(name: str, tmp_path: Path) -> None:
    path = written(SCENARIOS[name], tmp_path)
    if "pools" in yaml.safe_load(SCENARIOS[name]):
        read, _ = service_answer.read(path)
        assert service_answer.plan_service(service_answer.join(read, tmp_path)).meets
    elif "load" in yaml.safe_load(SCENARIOS[name]):
        scenario, _ = read_site(path)
        assert site_year(scenario, tmp_path).infeasible is None
    elif "fabric" in yaml.safe_load(SCENARIOS[name]):
        assert wire(read_fabric(path)).topology.endpoints
    else:
        data = planned(path)[1]
        assert data["status"] == "answered"
        assert data["unfit"] is None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_that_a_page_names_are_shipped(page: Path) -> None:
    for name in re.findall(r"examples/[\w.-]+\.yaml", page.read_text(encoding="utf-8")):
        assert (ROOT / name).is_file()


def test_every_key_of_a_scenario_is_documented() -> None:
    page = (ROOT / "docs" / "scenario.md").read_text(encoding="utf-8")
    sections = {"train": Train, "cluster": Cluster, "plan": PlanColumns}
    elsewhere = {"name", "reliability", "site", "supply", "cost"}
    assert sections.keys() | elsewhere == Scenario.model_fields.keys()
    for section, model in sections.items():
        table = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
        documented = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
                      for name in re.findall(r"`(\w+)`", row)}  # fmt: skip
        assert documented == set(model.model_fields)


def test_every_key_of_reliability_is_documented() -> None:
    page = (ROOT / "docs" / "goodput.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`([\w.]+)`", page.partition("\n## reliability\n")[2].partition("\n## ")[0]))
    checkpoint = {f"checkpoint.{name}" for name in CheckpointOf.model_fields}
    assert documented >= (Reliability.model_fields.keys() - {"checkpoint"}) | checkpoint


def test_every_key_of_a_service_is_documented() -> None:
    page = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    sections = {"serve": Served, "pools": PoolOf, "demand": Asked, "objectives": Objectives, "tiers": TierOf}
    assert sections.keys() | {"name", "minimise"} == ServiceScenario.model_fields.keys()
    for section, model in sections.items():
        table = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
        documented = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
                      for name in re.findall(r"`(\w+)`", row)}  # fmt: skip
        assert documented == set(model.model_fields)


def test_every_key_of_an_order_is_documented() -> None:
    page = (ROOT / "docs" / "supply.md").read_text(encoding="utf-8")
    sections = {"order": Order, "supply": Supply}
    assert sections.keys() | {"name"} == SupplyScenario.model_fields.keys()
    for section, model in sections.items():
        table = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
        documented = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
                      for name in re.findall(r"`(\w+)`", row)}  # fmt: skip
        assert documented == set(model.model_fields)


def test_every_price_is_documented() -> None:
    table = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8").partition("\n## cost\n")[2].partition("\n## ")[0]
    documented = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
                  for name in re.findall(r"`(\w+)`", row)}  # fmt: skip
    assert documented == set(Cost.model_fields)


def test_every_key_of_a_site_is_documented() -> None:
    page = (ROOT / "docs" / "site.md").read_text(encoding="utf-8")
    sections = {"load": sites.Load, "site": sites.Site, "region": sites.Place, "tariff": sites.TariffUsd,
                "battery": sites.BatteryOf}  # fmt: skip
    assert {"name", "load", "site"} == sites.SiteScenario.model_fields.keys()
    for section, model in sections.items():
        table = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
        documented = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
                      for name in re.findall(r"`(\w+)`", row)}  # fmt: skip
        assert documented == set(model.model_fields)


def test_every_field_of_an_answer_is_documented() -> None:
    page = (ROOT / "docs" / "fields.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    assert documented == [field.path for field in fields()]

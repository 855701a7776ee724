"""Whatever a file holds, the answer is an answer or an error with a message: never another exception."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from moves import HELD, MOE, MOVES
from petaday import cli
from petaday.errors import InputError
from petaday.study.scenario import Cluster, PlanColumns, Scenario, Train, WhatIfChip, WhatIfNetwork
from scenarios import DROPPED, SMALL, changed, planned, written

# The library of the command line warns when a test runs the program's own `main`.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")

SECTIONS = {
    "train": Train,
    "cluster": Cluster,
    "plan": PlanColumns,
    "cluster__chip": WhatIfChip,
    "cluster__network": WhatIfNetwork,
}
PATHS = [
    "name",
    *(f"{section}__{name}" for section, model in SECTIONS.items() for name in model.model_fields),
    *SECTIONS,
]
"""Every field of a scenario."""

BASE = changed(SMALL, cluster__chip={"like": "a100-sxm-80"}, cluster__network={"bandwidth": "200 Gb/s"})
"""The small run with its chip and network written as mappings, so that their fields can be changed too."""

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 64),
    st.floats(-10, 10).map(lambda value: round(value, 3)),
    st.text(max_size=8),
    st.sampled_from(
        ["", " ", "auto", "yes", "no", "none", "full", "selective", "1f1b", "zero-bubble", "dualpipe", "bf16", "fp8",
         "80 GB", "1 kB", "1T", "0.5B tokens", "12 %", "100 %", "400 Gb/s", "50 GB/s", "30 days", "1 h", "312 TFLOP/s",
         "1 PFLOP/s", "-1", "nan", "inf", "1,024", "h100-sxm-80", "v100-sxm2-32", "deepseek-v2-lite", "mixtral-8x7b",
         "gpt-3-small", "fsdp-2024", "hai-llm-2024", "megatron-2021", "ib-ndr", "missing.json", "muon", "sgd"]
    ),
)  # fmt: skip
"""Values of every kind, most of them wrong for a given field; sizes stay those of a small run."""

NESTED = st.sampled_from(
    [[], {}, [1], [[]], {"a": 1}, {"like": "h100-sxm-80"}, {"bandwidth": "1 Gb/s"}, {"bf16": "100 TFLOPS"},
     {"fp8": "100 TFLOPS"}, [{"dtype": "fp16", "share": 1}], [{"dtype": "bf16", "share": "50 %"}] * 2, [{"dtype": "tf32"}]]
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def answered(path: Path) -> None:
    """The answer, which JSON can hold, or an error that says something."""
    try:
        _, data = planned(path)
    except InputError as error:
        assert error.message
        assert str(error)
        json.dumps(error.as_dict(), allow_nan=False)
    else:
        json.dumps(data, allow_nan=False)
        assert (data["plan"] is None) <= (data["status"] == "infeasible")


def exit_code(*arguments: object) -> int:
    """The command line's exit code, after looking at what it printed."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["petaday", *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", argv),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as left,
    ):
        cli.main()
    code = left.value.code
    assert isinstance(code, int)
    if code == cli.BAD_INPUT:
        assert err.getvalue().startswith("petaday: ")
        assert "Traceback" not in err.getvalue()
    else:
        assert err.getvalue() == ""
    if "--json" in argv:
        assert ("error" in json.loads(out.getvalue())) == (code == cli.BAD_INPUT)
    else:
        assert bool(out.getvalue()) == (code != cli.BAD_INPUT)
    return code


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=300) | st.text("abc:-[]{}&*!|>#'\" \n\t019.", max_size=60))
def test_any_text(folder: Path, text: str) -> None:
    path = folder / "text.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert exit_code("plan", path) == cli.BAD_INPUT


@settings(max_examples=40, deadline=None)
@given(content=st.binary(max_size=100))
def test_any_bytes(folder: Path, content: bytes) -> None:
    path = folder / "bytes.yaml"
    path.write_bytes(content)
    assert exit_code("plan", path, "--json") == cli.BAD_INPUT


KEYS = st.sampled_from([*Scenario.model_fields, *Train.model_fields, *Cluster.model_fields]) | st.text(max_size=5)
TREES = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@settings(max_examples=100, deadline=None)
@given(tree=TREES)
def test_any_structure(folder: Path, tree: object) -> None:
    path = folder / "tree.yaml"
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8", errors="replace")
    assert exit_code("plan", path) == cli.BAD_INPUT


@st.composite
def mutants(draw: st.DrawFn) -> dict[str, Any]:
    """A valid scenario with one to four fields left out, replaced or added, some by values that fit them."""
    edits: dict[str, object] = {}
    for path in draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=4, unique=True)):
        if any(path.startswith(f"{other}__") or other.startswith(f"{path}__") for other in edits):
            continue
        fitting = [move.first, move.second] if (move := MOVES.get(path)) else []
        strategies = [ODD, st.just(DROPPED), *([st.sampled_from(fitting)] * 3 if fitting else [])]
        # A list for a column of bytes is left out here: see the scenario's own tests.
        edits[path] = draw(st.one_of(*strategies) if path.endswith("_bytes") else st.one_of(*strategies, NESTED))
    bases = [BASE, HELD, MOE]
    return changed(draw(st.sampled_from([base for base in bases if _has_room(base, edits)])), **edits)


def _has_room(base: dict[str, Any], edits: dict[str, object]) -> bool:
    """Whether chip and network are mappings where one of their fields is edited."""
    return all(
        isinstance(base["cluster"].get(part), dict)
        for part in ("chip", "network")
        if any(path.startswith(f"cluster__{part}__") for path in edits)
    )


@settings(max_examples=250, deadline=None)
@given(scenario=mutants())
def test_any_change_of_a_valid_scenario(folder: Path, scenario: dict[str, Any]) -> None:
    answered(written(scenario, folder))


@settings(max_examples=60, deadline=None)
@given(scenario=mutants(), json_wanted=st.booleans())
def test_any_change_ends_with_a_documented_exit_code(
    folder: Path, scenario: dict[str, Any], json_wanted: bool
) -> None:
    options = ["--json"] if json_wanted else []
    code = exit_code("plan", written(scenario, folder), "--pareto", "memory,step_time", *options)
    assert code in (cli.ANSWERED, cli.BAD_INPUT, cli.INFEASIBLE)


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.sampled_from(["plan", "explain", "catalog", "list", "show", "add", "import-hf", "validate",
                                       "new", "--json", "--top", "--pareto", "--csv", "--suite", "-1", "x"]),
                      max_size=4))  # fmt: skip
def test_any_words_on_the_command_line(folder: Path, words: list[str]) -> None:
    with contextlib.chdir(folder):
        assert exit_code(*words) in (cli.ANSWERED, cli.BAD_INPUT)

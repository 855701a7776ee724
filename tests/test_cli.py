"""The terminal: every command as a user types it, its exit code, and what it leaves on stdout, stderr and disk."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from petaday import cli
from petaday.catalog import load

ROOT = Path(__file__).parents[1]
GPT3 = ROOT / "examples" / "gpt3-175b.yaml"
SMALL = """
train: {model: llama-3.1-8b, tokens: 1T, sequence_length: 8192, global_batch: 512}
cluster: {chip: h100-sxm-80, chips: 64}
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Call the command line in an empty folder; give exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PETADAY_CATALOG", str(tmp_path / "catalog"))
    load.refresh()

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["petaday", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return call


def scenario(text: str, folder: Path) -> Path:
    path = folder / "s.yaml"
    path.write_text(text)
    return path


def test_the_plan_of_an_example(run: Run) -> None:
    code, out, err = run("plan", GPT3)
    assert code == 0
    assert err == ""
    for word in (
        "3,636.7 PF-days",
        "parallel plan",
        "MFU",
        "pipeline bubble",
        "of 80 GB",
        "Next best plans",
        "baseline",
    ):
        assert word in out


def test_json_is_for_a_program(run: Run) -> None:
    code, out, _ = run("plan", GPT3, "--json", "--top", 3)
    answer = json.loads(out)
    assert code == 0
    assert answer["status"] == "answered"
    assert answer["demand"]["pf_days"] == pytest.approx(3640, rel=0.005)  # Brown et al. 2020, table D.1
    assert len(answer["alternatives"]) == 2
    assert "NaN" not in out


def test_a_front_and_a_table_of_plans(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("plan", GPT3, "--top", 10, "--pareto", "memory,step_time", "--csv", "out.csv", "--json")
    front = json.loads(out)["pareto"]
    assert code == 0
    assert [each["memory_bytes"] for each in front] == sorted(each["memory_bytes"] for each in front)
    assert [each["step_time_s"] for each in front] == sorted((each["step_time_s"] for each in front), reverse=True)
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [row["kind"] for row in rows] == ["ranked"] * 10 + ["pareto"] * len(front)


def test_nothing_is_written_where_a_table_cannot_go(run: Run, tmp_path: Path) -> None:
    code, _, err = run("plan", scenario(SMALL, tmp_path), "--csv", "missing/out.csv")
    assert code == 2
    assert "cannot write" in err
    assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1T", "80 GB", ":2:38: train.tokens: `80 GB` is an amount of bytes"),
        ("h100-sxm-80", "h100-smx-80", "did you mean h100-sxm-80"),
        ("llama-3.1-8b", "lama-3.1-8b", "did you mean llama-3.1-8b"),
        ("chips: 64", "chips: 0", "cluster.chips"),
        ("chips: 64", "chips: -8", "cluster.chips"),
        ("chips: 64", "chips: auto", "deadline"),
        ("tokens: 1T, ", "", "train.tokens: missing"),
        ("512}", "512, optimiser: adam}", "unknown key; did you mean optimizer"),
        ("512}", "512, software: megatron-2012}", "no software profile `megatron-2012`"),
        ("512}", "512, precision: nvfp4}", "h100-sxm-80 has no known nvfp4 peak"),
        ("chips: 64}", "chips: 64}\nplan: {tp: 7}", "plan.tp: 7 does not divide 32 heads"),
        ("chips: 64}", "chips: 64}\nplan: {tp: 8, pp: 16}", "= 128 does not divide 64 chips"),
        (
            "h100-sxm-80",
            "{like: a100-sxm-80, peak: {bf16: 624 TFLOPS}}",
            "sparse bf16 peak; training uses dense: 312",
        ),
        ("h100-sxm-80", "kunlun-p800", "--allow-unverified"),
        ("{chip", "{chip: [", "s.yaml:3"),
    ],
)
def test_bad_input_says_where_and_what(run: Run, tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SMALL
    code, out, err = run("plan", scenario(SMALL.replace(old, new), tmp_path))
    assert code == 2
    assert out == ""
    assert said in err
    assert "s.yaml" in err
    assert "Traceback" not in err


def test_json_errors_are_json(run: Run, tmp_path: Path) -> None:
    code, out, err = run("plan", scenario(SMALL.replace("1T", "80 GB"), tmp_path), "--json")
    error = json.loads(out)["error"]
    assert code == 2
    assert (error["field"], error["line"]) == ("train.tokens", 2)
    assert "80 GB" in err


@pytest.mark.parametrize(
    "arguments",
    [("plan", "none.yaml"), ("plan", "."), ("plan",), ("bogus",), ("plan", GPT3, "--top", 0), ("catalog", "show", "xyz"),
     ("plan", GPT3, "--pareto", "speed"), ("explain", GPT3, "speed"), ("new", "gpt-9"), ("catalog", "add", "none.yaml"),
     ("catalog", "list", "cars"), ("validate", "--suite", "cars"), ("fabric", GPT3)],
)  # fmt: skip
def test_wrong_commands_are_refused(run: Run, arguments: tuple[object, ...]) -> None:
    code, out, err = run(*arguments)
    assert code == 2
    assert err.startswith("petaday: ")
    assert out == ""


def test_infeasible_is_an_answer(run: Run, tmp_path: Path) -> None:
    text = SMALL.replace("chips: 64", "chips: 1").replace("llama-3.1-8b", "llama-3.1-70b")
    code, out, _ = run("plan", scenario(text, tmp_path), "--json")
    answer = json.loads(out)
    assert code == 3
    assert answer["status"] == "infeasible"
    assert answer["infeasible"]["constraint"] == "memory"
    assert any("cluster.chips" in relief["change"] for relief in answer["infeasible"]["reliefs"])
    code, out, _ = run("plan", scenario(text, tmp_path))
    assert code == 3
    assert "Not feasible: memory binds" in out


def test_a_deadline_that_is_missed_is_infeasible(run: Run, tmp_path: Path) -> None:
    text = SMALL.replace("chips: 64", "chips: 64, deadline: 1 day")
    code, out, _ = run("plan", scenario(text, tmp_path), "--json")
    answer = json.loads(out)
    assert code == 3
    assert answer["infeasible"]["constraint"] == "deadline"
    assert answer["plan"] is not None
    assert answer["infeasible"]["reliefs"][-1]["change"].startswith("cluster.deadline")


def test_an_unverified_chip_loads_when_asked_for(run: Run, tmp_path: Path) -> None:
    text = SMALL.replace("h100-sxm-80", "br166") + "plan: {tp: 1}\n"
    path = scenario(text, tmp_path)
    assert run("plan", path)[0] == 2
    _, _, err = run("plan", path, "--allow-unverified")
    assert "the catalog knows no" in err  # what nobody published stays unknown


def test_explain_takes_a_number_apart(run: Run) -> None:
    code, out, _ = run("explain", GPT3, "step_time")
    assert code == 0
    assert "formula" in out
    assert "step.waterfall_s.bubble" in out
    code, out, _ = run("explain", GPT3, "mfu", "--json")
    assert json.loads(out)["path"] == "step.mfu"


@pytest.mark.parametrize("kind", ["chips", "models", "networks", "software"])
def test_lists_of_parts(run: Run, kind: str) -> None:
    code, out, _ = run("catalog", "list", kind)
    assert code == 0
    assert len(out.splitlines()) > 5
    assert len(json.loads(run("catalog", "list", kind, "--json")[1])) > 5


def test_a_part_with_the_source_of_every_figure(run: Run) -> None:
    code, out, _ = run("catalog", "show", "h100-sxm")
    assert code == 0
    assert "989.4 TFLOP/s" in out
    assert "Epoch AI chip dataset" in out.replace("\n", " ") or "Epoch" in out


def test_a_chip_of_ones_own(run: Run, tmp_path: Path) -> None:
    chip = """
chips:
  - id: my-chip
    name: My chip
    vendor: Me
    generation: mine
    class: gpu
    year: 2026
    verified: partial
    peak: {bf16: {value: PEAK, source: me}}
    memory_type: HBM3
    memory_stacks: {value: 6, source: me}
    memory_capacity: {value: 96 GB, source: me}
    memory_bandwidth: {value: BANDWIDTH, source: me}
    scale_up_bandwidth: {value: 450 GB/s, source: me}
    scale_up_domain: {value: 16, source: me}
    scale_out_bandwidth: {value: 400 Gb/s, source: me}
"""
    (tmp_path / "bad.yaml").write_text(chip.replace("PEAK", "1 PFLOP/s").replace("BANDWIDTH", "40 TB/s"))
    code, _, err = run("catalog", "add", "bad.yaml")
    assert code == 2
    assert "hbm-per-stack" in err
    (tmp_path / "good.yaml").write_text(chip.replace("PEAK", "1 PFLOP/s").replace("BANDWIDTH", "4 TB/s"))
    assert run("catalog", "add", "good.yaml")[0] == 0
    code, out, _ = run("plan", scenario(SMALL.replace("h100-sxm-80", "my-chip"), tmp_path))
    assert code == 0
    assert "efficiencies inherited" in out


def test_a_model_from_hugging_face(run: Run, tmp_path: Path) -> None:
    config = {
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
        "num_key_value_heads": 8, "num_hidden_layers": 32, "vocab_size": 128256, "tie_word_embeddings": False,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    code, out, _ = run("catalog", "import-hf", "config.json", "--name", "mine")
    assert code == 0
    assert "layers: 32" in out
    _, imported, _ = run("plan", scenario(SMALL.replace("llama-3.1-8b", "config.json"), tmp_path), "--json")
    _, shipped, _ = run("plan", scenario(SMALL, tmp_path), "--json")
    assert json.loads(imported)["step"] == json.loads(shipped)["step"]


def test_new_copies_an_example_once(run: Run, tmp_path: Path) -> None:
    assert run("new", "gpt3-175b")[0] == 0
    assert (tmp_path / "gpt3-175b.yaml").read_text() == GPT3.read_text()
    assert run("new", "gpt3-175b")[0] == 2


def test_schema_and_help(run: Run) -> None:
    assert "train" in json.loads(run("schema")[1])["properties"]
    code, out, _ = run("--help")
    assert code == 0
    assert all(verb in out for verb in ("plan", "explain", "catalog", "fabric", "validate", "schema", "new"))


def test_the_process_prints_no_progress_in_a_pipe() -> None:
    code = "from petaday.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "plan", str(GPT3)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


FABRIC = ROOT / "examples" / "fabric-16k.yaml"


def test_a_network_counted_compared_timed_and_loaded(run: Run) -> None:
    code, out, _ = run("fabric", FABRIC)
    assert code == 0
    assert "16,384 endpoints" in out
    data = json.loads(run("fabric", FABRIC, "--compare", "optics", "--json")[1])
    assert [tier["switches"] for tier in data["tiers"]] == [512, 512, 256]  # 2N/k, 2N/k, N/k
    assert {"dsp-800g", "lpo-800g", "npo-3.2t", "cpo-nvidia"} <= {each["optics_part"] for each in data["optics"]}
    assert all(low <= typical <= high for each in data["optics"] for low, typical, high in [each["watts"]])
    timed = json.loads(
        run("fabric", FABRIC, "--collective", "all-reduce", "--bytes", "1GB", "--group", 1024, "--json")[1]
    )
    assert timed["algorithm"] in timed["seconds"]
    shares = json.loads(
        run("fabric", ROOT / "examples" / "fabric-1k.yaml", "--simulate", "permutation", "--paths", "1,4", "--json")[
            1
        ]
    )
    worst = [each["worst"] for each in shares["schemes"]]
    assert worst == sorted(worst)


def test_the_suite_of_collectives(run: Run) -> None:
    code, out, _ = run("validate", "--suite", "collectives", "--json")
    suites = {suite["name"]: suite for suite in json.loads(out)["suites"]}
    assert code == 0
    assert suites["collectives inside a node, held-out sizes"]["mean_abs_pct"] <= 6
    assert suites["all-gather and reduce-scatter over nodes"]["n"] == 77
    assert suites["all-gather and reduce-scatter over nodes"]["mean_abs_pct"] <= 8


@pytest.mark.parametrize(
    ("command", "column"),
    [
        ("goodput examples/llama3-16k.yaml", "failures_per_year"),
        ("supply examples/h100-7m.yaml", "chips_delivered"),
        ("forecast examples/agents-2030.yaml", "demand_chips.p50"),
        ("claims", "verdict"),
        ("cost examples/gpt3-175b.yaml", "value"),
    ],
)
def test_tables_are_written_as_csv(command: str, column: str, run: Run, tmp_path: Path) -> None:
    verb, *rest = command.split()
    files = (ROOT / each for each in rest)
    code, _, _ = run(verb, *files, "--csv", "table.csv")
    assert code == cli.ANSWERED
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()))
    assert rows
    assert all(row[column] for row in rows)

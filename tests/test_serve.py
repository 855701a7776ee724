"""`petaday serve`: its examples, sizing, sweeps, traces, bad input; and no input is for show."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.errors import InputError
from petaday.report.service import service_data, sweep_data
from petaday.report.service_page import service_page
from petaday.study import service_answer
from petaday.study.manifest import manifest
from petaday.study.serve import Plan
from petaday.study.serve_size import fewest_that
from petaday.study.service_scenario import ServiceScenario
from scenarios import DROPPED, ROOT, changed, written
from serve_moves import CROWD, MOVES, SCALED, SERVICE, SIZED, TIERED, pool
from test_inputs_move_outputs import fields_of

Data = dict[str, Any]
LABELS = {"name", "pools__name"}
ELSEWHERE = {
    "demand__trace", "demand__speed", "serve__prefix_cache", "pools__role"
}  # fmt: skip
"""Fields with tests of their own below: they need a file, or a second pool."""

CONV = ROOT.parent / "shared" / "data" / "traces" / "llm" / "AzureLLMInferenceTrace_conv.csv"
MOONCAKE = CONV.with_name("mooncake_conversation_trace.jsonl.gz")
needs_traces = pytest.mark.skipif(not CONV.exists(), reason="the recorded traces are not here")


def served(scenario: Data | Path, folder: Path, **options: Any) -> tuple[Plan, Data]:
    """A scenario's plan and its data; an error has its place."""
    path = scenario if isinstance(scenario, Path) else written(scenario, folder)
    read, locate = service_answer.read(path, options.pop("trace", None), options.pop("speed", 1.0))
    try:
        plan = service_answer.plan_service(service_answer.join(read, path.parent), **options)
    except InputError as error:
        raise locate(error) from None
    return plan, service_data(plan, manifest(read, "test"))


def outcome(data: Data) -> Data:
    """What a service comes to."""
    left_out = {"manifest", "assumptions", "unused", "accuracy"}
    return {name: value for name, value in data.items() if name not in left_out}


def test_every_field_of_the_schema_has_its_two_values() -> None:
    assert set(fields_of(ServiceScenario)) - LABELS - ELSEWHERE == MOVES.keys() | {"pools__precision__" + each for each in (
        "ffn", "projections", "experts")} | {"pools__chip__" + each for each in (
        "like", "peak", "memory_capacity", "memory_bandwidth", "scale_up_bandwidth")}  # fmt: skip


@pytest.mark.parametrize("path", MOVES)
def test_a_field_moves_the_answer(path: str, tmp_path: Path) -> None:
    move = MOVES[path]
    top = "__".join(path.split("__")[:1]) if path.split("__")[0] in ("pools", "tiers") else path
    if path.startswith(("serve__precision__", "demand__crowds__")):
        top = "__".join(path.split("__")[:2])
    if path.startswith("demand__lengths__") and isinstance(move.first, dict):
        top = "demand__lengths"
    (_, first), (_, second) = (served(scenario, tmp_path) for scenario in move.scenarios(top))
    assert first["totals"] is not None
    assert outcome(first) != outcome(second)
    assert not {name for name in first["unused"] if name.replace(".", "__") == path}


@pytest.mark.parametrize(
    ("field", "scenario"),
    [
        ("serve.host_bandwidth", changed(SERVICE, serve__host_bandwidth="5 GB/s")),
        ("serve.prefix_cache", changed(SERVICE, serve__prefix_cache=True)),
        ("demand.speed", changed(SERVICE, demand__speed=2.0)),
        ("demand.hour", changed(SERVICE, demand__hour=5.0)),
    ],
)
def test_a_field_that_moves_nothing_is_reported(field: str, scenario: Data, tmp_path: Path) -> None:
    _, data = served(scenario, tmp_path)
    assert outcome(data) == outcome(served(SERVICE, tmp_path)[1])
    assert field in data["unused"]


def test_the_fewest_chips_meet_the_objectives_and_one_replica_less_does_not(tmp_path: Path) -> None:
    scenario = changed(SIZED, demand__requests_per_second=60.0)
    plan, data = served(scenario, tmp_path)
    assert data["objectives"]["met"]
    found = data["pools"][0]
    size = found["chips"] // found["replicas"]
    assert found["replicas"] > 1
    fixed = changed(scenario, pools=pool(chips=found["chips"] - size, layout=found["layout"]))
    _, less = served(fixed, tmp_path)
    assert less["status"] == "infeasible"
    assert not less["objectives"]["met"]
    again, _ = served(changed(scenario, pools=pool(chips=found["chips"], layout=found["layout"])), tmp_path)
    assert again.attained == plan.attained


@given(threshold=st.integers(1, 3000), guess=st.integers(1, 3000))
def test_the_smallest_number_that_meets_is_found_from_any_guess_near(threshold: int, guess: int) -> None:
    tried = set()

    def meets(count: int) -> bool:
        tried.add(count)
        return count >= threshold

    found = fewest_that(meets, guess)
    assert found == (threshold if threshold <= 8 * guess else None)
    assert len(tried) <= 30


def test_what_more_replicas_do_not_lift_is_infeasible(tmp_path: Path) -> None:
    _, data = served(changed(SIZED, objectives__tpot="1 ms"), tmp_path)
    assert data["status"] == "infeasible"
    assert data["infeasible"]["constraint"] == "tpot"
    assert "the limit is 1 ms" in data["infeasible"]["detail"]


def test_a_model_that_fits_no_layout_names_the_term_and_what_would_do(tmp_path: Path) -> None:
    scenario = changed(SERVICE, serve__model="llama-3.1-405b", serve__precision="bf16", pools=pool(layout=DROPPED))
    _, data = served(scenario, tmp_path)
    assert data["infeasible"]["constraint"] == "memory: weights"
    assert re.search(r"tp 2.* a chip holds weights 40\d GB.*77 GB: 3\d\d GB over", data["infeasible"]["detail"])
    assert data["infeasible"]["reliefs"] == ("a replica of up to 16 chips holds it",)


def test_pools_of_two_kinds_share_the_requests_by_their_speed(tmp_path: Path) -> None:
    pools = [{"chip": "a100-sxm-80", "chips": 2, "precision": "bf16", "layout": {"tp": 1}}, *pool(chips=2)]
    _, data = served(changed(SERVICE, pools=pools, demand__requests_per_second=30.0), tmp_path)
    slow, fast = data["pools"]
    assert data["requests"]["served"] == data["requests"]["arrived"]
    assert 0 < slow["decoded_tokens"] < fast["decoded_tokens"]


def test_prefill_and_decode_apart(tmp_path: Path) -> None:
    pools = [*pool(chips=1, role="prefill"), *pool(chips=1, role="decode")]
    _, apart = served(changed(SERVICE, pools=pools), tmp_path)
    _, together = served(SERVICE, tmp_path)
    first, then = apart["pools"]
    assert first["decoded_tokens"] == 0
    assert then["prefilled_tokens"] == 0
    assert apart["latency"]["tpot"]["p99_s"] < together["latency"]["tpot"]["p99_s"]


def test_a_crowd_is_seen_over_time(tmp_path: Path) -> None:
    plan, data = served(SCALED, tmp_path, curves=True)
    curves = data["curves"]
    assert sum(curves["arrived"]) == data["requests"]["arrived"]
    assert max(curves["replicas"]) == 4
    assert min(curves["replicas"]) == 1
    page = service_page(data, "crowd")
    assert page.count("<svg") == 5
    assert "NaN" not in page
    again = service_data(plan, manifest(plan.scenario, "test"))
    assert json.dumps(again, allow_nan=False) == json.dumps(data, allow_nan=False)


def test_a_limit_by_the_hour_saves_the_subscribers(tmp_path: Path) -> None:
    """What the issue asks of tiers: with a crowd, subscribers keep their latency, and the others pay for it."""
    crowded = changed(TIERED, demand__crowds=[CROWD])
    open_to_all = changed(crowded, tiers=[{"name": "first", "share": "50 %"}, {"name": "rest", "share": "50 %"}])
    _, kept = served(crowded, tmp_path)
    _, open_ = served(open_to_all, tmp_path)
    assert kept["tiers"][0]["latency"]["ttft"]["p99_s"] < open_["tiers"][1]["latency"]["ttft"]["p99_s"]
    assert kept["tiers"][0]["served"] == kept["tiers"][0]["arrived"]
    assert kept["tiers"][1]["rate_limited"] > 0


def test_a_sweep_lists_every_layout_and_its_front(tmp_path: Path) -> None:
    path = written(changed(SERVICE, serve__model="qwen3-30b-a3b", pools=pool(chips=16, layout=DROPPED)), tmp_path)
    read, _ = service_answer.read(path)
    swept = service_answer.swept(service_answer.join(read, tmp_path))
    data = sweep_data(swept, manifest(read, "test"))
    own = [way for way in data["ways"] if way["kind"] == "aggregated"]
    assert len({json.dumps(way["layout"]) for way in own}) == len(own)
    throughput = [way["output_tokens_per_s_per_chip"] for way in data["front"]]
    assert throughput == sorted(throughput)
    assert [way["tpot_s"] for way in data["front"]] == sorted(way["tpot_s"] for way in data["front"])
    assert max(throughput) >= max(way["output_tokens_per_s_per_chip"] for way in data["ways"])


@needs_traces
def test_a_recorded_trace_at_two_speeds(tmp_path: Path) -> None:
    scenario = changed(SERVICE, pools=pool(chips=4, sequences=256))
    _, usual = served(scenario, tmp_path, trace=CONV)
    _, fast = served(scenario, tmp_path, trace=CONV, speed=4.0)
    assert usual["requests"]["arrived"] == fast["requests"]["arrived"] == 19_366
    assert usual["demand"]["mean_output_tokens"] == pytest.approx(211.1, abs=0.1)
    assert fast["latency"]["ttft"]["mean_s"] > usual["latency"]["ttft"]["mean_s"]


@needs_traces
def test_prefixes_of_a_recorded_trace_are_not_computed_again(tmp_path: Path) -> None:
    """Mooncake's conversations: 40 % of the blocks can be reused with unlimited caches (Qin et al. 2024,
    arXiv:2407.00079, section 4); one replica's cache keeps fewer, and routing by prefix keeps more of them."""
    scenario = changed(SERVICE, pools=pool(chips=8, sequences=256), demand={"trace": str(MOONCAKE), "speed": 0.5})
    shares = []
    for router, cache in (("least-loaded", False), ("least-loaded", True), ("prefix-aware", True)):
        _, data = served(changed(scenario, serve__router=router, serve__prefix_cache=cache), tmp_path)
        totals = data["totals"]
        shares.append(totals["cached_prompt_tokens"] / totals["prompt_tokens"])
    none, some, more = shares
    assert none == 0
    assert 0.02 < some < more < 0.45


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"serve__model": "llama-3.1-71b"}, r"scenario.yaml:2:\d+: serve.model: .*did you mean llama-3.1-70b"),
        ({"serve__engine": "vllm-0.99"}, r"serve.engine: .*did you mean vllm-0"),
        ({"pools": pool(chip="h101")}, r"scenario.yaml:\d+:\d+: pools.0.chip: .*did you mean"),
        ({"demand__lengths": "azure-talk"}, r"demand.lengths: .*did you mean azure-conv"),
        ({"demand__users": {"count": 1.0, "active": "1 %", "requests": 1}}, "demand: .*one of trace"),
        ({"demand__lengths": DROPPED}, "demand.lengths: no lengths"),
        ({"pools": pool(role="prefill")}, "pools: no pool has the role decode"),
        ({"pools": [*pool(chips="auto"), *pool()]}, "pools: `chips: auto` beside other"),
        ({"tiers": [{"name": "a", "share": "50 %"}]}, "tiers: the shares"),
        ({"objectives__share": "120 %"}, "objectives.share"),
        ({"serve__prefixcache": True}, "serve.prefixcache: .*did you mean prefix_cache"),
        ({"demand": {"trace": "nowhere.csv"}}, r"nowhere.csv"),
    ],
)
def test_bad_input_says_where_and_what(change: Data, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        served(changed(SERVICE, **change), tmp_path)
    assert re.search(said, str(told.value)), str(told.value)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("0,100,10\nnan,100,10", r"own.csv:3.*arrival"),
        ("5,100,10\n4,100,10", r"own.csv:3.*arrival"),
        ("0,100,10\n1,100,-3", r"own.csv:3.*output"),
        ("0,100,10\n1,400000,10", r"own.csv:3.*131,072"),
    ],
)
def test_bad_rows_of_a_trace_say_their_line(rows: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(f"arrival,prompt,output\n{rows}\n")
    with pytest.raises(InputError) as told:
        served(changed(SERVICE, demand={"trace": "own.csv"}), tmp_path)
    assert re.search(said, str(told.value)), str(told.value)


Run = Callable[..., tuple[int, str, str]]


def test_the_command_answers_sweeps_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    import sys

    from petaday.cli import main

    path = written(SERVICE, tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["petaday", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    code, out, err = run("serve", path)
    assert (code, err) == (0, "")
    assert "TPOT = (last token - first token) / (output tokens - 1)" in out
    code, out, _ = run("serve", path, "--json", "--plot", tmp_path / "out.html")
    assert code == 0
    assert json.loads(out)["curves"]["interval_s"] > 0
    assert (tmp_path / "out.html").read_text().startswith("<!doctype html>")
    code, out, _ = run("serve", path, "--sweep", "layout")
    assert code == 0
    assert "Front" in out
    code, _, err = run("serve", path, "--speed", 2.0)
    assert code == 2
    assert "--trace" in err
    tight = written(changed(SERVICE, objectives={"ttft": "1 ms"}), tmp_path)
    assert run("serve", tight)[0] == 3

"""The `reliability` section: every field moves the answer or is reported, and wrong values have a place."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from petaday import cli
from petaday.errors import InputError
from petaday.report.data import Data
from petaday.report.goodput import goodput_data
from petaday.study.answer import answer
from petaday.study.failing import checkpoint_bytes, failing
from petaday.study.goodput import GoodputAnswer, goodput_of, outcome, simulated
from petaday.study.manifest import manifest
from petaday.study.reliability_scenario import CheckpointOf, Reliability
from petaday.study.scenario import read_scenario
from petaday.training.goodput import elastic, synchronous
from scenarios import DROPPED, EXAMPLES, SMALL, changed, written

pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")

BASE = changed(SMALL, cluster__chips=32, plan__dp=16, reliability={"profile": "h100-llama3"})
"""32 chips of four nodes, in a network whose parts are counted."""

MOVES: dict[str, tuple[Any, Any]] = {
    "profile": ("h100-llama3", "a100-rsc1"),
    "node": (8, 4),
    "checkpoint__interval": ("auto", "1 hour"),
    "checkpoint__storage_bandwidth": ("1 GB/s", "10 MB/s"),
    "checkpoint__asynchronous": (True, False),
    "checkpoint__in_memory": (False, True),
    "recovery": ("synchronous", "elastic"),
    "replicas": (2, 4),
    "detection": ("timeout", "30 s"),
    "restart": (DROPPED, "1 hour"),
    "repair": ("1 day", "7 days"),
    "spares": (0, 3),
    "waiting": ("1 %", "0.01 %"),
    "optics": (1, 10),
}
REPEATED = ("manifest", "assumptions", "recovery", "profile")
"""Parts of an answer that say again what the scenario says."""


def found(scenario: dict[str, Any], folder: Path) -> GoodputAnswer:
    read, locate = read_scenario(written(scenario, folder))
    try:
        return goodput_of(answer(read, folder), read.reliability or Reliability())
    except InputError as error:
        raise locate(error) from None


def told(scenario: dict[str, Any], folder: Path) -> Data:
    read, _ = read_scenario(written(scenario, folder))
    return goodput_data(found(scenario, folder), manifest(read, "petaday goodput"))


def with_section(**values: object) -> dict[str, Any]:
    return changed(BASE, **{f"reliability__{name}": value for name, value in values.items()})


# Fields


def test_every_field_has_its_two_values() -> None:
    checkpoint = {f"checkpoint__{name}" for name in CheckpointOf.model_fields}
    assert (Reliability.model_fields.keys() - {"checkpoint"}) | checkpoint == MOVES.keys()


@pytest.mark.parametrize("field", MOVES)
def test_a_field_moves_the_answer(field: str, tmp_path: Path) -> None:
    first, second = (told(with_section(**{field: value}), tmp_path) for value in MOVES[field])
    assert {k: v for k, v in first.items() if k not in REPEATED} != {
        k: v for k, v in second.items() if k not in REPEATED
    }
    assert f"reliability.{field.replace('__', '.')}" not in {**first["unused"], **second["unused"]}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"waiting": "1 %", "spares": 3}, "reliability.waiting"),
        ({"optics": 3, "profile": "a100-rsc1"}, "reliability.optics"),
    ],
)
def test_a_field_that_moves_nothing_is_reported(values: dict[str, object], field: str, tmp_path: Path) -> None:
    assert told(with_section(**values), tmp_path)["unused"].keys() == {field}


def test_the_hosts_bandwidth_moves_checkpoints(tmp_path: Path) -> None:
    slow, fast = (told(changed(BASE, cluster__host_bandwidth=value), tmp_path) for value in ("1 GB/s", "50 GB/s"))
    assert slow["checkpoint"]["stall_s"] > fast["checkpoint"]["stall_s"]
    assert slow["unused"] == {}


def test_a_field_given_is_not_assumed(tmp_path: Path) -> None:
    given = with_section(node=8, replicas=4, restart="5 min", repair="1 day", detection="30 s", waiting="1 %",
                         checkpoint={"interval": "1 hour", "storage_bandwidth": "1 GB/s", "asynchronous": True,
                                     "in_memory": False})  # fmt: skip
    assumed = {each.field for each in found(given, tmp_path).assumptions}
    names = ("node", "replicas", "restart_base", "repair", "detection", "spares", "profile", "checkpoint.interval",
             "checkpoint.storage_bandwidth", "checkpoint.asynchronous")  # fmt: skip
    assert not assumed & {f"reliability.{name}" for name in names}
    open_ = {each.field for each in found(changed(SMALL), tmp_path).assumptions}
    assert open_ >= {f"reliability.{name}" for name in names} - {"reliability.checkpoint.interval"}


def test_a_checkpoint_is_no_shorter_than_a_step(tmp_path: Path) -> None:
    answered = found(with_section(checkpoint__interval="1 ms"), tmp_path)
    assert float(answered.kept.interval) >= answered.case.run.step_time
    assert any(each.field == "reliability.checkpoint.interval" for each in answered.assumptions)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"profile": "h100-lama3"}, r"reliability.profile.*h100-llama3"),
        ({"detection": "soon"}, r"reliability.detection"),
        ({"detection": "0 s"}, r"no time that passes.*inspection"),
        ({"restart": "5 GB"}, r"reliability.restart.*a time"),
        ({"waiting": "150 %"}, r"less than 1"),
        ({"spares": -1}, r"reliability.spares"),
        ({"checkpoint__intervall": "auto"}, r"did you mean.*interval"),
        ({"recovery": "elastik"}, r"elastic"),
    ],
)
def test_wrong_values_have_a_place(values: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said) as caught:
        found(with_section(**values), tmp_path)
    assert "scenario.yaml:" in str(caught.value)


def test_one_replica_cannot_be_elastic(tmp_path: Path) -> None:
    single = changed(BASE, cluster__chips=2, plan__dp=1, reliability={"recovery": "elastic"})
    with pytest.raises(InputError, match="single replica"):
        found(single, tmp_path)
    assert found(changed(single, reliability__recovery="synchronous"), tmp_path).elastic is None


# Answers


def test_components_and_losses_add_up(tmp_path: Path) -> None:
    data = told(BASE, tmp_path)
    assert sum(each["share"] for each in data["components"]) == pytest.approx(1)
    assert sum(each["failures_per_year"] for each in data["components"]) == pytest.approx(
        365 * data["failures_per_day"]
    )
    assert data["goodput"] + sum(data["losses"].values()) == pytest.approx(1)
    assert data["wall_time_s"] == pytest.approx(data["ideal_time_s"] / data["goodput"])
    json.dumps(data, allow_nan=False)


def test_adam_in_mixed_precision_saves_14_bytes_a_parameter(tmp_path: Path) -> None:
    read, _ = read_scenario(written(BASE, tmp_path))
    planned = answer(read, tmp_path)
    assert planned.best is not None
    assert checkpoint_bytes(planned.job, planned.best.plan) == pytest.approx(14 * planned.job.count.total)
    adapters, _ = read_scenario(written(changed(BASE, train__lora_rank=16), tmp_path))
    tuned = answer(adapters, tmp_path)
    assert tuned.best is not None
    assert checkpoint_bytes(tuned.job, tuned.best.plan) < 0.01 * checkpoint_bytes(planned.job, planned.best.plan)


def test_samples_of_every_figure_at_once(tmp_path: Path) -> None:
    answered = found(with_section(checkpoint__in_memory=True), tmp_path)
    generator = np.random.default_rng(1)
    n = 64
    drawn = {name: generator.uniform(span.low, span.high, n) for name, span in answered.case.figures.items()}
    together = outcome(answered.case, drawn, np.asarray(answered.ideal_time))
    for i in (0, n - 1):
        one = outcome(
            answered.case, {name: values[i] for name, values in drawn.items()}, np.asarray(answered.ideal_time)
        )
        assert together.wall_time[i] == pytest.approx(float(one.wall_time))
        assert together.spares[i] == float(one.spares)
    typical = outcome(answered.case, answered.case.typical, np.asarray(answered.ideal_time))
    assert float(typical.kept.share) == answered.share


def test_every_figure_moves_some_outcome(tmp_path: Path) -> None:
    answered = found(with_section(checkpoint__in_memory=True, detection="inspection"), tmp_path)
    case, typical = answered.case, answered.case.typical
    # A job so small is far from where failures begin to come together.
    base = {**typical, "correlation.onset": np.asarray(10.0), "correlation.full": np.asarray(100.0)}
    for name in case.figures:
        moved = {**base, name: base[name] * 1.5}
        both = [(synchronous(job).share, elastic(job).share) for job in (failing(case, base), failing(case, moved))]
        assert both[0] != both[1], name


def test_a_deadline_that_failures_miss_is_not_feasible(tmp_path: Path) -> None:
    ideal = found(BASE, tmp_path).ideal_time
    late = changed(BASE, cluster__deadline=f"{ideal * 1.001} s", reliability__detection="40 hours")
    data = told(late, tmp_path)
    assert data["status"] == "infeasible"
    assert data["late_s"] > 0
    assert data["binding"] == "detection"


def test_a_job_that_never_recovers_has_no_end(tmp_path: Path) -> None:
    data = told(with_section(restart="10 years"), tmp_path)
    assert (data["status"], data["wall_time_s"], data["late_s"]) == ("infeasible", None, None)
    assert data["binding"] == "restart"


def test_events_agree_with_the_answer(tmp_path: Path) -> None:
    hard = with_section(profile="a100-rsc1", detection="2 hours", restart="1 hour")
    for recovery in ("synchronous", "elastic"):
        scenario = changed(hard, train__tokens="300B", reliability__recovery=recovery)
        answered = found(scenario, tmp_path)
        runs = simulated(answered, 60, seed=3)
        assert runs.mean() == pytest.approx(answered.share, abs=4 * runs.std(ddof=1) / np.sqrt(len(runs)) + 1e-4)


# The run that was published


def test_llama_3s_54_days() -> None:
    """419 unexpected interruptions, one every 3.09 h, and more than 90 % effective time (arXiv:2407.21783, 3.3.4)."""
    path = EXAMPLES["llama3-16k"]
    read, _ = read_scenario(path)
    assert read.reliability is not None
    answered = goodput_of(answer(read, path.parent), read.reliability)
    assert answered.mtbf / 3600 == pytest.approx(54 * 24 / 419, rel=0.02)
    assert answered.share > 0.90
    assert 45 < answered.wall_time / 86_400 < 58
    assert {each.optics for each in answered.optics} >= {"dsp-400g", "lpo-800g", "cpo-nvidia"}
    for each in answered.optics:
        assert each.share[0] >= each.share[1] >= each.share[2]


# The command


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["petaday", "goodput", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def test_the_report(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = written(BASE, tmp_path)
    assert call(monkeypatch, path, "--simulate", "--runs", 3) == cli.ANSWERED
    out = capsys.readouterr().out
    for word in ("a failure every", "GPU memory", "Checkpoints of", "Spares:", "useful", "Recovery", "cpo-nvidia",
                 "Simulated event by event", "The largest loss", "Assumed"):  # fmt: skip
        assert word in out
    assert call(monkeypatch, path, "--json", "--simulate", "--runs", 3, "--seed", 1) == cli.ANSWERED
    data = json.loads(capsys.readouterr().out)
    assert (data["schema_version"], data["status"], data["simulated"]["runs"]) == (1, "answered", 3)
    assert data["manifest"]["command"].startswith("petaday goodput")


def test_no_plan_and_no_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    huge = written(changed(SMALL, train__model="llama-3.1-405b", plan__tp=1), tmp_path)
    assert call(monkeypatch, huge) == cli.INFEASIBLE
    assert "memory binds" in capsys.readouterr().out
    assert call(monkeypatch, huge, "--json") == cli.INFEASIBLE
    assert json.loads(capsys.readouterr().out)["status"] == "infeasible"
    assert call(monkeypatch, written(BASE, tmp_path), "--simulate", "--runs", 0) == cli.BAD_INPUT
    late = written(changed(BASE, reliability__restart="10 years"), tmp_path)
    assert call(monkeypatch, late) == cli.INFEASIBLE
    assert "bound by restarts" in capsys.readouterr().out

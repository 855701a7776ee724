"""Measured runs as scenarios: three rows of published tables typed in, and what blanks and other columns come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from petaday.catalog import load
from petaday.errors import InputError
from petaday.validation.rows import predict, scenario_of, software_of
from petaday.validation.suite import errors_of
from petaday.validation.table import Row, read_rows
from petaday.validation.training import training_suites

A100 = load.chip("a100-sxm-80")

COLUMNS = [
    "id",
    "source_family",
    "model",
    "family",
    "task",
    "layers",
    "hidden",
    "ffn",
    "gated_ffn",
    "heads",
    "kv_heads",
    "head_dim",
    "vocab",
    "seq_len",
    "experts",
    "topk",
    "moe_ffn",
    "shared_experts",
    "accelerator",
    "n_accelerators",
    "scale_up_domain",
    "scale_out_Gbps_per_gpu",
    "global_batch",
    "micro_batch",
    "tp",
    "pp",
    "vpp",
    "cp",
    "ep",
    "etp",
    "dp",
    "sequence_parallel",
    "sharding",
    "recompute",
    "dtype",
    "step_time_s",
    "framework",
    "date",
    "source",
]
"""The columns of the public record of training measurements that a scenario is made of."""


def row(**values: object) -> dict[str, str]:
    """A row on Selene (DGX A100, eight HDR200 ports) of a GPT with the Megatron vocabulary; what is not given is blank."""
    selene = {
        "source_family": "paper", "family": "dense", "task": "pretrain", "gated_ffn": False, "vocab": 51200,
        "seq_len": 2048, "accelerator": "NVIDIA A100-SXM4-80GB", "scale_up_domain": 8, "scale_out_Gbps_per_gpu": 200,
        "tp": 8, "cp": 1, "ep": 1, "dtype": "fp16", "framework": "Megatron-LM",
    }  # fmt: skip
    return {**dict.fromkeys(COLUMNS, ""), **{name: str(value) for name, value in {**selene, **values}.items()}}


SCALING = {"sequence_parallel": False, "sharding": "none", "recompute": "full", "date": "2021-04"}

GPT_145B = row(
    id="gpt-145.6b", model="GPT 145.6B", layers=80, hidden=12288, ffn=49152, heads=96, n_accelerators=1536,
    global_batch=2304, pp=8, dp=24, step_time_s=24.817, source="arXiv:2104.04473, table 1", **SCALING,
)  # fmt: skip
GPT_39B = row(
    id="gpt-39.1b", model="GPT 39.1B", layers=48, hidden=8192, ffn=32768, heads=64, n_accelerators=512,
    global_batch=1536, pp=2, dp=32, step_time_s=14.453, source="arXiv:2104.04473, table 1", **SCALING,
)  # fmt: skip
MT_NLG = row(
    id="mt-nlg-530b", model="MT-NLG 530B", layers=105, hidden=20480, ffn=81920, heads=128, n_accelerators=280,
    global_batch=280, micro_batch=1, pp=35, vpp=3, dp=1, sequence_parallel=True, sharding="none",
    recompute="selective", date="2022-05", step_time_s=37.83, source="arXiv:2205.05198, table 5",
)  # fmt: skip
PUBLISHED = {each["id"]: each for each in (GPT_145B, GPT_39B, MT_NLG)}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_step_time_is_met(name: str) -> None:
    prediction = predict(PUBLISHED[name])
    assert prediction.predicted == pytest.approx(prediction.measured, rel=0.10)
    assert prediction.error == prediction.predicted / prediction.measured - 1
    assert abs(prediction.error) < abs(prediction.baseline / prediction.measured - 1)


def test_a_row_s_columns_are_held_and_its_blanks_searched() -> None:
    prediction = predict(GPT_145B)
    assert not prediction.plan_known  # micro-batch and interleaving are not printed
    assert {name: prediction.plan[name] for name in ("tp", "pp", "dp")} == {"tp": 8, "pp": 8, "dp": 24}
    assert predict(MT_NLG).plan["vpp"] == 3


def test_columns_become_a_scenario() -> None:
    scenario = scenario_of(MT_NLG)
    assert scenario.name == "mt-nlg-530b"
    assert scenario.train.sequences == 280
    assert scenario.train.tokens == 280 * 2048
    assert scenario.train.precision == "fp16"
    assert scenario.train.software == "megatron-2022-sp"
    assert (scenario.cluster.chips, scenario.cluster.scale_up_domain) == (280, 8)
    assert scenario.cluster.network == "ib-hdr"
    given = {"tp": 8, "cp": 1, "pp": 35, "vpp": 3, "dp": 1, "ep": 1, "micro_batch": 1, "recompute": 1,
             "sequence_parallel": 1}  # fmt: skip
    assert scenario.plan.given() == given


@pytest.mark.parametrize(
    ("values", "column", "value"),
    [
        ({"sharding": "none"}, "zero", 0),
        ({"sharding": "ZeRO-1"}, "zero", 1),
        ({"sharding": "dist-opt"}, "zero", 1),
        ({"sharding": "ZeRO-3 (DeepSpeed)"}, "zero", 3),
        ({"sharding": "FSDP"}, "zero", 3),
        ({"sharding": "ZeRO-3", "dp": 1, "pp": 64}, "zero", None),
        ({"sharding": ""}, "zero", None),
        ({"recompute": "full (every layer)"}, "recompute", 2),
        ({"recompute": "none"}, "recompute", 0),
        ({"sequence_parallel": "True"}, "sequence_parallel", 1),
        ({"sequence_parallel": "True", "tp": 1}, "sequence_parallel", None),
        ({"micro_batch": "4.0"}, "micro_batch", 4),
    ],
)
def test_words_of_a_plan(values: dict[str, object], column: str, value: int | None) -> None:
    changed = {**GPT_39B, **{name: str(each) for name, each in values.items()}}
    assert scenario_of(changed).plan.given().get(column) == value


def test_an_unusual_line_rate_stands_by_itself() -> None:
    network = scenario_of({**GPT_39B, "scale_out_Gbps_per_gpu": "50"}).cluster.network
    assert not isinstance(network, str | None)
    assert network.bandwidth == 50e9 / 8
    assert scenario_of({**GPT_39B, "scale_out_Gbps_per_gpu": ""}).cluster.network is None


@pytest.mark.parametrize(
    ("framework", "date", "profile"),
    [
        ("Megatron-LM", "2021-04", "megatron-2021"),
        ("Megatron-LM", "2022-05", "megatron-2022-sp"),
        ("Megatron-LM", "2025-01", "megatron-core-2024"),
        ("Megatron-LM", "", "megatron-te-2026"),
        ("NeMo 24.09", "2024-10", "nemo-2024"),
        ("MLPerf v5.1 Verda: NeMo 2.1.0, Megatron-Core", "2025-10", "mlperf-2025b"),
        ("Megatron-Bridge / NeMo 26.06", "2026-06", "megatron-bridge-2026"),
        ("Megatron-DeepSpeed", "2023-06", "megatron-deepspeed-2023"),
        ("deepspeed", "2021-09", "deepspeed-2021"),
        ("torchtitan", "2025-01", "fsdp-2024"),
        ("MaxText", "2025-09", "maxtext-gpu-2025"),
        ("something else", "2024-09", "mlperf-2024b"),
    ],
)
def test_the_software_is_the_latest_of_its_framework_by_then(framework: str, date: str, profile: str) -> None:
    assert software_of({**GPT_39B, "framework": framework, "date": date}, A100) == profile


def test_the_software_runs_on_the_makers_chips_and_can_shard_so() -> None:
    maxtext = {**GPT_39B, "framework": "MaxText", "date": "2024-09"}
    assert software_of(maxtext, load.chip("tpu-v5p")) == "maxtext-tpu"
    mlperf = {**GPT_39B, "framework": "MLPerf v4.0 X: DeepSpeed", "date": "2024-05"}
    assert software_of(mlperf, A100) == "mlperf-2024"
    assert software_of({**mlperf, "sharding": "zero3"}, A100) == "hf-deepspeed-2024"
    assert software_of(mlperf, load.chip("mi300x")) == "rocm-megatron-2025"


def test_a_row_older_than_every_profile_has_the_oldest() -> None:
    oldest = min((profile.date, profile.id) for profile in load.software().values() if "NeMo" in profile.frameworks)
    assert software_of({**GPT_39B, "framework": "NeMo", "date": "2019-01"}, A100) == oldest[1]


@pytest.mark.parametrize("column", ["layers", "hidden", "ffn", "heads", "vocab", "seq_len", "global_batch",
                                    "n_accelerators"])  # fmt: skip
def test_a_blank_that_nothing_can_stand_for_is_named(column: str) -> None:
    with pytest.raises(InputError) as caught:
        scenario_of({**GPT_39B, column: ""})
    assert caught.value.field == column


def test_an_unknown_dtype_is_named() -> None:
    with pytest.raises(InputError, match="unknown dtype `fp13`"):
        scenario_of({**GPT_39B, "dtype": "fp13"})


def test_a_mixture_of_experts_from_its_columns() -> None:
    mixture: Row = {**GPT_39B, "gated_ffn": "True", "experts": "8", "topk": "2", "moe_ffn": "14336", "ffn": "",
                    "kv_heads": "8"}  # fmt: skip
    model = scenario_of(mixture).train.model
    assert not isinstance(model, str)
    assert model.moe is not None
    assert (model.moe.experts, model.moe.topk, model.moe.ffn, model.kv_heads) == (8, 2, 14336, 8)
    with pytest.raises(InputError) as caught:
        scenario_of({**mixture, "topk": ""})
    assert caught.value.field == "topk"


def test_a_table_of_runs_is_a_suite(tmp_path: Path) -> None:
    lines = [GPT_39B, MT_NLG, {**GPT_39B, "id": "blank", "layers": ""}, {**GPT_39B, "id": "none", "step_time_s": ""}]
    table = tmp_path / "runs.csv"
    table.write_text(
        "\n".join([",".join(COLUMNS), *(",".join(f'"{line[name]}"' for name in COLUMNS) for line in lines)])
    )
    assert read_rows(table) == lines
    known, searched = training_suites(table)
    assert [bool(each.skipped) for each in known.rows] == [False, True, True]
    assert "layers" in known.rows[1].skipped
    assert [each.id for each in searched.rows] == ["gpt-39.1b"]  # its micro-batch is blank
    assert {row.labels["software"] for row in (*known.rows, *searched.rows) if row.labels} == {
        "megatron-2021", "megatron-2022-sp"
    }  # fmt: skip
    assert all(abs(row.error) <= 0.1 for row in (*known.rows, *searched.rows) if row.predicted)
    table.write_text(",".join(COLUMNS) + "\n" + ",".join('"x"' for _ in COLUMNS))
    with pytest.raises(InputError, match="none of 1 rows"):
        training_suites(table)


def test_statistics_of_errors() -> None:
    errors = errors_of([-0.1, 0.2, 0.3], n=5)
    assert (errors.n, errors.predicted) == (5, 3)
    assert errors.median == pytest.approx(0.2)
    assert errors.mean == pytest.approx(0.2)
    assert errors.bias == pytest.approx(0.2)
    nothing = errors_of([], n=2)
    assert (nothing.n, nothing.predicted) == (2, 0)

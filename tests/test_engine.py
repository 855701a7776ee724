"""A serving engine's iteration: hand-computed numbers, how it moves, what replicas hold, and the suite's errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from petaday.catalog import load
from petaday.errors import InputError
from petaday.fabric.network import Network
from petaday.serving.batch import Batch, decoding, with_chunk
from petaday.serving.engine import Overheads, busiest_rows, direct_all_reduce, iteration_seconds
from petaday.serving.layout import Layout, held, kv_heads, projection_parameters
from petaday.serving.memory import PAGE, memory, most_sequences, token_bytes, weight_bytes
from petaday.serving.products import Weights, gemm, grouped_gemm
from petaday.serving.steady import output_token_seconds
from petaday.study.engines import Precision, engine_of, usual_network
from petaday.validation.latency import cells_of, held_out, latency_suites, predictions, profile_of
from petaday.validation.latency_record import COLUMNS, read_record
from petaday.workload.architecture import parameters

BF16 = Precision("bf16", "bf16", "bf16", 2.0)
FP8 = Precision("fp8", "fp8", "fp8", 1.0)
NOTHING = Overheads(0, 0, 0, 0, 0, 0, exposed=1, decode_bandwidth=1)
MODELS = ("llama-3.1-8b", "qwen3-32b", "gpt-oss-120b", "deepseek-r1", "qwen3-235b-a22b")


def engine(model="llama-3.1-8b", chip="h100-sxm-80", profile="vllm-0.12", precision=BF16):
    return engine_of(load.model(model), load.chip(chip), load.engine(profile), precision)


def ideal(model="llama-3.1-8b"):
    """An engine on a chip that reaches its datasheet: 1 PFLOP/s, 4 TB/s, no launches."""
    base = engine(model)
    law = replace(base.wide.law, peak=1e15, attention_peak=1e15, memory_bandwidth=4e12, memory=1.0, launch=0.0)
    law = replace(law, gemm=1.0, gemm_m=1e-12, gemm_n=1e-12, gemm_k=1e-12, attention_forward=1.0)
    law = replace(law, attention_sequence=0.0)
    weights = Weights(2.0, law)
    return replace(base, overheads=NOTHING, projections=weights, ffn=weights, experts=weights, wide=weights)


def layout(tp=1, pp=1, ep=1, dp=1):
    return Layout(*(np.asarray(size, dtype=float) for size in (tp, pp, ep, dp)))


def seconds(which, replica, sequences, context):
    batch = decoding(np.asarray(sequences, dtype=float), np.asarray(context, dtype=float))
    return iteration_seconds(which, replica, batch).total


def test_one_sequence_streams_the_weights_and_its_cache():
    model = load.model("llama-3.1-8b")
    count = parameters(model)
    matrices = count.matmul_active
    cache = 1000 * 32 * 2 * 8 * 128
    activations = 32 * ((4096 + 6144) + (4096 + 4096) + (4096 + 28672) + (14336 + 4096)) + 4096 + 128256
    predicted = seconds(ideal(), layout(), 1, 1000)
    assert predicted == pytest.approx(2 * (matrices + cache + activations) / 4e12, rel=1e-9)


def test_a_large_prefill_takes_its_flops():
    model = load.model("llama-3.1-8b")
    chunk = 65536.0
    batch = with_chunk(decoding(np.zeros(1), np.zeros(1)), np.array([chunk]), np.zeros(1))
    layers = parameters(model).matmul_active - model.vocab * model.hidden
    flops = 2 * layers * chunk + model.layers * 4 * 4096 * chunk**2 / 2
    parts = iteration_seconds(ideal(), layout(), batch)
    head = 2 * model.vocab * model.hidden / 4e12
    assert parts.total == pytest.approx(flops / 1e15 + head, rel=1e-3)


def test_decode_attention_of_latent_heads_is_bound_by_arithmetic_or_by_the_cache():
    which = ideal("deepseek-r1")
    which = replace(which, wide=replace(which.wide, law=replace(which.wide.law, attention_peak=5e14)))
    few, many = (iteration_seconds(which, layout(tp=tp), decoding(np.ones(1), np.array([1e5]))) for tp in (128, 1))
    assert few.attention == pytest.approx(61 * 1e5 * 576 * 2 / 4e12)
    assert many.attention == pytest.approx(61 * 1e5 * 2 * 128 * (576 + 512) / 5e14)


def test_a_gemm_is_bytes_or_arithmetic_and_a_launch():
    law = replace(ideal().wide.law, launch=1e-6)
    narrow = Weights(0.5, replace(law, element_bytes=1.0))
    one = np.ones(1)
    token = gemm(one, 4096 * one, 8192 * one, narrow)
    assert token.traffic == pytest.approx((0.5 * 4096 * 8192 + 8192 + 2 * 4096) / 4e12)
    assert token.seconds == pytest.approx(token.traffic + 1e-6)
    many = gemm(4096 * one, 4096 * one, 8192 * one, narrow)
    assert many.arithmetic == pytest.approx(2 * 4096**2 * 8192 / 1e15)
    assert many.seconds == pytest.approx(many.arithmetic + 1e-6)
    empty = gemm(0 * one, 4096 * one, 8192 * one, narrow)
    assert empty.seconds == empty.arithmetic == empty.traffic == 0


def test_grouped_products_read_the_experts_awake_and_pad_each():
    weights = ideal().wide
    one = np.ones(1)
    few = grouped_gemm(8 * one, 8 * one, 1024 * one, 2048 * one, weights)
    assert few.seconds == pytest.approx((2 * 8 * 1024 * 2048 + 8 * 2 * (2048 + 1024)) / 4e12)
    many = grouped_gemm(80000 * one, 8 * one, 1024 * one, 2048 * one, weights)
    assert many.seconds == pytest.approx(2 * (80000 + 8 * 32) * 1024 * 2048 / 1e15)


def test_the_busiest_rank_lies_above_the_mean_and_below_all():
    ep = np.array([1.0, 8.0, 64.0])
    assert busiest_rows(np.full(3, 4096.0), ep) == pytest.approx(
        [4096, 512 + np.sqrt(2 * np.log(8) * 512), 64 + np.sqrt(2 * np.log(64) * 64)]
    )
    assert (busiest_rows(np.full(3, 2.0), ep) <= 2).all()


def test_ranks_reduce_in_one_step_or_in_two():
    network = replace(usual_network(load.chip("h100-sxm-80")), scale_up_bandwidth=400e9, scale_up_efficiency=1.0)
    sizes, eight = np.array([1e3, 1e7, 0.0]), np.full(3, 8.0)
    told = direct_all_reduce(sizes, eight, 5e-6, network)
    assert told == pytest.approx([5e-6 + 7 * 1e3 / 400e9, 10e-6 + 2 * 7 / 8 * 1e7 / 400e9, 0])
    assert (direct_all_reduce(sizes, np.ones(3), 5e-6, network) == 0).all()


@pytest.mark.parametrize("model", MODELS)
def test_more_sequences_longer_contexts_and_fewer_chips_take_longer(model):
    which = engine(model)
    sequences = np.array([1.0, 2, 8, 32, 128, 512])
    assert (np.diff(seconds(which, layout(tp=8), sequences, 2048.0)) > 0).all()
    contexts = np.array([512.0, 1024, 4096, 32768])
    assert (np.diff(seconds(which, layout(tp=8), 32.0, contexts)) > 0).all()
    chips = seconds(which, layout(tp=[1, 2, 4, 8]), 256.0, 8192.0)
    assert (np.diff(chips) < 0).all()


@pytest.mark.parametrize("model", ["llama-3.1-8b", "deepseek-r1", "qwen3-235b-a22b"])
def test_seconds_are_linear_in_the_context_sum(model):
    totals = seconds(engine(model), layout(tp=8), 64.0, np.array([0.0, 1000, 2000, 3000, 100000]))
    slope = np.diff(totals) / np.diff([0, 1000, 2000, 3000, 100000])
    assert slope == pytest.approx(np.full(4, slope[0]), rel=1e-9)


def test_only_the_sum_of_the_contexts_counts():
    which = engine()
    one = iteration_seconds(which, layout(), Batch(*(np.array(x) for x in (3.0, 100.0 + 700 + 5000, 0.0, 0.0)))).total
    assert one == pytest.approx(seconds(which, layout(), 3.0, 5800 / 3))


def test_windows_stop_the_growth_of_half_the_layers():
    which = ideal("gpt-oss-120b")
    short, long = (
        iteration_seconds(which, layout(), decoding(np.ones(1), np.array([c]))).attention for c in (1e4, 2e4)
    )
    per_token = 2 * 8 * 64 * 2 / 4e12
    assert long - short == pytest.approx(18 * 1e4 * per_token)
    assert short == pytest.approx(18 * (1e4 + 128) * per_token)


def test_stages_and_attention_groups_share_the_sequences():
    which = engine(profile="tensorrt-llm-1.0")
    alone = iteration_seconds(which, layout(), decoding(np.array([8.0]), np.array([512.0])))
    staged = iteration_seconds(which, layout(pp=4), decoding(np.array([32.0]), np.array([512.0])))
    spread = iteration_seconds(which, layout(dp=4), decoding(np.array([32.0]), np.array([512.0])))
    # Four hosts, each with its quarter of the sequences: the time of one host, four times.
    hosts = which.overheads.iteration + 8 * which.overheads.sequence
    assert staged.total - staged.collectives == pytest.approx(alone.total + 3 * hosts)
    assert spread.total == pytest.approx(alone.total)


def test_an_empty_batch_takes_no_time():
    nothing = iteration_seconds(engine("deepseek-r1"), layout(tp=8), decoding(np.zeros(1), np.zeros(1)))
    assert nothing.total == 0


def test_layouts_are_priced_together_as_alone():
    which = engine("deepseek-r1", precision=FP8)
    tp, ep, dp = np.array([8.0, 8, 1, 4]), np.array([1.0, 8, 8, 8]), np.array([1.0, 1, 8, 2])
    together = seconds(which, layout(tp=tp, ep=ep, dp=dp), 64.0, 4096.0)
    alone = [float(seconds(which, layout(*each), 64.0, 4096.0)) for each in zip(tp, [1] * 4, ep, dp, strict=True)]
    assert together == pytest.approx(alone)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("tp", "pp", "ep", "dp"), [(1, 1, 1, 1), (4, 1, 4, 1), (8, 1, 1, 1), (1, 1, 8, 8), (2, 1, 8, 4)]
)
def test_chips_of_a_replica_hold_the_model(model, tp, pp, ep, dp):
    part, model = layout(tp, pp, ep, dp), load.model(model)
    count, own = parameters(model), held(model, part)
    if model.moe:
        assert own.experts * part.chips == pytest.approx(count.moe_layers * model.moe.experts * count.expert)
    assert own.ffn * tp == pytest.approx(
        count.dense_layers * count.dense_ffn_per_layer + count.moe_layers * count.shared
    )
    repeated = 1 if model.mla else max(tp / model.kv_heads, 1)
    whole = model.layers * projection_parameters(model, layout())
    assert own.projections * tp >= whole * (1 - 1e-9)
    if not model.mla and repeated == 1:
        assert own.projections * tp == pytest.approx(whole)


def test_one_chip_holds_every_parameter():
    for name in MODELS:
        model = load.model(name)
        assert sum(held(model, layout())) == pytest.approx(parameters(model).total, rel=2e-3)


def test_key_value_heads_are_repeated_beyond_their_number():
    assert kv_heads(load.model("llama-3.1-8b"), layout(tp=[1, 8, 16])).tolist() == [8, 1, 1]


def test_memory_by_hand():
    which = engine()
    assert token_bytes(which, layout()) == 2 * 8 * 128 * 32 * 2
    assert token_bytes(engine("deepseek-r1", precision=FP8), layout(tp=8)) == 576 * 61
    assert weight_bytes(which, layout()) == pytest.approx(2 * 8.03e9, rel=1e-3)
    own = memory(which, layout(), np.array(8192.0))
    pages = (72e9 - own.weights - own.activations) // (PAGE * 131072)
    assert most_sequences(which, layout(), 72e9, np.array(2000.0), np.array(8192.0)) == pages // 125


def test_sequences_fit_beside_the_weights_or_not_at_all():
    which = engine("llama-3.1-70b")
    most = most_sequences(which, layout(tp=[1, 2, 4, 8]), 72e9, np.array(4096.0), np.array(8192.0))
    assert most[0] == 0
    assert (np.diff(most) >= 0).all()
    assert most[3] > 2 * most[2] > 0


def test_prompts_of_others_lengthen_every_token():
    which, one = engine(), np.ones(1)
    chunk = 8192 * one

    def told(sequences, prefills):
        return output_token_seconds(
            which, layout(), sequences * one, 2048 * one, 256 * one, chunk=chunk, prefills=prefills * one
        )

    assert told(1, 1) == pytest.approx(told(1, 0))
    assert told(1, 0) == pytest.approx(seconds(which, layout(), one, 2048 + 128))
    assert told(16, 1) > told(16, 0)
    batch = decoding(16 * one, 2176 * one)
    longer = iteration_seconds(which, layout(), with_chunk(batch, 2048 * one, 0 * one)).total
    alone = iteration_seconds(which, layout(), batch).total
    assert told(16, 1) == pytest.approx(alone + 15 * 8 / 2048 * (longer - alone))


def test_a_chip_without_the_dtype_multiplies_in_16_bit():
    narrow = engine(chip="a100-sxm-80", precision=FP8)
    assert narrow.ffn.bytes == 1
    assert narrow.ffn.law.element_bytes == 2
    assert narrow.ffn.law.peak == narrow.wide.law.peak
    assert isinstance(narrow.network, Network)


def test_engines_are_dated_and_fitted_in_four_figures_at_most():
    for profile in load.engines().values():
        assert len(profile.fits) <= 4
        assert profile.fit is not None
        assert set(profile.fit.figures) == set(profile.fits)
        for name, value in profile.fit.figures.items():
            assert getattr(profile, name).value == value
            assert "fitted" in getattr(profile, name).source
        script = {"latencies": "fit_serving", "throughputs": "fit_throughput"}[profile.fit.measured]
        assert profile.fit.command == f"python benchmarks/{script}.py"
    assert load.engine("vLLM 0.12").id == "vllm-0.12"
    with pytest.raises(InputError, match="no engine profile"):
        load.engine("orca")


def test_a_row_finds_the_profile_of_its_version_or_date():
    row = {"engine": "trtllm", "version": "1.0.0rc3", "month": ""}
    assert profile_of(row) == "tensorrt-llm-1.0"
    assert profile_of({**row, "version": "", "month": "2025-11"}) == "tensorrt-llm-1.2"
    assert profile_of({**row, "engine": "vllm", "version": "", "month": "2025-10"}) == "vllm-0.11"


def test_the_record_is_complete_and_halved():
    rows = read_record()
    assert len(rows) == 3444
    assert set(rows[0]) == set(COLUMNS)
    out = held_out(rows)
    comparable = sum(not row["skipped"] for row in rows)
    assert comparable == len(predictions()) == 1700
    assert {row["skipped"] for row in rows if row["model"].startswith("Qwen/")} == {
        "the catalog has no model like Qwen3.5-397B-A17B"
    }
    assert not any(kept and row["skipped"] for kept, row in zip(out, rows, strict=True))
    assert abs(sum(out) - comparable / 2) < 25
    assert sum(len(cell.places) for cell in cells_of(rows)) == comparable


@pytest.mark.parametrize(("name", "median", "p90"), [("dense", 7, 22), ("MoE", 10.5, 31)])
def test_times_of_output_tokens_stay_as_near_as_they_are(name, median, p90):
    suites = {suite.name: suite for suite in latency_suites()}
    errors = suites[f"TPOT, {name}, held out"].errors
    assert errors.predicted == errors.n
    assert 100 * errors.median <= median
    assert 100 * errors.p90 <= p90

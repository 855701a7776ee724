"""Measured throughput of serving: the record, layouts, predictions by scenario, weights, and rows that cannot be true."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from make_serving_record import record_of
from petaday.catalog import load
from petaday.serving.batch import decoding
from petaday.serving.engine import iteration_seconds
from petaday.serving.steady import throughput
from petaday.serving.waves import decode_seconds, prefill_seconds, run_seconds, wave_seconds
from petaday.validation.mlperf import LIMITS, limits_of
from petaday.validation.serving import held_out, measured_of, predictions, serving_suites
from petaday.validation.serving_cells import best_of, cells_of, layouts, profile_of
from petaday.validation.serving_lint import ARITHMETIC, BANDWIDTH, COPIED, POWER, WEIGHTS, problems
from petaday.validation.serving_predict import SCENARIOS, predict
from petaday.validation.serving_record import COLUMNS, read_record
from petaday.validation.suite import Checked, Suite, weighted_quantile
from test_engine import engine, layout

DATA = Path(__file__).parents[2] / "shared" / "data"
ROWS = read_record()
USABLE = [row for row in ROWS if not row["skipped"]]
ONE = {
    "id": "one", "source": "", "engine": "vllm-chat", "version": "0.11.0", "month": "2025-10", "model": "llama-3.1-8b",
    "chip": "h100-sxm-80", "chips": "1", "tp": "1", "pp": "1", "dp": "1", "ep": "", "weights": "bf16", "cache": "2",
    "scenario": "concurrency", "lengths": "mixed", "prompt": "1000", "output": "200", "beams": "1", "concurrency": "16",
    "requests": "", "qps": "", "metric": "output_tok_s", "value": "1000", "joules": "", "scope": "", "weight": "1",
    "skipped": "",
}  # fmt: skip


def rate(**columns):
    """Tokens a second that we predict for the row with other columns."""
    (cell,) = cells_of([ONE | columns])
    return best_of(cell, predict(cell, load.engine(cell.profile)))[0]


def test_the_record_is_in_one_notation():
    assert list(ROWS[0]) == list(COLUMNS)
    assert len({row["id"] for row in ROWS}) == len(ROWS) == 3197
    for row in USABLE:
        assert load.model(row["model"]).id == row["model"]
        assert load.chip(row["chip"]).id == row["chip"]
        assert row["scenario"] in SCENARIOS
        assert float(row["value"]) > 0
        assert row["tp"] == "" or int(row["tp"]) * int(row["pp"] or 1) >= 1


def test_four_fifths_of_the_weight_can_be_compared_and_the_rest_says_why():
    weight = sum(float(row["weight"]) for row in ROWS)
    assert sum(float(row["weight"]) for row in USABLE) >= 0.8 * weight
    assert all(row["skipped"] for row in ROWS if row not in USABLE)


@pytest.mark.skipif(not DATA.exists(), reason="the table of measurements lies beside a checkout")
def test_the_record_is_made_from_the_table():
    with (DATA / "serving_measurements.csv").open(newline="", encoding="utf-8") as table:
        made = {row["id"]: record_of(row) for row in csv.DictReader(table)}
    assert {row["id"]: row for row in ROWS} == made


def test_half_of_the_rows_are_held_out():
    kept = held_out(ROWS)
    assert sum(kept) == pytest.approx(len(USABLE) / 2, abs=1)
    assert not any(out for out, row in zip(kept, ROWS, strict=True) if row["skipped"])


def test_a_row_finds_the_profile_of_its_version_or_date():
    assert profile_of(ONE) == "vllm-0.11-chat"
    assert profile_of(ONE | {"engine": "trtllm-mlperf", "version": "v5.1"}) == "tensorrt-llm-mlperf-5.1"
    assert profile_of(ONE | {"engine": "vllm", "version": "", "month": "2025-11"}) == "vllm-0.11"
    assert profile_of(ONE | {"engine": "vllm", "version": "", "month": "2020-01"}) == "vllm-0.5"


def test_open_layouts_are_all_that_the_chips_allow():
    assert layouts(ONE | {"tp": "4", "chips": "4"}) == [(4, 1, 1, 1)]
    assert set(layouts(ONE | {"tp": "", "chips": "4"})) == {(1, 1, 1, 1), (2, 1, 1, 1), (4, 1, 1, 1), (1, 2, 1, 1),
                                                            (1, 4, 1, 1)}  # fmt: skip
    moe = ONE | {"model": "qwen3-30b-a3b", "tp": "8", "dp": "", "chips": "8"}
    assert set(layouts(moe)) == {(8, 1, 1, 1), (8, 1, 8, 1), (1, 1, 8, 8)}


def test_a_steady_sequence_alone_takes_its_prompt_and_its_tokens():
    which, one = engine(), np.ones(1)
    prompt, output = 512 * one, 4096 * one
    seconds = output / throughput(which, layout(), one, prompt, output, chunk=8192 * one, mixes=False)
    decode = decode_seconds(which, layout(), one, prompt + output / 2)
    prefill = prefill_seconds(which, layout(), one, prompt, chunk=8192 * one)
    sampled = iteration_seconds(which, layout(), decoding(one, prompt)).head
    assert seconds == pytest.approx(output * decode + prefill, rel=1e-3)
    assert sampled > 0


def test_a_run_is_full_waves_and_a_smaller_last_one():
    which, one = engine(), np.ones(1)
    prompt, output, chunk = 100 * one, 50 * one, 8192 * one
    ten = wave_seconds(which, layout(), 10 * one, prompt, output, chunk=chunk)
    three = wave_seconds(which, layout(), 3 * one, prompt, output, chunk=chunk)
    assert run_seconds(which, layout(), 23 * one, 10 * one, prompt, output, chunk=chunk) == pytest.approx(
        2 * ten + three
    )
    assert run_seconds(which, layout(), 20 * one, 10 * one, prompt, output, chunk=chunk) == pytest.approx(2 * ten)
    assert run_seconds(which, layout(), 3 * one, 10 * one, prompt, output, chunk=chunk) == pytest.approx(three)


def test_stages_without_a_sequence_wait_for_those_that_have_one():
    which, one = engine(), np.ones(1)
    assert decode_seconds(which, layout(pp=4), one, 100 * one) == decode_seconds(
        which, layout(pp=4), 4 * one, 100 * one
    )


@given(st.integers(1, 200), st.integers(1, 400), st.integers(16, 4000), st.integers(2, 2000))
def test_more_requests_take_longer_and_more_room_does_not(requests, most, prompt, output):
    which, one = engine(), np.ones(1)

    def seconds(count, room):
        return run_seconds(which, layout(), count * one, room * one, prompt * one, output * one, chunk=8192 * one)[0]

    assert seconds(requests + 1, most) > seconds(requests, most)
    # Room for all of them at once beats waves.
    assert seconds(requests, requests) <= seconds(requests, most) * (1 + 1e-12)


def test_rates_move_as_they_should():
    assert rate(concurrency="64") > rate()
    assert rate(prompt="4000") < rate()
    assert rate(model="llama-3.1-70b", chips="8", tp="8") < rate(chips="8", tp="8")
    assert rate(chips="8") == pytest.approx(8 * rate(concurrency="2"))
    assert rate(scenario="fixed qps", concurrency="", qps="1") == pytest.approx(200)
    capacity = rate(scenario="fixed qps", concurrency="", qps="1000")
    assert 1000 < capacity < 200_000
    assert rate(scenario="fixed qps", concurrency="", qps="2000") == pytest.approx(capacity)


def test_weights_that_fit_nowhere_have_no_rate():
    assert rate(model="llama-3.1-405b") == 0


def test_a_tighter_limit_on_latency_serves_less():
    columns = {"model": "llama-2-70b", "chips": "8", "tp": "", "weights": "fp8", "cache": "1", "concurrency": ""}
    offline, server, interactive = (
        rate(**columns, scenario=f"mlperf {kind}") for kind in ("offline", "server", "interactive")
    )
    assert interactive < server < offline
    assert limits_of("llama-2-70b", "mlperf server") == LIMITS["llama-2-70b", "server"]
    assert limits_of("llama-2-70b", "offline") is None


def test_four_beams_share_a_prompt_and_one_counts():
    assert rate(concurrency="4", prompt="400", beams="4") == pytest.approx(rate(concurrency="16", prompt="100") / 4)


def test_latencies_are_told_as_rates():
    assert measured_of(ONE | {"metric": "ttft_ms", "value": "500", "concurrency": "2"}) == pytest.approx(4000)
    assert measured_of(ONE | {"metric": "tpot_ms", "value": "10", "concurrency": "2"}) == pytest.approx(200)


def checked(predicted, weight, measured=1.0):
    return Checked("", "all", "tokens_per_s", measured, predicted, weight=weight)


def test_weighted_errors_are_logarithms_counted_by_weight():
    rows = (checked(np.e, 1.0), checked(np.exp(-0.1), 8.0), checked(1.0, 1.0), checked(None, 5.0))
    errors = Suite("", rows, weighted=True).errors
    assert (errors.n, errors.predicted) == (4, 3)
    assert errors.median == pytest.approx(0.1)
    assert errors.p90 == pytest.approx(0.1)
    assert errors.mean == pytest.approx(0.18)
    assert errors.bias == pytest.approx(-0.1)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.floats(0, 1), st.randoms())
def test_a_weight_is_so_many_equal_rows(weights, share, random):
    values = [random.random() for _ in weights]
    repeated = np.repeat(values, weights)
    ones = np.ones(len(repeated))
    told = weighted_quantile(np.array(values), np.array(weights, dtype=float), share)
    assert told == weighted_quantile(repeated, ones, share)


def test_rates_of_rows_that_no_fit_saw():
    """The figures that docs/serving-measured.md gives; the aim is a median of 10 % and a p90 of 30 %."""
    suites = {suite.name: suite for suite in serving_suites()}
    held = suites["serving, held out"].errors
    assert held.median <= 0.10
    assert held.p90 <= 0.53
    assert abs(held.bias) <= 0.03
    assert suites["serving, fitted"].errors.median <= held.median
    assert sum(len(suite.rows) for suite in suites.values()) == len(ROWS)
    assert len(predictions()) == len(suites["serving, held out"].rows) + len(suites["serving, fitted"].rows)


def test_no_published_row_breaks_the_bounds_but_known_ones():
    """Copies of one page under two models, and a value of one node whose weights lie on twelve."""
    told = problems(ROWS)
    assert {name for names in told.values() for name in names} <= {COPIED, WEIGHTS}
    assert [ROWS[place]["source"] for place, names in told.items() if WEIGHTS in names] == [
        "LMSYS blog 2025-05-05 large-scale EP"
    ]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"value": "50000", "concurrency": "1", "output": "2000"}, BANDWIDTH),
        ({"value": "60000", "concurrency": "4096", "prompt": "10000"}, ARITHMETIC),
        ({"model": "llama-3.1-70b"}, WEIGHTS),
        ({"joules": "0.8", "scope": "gpus"}, POWER),
    ],
)
def test_a_row_beyond_a_bound_is_caught(columns, problem):
    assert not problems([ONE])
    assert problem in problems([ONE | columns])[0]


@pytest.mark.skipif(not DATA.exists(), reason="the table of quarantined rows lies beside a checkout")
def test_quarantined_rows_are_caught():
    with (DATA / "serving_quarantined.csv").open(newline="", encoding="utf-8") as table:
        quarantined = [(row["check_flags"], record_of(row)) for row in csv.DictReader(table)]
    assert len(quarantined) == 47
    told = problems([row for _, row in quarantined] + ROWS)
    caught = 0
    for place, (flags, row) in enumerate(quarantined):
        if row["skipped"]:
            continue
        if "IMPOSSIBLE_BW" in flags:
            assert BANDWIDTH in told[place]
        if "IMPOSSIBLE_MFU" in flags:
            assert ARITHMETIC in told[place]
        if "WEIGHTS_DO_NOT_FIT" in flags:
            assert WEIGHTS in told[place]
        caught += place in told
    # The others are copies of pages that are not in the table, wrong names, and models or chips that we lack.
    assert caught == 29

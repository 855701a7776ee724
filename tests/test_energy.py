"""Energy of serving: joules by hand, bounds, and the fits to measured joules of output tokens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.catalog import load
from petaday.catalog.power import board_power_of
from petaday.chip.power import Draws, board_joules
from petaday.errors import InputError
from petaday.serving.batch import Batch, decoding, with_chunk
from petaday.serving.energy import iteration_joules
from petaday.serving.engine import iteration_seconds, iteration_work
from petaday.study.engines import board_draws
from petaday.validation.serving_energy import drawn, energy_suites
from petaday.workload.architecture import parameters
from test_engine import engine, ideal, layout

HALF = Draws(idle=0.2, arithmetic=0.5, memory=0.4, rest=0.3)


def batch(decodes=1.0, context=1000.0):
    return decoding(np.asarray(decodes, dtype=float), np.asarray(context, dtype=float))


def test_a_board_that_waits_draws_its_idle_share():
    none = np.zeros(3)
    assert board_joules(none, none, np.array([0.0, 1.0, 2.0]), 700.0, HALF) == pytest.approx([0.0, 140.0, 280.0])


def test_arithmetic_and_traffic_add_and_the_limit_holds():
    one = np.ones(1)
    assert board_joules(0.5 * one, 0 * one, one, 1000.0, HALF) == pytest.approx(200 + 250)
    assert board_joules(0.5 * one, 0.5 * one, one, 1000.0, HALF) == pytest.approx(200 + 250 + 200)
    assert board_joules(9 * one, 9 * one, one, 1000.0, HALF) == pytest.approx(1000)


def test_the_work_of_a_token_is_its_matrices_and_its_cache():
    model = load.model("llama-3.1-8b")
    work = iteration_work(ideal(), layout(), batch())
    flop = 2 * parameters(model).matmul_active + 1000 * 32 * 4 * 32 * 128
    assert work.arithmetic == pytest.approx(flop / 1e15)
    assert work.traffic == pytest.approx(iteration_seconds(ideal(), layout(), batch()).total)


def test_all_chips_of_a_replica_spend():
    which, seconds = engine(), np.asarray(1.0)
    alone = iteration_joules(which, layout(), batch(), seconds, 700.0, replace(HALF, arithmetic=0, memory=0))
    eight = iteration_joules(
        which, layout(tp=4, pp=2), batch(), seconds, 700.0, replace(HALF, arithmetic=0, memory=0)
    )
    assert alone == pytest.approx(140)
    assert eight == pytest.approx(8 * 140)


@given(
    decodes=st.floats(1, 500),
    context=st.floats(1, 20000),
    chunk=st.floats(1, 8192),
    more=st.floats(1, 4),
)
def test_more_work_takes_more_joules_within_idle_and_limit(decodes, context, chunk, more):
    which = engine("llama-3.1-70b")
    own = with_chunk(batch(decodes, context), np.asarray(chunk), np.zeros(()))
    bigger = Batch(*(more * np.asarray(part) for part in own))
    seconds = np.asarray(10.0)
    spent = iteration_joules(which, layout(tp=8), own, seconds, 700.0, HALF)
    assert 8 * 700 * 10 * HALF.idle <= spent <= 8 * 700 * 10
    assert iteration_joules(which, layout(tp=8), bigger, seconds, 700.0, HALF) >= spent


def test_batches_spend_together_as_alone():
    which = engine("deepseek-r1")
    sizes = np.array([1.0, 8.0, 64.0])
    together = iteration_joules(which, layout(tp=8, ep=8), batch(sizes, 500.0), np.ones(3), 1000.0, HALF)
    alone = [
        float(iteration_joules(which, layout(tp=8, ep=8), batch(size, 500.0), 1.0, 1000.0, HALF)) for size in sizes
    ]
    assert together == pytest.approx(alone)


def test_a_chip_draws_as_its_generation_and_others_as_all():
    powers = load.board_powers()
    assert board_power_of(load.chip("h200-sxm"), powers).generation == "hopper"
    assert board_power_of(load.chip("mi300x"), powers).generation is None
    with pytest.raises(InputError, match="no board power for mi300x"):
        board_power_of(load.chip("mi300x"), [each for each in powers if each.generation])


def test_figures_are_plausible_and_recorded():
    for power in load.board_powers():
        assert 0.05 <= power.idle <= 0.6
        assert power.command == "python benchmarks/fit_energy.py"
        assert power.held_out_rows >= 0.9 * power.rows
        assert power.loss < 0.15
        assert power.held_out < 0.15


def test_joules_of_tokens_held_out_lie_within_15_percent():
    held, fitted = energy_suites()
    assert (held.name, fitted.name) == ("energy, held out", "energy, fitted")
    assert len(held.rows) + len(fitted.rows) == len(drawn().place)
    assert held.errors.median <= 0.15
    assert fitted.errors.median <= 0.15
    assert {row.group.split(",")[0] for row in held.rows} == {"gpus", "server"}


def test_joules_fall_with_concurrency_as_measured():
    """Llama 3.1 70B on two B200: 3.57 J a token at 8 sequences and 0.19 at 2,042 (ML.ENERGY)."""
    rows = {row.id: row for suite in energy_suites() for row in suite.rows}
    named = [
        row
        for row in rows.values()
        if row.labels == {"chip": "b200-sxm", "model": "llama-3.1-70b"} and row.chips == 2
    ]
    measured, predicted = ([getattr(row, name) for row in named] for name in ("measured", "predicted"))
    assert max(measured) / min(measured) > 15
    assert max(predicted) / min(predicted) == pytest.approx(max(measured) / min(measured), rel=0.4)
    assert board_draws(load.chip("b200-sxm")).idle > 0

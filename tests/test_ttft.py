"""First tokens of the measured runs, simulated: a hand-computed one, and how far the suites are off."""

from __future__ import annotations

import numpy as np
import pytest

from petaday.catalog import load
from petaday.serving.simulate.outcome import Ledger
from petaday.serving.simulate.run import simulate
from petaday.serving.simulate.service import Service
from petaday.validation.latency import held_out, profile_of
from petaday.validation.latency_record import read_record
from petaday.validation.latency_ttft import comparable, simulated, ttft_suites
from petaday.validation.suite import errors_of
from services import constant, pool
from test_simulate import random_requests, trace_of


def test_one_request_at_a_time_waits_for_its_prompt_and_the_stack() -> None:
    """Iterations of a second with 64 tokens: a prompt of n takes ceil(n/64), and the answer is half a second later."""
    listed = random_requests(2, 40)
    ledger = Ledger(keep=True)
    simulate(Service((pool(constant(1.0), answer=0.5),), loop=1), trace_of(listed), ledger)
    ended = np.sort(np.concatenate(ledger.kept), order="index")
    assert ended["first"] - ended["arrival"] == pytest.approx(np.ceil(ended["prompt"] / 64) + 0.5)
    assert ended["end"] - ended["first"] == pytest.approx(ended["output"] - 1)


def test_every_comparable_run_is_simulated() -> None:
    rows = read_record()
    places = comparable(rows)
    found = simulated()
    assert found.keys() == set(places)
    assert all(0 < each.ttft < 1e4 and 0 < each.tpot < 10 for each in found.values())


def test_profiles_say_what_their_stack_adds_and_how_well_it_is_known() -> None:
    rows = read_record()
    engines = {profile_of(rows[place]) for place in comparable(rows)}
    assert load.first_tokens().keys() == engines
    for engine, entry in load.first_tokens().items():
        assert engine in load.engines()
        assert entry.command == "python benchmarks/fit_first_tokens.py"


@pytest.mark.parametrize(("kind", "median", "p90"), [("dense", 0.23, 0.68), ("MoE", 0.33, 0.97)])
def test_first_tokens_stay_as_near_as_they_are(kind: str, median: float, p90: float) -> None:
    """Far from the 15 % that were wanted; the median of AIConfigurator 0.12 on a sample of these rows was 48 %."""
    suite = next(each for each in ttft_suites() if each.name == f"TTFT, {kind}, held out")
    assert suite.errors.median < median
    assert suite.errors.p90 < p90


def test_the_simulation_gives_times_of_output_tokens_no_worse_than_the_closed_form() -> None:
    rows, found = read_record(), simulated()
    kept = held_out(rows)
    for moe, median, p90 in ((False, 0.07, 0.23), (True, 0.11, 0.31)):
        errors = [
            found[place].tpot / (float(rows[place]["tpot_ms"]) * 1e-3) - 1
            for place in found
            if kept[place] and (load.model(rows[place]["model"]).moe is not None) == moe
        ]
        assert errors_of(errors).median < median
        assert errors_of(errors).p90 < p90

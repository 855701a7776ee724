"""FLOP and PF-days of published training runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.catalog import load
from petaday.catalog.model import SlidingWindow
from petaday.validation.rows import model_of
from petaday.validation.table import read_rows
from petaday.workload.demand import PF_DAY, attention_flops_per_token, demand

MEASUREMENTS = Path(__file__).parents[2] / "shared" / "data" / "training_measurements.csv"


def test_gpt_3_took_3640_pf_days() -> None:
    """Brown et al. 2020 (arXiv:2005.14165), appendix D: 3.14e23 FLOP, 3,640 PF-days."""
    gpt3 = demand(load.model("gpt-3-175b"), 2048, 300e9)
    assert gpt3.flops == pytest.approx(3.14e23, rel=5e-3)
    assert gpt3.pf_days == pytest.approx(3640, rel=5e-3)


def test_llama_3_405b_took_3_8e25_flop() -> None:
    """Dubey et al. 2024 (arXiv:2407.21783), section 3.2: 15.6T tokens, 3.8e25 FLOP."""
    assert demand(load.model("llama-3.1-405b"), 8192, 15.6e12).flops == pytest.approx(3.8e25, rel=0.01)


def test_deepseek_v3_activates_37b_of_671b() -> None:
    """DeepSeek-V3 (arXiv:2412.19437): 671B in all, 37B a token; 14.8T tokens."""
    v3 = demand(load.model("deepseek-v3"), 4096, 14.8e12)
    assert v3.parameters_total == pytest.approx(671e9, rel=1e-3)
    assert v3.parameters_active == pytest.approx(37e9, rel=0.02)
    assert v3.flops == pytest.approx(6 * v3.parameters_active * 14.8e12, rel=0.03)


def test_attention_is_6_heads_widths_times_the_pairs() -> None:
    """Causal: 6·(d + d)·a·s/2 = 6·s·h a layer and token, forward and backward."""
    model = load.model("gpt-3-175b")
    assert attention_flops_per_token(model, 2048) == pytest.approx(6 * 2048 * model.hidden * model.layers)


def test_windows_cap_attention() -> None:
    model = load.model("llama-3.1-405b")
    windowed = model.model_copy(update={"sliding_window": SlidingWindow(window=1024, every=2)})
    whole, capped = (attention_flops_per_token(each, 8192) for each in (model, windowed))
    assert capped == pytest.approx(whole / 2 * (1 + (8192 * 1024 - 1024**2 / 2) / (8192**2 / 2)))


@given(tokens=st.floats(1e6, 1e14), seq_len=st.integers(1, 1 << 20))
def test_parts_and_units_agree(tokens: float, seq_len: int) -> None:
    model = load.model("mixtral-8x7b")
    needs = demand(model, seq_len, tokens)
    assert needs.model_flops == pytest.approx(needs.flops + needs.attention_flops)
    assert needs.pf_days * 1e15 * 24 * 3600 == pytest.approx(needs.flops)
    assert needs.model_pf_days >= needs.pf_days
    assert needs.flops == pytest.approx(tokens * demand(model, seq_len, 1.0).flops)
    assert PF_DAY == 8.64e19


WINDOWED = ("Gemma-3",)
"""Models with windows, for which the table has no columns."""


def test_flops_per_token_of_measured_runs() -> None:
    """The table's own model FLOPs of dense models: 6·(parameters without embedding + LM head) + causal attention."""
    if not MEASUREMENTS.exists():
        pytest.skip("the table of measurements is not here")
    rows = [
        row
        for row in read_rows(MEASUREMENTS)
        if row["flops_per_token"]
        and row["vocab"]
        and row["task"] == "pretrain"
        and not row["experts"]
        and not row["model"].startswith(WINDOWED)
    ]
    assert len(rows) > 500
    told = [1e9 * float(row["flops_per_token"]) for row in rows]
    counted = [demand(model_of(row), int(row["seq_len"]), 1.0).model_flops for row in rows]
    assert counted == pytest.approx(told, rel=2e-3)

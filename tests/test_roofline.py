"""The roofline: limits, bounds and directions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import A100, FP8
from petaday.chip.calibrate import fit_gemm
from petaday.chip.law import ChipLaw
from petaday.chip.roofline import attention_seconds, gemm_efficiency, gemm_seconds, streaming_seconds

SIZE = st.floats(1, 1e5)
WORK = st.floats(1e3, 1e18)


def gemm(m: float, n: float, k: float, law: ChipLaw = A100, count: float = 1.0) -> float:
    return float(gemm_seconds(np.array(m), np.array(n), np.array(k), law, count=count))


def attention(
    flops: float, moved: float, law: ChipLaw = A100, *, seq_len: float = 4096, backward: bool = False
) -> float:
    return float(
        attention_seconds(np.array(flops), np.array(moved), law, seq_len=np.array(seq_len), backward=backward)
    )


@given(m=SIZE, n=SIZE, k=SIZE)
def test_a_gemm_is_never_faster_than_peak_or_bandwidth(m: float, n: float, k: float) -> None:
    seconds = gemm(m, n, k)
    assert seconds > 2 * m * n * k / (A100.peak * A100.gemm)
    assert seconds > 2 * (m * k + k * n + m * n) / A100.memory_bandwidth
    assert seconds > A100.launch


@given(m=SIZE, n=SIZE, k=SIZE, more=st.floats(1, 10), which=st.integers(0, 2))
def test_a_larger_gemm_takes_no_less(m: float, n: float, k: float, more: float, which: int) -> None:
    sizes = [m, n, k]
    sizes[which] *= more
    assert gemm(*sizes) >= gemm(m, n, k) * (1 - 1e-12)


@given(m=SIZE, n=SIZE, k=SIZE, more=st.floats(1, 10), rate=st.sampled_from(["peak", "memory_bandwidth"]))
def test_a_faster_chip_takes_no_more(m: float, n: float, k: float, more: float, rate: str) -> None:
    faster = replace(A100, **{rate: getattr(A100, rate) * more})
    assert gemm(m, n, k, faster) <= gemm(m, n, k) * (1 + 1e-12)


@given(m=SIZE, n=SIZE, k=SIZE, count=st.integers(1, 64))
def test_a_group_of_gemms_is_launched_once(m: float, n: float, k: float, count: int) -> None:
    together, alone = gemm(m, n, k, count=count), gemm(m, n, k)
    assert together - A100.launch == pytest.approx(count * (alone - A100.launch), rel=1e-9)


def test_a_large_gemm_reaches_its_share_of_the_peak() -> None:
    size = 1e7
    assert 2 * size**3 / gemm(size, size, size) == pytest.approx(A100.peak * A100.gemm, rel=1e-4)


@pytest.mark.parametrize("which", ["m", "n", "k"])
def test_half_is_reached_at_the_saturation_size(which: str) -> None:
    sizes = dict.fromkeys("mnk", np.array(1e12)) | {which: np.array(getattr(A100, f"gemm_{which}"))}
    assert gemm_efficiency(**sizes, law=A100) == pytest.approx(A100.gemm / 2, rel=1e-6)


def test_a_matrix_times_a_vector_is_bound_by_memory() -> None:
    n = k = 16384.0
    moved = 2 * (k + k * n + n)
    assert gemm(1, n, k) == pytest.approx(moved / (A100.memory_bandwidth * A100.memory) + A100.launch)


def test_narrow_operands_move_half_and_compute_twice_as_fast() -> None:
    small, large = (1, 8192.0, 8192.0), (1e6, 1e6, 1e6)
    assert gemm(*small, FP8) - FP8.launch == pytest.approx((gemm(*small) - A100.launch) / 2, rel=1e-3)
    assert gemm(*large) / gemm(*large, FP8) == pytest.approx(2 * FP8.gemm / A100.gemm, rel=1e-3)


def test_nothing_takes_no_time() -> None:
    assert attention(0, 5) == 0
    assert streaming_seconds(np.array([0.0, 1.0]), A100).tolist()[0] == 0


@given(flops=WORK, moved=st.floats(1, 1e12), s=st.floats(1, 1e6), backward=st.booleans())
def test_attention_is_never_faster_than_its_bounds(flops: float, moved: float, s: float, backward: bool) -> None:
    seconds = attention(flops, moved, seq_len=s, backward=backward)
    assert seconds > flops / A100.attention_peak
    assert seconds > moved / A100.memory_bandwidth
    assert seconds >= attention(flops, moved, seq_len=2 * s, backward=backward)


def test_attention_is_not_sped_up_by_narrow_gemms() -> None:
    assert attention(1e15, 1e6, FP8) == attention(1e15, 1e6)


def test_long_sequences_reach_the_share_of_the_peak() -> None:
    for backward, share in ((False, A100.attention_forward), (True, A100.attention_backward)):
        reached = 1e18 / attention(1e18, 1.0, seq_len=1e9, backward=backward)
        assert reached == pytest.approx(A100.attention_peak * share, rel=1e-4)


@given(moved=st.floats(1, 1e13))
def test_streaming_is_bandwidth_and_a_launch(moved: float) -> None:
    expected = moved / (A100.memory_bandwidth * A100.memory) + A100.launch
    assert float(streaming_seconds(np.array(moved), A100)) == pytest.approx(expected)


@given(st.data())
def test_arrays_are_their_elements(data: st.DataObject) -> None:
    sizes = np.array(data.draw(st.lists(st.tuples(SIZE, SIZE, SIZE), min_size=1, max_size=10)))
    together = gemm_seconds(*sizes.T, A100)
    assert together.tolist() == pytest.approx([gemm(*row) for row in sizes.tolist()], rel=1e-12)


def test_a_fit_finds_the_law_again() -> None:
    pytest.importorskip("scipy")
    draw = np.random.default_rng(0)
    m, n, k = np.exp(draw.uniform(np.log(16), np.log(16384), (3, 300)))
    start = replace(A100, gemm=0.6, gemm_m=300.0, gemm_n=50.0, gemm_k=300.0, memory=0.5, launch=1e-5)
    fit = fit_gemm(m, n, k, gemm_seconds(m, n, k, A100), start)
    assert fit.rows == 300
    assert fit.median_error < 1e-3
    for name in ("gemm", "memory", "launch"):
        assert getattr(fit.law, name) == pytest.approx(getattr(A100, name), rel=0.01)

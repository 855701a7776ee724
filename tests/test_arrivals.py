"""Arrival times: they follow their rate exactly, burst as much as they are told to, and do not depend on chunks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import expon, gamma, kstest

from petaday.errors import InputError
from petaday.serving.arrivals import (
    DAY,
    HOUR,
    PEAK_TO_TROUGH,
    STEADY,
    Crowd,
    Rate,
    arrivals,
    by_hour,
    cosine,
    cumulated,
)

EVENING = cosine(2.0, 20.0)
OFFICE = by_hour([0.01] * 8 + [0.08] * 10 + [0.02] * 6)
FLASH = Crowd(start=7200, factor=10, ramp=60, hold=600, decay=1800)


def drawn(rate, seconds, variation=1.0, seed=1, **options):
    return np.concatenate([*arrivals(rate, seconds, variation=variation, seed=seed, **options), np.zeros(0)])


def test_a_poisson_process_has_exponential_gaps_and_its_mean_rate():
    times = drawn(Rate(50.0), 4000)
    assert kstest(np.diff(times), expon(scale=1 / 50).cdf).pvalue > 0.01
    assert len(times) == pytest.approx(200_000, abs=4 * np.sqrt(200_000))


@pytest.mark.parametrize("variation", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("rate", [Rate(5.0, EVENING, (FLASH,), hour=6.0), Rate(5.0, OFFICE)], ids=["crowd", "hours"])
def test_gaps_in_expected_requests_are_gamma_whatever_the_rate_does(rate, variation):
    """Λ(arrivals) is the process of unit rate, with the wanted coefficient of variation."""
    over = cumulated(rate, DAY)
    gaps = np.diff(over.expected(drawn(rate, DAY, variation)))
    shape = 1 / variation**2
    law = gamma(shape, scale=1 / shape)
    # Shorter gaps of strong bursts are lost in the rounding of times after half a million requests.
    least = 1e-6
    assert np.mean(gaps < least) == pytest.approx(law.cdf(least), abs=4 / np.sqrt(len(gaps)))
    seen = gaps[gaps >= least]
    assert kstest(seen, lambda gap: (law.cdf(gap) - law.cdf(least)) / law.sf(least)).pvalue > 0.01
    assert gaps.std() / gaps.mean() == pytest.approx(variation, rel=0.02)


@pytest.mark.parametrize("variation", [0.5, 1.0, 4.0])
def test_counts_scatter_with_the_square_of_the_variation(variation):
    """Renewal theory (Cox 1962, section 4.5): over long windows the variance of counts is v² times their mean."""
    times = drawn(Rate(100.0), 20_000, variation)
    counts = np.histogram(times, 500, (0, 20_000))[0]
    assert counts.var() / counts.mean() == pytest.approx(variation**2, rel=0.25)


@pytest.mark.parametrize("variation", [0.2, 5.0])
def test_the_expected_count_is_the_cumulated_rate_from_the_start(variation):
    """Without the first gap's own law it would be (v² - 1)/2 requests off: -0.5 and 12."""
    early = [len(drawn(Rate(1.0), 10.0, variation, seed, chunk=64)) for seed in range(4000)]
    assert np.mean(early) == pytest.approx(10.0, abs=4 * np.std(early) / np.sqrt(4000))


def test_hours_get_their_shares():
    times = drawn(Rate(20.0, OFFICE), 4 * DAY)
    counts = np.bincount((times % DAY // HOUR).astype(int), minlength=24)
    shares = OFFICE.shape.levels[::2] / 24
    assert counts == pytest.approx(shares * 4 * DAY * 20, abs=4 * np.sqrt(counts.max()))
    assert OFFICE.peak_to_mean == pytest.approx(0.08 * 24)


def test_a_cosine_peaks_at_its_hour_with_its_ratio_and_a_mean_of_one():
    for ratio in (*PEAK_TO_TROUGH.values(), 1.0):
        daily = cosine(ratio, 20.0)
        shape = daily.shape
        assert np.diff(shape.knots) @ (shape.levels[1:] + shape.levels[:-1]) / 2 == pytest.approx(DAY, rel=1e-12)
        assert shape.levels.max() / shape.levels.min() == pytest.approx(ratio)
        assert daily.peak_to_mean == pytest.approx(2 * ratio / (ratio + 1))
    assert EVENING.shape.knots[EVENING.shape.levels.argmax()] == 20 * HOUR
    minutes = np.linspace(30, DAY - 30, 1440)
    between = np.interp(minutes, EVENING.shape.knots, EVENING.shape.levels)
    assert between == pytest.approx(1 + np.cos(2 * np.pi * (minutes - 20 * HOUR) / DAY) / 3, abs=1e-5)


def test_a_day_may_start_at_any_hour_and_comes_again():
    whole = cumulated(Rate(3.0, OFFICE), 3 * DAY)
    part = cumulated(Rate(3.0, OFFICE, hour=7.5), DAY)
    clock = np.linspace(0, DAY, 777)
    before = 3 * 0.01 * 24 * 7.5 * HOUR
    assert part.expected(clock) == pytest.approx(whole.expected(clock + 7.5 * HOUR) - before, abs=1e-6)
    assert whole.total == pytest.approx(9 * DAY)
    assert part.peak == pytest.approx(3 * 0.08 * 24)


def test_a_flash_crowd_multiplies_the_rate():
    """A ramp of 60 s, 600 s and a fall of 1,800 s at 10 times: 9·(30 + 600 + 900) more seconds of the mean rate."""
    over = cumulated(Rate(2.0, STEADY, (FLASH,)), DAY)
    assert over.total == pytest.approx(2 * (DAY + 9 * 1530))
    assert over.peak == 20
    sudden = cumulated(Rate(2.0, STEADY, (Crowd(100, 10, 0, 50, 0),)), 200)
    assert sudden.expected(np.array([100.0, 150.0, 200.0])) == pytest.approx([200, 1200, 1300])
    outage = cumulated(Rate(2.0, STEADY, (Crowd(100, 0, 0, 50, 0),)), 200)
    assert outage.total == pytest.approx(300)
    times = drawn(Rate(200.0, STEADY, (Crowd(100, 0, 0, 50, 0),)), 200)
    assert not ((times > 100) & (times < 150)).any()
    together = cumulated(Rate(1.0, STEADY, (Crowd(0, 3, 0, 10, 0), Crowd(5, 2, 0, 10, 0))), 20)
    assert together.total == pytest.approx(5 * 3 + 5 * 6 + 5 * 2 + 5)


def test_the_integral_is_that_of_the_product():
    """Against numerical integration of cycle times crowd, both as they are defined."""
    event = Crowd(3 * HOUR, 5, 600, 900, 1200)
    over = cumulated(Rate(1.0, EVENING, (event,), hour=18.0), 6 * HOUR)

    def product(time):
        crowd = np.interp(time, event.shape.knots, event.shape.levels)
        return (1 + np.cos(2 * np.pi * (time / HOUR + 18 - 20) / 24) / 3) * crowd

    for end in (2 * HOUR, 3.1 * HOUR, 3.5 * HOUR, 6 * HOUR):
        whole = quad(product, 0, end, points=event.shape.knots[event.shape.knots < end], limit=200)[0]
        assert float(over.expected(np.array(end))) == pytest.approx(whole, rel=1e-5)


crowds = st.builds(
    Crowd,
    st.floats(0, 1e5),
    st.floats(0, 50),
    *[st.sampled_from([0.0, 1.0, 333.3, 5000.0])] * 3,
)
rates = st.builds(
    Rate,
    st.floats(1e-3, 1e3),
    st.sampled_from([STEADY, EVENING, OFFICE]),
    st.lists(crowds, max_size=3).map(tuple),
    st.floats(0, 23.9),
)


@settings(max_examples=60, deadline=None)
@given(rate=rates, seconds=st.floats(1.0, 2e5))
def test_times_invert_the_cumulated_rate(rate, seconds):
    over = cumulated(rate, seconds)
    counts = np.linspace(0, over.total, 501)[:-1]
    times = over.times(counts)
    assert (np.diff(times) >= 0).all()
    assert ((times >= 0) & (times <= seconds)).all()
    assert over.expected(times) == pytest.approx(counts, rel=1e-9, abs=1e-9 * max(over.total, 1e-3))
    assert over.expected(np.array(seconds)) == pytest.approx(over.total)


@settings(max_examples=20, deadline=None)
@given(chunk=st.integers(1, 400), variation=st.sampled_from([0.4, 1.0, 6.0]), seed=st.integers(0, 2**32))
def test_what_comes_does_not_depend_on_chunks(chunk, variation, seed):
    rate = Rate(0.01, EVENING, (Crowd(10_000, 3, 100, 100, 100),))
    whole = drawn(rate, DAY, variation, seed)
    parts = list(arrivals(rate, DAY, variation=variation, seed=seed, chunk=chunk))
    assert all(0 < len(part) <= chunk for part in parts)
    assert np.concatenate([*parts, np.zeros(0)]).tolist() == whole.tolist()
    assert (np.diff(whole) >= 0).all()


def test_a_seed_draws_the_same_and_another_one_not():
    assert drawn(Rate(1.0), 100, seed=3).tolist() == drawn(Rate(1.0), 100, seed=3).tolist()
    assert drawn(Rate(1.0), 100, seed=3).tolist() != drawn(Rate(1.0), 100, seed=4).tolist()


def test_a_stream_without_end_is_read_as_far_as_it_is_wanted():
    first = next(itertools.islice(arrivals(Rate(1e6), 1e8, variation=1.0, seed=1), 1, 2))
    assert 0 < first[-1] < 1


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Rate(0.0), "rate"),
        (lambda: Rate(float("nan")), "rate"),
        (lambda: Rate(1.0, hour=24.0), "hour"),
        (lambda: Crowd(0, -1, 1, 1, 1), "events.factor"),
        (lambda: Crowd(0, 1, float("inf"), 1, 1), "events.ramp"),
        (lambda: by_hour([1 / 23] * 23), "daily"),
        (lambda: by_hour([1 / 12] * 24), "daily"),
        (lambda: by_hour([-1.0, 2.0] + [0.0] * 22), "daily"),
        (lambda: cosine(0.5, 1), "peak_to_trough"),
        (lambda: cosine(2, 25), "peak_hour"),
        (lambda: cumulated(Rate(1.0), 0.0), "seconds"),
        (lambda: drawn(Rate(1.0), 10, variation=0.0), "variation"),
    ],
)
def test_impossible_rates_are_told(make, field):
    with pytest.raises(InputError) as raised:
        make()
    assert raised.value.field == field
    assert raised.value.expected

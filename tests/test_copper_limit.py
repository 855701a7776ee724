"""Copper's reach against published cables, and the bandwidth per chip at which a scale-up domain needs optics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.errors import InputError
from petaday.fabric.copper import (
    copper_lane_rate,
    copper_limit,
    copper_reach,
    longest_run,
    loss_per_metre,
    nyquist,
    wire_diameter,
)

LANES = st.floats(3e9, 60e9)
GAUGES = st.sampled_from([24, 26, 28, 30, 32])
NVLINK5_LANES = 36  # per direction: 18 links of two lanes of 200 Gb/s


# Published


@pytest.mark.parametrize(
    ("gigabits", "metres"),
    [(50, 3.0), (100, 2.0), (100, 3.0), (200, 1.0)],
    ids=["802.3cd", "LinkX switch to switch", "LinkX to adapters", "802.3dj"],
)
def test_reach_of_published_passive_cables(gigabits: float, metres: float) -> None:
    reach = copper_reach(gigabits * 1e9 / 8)
    assert reach.low <= metres <= reach.high


def test_wires_have_their_diameters() -> None:
    assert wire_diameter(26) == pytest.approx(0.405e-3, rel=2e-3)
    assert wire_diameter(30) == pytest.approx(0.255e-3, rel=2e-3)


def test_nyquist_of_100_gigabit_lanes() -> None:
    """53.125 GBd PAM4 (IEEE 802.3ck)."""
    assert nyquist(12.5e9) == pytest.approx(26.5625e9)


def test_nvl72_is_copper() -> None:
    """72 chips of 900 GB/s per direction in one rack: what stops more is that lanes are 200 Gb/s, not their reach."""
    limit = copper_limit(72, 72, NVLINK5_LANES)
    assert limit.bandwidth.typical == pytest.approx(900e9)
    assert limit.binding == ("lane rate",)
    assert limit.verdict(900e9) != "optics"


def test_eight_racks_at_nvl72_bandwidth_are_not() -> None:
    """576 chips in racks of 72 at 900 GB/s: copper crosses four racks only below 200 Gb/s a lane."""
    limit = copper_limit(576, 72, NVLINK5_LANES)
    assert (limit.racks, limit.binding) == (8, ("reach",))
    assert limit.verdict(900e9) == "optics"


def test_cables_bind_in_a_dense_rack() -> None:
    """144 chips share the 5,184 pairs that a rack is known to hold."""
    limit = copper_limit(144, 144, NVLINK5_LANES)
    assert limit.lanes.typical == 18
    assert limit.binding == ("lane rate", "cables")


# Properties


@given(lane=LANES, gauge=GAUGES)
def test_the_lane_rate_inverts_the_reach(lane: float, gauge: int) -> None:
    reach = copper_reach(lane, gauge)
    assert copper_lane_rate(reach.typical, gauge).typical == pytest.approx(lane)
    assert copper_lane_rate(reach.low, gauge).low == pytest.approx(lane)
    assert copper_lane_rate(reach.high, gauge).high == pytest.approx(lane)


@given(lane=LANES, factor=st.floats(1.01, 4), gauge=GAUGES)
def test_faster_lanes_and_thinner_wires_reach_less(lane: float, factor: float, gauge: int) -> None:
    assert copper_reach(lane * factor, gauge).typical < copper_reach(lane, gauge).typical
    assert copper_reach(lane, gauge + 1).typical < copper_reach(lane, gauge).typical


@given(frequency=st.floats(1e9, 1e11), factor=st.floats(1.1, 4))
def test_loss_grows_between_the_root_and_the_frequency(frequency: float, factor: float) -> None:
    growth = loss_per_metre(frequency * factor).typical / loss_per_metre(frequency).typical
    assert factor**0.5 < growth < factor


@given(rack=st.integers(1, 144), racks=st.integers(1, 32), lanes=st.integers(1, 72))
def test_the_limit_falls_with_the_domain(rack: int, racks: int, lanes: int) -> None:
    here, larger = copper_limit(rack * racks, rack, lanes), copper_limit(rack * (racks + 2), rack, lanes)
    assert larger.bandwidth.typical <= here.bandwidth.typical
    assert longest_run(rack * (racks + 2), rack).low > longest_run(rack * racks, rack).low
    assert here.lanes.high <= lanes
    assert here.bandwidth.typical == pytest.approx(here.lanes.typical * here.lane_rate.typical)


@given(lanes=st.integers(1, 18))
def test_bandwidth_is_proportional_to_lanes_while_cables_fit(lanes: int) -> None:
    one, many = copper_limit(72, 72, 1), copper_limit(72, 72, lanes)
    assert many.bandwidth.typical == pytest.approx(lanes * one.bandwidth.typical)


def test_verdicts() -> None:
    limit = copper_limit(144, 72, NVLINK5_LANES)
    assert limit.verdict(limit.bandwidth.low) == "copper"
    assert limit.verdict(limit.bandwidth.typical) == "in doubt"
    assert limit.verdict(limit.bandwidth.high * 1.01) == "optics"


@pytest.mark.parametrize("counts", [(0, 72, 36), (72, 0, 36), (72, 72, 0)])
def test_counts_below_one_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="expected 1 or more"):
        copper_limit(*counts)

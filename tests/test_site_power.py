"""Watts of IT by part: the board's law, sums, and published servers."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.catalog import cooling as surroundings
from petaday.catalog import load
from petaday.site.power import PEAK, Activity, ItParts, Server, chip_watts, it_parts
from petaday.study.engines import board_draws
from petaday.study.site_it import server_of

SHARE = st.floats(0, 1)


def server(chip: str = "h100-sxm-80", cooling: str = "economised-air") -> Server:
    part = load.chip(chip)
    return server_of(part, surroundings.host_of(part), surroundings.cooling(cooling), None, 8)


def test_a_chip_draws_by_what_it_does() -> None:
    draws, h100 = board_draws(load.chip("h100-sxm-80")), server()
    assert chip_watts(h100, Activity(0, 0.9, 0.9)) == pytest.approx(0.11 * 700)
    assert chip_watts(h100, Activity(1, 0, 0)) == pytest.approx(700 * draws.idle)
    assert chip_watts(h100, Activity(1, 0.2, 0.1)) == pytest.approx(
        700 * (draws.idle + 0.2 * draws.arithmetic + 0.1 * draws.memory)
    )
    assert chip_watts(h100, PEAK) == pytest.approx(700)
    half = chip_watts(h100, Activity(0.5, 0.2, 0.1))
    assert half == pytest.approx((chip_watts(h100, Activity(1, 0.2, 0.1)) + 77) / 2)


@given(SHARE, SHARE, SHARE, st.integers(1, 200_000))
def test_parts_add_up_and_nothing_exceeds_the_peak(
    busy: float, arithmetic: float, traffic: float, chips: int
) -> None:
    found = it_parts(
        float(chips), server(), Activity(busy, arithmetic, traffic), switches=1e5, links=2e5, storage=3e4
    )
    listed = [float(getattr(found, each.name)) for each in fields(ItParts)]
    assert float(found.total) == sum(listed)
    assert min(listed) >= 0
    peak = it_parts(float(chips), server(), PEAK, switches=1e5, links=2e5, storage=3e4)
    assert found.total <= peak.total * (1 + 1e-12)


@given(SHARE, SHARE, SHARE, SHARE)
def test_more_work_takes_more_power(busy: float, arithmetic: float, traffic: float, more: float) -> None:
    base = it_parts(1.0, server(), Activity(busy, arithmetic, traffic)).total
    for changed in (
        Activity(busy, min(1, arithmetic + more), traffic),
        Activity(busy, arithmetic, min(1, traffic + more)),
    ):
        assert it_parts(1.0, server(), changed).total >= base - 1e-9


def test_liquid_saves_the_fans_of_the_servers() -> None:
    air, liquid = (it_parts(8.0, server(cooling=kind), PEAK) for kind in ("economised-air", "direct-liquid"))
    assert liquid.fans < 0.25 * air.fans
    assert 0.8 * air.total < liquid.total < 0.9 * air.total


def test_draws_of_many_samples_agree_with_one() -> None:
    draw = np.random.default_rng(1).uniform(0, 1, (3, 50))
    many = it_parts(8.0, server(), Activity(*draw)).total
    alone = [float(it_parts(8.0, server(), Activity(*draw[:, at])).total) for at in range(50)]
    assert many == pytest.approx(alone)


@pytest.mark.parametrize(
    ("chip", "cooling", "watts"),
    [("h100-sxm-80", "economised-air", 10_200 / 8), ("gb200-nvl72", "direct-liquid", 120_000 / 72)],
)
def test_servers_and_racks_at_their_limit(chip: str, cooling: str, watts: float) -> None:
    """DGX H100 draws 10.2 kW at most (NVIDIA datasheet), a GB200 NVL72 about 120 kW; adapters are not counted here."""
    assert it_parts(1.0, server(chip, cooling), PEAK).server == pytest.approx(watts, rel=0.08)

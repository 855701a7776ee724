"""Dies on wafers, yields with spare cores, and what a good die costs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petaday.supply.silicon import (
    SCRIBE,
    WAFER_AREA,
    WAFER_RADIUS,
    die_cost,
    good_dies,
    gross_dies,
    harvested_yield,
    perfect_yield,
)

H100 = (26e-3, 31.3e-3)
ASCEND_B = (21.32e-3, 31.22e-3)
ASCEND = (14.6e-3, 31.25e-3)

sides = st.floats(min_value=5e-3, max_value=40e-3)
densities = st.floats(min_value=10, max_value=5000)
clusters = st.floats(min_value=0.5, max_value=20)


def closed_form(width: float, height: float, edge: float) -> float:
    """De Vries: pi d2 / 4A - pi d / sqrt(2A), which leaves out how dies fit the circle."""
    diameter, area = 2 * (WAFER_RADIUS - edge), (width + SCRIBE) * (height + SCRIBE)
    return math.pi * diameter**2 / (4 * area) - math.pi * diameter / math.sqrt(2 * area)


def counted(width: float, height: float, shift_x: float, shift_y: float, edge: float, scribe: float) -> int:
    """Dies of one grid whose four corners lie on the usable wafer, one by one."""
    radius, count = WAFER_RADIUS - edge, 0
    steps = range(-60, 60)
    for column in steps:
        for row in steps:
            x, y = shift_x + column * (width + scribe), shift_y + row * (height + scribe)
            corners = ((x, y), (x + width, y), (x, y + height), (x + width, y + height))
            count += all(math.hypot(*corner) <= radius for corner in corners)
    return count


# Published and own counts


@pytest.mark.parametrize(
    ("die", "at_3_mm", "at_5_mm"), [(H100, 67, 65), (ASCEND_B, 85, 81)], ids=["H100", "Ascend 910B"]
)
def test_the_packing_table(die: tuple[float, float], at_3_mm: int, at_5_mm: int) -> None:
    """H100: 65 of szyunze; 910B: 78 of Morgan Stanley lies between the closed form's 76 and the exact 81 to 85."""
    assert gross_dies(*die, edge=3e-3) == at_3_mm
    assert gross_dies(*die, edge=5e-3) == at_5_mm


def test_an_ascend_910_packs_123_times() -> None:
    assert gross_dies(*ASCEND, edge=3e-3) == 123


@pytest.mark.parametrize(("die", "form"), [(H100, 60.0), (ASCEND_B, 76.0), (ASCEND, 116.9)])
def test_the_closed_form_counts_5_to_12_percent_too_few(die: tuple[float, float], form: float) -> None:
    assert closed_form(*die, edge=3e-3) == pytest.approx(form, abs=0.05)
    assert 1.05 <= gross_dies(*die, edge=3e-3) / form <= 1.12


def test_perfect_h100_dies_are_the_press_s_30() -> None:
    """At 0.10 to 0.11 defects a cm2 and alpha 3 about 30 dies of 65 are perfect: the press's "30 GPU per wafer"."""
    perfect = good_dies(gross_dies(*H100), perfect_yield(814e-6, np.array([1000.0, 1100.0]), 3))
    assert perfect == pytest.approx([31.6, 29.7], abs=0.1)


def test_harvested_h100_dies_are_44_to_49() -> None:
    sold = good_dies(65, harvested_yield(814e-6, 1000.0, 3, np.array([0.5, 0.65]), 144, 132))
    assert 44 <= sold[0] < sold[1] <= 50


@pytest.mark.parametrize(("yielded", "density"), [(0.30, 0.22), (0.50, 0.12)])
def test_smic_s_yields_imply_densities(yielded: float, density: float) -> None:
    """665.61 mm2, alpha 3: Morgan Stanley's 30 % and DIGITIMES's bound of 50 %."""
    assert perfect_yield(665.61e-6, density * 1e4, 3) == pytest.approx(yielded, abs=0.01)


# Properties


@settings(max_examples=12, deadline=None)
@given(width=sides, height=sides, x=st.floats(0, 1), y=st.floats(0, 1))
def test_no_grid_holds_more(width: float, height: float, x: float, y: float) -> None:
    pitch_x, pitch_y = width + 1e-4, height + 1e-4
    found = gross_dies(width, height)
    single = counted(width, height, x * pitch_x, y * pitch_y, 5e-3, 1e-4)
    assert single <= found


@given(width=sides, height=sides)
@settings(deadline=None, max_examples=25)
def test_dies_fit_the_wafer_and_may_be_turned(width: float, height: float) -> None:
    gross = gross_dies(width, height)
    assert 0 < gross * width * height < WAFER_AREA
    assert gross_dies(height, width) == pytest.approx(gross, abs=1)


def test_a_die_without_area_is_refused() -> None:
    with pytest.raises(ValueError, match="no area"):
        gross_dies(0.0, 1e-2)


@given(area=st.floats(1e-6, 1e-3), density=densities, cluster=clusters)
def test_without_spare_cores_the_yield_is_the_negative_binomial(area: float, density: float, cluster: float) -> None:
    assert perfect_yield(area, density, cluster) == pytest.approx((1 + area * density / cluster) ** -cluster)


@given(
    area=st.floats(1e-5, 1e-3), density=densities, cluster=clusters, share=st.floats(0, 1), spare=st.integers(0, 20)
)
def test_spare_cores_help_and_never_beyond_the_rest_of_the_die(
    area: float, density: float, cluster: float, share: float, spare: int
) -> None:
    yielded = float(harvested_yield(area, density, cluster, share, 100, 100 - spare))
    none = float(perfect_yield(area, density, cluster))
    rest = float(perfect_yield(area * (1 - share), density, cluster))
    assert none * (1 - 1e-9) <= yielded <= rest * (1 + 1e-9)


def test_harvesting_against_throwing_defects() -> None:
    """A slow reference: densities by the gamma law, defects by Poisson, each on a core or elsewhere."""
    random = np.random.default_rng(1)
    dies, cores, needed, area, density, cluster, share = 100_000, 40, 36, 3e-4, 6000.0, 3.0, 0.6
    defects = random.poisson(random.gamma(cluster, area * density / cluster, dies))
    sold = 0
    for count in defects:
        places = random.random(count)
        hit = {int(place / share * cores) for place in places if place < share}
        sold += bool(np.all(places < share)) and len(hit) <= cores - needed
    expected = float(harvested_yield(area, density, cluster, share, cores, needed))
    assert sold / dies == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / dies))


def test_samples_go_through_at_once() -> None:
    samples = 8192
    density = np.linspace(500.0, 3000.0, samples)
    price = np.linspace(13e3, 17e3, samples)
    yielded = harvested_yield(814e-6, density, 3.0, 0.57, 144, 132)
    cost = die_cost(price, good_dies(65, yielded))
    assert cost.shape == (samples,)
    assert np.all(np.diff(yielded) < 0) and np.all(np.diff(cost) > 0)
    assert cost[17] == pytest.approx(
        float(die_cost(price[17], good_dies(65, harvested_yield(814e-6, density[17], 3.0, 0.57, 144, 132))))
    )

"""Cooling: energy balances, what colder air saves, kinds in order, and a slow reference in plain numbers."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.catalog import cooling as parts
from petaday.site.cooling import Facility, Plant, PowerChain, facility
from petaday.site.psychrometrics import EVAPORATION, HEAT_CAPACITY
from petaday.site.weather import Weather
from petaday.site.weather import given as weather_given
from petaday.study.site_parts import plant_of

CAPACITY = 100e6
KINDS = list(itertools.product(parts.coolings(), parts.rejections()))


def plant(cooling: str, rejection: str = "tower", chain: str = "double-conversion") -> Plant:
    return plant_of(CAPACITY, parts.cooling(cooling), parts.rejection(rejection), parts.power_chain(chain))


def air(temperature: float | np.ndarray, humidity: float | np.ndarray) -> Weather:
    t, rh = np.broadcast_arrays(np.atleast_1d(np.asarray(temperature, float)), np.asarray(humidity, float))
    return weather_given(t, rh, 101325.0, month=np.zeros(t.shape[-1], int))


def hours(cooling: str, rejection: str, temperature: float, humidity: float, load: float = 0.8) -> Facility:
    return facility(np.array([load * CAPACITY]), air(temperature, humidity), plant(cooling, rejection))


def pue(cooling: str, rejection: str, temperature: float, humidity: float, load: float = 0.8) -> float:
    found = hours(cooling, rejection, temperature, humidity, load)
    return float((found.total / found.it)[0])


@pytest.mark.parametrize(("cooling", "rejection"), KINDS)
@given(st.floats(-30, 45), st.floats(0.05, 1.0), st.floats(0.05, 1.0))
def test_heat_is_neither_made_nor_lost(
    cooling: str, rejection: str, temperature: float, humidity: float, load: float
) -> None:
    found = hours(cooling, rejection, temperature, humidity, load)
    assert found.rejected == pytest.approx(found.total - found.rejection, rel=1e-12)
    for name in (*Facility.PARTS, "rejected", "evaporated", "makeup"):
        assert np.all(getattr(found, name) >= 0), name
    assert np.all((found.free >= 0) & (found.free <= 1))
    assert np.all(found.total > found.it)


@pytest.mark.parametrize(("cooling", "rejection"), KINDS)
@given(st.floats(-20, 44), st.floats(0.1, 0.9), st.floats(0.1, 8))
def test_pue_never_falls_as_it_gets_hotter_or_more_humid(
    cooling: str, rejection: str, temperature: float, humidity: float, more: float
) -> None:
    base = pue(cooling, rejection, temperature, humidity)
    assert pue(cooling, rejection, temperature + more, humidity) >= base - 1e-12
    assert pue(cooling, rejection, temperature, min(1.0, humidity + more / 80)) >= base - 1e-12


@pytest.mark.parametrize("cooling", [name for name, kind in parts.coolings().items() if kind.economiser])
@pytest.mark.parametrize("rejection", parts.rejections())
def test_no_chiller_at_ten_below(cooling: str, rejection: str) -> None:
    found = hours(cooling, rejection, -10.0, 0.7)
    assert found.chillers[0] == 0 and found.free[0] == 1


def test_chilled_air_pays_more_on_a_hot_day() -> None:
    cold, mild, hot = (hours("chilled-air", "dry", t, 0.4).chillers[0] for t in (-10.0, 25.0, 40.0))
    assert 0 < cold < mild < hot


def test_only_losses_are_left_when_nothing_else_draws() -> None:
    none = replace(plant("direct-liquid"), other=0.0)
    none = replace(
        none,
        air=replace(none.air, fans=0.0, pumps=0.0),
        liquid=replace(none.liquid, pumps=0.0),
        rejection=replace(none.rejection, fans=0.0),
    )
    found = facility(np.array([0.8 * CAPACITY]), air(-10.0, 0.5), none)
    assert found.total / found.it == pytest.approx(1 + none.chain.losses(np.array(0.8)) / 0.8)
    free = facility(np.array([0.8 * CAPACITY]), air(-10.0, 0.5), replace(none, chain=PowerChain(0, 0, 0, 1)))
    assert free.total / free.it == pytest.approx(1)


def test_kinds_in_their_order() -> None:
    """By PUE, in a temperate and in a hot humid hour: legacy, economised air, door, liquid, tank."""
    for temperature, humidity in ((12.0, 0.7), (30.0, 0.8)):
        found = [
            pue(kind, "tower", temperature, humidity)
            for kind in ("chilled-air", "economised-air", "rear-door", "direct-liquid", "immersion")
        ]
        assert found[0] > found[1] > found[2] > found[3]
        assert found[4] < found[2]


def test_towers_beat_pads_and_pads_beat_dry_coolers_where_it_is_hot_and_dry() -> None:
    tower, pads, dry = (pue("economised-air", name, 38.0, 0.15) for name in ("tower", "adiabatic", "dry"))
    assert tower < pads < dry


def test_water() -> None:
    assert hours("direct-liquid", "dry", 35.0, 0.3).makeup[0] == 0
    assert hours("direct-liquid", "adiabatic", 5.0, 0.5).makeup[0] == 0
    warm = hours("direct-liquid", "tower", 25.0, 0.5)
    latent = warm.evaporated[0] * 1000 * EVAPORATION
    assert 0.7 * warm.rejected[0] < latent < 1.15 * warm.rejected[0]
    assert warm.makeup[0] == pytest.approx(warm.evaporated[0] * 4 / 3)
    assert hours("direct-liquid", "tower", -5.0, 0.5).evaporated[0] < 0.8 * warm.evaporated[0]


@given(st.floats(31, 44), st.floats(0.1, 0.5), st.floats(0.2, 1.0))
def test_air_behind_wet_pads_carries_the_heat(temperature: float, humidity: float, load: float) -> None:
    """The air that the water cools must take up the loop's heat without getting warmer than the water that returns.

    From the water alone: its heat of evaporation is what the air gives up between the weather and the pads' far side.
    """
    it, weather = np.array([load * CAPACITY]), air(temperature, humidity)
    p = plant("direct-liquid", "adiabatic")
    full = facility(np.array([CAPACITY]), weather, p)
    found = facility(it, weather, p)
    for loop, at_full, path in zip(found.loops, full.loops, (p.air, p.liquid), strict=True):
        drop = min(0.75 * float((weather.temperature - weather.wet_bulb)[0]), temperature + 9.0 - float(path.water))
        if drop < 0.5:
            continue
        cooled = temperature - drop
        flow = loop.evaporated[0] * 1000 * EVAPORATION / drop  # W/K of air
        rejected = loop.heat[0] + loop.compressor[0]
        returning = max(float(path.water), cooled + 9.0) + float(path.rise)
        warming = rejected / flow
        assert 0 < warming <= returning - cooled + 1e-9
        # Part load moves less air by as much as there is less heat: each J takes the same water.
        assert loop.evaporated[0] / rejected == pytest.approx(
            at_full.evaporated[0] / (at_full.heat + at_full.compressor)[0]
        )


def test_fans_outside_follow_the_cube_of_their_flow() -> None:
    """Half of the heat, all free, takes an eighth; air of twice the distance to the water takes an eighth at full load."""
    p = plant("direct-liquid", "dry")
    p = replace(p, chain=PowerChain(0, 0, 0, 1), least_speed=0.0)
    full, half = (facility(np.array([load * CAPACITY]), air(-5.0, 0.5), p) for load in (1.0, 0.5))
    warm = full.loops[1]
    assert half.loops[1].fans[0] / half.loops[1].heat[0] == pytest.approx(
        warm.fans[0] / warm.heat[0] * (half.loops[1].heat[0] / warm.heat[0]) ** 2
    )
    margin = p.liquid.rise + p.rejection.approach
    edge = float(p.liquid.water - p.rejection.approach)
    at_edge, colder = (
        facility(np.array([CAPACITY]), air(t, 0.5), p).loops[1].fans[0] for t in (edge, edge - float(margin))
    )
    assert colder == pytest.approx(at_edge / 8)


def test_fans_inside_follow_the_cube_of_the_load() -> None:
    full, half = (hours("economised-air", "tower", 10.0, 0.5, load) for load in (1.0, 0.5))
    assert half.fans[0] == pytest.approx(full.fans[0] / 8)
    legacy_full, legacy_half = (hours("chilled-air", "tower", 10.0, 0.5, load) for load in (1.0, 0.5))
    assert legacy_half.fans[0] == legacy_full.fans[0]


@pytest.mark.parametrize("name", parts.power_chains())
def test_power_chains_lose_least_of_all_near_their_middle(name: str) -> None:
    chain = plant("direct-liquid", chain=name).chain
    load = np.linspace(0.05, 1.0, 50)
    share = chain.losses(load) / load
    assert np.all((share > 0.002) & (share < 0.8))
    assert share[0] > share.min() and np.all(np.diff(chain.losses(load)) > 0)


def slow(it: float, t: float, wet: float, moisture: float, p: Plant) -> tuple[float, float]:
    """W of a facility and m3/s evaporated in one hour, step by step."""
    load = it / CAPACITY
    speed = max(load, p.least_speed)
    x = load / p.chain.rating
    loss = CAPACITY * p.chain.rating * (p.chain.constant + p.chain.linear * x + p.chain.square * x**2)
    full = 1 / p.chain.rating
    full_loss = CAPACITY * p.chain.rating * (p.chain.constant + p.chain.linear * full + p.chain.square * full**2)
    other = p.other * CAPACITY
    total, evaporated = it + loss + other, 0.0
    for loop, share, extra, full_extra in (
        (p.air, 1 - p.liquid_share, loss + other, full_loss + other),
        (p.liquid, p.liquid_share, 0.0, 0.0),
    ):
        if share == 0:
            continue
        inside = (loop.fans + loop.pumps) * share * CAPACITY * speed**3
        heat = share * it + extra + inside
        design = share * (1 + loop.fans + loop.pumps) * CAPACITY + full_extra
        out, c = p.rejection, p.chiller
        wanted = loop.water if p.economiser else max(loop.water, c.coldest)
        if out.wetting == 0:
            sink = t
        elif out.wetting == 1:
            sink = wet
        else:
            sink = t - min(out.wetting * (t - wet), max(0.0, t + out.approach - wanted))
        reached = sink + out.approach
        free = min(1.0, max(0.0, (wanted + loop.rise - reached) / loop.rise)) if p.economiser else 0.0
        cold = loop.water - c.evaporator
        lift = max(1.0, max(reached, c.coldest) + loop.rise + c.condenser - cold)
        work = heat * (1 - free) / min(c.highest, c.carnot * (cold + 273.15) / lift)
        rejected = heat + work
        margin = loop.rise + out.approach
        flow = heat / design * margin / max(margin, wanted + loop.rise - sink)
        air_design = design * rejected / heat / out.air_rise  # W/K
        total += inside + work + out.fans * air_design * out.air_rise * flow**3
        if out.wetting == 1:
            warm = max(wanted, reached) + loop.rise / 2
            saturated = 610.94 * math.exp(17.625 * warm / (warm + 243.04))
            latent = EVAPORATION * (0.62198 * saturated / (101325 - saturated) - moisture)
            evaporated += rejected * latent / (latent + HEAT_CAPACITY * (warm - t)) / EVAPORATION / 1000
        elif out.wetting > 0:
            warming = out.air_rise * max(wanted + loop.rise - sink, margin) / margin
            dry_air = rejected / HEAT_CAPACITY / warming  # kg/s
            evaporated += dry_air * HEAT_CAPACITY * (t - sink) / EVAPORATION / 1000
    return total, evaporated


@pytest.mark.parametrize(("cooling", "rejection"), KINDS)
def test_arrays_agree_with_single_hours(cooling: str, rejection: str) -> None:
    draw = np.random.default_rng(3)
    weather = air(draw.uniform(-15, 42, 60), draw.uniform(0.1, 1.0, 60))
    it = CAPACITY * draw.uniform(0.2, 1.0, 60)
    p = plant(cooling, rejection)
    found = facility(it, weather, p)
    for hour in range(60):
        total, evaporated = slow(
            it[hour], weather.temperature[hour], weather.wet_bulb[hour], weather.moisture[hour], p
        )
        assert found.total[hour] == pytest.approx(total, rel=1e-12)
        assert found.evaporated[hour] == pytest.approx(evaporated, rel=1e-9, abs=1e-15)

"""Draws of a site's figures: at their values the year itself, over few hours as over all, together as alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from petaday.catalog import cooling as surroundings
from petaday.catalog.figure import Figure
from petaday.site.sample import NAMES, means_of
from petaday.site.year import year_of
from petaday.study.site import (
    SiteYear,
    site_means,
    site_of,
)
from petaday.study.site_it import ItLoad
from petaday.study.site_parts import plant_of, tariff_part
from petaday.study.site_scenario import Site


@pytest.fixture(scope="module")
def sampled() -> SiteYear:
    return site_of(
        Site(region="shaoguan", cooling="economised-air", tariff="flat", green_share=0.5),
        ItLoad(mean=8e7, capacity=1e8),
    )


def test_a_draw_at_the_values_is_the_year(sampled: SiteYear) -> None:
    means = site_means(sampled, np.array([[8e7]]))
    year = sampled.year
    assert means.pue[0] == pytest.approx(float(year.pue))
    assert means.wue[0] == pytest.approx(float(year.wue))
    assert means.carbon_location[0] == pytest.approx(float(year.carbon_location / year.grid_energy))
    assert means.carbon_market[0] == pytest.approx(means.carbon_location[0] / 2)
    assert means.price[0] == pytest.approx(float(year.costs.total / year.grid_energy))


@pytest.mark.parametrize("region", ["johannesburg", "toronto", "wuhu", "frankfurt", "singapore"])
@pytest.mark.parametrize("rejection", surroundings.rejections())
def test_draws_over_few_hours_are_draws_over_the_year(region: str, rejection: str) -> None:
    """Every figure drawn at once: PUE within 0.0006, price 0.3 %, carbon 0.06 %, a tower's water 0.2 % (docs/site.md)."""
    draw = np.random.default_rng(5)
    drawn: dict[int, float] = {}

    def take(figure: Figure) -> np.ndarray:
        low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
        return np.asarray(low + drawn.setdefault(id(figure), draw.uniform()) * (high - low))

    site = Site(region=region, cooling="direct-liquid", rejection=rejection, green_share=0.5)
    found = site_of(site, ItLoad(mean=8e7, capacity=1e8))
    place, few = found.place, site_means(found, np.array([[7e7]]), take)
    assert place.part is not None
    plant = plant_of(1e8, found.cooling, found.rejection, found.chain, take=take)
    prices = tariff_part(site, place)
    tariff = replace(
        found.tariff,
        **{
            name: 0.0 if figure is None else float(take(figure))
            for name in ("energy", "demand", "premium", "water")
            for figure in [getattr(prices, name)]
        },
    )
    supply = replace(
        found.year.supply,
        carbon=found.year.supply.carbon * float(take(place.part.carbon) / place.part.carbon.value),
        prices=tariff.prices(found.year.weather),
        tariff=tariff,
    )
    year = means_of(year_of(np.array([7e7]), found.year.weather, plant, supply))
    assert few.pue[0] == pytest.approx(float(year.pue), abs=6e-4)
    for name, share in (("price", 3e-3), ("carbon_location", 6e-4), ("carbon_market", 6e-4), ("energy", 3e-4)):
        assert getattr(few, name)[0] == pytest.approx(float(getattr(year, name)), rel=share), name
    if rejection != "adiabatic":
        assert few.wue[0] == pytest.approx(float(year.wue), rel=2e-3)


@pytest.mark.parametrize(
    "own",
    [{"rejection": "dry"}, {"rejection": "adiabatic", "cooling": "immersion"}, {"solar": "200 MW", "wind": "50 MW"},
     {"solar": "200 MW", "battery": {"energy": "100 MWh", "power": "40 MW"}}],
)  # fmt: skip
def test_at_the_medians_few_hours_are_the_year_whatever_stands_there(own: dict[str, Any]) -> None:
    site = Site.model_validate({"region": "frankfurt", "cooling": "direct-liquid", "green_share": "30 %", **own})
    found = site_of(site, ItLoad(mean=8e7, capacity=1e8))
    few, year = site_means(found, np.array([[8e7]])), means_of(found.year)
    for name in NAMES:
        assert getattr(few, name)[0] == pytest.approx(float(getattr(year, name)), rel=1e-9), name


def test_a_residual_mix_that_is_given_is_known() -> None:
    """The location's carbon is drawn, and the market's stays: half contracts, half the residual mix."""
    asked = {"region": "wuxi", "cooling": "direct-liquid", "green_share": "50 %", "residual_carbon": "900 g/kWh"}
    site = Site.model_validate(asked)
    found = site_of(site, ItLoad(mean=8e7, capacity=1e8))
    region = found.place.part
    assert region is not None and region.carbon.high is not None
    high = region.carbon.high
    base, more = (
        site_means(found, np.array([[8e7]]), lambda figure, at=at: np.asarray(at.get(id(figure), figure.value)))
        for at in ({}, {id(region.carbon): high})
    )
    assert more.carbon_location[0] / base.carbon_location[0] == pytest.approx(high / region.carbon.value)
    assert more.carbon_market[0] == pytest.approx(base.carbon_market[0])


def test_draws_together_are_draws_alone(sampled: SiteYear) -> None:
    draw = np.random.default_rng(4)
    rows = 130
    it = draw.uniform(6e7, 1e8, (rows, 1))
    share = draw.uniform(0, 1, (rows, 1))

    def between(figure: Figure, at: np.ndarray) -> np.ndarray:
        low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
        return low + at * (high - low)

    many = site_means(sampled, it, lambda figure: between(figure, share))
    for row in (0, 63, 129):
        one = slice(row, row + 1)
        alone = site_means(sampled, it[one], lambda figure, own=one: between(figure, share[own]))
        for name in NAMES:
            assert getattr(many, name)[row] == pytest.approx(getattr(alone, name)[0], rel=1e-12)
    assert many.pue.std() > 0.005

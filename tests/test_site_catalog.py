"""Sites and what surrounds IT as catalog parts: complete, marked where nobody published them, found by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from petaday.catalog import cooling as surroundings
from petaday.catalog import load
from petaday.catalog.figure import Figure
from petaday.catalog.part import Part
from petaday.catalog.site import CHINESE, band_factors, country_of, site, sites
from petaday.catalog.validate import Strict
from petaday.errors import InputError
from petaday.report.parts import list_data, part_data

HOURLY = Path(__file__).parents[1] / "../shared/data/energy/carbon_hourly_electricitymaps_ODbL.parquet"
SITES = sorted(sites())
SURROUNDINGS = [
    *surroundings.coolings().values(),
    *surroundings.rejections().values(),
    *surroundings.power_chains().values(),
    *surroundings.hosts().values(),
]


def figures(part: Strict) -> Iterator[Figure]:
    for _, value in part:
        if isinstance(value, Figure):
            yield value
        elif isinstance(value, Strict):
            yield from figures(value)
        elif isinstance(value, tuple):
            for each in value:
                if isinstance(each, Strict):
                    yield from figures(each)


# Published figures


@pytest.mark.parametrize(
    ("name", "grams"),
    [("张家口", 651.6), ("天府", 156.4), ("贵安", 568.3), ("和林格尔", 647.9), ("甘肃", 447.1), ("中卫", 618.7),
     ("韶关", 441.9), ("重庆", 558.1), ("芜湖", 655.3), ("青浦", 573.7), ("无锡", 582.7)],
)  # fmt: skip
def test_provincial_factors_of_2023(name: str, grams: float) -> None:
    """MEE and NBS, published 2025-12-31."""
    assert site(name).carbon.value * 3.6e9 == pytest.approx(grams)


PROVINCES = {
    "zhangjiakou": (790.1, 725.2, 651.6), "qingpu": (583.4, 584.9, 573.7), "wuhu": (707.5, 678.2, 655.3),
    "shaoguan": (471.5, 440.3, 441.9), "tianfu": (125.5, 140.4, 156.4), "chongqing": (474.3, 522.7, 558.1),
    "guian": (518.2, 498.9, 568.3), "horinger": (702.5, 684.9, 647.9), "qingyang": (495.5, 477.2, 447.1),
    "zhongwei": (654.6, 642.3, 618.7), "wuxi": (645.1, 597.8, 582.7),
}  # fmt: skip
"""Official factors of 2021 to 2023, g/kWh; those of 2021 and 2022 from memory, unverified."""


def of_a_year(means: Sequence[float]) -> float:
    """What a year changes at 90 %, as a factor: the root mean square of the changes from year to year."""
    return float(np.exp(1.645 * np.sqrt(np.mean(np.diff(np.log(means)) ** 2))))


@pytest.mark.parametrize("name", PROVINCES)
def test_a_province_s_carbon_has_the_range_of_its_years(name: str) -> None:
    carbon, factor = site(name).carbon, of_a_year(PROVINCES[name])
    assert carbon.low is not None and carbon.high is not None
    assert (carbon.value / carbon.low, carbon.high / carbon.value) == pytest.approx((factor, factor), rel=5e-3)


@pytest.mark.skipif(not HOURLY.is_file(), reason="the hourly carbon is not here")
def test_a_zone_s_carbon_has_the_range_of_its_years() -> None:
    polars = pytest.importorskip("polars")
    hours = polars.read_parquet(HOURLY, columns=["zone", "utc", "ci_direct"])
    for part in (part for part in sites().values() if part.zone):
        own = hours.filter(polars.col("zone") == part.zone)
        year = own["utc"].dt.year().to_numpy()
        factor = of_a_year([own["ci_direct"].to_numpy()[year == each].mean() for each in range(2021, 2025)])
        assert part.carbon.low is not None and part.carbon.high is not None
        assert part.carbon.value / part.carbon.low == pytest.approx(factor, rel=0.015), part.id
        assert part.carbon.high / part.carbon.value == pytest.approx(factor, rel=0.015), part.id


@pytest.mark.parametrize("name", sorted(sites()))
def test_carbon_and_prices_have_ranges(name: str) -> None:
    part = site(name)
    rates = (
        getattr(each, rate) for each in part.tariffs for rate in ("energy", "domestic", "demand", "premium", "water")
    )
    for figure in (part.carbon, *filter(None, rates)):
        assert figure.low is not None and figure.high is not None
        assert 0 < figure.low < figure.value < figure.high


def test_ten_clusters_of_eight_hubs() -> None:
    hubs = [part.hub for part in sites().values() if part.hub]
    assert len(hubs) == 10
    assert set(hubs) == {"京津冀", "长三角", "粤港澳", "成渝", "贵州", "内蒙古", "甘肃", "宁夏"}


def test_the_west_is_not_greener_by_location() -> None:
    assert site("和林格尔").carbon.value > site("韶关").carbon.value > site("天府").carbon.value


def test_the_subsidy_is_for_domestic_chips_in_three_provinces() -> None:
    cheap = {part.id for part in sites().values() if any(tariff.domestic for tariff in part.tariffs)}
    assert cheap == {"qingyang", "guian", "horinger"}
    for name in cheap:
        domestic = site(name).tariffs[0].domestic
        assert domestic is not None and domestic.value * 3.6e6 == pytest.approx(0.4)


# Every part


@pytest.mark.parametrize("name", SITES)
def test_a_site_is_complete(name: str) -> None:
    part = site(name)
    climate = part.climate
    assert climate is not None
    temperature = np.array(climate.temperature_degc)
    warmest = int(temperature.argmax())
    assert warmest in ((5, 6, 7) if part.latitude > 20 else (0, 1, 2, 3, 4, 11))
    assert temperature.min() > -15 and temperature.max() < 40
    assert abs(part.utc_offset - part.longitude / 15) < 2.5
    assert 0.001 < part.carbon.value * 3.6e6 < 0.8
    for tariff in part.tariffs:
        assert tariff.currency == ("CNY" if part.country == "CN" else "USD")
        assert 0.03 < tariff.energy.value * 3.6e6 / (7 if tariff.currency == "CNY" else 1) < 0.4
        factors = band_factors(tariff.bands)
        assert np.mean(factors) == pytest.approx(1, abs=0.1)
        if tariff.bands:
            assert max(factors) / min(factors) >= 3 and tariff.bands_source


@pytest.mark.parametrize("part", [*sites().values(), *SURROUNDINGS], ids=lambda part: part.id)
def test_what_is_from_memory_is_marked(part: Part) -> None:
    for figure in figures(part):
        if "from memory" in figure.source.partition("; low:")[0].partition("; high:")[0]:
            assert figure.estimate, f"{part.id}: {figure.text}"
    climate = getattr(part, "climate", None)
    if climate is not None:
        assert climate.estimate == ("from memory" in climate.source)


@pytest.mark.parametrize("part", surroundings.coolings().values(), ids=lambda part: part.id)
def test_a_kind_of_cooling_is_consistent(part: surroundings.Cooling) -> None:
    assert (part.liquid is not None) == (part.liquid_share.value > 0)
    assert part.economiser == (part.id != "chilled-air")
    for path in filter(None, (part.air, part.liquid)):
        assert path.approach.value < path.supply.value


@pytest.mark.parametrize("part", surroundings.power_chains().values(), ids=lambda part: part.id)
def test_double_conversion_is_96_percent_efficient(part: surroundings.PowerChainPart) -> None:
    full = part.constant.value + part.linear.value + part.square.value
    assert 0.005 < full < 0.06


# Lookups


def test_names_and_aliases_find_parts() -> None:
    assert site("Gansu").id == site("庆阳").id == "qingyang"
    assert surroundings.cooling("DLC").id == surroundings.cooling("冷板液冷").id == "direct-liquid"
    assert surroundings.rejection("wet").id == "tower"
    assert surroundings.power_chain("2N").id == "double-conversion-2n"
    assert surroundings.host("dgx-h100").id == "hgx-hopper"


@pytest.mark.parametrize(
    ("find", "name", "said"),
    [
        (site, "singapur", "no site `singapur`.*singapore"),
        (surroundings.cooling, "imersion", "no kind of cooling `imersion`.*immersion"),
        (surroundings.rejection, "towers", "no heat rejection `towers`.*tower"),
        (surroundings.power_chain, "hvdc2", "no power chain `hvdc2`.*hvdc"),
        (surroundings.host, "hgx-hoper", "no host `hgx-hoper`.*hgx-hopper"),
    ],
)
def test_unknown_names_tell_the_nearest(find: object, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        find(name)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("chip", "host"),
    [("a100-sxm-80", "hgx-ampere"), ("h200-sxm", "hgx-hopper"), ("b200-sxm", "hgx-blackwell"), ("gb200-nvl72", "nvl72"),
     ("mi300x", "server-of-8")],
)  # fmt: skip
def test_hosts_of_chips(chip: str, host: str) -> None:
    assert surroundings.host_of(load.chip(chip)).id == host


def test_makers_of_the_catalog_have_a_country() -> None:
    vendors = {chip.vendor for chip in load.chips(allow_unverified=True).values()}
    assert vendors >= CHINESE
    assert country_of(load.chip("h100-sxm-80")) == "US"
    assert {country_of(chip) for chip in load.chips(True).values() if chip.vendor == "Huawei"} == {"CN"}


def test_sites_are_listed_and_shown() -> None:
    lines = {each["id"]: each for each in list_data("sites", False)}
    assert lines["qingyang"]["domestic chips"] == "¥0.4/kWh"
    assert part_data("甘肃")["kind"] == "site"

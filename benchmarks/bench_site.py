"""Speed of sites: years by the hour, draws of a site's figures over representative hours, the whole process.

pytest benchmarks/bench_site.py --benchmark-enable --benchmark-only
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from petaday.catalog import cooling as parts
from petaday.catalog.site import site
from petaday.site.psychrometrics import Floats
from petaday.site.sample import Means, annual_means
from petaday.site.tariff import Tariff
from petaday.site.weather import HOURS, Weather, given, representative, synthetic_year
from petaday.site.year import Supply
from petaday.study.site_parts import normals_of, plant_of

ROOT = Path(__file__).parents[1]
YEARS, DRAWS = 200, 8192
KWH = 3.6e6


def weather() -> Weather:
    """A synthetic year of Qingyang."""
    climate = site("qingyang").climate
    assert climate is not None
    return synthetic_year(normals_of(climate), 86_000.0)


def supply(year: Weather) -> Supply:
    """Grid power at a price by the hour, a demand charge, four fifths under contracts."""
    bands = np.repeat([0.5, 1.0, 1.5], 8)
    tariff = Tariff("CNY", 0.5 / KWH, bands, 38 / 1000 / 2.628e6, 0.03 / KWH, 5.0)
    hours = len(year.hour)
    return Supply(np.zeros(hours), None, np.full(hours, 1.2e-7), 0.8, 0.0, 1.0, tariff.prices(year), tariff)


def years_from_weather(temperature: Floats, humidity: Floats, cooling: str, rejection: str) -> list[Means]:
    """Everything from temperature and humidity on: wet bulb, facility, water, carbon, cost; two years at a time."""
    plant = plant_of(1e8, parts.cooling(cooling), parts.rejection(rejection), parts.power_chain("hvdc"))
    told = []
    for row in range(0, len(temperature), 2):
        years = given(temperature[row : row + 2], humidity[row : row + 2], 86_000.0)
        told.append(annual_means(np.full((2, 1), 8e7), years, plant, supply(years)))
    return told


@pytest.mark.parametrize(("cooling", "rejection"), [("direct-liquid", "adiabatic"), ("direct-liquid", "tower"),
                                                    ("economised-air", "tower")])  # fmt: skip
def test_site_years(benchmark: BenchmarkFixture, cooling: str, rejection: str) -> None:
    rows = YEARS if benchmark.enabled else 4
    draw = np.random.default_rng(0)
    base = weather().temperature
    temperature = base + draw.normal(0, 2, (rows, 1))
    humidity = np.clip(0.6 + 0.2 * draw.standard_normal((rows, HOURS)), 0.05, 1)
    found = benchmark(years_from_weather, temperature, humidity, cooling, rejection)
    assert all(np.all((each.pue > 1.02) & (each.pue < 1.3)) for each in found)
    if benchmark.enabled:
        benchmark.extra_info["site_years_per_second"] = round(rows / benchmark.stats["median"])


def test_draws_of_a_site_s_figures(benchmark: BenchmarkFixture) -> None:
    rows = DRAWS if benchmark.enabled else 64
    draw = np.random.default_rng(1)
    year = weather()
    few = year.at(*representative(year))
    plant = plant_of(1e8, parts.cooling("direct-liquid"), parts.rejection("adiabatic"), parts.power_chain("hvdc"))
    plant = replace(
        plant,
        liquid_share=draw.uniform(0.85, 0.95, (rows, 1)),
        liquid=replace(plant.liquid, water=draw.uniform(27, 35, (rows, 1))),
        rejection=replace(plant.rejection, approach=draw.uniform(6, 12, (rows, 1))),
        chiller=replace(plant.chiller, carnot=draw.uniform(0.5, 0.65, (rows, 1))),
    )
    found = benchmark(annual_means, draw.uniform(7e7, 9e7, (rows, 1)), few, plant, supply(few))
    assert found.pue.std() > 0


@pytest.mark.parametrize("arguments", [(), ("--compare", "sites")], ids=["site", "all-sites"])
def test_whole_process_of_a_site(benchmark: BenchmarkFixture, arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", "from petaday.cli import main; main()", "site", "examples/gansu-100mw.yaml"]
    benchmark(subprocess.run, [*command, *arguments], cwd=ROOT, check=True, capture_output=True)

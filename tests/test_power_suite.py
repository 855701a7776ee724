"""The suite of power: published watts and PUE, Acme's distributions, synthetic weather against measured hours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from petaday.catalog import cooling as surroundings
from petaday.catalog.site import sites
from petaday.site.cooling import facility
from petaday.site.grid import synthetic_shape
from petaday.site.psychrometrics import pressure_at
from petaday.site.renewables import Position
from petaday.site.weather import Weather, given, synthetic_year
from petaday.study.site_parts import normals_of, plant_of
from petaday.validation.power import acme_distributions, power_suites
from petaday.validation.suite import Checked

SHARED = Path(__file__).parents[1] / "../shared/data"
WEATHER = SHARED / "energy/weather_hourly_openmeteo_CCBY.parquet"
CARBON = SHARED / "energy/carbon_hourly_electricitymaps_ODbL.parquet"
ACME = SHARED / "traces/acme_cdfs_1000q.npz"
ZONES = sorted(part.id for part in sites().values() if part.zone)


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Checked]]:
    return {suite.name: list(suite.rows) for suite in power_suites()}


def test_watts_lie_within_12_percent(rows: dict[str, list[Checked]]) -> None:
    watts = rows["power of servers and clusters"]
    assert len(watts) == 11
    assert max(abs(row.error) for row in watts) < 0.12
    assert np.median([abs(row.error) for row in watts]) < 0.08


def test_overheads_lie_within_30_percent_and_pue_within_3_but_for_one_fleet(rows: dict[str, list[Checked]]) -> None:
    """Four fleets come out a fifth to a quarter low: the share of older sites in them is not known."""
    sites = rows["overhead of sites, PUE − 1"]
    assert len(sites) == 10 and not any("prototype" in row.id for row in sites)
    assert np.median([abs(row.error) for row in sites]) == pytest.approx(0.17, abs=0.02)
    assert max(abs(row.error) for row in sites) < 0.3
    far = [row.id for row in sites if abs(off(row)) > 0.03]
    assert far == ["Equinix, fleet 1.42"]


def off(row: Checked) -> float:
    """The relative error of a row's PUE."""
    assert row.predicted is not None
    return (1 + row.predicted) / (1 + row.measured) - 1


def test_overheads_of_the_best_sites_are_those_measured(rows: dict[str, list[Checked]]) -> None:
    """What a PUE adds to 1: NREL's 0.036 and Frontier's 0.03 to 0.06."""
    by_name = {row.id: row for row in rows["overhead of sites, PUE − 1"]}
    nrel, frontier = (by_name[name] for name in by_name if name.startswith(("NREL", "Frontier")))
    assert nrel.predicted is not None and frontier.predicted is not None
    assert nrel.predicted == pytest.approx(0.036, abs=0.008)
    assert 0.03 <= frontier.predicted <= 0.06


def test_acme_by_distance() -> None:
    """The means agree but for Kalos, 15 % low; the shapes do not (see docs/site.md)."""
    seren, kalos, servers = acme_distributions()
    assert [round(each.distance, 2) for each in (seren, kalos, servers)] == [0.31, 0.26, 0.29]
    assert seren.predicted.mean() == pytest.approx(seren.measured.mean(), rel=0.02)
    assert kalos.predicted.mean() == pytest.approx(0.853 * kalos.measured.mean(), rel=0.01)
    assert servers.predicted.mean() == pytest.approx(servers.measured.mean(), rel=0.05)


@pytest.mark.skipif(not ACME.is_file(), reason="the full quantiles are not here")
def test_the_thinned_quantiles_are_those_of_the_record() -> None:
    full = np.load(ACME)
    for name, each in zip(
        ("gpu_power_seren__0", "gpu_power_kalos__0", "server_power__0"), acme_distributions(), strict=True
    ):
        at = np.linspace(0, 100, 201)
        assert each.measured == pytest.approx(
            np.interp(at, full[name.replace("__0", "__1")], full[name]), rel=1e-4, abs=0.1
        )


def table(path: Path, zone: str, year: int, offset: float, *names: str) -> list[np.ndarray]:
    """Columns of a zone's year, moved from UTC to local time."""
    polars = pytest.importorskip("polars")
    found = polars.read_parquet(path, columns=["zone", "utc", *names]).filter(polars.col("zone") == zone)
    time = found["utc"].to_numpy().astype("datetime64[h]")
    own = (time >= np.datetime64(f"{year}-01-01")) & (time < np.datetime64(f"{year + 1}-01-01"))
    order = np.argsort(time[own])
    return [np.roll(found[name].to_numpy()[own][order].astype(float), round(offset)) for name in names]


def measured(name: str) -> tuple[Weather, Weather]:
    """A site's measured hours of 2022 and its synthetic year."""
    part = sites()[name]
    columns = ("temperature_2m", "relative_humidity_2m", "cloudcover", "windspeed_10m")
    t, rh, cloud, wind = table(WEATHER, part.zone, 2022, part.utc_offset, *columns)
    pressure = float(pressure_at(part.altitude.value))
    real = given(t, np.clip(rh / 100, 0.01, 1), pressure, cloud=cloud / 100, wind=wind / 3.6)
    assert part.climate is not None
    return real, synthetic_year(normals_of(part.climate), pressure)


@pytest.mark.skipif(not WEATHER.is_file(), reason="the hourly weather is not here")
@pytest.mark.parametrize("name", ZONES)
def test_a_synthetic_year_stands_for_a_measured_one(name: str) -> None:
    """PUE within 0.009, water within 4 %, the highest wet bulb within 2.7 K, of 2022 (Open-Meteo)."""
    years = measured(name)
    assert years[1].wet_bulb.max() == pytest.approx(years[0].wet_bulb.max(), abs=2.7)
    for cooling in surroundings.coolings().values():
        plant = plant_of(1e8, cooling, surroundings.rejection("tower"), surroundings.power_chain("double-conversion"))
        real, drawn = (facility(np.array([8e7]), each, plant) for each in years)
        assert drawn.total.mean() / 8e7 == pytest.approx(real.total.mean() / 8e7, abs=0.009)
        assert drawn.makeup.mean() == pytest.approx(real.makeup.mean(), rel=0.04)


@pytest.mark.skipif(not (WEATHER.is_file() and CARBON.is_file()), reason="the hourly carbon is not here")
@pytest.mark.parametrize("name", ["sydney", "santiago", "frankfurt", "london", "tokyo", "silicon-valley", "dallas"])
def test_shapes_follow_grids_with_sun_and_wind(name: str) -> None:
    """Correlation above 0.5 with the measured hours of 2022, and departures from the mean within a factor of 1.65."""
    part = sites()[name]
    (carbon,) = table(CARBON, part.zone, 2022, part.utc_offset, "ci_direct")
    weather = measured(name)[0]
    where = Position(part.latitude, part.longitude, part.utc_offset)
    shape = synthetic_shape(weather, where, part.solar.value, part.wind.value)
    assert np.corrcoef(carbon, shape)[0, 1] > 0.5
    assert 1 / 1.65 < shape.std() / (carbon.std() / carbon.mean()) < 1.65

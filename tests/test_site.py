"""A site from its scenario to its answer: every field moves it, wrong input is told, files are read."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from petaday.catalog.strict_yaml import loads
from petaday.catalog.validate import validated
from petaday.errors import InputError
from petaday.report.site import hourly_csv, site_data
from petaday.report.site_tables import show_site
from petaday.study.manifest import manifest
from petaday.study.site import (
    compared_coolings,
    compared_sites,
    read_site,
    site_of,
    site_year,
)
from petaday.study.site_it import ItLoad
from petaday.study.site_scenario import Site, SiteScenario
from scenarios import DROPPED, changed, written
from site_scenarios import CHIPS, CLIMATE, EXAMPLES, PLACE, POWER, TARIFF, answered, outcome, year_file
from test_inputs_move_outputs import fields_of

# The examples


@pytest.mark.parametrize("name", ["gansu-100mw", "h100-singapore"])
def test_totals_equal_their_parts_exactly(name: str) -> None:
    scenario, _ = read_site(EXAMPLES / f"{name}.yaml")
    data = site_data(site_year(scenario, EXAMPLES), manifest(scenario, "petaday site"))
    power, cost, energy = data["power"], data["cost"], data["energy"]
    assert power["it_w"] == sum(power["it_parts_w"].values())
    assert power["facility_w"] == sum((power["it_w"], *power["facility_parts_w"].values()))
    assert power["it_w"] == pytest.approx(data["it"]["mean_w"], rel=1e-12)
    assert data["pue"]["mean"] == pytest.approx(power["facility_w"] / power["it_w"], rel=1e-12)
    assert cost["total"] == sum(cost["parts"].values())
    assert energy["facility_mwh"] == pytest.approx(power["facility_w"] * 8760 / 1e6)
    used = energy["own_output_mwh"] + energy["grid_mwh"] + energy["battery_out_mwh"]
    assert used == pytest.approx(energy["facility_mwh"] + energy["curtailed_mwh"] + energy["battery_in_mwh"])
    assert data["peak"]["facility_w"] == sum(data["peak"]["parts_w"].values())
    assert data["pue"]["p1"] <= data["pue"]["mean"] <= data["pue"]["p99"] <= data["peak"]["highest_pue"]
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_gansu_pays_domestic_chips_prices_and_buys_green_power(tmp_path: Path) -> None:
    base = read_site(EXAMPLES / "gansu-100mw.yaml")[0]
    data = site_data(site_year(base, EXAMPLES), manifest(base, ""))
    assert data["cost"]["parts"]["energy"] == pytest.approx(0.4 * data["energy"]["grid_mwh"] * 1000)
    assert data["carbon"]["location_g_per_grid_kwh"] == pytest.approx(447.1, rel=0.02)
    assert data["carbon"]["market_t"] == pytest.approx(0.2 * data["carbon"]["location_t"])
    assert 1.03 < data["pue"]["mean"] < 1.12


def test_the_table_prints_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    from petaday.cli.base import console

    scenario, _ = read_site(EXAMPLES / "h100-singapore.yaml")
    found = site_year(scenario, EXAMPLES)
    show_site(site_data(found, manifest(scenario, ""), compared_sites(scenario, EXAMPLES)[:3]), "name", console())
    out = capsys.readouterr().out
    for word in (
        "chips",
        "optics and cables",
        "facility",
        "PUE by month",
        "carbon, market",
        "Highest hour",
        "zhangjiakou",
    ):
        assert word in out


def test_hours_as_csv_add_up() -> None:
    scenario, _ = read_site(EXAMPLES / "gansu-100mw.yaml")
    found = site_year(scenario, EXAMPLES)
    rows = list(csv.DictReader(io.StringIO(hourly_csv(found))))
    assert len(rows) == 8760 and rows[0]["time"] == "01-01 00:00" and rows[-1]["time"] == "12-31 23:00"
    total = sum(float(row["facility_w"]) for row in rows)
    assert total * 3600 == pytest.approx(float(found.year.energy), rel=1e-6)
    parts = ("it_w", "losses_w", "other_w", "fans_w", "pumps_w", "chillers_w", "rejection_w")
    for row in rows[::500]:
        assert sum(float(row[name]) for name in parts) == pytest.approx(float(row["facility_w"]), rel=1e-6)


# Every field moves the answer


@dataclass(frozen=True)
class Move:
    """Two values of a field (DROPPED: left out), the scenario they stand in, and what else has to change there."""

    first: Any
    second: Any
    base: dict[str, Any] = field(default_factory=lambda: POWER)
    also: dict[str, Any] = field(default_factory=dict)


BATTERY = {"site__tariff": "time-of-use", "site__battery": {"energy": "4 MWh", "power": "1 MW"}}
YUAN = {"currency": "CNY", "energy": "¥0.5/kWh"}

MOVES: dict[str, Move] = {
    "load__it_power": Move("10 MW", "20 MW"),
    "load__chips": Move(1024, 2048, CHIPS),
    "load__chip": Move("h100-sxm-80", "a100-sxm-80", CHIPS),
    "load__host": Move("hgx-hopper", "server-of-8", CHIPS),
    "load__network": Move("ib-ndr", "roce-400", CHIPS),
    "load__utilisation": Move("80 %", "40 %"),
    "load__arithmetic": Move("30 %", "10 %", CHIPS),
    "load__traffic": Move("20 %", "10 %", CHIPS),
    "site__region": Move("qingyang", "wuxi"),
    "site__weather": Move("synthetic", "year.csv"),
    "site__year": Move(2022, 2023, also={"site__weather": "years.csv"}),
    "site__seed": Move(0, 1),
    "site__cooling": Move("economised-air", "immersion"),
    "site__rejection": Move("dry", "tower"),
    "site__power_chain": Move("hvdc", "no-ups"),
    "site__supply": Move("20 degC", "27 degC"),
    "site__tariff": Move("time-of-use", "flat"),
    "site__hours": Move(DROPPED, "grid.csv"),
    "site__chip_origin": Move("domestic", "imported"),
    "site__green_share": Move("0 %", "80 %"),
    "site__contract_carbon": Move("0 g/kWh", "20 g/kWh", also={"site__green_share": "50 %"}),
    "site__residual_carbon": Move(DROPPED, "900 g/kWh"),
    "site__solar": Move(DROPPED, "2 MW"),
    "site__wind": Move(DROPPED, "2 MW"),
    "site__battery": Move(DROPPED, {"energy": "4 MWh", "power": "1 MW"}, also={"site__tariff": "time-of-use"}),
    "site__connection": Move("20 MW", "5 MW"),
    "site__battery__energy": Move("4 MWh", "2 MWh", also=BATTERY),
    "site__battery__power": Move("1 MW", "2 MW", also=BATTERY),
    "site__battery__efficiency": Move("88 %", "70 %", also=BATTERY),
    "site__region__latitude": Move(45.0, 20.0, PLACE, {"site__solar": "1 MW"}),
    "site__region__longitude": Move(9.0, 12.0, PLACE, {"site__solar": "1 MW", "site__region__utc_offset": 1}),
    "site__region__altitude": Move("100 m", "2500 m", PLACE),
    "site__region__utc_offset": Move(1, 3, PLACE, {"site__region__solar": "30 %"}),
    "site__region__country": Move("CN", "US", PLACE, {"load": CHIPS["load"], "site__tariff__domestic": "$0.05/kWh"}),
    "site__region__carbon": Move("300 g/kWh", "500 g/kWh", PLACE),
    "site__region__solar": Move("0 %", "30 %", PLACE),
    "site__region__wind": Move("0 %", "30 %", PLACE),
    "site__region__climate": Move(CLIMATE, {**CLIMATE, "humidity_pct": [40] * 12}, PLACE),
    "site__region__climate__temperature_degc": Move(CLIMATE["temperature_degc"], [20] * 12, PLACE),
    "site__region__climate__daily_range_k": Move([8.0] * 12, [14.0] * 12, PLACE),
    "site__region__climate__humidity_pct": Move([70] * 12, [40] * 12, PLACE),
    "site__region__climate__spread_k": Move(3.0, 5.0, PLACE),
    "site__region__climate__cloud_pct": Move(50, 10, PLACE, {"site__solar": "1 MW"}),
    "site__region__climate__wind_m_s": Move(3.0, 6.0, PLACE, {"site__wind": "1 MW"}),
    "site__tariff__currency": Move(TARIFF, YUAN, PLACE),
    "site__tariff__energy": Move("$0.1/kWh", "$0.2/kWh", PLACE),
    "site__tariff__domestic": Move("$0.05/kWh", "$0.08/kWh", PLACE, {"site__chip_origin": "domestic"}),
    "site__tariff__demand": Move("$5/kW-month", "$15/kW-month", PLACE),
    "site__tariff__premium": Move("$0.01/kWh", "$0.02/kWh", PLACE, {"site__green_share": "50 %"}),
    "site__tariff__water": Move("$1/m3", "$5/m3", PLACE),
    "site__tariff__bands": Move([], [{"name": "peak", "hours": "8-22", "factor": 1.5}], PLACE),
    "site__tariff__bands__hours": Move(
        [{"name": "peak", "hours": "8-22", "factor": 1.5}], [{"name": "peak", "hours": "8-20", "factor": 1.5}], PLACE
    ),
    "site__tariff__bands__factor": Move(
        [{"name": "peak", "hours": "8-22", "factor": 1.5}], [{"name": "peak", "hours": "8-22", "factor": 2}], PLACE
    ),
}  # fmt: skip
LABELS = {"name", "site__tariff__bands__name", "site__region__climate__source", "site__region__climate__estimate"}
WHOLE = {"site__tariff__currency": "site__tariff", "site__tariff__bands__hours": "site__tariff__bands",
         "site__tariff__bands__factor": "site__tariff__bands"}  # fmt: skip
"""Fields whose values are told with all of what they stand in."""


def test_every_field_has_its_two_values() -> None:
    assert set(fields_of(SiteScenario)) - LABELS == MOVES.keys()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of hours."""
    where = tmp_path_factory.mktemp("site")
    year_file(where / "year.csv")
    year_file(where / "years.csv", start="2022-01-01T00:00", hours=2 * 8760, wind_m_s=3.0)
    text = (where / "years.csv").read_text().splitlines()
    warmer = [line if not line.startswith("2023") else line.replace(",60,", ",90,") for line in text]
    (where / "years.csv").write_text("\n".join(warmer) + "\n")
    year_file(where / "grid.csv", carbon_g_per_kwh=300.0, price_per_kwh=0.2)
    return where


@pytest.mark.parametrize("path", MOVES)
def test_a_field_moves_the_answer(path: str, folder: Path) -> None:
    move = MOVES[path]
    base = changed(move.base, **move.also)
    target = WHOLE.get(path, path)
    first, second = (answered(changed(base, **{target: value}), folder) for value in (move.first, move.second))
    assert outcome(first) != outcome(second)


@pytest.mark.parametrize(
    ("also", "field_"),
    [
        ({"site__weather": "year.csv", "site__seed": 3}, "site.seed"),
        ({"site__year": 2022}, "site.year"),
        ({"site__region": "wuxi", "site__chip_origin": "domestic"}, "site.chip_origin"),
        ({"site__chip_origin": "imported"}, "site.chip_origin"),
        ({"load": CHIPS["load"], "site__region": "gansu", "site__chip_origin": "imported"}, "site.chip_origin"),
        ({"site__tariff": {**YUAN, "premium": "¥0.01/kWh"}}, "site.tariff.premium"),
        ({"site__tariff": {**YUAN, "domestic": "¥0.4/kWh"}}, "site.tariff.domestic"),
        ({"site__contract_carbon": "20 g/kWh"}, "site.contract_carbon"),
        ({"site__residual_carbon": "900 g/kWh", "site__green_share": "100 %"}, "site.residual_carbon"),
        ({"site__battery": {"energy": "1 MWh", "power": "1 MW"}, "site__tariff": "flat"}, "site.battery"),
        ({"site__hours": "year.csv"}, "site.hours"),
        ({"site__connection": "100 MW"}, "site.connection"),
    ],
)
def test_a_field_that_moves_nothing_is_reported(also: dict[str, object], field_: str, folder: Path) -> None:
    data = answered(changed(POWER, **also), folder)
    assert data["unused"].keys() == {field_}
    left_out = changed(changed(POWER, **also), **{field_.replace(".", "__"): DROPPED})
    assert outcome(answered(left_out, folder)) == outcome(data)


def test_a_file_s_prices_and_carbon_stand_in_for_the_scenario_s(folder: Path) -> None:
    tariff = {**TARIFF, "bands": [{"name": "peak", "hours": "8-22", "factor": 1.5}]}
    data = answered(changed(PLACE, site__hours="grid.csv", site__tariff=tariff, site__region__solar="10 %"), folder)
    assert data["unused"].keys() == {
        "site.region.carbon", "site.region.solar", "site.tariff.energy", "site.tariff.bands",
    }  # fmt: skip


def test_a_domestic_price_has_no_bands(folder: Path) -> None:
    bands = [{"name": "peak", "hours": "8-22", "factor": 1.5}]
    tariff = {**YUAN, "domestic": "¥0.4/kWh", "bands": bands}
    data = answered(changed(POWER, site__chip_origin="domestic", site__tariff=tariff), folder)
    assert data["unused"].keys() == {"site.tariff.energy", "site.tariff.bands"}
    assert data["cost"]["parts"]["energy"] == pytest.approx(400 * data["energy"]["grid_mwh"])


# What the scenario leaves open, and what binds


def test_what_is_left_open_is_told(tmp_path: Path) -> None:
    data = answered({"load": {"it_power": "1 MW"}, "site": {"region": "wuxi"}}, tmp_path)
    told = {each["field"]: each for each in data["assumptions"]}
    for name in ("load.utilisation", "site.cooling", "site.rejection", "site.power_chain", "site.weather", "site.tariff",
                 "site.tariff.energy", "site.hours.carbon", "site.residual_carbon", "cooling.economised-air"):  # fmt: skip
        assert name in told
    assert told["site.weather"]["estimate"] and "memory" in told["site.weather"]["source"]
    assert "air.approach 6 degC" in told["cooling.economised-air"]["value"]


def test_air_does_not_cool_a_rack_of_120_kw(tmp_path: Path) -> None:
    dense = changed(CHIPS, load__chip="gb200-nvl72", load__chips=1152, site__cooling="economised-air")
    data = answered(dense, tmp_path)
    assert data["status"] == "infeasible" and data["infeasible"]["constraint"] == "cooling of the racks"
    assert data["infeasible"]["reliefs"] == ("site.cooling: direct-liquid", "site.cooling: immersion")
    assert answered(changed(dense, site__cooling="direct-liquid"), tmp_path)["status"] == "answered"


def test_a_connection_that_is_too_small_names_what_would_fit(tmp_path: Path) -> None:
    data = answered(changed(POWER, site__connection="8 MW"), tmp_path)
    assert data["infeasible"]["constraint"] == "grid connection"
    assert "8 MW are there" in data["infeasible"]["detail"]


def test_rows_of_a_comparison_differ_in_what_is_compared(tmp_path: Path) -> None:
    read, _ = read_site(written(POWER, tmp_path))
    coolings = compared_coolings(read, tmp_path)
    assert len({(each.cooling.id, each.rejection.id) for each in coolings}) == len(coolings) == 15
    everywhere = compared_sites(read, tmp_path)
    assert len({each.place.id for each in everywhere}) == len(everywhere) >= 23
    by_pue = {each.place.id: float(each.year.pue) for each in everywhere}
    assert by_pue["lulea"] < by_pue["wuxi"] < by_pue["singapore"]


def test_a_site_around_watts_of_something_else() -> None:
    found = site_of(Site(region="gansu", cooling="direct-liquid"), ItLoad(mean=8e6, capacity=1e7))
    assert 1.04 < float(found.year.pue) < 1.15
    assert {each.field for each in found.assumptions} >= {"site.rejection", "site.power_chain", "site.weather"}


# Wrong input


def told(error: pytest.ExceptionInfo[InputError]) -> str:
    return str(error.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"site__region": "qingyan"}, "did you mean qingyang"),
        ({"site__cooling": "direct-liqid"}, "did you mean direct-liquid"),
        ({"site__tariff": "spot"}, "no tariff `spot` at qingyang; expected time-of-use or flat"),
        ({"site__tariff": {"currency": "EUR", "energy": "$0.1/kWh"}}, "USD"),
        ({"site__tariff": {"currency": "USD", "energy": "¥0.1/kWh"}}, "US dollars per energy"),
        ({"site__region": {**PLACE["site"]["region"], "climate": None}, "site__tariff": TARIFF}, "no climate"),
        ({"site__region": PLACE["site"]["region"]}, "no tariff"),
        ({"site__weather": "nowhere.csv"}, "no file"),
        ({"site__weather": "year.csv", "site__year": 1999}, "1999 lies outside the data"),
        ({"load__chips": 8}, "give one of it_power and chips"),
        ({"load__arithmetic": "30 %"}, "only with chips"),
        ({"load__utilisation": "0 %"}, "draws nothing"),
        ({"site__green_share": "120 %"}, "1 or less"),
        ({"site__supply": "90 degC"}, "60 or less"),
        ({"site__tariff": {**TARIFF, "bands": [{"name": "a", "hours": "25-30", "factor": 1}]}}, "no hours of a day"),
        ({"site__tariff": {**TARIFF, "bands": [{"name": "a", "hours": "1-3", "factor": 1}] * 2}}, "in two bands"),
    ],
)
def test_wrong_scenarios_are_told(changes: dict[str, Any], said: str, folder: Path) -> None:
    with pytest.raises(InputError) as error:
        answered(changed(POWER, **changes), folder)
    assert said in told(error).replace("are no hours", "no hours")
    assert "scenario.yaml" in told(error) or "year.csv" in told(error)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "no column `time`"),
        ("time,temperature_degc,humidity_pct\n", "no hours"),
        ("time,temperature_degc,humidity_pct\n2022-01-01T00:00,5,50\n2022-01-01T03:00,5,50\n", "missing or doubled"),
        ("time,temperature_degc,humidity_pct\n2022-01-01T00:00,5,50\n2022-01-01T01:00,,50\n", "blank or no number"),
        ("time,temperature_degc,humidity_pct\n2022-01-01T00:00,5,50\n2022-01-01T01:00,5,50\n", "no whole year"),
        ("time,temperature_2m (°F)\n2022-01-01T00:00,50\n", "degrees Celsius"),
    ],
)
def test_wrong_files_are_told(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(text)
    with pytest.raises(InputError) as error:
        answered(changed(POWER, site__weather="w.csv"), tmp_path)
    assert said in told(error) and "w.csv" in told(error)


def test_values_that_cannot_be_are_told(tmp_path: Path) -> None:
    year_file(tmp_path / "w.csv", cloud_pct=90.0)
    with pytest.raises(InputError, match="`cloud_pct` leaves 0 to 100"):
        answered(changed(POWER, site__weather="w.csv"), tmp_path)


# Files of weather


def test_open_meteo_s_hours_are_moved_to_the_place(tmp_path: Path) -> None:
    plain = year_file(tmp_path / "plain.csv").read_text().splitlines()
    head = """latitude,longitude,elevation,utc_offset_seconds,timezone,timezone_abbreviation
35.7,107.6,1342,0,GMT,GMT

time,temperature_2m (°C),relative_humidity_2m (%)
"""
    (tmp_path / "meteo.csv").write_text(head + "\n".join(plain[1:]) + "\n")
    local, utc = (site_year(validated(SiteScenario, loads(json.dumps(changed(POWER, site__weather=name)), "s")), tmp_path)
                  for name in ("plain.csv", "meteo.csv"))  # fmt: skip
    assert np.array_equal(utc.year.weather.temperature, np.roll(local.year.weather.temperature, 8))
    assert utc.weather_source == "Open-Meteo file meteo.csv, 2022"


def test_a_leap_day_is_left_out(tmp_path: Path) -> None:
    year_file(tmp_path / "w.csv", start="2024-01-01T00:00", hours=8784)
    data = answered(changed(POWER, site__weather="w.csv"), tmp_path)
    assert data["site"]["weather"] == "CSV file w.csv, 2024" and not data["site"]["synthetic_weather"]


def test_an_epw_file_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pvlib")
    head = ["LOCATION,Test,-,CHN,TMY,000000,35.70,107.60,8.0,1342.0", *["x"] * 7]
    rows = []
    for hour in range(8760):
        at = datetime(2022, 1, 1) + timedelta(hours=hour)
        warm = 10 + hour % 24 / 4
        rest = "1.0,60,86000,0,0,300,0,0,0,0,0,0,0,180,3.0,5,5,10,77777,9,999999999,10,0.1,0,88,0.2,0,0"
        rows.append(f"{at.year},{at.month},{at.day},{at.hour + 1},0,?,{warm},{rest}")
    (tmp_path / "w.epw").write_text("\n".join([*head, *rows]) + "\n")
    data = answered(changed(POWER, site__weather="w.epw"), tmp_path)
    assert data["site"]["weather"] == "EPW file w.epw"
    with pytest.raises(InputError, match="one typical year"):
        answered(changed(POWER, site__weather="w.epw", site__year=2022), tmp_path)


def test_domestic_chips_are_cheap_in_gansu_by_their_maker(tmp_path: Path) -> None:
    def price(chip: str) -> float:
        scenario = changed(CHIPS, load__chip=chip, load__chips=1024, load__network="roce-400", site__region="gansu")
        return answered(scenario, tmp_path)["cost"]["per_grid_kwh"]

    assert price("ascend-910b") < price("h100-sxm-80") - 0.05


def test_a_network_that_is_not_there_is_told_where_it_stands(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        answered(changed(CHIPS, load__network="ib-ndrr"), tmp_path)
    assert "load.network" in told(error) and "scenario.yaml:" in told(error)


def test_clusters_beyond_three_tiers_of_64_ports_take_wider_switches(tmp_path: Path) -> None:
    data = answered(changed(CHIPS, load__chips=100_000), tmp_path)
    assert {"field": "fabric.switch", "value": "q3400"}.items() <= next(
        each.items() for each in data["assumptions"] if each["field"] == "fabric.switch"
    )


def test_a_typical_year_takes_the_grid_s_hours_of_a_named_one(folder: Path) -> None:
    pytest.importorskip("pvlib")
    head = ["LOCATION,Test,-,CHN,TMY,000000,35.70,107.60,8.0,1342.0", *["x"] * 7]
    rest = "15.0,5.0,60,86000,0,0,300,0,0,0,0,0,0,0,180,3.0,5,5,10,77777,9,999999999,10,0.1,0,88,0.2,0,0"
    start = datetime(2022, 1, 1)
    times = (start + timedelta(hours=hour) for hour in range(8760))
    rows = [f"{at.year},{at.month},{at.day},{at.hour + 1},0,?,{rest}" for at in times]
    (folder / "typical.epw").write_text("\n".join([*head, *rows]) + "\n")
    data = answered(changed(POWER, site__weather="typical.epw", site__hours="grid.csv", site__year=2022), folder)
    assert data["site"]["carbon_hours"] == "hours of grid.csv" and data["unused"] == {}
    assert data["carbon"]["location_g_per_grid_kwh"] == pytest.approx(311.5, rel=0.01)

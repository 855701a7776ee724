"""The chain behind a plan: its numbers add up, agree with the verbs of their rooms, and rest on factors that move them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from petaday import cli
from petaday.errors import InputError
from petaday.report.chain import chain_data
from petaday.study.chain.build import Chain, chain_of
from petaday.study.factor import middle
from petaday.study.goodput import goodput_of
from petaday.study.reliability_scenario import Reliability
from petaday.study.site import site_of
from petaday.study.site_it import ItLoad
from petaday.study.site_parts import chosen_cooling
from petaday.study.supply import supplied
from petaday.study.supply_scenario import Order
from scenarios import DROPPED, EXAMPLES, SMALL, changed, example, planned, written

# The library of the command line warns when a test runs the program's own `main`.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")

PLACED = changed(
    SMALL,
    cluster__chip="h100-sxm-80",
    cluster__chips=64,
    cluster__network="ib-ndr",
    train__global_batch=64,
    site__region="wuxi",
    supply__start="2024Q1",
    cost__chip_price="$22k..$30k",
)
"""A small run of H100 with every section."""


@cache
def chain(name: str) -> Chain:
    found, _ = example(name)
    return chain_of(found, EXAMPLES[name].parent)


@cache
def told(name: str) -> dict[str, float]:
    return {path: float(value) for path, value in chain(name).medians.items()}


def run(verb: str, path: Path, *options: str) -> object:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as left:
        cli.app([verb, str(path), *options])
    return left.value.code


def summed(numbers: dict[str, float], branch: str) -> float:
    """The sum of all numbers under a branch but its total."""
    return sum(
        value for path, value in numbers.items() if path.startswith(f"{branch}.") and not path.endswith("total")
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_parts_add_up(name: str) -> None:
    numbers = told(name)
    assert summed(numbers, "goodput.losses") + numbers["goodput.share"] == pytest.approx(1.0, abs=1e-12)
    assert summed(numbers, "power.it_parts_w") == pytest.approx(numbers["power.it_w"])
    for branch in ("cost.capex_usd", "cost.charge_usd_per_year", "cost.opex_usd_per_year", "supply.bom_usd_per_chip"):
        if f"{branch}.total" in numbers:
            assert summed(numbers, branch) == pytest.approx(numbers[f"{branch}.total"])
    yearly = numbers["cost.charge_usd_per_year.total"] + numbers["cost.opex_usd_per_year.total"]
    assert numbers["cost.usd_per_year"] == pytest.approx(yearly)


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_is_negative_or_without_end(name: str) -> None:
    for path, value in told(name).items():
        assert 0 <= value < np.inf, path


@pytest.mark.parametrize("name", EXAMPLES)
def test_energy_is_power_times_time(name: str) -> None:
    numbers = told(name)
    assert numbers["power.facility_w"] == pytest.approx(numbers["power.it_w"] * numbers["power.pue"])
    assert numbers["power.run_energy_j"] == pytest.approx(
        numbers["power.facility_w"] * numbers["goodput.wall_time_s"]
    )
    assert numbers["power.it_w"] <= numbers["power.it_peak_w"]


def test_the_chain_and_the_verbs_tell_the_same() -> None:
    name = "wuxi-node"
    found, _ = example(name)
    scenario = found.joined.scenario
    assert scenario.reliability is not None and scenario.site is not None
    numbers = told(name)
    alone = goodput_of(found, scenario.reliability)
    assert numbers["goodput.share"] == pytest.approx(alone.share)
    cooling = chosen_cooling(scenario.site, False, [])
    load = ItLoad(mean=numbers["power.it_w"], capacity=numbers["power.it_peak_w"], country="CN")
    year = site_of(scenario.site, load, cooling=cooling).year
    assert numbers["power.pue"] == pytest.approx(float(year.pue))
    share = numbers["goodput.wall_time_s"] / (365 * 86400)
    carbon = float(year.carbon_location) * share
    assert numbers["carbon.operational_location_kg"] == pytest.approx(carbon)
    assert scenario.supply is not None
    order = supplied(
        Order.model_validate({"chip": "ascend-910b3", "chips": "11264"}), scenario.supply, allow_unverified=True
    )
    assert numbers["supply.months"] == pytest.approx(float(order.filled.months))
    assert numbers["carbon.embodied_kg"] == pytest.approx(float(order.carbon.total) * found.job.chips)


def test_rents_times_hours_are_the_clouds_conventions() -> None:
    numbers = told("llama3-405b")
    found, _ = example("llama3-405b")
    rent = next(each for each in chain("llama3-405b").factors if each.name == "cost.committed_rent")
    hours = numbers["goodput.wall_time_s"] / 3600 * found.job.chips
    assert numbers["cost.run_usd.cloud_committed"] == pytest.approx(hours * rent.span.value * 3600)
    assert numbers["cost.run_usd.marginal"] < numbers["cost.run_usd.amortised"] < numbers["cost.run_usd.owned"]


def test_spares_are_paid_for_and_draw_what_parked_chips_do(tmp_path: Path) -> None:
    few, many = (planned(written(changed(PLACED, reliability__spares=count), tmp_path))[1] for count in (0, 8))
    chips = many["cost"]["capex_usd"]["chips"] / few["cost"]["capex_usd"]["chips"]
    assert chips == pytest.approx((64 + 8 * 8) / 64)
    parked = many["power"]["it_parts_w"]["chips"] - few["power"]["it_parts_w"]["chips"]
    # 64 H100 without a job; fewer waits for spares make the others busier.
    assert parked == pytest.approx(64 * 0.11 * 700, rel=0.15)


def test_boards_at_their_limit_draw_no_more(tmp_path: Path) -> None:
    found, _ = planned(written(PLACED, tmp_path))
    whole = chain_of(found, tmp_path)
    values = middle(whole.factors)
    ratios = np.array([0.8, 1.0, 1.2])
    told_ = whole.at({**values, "power.board_ratio": ratios})
    assert np.ptp(told_["power.it_peak_w"]) == 0
    assert np.all(np.diff(told_["power.it_parts_w.chips"]) > 0)
    assert np.all(told_["power.it_parts_w.chips"] <= (64 + told_["goodput.spare_chips"]) * 700)


def test_a_cluster_s_money_by_hand(tmp_path: Path) -> None:
    """64 H100 at exact prices: chips and servers over five years at no interest, nothing else."""
    free = {
        "chip_price": "$30k", "server_overhead": 1.5, "storage": 0, "facility": "$0/kW", "maintenance": "0 %/year",
        "replacement": "0 %/year", "staff": "$0/kW-year", "wacc": 0, "life_it": "5 years", "residual": 0, "sold": 1,
        "energy": "$0/kWh", "demand": "$0/kW-month",
    }  # fmt: skip
    scenario = changed(SMALL, cluster__chip="h100-sxm-80", cluster__chips=8, cost=free, reliability__spares=0)
    found, data = planned(written(scenario, tmp_path))
    assert data["cost"]["capex_usd"]["total"] == pytest.approx(8 * 45_000)
    assert data["cost"]["usd_per_year"] == pytest.approx(8 * 9_000)
    assert data["cost"]["usd_per_chip_hour"] == pytest.approx(9_000 / 8760)
    hours = data["goodput"]["wall_time_s"] / 3600
    assert data["cost"]["run_usd"]["owned"] == pytest.approx(8 * hours * 9_000 / 8760)
    assert data["cost"]["run_usd"]["marginal"] == 0
    assert found.job.chips == 8


def test_a_site_s_bill_is_that_of_the_cluster() -> None:
    """Energy with its premium, demand charge and water are the site's own bill, part by part."""
    name = "wuxi-node"
    numbers = told(name)
    scenario = example(name)[0].joined.scenario
    assert scenario.site is not None
    load = ItLoad(mean=numbers["power.it_w"], capacity=numbers["power.it_peak_w"], country="CN")
    bill = site_of(scenario.site, load, cooling=chosen_cooling(scenario.site, False, [])).year.costs
    rate = next(each.span.value for each in chain(name).factors if each.name == "cost.exchange_rate")
    opex = {part: numbers[f"cost.opex_usd_per_year.{part}"] * rate for part in ("energy", "demand", "water")}
    assert opex["energy"] == pytest.approx(float(bill.energy + bill.premium))
    assert opex["demand"] == pytest.approx(float(bill.demand))
    assert opex["water"] == pytest.approx(float(bill.water))
    assert sum(opex.values()) == pytest.approx(float(bill.total))


@pytest.mark.parametrize("site", [DROPPED, "wuxi"])
def test_energy_alone_is_energy_alone(site: object, tmp_path: Path) -> None:
    """With a site and without one: no demand charge, no water."""
    change = {"site": DROPPED, "cost__demand": "$10/kW-month"} if site is DROPPED else {}
    found, _ = planned(written(changed(PLACED, **change), tmp_path))
    numbers = {path: float(value) for path, value in chain_of(found, tmp_path).medians.items()}
    share = numbers["goodput.wall_time_s"] / (365 * 86400)
    assert numbers["cost.run_usd.marginal"] == pytest.approx(numbers["cost.opex_usd_per_year.energy"] * share)
    assert numbers["cost.opex_usd_per_year.demand"] > 0


BILLED = {
    "site.tariff.energy": ("power.energy_price_per_j", "cost.opex_usd_per_year.energy", "cost.run_usd.marginal"),
    "site.tariff.premium": ("power.premium_price_per_j", "cost.opex_usd_per_year.energy", "cost.run_usd.marginal"),
    "site.tariff.demand": ("power.demand_price_per_j", "cost.opex_usd_per_year.demand"),
    "site.tariff.water": ("power.water_price_per_j", "cost.opex_usd_per_year.water"),
    "site.region.carbon": ("carbon.operational_location_kg", "carbon.operational_market_kg"),
}
"""Factors of a place, and the numbers that each moves first."""
FIRST = set().union(*BILLED.values())


@cache
def placed_with_contracts(folder: Path) -> Chain:
    found, _ = planned(written(changed(PLACED, site__green_share="50 %"), folder))
    return chain_of(found, folder)


@pytest.mark.parametrize("name", BILLED)
def test_a_place_s_factors_move_what_they_should(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = placed_with_contracts(tmp_path_factory.getbasetemp())
    factor = next(each for each in whole.factors if each.name == name)
    assert not factor.span.is_known
    values = middle(whole.factors)
    base, high = whole.at(values), whole.at({**values, name: np.asarray(factor.span.high)})
    moved = {path for path in FIRST if high[path] > base[path] * (1 + 1e-12)}
    assert moved == set(BILLED[name])
    first = BILLED[name][0]
    assert high[first] / base[first] == pytest.approx(factor.span.high / factor.span.value)
    assert high["power.facility_w"] == base["power.facility_w"]


def test_a_tariff_s_range_spreads_its_price(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Wuxi's ¥0.57 to ¥0.75 at 90 % are 0.590 to 0.729 at 80 %."""
    drawn = placed_with_contracts(tmp_path_factory.getbasetemp()).uncertainty(1024)
    low, _, high = drawn.quantiles["power.energy_price_per_j"]
    assert high / low == pytest.approx((0.66 / 0.57 * 0.75 / 0.66) ** (1.2816 / 1.6449), rel=0.01)
    low, _, high = drawn.quantiles["carbon.operational_location_kg"]
    assert high / low > (640 / 531) ** (1.2816 / 1.6449)


def test_a_tariff_of_one_s_own_is_known(tmp_path: Path) -> None:
    own = {"currency": "CNY", "energy": "¥0.6/kWh", "demand": "¥40/kW-month"}
    found, _ = planned(written(changed(PLACED, site__tariff=own), tmp_path))
    assert not [each.name for each in chain_of(found, tmp_path).factors if each.name.startswith("site.tariff")]


def test_hours_of_a_file_are_known(tmp_path: Path) -> None:
    """Prices and carbon by the hour leave the tariff's energy and the region's carbon nothing to move."""
    rows = "\n".join(f"{each:%Y-%m-%dT%H:%M},{400 + each.hour},{0.5 + each.hour / 100}" for each in hours_of(2022))
    (tmp_path / "grid.csv").write_text(f"time,carbon_g_per_kwh,price_per_kwh\n{rows}\n")
    found, _ = planned(written(changed(PLACED, site__hours="grid.csv"), tmp_path))
    names = {each.name for each in chain_of(found, tmp_path).factors}
    assert not names & {"site.tariff.energy", "site.region.carbon"}
    assert "site.tariff.demand" in names


def hours_of(year: int) -> list[datetime]:
    """Every hour of a year of 365 days."""
    return [datetime(year, 1, 1) + timedelta(hours=hour) for hour in range(8760)]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"site__rejection": "adiabatic", "site__green_share": "30 %"},
        {"site__rejection": "dry", "site__cooling": "direct-liquid"},
        {"site__region": "qingyang", "site__chip_origin": "domestic", "site__power_chain": "hvdc"},
    ],
    ids=["usual", "adiabatic", "dry", "domestic"],
)
def test_every_factor_moves_some_number(change: dict[str, object], tmp_path: Path) -> None:
    found, _ = planned(written(changed(PLACED, **change), tmp_path))
    whole = chain_of(found, tmp_path)
    values = middle(whole.factors)
    base = whole.at(values)
    for factor in whole.factors:
        if not factor.span.is_known:
            ends = np.array([factor.span.low, factor.span.high])
            moved = whole.at({**values, factor.name: ends})
            assert any(np.any(np.asarray(moved[path]) != base[path]) for path in base), factor.name


def test_samples_are_rows_that_could_stand_alone(tmp_path: Path) -> None:
    """A draw of many is the draws one by one."""
    found, _ = planned(written(PLACED, tmp_path))
    whole = chain_of(found, tmp_path)
    values = middle(whole.factors)
    open_ = [each for each in whole.factors if not each.span.is_known]
    draws = np.random.default_rng(1).standard_normal((3, len(open_)))
    together = whole.at({**values, **{each.name: each.at(draws[:, i]) for i, each in enumerate(open_)}})
    for row in range(3):
        alone = whole.at({**values, **{each.name: each.at(draws[row, i]) for i, each in enumerate(open_)}})
        for path, value in alone.items():
            assert np.broadcast_to(together[path], (3,))[row] == pytest.approx(float(value), rel=1e-9), path


def test_quantiles_are_in_order_and_around_the_medians(tmp_path: Path) -> None:
    found, _ = planned(written(PLACED, tmp_path))
    whole = chain_of(found, tmp_path)
    drawn = whole.uncertainty(8192)
    for path, (low, median, high) in drawn.quantiles.items():
        assert low <= median <= high, path
    for shares in drawn.shares.values():
        assert all(-0.1 <= share <= 1.3 for share in shares.total.values())
    data = chain_data(whole, drawn)
    assert json.loads(json.dumps(data, allow_nan=False))["uncertainty"]["samples"] == 8192


def test_more_chips_wanted_than_lines_make_is_no_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    starved = changed(PLACED, supply__embargo=[{"what": "hbm", "start": "2024Q1"}], supply__running=False)
    path = written(starved, tmp_path)
    _, data = planned(path)
    assert data["unfit"]["constraint"] == "supply of the chips"
    assert data["supply"]["months"] is None
    assert run("plan", path) == cli.INFEASIBLE
    assert "Not feasible: supply of the chips binds" in capsys.readouterr().out


def test_a_connection_too_small_binds(tmp_path: Path) -> None:
    path = written(changed(PLACED, site__connection="1 kW"), tmp_path)
    assert planned(path)[1]["unfit"]["constraint"] == "grid connection"
    assert run("cost", path, "--json") == cli.INFEASIBLE


def test_a_chip_without_figures_leaves_its_links_out(tmp_path: Path) -> None:
    _, data = planned(written(changed(SMALL, cluster__chip="mtt-s4000"), tmp_path))
    assert data["goodput"] is not None
    assert data["cost"] is None
    assert "no price" in data["missing"]["cost"]
    assert data["supply"] is None
    assert "made of" in data["missing"]["supply"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cost__chip_price": "$30k..$22k"}, "cost.chip_price"),
        ({"cost__chip_price": "30k"}, "cost.chip_price"),
        ({"cost__date": "1999-01"}, "cost.exchange_rate"),
        ({"cost__profile": "wolrd"}, "cost.profile"),
        ({"site__region": "atlantis"}, "site.region"),
        ({"site__region": {"latitude": 31.5, "longitude": 120.3, "altitude": "5 m", "carbon": "500 g/kWh"}}, "site"),
        ({"supply__start": "1999Q1"}, "supply.start"),
        ({"reliability__profile": "h100-lama"}, "reliability.profile"),
        ({"cluster__chip": "mtt-s4000", "cost__chip_price": "$10k"}, "cluster.chip"),
    ],
)
def test_wrong_sections_name_their_field_and_place(change: dict[str, object], field: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        planned(written(changed(PLACED, **change), tmp_path))
    assert caught.value.field.startswith(field)
    assert caught.value.place is not None
    assert caught.value.place.line > 0


def test_without_sections_nothing_is_told_of_carbon_and_months() -> None:
    _, data = example("gpt3-175b")
    assert "operational_location_kg" not in data["carbon"]
    assert "months" not in data["supply"]
    assert Reliability().recovery == "synchronous"
    assumed = {each["field"] for each in data["assumptions"]}
    assert {"cost.profile", "cost.date", "reliability.profile", "power.host"} <= assumed


def test_chips_for_a_deadline_are_enough_with_failures(tmp_path: Path) -> None:
    """A deadline just above the run without failures: the failures ask for more chips."""
    base = changed(SMALL, train__tokens="2T", train__global_batch=512, cluster__chip="h100-sxm-80", plan={})
    restarts = {"reliability__restart": "6 hours", "reliability__detection": "6 hours"}
    alone, _ = planned(written(changed(base, cluster__chips=64), tmp_path))
    deadline = f"{alone.wall_time * 1.002} s"
    auto = changed(base, cluster__chips="auto", cluster__deadline=deadline, **restarts)
    found, data = planned(written(auto, tmp_path))
    assert data["status"] == "answered"
    assert data["unfit"] is None
    assert data["goodput"]["wall_time_s"] <= data["run"]["deadline_s"]
    assert found.job.chips > 64
    held = planned(written(changed(auto, cluster__chips=64), tmp_path))[1]
    assert held["unfit"]["constraint"] == "deadline"


@pytest.mark.parametrize("command", [("plan",), ("cost",), ("cost", "--by", "convention"), ("goodput", "--simulate")])
def test_a_run_that_failures_never_let_end_is_told_by_every_verb(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endless = changed(SMALL, reliability={"checkpoint": {"interval": "10000000 days"}})
    verb, *options = command
    assert run(verb, written(endless, tmp_path), *options) == 3
    assert "never" in capsys.readouterr().out

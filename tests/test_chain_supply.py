"""The link of silicon: one order with the verb `supply`, one life of IT, what is open is told, and every range is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from petaday.catalog.figure import Figure
from petaday.catalog.prices import cost_profile
from petaday.catalog.strict_yaml import loads
from petaday.catalog.take import median
from petaday.catalog.validate import validated
from petaday.study import forecast
from petaday.study.chain.build import Chain, chain_of
from petaday.study.chain.supply import numbers
from petaday.study.factor import Floats, middle
from petaday.study.forecast_scenario import ForecastScenario
from petaday.study.supply import Supplied, supplied
from petaday.study.supply_parts import behind
from petaday.study.supply_scenario import Order
from petaday.study.taken import figures_in
from petaday.units.kinds import YEAR
from scenarios import DROPPED, SMALL, changed, planned, written
from supplies import read

PLACED = changed(
    SMALL,
    cluster__chip="h100-sxm-80",
    cluster__chips=64,
    cluster__network="ib-ndr",
    train__global_batch=64,
    supply__start="2024Q1",
    cost__chip_price="$22k..$30k",
)
ASCEND = changed(PLACED, cluster__chip="ascend-910b3", cost__chip_price="$15k", supply__start="2025Q1")
LEARNING = {"first": "0.3 /cm2", "last": "0.12 /cm2", "time": "1 years"}


def chained(scenario: dict[str, Any], folder: Path) -> Chain:
    return chain_of(planned(written(scenario, folder))[0], folder)


def verb(scenario: dict[str, Any], folder: Path) -> Supplied:
    """The same order by the verb `supply`."""
    found = planned(written(scenario, folder))[0]
    supply = found.joined.scenario.supply
    assert supply is not None
    order = Order.model_validate({"chip": found.joined.parts.chip.id, "chips": str(found.job.chips)})
    return supplied(order, supply, allow_unverified=True)


def of(chain: Chain) -> dict[str, float]:
    return {path: float(value) for path, value in chain.medians.items()}


# One order


@pytest.mark.parametrize(
    "supply",
    [
        {"start": "2025Q1"},
        {"start": "2025Q1", "learning": LEARNING},
        {"start": "2025Q1", "stock": {"chips": "40"}, "learning": LEARNING},
        {"start": "2025Q1", "stock": {"dies": "30", "hbm": "1 TB"}, "shares": {"logic": "1 %"}},
        {"start": "2025Q1", "stock": {"chips": "1000"}},
    ],
)
def test_plan_and_supply_answer_an_order_alike(supply: dict[str, Any], tmp_path: Path) -> None:
    scenario = changed(ASCEND, supply=supply)
    told, order = of(chained(scenario, tmp_path)), verb(scenario, tmp_path)
    bill = order.bill
    for path, value in {
        "supply.wafers": bill.logic,
        "supply.dies": sum(float(line.used) for line in bill.dies),
        "supply.hbm_bytes": bill.memory,
        "supply.packages": bill.packages,
        "supply.months": order.filled.months,
        "supply.bom_usd_per_chip.total": order.bom.total,
        "carbon.embodied_kg": 64 * order.carbon.total,
    }.items():
        assert told[path] == pytest.approx(float(value)), path


def test_a_stockpile_takes_wafers_from_the_order_and_not_carbon(tmp_path: Path) -> None:
    full = of(chained(ASCEND, tmp_path))
    rest = of(chained(changed(ASCEND, supply__stock={"chips": "48"}), tmp_path))
    for path in ("supply.wafers", "supply.packages", "supply.hbm_bytes"):
        assert rest[path] == pytest.approx(full[path] / 4), path
    assert rest["carbon.embodied_kg"] == pytest.approx(full["carbon.embodied_kg"])


def test_samples_of_an_order_are_the_orders_one_by_one() -> None:
    """Every number of the link, with learning and stocks, over samples of all figures."""
    parts = behind("ascend-910c")
    supply = read(
        {
            "order": {"chip": "ascend-910c", "chips": "500k"},
            "supply": {"start": "2025Q1", "stock": {"dies": "200k"}, "learning": LEARNING},
        }
    ).supply
    random, draws = np.random.default_rng(0), dict[int, Floats]()

    def take(figure: Figure) -> Floats:
        low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
        return draws.setdefault(id(figure), random.uniform(low, high, 5))

    together = numbers(parts, 5e5, supply, take)
    for row in range(5):
        alone = numbers(parts, 5e5, supply, lambda figure, row=row: take(figure)[row])  # type: ignore[misc]
        for path, value in alone.items():
            assert np.broadcast_to(together[path], (5,))[row] == pytest.approx(float(value)), path


# One life


def test_the_supply_section_s_life_wins_and_moves_the_run_s_share(tmp_path: Path) -> None:
    usual = of(chained(PLACED, tmp_path))
    wall, made = usual["goodput.wall_time_s"], usual["carbon.embodied_kg"]
    assert usual["carbon.embodied_run_kg"] == pytest.approx(made * wall / cost_profile("world").life_it.value)
    own = of(chained(changed(PLACED, supply__life="3 years"), tmp_path))
    assert own["carbon.embodied_run_kg"] == pytest.approx(made * wall / (3 * YEAR))
    both = of(chained(changed(PLACED, supply__life="3 years", cost__life_it="6 years"), tmp_path))
    assert both["carbon.embodied_run_kg"] == own["carbon.embodied_run_kg"]
    cost = of(chained(changed(PLACED, cost__life_it="6 years"), tmp_path))
    assert cost["carbon.embodied_run_kg"] == pytest.approx(made * wall / (6 * YEAR))


def test_without_money_the_life_is_the_profile_s_and_is_drawn(tmp_path: Path) -> None:
    """A chip without a price has no link of money, and its carbon still a life of IT."""
    scenario = changed(ASCEND, cost=DROPPED, cluster__chip="ascend-910a", train__precision="fp16", supply=DROPPED)
    chain = chained(scenario, tmp_path)
    assert chain.prices is None and "cost" in chain.missing
    life = next(each for each in chain.factors if each.name == "cost.life_it")
    assert (life.span.low, life.span.value, life.span.high) == pytest.approx((3 * YEAR, 5 * YEAR, 7 * YEAR))
    ends = chain.at({**middle(chain.factors), "cost.life_it": np.array([life.span.low, life.span.high])})
    short, long = ends["carbon.embodied_run_kg"]
    assert short / long == pytest.approx(7 / 3)


def test_money_and_carbon_share_one_factor(tmp_path: Path) -> None:
    chain = chained(changed(PLACED, cost__life_it="4 years..6 years"), tmp_path)
    lives = [each for link in chain.links for each in link.factors if each.name == "cost.life_it"]
    assert len(lives) == 2 and lives[0] == lives[1] and lives[0].given
    assert [each.name for each in chain.factors].count("cost.life_it") == 1


def test_forecasts_take_the_same_life() -> None:
    text = """
from_year: 2025
to_year: 2027
demand: {chips: 1M, growth: {law: cagr, growth: 20 %}}
supply: {installed: 1M, capacities: {all: {start: 1M chips/year, growth: 10 %}}}
"""
    found = forecast.forecast(validated(ForecastScenario, loads(text, "forecast.yaml")))
    life = cost_profile("world").life_it
    told = next(each for each in found.assumptions if each.field == "supply.life")
    assert told.source == life.source and "3 years to 7 years" in told.value


# What is open


def test_what_the_section_leaves_open_stands_among_the_assumptions(tmp_path: Path) -> None:
    _, data = planned(written(PLACED, tmp_path))
    fields = {each["field"] for each in data["assumptions"]}
    opened = {f"supply.shares.{what}" for what in ("logic", "hbm", "packaging")}
    assert opened | {"supply.substrates", "supply.running"} <= fields
    said = changed(
        PLACED,
        supply__shares={"logic": "10 %", "hbm": "10 %", "packaging": "10 %"},
        supply__substrates="1M chips/month",
        supply__running=False,
    )
    _, data = planned(written(said, tmp_path))
    assert not (opened | {"supply.substrates", "supply.running"}) & {each["field"] for each in data["assumptions"]}


def test_a_chip_on_the_generic_board_says_so(tmp_path: Path) -> None:
    assert "supply.board" in {each.field for each in chained(ASCEND, tmp_path).assumptions}
    assert "supply.board" not in {each.field for each in chained(PLACED, tmp_path).assumptions}


def test_fields_that_move_nothing_are_reported(tmp_path: Path) -> None:
    chain = chained(changed(PLACED, supply__substrates="50M chips/month"), tmp_path)
    assert "supply.substrates" in chain.unused and "supply.life" not in chain.unused


# Ranges


@pytest.mark.parametrize("chip", ["ascend-910b3", "h100-sxm-80", "gb200-nvl72", "mi300x"])
def test_every_figure_that_an_order_takes_has_a_name_of_its_own(chip: str) -> None:
    """A line that is called as a package is, `china-25d`, must not hide the package's figures."""
    supply = read({"order": {"chip": chip, "chips": "1k"}, "supply": {"start": "2025Q1"}}).supply
    parts, seen = behind(chip, allow_unverified=True), dict[int, Figure]()

    def noticed(figure: Figure) -> Floats:
        seen[id(figure)] = figure
        return median(figure)

    told = numbers(parts, 1e3, supply, noticed)
    assert told
    names = figures_in("supply", parts.by_name(supply)).used_by(lambda take: numbers(parts, 1e3, supply, take))
    assert len(names.factors) == len(seen)


def test_lead_times_move_the_months(tmp_path: Path) -> None:
    """CoWoS takes 6 to 14 weeks and modules 4 to 8: twelve weeks between both short and both long."""
    chain = chained(PLACED, tmp_path)
    values = middle(chain.factors)
    spans = {each.name: each.span for each in chain.factors}
    names = ("supply.cowos-s.lead_time", "supply.h100-sxm-80.module_time")
    ends = {name: np.array([spans[name].low, spans[name].high]) for name in names}
    months = chain.at(values | ends)["supply.months"]
    assert months[1] - months[0] == pytest.approx(12 * 7 * 86400 / (YEAR / 12))

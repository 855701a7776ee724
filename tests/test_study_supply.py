"""Orders from their scenarios: examples, embargoes, what moves nothing, and what a file may not say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pydantic
import pytest

from petaday.catalog.figure import Figure
from petaday.catalog.prices import cost_profile
from petaday.errors import InputError
from petaday.report.data import Data
from petaday.study.equal import equal_outcome
from petaday.study.scenario import Scenario, read_scenario
from petaday.study.supply import read_supply, supplied
from petaday.study.supply_lines import lines_of
from petaday.study.supply_parts import behind
from petaday.study.supply_scenario import SupplyScenario
from petaday.supply.silicon import Floats
from scenarios import SMALL, changed, written
from supplies import ASCEND, EXAMPLES, H100, MOVES, answered, embargo, ramp, read, second, target

LABELS = {"name"}


def outcome(data: Data) -> Data:
    """What an order comes to, without what only repeats the scenario."""
    return {
        **{
            name: data[name]
            for name in ("status", "binding", "dies", "bill_usd", "wafers", "quarters", "replacement")
        },
        "months": data["order"]["months"],
    }


# Examples


def test_seven_million_h100_wait_for_packaging() -> None:
    asked, _ = read_supply(EXAMPLES / "h100-7m.yaml")
    answer_ = supplied(asked.order, asked.supply)
    names = {answer_.filled.names[index] for index in answer_.filled.binding}
    assert names == {"packaging", "the order"}
    assert 12 <= float(answer_.filled.months) <= 30
    # NVIDIA delivered 10.8 million GPUs of all kinds in four years.
    assert 1.3e5 <= float(answer_.bill.logic) <= 1.8e5


def test_ascends_run_out_of_memory_and_not_of_dies() -> None:
    """SemiAnalysis: 13 million stacks make 1.6 million 910C; memory binds when they are used, not logic."""
    asked, _ = read_supply(EXAMPLES / "ascend-embargo.yaml")
    answer_ = supplied(asked.order, asked.supply)
    bound = [answer_.filled.names[index] for index in answer_.filled.binding]
    assert list(dict.fromkeys(bound)) == ["packaging", "memory hbm2e", "the order"]
    assert np.isinf(answer_.filled.months)
    used = answer_.filled.used[1].sum()
    assert used <= 13e6 * 16e9 + answer_.filled.arrived[1].sum()
    first = bound.index("memory hbm2e")
    started = answer_.filled.packages[:first].sum()
    assert pytest.approx(1.6e6, rel=0.02) == 13e6 / 8 and started == pytest.approx(1.6e6, rel=0.1)


def test_the_end_of_an_embargo_fills_the_order() -> None:
    closed = answered(changed(ASCEND, supply__embargo=[{"what": "hbm", "start": "2025Q1"}]))[1]
    opened = answered(changed(ASCEND, supply__embargo=[{"what": "hbm", "start": "2025Q1", "end": "2026Q1"}]))[1]
    free = answered(ASCEND)[1]
    assert closed["status"] == "infeasible" and closed["binding"] == "memory hbm2e"
    assert free["order"]["months"] < opened["order"]["months"]


def test_a_ban_on_the_chip_stops_deliveries_for_good() -> None:
    banned = answered(changed(H100, supply__embargo=[{"what": "chips", "start": "2024Q4"}]))[0]
    free = answered(H100)[0]
    assert banned.filled.delivered[:9] == pytest.approx(free.filled.delivered[:9])
    assert banned.filled.delivered[9:].sum() == 0
    assert float(banned.left) == pytest.approx(1e6 - banned.filled.delivered.sum())


def test_a_second_line_of_logic_makes_the_first_kind_of_die() -> None:
    """MI300X: compute dies on 5 nm, I/O dies on 7 nm."""
    order = {"order": {"chip": "mi300x", "chips": "1M"}, "supply": {"start": "2024Q1"}}
    alone = answered(order)[0].lines
    beside = answered(changed(order, supply__second=second(what="logic", line="tsmc-n3")))[0].lines
    assert np.all(beside.wafers[0] > alone.wafers[0])
    assert beside.wafers[1].tolist() == alone.wafers[1].tolist()
    assert float(beside.whole) == float(alone.whole) == pytest.approx((3390 + 3976) * 365 / 12, rel=0.02)


def test_dies_of_one_line_share_it_by_their_wafers() -> None:
    order = {
        "order": {"chip": "ascend-910a", "chips": "1M"},
        "supply": {"start": "2024Q1", "shares": {"logic": "1 %"}},
    }
    made = behind("ascend-910a").made()
    twin = replace(made, dies=(made.dies[0], replace(made.dies[0], count=3)))
    twin = replace(twin, recipe=made.recipe.model_copy(update={"dies": (made.recipe.dies[0], made.recipe.dies[0])}))
    asked = read(order).supply
    one, three = lines_of(twin, asked).wafers
    assert three == pytest.approx(3 * one)
    assert one + three == pytest.approx(lines_of(made, asked).wafers[0])


def test_an_order_that_lies_ready_takes_nothing() -> None:
    answer_, data = answered(changed(H100, supply__stock={"chips": "2M"}))
    assert data["status"] == "answered" and data["order"]["months"] == 0
    assert float(answer_.bill.logic) == 0 and data["binding"] == "nothing"


def test_quarters_add_up_to_the_order() -> None:
    data = answered(changed(H100, supply__stock={"chips": "100k"}))[1]
    assert sum(row["chips_delivered"] for row in data["quarters"]) == pytest.approx(900_000)
    assert data["quarters"][-1]["chips_in_all"] == pytest.approx(1e6)
    assert sum(row["logic_wafers"] for row in data["quarters"]) == pytest.approx(data["wafers"]["logic_wafers"])
    assert sum(row["packages_started"] for row in data["quarters"]) == pytest.approx(data["wafers"]["packages"])


def test_a_quarter_s_supply_is_the_least_of_its_stages() -> None:
    """Once all lines deliver and no stock is left, what is started is the least capacity of any stage."""
    answer_, data = answered(changed(H100, order__chips="20M", supply__running=True))
    for row in data["quarters"][:4]:
        started = row["packages_started"] * float(answer_.made.assembled)
        assert started == pytest.approx(min(row["capacity_chips"].values()))
        assert row["binding"] == min(row["capacity_chips"], key=row["capacity_chips"].__getitem__)


def test_learning_makes_later_wafers_better() -> None:
    learning = {"first": "0.22 /cm2", "last": "0.12 /cm2", "time": "1 years"}
    answer_ = answered(changed(ASCEND, supply__learning=learning))[0]
    assert np.all(np.diff(answer_.lines.good[0]) > 0)
    assert float(answer_.bill.logic) == pytest.approx(float(answer_.wafers[0].sum()))


def test_samples_of_every_figure_go_through() -> None:
    random = np.random.default_rng(0)

    def take(figure: Figure) -> Floats:
        low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
        return random.uniform(low, high, 8192)

    asked = read(H100)
    answer_ = supplied(asked.order, asked.supply, take)
    assert answer_.filled.months.shape == answer_.bom.total.shape == answer_.carbon.total.shape == (8192,)
    low, high = np.quantile(answer_.filled.months, [0.05, 0.95])
    assert low < high and np.isfinite(high)


# Every field


def fields_of(model: type[pydantic.BaseModel], path: str = "") -> Iterator[str]:
    for name, each in model.model_fields.items():
        here = f"{path}__{name}" if path else name
        inner = list(models_in(each.annotation))
        if not inner:
            yield here
        for one in inner:
            yield from fields_of(one, here)


def models_in(annotation: object) -> Iterator[type[pydantic.BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def test_every_field_has_its_two_values() -> None:
    assert set(fields_of(SupplyScenario)) - LABELS == MOVES.keys()


@pytest.mark.parametrize("path", MOVES)
def test_a_field_moves_the_answer(path: str) -> None:
    first, second_ = (answered(scenario)[1] for scenario in MOVES[path].scenarios(target(path)))
    assert outcome(first) != outcome(second_)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"supply__embargo": embargo(start="2027Q1", end="2027Q2")}, "supply.embargo[0]"),
        ({"supply__second": second(what="logic", line="tsmc-n5"), "supply__shares": {}}, "supply.second[0]"),
        ({"supply__ramps": ramp(start="2027Q1", end="2028Q1")}, "supply.ramps[0]"),
        ({"supply__substrates": "50M chips/month"}, "supply.substrates"),
    ],
)  # fmt: skip
def test_a_field_that_moves_nothing_is_reported(changes: dict[str, Any], field: str) -> None:
    data = answered(changed(H100, supply__running=True, **changes))[1]
    assert field in data["unused"]


def test_what_is_left_open_is_listed() -> None:
    data = answered({"order": H100["order"], "supply": {"start": "2024Q1"}})[1]
    fields = {each["field"] for each in data["assumptions"]}
    assert {"supply.shares.logic", "supply.shares.hbm", "supply.shares.packaging", "supply.life"} <= fields
    assert {"supply.substrates", "supply.running"} <= fields
    assert any(each["estimate"] and "from memory" in each["source"] for each in data["assumptions"])


def test_every_estimate_is_listed_with_its_part_and_value() -> None:
    """Of the lines by quarter, of the board too; a chip without a board of its own says so."""
    data = answered(H100)[1]
    listed = {each["field"]: each for each in data["assumptions"]}
    assert "dies.0.width 26 mm" in listed["supply.h100-sxm-80"]["value"]
    assert "2027Q4" in listed["supply.lines.cowos"]["value"]
    assert "circuit 0.379 m2" in listed["supply.hgx-h100"]["value"]
    assert "supply.board" not in listed
    other = answered(changed(H100, order__chip="mi300x"))[1]
    assert "supply.board" in {each["field"] for each in other["assumptions"]}


def test_the_usual_life_is_the_cost_profile_s() -> None:
    life = cost_profile("world").life_it
    answer_, data = answered(H100)
    assert answer_.life == life.value
    told = next(each for each in data["assumptions"] if each["field"] == "supply.life")
    assert told["source"] == life.source and "3 years to 7 years" in told["value"]


def test_yields_that_are_learned_price_and_burden_the_order_s_own_dies() -> None:
    """Bills of a chip and of wafers rest on the same good dies of a wafer: those of the order's time."""
    learning = {"first": "0.22 /cm2", "last": "0.12 /cm2", "time": "1 years"}
    answer_ = answered(changed(ASCEND, supply__learning=learning, supply__stock={}))[0]
    die = answer_.made.dies[0]
    assert float(answer_.lines.good[0][0]) < float(die.good) < float(answer_.lines.good[0][-1])
    assert float(die.cost) == pytest.approx(die.node.wafer_price.value / float(die.good))
    assert float(answer_.bill.logic) == pytest.approx(answer_.order.chips * float(answer_.made.wafers_per_chip))


# Wrong input


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"order__chip": "h1000"}, "did you mean"),
        ({"order__chips": "7M wafers"}, "a number of wafers"),
        ({"order__chips": "0"}, "1 or more"),
        ({"supply__start": "2019Q1"}, "outside what is known"),
        ({"supply__start": "2031Q1"}, "outside what is known"),
        ({"supply__start": "soon"}, "no quarter"),
        ({"supply__shares__logic": "120 %"}, "1 or less"),
        ({"supply__shares__logics": "20 %"}, "did you mean logic"),
        ({"supply__embargo": embargo(end="2024Q3")}, "ends after"),
        ({"supply__second": second(line="cowos")}, "makes wafers"),
        ({"supply__second": second(line="cxmt")}, "no production line"),
        ({"supply__ramps": ramp(end="2024Q1")}, "ends after"),
        ({"supply__ramps": ramp(bytes="1 PB")}, "give wafers or packages"),
        ({"supply__learning": {"first": "0.1 /cm2", "last": "0.2 /cm2", "time": "1 years"}}, "fewer with time"),
    ],
)
def test_wrong_orders_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        answered(changed(H100, **changes))
    assert said in str(caught.value)


def test_an_error_has_its_place(tmp_path: Path) -> None:
    path = written(changed(H100, supply__start="2019Q1"), tmp_path)
    asked, locate = read_supply(path)
    with pytest.raises(InputError) as caught:
        supplied(asked.order, asked.supply)
    told = locate(caught.value)
    assert told.place is not None and told.place.line == 5 and "2022Q3 to 2028Q4" in told.expected


def test_a_chip_without_a_recipe_names_those_that_have_one() -> None:
    with pytest.raises(InputError, match=r"nothing is known of what wse3 is made of.*h100-sxm-80"):
        behind("wse3")


# With a training run


def test_weaker_chips_take_more_of_them_and_more_network() -> None:
    scenario, _ = read_scenario(EXAMPLES / "gpt3-175b.yaml")
    found = equal_outcome(scenario, EXAMPLES, "h20-96")
    assert found.other is not None and found.other.best is not None
    assert found.other.job.chips > 1.5 * found.base.job.chips
    assert found.other.wall_time <= found.base.wall_time
    assert found.base_network is not None and found.other_network is not None
    assert found.other_network.topology.switches > found.base_network.topology.switches


def test_a_run_that_fits_nowhere_has_no_equal() -> None:
    scenario = Scenario.model_validate(
        changed(SMALL, train__model="llama-3.1-405b", plan={"tp": 8, "pp": 1, "zero": 0}, train__global_batch=8)
    )
    found = equal_outcome(scenario, Path(), "h20-96")
    assert found.base.infeasible is not None and found.other is None

"""Bills of chips in dollars, carbon and wafers: published totals, and parts that add up."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petaday.catalog import silicon_load as silicon
from petaday.catalog.figure import Figure
from petaday.catalog.take import Take, median
from petaday.study.supply_parts import behind
from petaday.supply.bom import bom
from petaday.supply.carbon import Carbon, carbon
from petaday.supply.package import Made, assembly_yield
from petaday.supply.silicon import WAFER_AREA, Floats
from petaday.supply.wafers import wafer_bill

CHIPS = sorted(silicon.recipes())


def drawn(samples: int, seed: int = 0) -> Take:
    """A reader of figures that gives samples between each one's low and high."""
    random = np.random.default_rng(seed)

    def take(figure: Figure) -> Floats:
        low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
        return random.uniform(low, high, samples)

    return take


def made_of(chip: str, take: Take = median) -> Made:
    return behind(chip, allow_unverified=True).made(take)


def carbon_of(chip: str, take: Take = median) -> Carbon:
    parts = behind(chip, allow_unverified=True)
    return carbon(parts.made(take), parts.board, parts.switch_node, take)


# Published totals


def test_an_h100_die_costs_300_to_420_dollars() -> None:
    assert 300 <= float(made_of("h100-sxm-80").dies[0].cost) <= 420


@pytest.mark.parametrize(
    ("chip", "low", "high"),
    [
        ("h100-sxm-80", 0.8 * 3320, 1.2 * 3320),
        ("b200-sxm", 5700, 7300),
        ("tpu-v5e", 950, 1400),
        ("tpu-v5p", 2300, 2900),
        ("tpu-v6e", 1600, 1900),
        ("mi300x", 0.8 * 5300, 1.2 * 5300),
        ("mi355x", 0.9 * 8000, 1.1 * 8000),
    ],
)
def test_published_bills(chip: str, low: float, high: float) -> None:
    assert low <= float(bom(made_of(chip)).total) <= high


def test_a_b200_s_loss_is_1000_to_1100_dollars() -> None:
    """Epoch AI's packaging loss, from which the attach yield was taken; so packages are good in 0.82 of cases."""
    made = made_of("b200-sxm")
    assert float(made.assembled) == pytest.approx(0.82, abs=0.005)
    assert 1000 <= float(bom(made).loss) <= 1100


def test_memory_is_40_to_60_percent_of_newer_bills() -> None:
    """41 to 58 % of the published bills (siliconanalysts, Epoch AI)."""
    for chip in ("h100-sxm-80", "h200-sxm", "b200-sxm", "b300-sxm", "mi300x", "tpu-v7"):
        cost = bom(made_of(chip))
        assert 0.38 <= float(cost.hbm / cost.total) <= 0.60


@pytest.mark.parametrize(("chip", "kilograms"), [("h100-sxm-80", 1312), ("b200-sxm", 2274)])
def test_boards_emit_what_nvidia_publishes(chip: str, kilograms: float) -> None:
    total = 8 * carbon_of(chip).total
    assert float(total) == pytest.approx(kilograms, rel=0.15)


def test_what_carries_a_chip_does_not_turn_the_order_of_chips_around() -> None:
    """Alike chips on alike boards: more memory and more watts emit more, whichever boards are known."""
    chips = ("h100-sxm-80", "h200-sxm", "b200-sxm", "b300-sxm")
    h100, h200, b200, b300 = (float(carbon_of(chip).total) for chip in chips)
    assert h100 < h200 < b200 < b300
    board = carbon_of("h200-sxm")
    assert (
        float(board.switches) == pytest.approx(float(carbon_of("h100-sxm-80").switches)) and float(board.switches) > 0
    )


def test_a_rack_s_chip_has_its_own_boards_and_the_same_silicon() -> None:
    rack, alone = carbon_of("gb200-nvl72"), carbon_of("b200-sxm")
    assert float(rack.packaged) == pytest.approx(float(alone.packaged))
    # 18 switches for 72 chips, and two for eight.
    assert float(rack.switches) == pytest.approx(float(alone.switches))
    assert float(rack.circuit) > float(alone.circuit) and float(rack.sink) < float(alone.sink)


def test_a_board_without_switches_has_circuits_and_sinks() -> None:
    found = carbon_of("mi300x")
    assert float(found.switches) == 0 and min(float(found.circuit), float(found.sink), float(found.assembly)) > 0


def test_h100_logic_alone_is_act_s_by_its_own_area_and_yield() -> None:
    """ACT: 22.6 kg at a yield of 0.875 for the die's own area; whole wafers, rim included, at 72 % are more."""
    node = silicon.node("n4")
    assert 814e-6 * node.carbon.value / 0.875 == pytest.approx(22.6, rel=0.01)
    made = made_of("h100-sxm-80")
    logic = float(carbon_of("h100-sxm-80").logic)
    assert logic == pytest.approx(node.carbon.value * WAFER_AREA / float(made.dies[0].good))
    assert 22.6 < logic < 2 * 22.6


# Bills add up


@pytest.mark.parametrize("chip", CHIPS)
def test_parts_add_up_and_none_is_negative(chip: str) -> None:
    cost, emitted = bom(made_of(chip)), carbon_of(chip)
    for whole in (cost, emitted):
        parts = [float(getattr(whole, field.name)) for field in fields(whole)]
        assert min(parts) >= 0
        assert sum(parts) == pytest.approx(float(whole.total), rel=1e-12)


def test_a_bad_package_loses_all_that_is_in_it() -> None:
    made = made_of("h100-sxm-80")
    cost = bom(made)
    inside = cost.logic + cost.hbm + cost.packaging
    assert float(inside + cost.loss) == pytest.approx(float(inside / made.assembled))


def test_stacks_of_dies_are_tested_before_memory_is_placed() -> None:
    """MI300X: 8 dies on 4, and 12 pieces placed last; with all 20 placed last more would be lost."""
    made = made_of("mi300x")
    assert made.recipe.placed == 12
    assert float(made.joined) == pytest.approx(0.99**2)
    assert float(made.assembled) == pytest.approx(0.99**12) and float(assembly_yield(0.99, 20)) < 0.99**12


@given(chips=st.floats(1, 1e9), stock=st.floats(0, 1e8), chip=st.sampled_from(CHIPS))
@settings(deadline=None, max_examples=60)
def test_the_bill_of_wafers_adds_up(chips: float, stock: float, chip: str) -> None:
    made, listed = made_of(chip), wafer_bill(made_of(chip), chips, stock)
    assert float(listed.packages) == pytest.approx(float(listed.good + listed.bad), rel=1e-12)
    assert float(listed.good) == pytest.approx(float(listed.packages * made.assembled), rel=1e-9)
    for line, die in zip(listed.dies, made.dies, strict=True):
        assert min(float(line.from_stock), float(line.from_wafers), float(line.bad)) >= 0
        assert float(line.wafers * line.gross) == pytest.approx(float(line.from_wafers + line.bad), rel=1e-12)
        assert float(line.used) == pytest.approx(float(listed.packages * die.count / made.joined), rel=1e-9)
    assert float(listed.memory) == pytest.approx(float(listed.stacks * made.stack_bytes), rel=1e-12)
    if not stock:
        assert float(listed.logic) == pytest.approx(chips * float(made.wafers_per_chip), rel=1e-9)


def test_seven_million_h100_are_the_press_s_wafers_once() -> None:
    """7 million over 30 good dies a wafer is 233,000 wafers once; dies with spare cores take a third fewer."""
    listed = wafer_bill(made_of("h100-sxm-80"), 7e6)
    assert float(listed.logic) == pytest.approx(7e6 / 46.7 / 0.941, rel=0.01)
    assert float(listed.logic) < 7e6 / 30
    assert float(listed.stacks) == pytest.approx(5 * float(listed.packages))


# Samples


def test_all_bills_take_samples_at_once() -> None:
    samples = 8192
    made = made_of("b200-sxm", drawn(samples))
    costs = bom(made, drawn(samples, seed=1))
    emitted = carbon_of("b200-sxm", drawn(samples))
    listed = wafer_bill(made, np.full(samples, 1e6))
    assert costs.total.shape == emitted.total.shape == listed.logic.shape == (samples,)
    assert np.quantile(costs.total, 0.05) < float(bom(made_of("b200-sxm")).total) < np.quantile(costs.total, 0.95)
    alone: Made = made_of("b200-sxm", lambda figure: np.asarray(figure.high or figure.value))
    assert float(alone.dies[0].cost) == pytest.approx(
        float(alone.dies[0].node.wafer_price.high or 0) / float(alone.dies[0].good)
    )

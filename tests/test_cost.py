"""A cluster's money: the recovery factor, totals of parts, prices by date, and what cannot be priced."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.catalog import load, prices
from petaday.errors import InputError
from petaday.site.cost import Prices, Size, capital, costs, per_chip_second, recovery
from petaday.study.cost import in_dollars, price_factors, prices_at
from petaday.study.cost_scenario import Cost
from petaday.study.factor import middle
from petaday.units import Kind, parse
from petaday.units.kinds import YEAR

H100 = load.chip("h100-sxm-80")


def ordinary() -> Prices:
    """Prices of the profile `world` for H100."""
    return prices_at(middle(price_factors(Cost(), H100).factors))


def some_size(chips: float = 1024.0) -> Size:
    """A cluster of H100 with a network of $3,000 a chip."""
    watts = chips * 1400.0
    return Size(*map(np.asarray, (chips, chips, chips * 2000.0, chips * 1000.0, 0.8 * watts, watts, 1.2)))


def test_the_recovery_factor_is_that_of_the_tables() -> None:
    # ASTM E917, table of uniform capital recovery: 7 % over 5 years 0.2439, over 14 years 0.1143.
    assert recovery(np.asarray(0.07), np.asarray(5 * YEAR)) == pytest.approx(0.2439, abs=5e-5)
    assert recovery(np.asarray(0.07), np.asarray(14 * YEAR)) == pytest.approx(0.1143, abs=5e-5)
    assert recovery(np.asarray(0.0), np.asarray(5 * YEAR)) == pytest.approx(0.2)


@given(rate=st.floats(1e-6, 0.5), years=st.floats(1, 30), residual=st.floats(0, 1))
def test_payments_and_residual_are_worth_the_capital_today(rate: float, years: float, residual: float) -> None:
    payment = float(recovery(np.asarray(rate), np.asarray(years * YEAR), residual))
    present = payment * (1 - (1 + rate) ** -years) / rate + residual * (1 + rate) ** -years
    assert present == pytest.approx(1.0)
    assert payment >= 0


def test_totals_are_the_sums_of_their_parts() -> None:
    found = costs(some_size(), ordinary())
    for parts in (found.capex, found.charge, found.opex):
        assert sum(parts.by_part().values()) == parts.total
        assert all(value >= 0 for value in parts.by_part().values())
    assert found.yearly == found.charge.total + found.opex.total


@given(factor=st.floats(0.1, 10))
def test_twice_the_cluster_costs_twice_as_much(factor: float) -> None:
    size = some_size()
    larger = replace(
        size, **{each.name: getattr(size, each.name) * factor for each in fields(size) if each.name != "pue"}
    )
    assert costs(larger, ordinary()).yearly == pytest.approx(costs(size, ordinary()).yearly * factor)


@pytest.mark.parametrize(
    "name", [each.name for each in fields(Prices) if not each.name.startswith(("life", "residual"))]
)
def test_every_price_makes_it_dearer(name: str) -> None:
    prices = ordinary()
    dearer = replace(prices, **{name: getattr(prices, name) * 1.2 + 1e-12})
    assert costs(some_size(), dearer).yearly > costs(some_size(), prices).yearly


def test_a_table_of_clusters_costs_what_each_alone_does() -> None:
    both = costs(
        Size(*(np.stack([getattr(some_size(n), f.name) for n in (8.0, 4096.0)]) for f in fields(Size))), ordinary()
    )
    alone = [float(costs(some_size(n), ordinary()).yearly) for n in (8.0, 4096.0)]
    np.testing.assert_allclose(both.yearly, alone)


def test_a_chip_that_is_sold_half_of_its_time_costs_twice_as_much() -> None:
    assert per_chip_second(np.asarray(1.0), np.asarray(8.0), 0.5) == 2 * per_chip_second(
        np.asarray(1.0), np.asarray(8.0)
    )


def test_ten_thousand_a100_are_twice_their_chips() -> None:
    """Claims of 2023: 10,000 A100 of 100,000 yuan are 1.0bn yuan; with servers (1.66) and network (19 %) 2.05bn."""
    chips = 1e4 * 1e5
    with_servers = chips * 1.66
    size = Size(*map(np.asarray, (1e4, 1e4, with_servers / 0.81 * 0.19, 0.0, 0.0, 0.0, 1.0)))
    zero = {each.name: np.asarray(0.0) for each in fields(Prices)}
    told = capital(size, Prices(**{**zero, "chip": np.asarray(1e5), "server_overhead": np.asarray(1.66)}))
    assert told.total == pytest.approx(2.049e9, rel=1e-3)


def test_prices_come_from_the_nearest_date() -> None:
    rent = {date: prices.rent_of("h100-sxm-80", "committed", date) for date in ("2025-09", "2026-04")}
    assert [each.price.value * 3600 for each in rent.values() if each] == pytest.approx([1.70, 2.35])
    assert prices.rent_of("h100-sxm-80", "on-demand", "2035-01") is None
    assert prices.purchase_of("ascend-950pr", "2026-03") is None


def test_yuan_become_dollars_at_the_rate_drawn() -> None:
    section = Cost.model_validate({"chip_price": "¥700k..¥1.4M", "exchange_rate": "6..8"})
    priced = price_factors(section, H100)
    factor = {each.name: each for each in priced.factors}["cost.chip_price"]
    assert factor.given
    assert factor.text == "¥989,900 (¥700,000 to ¥1.4M)"
    values = middle(priced.factors)
    rates = np.array([6.0, 7.0, 8.0])
    dollars = in_dollars({**values, "cost.exchange_rate": rates}, priced.yuan)["cost.chip_price"]
    np.testing.assert_allclose(dollars, math.sqrt(700e3 * 1.4e6) / rates)


def test_a_server_s_price_holds_the_server() -> None:
    """In 2023 the catalog knows servers of H100 over their chips, and in 2025 the maker's average price of a chip."""
    by_date = {date: middle(price_factors(Cost(date=date), H100).factors) for date in ("2023-06", "2025-03")}
    assert by_date["2023-06"]["cost.server_overhead"] == 1.0
    assert by_date["2025-03"]["cost.server_overhead"] > 1.5


def test_a_rack_s_chips_carry_less_of_a_server() -> None:
    whole = {
        name: math.prod(float(values[key]) for key in ("cost.chip_price", "cost.server_overhead"))
        for name in ("gb200-nvl72", "b200-sxm")
        if (values := middle(price_factors(Cost(), load.chip(name)).factors))
    }
    # Bernstein: $3.4M of compute in an NVL72 rack.
    assert 72 * whole["gb200-nvl72"] == pytest.approx(3.4e6, rel=0.02)
    assert whole["b200-sxm"] > whole["gb200-nvl72"]


def test_shares_stay_shares_when_drawn() -> None:
    section = Cost.model_validate({"shell_share": "60 %..95 %", "residual": "10 %..80 %"})
    priced = price_factors(section, H100)
    extreme = {each.name: each.at(np.array([4.0])) for each in priced.factors}
    assert extreme["cost.shell_share"] <= 1.0
    assert prices_at(extreme).plant >= 0


def test_spare_chips_cost_and_do_not_work() -> None:
    size = some_size()
    spared = replace(size, chips=size.chips * 1.1)
    base, more = costs(size, ordinary()), costs(spared, ordinary())
    assert more.capex.chips == pytest.approx(1.1 * base.capex.chips)
    assert per_chip_second(more.yearly, spared.used) > per_chip_second(base.yearly, size.used)


@pytest.mark.parametrize(
    ("section", "field"),
    [
        ({"date": "2011-01"}, "cost.exchange_rate"),
        ({"profile": "wrld"}, "cost.profile"),
        ({"server_overhead": 0.5}, "cost.server_overhead"),
        ({"wacc": "5 %..120 %"}, "cost.wacc"),
    ],
)
def test_wrong_prices_name_their_field(section: dict[str, object], field: str) -> None:
    with pytest.raises(InputError) as caught:
        price_factors(Cost.model_validate(section), H100)
    assert caught.value.field == field


def test_a_chip_without_a_price_asks_for_one() -> None:
    with pytest.raises(InputError, match="no price") as caught:
        price_factors(Cost(), load.chip("ascend-950pr"))
    assert caught.value.field == "cost.chip_price"


@pytest.mark.parametrize("text", ["30k", "€30k", "$30k/kWh", "$40k..$30k"])
def test_money_needs_a_currency_and_an_order(text: str) -> None:
    with pytest.raises(ValueError, match="chip_price"):
        Cost.model_validate({"chip_price": text})


def test_every_rent_and_purchase_is_of_a_chip_that_there_is() -> None:
    for quote in (*prices.rents(), *prices.purchases()):
        assert load.chip(quote.chip, allow_unverified=True).id == quote.chip
        assert quote.price.value > 0


def test_rents_are_v_shaped() -> None:
    """H100 by the hour: $10 in 2023, $2.99 in October 2024, $1.70 in October 2025, $2.35 in March 2026."""
    read = [each for each in prices.rents() if each.chip == "h100-sxm-80" and "secondary" in each.price.source]
    by_date = [each.price.value * 3600 for each in sorted(read, key=lambda each: each.date)]
    assert by_date == pytest.approx([10.0, 2.99, 1.70, 2.35])
    assert parse("$2.35/chip-hour", Kind.CHIP_PRICE) == read[-1].price.value

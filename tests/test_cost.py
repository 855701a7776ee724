"""A cluster's money: the recovery factor, totals of parts, prices by date, and what cannot be priced."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.catalog import load, prices
from petaday.errors import InputError
from petaday.site.cost import YEAR, Prices, Size, capital, costs, per_chip_second, recovery
from petaday.study.cost import price_factors, prices_at
from petaday.study.cost_scenario import Cost
from petaday.study.factor import middle
from petaday.units import Kind, Span, parse

H100 = load.chip("h100-sxm-80")


def ordinary() -> Prices:
    """Prices of the profile `world` for H100."""
    return prices_at(middle(price_factors(Cost(), H100).factors))


def some_size(chips: float = 1024.0) -> Size:
    """A cluster of H100 with a network of $3,000 a chip."""
    watts = chips * 1400.0
    return Size(*map(np.asarray, (chips, chips * 2000.0, chips * 1000.0, 0.8 * watts, watts, 1.2)))


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
    size = Size(*map(np.asarray, (1e4, with_servers / 0.81 * 0.19, 0.0, 0.0, 0.0, 1.0)))
    zero = {each.name: np.asarray(0.0) for each in fields(Prices)}
    told = capital(size, Prices(**{**zero, "chip": np.asarray(1e5), "server_overhead": np.asarray(1.66)}))
    assert told.total == pytest.approx(2.049e9, rel=1e-3)


def test_prices_come_from_the_nearest_date() -> None:
    rent = {date: prices.rent_of("h100-sxm-80", "committed", date) for date in ("2025-09", "2026-04")}
    assert [each.price.value * 3600 for each in rent.values() if each] == pytest.approx([1.70, 2.35])
    assert prices.rent_of("h100-sxm-80", "on-demand", "2035-01") is None
    assert prices.purchase_of("ascend-950pr", "2026-03") is None


def test_yuan_become_dollars_at_the_rate_given() -> None:
    section = Cost.model_validate({"chip_price": "¥700k..¥1.4M", "exchange_rate": 7})
    factor = {each.name: each for each in price_factors(section, H100).factors}["cost.chip_price"]
    assert (factor.span.low, factor.span.high) == (100e3, 200e3)
    assert factor.given


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
    assert Span(1.0, 1.0, 1.0).is_known

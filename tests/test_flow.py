"""Max-min rates: the certificate that defines them, a textbook reference, closed forms; then flows in time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.errors import InputError
from petaday.fabric.events import Change, simulate
from petaday.fabric.flow import Routes, max_min
from petaday.fabric.network import Floats

CLOSE = 1e-6


class Case(NamedTuple):
    capacity: Floats
    routes: Routes
    weight: Floats
    demand: Floats

    def rates(self) -> Floats:
        return max_min(self.capacity, self.routes, weight=self.weight, demand=self.demand)

    def uses(self) -> Floats:
        """(rows, links): the part of each row's rate on each link."""
        part = np.ones(self.routes.hops.shape) if self.routes.part is None else self.routes.part
        uses = np.zeros((self.routes.rows, self.routes.links + 1))
        np.add.at(uses, (np.arange(self.routes.rows), self.routes.hops), part)
        return uses[:, :-1]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Random routes over a few links; about half the cases are weighted, limited in demand or spread over paths."""
    links, rows = draw(st.integers(1, 8)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    uses = rng.random((rows, links)) < draw(st.sampled_from([0.2, 0.5, 0.9]))
    uses[~uses.any(axis=1), 0] = True
    row, link = np.nonzero(uses)
    part = rng.uniform(0.1, 1, row.size) if draw(st.booleans()) else None
    capacity = rng.integers(1, 5, links).astype(float) if draw(st.booleans()) else rng.uniform(0, 5, links)
    weight = rng.uniform(0.1, 10, rows) if draw(st.booleans()) else np.ones(rows)
    demand = rng.uniform(0, 2, rows) if draw(st.booleans()) else np.full(rows, np.inf)
    return Case(capacity, Routes.of_entries(row, link, links, rows, part), weight, demand)


def water_filling(case: Case) -> Floats:
    """The textbook: raise all rates together, stop the flows of the first full link, go on with the others."""
    uses, rates = case.uses(), np.zeros(case.routes.rows)
    rising = np.full(rates.size, True)
    while rising.any():
        speed = (case.weight * rising) @ uses
        room = np.maximum(case.capacity - rates @ uses, 0)
        until_full = np.divide(room, speed, out=np.full(room.size, np.inf), where=speed > 0)
        until_wanted = np.where(rising, (case.demand - rates) / case.weight, np.inf)
        rise = min(until_full.min(), until_wanted.min())
        rates = np.where(rising, rates + case.weight * rise, rates)
        full = until_full <= rise + 1e-12
        rising &= ~(uses[:, full] > 0).any(axis=1) & (until_wanted > rise + 1e-12)
    return rates


def routes(*of_rows: tuple[int, ...], links: int) -> Routes:
    """Routes from the links of each row."""
    row = [i for i, hops in enumerate(of_rows) for _ in hops]
    link = [hop for hops in of_rows for hop in hops]
    return Routes.of_entries(np.array(row, dtype=int), np.array(link, dtype=int), links, len(of_rows))


# Max-min rates


@given(cases())
def test_every_flow_has_what_it_wants_or_a_bottleneck(case: Case) -> None:
    """A bottleneck is a full link on which no other flow has a higher rate per weight: that defines max-min."""
    rates, uses = case.rates(), case.uses()
    load = rates @ uses
    level = rates / case.weight
    highest = np.where(uses > 0, level[:, None], 0).max(axis=0)
    full = load >= case.capacity * (1 - CLOSE)
    bottleneck = (uses > 0) & full & (level[:, None] >= highest * (1 - CLOSE))
    assert (bottleneck.any(axis=1) | (rates >= case.demand * (1 - CLOSE))).all()


@given(cases())
def test_no_link_and_no_flow_gets_too_much(case: Case) -> None:
    rates = case.rates()
    assert (rates >= 0).all()
    assert (rates <= case.demand * (1 + 1e-12)).all()
    assert (case.routes.load(rates) <= case.capacity * (1 + 1e-12) + 1e-12).all()


@given(cases())
def test_agrees_with_the_textbook(case: Case) -> None:
    assert case.rates() == pytest.approx(water_filling(case), rel=CLOSE, abs=1e-9)


@given(cases())
def test_load_is_conserved(case: Case) -> None:
    assert case.routes.load(case.rates()) == pytest.approx(case.rates() @ case.uses(), abs=1e-12)


@given(cases(), st.integers(0, 2**32 - 1))
def test_names_of_rows_and_links_do_not_matter(case: Case, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, links = rng.permutation(case.routes.rows), rng.permutation(case.routes.links)
    hops = np.append(links, links.size)[case.routes.hops[:, rows]]
    part = None if case.routes.part is None else case.routes.part[:, rows]
    capacity = np.empty_like(case.capacity)
    capacity[links] = case.capacity
    renamed = Case(capacity, Routes(hops, links.size, part), case.weight[rows], case.demand[rows])
    assert renamed.rates() == pytest.approx(case.rates()[rows], rel=CLOSE, abs=1e-9)


@given(cases(), st.floats(0.1, 10))
def test_rates_scale_with_all_capacities(case: Case, factor: float) -> None:
    unlimited = case._replace(demand=np.full(case.routes.rows, np.inf))
    scaled = unlimited._replace(capacity=case.capacity * factor)
    assert scaled.rates() == pytest.approx(unlimited.rates() * factor, rel=CLOSE, abs=1e-9)


@given(cases(), st.floats(1, 10), st.booleans())
def test_more_capacity_never_lowers_the_worst_off(case: Case, factor: float, everywhere: bool) -> None:
    """Single flows may lose where others gain: with more room on one link its flows take more of the next."""
    links = slice(None) if everywhere else slice(0, 1)
    capacity = case.capacity.copy()
    capacity[links] *= factor
    before, after = case.rates() / case.weight, case._replace(capacity=capacity).rates() / case.weight
    assert after.min() >= before.min() * (1 - CLOSE)


@given(cases(), st.integers(1, 4))
def test_a_flow_of_weight_w_is_w_flows(case: Case, copies: int) -> None:
    many = case.routes.take(np.repeat(np.arange(case.routes.rows), copies))
    each = max_min(case.capacity, many)
    once = max_min(case.capacity, case.routes, weight=np.full(case.routes.rows, float(copies)))
    assert each.reshape(-1, copies).sum(axis=1) == pytest.approx(once, rel=CLOSE, abs=1e-9)


@given(st.integers(1, 1000), st.floats(1, 1e12))
def test_one_bottleneck_is_shared_evenly(flows: int, capacity: float) -> None:
    """An incast of n flows into one link gives each 1/n of it."""
    one = Routes(np.zeros((1, flows), dtype=int), 1)
    assert max_min(np.array([capacity]), one) == pytest.approx(capacity / flows)


@given(st.integers(1, 50))
def test_parking_lot(hops: int) -> None:
    """One flow over n unit links, each with one local flow: all get 1/2 (Bertsekas and Gallager, §6.5)."""
    lot = routes(tuple(range(hops)), *((link,) for link in range(hops)), links=hops)
    assert max_min(np.ones(hops), lot) == pytest.approx(0.5)


def test_a_chain_of_bottlenecks() -> None:
    """Shares of 1/3, then 2/3, then what is left: links fill one after another, not in one round."""
    chain = routes((0,), (0,), (0, 1), (1, 2), (2,), links=3)
    assert max_min(np.array([1.0, 1.0, 2.0]), chain) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3, 4 / 3])


def test_a_dead_link_stops_its_flows_alone() -> None:
    assert max_min(np.array([0.0, 1.0]), routes((0,), (0, 1), (1,), links=2)) == pytest.approx([0, 0, 1])


def test_a_row_over_no_link_has_what_it_wants() -> None:
    alone = Routes(np.full((1, 2), 1), 1)
    assert max_min(np.ones(1), alone, demand=np.array([3.0, np.inf])) == pytest.approx([3.0, np.inf])


def test_subflows_add_up_to_their_flow() -> None:
    assert Routes(np.zeros((1, 6), dtype=int), 1, paths=3).per_flow(np.arange(6.0)) == pytest.approx([3, 12])


@pytest.mark.parametrize(
    ("field", "capacity", "extra"),
    [
        ("capacity", [1.0, 1.0], {}),
        ("capacity", [-1.0], {}),
        ("capacity", [np.inf], {}),
        ("weight", [1.0], {"weight": np.zeros(1)}),
        ("demand", [1.0], {"demand": -np.ones(1)}),
    ],
)
def test_impossible_inputs_are_named(field: str, capacity: list[float], extra: dict[str, Floats]) -> None:
    with pytest.raises(InputError) as error:
        max_min(np.array(capacity), routes((0,), links=1), **extra)
    assert error.value.field == field


# Flows in time


@given(cases(), st.integers(0, 2**32 - 1))
def test_every_byte_arrives_and_crosses_each_link_of_its_route(case: Case, seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, start = rng.uniform(0, 10, case.routes.rows), rng.integers(0, 4, case.routes.rows).astype(float)
    capacity = case.capacity + 0.1
    transfer = simulate(capacity, case.routes, size, start=start, weight=case.weight)
    assert transfer.carried == pytest.approx(size @ case.uses(), abs=1e-9)
    assert (transfer.finish >= start).all()
    alone = (case.uses() / capacity).max(axis=1) * size
    assert (transfer.finish - start >= alone * (1 - CLOSE) - 1e-9).all()


@given(cases(), st.floats(0.1, 10))
def test_bytes_and_rates_scale_together(case: Case, factor: float) -> None:
    size = np.arange(1.0, case.routes.rows + 1)
    base = simulate(case.capacity + 0.1, case.routes, size)
    scaled = simulate((case.capacity + 0.1) * factor, case.routes, size * factor)
    assert scaled.finish == pytest.approx(base.finish, rel=CLOSE)


def test_equal_flows_finish_together_and_leave_room() -> None:
    """Sizes 1, 1 and 4 on a unit link: a third each until 3 s, then the long one alone until 6 s."""
    transfer = simulate(np.ones(1), routes((0,), (0,), (0,), links=1), np.array([1.0, 1.0, 4.0]))
    assert transfer.finish == pytest.approx([3, 3, 6])


def test_a_late_flow_takes_its_share_from_when_it_starts() -> None:
    """2 bytes from 0 s and 1 byte from 1 s on a unit link: alone until 1 s, half each until both end at 3 s."""
    pair = routes((0,), (0,), links=1)
    assert simulate(np.ones(1), pair, np.array([2.0, 1.0]), start=np.array([0.0, 1.0])).finish == pytest.approx(3)


def test_a_degraded_link_slows_what_is_left() -> None:
    halved = Change(1.0, np.array([0.5]))
    assert simulate(np.ones(1), routes((0,), links=1), np.array([2.0]), changes=[halved]).finish == pytest.approx(3)


def test_a_flow_waits_for_repair_or_for_ever() -> None:
    dead, repaired = Change(1.0, np.zeros(1)), Change(5.0, np.ones(1))
    one, size = routes((0,), links=1), np.array([2.0])
    assert simulate(np.ones(1), one, size, changes=[repaired, dead]).finish == pytest.approx(6)
    lost = simulate(np.ones(1), one, size, changes=[dead])
    assert np.isinf(lost.finish).all()
    assert lost.carried == pytest.approx(1)


def test_failover_goes_on_over_the_new_route() -> None:
    """Link 0 dies at 1 s; the row moves to link 1, which another uses until 3 s."""
    before, after = routes((0,), (1,), links=2), routes((1,), (1,), links=2)
    change = Change(1.0, np.array([0.0, 1.0]), after)
    transfer = simulate(np.ones(2), before, np.array([3.0, 2.0]), changes=[change])
    assert transfer.finish == pytest.approx([4, 3])
    assert transfer.carried == pytest.approx([1, 4])


def test_nothing_to_send_is_done_at_its_start() -> None:
    transfer = simulate(np.zeros(1), routes((0,), links=1), np.zeros(1), start=np.array([2.0]))
    assert transfer.finish == pytest.approx(2)


def test_wrong_sizes_are_named() -> None:
    with pytest.raises(InputError, match="size_bytes"):
        simulate(np.ones(1), routes((0,), links=1), np.array([-1.0]))
    with pytest.raises(InputError, match="start"):
        simulate(np.ones(1), routes((0,), links=1), np.ones(1), start=np.zeros(2))

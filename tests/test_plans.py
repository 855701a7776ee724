"""The table of plans: rows, columns, distinct rows, gathered costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import PLAN, plan_of, tables
from petaday.errors import InputError
from petaday.training.gather import gather
from petaday.training.plan import COLUMNS, Plans, distinct

FEW_COLUMNS = st.lists(st.sampled_from(list(COLUMNS)), min_size=1, unique=True)


def columns_of(plans: Plans, names: list[str]) -> np.ndarray:
    return np.column_stack([getattr(plans, name) for name in names])


def same(left: Plans, right: Plans) -> bool:
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in COLUMNS)


@given(plans=tables(), names=FEW_COLUMNS)
def test_distinct_rows_are_those_of_numpy(plans: Plans, names: list[str]) -> None:
    table = columns_of(plans, names)
    first, place = distinct(getattr(plans, name) for name in names)
    expected, index = np.unique(table, axis=0, return_index=True)
    assert np.array_equal(table[first], expected)
    assert np.array_equal(first, index)  # the first of equal rows stands for them
    assert np.array_equal(table[first][place], table)


def test_distinct_needs_columns() -> None:
    with pytest.raises(ValueError, match="no columns"):
        distinct([])


@given(plans=tables())
def test_rows_make_the_table_again(plans: Plans) -> None:
    assert same(Plans.of(plans.row(i) for i in range(len(plans))), plans)


@given(plans=tables(), data=st.data())
def test_parts_make_the_table_again(plans: Plans, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(plans)))
    parts = [plans.take(slice(0, cut)), plans.take(slice(cut, None))]
    assert [len(part) for part in parts] == [cut, len(plans) - cut]
    assert same(Plans.concat(parts), plans)


@given(plans=tables(), data=st.data())
def test_take_orders_and_filters(plans: Plans, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(len(plans)))))
    shuffled = plans.take(order)
    assert [shuffled.row(i) for i in range(len(plans))] == [plans.row(int(i)) for i in order]
    assert same(shuffled.take(np.argsort(order)), plans)
    mask = plans.tp > 0
    assert len(plans.take(mask)) == np.count_nonzero(mask)


def test_every_column_goes_to_text_and_back() -> None:
    for name, column in COLUMNS.items():
        for value in range(len(column.names)) if column.names else (column.minimum, min(7, column.maximum)):
            written = column.text(value)
            assert column.value(written if column.names else int(written), name) == value


def test_a_plan_is_written_in_words() -> None:
    texts = plan_of(recompute=2, schedule=1, sequence_parallel=1, tp=8).texts(0)
    assert texts["recompute"] == "full"
    assert texts["schedule"] == "zero-bubble"
    assert texts["sequence_parallel"] == "yes"
    assert texts["tp"] == 8
    assert set(texts) == set(PLAN) == set(COLUMNS)


@pytest.mark.parametrize(
    ("name", "written", "told"),
    [
        ("recompute", "fulll", "full"), ("schedule", "1F1B", "1f1b"), ("tp", 0, "from 1 to"), ("tp", 2.0, "whole"),
        ("tp", True, "whole"),
        ("zero", -1, "from 0 to 3"), ("zero", 4, "from 0 to 3"), ("sequence_parallel", "maybe", "no | yes"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_the_right_ones(name: str, written: object, told: str) -> None:
    with pytest.raises(InputError) as caught:
        COLUMNS[name].value(written, f"plan.{name}")
    assert caught.value.field == f"plan.{name}"
    assert told in str(caught.value)


def test_booleans_switch() -> None:
    assert [COLUMNS["tp_overlap"].value(flag, "tp_overlap") for flag in (False, True)] == [0, 1]


# Gathered costs


@dataclass(frozen=True)
class Inner:
    bytes_: np.ndarray


@dataclass(frozen=True)
class Costs:
    seconds: np.ndarray
    parts: dict[str, np.ndarray]
    inner: Inner
    unused: np.ndarray
    flag: bool


def test_gathered_rows_follow_their_places() -> None:
    place = np.array([2, 0, 0, 1])
    costs = Costs(np.arange(3.0), {"a": np.arange(3.0) * 2}, Inner(np.arange(3.0) * 3), np.zeros(3), True)
    rows = gather(costs, place)
    assert rows.seconds.tolist() == [2, 0, 0, 1]
    assert rows.parts["a"].tolist() == [4, 0, 0, 2]
    assert rows.inner.bytes_.tolist() == [6, 0, 0, 3]
    assert rows.flag


def test_only_columns_that_are_asked_for_are_gathered() -> None:
    rows = gather(Costs(np.arange(3.0), {}, Inner(np.zeros(3)), np.zeros(3), False), np.array([1, 1]))
    assert "seconds" not in vars(rows)
    assert rows.seconds is rows.seconds
    assert "seconds" in vars(rows)
    assert "unused" not in vars(rows)
    with pytest.raises(AttributeError):
        _ = rows.missing  # type: ignore[attr-defined]

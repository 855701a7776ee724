"""Columns that no legal plan has: the error names the field and the values that would do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import GPT, GQA, MLA, MOE, job_of, space_of
from petaday.catalog import load
from petaday.catalog.model import Model
from petaday.errors import InputError
from petaday.training.check import check_columns
from petaday.training.search import search


def refused(model: Model, given_: dict[str, int], *, chips_fixed: bool = True, **job: int) -> InputError:
    with pytest.raises(InputError) as caught:
        check_columns(job_of(model, **job), given_, chips_fixed=chips_fixed)
    return caught.value


@pytest.mark.parametrize(
    ("model", "given_", "field", "workable"),
    [
        (GPT, {"tp": 3}, "plan.tp", "one of 1, 2, 4, 8"),
        (GQA, {"tp": 6}, "plan.tp", "one of 1, 2, 4, 8"),
        (GPT, {"tp": 1, "sequence_parallel": 1}, "plan.sequence_parallel", ""),
        (GPT, {"pp": 16}, "plan.pp", "one of 8"),
        (GPT, {"pp": 1, "vpp": 2}, "plan.vpp", "one of 1"),
        (GPT, {"pp": 4, "vpp": 3}, "plan.vpp", "one of 1, 2"),
        (GPT, {"pp": 2, "vpp": 2, "schedule": 1}, "plan.schedule", ""),
        (GPT, {"recompute_layers": 9}, "plan.recompute_layers", "one of 8"),
        (GPT, {"first_layers": 9}, "plan.first_layers", "one of 8"),
        (GPT, {"recompute": 0, "recompute_layers": 4}, "plan.recompute_layers", "one of 0"),
        (GPT, {"cp": 3}, "plan.cp", "one of 1, 2, 4, 8, 16, 32"),
        (GPT, {"cp": 2048}, "plan.cp", "one of 32, 64, 128, 256, 512, 1024"),
        (GPT, {"ep": 2}, "plan.ep", "one of 1"),
        (GPT, {"etp": 2}, "plan.etp", "one of 1"),
        (MOE, {"ep": 3}, "plan.ep", "one of 1, 2, 4, 8"),
        (MOE, {"tp": 4, "etp": 2}, "plan.etp", "one of 1, 4"),
        (GPT, {"dp": 5}, "plan.dp", "one of 1, 2, 4, 8, 16, 32"),
        (GPT, {"micro_batch": 3}, "plan.micro_batch", "one of 1, 2, 4, 8, 16, 32"),
        (GPT, {"dp": 8, "micro_batch": 8}, "plan.micro_batch", "one of 1, 2, 4"),
        (GPT, {"pp": 4, "vpp": 2, "dp": 2, "micro_batch": 8}, "plan.vpp", "one of 1"),
        (GPT, {"tp": 2, "pp": 4, "dp": 4}, "plan", "a product that divides 16"),
        (GPT, {"tp": 2, "cp": 1, "pp": 2, "dp": 2}, "plan.dp", "dp 4"),
    ],
)  # fmt: skip
def test_a_wrong_column_is_told_what_would_do(
    model: Model, given_: dict[str, int], field: str, workable: str
) -> None:
    error = refused(model, given_)
    assert error.field == field
    assert error.expected.startswith(workable)
    assert bool(error.expected) == bool(workable)
    assert error.exit_code == 2


def test_a_batch_that_the_remaining_ranks_do_not_divide() -> None:
    error = refused(GPT, {"tp": 1, "cp": 1, "pp": 1}, chips=12, global_batch=32)
    assert error.field == "plan"
    assert "dp 12" in error.message
    assert "multiple of 12" in error.expected


def test_chips_are_not_checked_while_they_are_searched() -> None:
    check_columns(job_of(GPT, chips=1), {"tp": 8, "pp": 4}, chips_fixed=False)
    assert refused(GPT, {"tp": 8, "pp": 4}, chips=1).field == "plan"


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("gpt-3-175b", {"tp": 8, "pp": 8, "vpp": 4, "micro_batch": 1}),
        ("llama-3.1-405b", {"tp": 8, "cp": 1, "pp": 16, "dp": 128}),
        ("deepseek-v3", {"tp": 1, "pp": 16, "ep": 64, "etp": 1}),
    ],
)
def test_published_plans_pass(name: str, published: dict[str, int]) -> None:
    check_columns(job_of(load.model(name), chips=16384, global_batch=2048 * 6, seq_len=8192), published)


@given(data=st.data(), model=st.sampled_from([GPT, GQA, MOE, MLA]))
def test_what_is_refused_has_no_plan(data: st.DataObject, model: Model) -> None:
    """And the workable values of a single column have one, where the error lists them."""
    columns = {"tp": 10, "pp": 10, "dp": 18, "micro_batch": 34, "ep": 9, "cp": 3}
    column = data.draw(st.sampled_from(list(columns)))
    value = data.draw(st.integers(1, columns[column]))
    job = job_of(model, chips=16, seq_len=4096)
    try:
        check_columns(job, {column: value}, chips_fixed=False)
    except InputError as error:
        assert error.field == f"plan.{column}"
        assert not search(job, space_of(**{column: value})).considered
        for text in error.expected.removeprefix("one of ").split(", "):
            check_columns(job, {column: int(text)}, chips_fixed=False)

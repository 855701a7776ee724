"""Every legal plan, once: against an enumeration that tries all numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cases import GPT, GQA, HABITS, MLA, MODELS, MOE, NVLINK3, job_of, space_of
from petaday.catalog.model import Model
from petaday.training import space as spaces
from petaday.training.job import Job
from petaday.training.layout import Stage, even_split, stage_layers
from petaday.training.plan import COLUMNS, Plans
from petaday.training.space import Space, all_plans, divisors, layout, splits_heads

Row = tuple[int, ...]
NAMES = [name for name in COLUMNS if name not in HABITS]


def rows_of(job: Job, space: Space) -> Counter[Row]:
    table = Plans.concat(all_plans(job, space))
    return Counter(zip(*(getattr(table, name).tolist() for name in NAMES), strict=True))


# The definition, tried number by number


def legal_ranks(job: Job) -> Iterator[tuple[int, int, int, int, int, int]]:
    model, moe, upto = job.model, job.model.moe, range(1, job.chips + 1)
    for tp, cp, pp, dp in product(upto, repeat=4):
        if tp * cp * pp * dp != job.chips or tp > job.network.domain or pp > model.layers or job.global_batch % dp:
            continue
        kv_heads = model.heads if model.mla else model.kv_heads
        if model.heads % tp or (kv_heads % tp and tp % kv_heads) or (model.ffn and model.ffn % tp):
            continue
        if bin(cp).count("1") > 1 or (cp > 1 and (job.seq_len % (2 * cp) or job.seq_len / cp < 1024)):
            continue
        if moe is None:
            yield tp, cp, pp, dp, 1, 1
            continue
        for ep, etp in product(range(1, moe.experts + 1), {1, tp}):
            if moe.experts % ep == 0 and moe.ffn % etp == 0 and (tp * cp * dp) % (ep * etp) == 0:
                yield tp, cp, pp, dp, ep, etp


def legal_ends(layers: int, pp: int, vpp: int) -> tuple[int, int] | None:
    if pp == 1:
        return layers, 0
    if layers % (pp * vpp) == 0:
        return layers // pp, layers // pp
    if pp > 2 and (layers + 2) % (pp * vpp) == 0 and layers + 2 >= 2 * pp:
        return (layers + 2) // pp - 1, (layers + 2) // pp - 1
    if vpp > 1 or pp > layers:
        return None
    base, extra = divmod(layers, pp)
    return base + max(extra - (pp - 2), 0), base


def legal_rows(job: Job) -> Iterator[Row]:
    layers, upto = job.model.layers, range(1, job.global_batch + 1)
    for tp, cp, pp, dp, ep, etp in legal_ranks(job):
        stage = -(-layers // pp)
        quarters = {-(-stage * quarter // 4) for quarter in (1, 2, 3, 4)}
        repeats = [(0, 0), (1, stage), *((2, repeated) for repeated in quarters)]
        for micro_batch, vpp, schedule in product(upto, range(1, layers + 3), (0, 1, 2)):
            if job.global_batch % (dp * micro_batch):
                continue
            count = job.global_batch // (dp * micro_batch)
            ends = legal_ends(layers, pp, vpp)
            if ends is None or (vpp > 1 and (pp == 1 or count % pp or schedule)):
                continue
            if schedule and (pp == 1 or (schedule == 2 and (pp % 2 or count < 2 * pp))):
                continue
            for zero, split in product(range(4) if dp * cp > 1 else (0,), (0, 1) if tp > 1 else (0,)):
                for recompute, repeated in repeats:
                    row = {
                        "tp": tp, "cp": cp, "pp": pp, "vpp": vpp, "dp": dp, "ep": ep, "etp": etp, "zero": zero,
                        "micro_batch": micro_batch, "recompute": recompute, "recompute_layers": repeated,
                        "sequence_parallel": split, "schedule": schedule, "first_layers": ends[0],
                        "last_layers": ends[1],
                    }  # fmt: skip
                    yield tuple(row[name] for name in NAMES)


@pytest.mark.parametrize("chips", [1, 4, 6, 16])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_every_legal_plan_comes_once(model: Model, chips: int) -> None:
    job = job_of(model, chips=chips, global_batch=12, seq_len=4096)
    found = rows_of(job, space_of())
    assert max(found.values()) == 1
    assert set(found) == set(legal_rows(job))


@given(
    model=st.sampled_from(MODELS),
    chips=st.integers(1, 24),
    batch=st.integers(1, 16),
    domain=st.sampled_from([1, 4, 8]),
)
def test_every_plan_uses_all_chips_all_sequences_and_all_layers(
    model: Model, chips: int, batch: int, domain: int
) -> None:
    job = job_of(model, chips=chips, global_batch=batch, network=replace(NVLINK3, domain=domain))
    for plans in all_plans(job, space_of(zero=0)):
        assert np.all(plans.tp * plans.cp * plans.pp * plans.dp == chips)
        assert np.all(batch % (plans.dp * plans.micro_batch) == 0)
        assert np.all(plans.tp <= domain)
        assert np.all((plans.vpp == 1) | ((batch // (plans.dp * plans.micro_batch)) % plans.pp == 0))
        middle = model.layers - plans.first_layers - plans.last_layers
        assert np.all(np.where(plans.pp > 2, middle >= plans.pp - 2, middle == 0))
        assert np.all((plans.first_layers > 0) & ((plans.last_layers > 0) == (plans.pp > 1)))


def test_chunks_hold_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large a table is priced at once, the stream has the same rows in the same order."""
    job = job_of(GQA)
    whole = Plans.concat(all_plans(job, space_of()))
    for chunk in (1000, 1024, 7622, 10**9):
        monkeypatch.setattr(spaces, "CHUNK", chunk)
        tables = list(all_plans(job, space_of()))
        assert all(len(table) == chunk for table in tables[:-1])
        joined = Plans.concat(tables)
        assert all(np.array_equal(getattr(joined, name), getattr(whole, name)) for name in COLUMNS)


@pytest.mark.parametrize(
    ("column", "value"),
    [("tp", 2), ("pp", 4), ("dp", 2), ("zero", 3), ("micro_batch", 2), ("recompute", 1), ("schedule", 1), ("vpp", 2)],
)
def test_a_held_column_filters_the_rows(column: str, value: int) -> None:
    """Holding a column leaves the plans that have the value: nothing else moves."""
    job = job_of(GPT, global_batch=8)
    place = NAMES.index(column)
    expected = {row for row in rows_of(job, space_of()) if row[place] == value}
    assert expected
    assert set(rows_of(job, space_of(**{column: value}))) == expected


def test_several_values_are_the_union() -> None:
    job = job_of(GPT, global_batch=8)
    both = rows_of(job, space_of(zero=(0, 3), recompute=(0, 1)))
    assert both == rows_of(job, space_of(zero=0, recompute=(0, 1))) + rows_of(job, space_of(zero=3, recompute=(0, 1)))
    habits = list(all_plans(job, space_of(tp_overlap=(0, 1))))
    assert sum(map(len, habits)) == 2 * rows_of(job, space_of()).total()


def test_a_held_tensor_size_may_leave_the_domain() -> None:
    """The search stays inside a domain; the user need not."""
    job = job_of(GPT, chips=16, network=replace(NVLINK3, domain=4))
    assert max(row[NAMES.index("tp")] for row in rows_of(job, space_of())) == 4
    assert rows_of(job, space_of(tp=8))


def test_given_layers_of_the_ends_are_kept() -> None:
    plans = Plans.concat(all_plans(job_of(GPT, chips=4), space_of(pp=4, first_layers=1, last_layers=3)))
    assert set(plans.first_layers) == {1}
    assert set(plans.last_layers) == {3}
    assert not list(all_plans(job_of(GPT, chips=4), space_of(pp=4, first_layers=4, last_layers=4)))


# Layers on stages


def test_llama_3_405b_gives_its_ends_a_layer_less() -> None:
    """126 layers on 16 stages: 7, 14 times 8, 7 (Dubey et al. 2024, arXiv:2407.21783, section 3.3.2)."""
    assert layout(126, 16, 1) == (7, 7)
    assert layout(126, 16, 4) == (7, 7)
    assert layout(126, 16, 3) is None


@given(layers=st.integers(1, 130), pp=st.integers(1, 40), vpp=st.integers(1, 8))
def test_a_layout_conserves_layers(layers: int, pp: int, vpp: int) -> None:
    assume(pp > 1 or vpp == 1)
    ends = layout(layers, pp, vpp)
    assert ends == legal_ends(layers, pp, vpp)
    if ends is None:
        return
    table = Plans.of([{**dict.fromkeys(COLUMNS, 1), "pp": pp, "first_layers": ends[0], "last_layers": ends[1]}])
    first, middle, last = (int(stage_layers(table, layers, 0, stage).total[0]) for stage in Stage)
    between = layers - first - last
    assert between == 0 if pp <= 2 else (pp - 2) * (middle - 1) < between <= (pp - 2) * middle
    stages = [first, middle, last] if pp > 2 else [first, last][:pp]
    assert min(stages) >= 1
    assert max(stages) <= -(-layers // pp) + 1


@given(layers=st.integers(1, 200), pp=st.integers(1, 64))
def test_a_remainder_goes_to_the_middle_first(layers: int, pp: int) -> None:
    first, last = (int(part[0]) for part in even_split(layers, np.array([pp])))
    assert last == (layers // pp if pp > 1 else 0)
    assert layers // pp <= first <= layers // pp + 1 or pp == 1


@given(lead=st.integers(0, 8))
def test_lead_in_layers_stand_at_the_front(lead: int) -> None:
    plans = Plans.of([{**dict.fromkeys(COLUMNS, 1), "pp": 4, "first_layers": 2, "last_layers": 2}])
    held = [int(stage_layers(plans, 8, lead, stage).lead[0]) for stage in Stage]
    assert held == [min(lead, 2), min(max(lead - 2, 0), 2), min(max(lead - 6, 0), 2)]


@given(number=st.integers(1, 5000))
def test_divisors(number: int) -> None:
    assert divisors(number) == tuple(d for d in range(1, number + 1) if number % d == 0)


def test_heads_are_shared_or_copied_never_cut() -> None:
    assert [tp for tp in range(1, 17) if splits_heads(job_of(GQA), tp)] == [1, 2, 4, 8]
    three = GQA.model_copy(update={"heads": 12, "kv_heads": 3})
    assert [tp for tp in range(1, 17) if splits_heads(job_of(three), tp)] == [1, 3, 6, 12]
    assert [tp for tp in range(1, 17) if splits_heads(job_of(MLA), tp)] == [1, 2, 4, 8]
    assert splits_heads(job_of(MOE), 4)

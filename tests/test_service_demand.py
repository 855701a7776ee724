"""The demand of services: published figures, users and tiers, generated traces, and the page that shows them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petaday.catalog import load
from petaday.errors import InputError
from petaday.serving.arrivals import DAY, Crowd, Rate, cosine, cumulated
from petaday.serving.demand import ServiceDemand, Users, generate, spread_of
from petaday.serving.lengths import Fixed, Lengths, Uniform, measured
from scenarios import ROOT

CHAT = ServiceDemand(users=1e6, active=0.4, requests=5, prompt=1000, output=200, daily=cosine(2, 20))


def columns(trace):
    chunks = list(trace.chunks)
    return {name: np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in
            ("arrival", "prompt", "output", "tier", "user")}  # fmt: skip


def test_chatgpt_in_july_2025():
    """Chatterji et al. 2025 (How people use ChatGPT, NBER 34255): 700 M weekly users send 18 billion messages a week,
    over 2.5 billion a day, about 29,000 a second; so a weekly user sends 3.7 a day."""
    chat = ServiceDemand(users=700e6, active=1.0, requests=18e9 / 7 / 700e6, prompt=1000, output=200)
    assert chat.requests == pytest.approx(3.7, abs=0.05)
    assert chat.daily_requests == pytest.approx(2.5e9, rel=0.03)
    assert chat.mean_rate == pytest.approx(29_000, rel=0.03)


def test_the_chain_is_a_product():
    assert CHAT.daily_users == 400_000
    assert CHAT.daily_requests == 2e6
    assert CHAT.daily_tokens == 2.4e9
    assert CHAT.mean_rate == pytest.approx(23.148, abs=1e-3)
    assert CHAT.peak_rate == pytest.approx(CHAT.mean_rate * 4 / 3)


@given(factor=st.floats(0.1, 10), name=st.sampled_from(["users", "requests"]))
def test_demand_grows_with_each_of_its_factors(factor, name):
    more = replace(CHAT, **{name: getattr(CHAT, name) * factor})
    assert more.daily_tokens == pytest.approx(CHAT.daily_tokens * factor)
    assert more.peak_rate == pytest.approx(CHAT.peak_rate * factor)


@pytest.mark.parametrize(("top", "share"), [(0.1, 0.5), (0.01, 0.3), (29 / 2412, 0.9)])
def test_the_most_active_users_make_their_share(top, share):
    """The last: 29 of 2,412 clients send 90 % of the requests (ServeGen, arXiv:2505.09999)."""
    users = Users(1_000_000, spread_of(top, share)).draw(np.random.default_rng(1), 300_000)
    assert np.mean(users < top * 1_000_000) == pytest.approx(share, abs=0.005)
    assert users.min() >= 0
    assert users.max() < 1_000_000


def test_activity_is_lognormal_as_when_every_user_has_a_weight():
    """A slow way to the same law: a lognormal weight for each user, and requests drawn by weight."""
    draw = np.random.default_rng(2)
    weights = np.sort(np.exp(1.3 * draw.standard_normal(20_000)))[::-1]
    slow = draw.choice(20_000, 200_000, p=weights / weights.sum())
    quick = Users(20_000, 1.3).draw(draw, 200_000)
    at = np.linspace(0.01, 0.99, 30)
    assert np.quantile(quick, at) == pytest.approx(np.quantile(slow, at), rel=0.05, abs=20)


def test_equal_users_come_equally_often():
    counts = np.bincount(Users(10, 0.0).draw(np.random.default_rng(1), 100_000))
    assert counts == pytest.approx(np.full(10, 10_000), rel=0.05)


@given(count=st.integers(100, 100_000), paid=st.floats(0, 1))
def test_tiers_have_their_share_of_the_users(count, paid):
    users = Users(count, 1.0, (1 - paid, paid))
    tier = users.tier(np.arange(count))
    assert np.mean(tier == 1) == pytest.approx(paid, abs=12 / count**0.9)
    # Of the heavy users too.
    assert np.mean(tier[:50] == 1) == pytest.approx(paid, abs=0.08)


def test_a_generated_trace_is_its_laws():
    rate = Rate(CHAT.mean_rate / 10, CHAT.daily, (Crowd(3600, 5, 60, 600, 600),), hour=18.0)
    lengths = measured(load.lengths("azure-conv"))
    trace = generate(rate, DAY, lengths, variation=2.0, seed=1, users=Users(5000, 1.0, (0.9, 0.1)))
    made = columns(trace)
    expected = cumulated(rate, DAY).total
    assert len(made["arrival"]) == pytest.approx(expected, abs=4 * 2 * np.sqrt(expected))
    assert (np.diff(made["arrival"]) >= 0).all()
    assert made["prompt"].mean() == pytest.approx(lengths.prompt.mean, rel=0.02)
    assert made["output"].mean() == pytest.approx(lengths.output.mean, rel=0.02)
    assert trace.users == 5000
    assert made["user"].max() < 5000
    tier_of = dict(zip(made["user"].tolist(), made["tier"].tolist(), strict=True))
    assert [tier_of[user] for user in made["user"].tolist()] == made["tier"].tolist()
    assert set(made["tier"].tolist()) == {0, 1}
    assert "Azure" in trace.source
    assert "seed 1" in trace.source


@settings(max_examples=15, deadline=None)
@given(chunk=st.integers(1, 300), seed=st.integers(0, 2**32))
def test_a_generated_trace_does_not_depend_on_chunks_and_can_be_read_again(chunk, seed):
    def made(size):
        lengths = Lengths(Uniform(1, 500), Uniform(1, 100), 0.5)
        users = Users(50, 1.0, (0.5, 0.5))
        return generate(Rate(1.0), 300, lengths, variation=1.5, seed=seed, users=users, chunk=size)

    parts = made(chunk)
    once, again, whole = columns(parts), columns(parts), columns(made(100_000))
    for name in whole:
        assert once[name].tolist() == again[name].tolist() == whole[name].tolist()


def test_nobody_is_known_by_default():
    made = columns(generate(Rate(1.0), 100, Lengths(Fixed(5), Fixed(6)), variation=1.0, seed=1))
    assert set(made["user"].tolist()) == {-1}
    assert set(made["tier"].tolist()) == {0}


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: replace(CHAT, users=0), "demand.users"),
        (lambda: replace(CHAT, active=1.1), "demand.active"),
        (lambda: replace(CHAT, output=float("nan")), "demand.output"),
        (lambda: spread_of(0.5, 0.4), "spread"),
        (lambda: spread_of(0.0, 0.4), "spread"),
        (lambda: Users(0, 1.0), "users.count"),
        (lambda: Users(1, -1.0), "users.spread"),
        (lambda: Users(1, 1.0, (0.5, 0.6)), "users.tiers"),
        (lambda: Users(1, 1.0, (1.5, -0.5)), "users.tiers"),
    ],
)
def test_impossible_demand_is_told(make, field):
    with pytest.raises(InputError) as raised:
        make()
    assert raised.value.field == field
    assert raised.value.expected


def test_the_code_of_the_page_runs(tmp_path, monkeypatch, capsys):
    """Its blocks, one after another, beside the table that the page shows."""
    page = (ROOT / "docs" / "traces.md").read_text(encoding="utf-8")
    table = re.search(r"^```csv\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "requests.csv").write_text(table[1], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    printed = capsys.readouterr().out.split("\n")[:-1]
    shown = re.findall(r"^ *print\(.*\)  # (.*)$", page, re.MULTILINE)
    assert printed == shown

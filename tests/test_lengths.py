"""Lengths of requests: laws against their closed forms, and the catalog's laws against the traces they were taken from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import ndtr
from scipy.stats import spearmanr

from petaday.catalog import load
from petaday.catalog.lengths import LengthLaw
from petaday.errors import InputError
from petaday.serving.lengths import Fixed, Lengths, Lognormal, Measured, Uniform, measured, normal_cdf
from petaday.study.traces import open_trace
from scenarios import ROOT

PUBLIC = ROOT.parent / "shared" / "data" / "traces" / "llm"
FILES = {
    "azure-conv-2023": "AzureLLMInferenceTrace_conv.csv",
    "azure-code-2023": "AzureLLMInferenceTrace_code.csv",
    "mooncake-conversation": "mooncake_conversation_trace.jsonl.gz",
    "mooncake-synthetic": "mooncake_synthetic_trace.jsonl.gz",
}
LAWS = {
    "fixed": Fixed(100),
    "uniform": Uniform(3, 10),
    "lognormal": Lognormal(200, 1.0, 1, 100_000),
    "cut lognormal": Lognormal(200, 1.5, 50, 1000),
    "of mean": Lognormal.of_mean(500, 0.8, 1, 1_000_000),
    "measured": Measured((0.0, 0.5, 0.9, 1.0), (1.0, 100.0, 1000.0, 5000.0)),
}


def sample(law, count=400_000, seed=1):
    return law.tokens(np.random.default_rng(seed).standard_normal(count))


def test_the_normal_law_is_right_everywhere():
    z = np.linspace(-30, 9, 5001)
    assert normal_cdf(z) == pytest.approx(ndtr(z), rel=1.5e-7)
    assert normal_cdf(np.zeros(1)) == pytest.approx(0.5, rel=1e-15)


@pytest.mark.parametrize("name", LAWS)
def test_samples_have_the_mean_that_the_law_says(name):
    drawn = sample(LAWS[name])
    assert drawn.dtype == np.int64
    # Rounding to whole tokens moves the mean by far less than half of one.
    assert drawn.mean() == pytest.approx(LAWS[name].mean, abs=4 * drawn.std() / math.sqrt(len(drawn)) + 0.05)


def test_laws_keep_to_their_ranges_and_quantiles():
    counts = np.bincount(sample(LAWS["uniform"]))
    assert counts[:3].tolist() == [0, 0, 0]
    assert counts[3:] == pytest.approx(400_000 / 8, rel=0.03)
    assert len(counts) == 11
    drawn = sample(LAWS["cut lognormal"])
    assert (drawn.min(), drawn.max()) == (50, 1000)
    assert np.median(drawn) == pytest.approx(200, rel=0.02)
    assert np.log(sample(LAWS["lognormal"])).std() == pytest.approx(1.0, rel=0.01)
    assert LAWS["of mean"].mean == pytest.approx(500, rel=1e-4)
    drawn = sample(LAWS["measured"])
    assert np.quantile(drawn, [0, 0.25, 0.5, 0.7, 0.9, 1]) == pytest.approx([1, 50, 100, 550, 1000, 5000], rel=0.03)


@given(z=st.lists(st.floats(-40, 40), min_size=2, max_size=30), name=st.sampled_from(sorted(LAWS)))
def test_a_higher_number_is_never_a_shorter_request(z, name):
    tokens = LAWS[name].tokens(np.sort(np.array(z)))
    assert (np.diff(tokens) >= 0).all()
    assert tokens.min() >= 1


@pytest.mark.parametrize("wanted", [-0.9, -0.5, 0.0, 0.3, 0.95])
def test_prompts_and_outputs_have_their_rank_correlation(wanted):
    lengths = Lengths(Lognormal(2000, 1.2, 1, 10**6), Lognormal(2000, 0.9, 1, 10**6), wanted)
    prompt, output = lengths.draw(np.random.default_rng(1), 200_000)
    assert spearmanr(prompt, output).statistic == pytest.approx(wanted, abs=0.01)


def test_draws_do_not_depend_on_their_parts():
    lengths = measured(load.lengths("azure-conv"))
    whole = lengths.draw(np.random.default_rng(5), 1000)
    draw = np.random.default_rng(5)
    parts = [lengths.draw(draw, count) for count in (1, 399, 600)]
    for place in (0, 1):
        assert np.concatenate([part[place] for part in parts]).tolist() == whole[place].tolist()


@pytest.mark.parametrize("name", FILES)
def test_a_law_of_the_catalog_draws_what_its_trace_has(name):
    if not (PUBLIC / FILES[name]).exists():
        pytest.skip("the public traces are not here")
    law = load.lengths(name)
    chunks = list(open_trace(PUBLIC / FILES[name]).chunks)
    traced = [np.concatenate([getattr(chunk, part) for chunk in chunks]) for part in ("prompt", "output")]
    drawn = measured(law).draw(np.random.default_rng(7), 500_000)
    assert law.rows == len(traced[0])
    for part, own, told in zip(traced, drawn, (law.prompt, law.output), strict=True):
        assert told.mean == pytest.approx(part.mean(), abs=1e-3)
        assert own.mean() == pytest.approx(part.mean(), rel=0.02)
        wanted = np.quantile(part, [0.1, 0.25, 0.5, 0.75, 0.9, 0.99])
        assert np.quantile(own, [0.1, 0.25, 0.5, 0.75, 0.9, 0.99]) == pytest.approx(wanted, rel=0.02, abs=1)
        values = np.unique(part)
        shares = [np.searchsorted(np.sort(each), values, side="right") / len(each) for each in (part, own)]
        assert np.abs(shares[0] - shares[1]).max() == pytest.approx(told.distance, abs=0.003)
        assert told.distance < 0.02
    assert spearmanr(*drawn).statistic == pytest.approx(spearmanr(*traced).statistic, abs=0.01)


def test_laws_are_found_by_id_and_alias():
    assert load.lengths("Azure-Code").id == "azure-code-2023"
    assert set(load.length_laws()) == set(FILES)
    with pytest.raises(InputError) as raised:
        load.lengths("mooncake-conversatoin")
    assert "mooncake-conversation" in raised.value.nearest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"probabilities": (0.0, 0.5, 0.4, 1.0)}, "rise"),
        ({"probabilities": (0.1, 0.2, 0.5, 1.0)}, "rise"),
        ({"probabilities": (0.0, 0.5, 1.0)}, "one quantile"),
        ({"prompt": {"mean": 5.0, "quantiles": (1.0, 9.0, 5.0, 10.0), "distance": 0.0}}, "fall"),
        ({"output": {"mean": 5.0, "quantiles": (0.0, 5.0, 9.0, 10.0), "distance": 0.0}}, "greater"),
        ({"rank_correlation": 1.1}, "less"),
        ({"source": ""}, "character"),
    ],
)
def test_a_wrong_law_is_told(change, words):
    part = {"mean": 5.0, "quantiles": (1.0, 5.0, 9.0, 10.0), "distance": 0.0}
    right = {
        "id": "a", "name": "a", "rows": 9, "probabilities": (0.0, 0.2, 0.5, 1.0), "prompt": part, "output": part,
        "rank_correlation": 0.0, "source": "a table", "licence": "CC0", "command": "none",
    }  # fmt: skip
    assert LengthLaw.model_validate(right).rows == 9
    with pytest.raises(ValidationError, match=words):
        LengthLaw.model_validate(right | change)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Fixed(0), "lengths"),
        (lambda: Uniform(5, 4), "lengths"),
        (lambda: Lognormal(10, 0.0, 1, 5), "sigma"),
        (lambda: Lognormal(float("nan"), 1.0, 1, 5), "median"),
        (lambda: Lognormal(10, 1.0, 0, 5), "lengths"),
        (lambda: Lengths(Fixed(1), Fixed(1), 1.5), "rank_correlation"),
    ],
)
def test_impossible_laws_are_told(make, field):
    with pytest.raises(InputError) as raised:
        make()
    assert raised.value.field == field

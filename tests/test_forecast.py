"""Forecasts from their scenarios: every field moves something, bands, what binds, scores and back-tests."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from petaday.catalog.forecast import Forecast as Published
from petaday.catalog.forecast import Series, decimal_year
from petaday.catalog.forecasts import actuals, forecasts, series
from petaday.catalog.forecasts import forecast as published
from petaday.catalog.strict_yaml import loads
from petaday.catalog.validate import validated
from petaday.cli import main
from petaday.errors import InputError
from petaday.report.forecast import forecast_data, scores_data
from petaday.study.draws import SAMPLES, Draws, band
from petaday.study.forecast import Forecast, forecast
from petaday.study.forecast_scenario import (
    Adoption,
    Capacity,
    Compound,
    Demand,
    Doubling,
    ForecastScenario,
    Piece,
    Piecewise,
    Reference,
    Saturating,
    Supply,
    read_forecast,
)
from petaday.study.forecast_scores import back_test, back_tests, revisions, scores
from petaday.study.manifest import manifest
from petaday.units import Kind, Span, parse_span
from scenarios import DROPPED, ROOT, changed, written

# The library of the command line warns when a test runs the program's own `main`.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")

SMALL: dict[str, Any] = {
    "from_year": 2025,
    "to_year": 2028,
    "demand": {
        "tokens": "100T tokens/day",
        "growth": {"law": "cagr", "growth": "150 %"},
        "flops_per_token": "200 GFLOP",
        "utilisation": "10 %",
        "efficiency_growth": "20 %",
    },
    "supply": {
        "installed": "2M chips",
        "share": "80 %",
        "life": "4 years",
        "capacities": {
            "packaging": {"start": "1M chips/year", "growth": "40 %"},
            "memory": {"start": "1.2M chips/year", "growth": "10 %"},
        },
    },
    "cpo": {"start_year": 2025, "start": "1 %", "end_year": 2030, "end": "30 %", "limit": "90 %"},
}
"""All known exactly; supply holds demand back, first by packaging and then by memory."""


def of(scenario: dict[str, Any]) -> Forecast:
    text = yaml.safe_dump(scenario, sort_keys=False, allow_unicode=True)
    return forecast(validated(ForecastScenario, loads(text, "forecast.yaml")))


def data_of(scenario: dict[str, Any]) -> dict[str, Any]:
    found = of(scenario)
    return forecast_data(found, manifest(found.scenario, "petaday forecast"))


# Arithmetic


def test_a_known_scenario_is_arithmetic() -> None:
    found = of(SMALL)
    assert found.samples == 1
    chips = 100e12 / 86400 * 200e9 / (0.1 * 989.4e12)
    assert found.demand.p50[0] == pytest.approx(chips)
    assert found.demand.p50[2] == pytest.approx(chips * (2.5 / 1.2) ** 2)
    assert found.installed.p50[0] == pytest.approx(1.6e6)
    assert found.installed.p50[1] == pytest.approx(1.6e6 * 3 / 4 + 0.8 * 1.2e6 * 1.1)
    assert found.supply.p50[3] == pytest.approx(0.8 * 1.2e6 * 1.1**3)
    assert [max(each, key=lambda name: each[name]) for each in found.binds] == ["memory", "memory", "memory"]
    assert found.cpo.p50[0] == pytest.approx(0.01)


def test_in_its_first_year_the_narrower_capacity_binds() -> None:
    assert of(changed(SMALL, supply__capacities__memory__growth="90 %")).binds[0]["packaging"] == 1


def test_bands_are_in_order_and_ranges_widen_them() -> None:
    found = read_forecast(ROOT / "examples" / "agents-2030.yaml")[0]
    answer = forecast(found)
    assert answer.samples == SAMPLES
    for each in (answer.demand, answer.installed, answer.shortfall, answer.cpo):
        assert np.all(each.p10 <= each.p50) and np.all(each.p50 <= each.p90) and np.all(each.p10 >= 0)
    width = answer.demand.p90 / answer.demand.p10
    assert np.all(np.diff(width) > 0)
    for shares in answer.binds:
        assert sum(shares.values()) == pytest.approx(1)


def test_the_same_run_twice_is_the_same() -> None:
    scenario = changed(SMALL, demand__utilisation="5 %..20 %")
    first, second = data_of(scenario), data_of(scenario)
    assert first == second
    assert first["samples"] == SAMPLES


# Every field moves something

LAW = "demand__growth"
OTHER: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "from_year": (2025, 2024, {}),
    "to_year": (2027, 2028, {}),
    "demand__tokens": ("100T tokens/day", "90T tokens/day..110T tokens/day", {}),
    "demand__flops": ("200 EFLOP/s", "300 EFLOP/s", {"demand__tokens": DROPPED, "demand__flops_per_token": DROPPED,
                                                   "demand__efficiency_growth": DROPPED}),
    "demand__chips": ("2M chips", "3M chips", {"demand__tokens": DROPPED, "demand__flops_per_token": DROPPED,
                                             "demand__efficiency_growth": DROPPED, "demand__utilisation": DROPPED}),
    "demand__growth__law": (
        {"law": "cagr", "growth": "150 %"}, {"law": "saturating", "growth": "150 %", "limit": "10"}, {}
    ),
    "demand__growth__growth": ("50 %", "60 %", {}),
    "demand__growth__doubling_time": ("6 months", "9 months", {LAW: {"law": "doubling"}}),
    "demand__growth__limit": ("3", "5", {LAW: {"law": "saturating", "growth": "200 %"}}),
    "demand__growth__pieces": (
        [{"until": 2026, "growth": "50 %"}, {"growth": "20 %"}],
        [{"until": 2027, "growth": "50 %"}, {"growth": "20 %"}],
        {LAW: {"law": "piecewise"}},
    ),
    "demand__flops_per_token": ("200 GFLOP", "300 GFLOP", {}),
    "demand__utilisation": ("10 %", "20 %", {}),
    "demand__efficiency_growth": ("20 %", DROPPED, {}),
    "supply__installed": ("2M chips", "0 chips", {}),
    "supply__share": ("80 %", DROPPED, {}),
    "supply__life": ("4 years", "2.5 years", {}),
    "supply__capacities": (SMALL["supply"]["capacities"], {"all": {"start": "9M chips/year", "growth": "0 %"}}, {}),
    "supply__capacities__memory__start": ("1.2M chips/year", "1M chips/year", {}),
    "supply__capacities__memory__growth": ("10 %", "-10 %", {}),
    "reference__chip": ("h100-sxm-80", "b200-sxm", {}),
    "reference__dtype": ("bf16", "fp8", {}),
    "cpo": (SMALL["cpo"], DROPPED, {}),
    "cpo__start_year": (2025, 2024, {}),
    "cpo__start": ("1 %", "2 %", {}),
    "cpo__end_year": (2030, 2031, {}),
    "cpo__end": ("30 %", "20 %..40 %", {}),
    "cpo__limit": ("90 %", DROPPED, {}),
}  # fmt: skip
"""Two values of each field, and what else has to change."""


@pytest.mark.parametrize("path", OTHER)
def test_a_field_moves_the_answer(path: str) -> None:
    first, second, also = OTHER[path]
    # A law changes with its own fields.
    at = LAW if path == f"{LAW}__law" else path
    base = changed(SMALL, **also)
    one, two = (data_of(changed(base, **{at: value})) for value in (first, second))
    assert one["years"] != two["years"]


def test_every_field_is_moved() -> None:
    models = {
        "": ForecastScenario, "demand": Demand, "supply": Supply, "reference": Reference, "cpo": Adoption,
        "demand__growth": Compound, "supply__capacities__memory": Capacity,
    }  # fmt: skip
    every = {f"{at}__{name}".removeprefix("__") for at, model in models.items() for name in model.model_fields}
    every |= {f"demand__growth__{name}" for law in (Doubling, Piecewise, Saturating) for name in law.model_fields}
    assert every - {"name", "demand", "supply", "reference", "demand__growth"} == set(OTHER)
    assert set(Piece.model_fields) == {"until", "growth"}


def test_what_moves_nothing_is_told() -> None:
    chips = changed(SMALL, demand__tokens=DROPPED, demand__chips="3M chips")
    found = of(chips)
    assert set(found.unused) == {"demand.flops_per_token", "demand.efficiency_growth", "demand.utilisation"}
    assert of(SMALL).unused == {}
    other = of(changed(chips, demand__utilisation="50 %", demand__flops_per_token="9 GFLOP"))
    assert other.demand.p50 == pytest.approx(found.demand.p50)


def test_what_is_left_open_is_told() -> None:
    bare = changed(SMALL, supply__life=DROPPED, supply__share=DROPPED, cpo=DROPPED, demand__efficiency_growth=DROPPED)
    told = {each.field for each in of(bare).assumptions}
    assert told == {"demand.efficiency_growth", "supply.share", "supply.life", "cpo.start", "cpo.end", "cpo.limit",
                    "reference"}  # fmt: skip
    assert of(changed(SMALL, reference={"chip": "h100-sxm-80"})).assumptions == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"to_year": 2025}, "to_year"),
        ({"to_year": 2099}, "to_year"),
        ({"demand__chips": "3M chips"}, "give one of"),
        ({"demand__utilisation": DROPPED}, "needs utilisation"),
        ({"demand__utilisation": "120 %"}, "at most"),
        ({"demand__utilisation": "0 %"}, "more than"),
        ({"demand__growth__growth": "-100 %"}, "more than"),
        ({"demand__growth__growth": "90 %..10 %"}, "upside down"),
        ({"demand__growth__law": "cubic"}, "cagr"),
        ({"demand__tokens": "100T tokens"}, "a number of tokens"),
        ({"demand__growth": {"law": "piecewise", "pieces": [{"until": 2027, "growth": 1}, {"until": 2029, "growth": 1}]}},
         "until"),
        ({"demand__growth": {"law": "piecewise", "pieces": [{"until": 2025, "growth": 1}, {"growth": 1}]}}, "before"),
        ({"demand__growth": {"law": "saturating", "growth": 1, "limit": 1}}, "more than"),
        ({"supply__capacities": {}}, "1 or more"),
        ({"supply__installed": "0 chips..5M chips"}, "range"),
        ({"supply__installed": "-1 chips"}, "below zero"),
        ({"demand__tokens": "1e40 tokens/s"}, "at most"),
        ({"demand__growth__growth": "99999 %"}, "at most"),
        ({"demand__growth": {"law": "doubling", "doubling_time": "1 s"}}, "more than"),
        ({"cpo__end": "95 %"}, "limit"),
        ({"cpo__end": "0.5 %"}, "no smaller"),
        ({"cpo__end_year": 2025}, "no later"),
        ({"reference__chip": "h101"}, "h100"),
        ({"reference__dtype": "fp4"}, "fp4"),
        ({"suply": {}}, "supply"),
    ],
)  # fmt: skip
def test_wrong_input_says_what_is_due(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        of(changed(SMALL, **change))


def test_the_furthest_that_is_allowed_is_finite() -> None:
    far = changed(
        SMALL, to_year=2055, demand__tokens="1 tokens/s..1e30 tokens/s", demand__flops_per_token="1 FLOP..1e30 FLOP",
        demand__growth={"law": "doubling", "doubling_time": "31 days..60 days"}, demand__utilisation="0.001 %..100 %",
    )  # fmt: skip
    json.dumps(data_of(far), allow_nan=False)


def test_json_is_finite() -> None:
    text = json.dumps(data_of(SMALL), allow_nan=False)
    assert json.loads(text)["years"][0]["supply_chips"] is None
    json.dumps(scores_data(scores(), revisions(), back_tests()), allow_nan=False, default=str)


# Draws


def test_ends_of_a_range_are_its_5th_and_95th_percentile() -> None:
    span = parse_span("$22k..$47k", Kind.MONEY)
    low, middle, high = np.quantile(Draws(3).of(span), (0.05, 0.5, 0.95))
    assert (low, middle, high) == pytest.approx((span.low, span.value, span.high), rel=2e-3)
    lopsided = Draws(1).of(Span(1.0, 2.0, 10.0))
    assert np.quantile(lopsided, (0.05, 0.5, 0.95)) == pytest.approx((1, 2, 10), rel=2e-3)


def test_growths_stay_above_minus_one() -> None:
    assert np.all(Draws(1).of(Span(-0.9, 0.1, 0.5), 1.0) > -1)


def test_a_known_value_takes_no_column() -> None:
    draws = Draws(1)
    assert draws.of(Span(2.0, 2.0, 2.0)).shape == (1, 1)
    assert draws.of(Span(1.0, 2.0, 3.0)).shape == (SAMPLES, 1)
    low, _, high = band(np.array([[1.0], [2.0]]))
    assert low < high


# Published forecasts


def test_scores_as_published() -> None:
    found = {score.forecast.id: score for score in scores()}
    openai, idc, general, citi = (
        found[name] for name in ("openai-trend", "idc-china-ai-2024", "idc-china-general-2024", "citi-chatgpt")
    )
    assert openai.ratio == pytest.approx(39_000, rel=5e-3)
    assert idc.ratio == pytest.approx(1 - 0.195, abs=1e-3)
    assert general.ratio == pytest.approx(1 / (1 - 0.098), rel=1e-3)
    assert citi.inside is False and citi.actual is not None
    assert citi.actual.value / 11e9 == pytest.approx(3, rel=0.02) and citi.actual.value / 3e9 == pytest.approx(
        11, rel=0.02
    )
    assert found["lightcounting-cpo-2027"].log_error is None


def test_revisions_of_one_forecaster() -> None:
    told = {(each.later.by, each.later.target): math.expm1(each.log_change) for each in revisions()}
    assert told[("CIR", "2027")] == pytest.approx(5.5 / 5.4 - 1)
    assert told[("IDC", "2026")] == pytest.approx(1460.3 / 1271.4 - 1)


def test_nvidia_grew_3_4_and_2_9_times() -> None:
    known = series("nvidia-h100e")
    ends = [known.at(f"{year}-12") for year in (2023, 2024, 2025)]
    first, second, third = (each.value for each in ends if each is not None)
    assert (first, second, third) == pytest.approx((1.39e6, 4.72e6, 13.66e6), rel=2e-3)
    assert (second / first, third / second) == pytest.approx((3.4, 2.9), abs=0.05)


def test_back_tests_see_nothing_of_their_future() -> None:
    tests = {(each.series.id, each.vintage, each.year): each for each in back_tests()}
    one = tests[("nvidia-h100e", 2023, 2024)]
    assert one.predicted.p50[0] / one.actual.value == pytest.approx(1, abs=0.10)
    for each in tests.values():
        assert each.predicted.p50[0] / each.actual.value == pytest.approx(1, abs=0.25)
    inside = [each.predicted.p10[0] <= each.actual.value <= each.predicted.p90[0] for each in tests.values()]
    assert sum(inside) == 3
    with pytest.raises(InputError, match="quarters"):
        back_test("amd-h100e", 2024, 1)
    with pytest.raises(InputError, match="says nothing"):
        back_test("nvidia-h100e", 2025, 1)


@pytest.mark.parametrize("id_", sorted(forecasts()))
def test_a_forecast_is_kept_with_its_vintage_and_source(id_: str) -> None:
    each = published(id_)
    assert each.by and each.source and each.definition
    assert decimal_year(each.vintage, end=False) < decimal_year(each.target)
    if each.series in actuals():
        assert actuals()[each.series].kind is each.kind


def test_what_a_forecast_may_not_be() -> None:
    good = {
        "id": "x", "name": "x", "by": "x", "vintage": "2023", "target": "2025", "kind": "MONEY", "series": "s",
        "definition": "d", "value": "$3B", "source": "x",
    }  # fmt: skip

    def read(model: Any, **change: Any) -> Any:
        merged = {key: value for key, value in {**good, **change}.items() if value is not None}
        return validated(model, loads(yaml.safe_dump(merged), "x.yaml"))

    assert read(Published).span.value == 3e9
    for change, said in (
        ({"target": "2022"}, "looks back"),
        ({"vintage": "2023-13"}, "no date"),
        ({"value": "3 chips"}, "a number of chips"),
        ({"grown": {"base": "$1B", "at": "2020", "growth": "5 %"}}, "one of"),
        ({"value": None, "grown": {"base": "$1B", "at": "2020"}}, "one of"),
    ):
        with pytest.raises(InputError, match=said):
            read(Published, **change)
    points = [{"at": "2024", "value": "$1B"}, {"at": "2023", "value": "$1B"}]
    base = {"id": "s", "name": "s", "kind": "MONEY", "definition": "d", "source": "x"}
    with pytest.raises(InputError, match="order"):
        validated(Series, loads(yaml.safe_dump({**base, "points": points}), "x.yaml"))
    with pytest.raises(InputError, match="between"):
        bad = [{"at": "2024", "value": "$1B", "low": "$2B"}]
        validated(Series, loads(yaml.safe_dump({**base, "points": bad}), "x.yaml"))


def test_examples_are_read() -> None:
    scenario, locate = read_forecast(ROOT / "examples" / "agents-2030.yaml")
    assert scenario.to_year == 2030
    assert locate(InputError("x", field="supply.life")).place is not None


# The page

PAGE = (ROOT / "docs" / "forecast.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("section", "model"),
    [("## The scenario", ForecastScenario), ("### demand", Demand), ("### supply", Supply),
     ("### reference", Reference), ("### cpo", Adoption)],
)  # fmt: skip
def test_the_page_documents_every_key(section: str, model: Any) -> None:
    table = PAGE.partition(f"\n{section}\n")[2].partition("\n#")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == set(model.model_fields)


def test_the_scenario_of_the_page_is_answered() -> None:
    block = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert block
    found = forecast(validated(ForecastScenario, loads(block[1], "page.yaml")))
    assert np.all(found.demand.p50[1:] > found.demand.p50[:-1])


def test_the_page_counts_right() -> None:
    assert f"{len(forecasts())} published forecasts" in PAGE
    assert f"{len(actuals())} series" in PAGE


# The command


def test_the_command_answers_and_tells_where_input_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["petaday", "forecast", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, out, err

    path = written(SMALL, tmp_path)
    code, out, _ = run(str(path))
    assert code == 0 and "memory 100%" in out and "co-packaged" in out
    assert "out of band" not in out
    code, out, _ = run(str(path), "--json", "--score")
    data = json.loads(out)
    assert code == 0 and data["status"] == "answered" and len(data["forecasts"]) == len(forecasts())
    assert [row["year"] for row in data["years"]] == [2025, 2026, 2027, 2028]
    code, out, _ = run(str(path), "--score")
    assert code == 0 and "out of band" in out and "-19.5%" in out
    chips = changed(SMALL, demand__tokens=DROPPED, demand__chips="3M chips")
    code, out, _ = run(str(written(chips, tmp_path)))
    assert code == 0 and "Unused: demand.utilisation" in out and "EFLOP/s" not in out
    code, _, err = run(str(written(changed(SMALL, reference__chip="h101"), tmp_path)))
    assert code == 2 and re.search(r"scenario.yaml:\d+:\d+: reference.chip: no chip `h101`", err)


def test_schemas_are_published(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, key in (("forecast", "demand"), ("claims", "claims")):
        monkeypatch.setattr("sys.argv", ["petaday", "schema", kind])
        with pytest.raises(SystemExit):
            main()
        assert key in json.loads(capsys.readouterr().out)["properties"]

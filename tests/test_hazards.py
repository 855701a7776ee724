"""The catalog's fleets and figures of recovery: published counts, what is marked as doubtful, lookups."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import get_args

import pytest
from scipy.stats import chi2

from petaday.catalog.figure import Figure
from petaday.catalog.fleets import fleet, fleet_of, fleets, recovery
from petaday.catalog.hazard import Component, Fleet, Network, Recovery
from petaday.errors import InputError
from petaday.units.kinds import DAY, YEAR

RECORD = Path(__file__).parents[1] / "src" / "petaday" / "validation" / "data" / "reliability.csv"
LLAMA3_DAYS = 54
UNITS = {"chip": 16_384, "node": 2048, "job": 1}


def rows(prefix: str) -> list[dict[str, str]]:
    with RECORD.open(encoding="utf-8", newline="") as table:
        return [row for row in csv.DictReader(table) if row["id"].startswith(prefix) and row["component"]]


def counts(prefix: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in rows(prefix):
        found[row["component"]] = found.get(row["component"], 0) + float(row["value"])
    return found


def poisson(count: float) -> tuple[float, float]:
    """The exact 90 % interval of a Poisson mean (Garwood 1936)."""
    return chi2.ppf(0.05, 2 * count) / 2, chi2.ppf(0.95, 2 * count + 2) / 2


def test_llama_3s_table_has_419_interruptions() -> None:
    assert sum(counts("LLAMA3.").values()) == 419


@pytest.mark.parametrize("hazard", fleet("h100-llama3").hazards, ids=lambda hazard: hazard.component)
def test_rates_of_llama_3_are_its_counts(hazard) -> None:  # type: ignore[no-untyped-def]
    count = counts("LLAMA3.")[hazard.component]
    exposure = UNITS[hazard.per] * LLAMA3_DAYS * DAY
    assert hazard.rate.value * exposure == pytest.approx(count, rel=1e-3)
    assert (hazard.rate.low * exposure, hazard.rate.high * exposure) == pytest.approx(poisson(count), rel=1e-3)


@pytest.mark.parametrize("hazard", fleet("h100-fthsdp").hazards, ids=lambda hazard: hazard.component)
def test_rates_of_ft_hsdp_are_its_shares_of_2_3_in_1000_servers_a_day(hazard) -> None:  # type: ignore[no-untyped-def]
    servers = 4096
    share = counts("FTHSDP.")[hazard.component] / 100
    units = {"chip": 8 * servers, "node": servers, "job": 1}[hazard.per]
    assert hazard.rate.value * units * DAY == pytest.approx(share * 2.3e-3 * servers, rel=1e-3)
    exposure = units * DAY * 678 / (2.3e-3 * servers)
    assert (hazard.rate.low * exposure, hazard.rate.high * exposure) == pytest.approx(poisson(678 * share), rel=2e-3)


def test_rsc_rates_are_of_1000_node_days() -> None:
    for name, rate in (("a100-rsc1", 6.5), ("a100-rsc2", 2.34)):
        infrastructure, jobs = fleet(name).hazards
        assert infrastructure.rate.value * DAY * 1000 == pytest.approx(rate, rel=1e-3)
        assert jobs.component == "job"
    assert 128 * sum(each.rate.value for each in fleet("a100-rsc1").hazards) * 7.9 * 3600 == pytest.approx(
        1, rel=1e-3
    )


def test_ten_gpus_of_504_failed_in_55_days() -> None:
    gpu = fleet("b200-lablup").hazards[0]
    assert gpu.rate.value * 504 * 55 * DAY == pytest.approx(10, rel=1e-3)
    assert gpu.rate.value * YEAR * 8 / 365 == pytest.approx(2.9e-3, rel=0.01)


def figures(part: Fleet | Recovery) -> list[Figure]:
    inside = (
        [each.rate for each in part.hazards] if isinstance(part, Fleet) else [each.time for each in part.inspected]
    )
    nested = list(dict(part.correlation).values()) if isinstance(part, Fleet) else []
    return [value for value in (*dict(part).values(), *inside, *nested) if isinstance(value, Figure)]


@pytest.mark.parametrize("part", [*fleets().values(), recovery()], ids=[*fleets(), "recovery"])
def test_what_is_guessed_is_marked(part: Fleet | Recovery) -> None:
    for figure in figures(part):
        said = figure.source.split("; low:")[0].split("; high:")[0]
        if any(word in said for word in ("from memory", "a guess", "as the nearest", "no measured", "fitted to")):
            assert figure.estimate, figure.text


def test_every_class_of_failures_is_found_somehow() -> None:
    known = {each.component for each in recovery().inspected}
    assert known == {*get_args(Component), *get_args(Network)}


def test_the_line_of_restarts_passes_the_reported_ones() -> None:
    figures_ = recovery()
    for chips, seconds in ((16_384, 200), (22_528, 300), (65_536, 600), (98_304, 900)):
        line = figures_.restart_base.value + chips * figures_.restart_per_chip.value
        assert line == pytest.approx(seconds, rel=0.16)


def test_generations_lead_to_the_fleet_with_such_chips() -> None:
    found = {generation: fleet_of(generation) for generation in ("hopper", "ampere", "blackwell", "tpu-v5p")}
    assert [each and each.id for each in found.values()] == ["h100-llama3", "a100-rsc1", "b200-lablup", None]


def test_unknown_names_tell_the_nearest() -> None:
    assert fleet("RSC 1").id == "a100-rsc1"
    with pytest.raises(InputError, match=r"no fleet `h100-lama3`.*h100-llama3"):
        fleet("h100-lama3")

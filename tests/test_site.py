"""A site from its scenario to its answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from petaday.report.site import site_data
from petaday.study.manifest import manifest
from petaday.study.site import read_site, site_year

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_example_adds_up() -> None:
    scenario, _ = read_site(EXAMPLES / "gansu-100mw.yaml")
    data = site_data(site_year(scenario, EXAMPLES), manifest(scenario, "petaday site"))
    power = data["power"]
    assert power["it_w"] == pytest.approx(80e6)
    assert power["facility_w"] == power["it_w"] + sum(power["facility_parts_w"].values())
    assert data["pue"]["mean"] == pytest.approx(power["facility_w"] / power["it_w"])
    assert 1.03 < data["pue"]["mean"] < 1.12

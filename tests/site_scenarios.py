"""Scenarios of sites that their tests share, and files of weather."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from petaday.errors import InputError
from petaday.report.data import Data
from petaday.report.site import site_data
from petaday.study.manifest import manifest
from petaday.study.site import (
    read_site,
    site_year,
)
from scenarios import ROOT, changed, written

EXAMPLES = ROOT / "examples"

POWER: dict[str, Any] = {
    "load": {"it_power": "10 MW", "utilisation": "80 %"},
    "site": {"region": "qingyang", "cooling": "economised-air", "rejection": "adiabatic", "power_chain": "hvdc"},
}
CHIPS: dict[str, Any] = {
    "load": {"chips": 1024, "chip": "h100-sxm-80", "utilisation": "80 %", "arithmetic": "30 %", "traffic": "20 %"},
    "site": {"region": "singapore", "cooling": "direct-liquid", "rejection": "tower", "power_chain": "hvdc"},
}
CLIMATE: dict[str, Any] = {
    "source": "a test",
    "temperature_degc": [5.0, 6.0, 9.0, 13.0, 17.0, 21.0, 23.0, 23.0, 19.0, 14.0, 9.0, 6.0],
    "daily_range_k": [8.0] * 12,
    "humidity_pct": [70] * 12,
}
TARIFF: dict[str, Any] = {"currency": "USD", "energy": "$0.1/kWh"}
PLACE: dict[str, Any] = changed(
    POWER,
    site__region={"latitude": 45.0, "longitude": 9.0, "altitude": "100 m", "climate": CLIMATE, "carbon": "300 g/kWh"},
    site__tariff=TARIFF,
)


def answered(scenario: dict[str, Any], folder: Path) -> Data:
    """A scenario's answer as plain data; an error has its place, as on the command line."""
    read, locate = read_site(written(scenario, folder))
    try:
        return site_data(site_year(read, folder), manifest(read, "petaday site"))
    except InputError as error:
        raise locate(error) from None


def outcome(data: Data) -> str:
    """What a site comes to, without what only repeats the scenario."""
    return json.dumps(
        {name: data[name] for name in ("status", "it", "power", "pue", "water", "energy", "carbon", "cost", "peak")}
    )


def year_file(path: Path, *, start: str = "2022-01-01T00:00", hours: int = 8760, **columns: float) -> Path:
    """A plain CSV of hours with a daily and a yearly wave."""
    time = datetime.fromisoformat(start)
    names = ["temperature_degc", "humidity_pct", *columns]
    lines = ["time," + ",".join(names)]
    for hour in range(hours):
        warm = 15 - 10 * np.cos(2 * np.pi * hour / 8760) - 5 * np.cos(2 * np.pi * hour / 24)
        values = [f"{warm:.2f}", "60", *(f"{value + hour % 24:g}" for value in columns.values())]
        lines.append(f"{time + timedelta(hours=hour):%Y-%m-%dT%H:%M}," + ",".join(values))
    path.write_text("\n".join(lines) + "\n")
    return path

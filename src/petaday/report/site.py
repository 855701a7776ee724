"""A site's year as plain data: power by part, PUE, water, carbon, cost; and by hour as CSV."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import datetime, timedelta

import numpy as np

from petaday.report.data import SCHEMA_VERSION, Data
from petaday.site.cooling import Facility
from petaday.site.psychrometrics import Floats
from petaday.site.tariff import Costs
from petaday.site.weather import Weather
from petaday.study.manifest import Manifest
from petaday.study.site import SiteYear
from petaday.study.site_it import ItLoad

KWH = 3.6e6
"""J of a kWh."""


def site_data(found: SiteYear, manifest: Manifest, compared: Iterable[SiteYear] = ()) -> Data:
    """A site's answer; units stand in the keys."""
    year = found.year
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "infeasible" if found.infeasible else "answered",
        "manifest": asdict(manifest),
        "site": {
            "id": found.place.id,
            "name": found.place.name,
            "country": found.place.country,
            "cooling": found.cooling.id,
            "rejection": found.rejection.id,
            "power_chain": found.chain.id,
            "weather": found.weather_source,
            "synthetic_weather": year.weather.synthetic,
            "carbon_hours": found.carbon_source,
            "price_for_domestic_chips": found.domestic,
        },
        "it": _it(found.it),
        "power": power_data(found),
        "pue": _pue(found),
        "water": {
            "makeup_m3": float(year.water),
            "evaporated_m3": _sum(year.facility.evaporated, year.weather),
            "wue_l_per_kwh": float(year.wue) * 1e3 * KWH,
        },
        "energy": _energy(found),
        "carbon": _carbon(found),
        "cost": _cost(found),
        "peak": _peak(found),
        "compared": [_line(each) for each in compared],
        "infeasible": asdict(found.infeasible) if found.infeasible else None,
        "unused": found.unused,
        "assumptions": [asdict(each) for each in found.assumptions],
    }


def power_data(found: SiteYear) -> Data:
    """Mean W by part, from the chips to the grid; the two totals are the sums of the parts as they stand here."""
    hours = float(found.year.weather.weight.sum())
    if found.it.parts is None:
        inside = {"it": found.it.mean}
    else:
        inside = {each.name: float(getattr(found.it.parts, each.name)) for each in fields(found.it.parts)}
    around = {
        name: _sum(getattr(found.year.facility, name), found.year.weather) / 3600 / hours
        for name in Facility.PARTS
        if name != "it"
    }
    it = sum(inside.values())
    return {
        "it_parts_w": inside,
        "it_w": it,
        "facility_parts_w": around,
        "facility_w": sum((it, *around.values())),
    }


def _sum(rate: Floats, weather: Weather) -> float:
    """A rate per second over the year."""
    return float(weather.total(_hourly(rate, weather)))


def _hourly(values: Floats, weather: Weather) -> Floats:
    """Values of every hour, whether they change or not."""
    return np.broadcast_to(values, weather.temperature.shape)


def _it(it: ItLoad) -> Data:
    return {
        "mean_w": it.mean,
        "capacity_w": it.capacity,
        "chips": it.chips,
        "chip": it.chip,
        "host": it.host,
        "mean_w_per_chip": it.mean / it.chips if it.chips else None,
        "peak_w_per_chip": it.capacity / it.chips if it.chips else None,
        "rack_w": it.rack,
    }


def _pue(found: SiteYear) -> Data:
    year = found.year
    hourly, weather = year.hourly_pue, year.weather
    by_month = []
    for month in range(12):
        own = weather.month == month
        hours = (_hourly(values, weather)[own] for values in (year.facility.total, year.facility.it))
        total, it = (values @ weather.weight[own] for values in hours)
        by_month.append(float(total / it))
    return {
        "mean": float(year.pue),
        "p1": float(np.quantile(hourly, 0.01)),
        "p99": float(np.quantile(hourly, 0.99)),
        "by_month": by_month,
        "free_cooling_share": float(np.average(year.facility.free, weights=weather.weight)),
        "hours_without_chiller": float(weather.weight[year.facility.chillers == 0].sum()),
    }


def _energy(found: SiteYear) -> Data:
    year = found.year
    flows = year.dispatch
    joules = {
        "it": float(year.it_energy),
        "facility": float(year.energy),
        "own_output": _sum(np.asarray(year.supply.own), year.weather),
        "curtailed": _sum(flows.curtailed, year.weather),
        "battery_in": _sum(flows.charge, year.weather),
        "battery_out": _sum(flows.discharge, year.weather),
        "grid": float(year.grid_energy),
    }
    return {f"{name}_mwh": value / KWH / 1e3 for name, value in joules.items()}


def _carbon(found: SiteYear) -> Data:
    year = found.year
    bought = max(float(year.grid_energy), 1e-300)
    by_basis = {"location": float(year.carbon_location), "market": float(year.carbon_market)}
    return {
        **{f"{name}_t": kg / 1e3 for name, kg in by_basis.items()},
        **{f"{name}_g_per_grid_kwh": kg * 1e3 * KWH / bought for name, kg in by_basis.items()},
        **{f"{name}_g_per_it_kwh": kg * 1e3 * KWH / float(year.it_energy) for name, kg in by_basis.items()},
        "green_share": float(year.supply.green),
    }


def _cost(found: SiteYear) -> Data:
    year = found.year
    by_part = {each.name: float(getattr(year.costs, each.name)) for each in fields(Costs)}
    total = sum(by_part.values())
    return {
        "currency": found.tariff.currency,
        "parts": by_part,
        "total": total,
        "per_grid_kwh": total * KWH / max(float(year.grid_energy), 1e-300),
        "per_it_kwh": total * KWH / float(year.it_energy),
    }


def _peak(found: SiteYear) -> Data:
    """The hour that takes most, and the parts of that hour."""
    year = found.year
    at = int(np.argmax(year.facility.total))
    parts = {name: float(_hourly(getattr(year.facility, name), year.weather)[at]) for name in Facility.PARTS}
    return {
        "hour_of_year": at,
        "time": _time(at),
        "temperature_degc": float(year.weather.temperature[at]),
        "wet_bulb_degc": float(year.weather.wet_bulb[at]),
        "facility_w": sum(parts.values()),
        "parts_w": parts,
        "grid_w": float(year.dispatch.grid.max()),
        "highest_pue": float(year.hourly_pue.max()),
        "hours_near_peak": int(np.sum(year.facility.total > 0.99 * year.facility.total[at])),
    }


def _time(hour: int) -> str:
    """An hour of the year as its day and time; no year is meant."""
    return (datetime(2023, 1, 1) + timedelta(hours=hour)).strftime("%m-%d %H:00")


def _line(found: SiteYear) -> Data:
    """One site of a comparison."""
    data = {"pue": _pue(found), "carbon": _carbon(found), "cost": _cost(found)}
    return {
        "site": found.place.id,
        "cooling": found.cooling.id,
        "rejection": found.rejection.id,
        "it_w": found.it.mean,
        "facility_w": power_data(found)["facility_w"],
        "pue": data["pue"]["mean"],
        "pue_p99": data["pue"]["p99"],
        "free_cooling_share": data["pue"]["free_cooling_share"],
        "wue_l_per_kwh": float(found.year.wue) * 1e3 * KWH,
        "location_t": data["carbon"]["location_t"],
        "market_t": data["carbon"]["market_t"],
        "currency": data["cost"]["currency"],
        "cost": data["cost"]["total"],
        "cost_per_it_kwh": data["cost"]["per_it_kwh"],
        "infeasible": found.infeasible.constraint if found.infeasible else "",
    }


def hourly_csv(found: SiteYear) -> str:
    """Every hour of the year as CSV."""
    year = found.year
    columns: dict[str, Floats] = {
        "temperature_degc": year.weather.temperature,
        "wet_bulb_degc": year.weather.wet_bulb,
        **{f"{name}_w": getattr(year.facility, name) for name in Facility.PARTS},
        "facility_w": year.facility.total,
        "pue": year.hourly_pue,
        "free_share": year.facility.free,
        "makeup_l": year.facility.makeup * 3.6e6,
        "own_w": np.asarray(year.supply.own),
        "battery_in_w": year.dispatch.charge,
        "battery_out_w": year.dispatch.discharge,
        "grid_w": year.dispatch.grid,
        "carbon_g_per_kwh": year.supply.carbon * 1e3 * KWH,
        "price_per_kwh": year.supply.prices * KWH,
    }
    table = np.stack([_hourly(values, year.weather) for values in columns.values()], axis=1)
    lines = [",".join(("time", *columns))]
    lines += [",".join((_time(hour), *(f"{value:.8g}" for value in row))) for hour, row in enumerate(table.tolist())]
    return "\n".join(lines) + "\n"

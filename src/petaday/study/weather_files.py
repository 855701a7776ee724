"""Hours from files: weather as EPW, Open-Meteo's CSV or plain CSV, and the grid's carbon and prices as plain CSV."""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petaday.errors import InputError, Place
from petaday.site.psychrometrics import Floats
from petaday.site.weather import HOURS

PLAIN = {
    "temperature_degc": (-90.0, 60.0),
    "humidity_pct": (0.0, 100.0),
    "pressure_pa": (30_000.0, 110_000.0),
    "cloud_pct": (0.0, 100.0),
    "wind_m_s": (0.0, 120.0),
    "carbon_g_per_kwh": (0.0, 3000.0),
    "price_per_kwh": (-100.0, 1000.0),
}
"""Columns of a plain CSV and what fits them; the first is `time` in local standard time, `2023-01-31T14:00`."""

OPEN_METEO = {
    "temperature_2m": ("temperature_degc", 1.0),
    "relative_humidity_2m": ("humidity_pct", 1.0),
    "relativehumidity_2m": ("humidity_pct", 1.0),
    "surface_pressure": ("pressure_pa", 100.0),
    "cloud_cover": ("cloud_pct", 1.0),
    "cloudcover": ("cloud_pct", 1.0),
    "wind_speed_10m": ("wind_m_s", 1 / 3.6),
    "windspeed_10m": ("wind_m_s", 1 / 3.6),
}
"""Open-Meteo's names without their units, in its default units, and what they are here."""

EPW = {
    "temp_air": ("temperature_degc", 1.0),
    "relative_humidity": ("humidity_pct", 1.0),
    "atmospheric_pressure": ("pressure_pa", 1.0),
    "total_sky_cover": ("cloud_pct", 10.0),
    "wind_speed": ("wind_m_s", 1.0),
}
"""pvlib's names of an EPW file's columns."""


@dataclass(frozen=True)
class Hours:
    """Columns of a whole year by hour, in local standard time, 29 February left out."""

    source: str
    year: int
    columns: dict[str, Floats]


def read_hours(path: Path, needed: tuple[str, ...], year: int | None, utc_offset: float) -> Hours:
    """A year of hours from a file; without `year` the first that is whole.

    Raises
    ------
    InputError : no such file or columns, gaps, values that cannot be, a year that the file does not have
    """
    if not path.is_file():
        raise InputError(f"no file {path}", expected="an EPW file, Open-Meteo's CSV or a plain CSV")
    if path.suffix.lower() == ".epw":
        found = _epw(path)
        if year is not None:
            raise InputError("an EPW file is one typical year and has no others", expected="no `year`")
        return Hours("EPW", 0, _checked(found, needed, path))
    times, columns, source, file_offset = _csv(path)
    return _year_of(
        times, columns, needed, year, path, source, 0.0 if file_offset is None else utc_offset - file_offset
    )


def _epw(path: Path) -> dict[str, Floats]:
    try:
        from pvlib.iotools import read_epw
    except ImportError:
        raise InputError("EPW files are read by pvlib", expected="`pip install petaday[weather]`") from None
    try:
        table, _ = read_epw(str(path))
    except (ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise InputError(f"not an EPW file: {error}", place=Place(str(path))) from None
    if len(table) != HOURS:
        raise InputError(f"{len(table):,} hours", place=Place(str(path)), expected=f"a year of {HOURS:,}")
    return {own: np.asarray(table[name], dtype=float) * factor for name, (own, factor) in EPW.items()}


def _csv(path: Path) -> tuple[list[datetime], dict[str, Floats], str, float | None]:
    """Times, columns by our names, what kind of file it is, and its own offset from UTC where it tells one."""
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error):
        raise InputError("not a CSV table in UTF-8", place=Place(str(path))) from None
    head = next((at for at, line in enumerate(lines) if line and line[0].strip() == "time"), None)
    if head is None:
        raise InputError("no column `time`", place=Place(str(path)), expected="`time` as the first column")
    names = [name.strip() for name in lines[head]]
    bare = [name.partition(" (")[0] for name in names]
    is_open_meteo = any(name in OPEN_METEO for name in bare)
    known = OPEN_METEO if is_open_meteo else {name: (name, 1.0) for name in PLAIN}
    told = lines[0] if is_open_meteo and head > 0 else []
    offset = float(lines[1][told.index("utc_offset_seconds")]) / 3600 if "utc_offset_seconds" in told else None
    rows = [line for line in lines[head + 1 :] if line]
    _check_units(names, path, is_open_meteo)
    times, columns = [], {known[name][0]: np.empty(len(rows)) for name in bare if name in known}
    at = 0
    try:
        for at, row in enumerate(rows):
            times.append(datetime.fromisoformat(row[0]).replace(tzinfo=None))
            for name, cell in zip(bare, row, strict=True):
                if name in known:
                    own, factor = known[name]
                    columns[own][at] = float(cell) * factor
    except ValueError:
        raise InputError("a cell is blank or no number", place=Place(str(path), head + 2 + at)) from None
    return times, columns, "Open-Meteo" if is_open_meteo else "CSV", (offset or 0.0) if is_open_meteo else None


def _check_units(names: list[str], path: Path, is_open_meteo: bool) -> None:
    """Open-Meteo writes units into its names; only its default ones are read."""
    for name in names if is_open_meteo else []:
        if "°F" in name or "(mp/h)" in name or "(kn)" in name or "(m/s)" in name:
            raise InputError(
                f"`{name}`", place=Place(str(path)), expected="degrees Celsius and km/h, the default units"
            )


def _year_of(
    times: list[datetime],
    columns: dict[str, Floats],
    needed: tuple[str, ...],
    year: int | None,
    path: Path,
    source: str,
    shift: float,
) -> Hours:
    """The hours of one year, moved by so many hours to local time."""
    place = Place(str(path))
    if not times:
        raise InputError("no hours", place=place)
    steps = {later - earlier for earlier, later in itertools.pairwise(times)}
    if steps - {timedelta(hours=1)}:
        raise InputError("hours are missing or doubled", place=place, expected="one row for each hour, in order")
    years = np.array([each.year for each in times])
    kept = np.array([(each.month, each.day) != (2, 29) for each in times])
    whole = [each for each in np.unique(years).tolist() if np.sum(kept & (years == each)) == HOURS]
    if not whole:
        raise InputError(
            f"no whole year: hours from {times[0]:%Y-%m-%d} to {times[-1]:%Y-%m-%d}",
            place=place,
            expected="8,760 hours",
        )
    chosen = whole[0] if year is None else year
    if chosen not in whole:
        raise InputError(
            f"{chosen} lies outside the data", field="site.year", expected=" or ".join(map(str, whole)), place=place
        )
    own = kept & (years == chosen)
    moved = {name: np.roll(values[own], round(shift)) for name, values in columns.items()}
    return Hours(source, chosen, _checked(moved, needed, path))


def _checked(columns: dict[str, Floats], needed: tuple[str, ...], path: Path) -> dict[str, NDArray[np.float64]]:
    """The columns, if those needed are there and all values can be."""
    place = Place(str(path))
    missing = [name for name in needed if name not in columns]
    if missing:
        raise InputError(f"no column {' and '.join(missing)}", place=place, expected=", ".join(PLAIN))
    for name, values in columns.items():
        low, high = PLAIN[name]
        if not np.all((values >= low) & (values <= high)):
            raise InputError(f"`{name}` leaves {low:g} to {high:g}", place=place, expected="values that can be")
    return columns

"""Print the monthly normals of the zones whose hourly weather lies in ../shared, as `sites.yaml` holds them.

    python benchmarks/make_climates.py

The weather is Open-Meteo's (CC-BY-4.0), 2020 to 2024. Days are counted by the sun: UTC and a fifteenth of the longitude.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

WEATHER = Path(__file__).parents[1] / "../shared/data/energy/weather_hourly_openmeteo_CCBY.parquet"
OFFSETS = {
    "AU-NSW": 10, "AU-VIC": 10, "BR-SP": -3, "CA-ON": -5, "CL-SIC": -5, "DE-LU": 1, "GB": 0, "IN-WE": 5, "JP-TK": 9,
    "KR": 8, "SG": 7, "US-CAL-CISO": -8, "US-MIDA-PJM": -5, "US-NY-NYIS": -5, "US-TEX-ERCO": -6, "ZA": 2,
}  # fmt: skip
"""Hours from UTC to the sun's time, rounded."""


def main() -> None:
    """Print every zone's climate."""
    import polars

    table = polars.read_parquet(WEATHER)
    zones = table["zone"].to_numpy()
    names = ("temperature_2m", "relative_humidity_2m", "cloudcover", "windspeed_10m")
    columns = {name: table[name].to_numpy() for name in names}
    hours = table["utc"].to_numpy().astype("datetime64[h]")
    for zone, offset in OFFSETS.items():
        own = zones == zone
        local = hours[own] + np.timedelta64(offset, "h")
        order = np.argsort(local)
        local = local[order]
        temperature, humidity, cloud, wind = (columns[name][own][order] for name in names)
        month = local.astype("datetime64[M]").astype(int) % 12
        whole = slice(24 - offset % 24, None)
        days = temperature[whole][: len(temperature[whole]) // 24 * 24].reshape(-1, 24)
        month_of_day = month[whole][: len(days) * 24 : 24]
        normal = np.array([temperature[month == each].mean() for each in range(12)])
        daily_range = [np.ptp(days[month_of_day == each], axis=1).mean() for each in range(12)]
        wet = [humidity[month == each].mean() for each in range(12)]
        spread = np.std(days.mean(axis=1) - normal[month_of_day])
        print(
            f"      # {zone}\n"
            f"      temperature_degc: [{_listed(normal)}]\n"
            f"      daily_range_k: [{_listed(daily_range)}]\n"
            f"      humidity_pct: [{_listed(wet, 0)}]\n"
            f"      spread_k: {spread:.1f}\n"
            f"      cloud_pct: {cloud.mean():.0f}\n"
            f"      wind_m_s: {wind.mean() / 3.6:.1f}"
        )


def _listed(values: object, digits: int = 1) -> str:
    return ", ".join(f"{value:.{digits}f}" for value in np.asarray(values))


if __name__ == "__main__":
    main()

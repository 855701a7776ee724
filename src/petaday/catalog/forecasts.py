"""The shipped forecasts and series, read when they are first asked for."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from petaday.catalog.forecast import Forecast, Series
from petaday.catalog.load import DATA, catalog_of, find


@functools.cache
def forecasts() -> Mapping[str, Forecast]:
    """Published forecasts by id."""
    return catalog_of([DATA / "forecasts.yaml"], "forecasts", Forecast)


@functools.cache
def actuals() -> Mapping[str, Series]:
    """What happened, by the id of the series."""
    return catalog_of([DATA / "actuals.yaml"], "actuals", Series)


def forecast(name: str) -> Forecast:
    """The forecast of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, forecasts(), "forecast")


def series(name: str) -> Series:
    """The series of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, actuals(), "series")

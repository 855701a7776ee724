"""The shipped suites by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from petaday.validation.suite import Suite


def _training(data: Path | None) -> list[Suite]:
    from petaday.validation.training import training_suites

    return training_suites(data)


def _collectives(_: Path | None) -> list[Suite]:
    from petaday.validation.collectives import collective_suites

    return collective_suites()


def _kernels(_: Path | None) -> list[Suite]:
    from petaday.validation.kernels import kernel_suites

    return kernel_suites()


def _memory(_: Path | None) -> list[Suite]:
    from petaday.validation.memory import memory_suites

    return memory_suites()


def _ranking(_: Path | None) -> list[Suite]:
    from petaday.validation.ranking import ranking_suites

    return ranking_suites()


def _latency(_: Path | None) -> list[Suite]:
    from petaday.validation.latency import latency_suites
    from petaday.validation.latency_ttft import ttft_suites

    return latency_suites() + ttft_suites()


def _serving(_: Path | None) -> list[Suite]:
    from petaday.validation.serving import serving_suites
    from petaday.validation.serving_energy import energy_suites

    return [*serving_suites(), *energy_suites()]


def _claims(_: Path | None) -> list[Suite]:
    from petaday.validation.claims import claim_suites

    return claim_suites()


def _forecast(_: Path | None) -> list[Suite]:
    from petaday.validation.forecasts import forecast_suites

    return forecast_suites()


SUITES: dict[str, Callable[[Path | None], list[Suite]]] = {
    "training": _training,
    "collectives": _collectives,
    "memory": _memory,
    "ranking": _ranking,
    "kernels": _kernels,
    "latency": _latency,
    "serving": _serving,
    "claims": _claims,
    "forecast": _forecast,
}
"""A suite's name to the function that makes its predictions; only training reads a table of the user's own."""

"""The shipped suites by name; their modules are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from petaday.validation.suite import Suite

SUITES: dict[str, tuple[str, ...]] = {
    "training": ("training.training_suites",),
    "collectives": ("collectives.collective_suites",),
    "memory": ("memory.memory_suites",),
    "ranking": ("ranking.ranking_suites",),
    "kernels": ("kernels.kernel_suites",),
    "latency": ("latency.latency_suites", "latency_ttft.ttft_suites"),
    "serving": ("serving.serving_suites", "serving_energy.energy_suites"),
    "goodput": ("goodput.goodput_suites",),
    "power": ("power.power_suites",),
    "supply": ("supply.supply_suites",),
    "cost": ("cost.cost_suites",),
    "claims": ("claims.claim_suites",),
    "forecast": ("forecasts.forecast_suites",),
}
"""A suite's name to the functions that make its predictions, each as module and name in `petaday.validation`."""


def suites_of(name: str, data: Path | None) -> list[Suite]:
    """The suites of a name; only training reads a table of the user's own."""
    found: list[Suite] = []
    for function in SUITES[name]:
        module, _, made = function.partition(".")
        make = getattr(import_module(f"petaday.validation.{module}"), made)
        made_suites: Iterable[Suite] = make(data) if name == "training" else make()
        found += made_suites
    return found

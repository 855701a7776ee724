"""The chain's numbers as nested plain data, with every factor behind them, and their uncertainty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from petaday.report.data import Data
from petaday.report.explain import leaves
from petaday.study.chain.build import Chain
from petaday.study.factor import Factor, Floats
from petaday.study.parts import Assumption
from petaday.study.uncertainty import Uncertainty


def nested(told: Mapping[str, Any]) -> Data:
    """`{"cost.capex_usd.chips": x}` as mappings in mappings."""
    tree: Data = {}
    for path, value in told.items():
        *branch, leaf = path.split(".")
        place = tree
        for step in branch:
            place = place.setdefault(step, {})
        place[leaf] = value
    return tree


def scalars(told: Mapping[str, Floats]) -> dict[str, float | None]:
    """Numbers at the medians; one without end is null."""
    return {path: _finite(float(value)) for path, value in told.items()}


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def factors_data(factors: Iterable[Factor]) -> list[Data]:
    """Every factor with its range and source; SI units."""
    return [
        {
            "name": each.name,
            "value": each.span.value,
            "low": each.span.low,
            "high": each.span.high,
            "text": each.text,
            "source": each.source,
            "estimate": each.estimate,
            "given": each.given,
        }
        for each in factors
    ]


ROOMS = ("goodput", "power", "carbon", "cost", "supply")
"""Parts of an answer that the chain fills."""


def chain_data(chain: Chain | None, uncertainty: Uncertainty | None = None) -> Data:
    """The chain at the medians, null where there is no plan or no figures; with uncertainty, its quantiles and indices."""
    told = nested(scalars(chain.medians)) if chain else {}
    return {
        **{room: told.get(room) for room in ROOMS},
        "money": {"currency": chain.prices.currency, "date": chain.prices.date} if chain and chain.prices else None,
        "missing": dict(chain.missing) if chain else {},
        "factors": factors_data(chain.factors) if chain else [],
        "uncertainty": uncertainty_data(uncertainty) if uncertainty else None,
    }


def chain_rows(data: Data, room: str) -> list[Data]:
    """A row for each number of a room: its path, its value at the medians and, where they were drawn, its quantiles."""
    drawn = data["uncertainty"]["quantiles"] if data["uncertainty"] else {}
    return [
        {"number": path, "value": value, **drawn.get(path, {})}
        for path, value in leaves({name: data[name] for name in ROOMS})
        if path.startswith(room)
    ]


def assumed(chain: Chain | None) -> tuple[Assumption, ...]:
    """What the chain rests on that the scenario does not say and no source states; guesses of one part in one line."""
    if chain is None:
        return ()
    parts: dict[str, list[Factor]] = {}
    for each in chain.factors:
        if each.estimate:
            parts.setdefault(each.name.rpartition(".")[0], []).append(each)
    guesses = (
        Assumption(
            part,
            ", ".join(f"{each.name.rpartition('.')[2]} {each.text}" for each in factors),
            "; ".join(dict.fromkeys(each.source for each in factors)),
            estimate=True,
        )
        for part, factors in parts.items()
    )
    return (*chain.assumptions, *guesses)


def uncertainty_data(found: Uncertainty) -> Data:
    """Quantiles by path, and first and total Sobol indices of the numbers that were taken apart."""
    return {
        "samples": found.samples,
        "sobol_rows": found.rows,
        "quantiles": {
            path: {"p10": _finite(low), "p50": _finite(median), "p90": _finite(high)}
            for path, (low, median, high) in found.quantiles.items()
        },
        "sobol": {path: {"first": each.first, "total": each.total} for path, each in found.shares.items()},
    }

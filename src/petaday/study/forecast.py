"""Demand and supply by year with their bands: a scenario drawn at Sobol points and priced through the laws at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petaday.catalog import load
from petaday.catalog.chip import Chip
from petaday.catalog.forecasts import forecast as published
from petaday.study.draws import Draws, band, unknown
from petaday.study.forecast_laws import law_of, spans_of
from petaday.study.forecast_scenario import Adoption, Demand, ForecastScenario
from petaday.study.life import life_factor
from petaday.study.parts import Assumption, named
from petaday.supply import growth
from petaday.supply.diffusion import Diffusion, diffuse
from petaday.units import Kind, Span, parse_span
from petaday.units.kinds import YEAR

Floats = NDArray[np.float64]
NO_GROWTH = Span(0.0, 0.0, 0.0)
ALL = Span(1.0, 1.0, 1.0)
CPO = ("trendforce-cpo-share-2030", "herald-cpo-share-2030")
"""The forecasts between which the default share of co-packaged optics in 2030 lies."""
CPO_USUAL = Adoption(
    start_year=2025,
    start=parse_span("0.1 %..1 %", Kind.RATIO),
    end_year=2030,
    end=parse_span("20 %..35 %", Kind.RATIO),
)
CPO_SOURCE = "$0.1bn of CPO and NPO in 2025 (TrendForce) over an optics market of $10bn to $100bn (a guess)"


@dataclass(frozen=True)
class Band:
    """10th, 50th and 90th percentile by year."""

    p10: Floats
    p50: Floats
    p90: Floats


@dataclass(frozen=True)
class Forecast:
    """A forecast's answer, each band over `years`.

    demand, supply, shipped, retired, installed, shortfall: reference chips; supply, shipped, retired in the year, the
    others at its end; the first year's flows are not known and nothing is told of them
    tokens: tokens/s demanded; flops: FLOP/s of work demanded; None where the scenario does not give demand so
    binds: by year, the share of samples that demand or a capacity holds back; cpo: share of co-packaged optics
    """

    scenario: ForecastScenario
    chip: Chip
    years: tuple[int, ...]
    demand: Band
    supply: Band
    shipped: Band
    retired: Band
    installed: Band
    shortfall: Band
    tokens: Band | None
    flops: Band | None
    binds: tuple[dict[str, float], ...]
    cpo: Band
    samples: int
    assumptions: tuple[Assumption, ...]
    unused: dict[str, str]


def forecast(scenario: ForecastScenario, *, allow_unverified: bool = False) -> Forecast:
    """Demand against supply by year. Raises InputError: an unknown chip, or one without such a peak."""
    notes: list[Assumption] = []
    reference = scenario.reference
    chip = named("reference.chip", lambda name: load.chip(name, allow_unverified=allow_unverified), reference.chip)
    peak = named("reference.dtype", chip.dense_peak, reference.dtype).value
    filled = _filled(scenario, notes)
    if "reference" not in scenario.model_fields_set:
        told = f"{chip.id}, dense {reference.dtype}"
        notes.append(Assumption("reference", told, "chips are counted in H100-equivalents"))
    years = tuple(range(scenario.from_year, scenario.to_year + 1))
    draws = Draws(unknown(filled.spans))
    since = np.arange(1, len(years), dtype=float)
    wanted = _demand(scenario.demand, filled, draws, np.arange(len(years), dtype=float), scenario.from_year, peak)
    base, diffusion = _supply(scenario, filled, draws, since, wanted.chips[:, 1:])
    return Forecast(
        scenario=scenario,
        chip=chip,
        years=years,
        demand=_band(wanted.chips),
        supply=_later(diffusion.supply),
        shipped=_later(diffusion.shipped),
        retired=_later(diffusion.retired),
        installed=_band(
            np.concatenate([np.broadcast_to(base, (len(diffusion.installed), 1)), diffusion.installed], 1)
        ),
        shortfall=_band(_with_start(np.maximum(wanted.chips[:, :1] - base, 0), diffusion.shortfall)),
        tokens=None if wanted.tokens is None else _band(wanted.tokens),
        flops=None if wanted.flops is None else _band(wanted.flops),
        binds=tuple(_binds(diffusion)),
        cpo=_adoption(filled.cpo, draws, np.array(years, dtype=float)),
        samples=draws.count,
        assumptions=tuple(notes),
        unused=_unused(scenario),
    )


@dataclass(frozen=True)
class _Filled:
    """The scenario's ranges with those that it leaves out."""

    efficiency_growth: Span
    share: Span
    life: Span
    cpo: Adoption
    limit: Span
    spans: tuple[Span | None, ...]


def _filled(scenario: ForecastScenario, notes: list[Assumption]) -> _Filled:
    demand, supply = scenario.demand, scenario.supply
    efficiency, share, life, cpo = demand.efficiency_growth, supply.share, supply.life, scenario.cpo
    if efficiency is None and demand.unit == "tokens":
        notes.append(Assumption("demand.efficiency_growth", "0 %", "none: FLOP per token stay", estimate=True))
    if share is None:
        notes.append(Assumption("supply.share", "100 %", "all of the supply serves this demand", estimate=True))
    if life is None:
        usual = life_factor(None)
        life = usual.span
        notes.append(Assumption("supply.life", usual.text, usual.source, usual.estimate))
    if cpo is None:
        cpo = CPO_USUAL
        ends = ", ".join(f"{published(name).by} {published(name).value}" for name in CPO)
        notes.append(Assumption("cpo.start", "0.1 % to 1 % in 2025", CPO_SOURCE, estimate=True))
        notes.append(Assumption("cpo.end", "20 % to 35 % in 2030", f"forecasts: {ends}", estimate=True))
    if cpo.limit is None:
        notes.append(Assumption("cpo.limit", "100 %", "nothing stops adoption short of all ports", estimate=True))
    efficiency = efficiency if efficiency is not None and demand.unit == "tokens" else NO_GROWTH
    limit = cpo.limit or ALL
    used = {"tokens": (demand.tokens, demand.flops_per_token, demand.utilisation, efficiency),
            "flops": (demand.flops, demand.utilisation), "chips": (demand.chips,)}[demand.unit]  # fmt: skip
    capacities = [each for part in supply.capacities.values() for each in (part.start, part.growth)]
    share = share or ALL
    spans = (*used, *spans_of(demand.growth), supply.installed, *capacities, share, life, cpo.start, cpo.end, limit)
    return _Filled(efficiency, share, life, cpo, limit, spans)


@dataclass(frozen=True)
class _Wanted:
    """Demand by sample and year in each unit that is known."""

    chips: Floats
    tokens: Floats | None = None
    flops: Floats | None = None


def _demand(demand: Demand, filled: _Filled, draws: Draws, since: Floats, from_year: int, peak: float) -> _Wanted:
    if demand.unit == "chips":
        assert demand.chips is not None
        start = draws.of(demand.chips)
        return _Wanted(chips=start * law_of(demand.growth, draws, from_year)(since))
    assert demand.utilisation is not None
    work_a_chip = peak * np.minimum(draws.of(demand.utilisation), 1.0)
    if demand.unit == "flops":
        assert demand.flops is not None
        flops = draws.of(demand.flops) * law_of(demand.growth, draws, from_year)(since)
        return _Wanted(chips=flops / work_a_chip, flops=flops)
    assert demand.tokens is not None and demand.flops_per_token is not None
    tokens = draws.of(demand.tokens) * law_of(demand.growth, draws, from_year)(since)
    each = draws.of(demand.flops_per_token) / growth.compound(1.0, draws.of(filled.efficiency_growth, 1.0), since)
    return _Wanted(chips=tokens * each / work_a_chip, tokens=tokens, flops=tokens * each)


def _supply(
    scenario: ForecastScenario, filled: _Filled, draws: Draws, since: Floats, wanted: Floats
) -> tuple[Floats, Diffusion]:
    """The base at the start, shape (samples, 1), and what follows; capacities are given a second in SI units."""
    share = np.minimum(draws.of(filled.share), 1.0)
    base = draws.of(scenario.supply.installed) * share
    capacities = {
        name: growth.compound(draws.of(part.start) * YEAR * share, draws.of(part.growth, 1.0), since)
        for name, part in scenario.supply.capacities.items()
    }
    life = draws.of(filled.life) / YEAR
    return base, diffuse(wanted, capacities, base[:, 0], life[:, 0])


def _binds(diffusion: Diffusion) -> list[dict[str, float]]:
    """By year, what share of the samples each capacity keeps short, and what share has all that is wanted."""
    told = []
    for year in range(diffusion.binds.shape[-1]):
        short = diffusion.binds[:, year]
        shares = {
            name: float(np.mean(short & (diffusion.limit[:, year] == index)))
            for index, name in enumerate(diffusion.names)
        }
        told.append({"demand": float(np.mean(~short)), **shares})
    return told


def _adoption(cpo: Adoption, draws: Draws, years: Floats) -> Band:
    limit = np.minimum(draws.of(cpo.limit or ALL), 1.0)
    # The tails of a range reach beyond what its ends, which were checked, allow.
    start = np.minimum(draws.of(cpo.start), 0.98 * limit)
    end = np.clip(draws.of(cpo.end), start * 1.001, 0.99 * limit)
    curve = growth.logistic_through((cpo.start_year, start), (cpo.end_year, end), limit)
    return _band(curve.share(years))


def _band(samples: Floats) -> Band:
    return Band(*band(samples))


def _later(samples: Floats) -> Band:
    """The band of a flow, which the first year does not have."""
    return _band(_with_start(np.full((1, 1), np.nan), samples))


def _with_start(first: Floats, later: Floats) -> Floats:
    return np.concatenate([np.broadcast_to(first, (len(later), 1)), later], axis=1)


def _unused(scenario: ForecastScenario) -> dict[str, str]:
    """Fields that are given and move nothing."""
    demand = scenario.demand
    reasons = {
        "flops_per_token": ("tokens",),
        "efficiency_growth": ("tokens",),
        "utilisation": ("tokens", "flops"),
    }
    return {
        f"demand.{name}": f"demand is given in {demand.unit}"
        for name, units in reasons.items()
        if getattr(demand, name) is not None and demand.unit not in units
    }

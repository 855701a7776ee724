"""The link of a place: the facility around the IT, its water, the grid's carbon and what its energy costs.

A year stands for the run, in the same 288 weighted hours at the medians and in samples; what these leave of the whole
year's PUE, water, carbon and price at the medians is put back as a factor. What plants and batteries behind the meter take
off the grid is that of the medians.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf
from pathlib import Path

import numpy as np

from petaday.catalog.cooling import Cooling
from petaday.catalog.figure import Figure
from petaday.catalog.take import Take
from petaday.catalog.validate import Strict
from petaday.site.sample import Means
from petaday.study.factor import Factor, Floats, Values
from petaday.study.parts import Assumption
from petaday.study.site import SiteYear, site_means, site_of
from petaday.study.site_it import ItLoad
from petaday.study.site_parts import plant_of
from petaday.study.site_scenario import Site
from petaday.study.taken import Taken, figures_in
from petaday.units import Kind, Span


@dataclass(frozen=True)
class SiteLink:
    """A place, its year at the medians, and the figures of its plant. chosen: what was assumed before."""

    site: Site
    year: SiteYear
    taken: Taken
    chosen: tuple[Assumption, ...] = ()

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Figures of cooling, heat rejection and power chain; the grid's carbon and the price of energy as ratios."""
        part = self.year.place.part
        carbon = _ratio("site.carbon_ratio", part.carbon if part else None, "the region's carbon")
        return (*self.taken.factors, *carbon)

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the section leaves open; figures with ranges are factors."""
        return (*self.chosen, *(each for each in self.year.assumptions if not each.field.startswith(PLANT)))

    @property
    def currency(self) -> str:
        """The currency of the tariff."""
        return self.year.tariff.currency

    @property
    def unused(self) -> Mapping[str, str]:
        """Fields of the section that the weather's file, the tariff or other fields leave without effect."""
        return self.year.unused

    def extend(self, values: Values, told: dict[str, Floats]) -> None:
        """PUE, watts, energy and water of the run, its carbon by location and market, and what a joule costs."""
        drawn = np.broadcast_shapes(*(np.shape(value) for value in values.values()))
        it = np.broadcast_to(np.minimum(told["power.it_w"], self.year.it.capacity), drawn or (1,))
        found = self._means(it[:, None], values)
        if not drawn:
            found = Means(*(np.asarray(getattr(found, name)[0]) for name in Means.__dataclass_fields__))
        wall = told.get("goodput.wall_time_s", told["run.wall_time_s"])
        facility = told["power.it_w"] * found.pue
        energy = facility * wall
        told |= {
            "power.pue": found.pue,
            "power.wue_m3_per_j": found.wue,
            "power.facility_w": facility,
            "power.run_energy_j": energy,
            "power.run_water_m3": found.wue * told["power.it_w"] * wall,
            "carbon.operational_location_kg": found.carbon_location * found.grid * energy,
            "carbon.operational_market_kg": found.carbon_market * found.grid * energy,
            "power.energy_price_per_j": found.price * found.grid,
        }

    def _means(self, it: Floats, values: Values) -> Means:
        take = self.taken.take(values)
        carbon = np.asarray(values.get("site.carbon_ratio", np.asarray(1.0)))
        found = site_means(self.year, it, lambda figure: _column(take(figure)), _column(carbon))
        return Means(**{name: getattr(found, name) * ratio for name, ratio in self._whole_year.items()})

    @cached_property
    def _whole_year(self) -> dict[str, float]:
        """What a mean of the whole year is over that of its 288 hours, at the medians."""
        year, few = self.year.year, site_means(self.year, np.full((1, 1), self.year.it.mean))
        grid = float(year.grid_energy)
        whole = {
            "pue": float(year.pue),
            "wue": float(year.wue),
            "carbon_location": float(year.carbon_location) / grid,
            "carbon_market": float(year.carbon_market) / grid,
            "price": float(year.costs.total) / grid,
            "grid": grid / float(year.energy),
        }
        return {name: value / float(getattr(few, name)[0]) if value else 1.0 for name, value in whole.items()}


def _column(value: Floats) -> Floats:
    """Draws with room for the hours."""
    return value[:, None] if np.ndim(value) else value


PLANT = ("cooling.", "rejection.", "power_chain.")
"""Fields of assumptions that stand for the figures of a plant."""


def site_link(site: Site, load: ItLoad, cooling: Cooling, folder: Path) -> SiteLink:
    """The link of a scenario's site around some IT.

    Raises
    ------
    InputError : a part, a file or a place that is not there; a place without climate or tariff
    """
    year = site_of(site, load, folder, cooling)
    parts: Mapping[str, Strict] = {
        cooling.id: cooling, year.rejection.id: year.rejection, year.chain.id: year.chain,
    }  # fmt: skip

    def used(take: Take) -> None:
        plant_of(load.capacity, year.cooling, year.rejection, year.chain, site.supply, take)

    return SiteLink(site, year, figures_in("site", parts).used_by(used))


def _ratio(name: str, figure: Figure | None, what: str) -> tuple[Factor, ...]:
    """A figure over its own median; none where it is known exactly."""
    if figure is None or figure.value <= 0 or figure.low is None or figure.high is None:
        return ()
    span = Span(figure.low / figure.value, 1.0, figure.high / figure.value)
    return (Factor(name, span, Kind.RATIO, f"{what}: {figure.source}", figure.estimate, most=inf),)

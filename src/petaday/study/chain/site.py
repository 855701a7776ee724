"""The link of a place: the facility around the IT, its water, the grid's carbon and what its energy costs.

A year stands for the run, in 288 weighted hours of it (see `petaday.study.site.site_means`). What plants and batteries
behind the meter take off the grid is that of the medians.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from petaday.catalog.cooling import Cooling
from petaday.catalog.figure import Figure
from petaday.site.sample import Means
from petaday.study.factor import Factor, Floats, Values
from petaday.study.parts import Assumption
from petaday.study.site import SiteYear, site_means, site_of
from petaday.study.site_it import ItLoad
from petaday.study.site_parts import tariff_part
from petaday.study.site_scenario import Site
from petaday.study.taken import Taken, figures_of

CHARGES = ("energy", "demand", "premium", "water")
"""Parts of a bill."""


@dataclass(frozen=True)
class SiteLink:
    """A place, its year at the medians, and the figures that move it. chosen: what was assumed before."""

    site: Site
    year: SiteYear
    taken: Taken
    chosen: tuple[Assumption, ...] = ()

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Figures of cooling, heat rejection, power chain and tariff, and the carbon of the grid."""
        return self.taken.factors

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the section leaves open; estimates that are factors are told as these."""
        told = tuple(each.name for each in self.factors if each.estimate)
        left = (each for each in self.year.assumptions if not each.field.startswith(PLANT) and each.field not in told)
        return (*self.chosen, *left)

    @property
    def currency(self) -> str:
        """The currency of the tariff."""
        return self.year.tariff.currency

    @property
    def unused(self) -> Mapping[str, str]:
        """Fields of the section that the weather's file, the tariff or other fields leave without effect."""
        return self.year.unused

    def extend(self, values: Values, told: dict[str, Floats]) -> None:
        """PUE, watts, energy and water of the run, its carbon by location and market, what a joule costs by part."""
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
            **{f"power.{name}_price_per_j": getattr(found, name) * found.grid for name in CHARGES},
        }

    def _means(self, it: Floats, values: Values) -> Means:
        take = self.taken.take(values)
        return site_means(self.year, it, lambda figure: _column(take(figure)))


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
    figures = dict(_figures(year))
    return SiteLink(
        site, year, Taken(figures).used_by(lambda take: site_means(year, np.full((1, 1), load.mean), take))
    )


def _figures(year: SiteYear) -> Iterator[tuple[str, Figure]]:
    """Figures of the plant, the tariff and the region by name, less prices of what the site does not take."""
    for part in (year.cooling, year.rejection, year.chain):
        for path, figure in figures_of(part):
            yield f"site.{part.id}.{path}", figure
    if year.place.part is not None:
        yield "site.region.carbon", year.place.part.carbon
    taken = {"premium": year.site.green_share > 0, "water": float(year.year.water) > 0}
    for name, figure in figures_of(tariff_part(year.site, year.place)):
        if taken.get(name, True):
            yield f"site.tariff.{name}", figure

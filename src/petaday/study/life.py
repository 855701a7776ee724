"""How long IT lives: one figure for money, for the carbon of its making, for its replacement and for forecasts."""

from __future__ import annotations

from petaday.catalog.figure import Figure
from petaday.catalog.prices import cost_profile
from petaday.study.cost_scenario import Cost
from petaday.study.factor import Factor, of_figure
from petaday.study.parts import named
from petaday.units import Kind


def life_figure(section: Cost | None = None) -> Figure:
    """The life of IT of the cost section's profile, or of the usual one.

    Raises
    ------
    InputError : no profile of that name
    """
    return named("cost.profile", cost_profile, (section or Cost()).profile).life_it


def life_factor(section: Cost | None) -> Factor:
    """`cost.life_it` as the scenario gives it, else of the profile."""
    if section is not None and section.life_it is not None:
        return Factor("cost.life_it", section.life_it, Kind.TIME, "the scenario", given=True)
    return of_figure("cost.life_it", life_figure(section), Kind.TIME)

"""What an order's answer rests on that its scenario does not say."""

from __future__ import annotations

from collections.abc import Iterator

from petaday.catalog import silicon_load as silicon
from petaday.catalog.quarter import quarter_name
from petaday.study.parts import Assumption
from petaday.study.supply_scenario import Supply
from petaday.supply.package import Made
from petaday.units.kinds import YEAR

LIFE = 5.0 * YEAR
"""Seconds after which chips are replaced where a scenario does not say."""


def assumptions(made: Made, supply: Supply) -> Iterator[Assumption]:
    """What a scenario left open, and every estimate behind its answer."""
    recipe = made.recipe
    for what in ("logic", "hbm", "packaging"):
        if getattr(supply.shares, what) is None and (what != "hbm" or made.hbm):
            yield Assumption(f"supply.shares.{what}", "100 %", "nobody else is served", estimate=True)
    if supply.life is None:
        yield Assumption("supply.life", f"{LIFE / YEAR:g} years", "server life (Epoch AI: 5 years from 2023 on)")
    if supply.substrates is None:
        yield Assumption("supply.substrates", "no limit", "no capacity of substrates was read", estimate=True)
    figures = {
        **{f"{die.name} repairable": die.repairable for die in recipe.dies if die.repairable is not None},
        **{f"{die.name} width": die.width for die in recipe.dies},
        **{f"{die.name} height": die.height for die in recipe.dies},
        "interposer width": recipe.interposer_width,
        "interposer height": recipe.interposer_height,
        "packaging": recipe.packaging,
        "rest of the bill": recipe.rest,
        "module time": recipe.module_time,
        f"{made.package.id} yield a piece": made.package.attach_yield,
        f"{made.package.id} lead time": made.package.lead_time,
        f"{made.package.id} carbon": made.package.carbon,
        **{f"{die.node.id} wafer price": die.node.wafer_price for die in made.dies},
        **{f"{die.node.id} defect density": die.node.defect_density for die in made.dies},
        **{f"{die.node.id} carbon": die.node.carbon for die in made.dies},
    }
    if made.hbm:
        figures |= {f"{made.hbm.id} price": made.hbm.price, f"{made.hbm.id} carbon": made.hbm.carbon}
    for name, figure in figures.items():
        if figure.estimate:
            yield Assumption(f"{recipe.id}: {name}", figure.text, figure.source, estimate=True)
    used = [*(die.node.line for die in made.dies), *([made.hbm.line] if made.hbm else []), made.package.line]
    for line in dict.fromkeys(used):
        last = silicon.line(line).knots[-1]
        if last.given[0].estimate:
            yield Assumption(
                f"{line} by {quarter_name(last.quarter)}", last.given[0].text, last.given[0].source, True
            )

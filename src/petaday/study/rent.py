"""What an hour of a chip costs its owner where nobody says where it stands: its share of a usual cluster."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from petaday.catalog import cooling as surroundings
from petaday.catalog import load
from petaday.catalog.chip import Chip
from petaday.catalog.prices import cost_profile
from petaday.errors import InputError
from petaday.site.cost import Size, costs, per_chip_second
from petaday.study.cost import price_factors, prices_at
from petaday.study.cost_scenario import Cost
from petaday.study.factor import middle
from petaday.study.parts import Assumption
from petaday.study.site_it import activity_of, it_of, network_bill
from petaday.study.site_scenario import Load
from petaday.units import Kind, render

CHIPS = 1024
"""Of the cluster whose cost a chip shares: a network of two tiers or three, as most services have it."""


@dataclass(frozen=True)
class OwnedRent:
    """Dollars of a chip and second, and what they rest on."""

    price: float
    words: str


@functools.lru_cache(maxsize=64)
def _of_id(id_: str) -> OwnedRent:
    chip = load.chip(id_, allow_unverified=True)
    section, notes = Cost(), list[Assumption]()
    values = middle(price_factors(section, chip).factors)
    host = surroundings.host_of(chip)
    cooling = surroundings.cooling("direct-liquid" if host.rack else "economised-air")
    built = Load(chips=CHIPS, chip=chip.id)
    bill = network_bill(built, chip, notes)
    it = it_of(chip, CHIPS, activity_of(built, notes), host, cooling, bill, notes)
    boxes = bill.switches.price.typical if bill else 0.0
    optics = sum(line.price.typical for line in bill.links) if bill else 0.0
    pue = cost_profile(section.profile).pue.value
    size = Size(*map(np.asarray, (float(CHIPS), float(CHIPS), boxes, optics, it.mean, it.capacity, pue)))
    yearly = costs(size, prices_at(values)).yearly
    price = float(per_chip_second(yearly, size.chips, values["cost.sold"]))
    bought = render(float(values["cost.chip_price"]), Kind.MONEY, digits=3)
    words = (
        f"cost of ownership of {CHIPS:,} of them at {bought} each, sold {float(values['cost.sold']):.0%} of the time"
    )
    return OwnedRent(price, f"{words}; cost profile {section.profile}, see docs/cost.md")


def owned_rent(chip: Chip) -> OwnedRent | None:
    """The cost of ownership of a chip and second; None where the catalog lacks its price or the watts of its board."""
    try:
        return _of_id(chip.id)
    except InputError:
        return None

"""What a cluster costs to build and to run: capital, its yearly charge, running costs; by the chip-hour and the run.

Money is in one currency throughout. Arrays broadcast: one cluster, or a draw of every price in 8,192 samples.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from petaday.units.kinds import YEAR

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """What is bought and run.

    chips: accelerators bought, spare ones too; used: those that work
    network, optics: what switches, and modules and cables, cost together; adapters are in the servers' price
    it_watts, it_peak_watts: W of all IT equipment, on average and at most; pue: facility over IT energy
    """

    chips: Floats
    used: Floats
    network: Floats
    optics: Floats
    it_watts: Floats
    it_peak_watts: Floats
    pue: Floats


@dataclass(frozen=True)
class Prices:
    """Prices and rates of a place and a date.

    chip: a chip; server_overhead: whole server over its chips; storage: share of all other IT capital
    shell, plant: building, and cooling and electrical plant, for a W of IT at its peak
    energy: a J; demand: a W of the facility's peak and second; water: make-up water for a J of the facility
    staff: a W of IT and second
    maintenance: share of IT and network capital a second; replacement: chips bought again, a second, as a share of all
    wacc: yearly cost of capital
    life_it, life_network, life_facility: seconds; residual: share of IT's price that is left at its end
    """

    chip: Floats
    server_overhead: Floats
    storage: Floats
    shell: Floats
    plant: Floats
    energy: Floats
    demand: Floats
    water: Floats
    staff: Floats
    maintenance: Floats
    replacement: Floats
    wacc: Floats
    life_it: Floats
    life_network: Floats
    life_facility: Floats
    residual: Floats


@dataclass(frozen=True)
class Parts:
    """A sum of money by its parts, each an array."""

    @property
    def total(self) -> Floats:
        """The sum of all parts."""
        return np.asarray(sum(self.by_part().values()))

    def by_part(self) -> dict[str, Floats]:
        """The parts by name."""
        return {each.name: np.asarray(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True)
class Capex(Parts):
    """Capital, or its yearly charge: chips, the rest of their servers, network, optics, storage, building and plant."""

    chips: Floats
    servers: Floats
    network: Floats
    optics: Floats
    storage: Floats
    shell: Floats
    plant: Floats


@dataclass(frozen=True)
class Opex(Parts):
    """Running costs of a year."""

    energy: Floats
    demand: Floats
    water: Floats
    staff: Floats
    maintenance: Floats
    replacements: Floats


@dataclass(frozen=True)
class Costs:
    """A cluster's costs: `capex` once; `charge` and `opex` a year."""

    capex: Capex
    charge: Capex
    opex: Opex

    @property
    def yearly(self) -> Floats:
        """Capital charge and running costs of a year."""
        return self.charge.total + self.opex.total

    @property
    def hardware_and_energy(self) -> Floats:
        """A year of chips, servers and network written off, and their energy: what studies of training costs count."""
        kept = (self.charge.chips, self.charge.servers, self.charge.network, self.charge.optics, self.charge.storage)
        return np.asarray(sum(kept)) + self.opex.energy + self.opex.demand


def recovery(rate: Floats, life: Floats, residual: Floats | float = 0.0) -> Floats:
    """The yearly payment that returns a capital of 1 with interest over a life, less the residual's present value.

    The capital recovery factor r / (1 - (1 + r)^-n) of engineering economy (ASTM E917); 1/n where r is 0.

    Parameters
    ----------
    rate : a year; life : seconds; residual : share of the capital that is left at the end
    """
    years = np.asarray(life) / YEAR
    rate = np.asarray(rate, dtype=float)
    some = np.where(rate > 0, rate, 1.0)
    factor = np.where(rate > 0, some / -np.expm1(-years * np.log1p(some)), 1 / years)
    return np.asarray(factor * (1 - residual * (1 + rate) ** -years))


def capital(size: Size, prices: Prices) -> Capex:
    """Capital by part; storage is a share of all other IT capital."""
    chips = size.chips * prices.chip
    servers = chips * (prices.server_overhead - 1)
    computing = chips + servers + size.network + size.optics
    return Capex(
        chips=chips,
        servers=servers,
        network=np.asarray(size.network),
        optics=np.asarray(size.optics),
        storage=computing * prices.storage,
        shell=size.it_peak_watts * prices.shell,
        plant=size.it_peak_watts * prices.plant,
    )


def charged(capex: Capex, prices: Prices) -> Capex:
    """The yearly charge of a capital, each part over its own life."""
    it = recovery(prices.wacc, prices.life_it, prices.residual)
    network = recovery(prices.wacc, prices.life_network)
    facility = recovery(prices.wacc, prices.life_facility)
    return Capex(
        chips=capex.chips * it,
        servers=capex.servers * it,
        network=capex.network * network,
        optics=capex.optics * network,
        storage=capex.storage * it,
        shell=capex.shell * facility,
        plant=capex.plant * facility,
    )


def running(size: Size, prices: Prices, capex: Capex) -> Opex:
    """Running costs of a year. The demand charge is for the facility's peak, at the mean PUE."""
    it_capital = capex.chips + capex.servers + capex.network + capex.optics + capex.storage
    drawn = size.it_watts * size.pue * YEAR
    return Opex(
        energy=drawn * prices.energy,
        demand=size.it_peak_watts * size.pue * prices.demand * YEAR,
        water=np.asarray(drawn * prices.water),
        staff=size.it_peak_watts * prices.staff * YEAR,
        maintenance=it_capital * prices.maintenance * YEAR,
        replacements=capex.chips * prices.replacement * YEAR,
    )


def costs(size: Size, prices: Prices) -> Costs:
    """Capital, its yearly charge and the running costs of a cluster."""
    capex = capital(size, prices)
    return Costs(capex, charged(capex, prices), running(size, prices, capex))


def per_chip_second(yearly: Floats, chips: Floats, sold: Floats | float = 1.0) -> Floats:
    """A year's cost over the chip-seconds of it that somebody uses; `sold`: share of them."""
    return np.asarray(yearly / (chips * YEAR * sold))

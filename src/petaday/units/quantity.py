"""Quantities that know their kind: a FLOP amount is no FLOP/s, and a stock of chips is no flow of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from petaday.errors import InputError
from petaday.units.kinds import NOUN, Kind
from petaday.units.text import render

# Exponents of what is counted or measured; the order decides which kind names a product with several names.
_DIMENSIONS: Mapping[Kind, Mapping[str, int]] = {
    Kind.RATIO: {},
    Kind.COUNT: {},
    Kind.FLOP: {"FLOP": 1},
    Kind.COMPUTE: {"FLOP": 1},
    Kind.FLOP_RATE: {"FLOP": 1, "s": -1},
    Kind.BYTES: {"B": 1},
    Kind.BANDWIDTH: {"B": 1, "s": -1},
    Kind.TIME: {"s": 1},
    Kind.TOKENS: {"token": 1},
    Kind.TOKEN_RATE: {"token": 1, "s": -1},
    Kind.CHIPS: {"chip": 1},
    Kind.CHIP_RATE: {"chip": 1, "s": -1},
    Kind.CHIP_TIME: {"chip": 1, "s": 1},
    Kind.POWER: {"J": 1, "s": -1},
    Kind.ENERGY: {"J": 1},
    Kind.MONEY: {"USD": 1},
    Kind.MONEY_CNY: {"CNY": 1},
    Kind.LENGTH: {"m": 1},
    Kind.AREA: {"m": 2},
    Kind.MASS: {"kg": 1},
    Kind.TEMPERATURE: {"degC": 1},
    Kind.FREQUENCY: {"s": -1},
    Kind.WAFERS: {"wafer": 1},
    Kind.WAFER_RATE: {"wafer": 1, "s": -1},
    Kind.VOLUME: {"m": 3},
    Kind.WATER_INTENSITY: {"m": 3, "J": -1},
    Kind.CARBON_INTENSITY: {"kg": 1, "J": -1},
    Kind.AREA_MASS: {"kg": 1, "m": -2},
    Kind.DATA_MASS: {"kg": 1, "B": -1},
    Kind.DEFECT_DENSITY: {"m": -2},
    Kind.DATA_PRICE: {"USD": 1, "B": -1},
    Kind.ENERGY_PRICE: {"USD": 1, "J": -1},
    Kind.ENERGY_PRICE_CNY: {"CNY": 1, "J": -1},
    Kind.POWER_PRICE: {"USD": 1, "J": -1, "s": 1},
    Kind.POWER_PRICE_CNY: {"CNY": 1, "J": -1, "s": 1},
    Kind.DEMAND_PRICE: {"USD": 1, "J": -1, "s": 0},
    Kind.DEMAND_PRICE_CNY: {"CNY": 1, "J": -1, "s": 0},
    Kind.VOLUME_PRICE: {"USD": 1, "m": -3},
    Kind.VOLUME_PRICE_CNY: {"CNY": 1, "m": -3},
    Kind.CHIP_PRICE: {"USD": 1, "chip": -1, "s": -1},
    Kind.CHIP_PRICE_CNY: {"CNY": 1, "chip": -1, "s": -1},
    Kind.COMPUTE_PRICE: {"USD": 1, "FLOP": -1},
    Kind.TOKEN_PRICE: {"USD": 1, "token": -1},
}


def dimension_of(kind: Kind) -> dict[str, int]:
    """Exponents of what is counted or measured: `{"FLOP": 1, "s": -1}` of a rate of FLOP/s."""
    return {base: exponent for base, exponent in _DIMENSIONS[kind].items() if exponent}


@dataclass(frozen=True)
class Quantity:
    """A value in the SI unit of its kind. Sums need one dimension; products get the kind they measure."""

    value: float
    kind: Kind

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.value + self._like(other, "+").value, self.kind)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.value - self._like(other, "-").value, self.kind)

    def __mul__(self, other: Quantity | float) -> Quantity:
        if not isinstance(other, Quantity):
            return Quantity(self.value * other, self.kind)
        return Quantity(self.value * other.value, self._combined(other, 1))

    __rmul__ = __mul__

    def __truediv__(self, other: Quantity | float) -> Quantity:
        divisor = other.value if isinstance(other, Quantity) else other
        if divisor == 0:
            raise InputError(f"{self} divided by zero")
        kind = self._combined(other, -1) if isinstance(other, Quantity) else self.kind
        return Quantity(self.value / divisor, kind)

    def __str__(self) -> str:
        return render(self.value, self.kind)

    def _like(self, other: Quantity, sign: str) -> Quantity:
        if _DIMENSIONS[self.kind] != _DIMENSIONS[other.kind]:
            raise InputError(f"{self} {sign} {other} mixes {NOUN[self.kind]} with {NOUN[other.kind]}")
        return other

    def _combined(self, other: Quantity, power: int) -> Kind:
        """The kind of self x other^power. A bare factor keeps the kind: COMPUTE stays PF-days."""
        if not _DIMENSIONS[other.kind] and self.kind is not Kind.COUNT:
            return self.kind
        dimension = Counter(_DIMENSIONS[self.kind])
        for base, exponent in _DIMENSIONS[other.kind].items():
            dimension[base] += power * exponent
        if power > 0 and not _DIMENSIONS[self.kind]:
            return other.kind
        # Counters with zero counts equal those without.
        for kind, known in _DIMENSIONS.items():
            if dimension == Counter(known):
                return kind
        sign = "*" if power > 0 else "/"
        raise InputError(f"{self} {sign} {other}: {NOUN[self.kind]} {sign} {NOUN[other.kind]} has no kind")

"""How far passive copper reaches, and the bandwidth per chip at which it no longer spans a scale-up domain.

The loss of a twinaxial pair is skin effect and dielectric, computed from the wire:

    loss(f) = 8.686·(crowding·2·R_s(f)/(π·d)/(2·Z) + π·f·√ε·tan δ/c)     dB/m,    R_s = √(π·f·μ₀·ρ)

and a lane reaches as far as `CABLE_SHARE` pays for at its Nyquist frequency. That share is the one fitted figure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from petaday.errors import InputError
from petaday.fabric.ranges import Range

Binding = Literal["reach", "lane rate", "cables"]

CABLE_SHARE = Range(8.0, 11.0, 14.0)
"""dB at Nyquist that a link leaves to the bare cable. Fitted so that 3 m at 50 Gb/s a lane (IEEE 802.3cd, from
memory), 2 to 3 m at 100 Gb/s (NVIDIA LinkX documentation) and 1 m at 200 Gb/s (802.3dj channels, DesignCon 2024) lie
within the bounds. The rest of the 40 dB from die to die that 802.3dj tends to (DesignCon 2024) is packages, boards
and connectors; each generation shortens them, so the cable's share is taken to stay the same."""

CROWDING = Range(1.1, 1.35, 1.6)
"""Resistance over that of two lone round wires: current crowds where wires face each other, and the shield and rough
plating add. An estimate, unverified; with it 26 AWG loses about 5 dB/m at 26.56 GHz."""

LOSS_TANGENT = Range(1.5e-4, 3e-4, 5e-4)
"""Of the wire's foamed or solid fluoropolymer. An estimate, unverified."""

PERMITTIVITY = 2.0
"""Of the same, relative. An estimate, unverified; foams are lower."""

RESISTIVITY = 1.68e-8  # ohm m, annealed copper
IMPEDANCE = 100.0  # ohm, differential
MU0 = 4e-7 * math.pi
LIGHT = 299_792_458.0
DECIBELS = 20 / math.log(10)  # in a neper

LINE_CODE = 1.0625
"""Bits on the wire for a bit of payload: RS(544,514) and 256b/257b, 106.25 Gb/s for 100."""

FASTEST_LANE = Range(25e9, 25e9, 50e9)
"""B/s of payload. 200 Gb/s lanes ship; 400 Gb/s ones are in development (OIF CEI-448G)."""

PAIRS_PER_RACK = Range(5_184, 5_184, 10_368)
"""Pairs that a rack's cable backplane holds: 72 chips of 72 pairs are built (NVL72), twice that is a guess."""

RACK_RUN = Range(0.6, 1.0, 1.3)
"""Metres from a chip to switches in the middle of its rack. low: the mean of NVL72's 5,184 cables, more than 2 miles
in all (low-trust page); high: half of a 2.2 m rack and a bend. An estimate."""

RACK_PITCH = 0.6
"""Metres from rack to rack in a row: a 600 mm rack."""


@dataclass(frozen=True)
class CopperLimit:
    """How much bandwidth per chip passive copper carries across a scale-up domain.

    bandwidth: B/s per chip and direction; lane_rate: B/s of a lane; lanes: per chip and direction that have cables
    run: metres of the longest cable; racks: in a row, with the switches in the middle
    binding: what stops more, in the typical case: the reach or the existence of a faster lane, and the rack's cables
    where they leave room for fewer lanes than the chip has
    """

    bandwidth: Range
    lane_rate: Range
    lanes: Range
    run: Range
    racks: int
    binding: tuple[Binding, ...]

    def verdict(self, bandwidth: float) -> Literal["copper", "in doubt", "optics"]:
        """What a chip of so many B/s per direction takes."""
        if bandwidth <= self.bandwidth.low:
            return "copper"
        return "in doubt" if bandwidth <= self.bandwidth.high else "optics"


def wire_diameter(gauge: int) -> float:
    """Metres across a wire of an American gauge number."""
    return float(0.127e-3 * 92 ** ((36 - gauge) / 39))


def loss_per_metre(frequency: float, gauge: int = 26) -> Range:
    """dB/m of a twinaxial pair at a frequency in Hz."""
    skin, dielectric = _coefficients(gauge)
    return math.sqrt(frequency) * skin + frequency * dielectric


def nyquist(lane_rate: float) -> float:
    """Hz of the Nyquist frequency of a PAM4 lane of `lane_rate` B/s: two bits a symbol, two symbols a cycle."""
    return lane_rate * 8 * LINE_CODE / 4


def copper_reach(lane_rate: float, gauge: int = 26) -> Range:
    """Metres of passive copper that a lane of `lane_rate` B/s crosses."""
    loss = loss_per_metre(nyquist(lane_rate), gauge)
    return Range(CABLE_SHARE.low / loss.high, CABLE_SHARE.typical / loss.typical, CABLE_SHARE.high / loss.low)


def copper_lane_rate(run: float, gauge: int = 26) -> Range:
    """B/s of the fastest lane that crosses `run` metres: the inverse of `copper_reach`.

    With x = √f the budget skin·x + dielectric·x² = share/run is a quadratic.
    """
    skin, dielectric = _coefficients(gauge)

    def rate(share: float, a: float, b: float) -> float:
        root = (math.sqrt(a * a + 4 * b * share / run) - a) / (2 * b)
        return root**2 * 4 / 8 / LINE_CODE

    return Range(
        rate(CABLE_SHARE.low, skin.high, dielectric.high),
        rate(CABLE_SHARE.typical, skin.typical, dielectric.typical),
        rate(CABLE_SHARE.high, skin.low, dielectric.low),
    )


def longest_run(domain_chips: int, chips_per_rack: int) -> Range:
    """Metres of the longest cable of a domain: racks in a row, all switches in the middle one."""
    racks = math.ceil(domain_chips / chips_per_rack)
    across = RACK_PITCH * math.ceil((racks - 1) / 2)
    return RACK_RUN + Range(across, across, across)


def copper_limit(domain_chips: int, chips_per_rack: int, lanes_per_chip: int, gauge: int = 26) -> CopperLimit:
    """B/s per chip above which passive copper no longer joins a scale-up domain.

    Parameters
    ----------
    domain_chips : chips that reach each other in one hop through switches
    chips_per_rack : of them
    lanes_per_chip : electrical lanes per direction that the package's edge has room for; NVLink 5 has 36
    gauge : of the wire, AWG

    Raises
    ------
    InputError : a count below 1
    """
    for name, count in (("domain", domain_chips), ("rack", chips_per_rack), ("chip's edge", lanes_per_chip)):
        if count < 1:
            raise InputError(f"a {name} of {count}", expected="1 or more")
    run = longest_run(domain_chips, chips_per_rack)
    reach = Range(
        copper_lane_rate(run.high, gauge).low,
        copper_lane_rate(run.typical, gauge).typical,
        copper_lane_rate(run.low, gauge).high,
    )
    lane_rate = _least(reach, FASTEST_LANE)
    # Each lane takes a pair per direction.
    fitting = PAIRS_PER_RACK * (0.5 / min(chips_per_rack, domain_chips))
    lanes = _least(Range(lanes_per_chip, lanes_per_chip, lanes_per_chip), fitting)
    binding: list[Binding] = ["reach" if reach.typical < FASTEST_LANE.typical else "lane rate"]
    if fitting.typical < lanes_per_chip:
        binding.append("cables")
    return CopperLimit(
        bandwidth=Range(lanes.low * lane_rate.low, lanes.typical * lane_rate.typical, lanes.high * lane_rate.high),
        lane_rate=lane_rate,
        lanes=lanes,
        run=run,
        racks=math.ceil(domain_chips / chips_per_rack),
        binding=tuple(binding),
    )


def _coefficients(gauge: int) -> tuple[Range, Range]:
    """dB/m per √Hz of the conductor, dB/m per Hz of the dielectric."""
    surface = math.sqrt(math.pi * MU0 * RESISTIVITY)
    skin = DECIBELS * 2 * surface / (math.pi * wire_diameter(gauge)) / (2 * IMPEDANCE)
    dielectric = DECIBELS * math.pi * math.sqrt(PERMITTIVITY) / LIGHT
    return CROWDING * skin, LOSS_TANGENT * dielectric


def _least(a: Range, b: Range) -> Range:
    return Range(min(a.low, b.low), min(a.typical, b.typical), min(a.high, b.high))

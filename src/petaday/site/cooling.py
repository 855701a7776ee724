"""Hours of a facility around its IT: power chain, heat paths, chillers, heat rejection, water.

Every number of a `Plant` and every hourly array may be a float or an array; all broadcast, hours on the last axis.

Two loops carry the heat: air (what air takes, with the losses of the power chain and all fans in the room) and liquid.
A loop needs facility water of a temperature. Outside air cools it for free as far as it is cold enough, a chiller does the
rest at a share of Carnot's efficiency. Heat is neither made nor lost: what is rejected outside is all electricity of the
facility but that of the fans outside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.site.psychrometrics import (
    EVAPORATION,
    HEAT_CAPACITY,
    KELVIN,
    Floats,
    humidity_ratio,
    saturation_pressure,
)
from petaday.site.weather import Weather

Numbers = Floats | float


@dataclass(frozen=True)
class Loop:
    """A heat path from the chips to facility water.

    water: degC of the facility water that it needs; rise: K between its supply and return
    fans, pumps: W per W of heat at design, inside
    """

    water: Numbers
    rise: Numbers
    fans: Numbers
    pumps: Numbers


@dataclass(frozen=True)
class Rejection:
    """How heat leaves.

    approach: K between the air's temperature (of its wet bulb in a tower) and the water that comes back
    fans: W per W rejected at design; the cube of their flow below it
    wetting: 0 for dry coolers, 1 for towers; between, the effectiveness of pads that are wet only when it helps
    air_rise: K that air warms by in an adiabatic cooler at design; more where it is colder than that
    cycles: of concentration, make-up over blowdown
    """

    approach: Numbers
    fans: Numbers
    wetting: Numbers
    air_rise: Numbers
    cycles: Numbers


@dataclass(frozen=True)
class Chiller:
    """A chiller: share of Carnot's efficiency, the highest coefficient of performance, and temperatures in K and degC.

    evaporator: below the water made; condenser: above the water that comes back; coldest: degC of condenser water
    """

    carnot: Numbers
    highest: Numbers
    evaporator: Numbers
    condenser: Numbers
    coldest: Numbers


@dataclass(frozen=True)
class PowerChain:
    """From the grid to the racks: losses over rating are constant + linear x + square x², x the load over the rating.

    rating: of all units, over the IT capacity
    """

    constant: Numbers
    linear: Numbers
    square: Numbers
    rating: Numbers

    def losses(self, load: Floats) -> Floats:
        """W lost per W of IT capacity, at a load over that capacity."""
        x = load / self.rating
        return np.asarray(self.rating * (self.constant + x * (self.linear + self.square * x)))


@dataclass(frozen=True)
class Plant:
    """A facility but for its IT.

    capacity: W of IT that it is built for; liquid_share: of the IT's heat that liquid takes
    economiser: whether outside air may cool the loops without the chiller
    least_speed: of fans and pumps inside, of full speed; 1 where they do not slow down
    other: lighting, controls, offices: W per W of IT capacity, always on
    """

    capacity: Numbers
    liquid_share: Numbers
    air: Loop
    liquid: Loop
    rejection: Rejection
    chiller: Chiller
    chain: PowerChain
    economiser: bool
    least_speed: Numbers
    other: Numbers


@dataclass(frozen=True)
class Rejected:
    """What a loop's heat (W) takes: W of compressors and of fans outside, m3/s of water, and the share cooled for free."""

    heat: Floats
    compressor: Floats
    fans: Floats
    evaporated: Floats
    free: Floats


@dataclass(frozen=True)
class Facility:
    """Hours of a facility, W but for water (m3/s) and free (share of heat cooled without a chiller); (..., hours).

    cycles: of concentration of the water outside
    """

    it: Floats
    losses: Floats
    other: Floats
    fans: Floats
    pumps: Floats
    loops: tuple[Rejected, ...]
    cycles: Numbers

    PARTS = ("it", "losses", "other", "fans", "pumps", "chillers", "rejection")

    @property
    def chillers(self) -> Floats:
        """W of compressors."""
        return np.asarray(sum(each.compressor for each in self.loops))

    @property
    def rejection(self) -> Floats:
        """W of fans outside."""
        return np.asarray(sum(each.fans for each in self.loops))

    @property
    def total(self) -> Floats:
        """W drawn, the sum of the parts."""
        return np.asarray(sum(getattr(self, name) for name in self.PARTS))

    @property
    def rejected(self) -> Floats:
        """W of heat that leaves through the loops."""
        return np.asarray(sum(each.heat + each.compressor for each in self.loops))

    @property
    def free(self) -> Floats:
        """Share of the loops' heat that needs no chiller."""
        heat = sum(each.heat for each in self.loops)
        return np.asarray(sum(each.free * each.heat for each in self.loops) / heat)

    @property
    def evaporated(self) -> Floats:
        """m3/s of water."""
        return np.asarray(sum(each.evaporated for each in self.loops))

    @property
    def makeup(self) -> Floats:
        """m3/s of water that replaces what evaporates and what is drained."""
        return np.asarray(self.evaporated * (self.cycles / (self.cycles - 1)))


def facility(it: Floats, weather: Weather, plant: Plant) -> Facility:
    """All hourly parts of a facility from the W of its IT, (..., hours) or (..., 1) where it is the same all year.

    Parts that no weather moves have the IT's shape.
    """
    capacity, share = plant.capacity, plant.liquid_share
    load = it / capacity
    speed = np.maximum(load, plant.least_speed)
    cube = speed * speed * speed
    losses = capacity * plant.chain.losses(load)
    other = plant.other * capacity
    full_losses = capacity * plant.chain.losses(np.asarray(1.0))

    air, liquid = plant.air, plant.liquid
    fans = air.fans * (1 - share) * capacity * cube
    pumps = air.pumps * (1 - share) * capacity * cube
    heat = (1 - share) * it + losses + other + fans + pumps
    design = ((1 - share) * (1 + air.fans + air.pumps) + plant.other) * capacity + full_losses
    loops = [_loop(heat, design, air, weather, plant)]
    if np.any(np.asarray(share) > 0):
        warm_pumps = liquid.pumps * share * capacity * cube
        warm = share * it + warm_pumps
        loops.append(_loop(warm, share * (1 + liquid.pumps) * capacity, liquid, weather, plant))
        pumps = pumps + warm_pumps
    return Facility(
        it=np.asarray(it),
        losses=losses,
        other=np.asarray(other),
        fans=np.asarray(fans),
        pumps=np.asarray(pumps),
        loops=tuple(loops),
        cycles=plant.rejection.cycles,
    )


def _loop(heat: Floats, design: Numbers, loop: Loop, weather: Weather, plant: Plant) -> Rejected:
    """Chill and reject a loop's heat; `design`: W of it at full load, for which everything is sized."""
    out, chiller = plant.rejection, plant.chiller
    wanted = loop.water if plant.economiser else np.maximum(loop.water, chiller.coldest)
    sink = _sink(wanted, weather, out)
    reached = sink + out.approach
    if plant.economiser:
        free = np.minimum(np.maximum((wanted + loop.rise - reached) / loop.rise, 0.0), 1.0)
    else:
        free = np.zeros(np.shape(reached))
    condenser = np.maximum(reached, chiller.coldest) + loop.rise + chiller.condenser
    cold = loop.water - chiller.evaporator
    lift = np.maximum(condenser - cold, 1.0)
    performance = np.minimum(chiller.carnot * (cold + KELVIN) / lift, chiller.highest)
    compressor = heat * (1 - free) / performance
    rejected = heat + compressor
    # Colder air needs less of it: the flow that carries the same heat falls as its distance to the water grows.
    margin = loop.rise + out.approach
    thin = margin / np.maximum(wanted + loop.rise - sink, margin)
    moved = rejected * thin
    part = heat / design
    fans = (out.fans * part * part) * moved * (thin * thin)
    water = _evaporated(rejected, moved, wanted, reached, sink, loop, weather, out)
    return Rejected(heat, compressor, fans, water, free)


def _sink(wanted: Numbers, weather: Weather, out: Rejection) -> Floats:
    """degC that outside air has for the water: its dry or wet bulb, or between them as far as wetting pads helps."""
    if np.all(out.wetting == 0):
        return weather.temperature
    if np.all(out.wetting == 1):
        return weather.wet_bulb
    depth = out.wetting * (weather.temperature - weather.wet_bulb)
    needed = np.maximum(weather.temperature + out.approach - wanted, 0.0)
    return np.asarray(weather.temperature - np.minimum(needed, depth))


def _evaporated(
    rejected: Floats,
    moved: Floats,
    wanted: Numbers,
    reached: Floats,
    sink: Floats,
    loop: Loop,
    weather: Weather,
    out: Rejection,
) -> Floats:
    """m3/s of water that leaves as vapour. moved: heat (W) that the flow of air would carry on the warmest day.

    A tower's air leaves saturated at the mean temperature of the water; vapour takes the latent share of the enthalpy
    that the air gains. Pads cool the air that passes them: c_p of it and the drop over the heat of evaporation.
    """
    if np.all(out.wetting == 0):
        return np.zeros(np.shape(rejected))
    if np.all(out.wetting < 1):
        air = moved / out.air_rise  # W/K
        return np.asarray(air * (weather.temperature - sink) / (EVAPORATION * 1000))
    warm = np.maximum(wanted, reached) + 0.5 * loop.rise
    latent = EVAPORATION * (humidity_ratio(saturation_pressure(warm), weather.pressure) - weather.moisture)
    share = latent / (latent + HEAT_CAPACITY * (warm - weather.temperature))
    return np.asarray(rejected * share / (EVAPORATION * 1000))

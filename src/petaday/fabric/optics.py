"""Which link technology serves a class of links: copper where it reaches, else the optics asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from petaday.catalog.link import End, Link
from petaday.errors import InputError
from petaday.fabric.topology.shape import LinkClass

HOURS_PER_YEAR = 8760

_COPPER_FIRST = ("backplane", "dac", "acc", "aec")


@dataclass(frozen=True)
class Choice:
    """What links may be: `optics` at switches and chips, `nic_optics` at adapters, `copper` where it reaches."""

    optics: Link
    nic_optics: Link
    copper: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Ends:
    """The technologies at the two ends of a class; None where a mirror passes the light on."""

    first: Link | None
    second: Link | None

    @property
    def links(self) -> tuple[Link, ...]:
        """Those that there are."""
        return tuple(link for link in (self.first, self.second) if link is not None)

    @property
    def is_copper(self) -> bool:
        """Whether the class is wired in copper."""
        return all(link.is_copper for link in self.links)


def choose(optics: Link, links: Mapping[str, Link], copper: bool = True) -> Choice:
    """The optics, what adapters must use where no engine fits them, and the copper of the same lane rate.

    Copper is taken only at the lane rate of the optics: both leave the same SerDes.

    Raises
    ------
    InputError : the technology is copper, or no pluggable of its lane rate fits an adapter
    """
    optical = {id_: link for id_, link in links.items() if not link.is_copper}
    if optics.is_copper:
        raise InputError(f"`{optics.id}` is copper", expected=f"optics: one of {', '.join(optical)}")
    same_lane = [link for link in links.values() if math.isclose(link.lane_rate, optics.lane_rate)]
    if "nic" in optics.ends:
        nic_optics = optics
    else:
        pluggable = [link for link in same_lane if link.technology == "dsp" and "nic" in link.ends]
        if not pluggable:
            raise InputError(f"no pluggable of the lane rate of `{optics.id}`", expected="one for the adapters")
        nic_optics = min(pluggable, key=lambda link: (_apart(link, optics.rate.value), -link.reach.value))
    return Choice(optics, nic_optics, tuple(link for link in same_lane if link.is_copper) if copper else ())


def serve(links: LinkClass, choice: Choice) -> Ends:
    """The technologies at the ends of a class: copper that reaches, passive before active, else optics.

    Raises
    ------
    InputError : the class is longer than the optics reach
    """
    reaching = [
        link for link in choice.copper if link.reach.value >= links.reach and set(links.ends) <= set(link.ends)
    ]
    if reaching:
        wire = min(reaching, key=lambda link: (_COPPER_FIRST.index(link.technology), _apart(link, links.rate)))
        return Ends(wire, wire)
    ends = Ends(*(None if end == "ocs" else _optics_at(end, choice) for end in links.ends))
    for link in ends.links:
        if link.reach.value < links.reach:
            raise InputError(
                f"`{link.id}` reaches {link.reach.text}, and the links `{links.name}` are {links.reach:g} m long",
                expected="optics of a longer reach, or a denser layout",
            )
    return ends


def _optics_at(end: End, choice: Choice) -> Link:
    return choice.nic_optics if end == "nic" else choice.optics


def _apart(link: Link, rate: float) -> float:
    """How far a part's rate is from one asked for, in octaves."""
    return abs(math.log2(link.rate.value / rate))


def modules(links: LinkClass, end: str, link: Link) -> int:
    """Modules, engines or plugs at one end of a class. A switch fills every port of them, an adapter has its own."""
    share = links.rate / link.rate.value
    if end == "nic":
        return links.count * max(1, math.ceil(share - 1e-9))
    return math.ceil(links.count * share - 1e-9)


def fit(failures_per_year: float) -> float:
    """Failures in 1e9 hours (FIT) of a rate of failures a year; 0.684 % a year are 780 FIT."""
    return failures_per_year / HOURS_PER_YEAR * 1e9

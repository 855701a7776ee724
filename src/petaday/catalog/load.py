"""The catalog as read from its files: what ships with the package, and the user's own parts beside it.

A kind is read when it is first asked for, from its own files alone. The user's parts lie under `chips/` and
`models/` of the folder that PETADAY_CATALOG names, else of ~/.config/petaday/catalog.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from petaday.catalog.chip import Chip
from petaday.catalog.efficiency import Efficiency, Entry, efficiency_for
from petaday.catalog.engine import Engine, EngineFit
from petaday.catalog.first_token import FirstToken
from petaday.catalog.fits import FitRecord, Interval, with_fit
from petaday.catalog.kernels import KernelFit, Key
from petaday.catalog.lengths import LengthLaw
from petaday.catalog.link import Link
from petaday.catalog.model import Model
from petaday.catalog.network import Network
from petaday.catalog.part import Part
from petaday.catalog.power import BoardPower
from petaday.catalog.scale_up import ScaleUp
from petaday.catalog.software import Software
from petaday.catalog.strict_yaml import Document, load
from petaday.catalog.switch import Nic, Switch
from petaday.catalog.validate import Strict, validated
from petaday.errors import InputError, Place, nearest_names

DATA = Path(__file__).parent / "data"

# A user's file of chips may hold what was measured on them.
_TOGETHER = ("chips", "efficiencies")

N = TypeVar("N", bound=Part)
S = TypeVar("S", bound=Strict)


def user_folder() -> Path:
    """Where the user's own parts lie; it need not exist."""
    return Path(os.environ.get("PETADAY_CATALOG") or Path.home() / ".config" / "petaday" / "catalog")


def chips(allow_unverified: bool = False) -> Mapping[str, Chip]:
    """Chips by id, without those whose figures nobody could verify unless they are allowed."""
    every = _chips(user_folder())
    return every if allow_unverified else {id_: chip for id_, chip in every.items() if chip.verified != "no"}


def models() -> Mapping[str, Model]:
    """Models by id."""
    return _models(user_folder())


@functools.cache
def networks() -> Mapping[str, Network]:
    """Scale-out networks by id."""
    return catalog_of([DATA / "networks.yaml"], "networks", Network)


@functools.cache
def software() -> Mapping[str, Software]:
    """Training software profiles by id, with what was fitted to their runs."""
    written = catalog_of([DATA / "software.yaml"], "software", Software)
    fitted = {record.software: record for record in fits()}
    return {
        id_: part.model_copy(update={**fitted[id_].as_figures(), "fit": fitted[id_]}) if id_ in fitted else part
        for id_, part in written.items()
    }


@functools.cache
def engines() -> Mapping[str, Engine]:
    """Serving engine profiles by id, with what was fitted to measurements."""
    fitted = {record.engine: record for record in (*engine_fits(), *throughput_fits())}
    return {
        id_: part.model_copy(update={**fitted[id_].as_figures(), "fit": fitted[id_]}) if id_ in fitted else part
        for id_, part in written_engines().items()
    }


def written_engines() -> Mapping[str, Engine]:
    """Serving engine profiles by id as their file has them, without fits."""
    return catalog_of([DATA / "engines.yaml"], "engines", Engine)


@functools.cache
def engine_fits() -> tuple[EngineFit, ...]:
    """What was fitted to measured latencies."""
    return tuple(parts(DATA / "engine_fits.yaml", "engine_fits", EngineFit))


@functools.cache
def throughput_fits() -> tuple[EngineFit, ...]:
    """What was fitted to measured throughputs, of other profiles."""
    return tuple(parts(DATA / "throughput_fits.yaml", "throughput_fits", EngineFit))


@functools.cache
def first_tokens() -> Mapping[str, FirstToken]:
    """What stacks add to the time to the first token, by engine profile."""
    return {entry.engine: entry for entry in parts(DATA / "first_tokens.yaml", "first_tokens", FirstToken)}


@functools.cache
def board_powers() -> tuple[BoardPower, ...]:
    """What boards draw under load."""
    return tuple(parts(DATA / "board_power.yaml", "board_power", BoardPower))


@functools.cache
def fits() -> tuple[FitRecord, ...]:
    """What was fitted to measured training runs."""
    return tuple(
        record for path in sorted((DATA / "fits").glob("*.yaml")) for record in parts(path, "fits", FitRecord)
    )


@functools.cache
def intervals() -> tuple[Interval, ...]:
    """How far measured times lie from predicted ones."""
    return tuple(parts(DATA / "intervals.yaml", "intervals", Interval))


@functools.cache
def kernel_fits() -> Mapping[Key, KernelFit]:
    """What was fitted to measured kernels, by chip, operation, dtype, framework and version."""
    return {fit.key: fit for fit in parts(DATA / "kernels.yaml", "kernels", KernelFit)}


@functools.cache
def length_laws() -> Mapping[str, LengthLaw]:
    """Lengths of the requests of recorded traces by id."""
    return catalog_of([DATA / "lengths.yaml"], "lengths", LengthLaw)


@functools.cache
def scale_ups() -> Mapping[str, ScaleUp]:
    """Scale-up interconnects by id."""
    return catalog_of([DATA / "scale_ups.yaml"], "scale_ups", ScaleUp)


@functools.cache
def links() -> Mapping[str, Link]:
    """Link technologies by id."""
    return catalog_of([DATA / "links.yaml"], "links", Link)


@functools.cache
def switches() -> Mapping[str, Switch]:
    """Switches by id."""
    return catalog_of([DATA / "switches.yaml"], "switches", Switch)


@functools.cache
def nics() -> Mapping[str, Nic]:
    """Network adapters by id."""
    return catalog_of([DATA / "nics.yaml"], "nics", Nic)


def efficiencies() -> tuple[Entry, ...]:
    """Efficiency entries: the user's, which come first and win, then those shipped."""
    return (*_own_efficiencies(user_folder()), *_shipped_efficiencies())


def efficiency_of(chip: Chip, dtype: str) -> Efficiency:
    """What a chip's kernels reach in a dtype, alone and in training. Raises InputError: unknown dtype."""
    found = efficiency_for(chip, dtype, efficiencies())
    measured_here = not found.inherited and any(entry.chip == chip.id for entry in _own_efficiencies(user_folder()))
    return with_fit(found, chip, dtype, fits(), keep_measured=measured_here)


def chip(name: str, allow_unverified: bool = False) -> Chip:
    """The chip of this id, name or alias; case and separators do not count.

    Raises
    ------
    InputError : unknown, with the nearest names; or known but unverified, and that is not allowed
    """
    known = _chips(user_folder())
    simpler = next((each for each in _sku_spellings(name) if _is_known(each, known)), name)
    found = find(simpler, known, "chip")
    if found.verified == "no" and not allow_unverified:
        raise InputError(
            f"the figures of chip `{found.id}` are unverified",
            expected="a verified chip, or --allow-unverified to compute with estimates",
        )
    return found


def _sku_spellings(name: str) -> Iterator[str]:
    """A chip's name as tables write it, ever simpler: without what stands in brackets, its maker, its memory."""
    yield name
    plain = re.sub(r"\s*\(.*?\)", "", name).strip()
    yield plain
    makers = sorted({chip.vendor for chip in _chips(user_folder()).values()}, key=len, reverse=True)
    bare = next(
        (plain[len(maker) :].strip() for maker in makers if plain.casefold().startswith(maker.casefold())), plain
    )
    yield bare
    yield re.sub(r"[-\s]\d+\s?GB$", "", bare)


def _is_known(name: str, known: Mapping[str, Chip]) -> bool:
    return bool(_plain(name)) and any(
        _plain(name) == _plain(each) for part in known.values() for each in _spellings(part)
    )


def model(name: str) -> Model:
    """The model of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, models(), "model")


def network(name: str) -> Network:
    """The network of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, networks(), "network")


def software_profile(name: str) -> Software:
    """The software profile of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, software(), "software profile")


def engine(name: str) -> Engine:
    """The serving engine profile of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, engines(), "engine profile")


def lengths(name: str) -> LengthLaw:
    """The lengths of the trace of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, length_laws(), "length law")


def link(name: str) -> Link:
    """The link technology of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, links(), "link technology")


def switch(name: str) -> Switch:
    """The switch of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, switches(), "switch")


def nic(name: str) -> Nic:
    """The network adapter of this id, name or alias. Raises InputError: unknown, with the nearest names."""
    return find(name, nics(), "network adapter")


def scale_up_of(chip: Chip) -> ScaleUp:
    """The interconnect that a chip's scale-up technology names; the longest matching prefix wins."""
    matching = [
        (len(prefix), part)
        for part in scale_ups().values()
        for prefix in part.prefixes
        if chip.scale_up_technology.startswith(prefix)
    ]
    return max(matching, key=lambda found: found[0])[1]


def catalog_hash() -> str:
    """SHA-256 over names and bytes of all data files, the user's included: equal hashes, equal answers."""
    digest = hashlib.sha256()
    shared = sorted(DATA.glob("*.yaml"))
    for path in (*shared, *files("chips", user_folder()), *files("models", user_folder())):
        content = path.read_bytes()
        digest.update(f"{path.parent.name}/{path.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def find(name: str, known: Mapping[str, N], noun: str) -> N:
    """The part of this id, name or alias; case and separators do not count."""
    spellings = {spelling: part.id for part in known.values() for spelling in _spellings(part)}
    index = {_plain(spelling): id_ for spelling, id_ in spellings.items()}
    if _plain(name) in index:
        return known[index[_plain(name)]]
    nearest = dict.fromkeys(spellings[spelling] for spelling in nearest_names(name, spellings))
    raise InputError(f"no {noun} `{name}` in the catalog", expected="an id, name or alias", nearest=nearest)


def parts(path: Path, key: str, schema: type[S]) -> list[S]:
    """The parts listed under `key` in one file, each checked against its schema.

    A file holds that list and, before it, `sources`: texts that the parts' figures refer to by YAML anchor. Chips
    may stand beside their efficiencies.
    """
    document = load(path)
    return [validated(schema, document, at=(key, index)) for index in range(len(_listed(document, key)))]


def files(kind: str, folder: Path) -> list[Path]:
    """The files of `chips` or `models`: those shipped, then the user's."""
    return [path for root in (DATA, folder) for path in sorted((root / kind).glob("*.yaml"))]


def catalog_of(paths: Iterable[Path], key: str, schema: type[N]) -> Mapping[str, N]:
    """The parts of several files by id.

    Raises
    ------
    InputError : a wrong part, or two parts of one id, name or alias
    """
    by_id: dict[str, N] = {}
    owners: dict[str, str] = {}
    for path in paths:
        for part in parts(path, key, schema):
            for spelling in _spellings(part):
                owner = owners.setdefault(_plain(spelling), part.id)
                if owner != part.id or part.id in by_id:
                    message = f"`{spelling}` of `{part.id}` already names `{owner}`"
                    raise InputError(message, expected="an id, name and aliases of its own", place=Place(str(path)))
            by_id[part.id] = part
    return MappingProxyType(by_id)


def refresh() -> None:
    """Forget what was read, after the user's files have changed."""
    for cached in (
        _chips,
        _models,
        networks,
        scale_ups,
        software,
        engines,
        engine_fits,
        throughput_fits,
        board_powers,
        first_tokens,
        fits,
        intervals,
        kernel_fits,
        length_laws,
        _own_efficiencies,
        _shipped_efficiencies,
        links,
        switches,
        nics,
    ):
        cached.cache_clear()


def _spellings(part: N) -> tuple[str, ...]:
    return part.id, part.name, *part.aliases


@functools.lru_cache(maxsize=8192)
def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _listed(document: Document, key: str) -> list[Any]:
    data = document.data
    if not isinstance(data, dict) or not isinstance(data.get(key), list):
        raise InputError(f"no list `{key}`", expected=f"`{key}:` and a list", place=document.places.get(()))
    allowed = ("sources", *(_TOGETHER if key in _TOGETHER else (key,)))
    for other in data:
        if other not in allowed:
            raise InputError(
                f"unknown key `{other}`",
                field=other,
                expected=" and ".join(f"`{name}`" for name in allowed),
                nearest=nearest_names(other, allowed),
                place=document.places.get((other,)),
            )
    listed: list[Any] = data[key]
    return listed


@functools.lru_cache(maxsize=4)
def _chips(folder: Path) -> Mapping[str, Chip]:
    return catalog_of(files("chips", folder), "chips", Chip)


@functools.lru_cache(maxsize=4)
def _models(folder: Path) -> Mapping[str, Model]:
    return catalog_of(files("models", folder), "models", Model)


@functools.lru_cache(maxsize=4)
def _own_efficiencies(folder: Path) -> tuple[Entry, ...]:
    paths = sorted((folder / "chips").glob("*.yaml"))
    return tuple(entry for path in paths for entry in own_entries(path))


@functools.cache
def _shipped_efficiencies() -> tuple[Entry, ...]:
    return tuple(parts(DATA / "efficiencies.yaml", "efficiencies", Entry))


def own_entries(path: Path) -> tuple[Entry, ...]:
    """The efficiencies in a user's file of chips; most hold none."""
    data = load(path).data
    if not isinstance(data, dict) or "efficiencies" not in data:
        return ()
    return tuple(parts(path, "efficiencies", Entry))

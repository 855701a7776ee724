"""Catalog parts as lists and as sheets with the source of every figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Literal

from petaday.catalog import cooling, fleets, load, prices
from petaday.catalog import silicon_load as silicon
from petaday.catalog.figure import Figure
from petaday.catalog.part import Part
from petaday.catalog.quarter import quarter_name
from petaday.catalog.site import site, sites
from petaday.catalog.validate import Strict
from petaday.errors import InputError, nearest_names
from petaday.report.data import Data
from petaday.report.tables import plain_table
from petaday.units import Kind, render
from petaday.workload.architecture import parameters

if TYPE_CHECKING:
    from rich.console import Console

    from petaday.catalog.chip import Chip
    from petaday.catalog.engine import Engine
    from petaday.catalog.model import Model
    from petaday.catalog.network import Network
    from petaday.catalog.site import SitePart
    from petaday.catalog.software import Software

PartKind = Literal[
    "chips", "models", "networks", "software", "engines", "sites", "links", "switches", "adapters", "coolings",
    "rejections", "power-chains", "hosts", "fleets", "cost-profiles", "nodes", "hbm", "packages", "lines", "recipes",
]  # fmt: skip

OTHERS: dict[str, tuple[str, Callable[[], Mapping[str, Part]]]] = {
    "links": ("link", load.links),
    "switches": ("switch", load.switches),
    "adapters": ("adapter", load.nics),
    "coolings": ("kind of cooling", cooling.coolings),
    "rejections": ("heat rejection", cooling.rejections),
    "power-chains": ("power chain", cooling.power_chains),
    "hosts": ("host", cooling.hosts),
    "fleets": ("fleet", fleets.fleets),
    "cost-profiles": ("cost profile", prices.cost_profiles),
    "nodes": ("process node", silicon.nodes),
    "hbm": ("HBM generation", silicon.hbm_generations),
    "packages": ("kind of package", silicon.packages),
    "lines": ("production line", silicon.lines),
    "recipes": ("recipe", silicon.recipes),
}
"""Kinds that are listed by id and name alone."""

NOUNS = {
    "chips": "chip", "models": "model", "networks": "network", "software": "software profile", "engines": "engine profile",
    "sites": "site", **{kind: noun for kind, (noun, _) in OTHERS.items()},
}  # fmt: skip


def list_data(kind: PartKind, allow_unverified: bool) -> list[Data]:
    """One line of plain data a part."""
    if kind == "chips":
        return [_chip_line(chip) for chip in load.chips(allow_unverified).values()]
    if kind == "models":
        return [_model_line(model) for model in load.models().values()]
    if kind == "networks":
        return [_network_line(network) for network in load.networks().values()]
    if kind == "engines":
        return [_engine_line(profile) for profile in load.engines().values()]
    if kind in OTHERS:
        return [{"id": part.id, "name": part.name} for part in OTHERS[kind][1]().values()]
    if kind == "sites":
        return [_site_line(part) for part in sites().values()]
    return [_software_line(profile) for profile in load.software().values()]


def show_list(kind: PartKind, data: list[Data], console: Console) -> None:
    """Print a list of parts."""
    table = plain_table(kind, *data[0])
    for line in data:
        table.add_row(*("" if value is None else str(value) for value in line.values()))
    console.print(table)


def part_data(name: str, kind: PartKind | None = None) -> Data:
    """A part of a kind, or of the first kind that has one, by id or alias. Raises InputError with the nearest names."""
    finders: dict[str, Callable[[str], Strict]] = {
        "chip": partial(load.chip, allow_unverified=True),
        "model": load.model,
        "network": load.network,
        "software profile": load.software_profile,
        "engine profile": load.engine,
        "site": site,
        **{noun: partial(_found, parts, noun) for noun, parts in OTHERS.values()},
    }
    asked = NOUNS[kind] if kind else None
    for noun, find in ((noun, find) for noun, find in finders.items() if asked in (None, noun)):
        try:
            part = find(name)
        except InputError:
            continue
        return {"kind": noun, **part.model_dump(mode="json", exclude_none=True, by_alias=True)}
    ids = [*load.chips(allow_unverified=True), *load.models(), *load.networks(), *load.software(), *load.engines()]
    ids += [*sites(), *(id_ for _, parts in OTHERS.values() for id_ in parts())]
    raise InputError(f"no part `{name}` in the catalog", expected="an id or alias", nearest=nearest_names(name, ids))


def _found(parts: Callable[[], Mapping[str, Part]], noun: str, name: str) -> Part:
    return load.find(name, parts(), noun)


def show_part(data: Data, console: Console) -> None:
    """Print a part: each figure with its text and source, everything else as it is."""
    table = plain_table(f"{data['kind']} {data['id']}", "field", "value", "source")
    for path, value in _lines(data):
        if isinstance(value, dict):
            mark = " (estimate)" if value["estimate"] else ""
            table.add_row(path, value["text"], value["source"] + mark)
        else:
            table.add_row(path, str(value), "")
    console.print(table)


def _lines(data: Data, path: str = "") -> Iterator[tuple[str, object]]:
    for key, value in data.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict) and {"text", "source"} <= value.keys():
            yield here, value
        elif isinstance(value, dict):
            yield from _lines(value, here)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for number, each in enumerate(value):
                yield from _lines(each, f"{here}.{each.get('id', number)}")
        elif isinstance(value, list):
            if value:
                yield here, ", ".join(map(str, value))
        elif value not in ("", None):
            yield here, quarter_name(value) if key == "quarter" else value


def _text(figure: Figure | None) -> str | None:
    return figure.text if figure else None


def _chip_line(chip: Chip) -> Data:
    peak = chip.peak.get("bf16") or chip.peak.get("fp16")
    return {
        "id": chip.id,
        "vendor": chip.vendor,
        "year": chip.year,
        "16-bit dense": _text(peak),
        "memory": _text(chip.memory_capacity),
        "memory rate": _text(chip.memory_bandwidth),
        "scale-up": _text(chip.scale_up_bandwidth),
        "domain": _text(chip.scale_up_domain),
        "power": _text(chip.tdp),
        "verified": chip.verified,
    }


def _model_line(model: Model) -> Data:
    count = parameters(model)
    return {
        "id": model.id,
        "family": model.family,
        "parameters": render(count.total, Kind.COUNT),
        "active": render(count.active, Kind.COUNT) if count.active != count.total else None,
        "layers": model.layers,
        "hidden": model.hidden,
        "heads": f"{model.heads}/{model.kv_heads}",
        "experts": f"{model.moe.topk} of {model.moe.experts}" if model.moe else None,
        "vocabulary": model.vocab,
    }


def _network_line(network: Network) -> Data:
    return {
        "id": network.id,
        "technology": network.technology,
        "port": network.bandwidth.text,
        "latency": network.latency.text,
        "efficiency": network.efficiency.text,
    }


def _software_line(profile: Software) -> Data:
    return {
        "id": profile.id,
        "name": profile.name,
        "date": profile.date,
        "attention": profile.attention,
        "straggling": profile.straggling.text,
        "fitted": "yes" if profile.fit else "no",
    }


def _engine_line(profile: Engine) -> Data:
    first, fit = load.first_tokens().get(profile.id), profile.fit
    return {
        "id": profile.id,
        "name": profile.name,
        "date": profile.date,
        "chunk": profile.chunk.text,
        "running": profile.running.text,
        "fitted to": f"{fit.rows} {fit.measured}" if fit else None,
        "held out": f"{fit.held_out:.1%}" if fit else None,
        "first tokens held out": f"{first.held_out:.0%}" if first else None,
    }


def _site_line(part: SitePart) -> Data:
    climate = part.climate
    return {
        "id": part.id,
        "name": part.name,
        "hub": part.hub or part.country,
        "altitude": part.altitude.text,
        "mean degC": f"{sum(climate.temperature_degc) / 12:.1f}" if climate else None,
        "grid": part.carbon.text,
        "energy": part.tariffs[0].energy.text,
        "domestic chips": _text(part.tariffs[0].domestic),
    }

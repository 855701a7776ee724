"""Rows of the serving record as arrays: one cell for each model, chip, engine profile and format.

Where a row does not say how a replica is laid out, every layout that might be has a place of its own, and the row is
predicted by the fastest of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from petaday.catalog import load
from petaday.catalog.engine import Engine as Profile
from petaday.catalog.model import Model
from petaday.serving.engine import Engine
from petaday.serving.layout import Floats, Layout
from petaday.study.engines import Precision, board_memory, engine_of
from petaday.study.parts import needed
from petaday.validation.latency import precision_of

Row = dict[str, str]
Ints = NDArray[np.int64]

UNKNOWN = float("nan")


@dataclass(frozen=True)
class Loads:
    """What replicas have to do, as arrays: lengths in tokens, requests of a run, requests a second; nan is unknown.

    sequences: under way on one replica; requests: of one replica in the whole run; rate: requests a second of it
    fixed: 1 where all requests have one length
    """

    prompt: Floats
    output: Floats
    sequences: Floats
    requests: Floats
    rate: Floats
    fixed: Floats


@dataclass(frozen=True)
class Cell:
    """Rows of one model and format on one chip under one profile in one scenario.

    row: the place in the record of each entry; replicas: that the row's value covers, over the beams of a request: they are
        sequences of their own that share the cache of their prompt, and the tokens of one count
    """

    model: str
    chip: str
    profile: str
    weights: str
    cache: float
    scenario: str
    row: Ints
    layout: Layout
    replicas: Floats
    loads: Loads

    def engine(self, profile: Profile) -> Engine:
        """The engine that serves this cell under a profile."""
        return engine_of(load.model(self.model), load.chip(self.chip), profile, self.precision)

    def part(self, rows: Collection[int]) -> Cell:
        """The entries of some rows of the record."""
        chosen = np.isin(self.row, list(rows))
        return replace(
            self,
            row=self.row[chosen],
            layout=Layout(*(size[chosen] for size in self.layout)),
            replicas=self.replicas[chosen],
            loads=Loads(*(getattr(self.loads, each.name)[chosen] for each in fields(Loads))),
        )

    @property
    def precision(self) -> Precision:
        """Formats of weights and cache."""
        return replace(precision_of(self.model, self.weights, self.chip), cache_bytes=self.cache)

    @property
    def memory(self) -> float:
        """Bytes of a chip's memory as its driver reports them."""
        return board_memory(load.chip(self.chip))


def profile_of(row: Row) -> str:
    """The profile that stands for a row's engine and version; without one that matches, the last one before the run."""
    known = sorted(
        (each for each in load.engines().values() if row["engine"] in each.frameworks), key=lambda each: each.date
    )
    named = [each for each in known if row["version"].startswith(each.versions)] if row["version"] else []
    before = [each for each in known if each.date <= row["month"]]
    return (named or before or known[:1])[-1].id


def cells_of(rows: Iterable[Row]) -> list[Cell]:
    """The comparable rows as arrays."""
    together: dict[tuple[str, ...], list[tuple[int, Row]]] = defaultdict(list)
    for place, row in enumerate(rows):
        if not row["skipped"]:
            key = (row["model"], row["chip"], profile_of(row), row["weights"], row["cache"], row["scenario"])
            together[key].append((place, row))
    return [_cell(key, members) for key, members in together.items()]


def best_of(cell: Cell, rates: Floats) -> dict[int, float]:
    """The largest rate of each row's layouts, by its place in the record."""
    places, where = np.unique(cell.row, return_inverse=True)
    best = np.zeros(len(places))
    np.maximum.at(best, where, rates)
    return dict(zip(places.tolist(), best.tolist(), strict=True))


def _cell(key: tuple[str, ...], members: list[tuple[int, Row]]) -> Cell:
    model, chip, profile, weights, cache, scenario = key
    entries = [(place, row, layout) for place, row in members for layout in layouts(row)]
    layout = Layout(
        *(np.array(column, dtype=float) for column in zip(*(each for _, _, each in entries), strict=True))
    )
    listed = [row for _, row, _ in entries]

    def column(name: str) -> Floats:
        return np.array([float(row[name] or UNKNOWN) for row in listed])

    replicas, beams = np.maximum(np.floor(column("chips") / layout.chips), 1.0), column("beams")
    return Cell(
        model,
        chip,
        profile,
        weights,
        float(cache),
        scenario,
        row=np.array([place for place, _, _ in entries]),
        layout=layout,
        replicas=replicas / beams,
        loads=Loads(
            prompt=column("prompt") / beams,
            output=column("output"),
            sequences=column("concurrency") * beams / replicas,
            requests=column("requests") * beams / replicas,
            rate=column("qps") * beams / replicas,
            fixed=np.array([float(row["lengths"] == "fixed") for row in listed]),
        ),
    )


def layouts(row: Row) -> list[tuple[int, int, int, int]]:
    """The tp, pp, ep and dp that a row's replicas may have: as published, else those that its chips allow."""
    model, chip = load.model(row["model"]), load.chip(row["chip"])
    chips = int(float(row["chips"]))
    if row["tp"] and not row["dp"]:
        tp, pp = int(row["tp"]), int(row["pp"])
        shared = [(tp, pp, ep, 1) for ep in _expert_groups(model, tp, row["ep"])]
        return shared + ([(1, pp, tp, tp)] if tp > 1 else [])
    if row["tp"]:
        tp, pp, dp = (int(row[name]) for name in ("tp", "pp", "dp"))
        return [(tp, pp, ep, dp) for ep in _expert_groups(model, tp * dp, row["ep"])]
    domain = int(needed(chip.scale_up_domain, chip, "scale_up_domain").value)
    found = []
    for tp in _powers(min(domain, chips)):
        if row["ep"] in ("", "1") or tp % int(row["ep"]) == 0:
            found += [(tp, 1, ep, 1) for ep in _expert_groups(model, tp, row["ep"])]
    if row["ep"] and chips % int(row["ep"]) == 0 and row["ep"] != "1":
        found.append((1, 1, int(row["ep"]), int(row["ep"])))
    for pp in _powers(chips):
        found += [(1, pp, 1, 1)] if pp > 1 and not model.moe else []
    return found or [(chips, 1, 1, 1)]


def _expert_groups(model: Model, ranks: int, published: str) -> list[int]:
    if model.moe is None:
        return [1]
    if published and ranks % int(published) == 0:
        return [int(published)]
    return [size for size in {1, ranks} if model.moe.experts % size == 0]


def _powers(most: int) -> Iterator[int]:
    size = 1
    while size <= most:
        yield size
        size *= 2

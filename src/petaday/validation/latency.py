"""Seconds between output tokens (TPOT) of served models against measurements, dense models and mixtures of experts apart.

Half of the rows of every model, chip, engine and version were fitted; the suites tell the halves apart.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petaday.catalog import load
from petaday.catalog.engine import Engine as Profile
from petaday.serving.engine import Engine
from petaday.serving.layout import Floats, Layout
from petaday.serving.memory import most_sequences
from petaday.serving.steady import output_token_seconds
from petaday.study.engines import Precision, board_memory, engine_of
from petaday.validation.latency_record import read_record
from petaday.validation.suite import Checked, Suite

Row = dict[str, str]


@dataclass(frozen=True)
class Cell:
    """Rows of one model and weight format on one chip under one engine profile, as arrays.

    places: of the rows in the record; sequences: under way on one replica; prefills: 1 where it computes prompts too
    """

    model: str
    chip: str
    profile: str
    precision: str
    places: tuple[int, ...]
    layout: Layout
    sequences: Floats
    prompt: Floats
    output: Floats
    prefills: Floats
    measured: Floats

    def engine(self, profile: Profile) -> Engine:
        """The engine that serves this cell under a profile."""
        precision = precision_of(self.model, self.precision, self.chip)
        return engine_of(load.model(self.model), load.chip(self.chip), profile, precision)

    def predict(self, profile: Profile) -> Floats:
        """Seconds of an output token under the profile; what the caches cannot hold waits outside."""
        engine, room = self.engine(profile), profile.memory.value * board_memory(load.chip(self.chip))
        chunk = np.full_like(self.prompt, profile.chunk.value)
        most = most_sequences(engine, self.layout, room, self.prompt + self.output / 2, chunk)
        # Where not even the weights seem to fit, they did: the room of the runs is unknown and limits nothing.
        running = np.where(most > 0, np.minimum(self.sequences, most), self.sequences)
        return output_token_seconds(
            engine, self.layout, running, self.prompt, self.output, chunk=chunk, prefills=self.prefills
        )

    def part(self, chosen: NDArray[np.bool_]) -> Cell:
        """Some of the rows."""
        return Cell(
            self.model,
            self.chip,
            self.profile,
            self.precision,
            tuple(np.array(self.places)[chosen].tolist()),
            Layout(*(size[chosen] for size in self.layout)),
            *(column[chosen] for column in (self.sequences, self.prompt, self.output, self.prefills, self.measured)),
        )


def precision_of(model: str, stored: str, chip: str) -> Precision:
    """How checkpoints of a model in this format are served: what is narrow, and the cache in 8 bit beside narrow weights.

    gpt-oss keeps all but its experts in 16 bit (its model card), NVIDIA's NVFP4 DeepSeek its attention.
    """
    if model.startswith("gpt-oss"):
        blackwell = load.chip(chip).generation == "blackwell"
        return Precision("bf16", "bf16", "mxfp4-mxfp8" if blackwell else "mxfp4-weights", 1.0)
    if model.startswith("deepseek") and stored == "nvfp4":
        return Precision("bf16", "nvfp4", "nvfp4", 1.0)
    return Precision(stored, stored, stored, 2.0 if stored == "bf16" else 1.0)


def profile_of(row: Row) -> str:
    """The profile that stands for a row's engine and version; without a version, the last one before the run."""
    known = [each for each in load.engines().values() if row["engine"] in each.frameworks]
    if row["version"]:
        named = [each for each in known if row["version"].startswith(each.versions)]
    else:
        named = [each for each in known if each.date <= row["month"]]
    return max(named or known, key=lambda each: each.date).id


def cells_of(rows: Iterable[Row]) -> list[Cell]:
    """The comparable rows as arrays."""
    together: dict[tuple[str, str, str, str], list[tuple[int, Row]]] = defaultdict(list)
    for place, row in enumerate(rows):
        if not row["skipped"]:
            together[row["model"], row["chip"], profile_of(row), row["precision"]].append((place, row))
    return [_cell(key, members) for key, members in together.items()]


def _cell(key: tuple[str, str, str, str], members: list[tuple[int, Row]]) -> Cell:
    def column(name: str) -> Floats:
        return np.array([float(row[name]) for _, row in members])

    return Cell(
        *key,
        places=tuple(place for place, _ in members),
        layout=Layout(column("tp"), column("pp"), column("ep"), column("dp")),
        sequences=column("concurrency") / column("workers"),
        prompt=column("prompt"),
        output=column("output"),
        prefills=np.array([float(row["mode"] == "agg") for _, row in members]),
        measured=column("tpot_ms") * 1e-3,
    )


def group_of(row: Row) -> str:
    """What a row's errors are told by: chip, model, engine and version."""
    return " ".join(row[name] for name in ("chip", "model", "engine", "version") if row[name])


def held_out(rows: list[Row]) -> list[bool]:
    """Whether a row is kept from the fits: every other one of its group, in the order of its sizes."""
    members: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        if not row["skipped"]:
            members[group_of(row)].append(place)
    out = [False] * len(rows)
    for places in members.values():
        ordered = sorted(places, key=lambda place: _sizes(rows[place]))
        for place in ordered[1::2]:
            out[place] = True
    return out


def _sizes(row: Row) -> tuple[float | str, ...]:
    names = ("tp", "dp", "ep", "prompt", "output", "concurrency", "tpot_ms")
    return (row["precision"], row["mode"], *(float(row[name]) for name in names), row["id"])


@functools.cache
def predictions() -> dict[int, float]:
    """Seconds of an output token of every comparable row, by its place in the record."""
    return {
        place: seconds
        for cell in cells_of(read_record())
        for place, seconds in zip(cell.places, cell.predict(load.engine(cell.profile)).tolist(), strict=True)
    }


def latency_suites() -> list[Suite]:
    """TPOT of dense models and of mixtures of experts, held out of the fits and fitted; and what cannot be compared."""
    rows, predicted = read_record(), predictions()
    suites: dict[str, list[Checked]] = {name: [] for name in (*halves("TPOT"), "TPOT, not comparable")}
    for row, kept, place in zip(rows, held_out(rows), range(len(rows)), strict=True):
        fit = load.engine(profile_of(row)).fit
        name = "TPOT, not comparable" if row["skipped"] else half_of("TPOT", row, kept)
        suites[name].append(checked(row, "tpot", predicted.get(place), fit.held_out_p90 if fit else None))
    return [Suite(name, tuple(rows_of)) for name, rows_of in suites.items()]


def halves(metric: str) -> list[str]:
    """Names of the suites of a latency: dense models and mixtures of experts, held out of the fits and fitted."""
    return [f"{metric}, {kind}, {half}" for kind in ("dense", "MoE") for half in ("held out", "fitted")]


def half_of(metric: str, row: Row, kept: bool) -> str:
    """The suite that a row belongs to; kept: whether the fits did not see it."""
    kind = "dense" if load.model(row["model"]).moe is None else "MoE"
    return f"{metric}, {kind}, {'held out' if kept else 'fitted'}"


def checked(row: Row, metric: str, predicted: float | None, p90: float | None) -> Checked:
    """A row's latency (ttft or tpot) beside the predicted seconds, which nine of ten rows are within `p90` of."""
    factor = 1 + p90 if p90 is not None else None
    return Checked(
        id=row["id"],
        group=group_of(row),
        metric=f"{metric}_s",
        measured=float(row[f"{metric}_ms"]) * 1e-3,
        predicted=predicted,
        skipped=row["skipped"],
        config=row["id"],
        cell=group_of(row),
        low=predicted / factor if predicted and factor else None,
        high=predicted * factor if predicted and factor else None,
        chips=int(float(row["tp"]) * float(row["pp"]) * float(row["dp"])),
    )

"""Plans: a table of parallel plans. One plan is a table of one row; ten million are ten million rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from petaday.errors import InputError, nearest_names
from petaday.units.text import shown

Ints = NDArray[np.int64]


class Recompute(IntEnum):
    """What the backward pass computes again instead of keeping."""

    NONE = 0
    SELECTIVE = 1
    FULL = 2


class Schedule(IntEnum):
    """Order of forward and backward passes over the pipeline; vpp > 1 interleaves 1F1B."""

    ONE_F_ONE_B = 0
    ZERO_BUBBLE = 1
    DUALPIPE = 2


@dataclass(frozen=True)
class Column:
    """One column of a plan: its meaning, its smallest value and, where values have names, their names."""

    meaning: str
    minimum: int = 1
    names: tuple[str, ...] = ()
    maximum: int = 1_000_000

    def text(self, value: int) -> str:
        """A value as users write it."""
        return self.names[value] if self.names else str(value)

    def value(self, text: object, field: str) -> int:
        """A user's text or number as the column's integer."""
        if self.names:
            word = {"True": "yes", "true": "yes", "False": "no", "false": "no"}.get(str(text), text)
            names = self.names
            if not isinstance(word, str) or word not in names:
                raise InputError(
                    f"`{shown(text)}` is not a value of {field}",
                    field=field,
                    expected=" | ".join(names),
                    nearest=nearest_names(str(text), names),
                )
            return names.index(str(word))
        if isinstance(text, bool) or not isinstance(text, int) or not self.minimum <= text <= self.maximum:
            raise InputError(
                f"`{shown(text)}` is no {field.removeprefix('plan.')}",
                field=field,
                expected=f"a whole number from {self.minimum} to {self.maximum:,}",
            )
        return text


_SWITCH = ("no", "yes")
DTYPE_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2, "fp8": 1}

COLUMNS: Mapping[str, Column] = {
    "tp": Column("tensor-parallel ranks"),
    "cp": Column("context-parallel ranks: each holds a part of every sequence"),
    "pp": Column("pipeline stages"),
    "vpp": Column("virtual stages a rank holds (interleaved 1F1B)"),
    "dp": Column("data-parallel ranks"),
    "ep": Column("expert-parallel ranks"),
    "etp": Column("tensor-parallel ranks inside an expert"),
    "zero": Column("ZeRO stage: 1 shards optimizer, 2 gradients too, 3 weights too (FSDP)", 0, maximum=3),
    "shard": Column("replicas that share what ZeRO shards, repeated over the others; 0: all of them", 0),
    "micro_batch": Column("sequences of one forward pass on one replica"),
    "recompute": Column("activations computed again backward", 0, ("none", "selective", "full")),
    "recompute_layers": Column("layers of each stage that recompute", 0),
    "sequence_parallel": Column("norms and residuals split over the tensor-parallel ranks", 0, _SWITCH),
    "schedule": Column("pipeline schedule", 0, ("1f1b", "zero-bubble", "dualpipe")),
    "first_layers": Column("layers of the first stage", 0),
    "last_layers": Column("layers of the last stage", 0),
    "tp_overlap": Column("tensor-parallel communication runs beside the GEMMs", 0, _SWITCH),
    "dp_overlap": Column("gradient and weight communication runs beside the passes", 0, _SWITCH),
    "weight_bytes": Column("bytes of a stored weight", maximum=8),
    "grad_bytes": Column("bytes of an accumulated gradient", maximum=8),
    "moment_bytes": Column("bytes of each optimizer moment", maximum=8),
    "optimizer_offload": Column("optimizer state and update on the host", 0, _SWITCH),
    "activation_offload": Column("kept activations wait in host memory", 0, _SWITCH),
}


@dataclass(frozen=True)
class Plans:
    """Columns of the same length; see COLUMNS for their meanings."""

    tp: Ints
    cp: Ints
    pp: Ints
    vpp: Ints
    dp: Ints
    ep: Ints
    etp: Ints
    zero: Ints
    shard: Ints
    micro_batch: Ints
    recompute: Ints
    recompute_layers: Ints
    sequence_parallel: Ints
    schedule: Ints
    first_layers: Ints
    last_layers: Ints
    tp_overlap: Ints
    dp_overlap: Ints
    weight_bytes: Ints
    grad_bytes: Ints
    moment_bytes: Ints
    optimizer_offload: Ints
    activation_offload: Ints

    def __len__(self) -> int:
        return len(self.tp)

    def take(self, index: NDArray[np.generic] | slice) -> Plans:
        """The rows at `index` (integers, a mask or a slice), in that order."""
        return Plans(*(getattr(self, name)[index] for name in COLUMNS))

    def row(self, index: int) -> dict[str, int]:
        """One plan as a mapping."""
        return {name: int(getattr(self, name)[index]) for name in COLUMNS}

    def texts(self, index: int) -> dict[str, int | str]:
        """One plan as users write it: names for the columns that have them."""
        row = self.row(index)
        return {name: COLUMNS[name].text(v) if COLUMNS[name].names else v for name, v in row.items()}

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, int]]) -> Plans:
        """A table from complete rows."""
        listed = list(rows)
        return cls(*(np.array([row[name] for row in listed], dtype=np.int64) for name in COLUMNS))

    @classmethod
    def concat(cls, tables: Iterable[Plans]) -> Plans:
        """All rows of the tables, in order."""
        listed = list(tables)
        return cls(*(np.concatenate([getattr(t, name) for t in listed]) for name in COLUMNS))


assert tuple(field.name for field in fields(Plans)) == tuple(COLUMNS)


def distinct(columns: Iterable[Ints]) -> tuple[Ints, Ints]:
    """Rows that differ in any of the columns: one representative row of each, and each row's place among them.

    Integer columns of small range are coded by occupancy, several times faster than a sort.
    """
    code: Ints | None = None
    size = 1
    for column in columns:
        compact, count = _compact(column)
        if code is None:
            code, size = compact, count
        elif count > 1:
            code, size = _compact(code * count + compact)
    if code is None:
        raise ValueError("no columns")
    first = np.zeros(size, dtype=np.int64)
    first[code[::-1]] = np.arange(len(code) - 1, -1, -1)
    return first, code


def _compact(column: Ints) -> tuple[Ints, int]:
    """Codes 0..count-1 for a column's values, in the order of the values."""
    low, high = int(column.min()), int(column.max())
    if low == high:
        return np.zeros(len(column), dtype=np.int64), 1
    span = high - low + 1
    if span > 8 * len(column) + 4096:
        values, inverse = np.unique(column, return_inverse=True)
        return inverse.astype(np.int64), len(values)
    seen = np.zeros(span, dtype=bool)
    shifted = column - low
    seen[shifted] = True
    values = np.flatnonzero(seen)
    lookup = np.zeros(span, dtype=np.int64)
    lookup[values] = np.arange(len(values))
    return lookup[shifted], len(values)

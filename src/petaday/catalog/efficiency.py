"""What a chip's kernels reach of its datasheet, by dtype, and whom an unmeasured chip takes after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from petaday.catalog.chip import Chip, Count, Dtype, known_dtype
from petaday.catalog.figure import Figure
from petaday.catalog.network import Ratio, Time
from petaday.catalog.part import Id
from petaday.catalog.validate import Strict
from petaday.errors import InputError

# Kernels of these dtypes share the code and the rate of another: measured once, under the other's name.
_TAKES_AFTER = {"fp16": "bf16", "mxfp8": "fp8", "int8": "fp8", "fp4": "nvfp4"}


class EfficiencyFigures(Strict):
    """Shares of peak and bandwidth (ratios), saturation sizes (elements) and the launch time (seconds).

    A GEMM of m x n x k runs at gemm * m/(m + gemm_m) * n/(n + gemm_n) * k/(k + gemm_k) of the dense peak, fused
    attention over s tokens at attention_forward * s/(s + attention_sequence) of the 16-bit one. Kernels are measured
    one at a time on a cool chip; `sustained` is the share of these rates that it holds through training steps.
    """

    gemm: Ratio
    gemm_m: Count
    gemm_n: Count
    gemm_k: Count
    memory: Ratio
    attention_forward: Ratio
    attention_backward: Ratio
    attention_sequence: Count
    launch: Time
    sustained: Ratio


class Fit(Strict):
    """The fit behind the figures: rows, loss (median absolute relative error), date and command."""

    rows: Annotated[int, Field(gt=0)]
    loss: Annotated[float, Field(ge=0)]
    date: str
    command: str


class Entry(Strict):
    """Figures measured on one chip, or standing in for a generation, a vendor or a class of chips."""

    chip: Id | None = None
    generation: Id | None = None
    vendor: str | None = None
    class_: Literal["gpu", "tpu", "npu", "other"] | None = Field(default=None, alias="class")
    dtype: Dtype
    figures: EfficiencyFigures
    fit: Fit | None = None

    @model_validator(mode="after")
    def _one_scope(self) -> Self:
        if sum(name is not None for _, name in self._scopes()) != 1:
            raise ValueError("give one of chip, generation, vendor, class")
        return self

    def _scopes(self) -> tuple[tuple[str, str | None], ...]:
        return (
            ("chip", self.chip),
            ("generation", self.generation),
            ("vendor", self.vendor),
            ("class", self.class_),
        )

    @property
    def scope(self) -> tuple[str, str]:
        """What the entry speaks for: ("chip", "h100-sxm-80"), ("generation", "hopper") ..."""
        return next((kind, name) for kind, name in self._scopes() if name is not None)


@dataclass(frozen=True)
class Efficiency:
    """The figures to compute with; `inherited` says whose they are, and is empty where they are its own."""

    figures: EfficiencyFigures
    inherited: str
    fit: Fit | None


def scopes_of(chip: Chip) -> tuple[tuple[str, str], ...]:
    """Whom a chip takes after, nearest first: itself, its generation, vendor and class."""
    return (("chip", chip.id), ("generation", chip.generation), ("vendor", chip.vendor), ("class", chip.class_))


def related_dtypes(dtype: str) -> tuple[str, ...]:
    """Dtypes whose figures stand in for this one's, nearest first."""
    return tuple(dict.fromkeys((dtype, _TAKES_AFTER.get(dtype, dtype), "bf16")))


def efficiency_for(chip: Chip, dtype: str, entries: Iterable[Entry]) -> Efficiency:
    """The nearest entry: the chip's, else its generation's, vendor's, class's; then those of a related dtype.

    Of two entries for one scope and dtype the first counts.

    Figures that are not the chip's own in that dtype come back as estimates whose source says from where.

    Raises
    ------
    InputError : unknown dtype, or a catalog without a default for the chip's class
    """
    known_dtype(dtype)
    known: dict[tuple[str, str, str], Entry] = {}
    for entry in entries:
        known.setdefault((*entry.scope, entry.dtype), entry)
    for candidate in related_dtypes(dtype):
        for kind, name in scopes_of(chip):
            found = known.get((kind, name, candidate))
            if found is not None:
                same_kernels = candidate == dtype or {candidate, dtype} == {"bf16", "fp16"}
                return _as_used(found, own=kind == "chip" and same_kernels)
    raise InputError(f"no efficiencies for {chip.id}", expected=f"at least an entry for class {chip.class_} in bf16")


def _as_used(entry: Entry, own: bool) -> Efficiency:
    if own:
        return Efficiency(entry.figures, "", entry.fit)
    kind, name = entry.scope
    inherited = f"{kind} {name}, {entry.dtype}"

    def estimated(figure: Figure) -> Figure:
        source = f"inherited from {inherited}: {figure.source}"
        return figure.model_copy(update={"estimate": True, "source": source})

    figures = {name: estimated(getattr(entry.figures, name)) for name in EfficiencyFigures.model_fields}
    return Efficiency(entry.figures.model_copy(update=figures), inherited, entry.fit)

"""A training software stack at a date: what it overlaps and fuses, and what its own code adds or loses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from petaday.catalog.chip import Id
from petaday.catalog.network import Ratio, Time
from petaday.catalog.validate import Strict

Attention = Literal["unfused", "flash", "flash2", "flash3"]


class Software(Strict):
    """A profile. `gemm` and `step` multiply the chip's efficiencies; `launch` adds seconds to the chip's."""

    id: Id
    name: str
    aliases: tuple[str, ...] = ()
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    source: str
    attention: Attention  # unfused writes the scores to memory; the others do not
    dp_overlap: bool  # gradients are reduced while the backward pass runs
    pp_overlap: bool  # activations travel between stages while a micro-batch is computed
    grad_dtype: Literal["fp32", "bf16", "fp16"]  # of the gradients as reduced
    fused: bool  # elementwise operators run inside their neighbours
    tp_overlap: Ratio  # share of tensor-parallel communication hidden behind GEMMs
    gemm: Ratio  # share of the chip's GEMM efficiency
    step: Ratio  # share of the step that is not lost to host work, logging and stragglers
    launch: Time  # host time per operator

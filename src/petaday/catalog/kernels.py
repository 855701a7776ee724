"""What single kernels of a serving framework reach on a chip: fitted figures with the record of their fit."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from petaday.catalog.chip import Chip
from petaday.catalog.part import Id
from petaday.catalog.validate import Strict
from petaday.errors import InputError

Operation = Literal["gemm", "attention_prefill", "attention_decode", "mla_prefill", "mla_decode", "moe"]
Share = Annotated[float, Field(ge=0)]
Key = tuple[str, str, str, str, str]
"""Chip, operation, dtype, framework and version."""

PROCESSORS = {
    "a100-sxm-80": (108, 40e6),
    "h100-sxm-80": (132, 50e6),
    "b200-sxm": (148, 126e6),
    "b300-sxm": (148, 126e6),
    "gb300-nvl72": (152, 126e6),
    "l40s": (142, 96e6),
    "arc-pro-b60": (20, 18e6),
}
"""Streaming multiprocessors (Xe cores) that are enabled, and bytes of the L2 cache: NVIDIA architecture papers, and
device queries from memory."""

FORMATS = {
    "bf16": ("bf16", 2.0, 2.0),
    "fp8": ("fp8", 1.0, 1.0),
    "fp8-block": ("fp8", 1.03, 1.03),
    "nvfp4": ("fp4", 0.5625, 0.5625),
    "int8-int8": ("int8", 1.0, 1.0),
    "int8-weights": ("bf16", 1.0, 2.0),
    "int4-weights": ("bf16", 0.53, 2.0),
    "int4-int8": ("int8", 0.53, 1.0),
    "q4-k-m": ("bf16", 0.61, 2.0),
    "mxfp4-weights": ("bf16", 0.53, 2.0),
    "mxfp4-mxfp8": ("fp8", 0.53, 1.03),
    "fp8-cache": ("bf16", 1.0, 2.0),
}
"""Of a kernel's dtype: the peak that it runs at, bytes of a weight (or cache) element and of an activation, scales
included (a block's scale is one byte in 16 or 32 elements, or four in 128). q4-k-m is llama.cpp's mix of 4 and 6 bit:
4.92 GB for Llama 3 8B."""


class KernelFit(Strict):
    """Figures of one operation and dtype on a chip under one version of a framework.

    figures: by name, SI units (see the law of the operation); rows: measured kernels behind them; loss, p90: median
    and 90th percentile of |predicted/measured - 1| over them; held_out: the median over kernels of other shapes
    """

    chip: Id
    operation: Operation
    dtype: str
    framework: str
    version: str
    figures: dict[str, Annotated[float, Field(gt=0)]]
    rows: Annotated[int, Field(gt=0)]
    loss: Share
    p90: Share
    held_out: Share

    @property
    def key(self) -> Key:
        """Whose figures these are."""
        return self.chip, self.operation, self.dtype, self.framework, self.version


def peak_of(chip: Chip, dtype: str) -> float:
    """FLOP/s of a kernel's dtype, dense; fp8 runs at the 16-bit peak where the chip has no published one."""
    wanted = FORMATS[dtype][0]
    try:
        return chip.dense_peak(wanted).value
    except InputError:
        return chip.dense_peak("bf16").value

"""What to measure on a chip, and how much arithmetic and traffic each piece of work is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal, Protocol

from petaday.units import bits
from petaday.workload.operators import attended_pairs

WorkKind = Literal["gemm", "attention_forward", "attention_backward", "copy", "add", "softmax"]

HEAD_DIM = 128
BACKWARD_OVER_FORWARD = 2.5
"""FLOP of fused attention's backward pass over its forward pass: five matrix products for two."""
_TENSORS = {"attention_forward": 4, "attention_backward": 8, "copy": 2, "add": 3, "softmax": 2}
"""Tensors that are read or written, each once."""


@dataclass(frozen=True)
class Work:
    """One operator. A GEMM is m x n x k; attention has m heads (batch included) over n tokens; others m elements."""

    kind: WorkKind
    dtype: str
    m: int
    n: int = 1
    k: int = 1

    @property
    def flops(self) -> float:
        """FLOP that count: causal attention's without the masked half, none of a streaming operator."""
        if self.kind == "gemm":
            return 2.0 * self.m * self.n * self.k
        if self.kind.startswith("attention"):
            forward = 4.0 * HEAD_DIM * self.m * attended_pairs(self.n, None)
            return forward * (BACKWARD_OVER_FORWARD if self.kind == "attention_backward" else 1.0)
        return 0.0

    @property
    def moved(self) -> float:
        """Bytes read and written, each tensor once."""
        size = bits(self.dtype) / 8
        if self.kind == "gemm":
            return size * (self.m * self.k + self.k * self.n) + 2.0 * self.m * self.n
        elements = self.m * self.n * HEAD_DIM if self.kind.startswith("attention") else self.m
        return _TENSORS[self.kind] * size * elements


@dataclass(frozen=True)
class Point:
    """A piece of work and the seconds it took."""

    work: Work
    seconds: float


@dataclass(frozen=True)
class Device:
    """What was measured: `kind` is cuda or cpu, memory in bytes, versions by name (driver, cuda, torch)."""

    kind: Literal["cuda", "cpu"]
    name: str
    memory: float
    versions: dict[str, str]


class Machine(Protocol):
    """A chip that can be timed."""

    @property
    def device(self) -> Device:
        """What it is."""
        ...

    def seconds(self, work: Work) -> float | None:
        """Median seconds of the work; None where the machine cannot do it or lacks the memory."""
        ...


@dataclass(frozen=True)
class Sizes:
    """Sizes to measure: GEMM dimensions, tokens of attention, elements of streaming operators."""

    gemm_m: tuple[int, ...]
    gemm_nk: tuple[int, ...]
    dtypes: tuple[str, ...]
    tokens: tuple[int, ...]
    heads: int
    elements: tuple[int, ...]


SIZES = {
    "cuda": Sizes(
        gemm_m=(64, 256, 1024, 4096, 16384),
        gemm_nk=(512, 1024, 2048, 4096, 8192, 16384),
        dtypes=("bf16", "fp16", "fp32", "fp8"),
        tokens=(512, 1024, 2048, 4096, 8192, 16384),
        heads=32,
        elements=tuple(2**power for power in range(14, 31, 2)),
    ),
    "cpu": Sizes(
        gemm_m=(16, 64, 256),
        gemm_nk=(64, 128, 256, 512),
        dtypes=("bf16", "fp32"),
        tokens=(128, 256, 512),
        heads=2,
        elements=tuple(2**power for power in range(14, 25, 2)),
    ),
}


def all_work(sizes: Sizes) -> Iterator[Work]:
    """Every piece of work: GEMMs of each dtype; attention and streaming in the first, which is 16 bit."""
    for dtype, m, n, k in product(sizes.dtypes, sizes.gemm_m, sizes.gemm_nk, sizes.gemm_nk):
        yield Work("gemm", dtype, m, n, k)
    for tokens in sizes.tokens:
        yield Work("attention_forward", sizes.dtypes[0], sizes.heads, tokens)
        yield Work("attention_backward", sizes.dtypes[0], sizes.heads, tokens)
    for elements in sizes.elements:
        yield Work("copy", sizes.dtypes[0], elements)
        yield Work("add", sizes.dtypes[0], elements)
        yield Work("softmax", sizes.dtypes[0], elements)


def measure(
    machine: Machine, sizes: Sizes | None = None, report: Callable[[Work], object] | None = None
) -> list[Point]:
    """Time everything that the machine can do; a dtype whose first GEMM fails is left out."""
    points: list[Point] = []
    without: set[str] = set()
    first: set[str] = set()
    for work in all_work(sizes or SIZES[machine.device.kind]):
        if work.dtype in without:
            continue
        if report:
            report(work)
        seconds = machine.seconds(work)
        if seconds is not None:
            points.append(Point(work, seconds))
        elif work.dtype not in first:
            without.add(work.dtype)
        first.add(work.dtype)
    return points

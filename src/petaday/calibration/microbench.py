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


def gemms(sizes: Sizes) -> Iterator[Work]:
    """GEMMs of every dtype."""
    for dtype, m, n, k in product(sizes.dtypes, sizes.gemm_m, sizes.gemm_nk, sizes.gemm_nk):
        yield Work("gemm", dtype, m, n, k)


def others(sizes: Sizes, dtype: str) -> Iterator[Work]:
    """Attention and streaming operators in one dtype."""
    for tokens in sizes.tokens:
        yield Work("attention_forward", dtype, sizes.heads, tokens)
        yield Work("attention_backward", dtype, sizes.heads, tokens)
    for elements in sizes.elements:
        yield Work("copy", dtype, elements)
        yield Work("add", dtype, elements)
        yield Work("softmax", dtype, elements)


def measure(
    machine: Machine, sizes: Sizes | None = None, report: Callable[[Work], object] | None = None
) -> list[Point]:
    """Time everything that the machine can do; a dtype whose first GEMM fails is left out.

    Attention and streaming operators run in the first dtype that is left, 16 bit on every chip that trains.
    """
    sizes = sizes or SIZES[machine.device.kind]
    points: list[Point] = []
    works: dict[str, bool] = {}

    def time(work: Work) -> None:
        if works.get(work.dtype) is False:
            return
        if report:
            report(work)
        seconds = machine.seconds(work)
        works.setdefault(work.dtype, seconds is not None)
        if seconds is not None:
            points.append(Point(work, seconds))

    for work in gemms(sizes):
        time(work)
    wide = next((dtype for dtype in sizes.dtypes if works[dtype]), None)
    for work in others(sizes, wide) if wide else ():
        time(work)
    return points

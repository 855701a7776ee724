"""A machine that PyTorch drives: a GPU under CUDA, or the host's cores in small sizes."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from time import perf_counter
from typing import Any

from petaday.calibration.microbench import HEAD_DIM, Device, Work
from petaday.calibration.timing import median_seconds
from petaday.errors import InputError

DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32", "fp8": "float8_e4m3fn"}
CACHE = 256e6
"""Bytes over which buffers rotate, more than any GPU's L2 holds, so that no operand is found there."""
ROW = 4096
"""Elements of a row of softmax."""


def torch_machine(device: str = "") -> TorchMachine:
    """This machine's `cuda`, `cuda:1` or `cpu`; the first GPU, or the CPU where there is none.

    Raises
    ------
    InputError : PyTorch is not installed, or has no such device
    """
    try:
        import torch
    except ImportError:
        raise InputError(
            "measuring needs PyTorch, which is not installed", expected='pip install "petaday[microbench]"'
        ) from None
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
    known = ("cpu", *(["cuda"] if torch.cuda.is_available() else []))
    try:
        chosen = torch.device(name)
    except RuntimeError:
        chosen = None
    index = (chosen.index or 0) if chosen is not None else 0
    if chosen is None or chosen.type not in known or (chosen.type == "cuda" and index >= torch.cuda.device_count()):
        raise InputError(f"no device `{name}`", field="--device", expected=f"one of {', '.join(known)}")
    return TorchMachine(torch, chosen)


class TorchMachine:
    """One device under PyTorch."""

    def __init__(self, torch: Any, device: Any) -> None:
        self.torch, self.chosen = torch, device
        if device.type == "cuda":
            torch.cuda.set_device(device)
        self.device = _describe(torch, device)

    @property
    def gpus(self) -> int:
        """GPUs that collectives can run over."""
        return int(self.torch.cuda.device_count()) if self.chosen.type == "cuda" else 0

    def seconds(self, work: Work) -> float | None:
        """Median seconds; None where a kernel is missing or memory runs out."""
        if work.dtype == "bf16" and not self._computes_bf16():
            return None
        try:
            return median_seconds(self._call(work), self._clock)
        except (RuntimeError, NotImplementedError, AttributeError, TypeError, ValueError):
            # Each release of PyTorch refuses a dtype or a shape in its own way; out of memory is a RuntimeError.
            return None

    def _computes_bf16(self) -> bool:
        """GPUs before Ampere only emulate it, at a rate that nobody would train at."""
        return bool(self.chosen.type == "cpu" or self.torch.cuda.get_device_capability(self.chosen)[0] >= 8)

    def _clock(self, call: Callable[[int], object], times: int) -> float:
        cuda = self.torch.cuda
        if self.chosen.type != "cuda":
            start = perf_counter()
            for number in range(times):
                call(number)
            return perf_counter() - start
        begin, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
        cuda.synchronize()
        begin.record()
        for number in range(times):
            call(number)
        end.record()
        cuda.synchronize()
        return float(begin.elapsed_time(end)) * 1e-3

    def _call(self, work: Work) -> Callable[[int], object]:
        if work.kind == "gemm":
            return self._gemm(work)
        return self._attention(work) if work.kind.startswith("attention") else self._streaming(work)

    def _random(self, work: Work, *shape: int) -> Any:
        wide = self.torch.randn(shape, device=self.chosen, dtype=self.torch.float32 if work.dtype == "fp32"
                                else self.torch.bfloat16)  # fmt: skip
        return wide.to(getattr(self.torch, DTYPES[work.dtype]))

    def _copies(self, work: Work) -> int:
        if self.chosen.type != "cuda":
            return 1
        return max(1, min(64, round(CACHE / work.moved)))

    def _gemm(self, work: Work) -> Callable[[int], object]:
        torch, copies = self.torch, self._copies(work)
        left = [self._random(work, work.m, work.k) for _ in range(copies)]
        right = [self._random(work, work.n, work.k).t() for _ in range(copies)]
        if work.dtype == "fp8":
            one = torch.ones((), device=self.chosen)
            return lambda i: torch._scaled_mm(
                left[i % copies], right[i % copies], scale_a=one, scale_b=one, out_dtype=torch.bfloat16
            )
        return lambda i: torch.mm(left[i % copies], right[i % copies])

    def _attention(self, work: Work) -> Callable[[int], object]:
        attend = self.torch.nn.functional.scaled_dot_product_attention
        copies = self._copies(work)
        inputs = [[self._random(work, 1, work.m, work.n, HEAD_DIM) for _ in range(3)] for _ in range(copies)]
        if work.kind == "attention_forward":
            return lambda i: attend(*inputs[i % copies], is_causal=True)
        inputs = [[tensor.requires_grad_() for tensor in three] for three in inputs]
        outputs = [attend(*three, is_causal=True) for three in inputs]
        upstream = self._random(work, *outputs[0].shape)
        return lambda i: self.torch.autograd.grad(
            outputs[i % copies], inputs[i % copies], upstream, retain_graph=True
        )

    def _streaming(self, work: Work) -> Callable[[int], object]:
        torch, copies = self.torch, self._copies(work)
        shape = (max(1, work.m // ROW), min(work.m, ROW))
        first = [self._random(work, *shape) for _ in range(copies)]
        out = [torch.empty_like(tensor) for tensor in first]
        if work.kind == "copy":
            return lambda i: out[i % copies].copy_(first[i % copies])
        if work.kind == "softmax":
            return lambda i: torch.softmax(first[i % copies], -1, out=out[i % copies])
        second = [self._random(work, *shape) for _ in range(copies)]
        return lambda i: torch.add(first[i % copies], second[i % copies], out=out[i % copies])


def _describe(torch: Any, device: Any) -> Device:
    versions = {"torch": str(torch.__version__)}
    if device.type != "cuda":
        memory = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
        return Device("cpu", platform.processor() or platform.machine(), memory, versions)
    versions["cuda"] = str(torch.version.cuda or torch.version.hip)
    versions["driver"] = _driver()
    properties = torch.cuda.get_device_properties(device)
    return Device("cuda", str(properties.name), float(properties.total_memory), versions)


def _driver() -> str:
    import subprocess

    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return next(iter(told.split()), "unknown")

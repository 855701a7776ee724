"""Rates of FLOP/s with their dtype and sparsity, since the headline of a datasheet is often a sparse peak."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from petaday.errors import InputError, nearest_names
from petaday.units.kinds import Kind
from petaday.units.text import parse, render, shown

_BITS: Mapping[str, float] = {
    "fp64": 64,
    "fp32": 32,
    "tf32": 32,  # 19 bits are multiplied, 32 are stored
    "bf16": 16,
    "fp16": 16,
    "fp8": 8,
    "mxfp8": 8 + 8 / 32,  # an 8-bit scale for 32 elements: OCP Microscaling Formats v1.0, table 1
    "int8": 8,
    "fp6": 6,
    "fp4": 4,
    "nvfp4": 4 + 8 / 16,  # an fp8 scale for 16 elements: NVIDIA, "Introducing NVFP4", 2025
    "int4": 4,
}
DTYPES: tuple[str, ...] = tuple(_BITS)
"""Every dtype that the house knows, widest first."""

_DENSITY = {"dense": False, "sparse": True}
_SAME = 0.01  # datasheets round their peaks: 989.4 and 989 TFLOP/s are the same figure


def bits(dtype: str) -> float:
    """Bits stored per element, block scales included: 16 for bf16, 8.25 for mxfp8, 4.5 for nvfp4.

    Raises
    ------
    InputError : an unknown dtype
    """
    if dtype not in _BITS:
        raise InputError(
            f"unknown dtype `{shown(dtype)}`",
            expected=f"one of {', '.join(DTYPES)}",
            nearest=nearest_names(dtype, DTYPES),
        )
    return _BITS[dtype]


@dataclass(frozen=True)
class FlopRate:
    """FLOP/s as quoted; dtype and sparse are None where the text did not tell."""

    value: float
    dtype: str | None
    sparse: bool | None


def parse_flop_rate(text: str) -> FlopRate:
    """A rate with an optional dtype and an optional `dense` or `sparse`: `624 TFLOPS bf16 sparse`.

    Raises
    ------
    InputError : no rate of FLOP/s, an unknown or repeated word after it
    """
    words = text.split() if isinstance(text, str) else []
    tail: list[str] = []
    while len(words) > 1 and words[-1].lower() in {*_BITS, *_DENSITY}:
        tail.append(words.pop().lower())
    dtypes = [word for word in tail if word in _BITS]
    densities = [word for word in tail if word in _DENSITY]
    if len(dtypes) > 1 or len(densities) > 1:
        raise InputError(f"`{shown(text)}` names more than one dtype or density", expected="`312 TFLOPS bf16 dense`")
    if len(words) > 2:
        raise InputError(
            f"`{shown(text)}`: unknown word `{shown(words[-1])}`",
            expected="a dtype, `dense` or `sparse` after the rate, such as `312 TFLOPS bf16 dense`",
            nearest=nearest_names(words[-1], (*DTYPES, *_DENSITY)),
        )
    return FlopRate(
        parse(" ".join(words) if isinstance(text, str) else text, Kind.FLOP_RATE),
        dtypes[0] if dtypes else None,
        _DENSITY[densities[0]] if densities else None,
    )


def check_training_rate(rate: FlopRate, dense_peaks: Mapping[str, float], chip: str) -> float:
    """The rate in FLOP/s, if a training run on the chip can be measured against it.

    Structured sparsity doubles a datasheet's peak, and training does not use it; so a rate said to be sparse,
    or as large as twice the dense peak, is refused. Without a dtype, any dtype's dense peak is accepted.

    Parameters
    ----------
    rate : as parsed; value in FLOP/s
    dense_peaks : FLOP/s by dtype
    chip : the chip's name, for the message

    Raises
    ------
    InputError : a sparse peak, more than the dense peak, a dtype the chip has no peak for
    """
    if rate.dtype is not None and rate.dtype not in dense_peaks:
        raise InputError(
            f"{chip} has no {rate.dtype} peak",
            expected=f"one of {', '.join(dense_peaks)}",
            nearest=nearest_names(rate.dtype, dense_peaks),
        )
    # Training multiplies floats; without a dtype, an int8 peak as large as the sparse bf16 one is no excuse.
    peaks = {
        dtype: peak
        for dtype, peak in dense_peaks.items()
        if dtype == rate.dtype or (rate.dtype is None and not dtype.startswith("int"))
    }
    quoted = f"`{render(rate.value, Kind.FLOP_RATE)}`"
    is_a_dense_peak = any(math.isclose(rate.value, peak, rel_tol=_SAME) for peak in peaks.values())
    for dtype, peak in peaks.items():
        if rate.sparse is not False and math.isclose(rate.value, 2 * peak, rel_tol=_SAME):
            if rate.sparse is None and is_a_dense_peak:
                continue
            dense = render(peak, Kind.FLOP_RATE)
            raise InputError(f"{quoted} is {chip}'s sparse {dtype} peak; training uses dense: {dense}")
    if rate.sparse:
        raise InputError(f"{quoted} is a sparse rate; training uses dense", expected=_dense_peaks(peaks))
    if peaks and rate.value > max(peaks.values()) * (1 + _SAME):
        raise InputError(f"{quoted} is more than {chip}'s dense peak", expected=f"at most {_dense_peaks(peaks)}")
    return rate.value


def _dense_peaks(peaks: Mapping[str, float]) -> str:
    return ", ".join(f"{render(peak, Kind.FLOP_RATE)} {dtype}" for dtype, peak in peaks.items())

"""From measurements to a calibrated chip: its peaks, the fits of every dtype, and where all of it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from petaday.calibration.collectives import Exchange
from petaday.calibration.fit import START, Fitted, fit_law
from petaday.calibration.microbench import Device, Point
from petaday.catalog import load
from petaday.catalog.chip import Chip
from petaday.chip.law import ChipLaw
from petaday.errors import InputError
from petaday.units import bits

STREAMING = ("copy", "add", "softmax")


@dataclass(frozen=True)
class Calibration:
    """A measured chip. known: the catalog's, None for an unknown one; best: highest FLOP/s seen by dtype.

    best_bandwidth: highest B/s seen; peaks, bandwidth: what the efficiencies are shares of (FLOP/s, B/s)
    """

    device: Device
    known: Chip | None
    fits: tuple[Fitted, ...]
    peaks: dict[str, float]
    bandwidth: float
    best: dict[str, float]
    best_bandwidth: float
    exchanges: tuple[Exchange, ...]


def calibrate(
    device: Device,
    points: Sequence[Point],
    *,
    chip: str = "",
    exchanges: Sequence[Exchange] = (),
    force: bool = False,
) -> Calibration:
    """Fit every dtype that was measured.

    Parameters
    ----------
    chip : a catalog chip whose datasheet holds, where the device's own name does not tell
    force : accept what `fit_law` refuses

    Raises
    ------
    InputError : unknown chip, nothing measured, or a fit that cannot be trusted
    """
    known = load.chip(chip) if chip else _by_name(device)
    gemms = [point for point in points if point.work.kind == "gemm"]
    others = [point for point in points if point.work.kind != "gemm"]
    streaming = [point for point in others if point.work.kind in STREAMING]
    if not gemms or not streaming:
        raise InputError(f"nothing could be measured on {device.name}", field="--device")
    best: dict[str, float] = {}
    for point in gemms:
        best[point.work.dtype] = max(best.get(point.work.dtype, 0.0), point.work.flops / point.seconds)
    # What fits in a cache runs faster than the memory: its rate shows in the largest buffers alone.
    largest = max(point.work.m for point in streaming)
    best_bandwidth = max(point.work.moved / point.seconds for point in streaming if point.work.m == largest)
    datasheet = {dtype: known.peak[dtype].value for dtype in best if known and dtype in known.peak}
    peaks = datasheet if known else best
    if not peaks:
        raise InputError(f"no dtype that was measured has a datasheet peak on {known.id if known else device.name}")
    bandwidth = known.memory_bandwidth.value if known and known.memory_bandwidth else best_bandwidth
    wide = next((peaks[dtype] for dtype in ("bf16", "fp16") if dtype in peaks), None)
    fits = []
    for dtype, peak in peaks.items():
        start = ChipLaw(
            peak=peak,
            attention_peak=wide or peak,
            memory_bandwidth=bandwidth,
            element_bytes=bits(dtype) / 8,
            **START,
        )
        used = [point for point in gemms if point.work.dtype == dtype] + others
        fits.append(fit_law(_beyond_cache(used, largest), start, dtype, measured_peaks=known is None, force=force))
    return Calibration(device, known, tuple(fits), dict(peaks), bandwidth, best, best_bandwidth, tuple(exchanges))


def _beyond_cache(points: Sequence[Point], largest: int) -> list[Point]:
    """Without streaming operators that a cache may serve: the smallest, which show the launch, and the largest stay."""
    return [
        point
        for point in points
        if point.work.kind not in STREAMING or point.work.m >= largest / 64 or point.work.moved < 1e6
    ]


def _by_name(device: Device) -> Chip | None:
    if device.kind == "cpu":
        return None
    try:
        return load.chip(device.name)
    except InputError:
        return None

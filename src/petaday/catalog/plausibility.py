"""Checks that catch a wrong figure before it is computed with: mixed units, directions, dtypes, sparsity.

Each check is a pure function of a chip that yields findings; `plausibility` runs them all. A figure beyond
a bound that physics or arithmetic sets is an error; an envelope drawn around known parts only warns up to
1.5 times beyond. A chip that rightly fails a check says so under `exceptions` in its YAML; the finding
stays, as `excepted`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from petaday.catalog.chip import Chip
from petaday.catalog.figure import Figure
from petaday.units import Kind, bits, render

Severity = Literal["error", "warning", "excepted"]


@dataclass(frozen=True)
class Finding:
    """One figure that looks wrong, by which check, and what it probably is."""

    chip: str
    check: str
    message: str
    severity: Severity


# B/s of one stack: pins x bit rate. The upper ends are the highest pin rates made: over 1,024 pins 2.4 Gb/s
# for HBM2 and 3.6 for HBM2E (JESD235D), 6.4 for HBM3 (JESD238), 9.8 for HBM3E; over HBM4's 2,048 pins
# (JESD270-4) the announced 11. The lower ends are below the slowest parts shipped.
STACK_BANDWIDTH = {
    "hbm2": (200e9, 307e9),
    "hbm2e": (340e9, 461e9),
    "hbm3": (600e9, 819e9),
    "hbm3e": (700e9, 1254e9),
    "hbm4": (1600e9, 2816e9),
}
# B/s per B of capacity; HBM4 doubled the pins of a stack.
BANDWIDTH_PER_CAPACITY = {"hbm4": (30.0, 90.0)}
USUAL_BANDWIDTH_PER_CAPACITY = (15.0, 45.0)

# B/s per direction of all of a chip's links; NVIDIA tells twice that.
NVLINK = {2: 150e9, 3: 300e9, 4: 450e9, 5: 900e9, 6: 1800e9}
LARGEST_SCALE_UP_SHARE = 0.65  # of the memory bandwidth; Ascend 950PR has 0.63, most have 0.1 to 0.3
SCALE_OUT = (3e9, 200e9)  # B/s per chip: 24 Gb/s to the 1.6 Tb/s of a Rubin package

TOLERANCE = 0.03  # datasheets round
RATIO_TOLERANCE = 0.08  # vendors' ratios are not exact: Trainium3 has 3.75, Ascend 910B3 2.04
WARN_UP_TO = 1.5


def plausibility(chip: Chip, known: Iterable[Chip] = ()) -> list[Finding]:
    """All findings on a chip, in the light of the chips that are known already."""
    others = [other for other in known if other.id != chip.id]
    findings = [finding for check in _CHECKS for finding in check(chip)]
    findings += sparse_as_dense(chip, others)
    needless = chip.exceptions.keys() - {finding.check for finding in findings}
    return [_with_exception(finding, chip) for finding in findings] + [
        Finding(chip.id, check, "excepted from a check that it passes; remove the exception", "error")
        for check in sorted(needless)
    ]


def hbm_per_stack(chip: Chip) -> Iterator[Finding]:
    """Memory bandwidth over stacks against the pin rates of the HBM generation."""
    bounds = STACK_BANDWIDTH.get(_memory_generation(chip))
    if bounds and chip.memory_bandwidth and chip.memory_stacks:
        stacks = chip.memory_stacks.value
        per_stack = chip.memory_bandwidth.value / stacks
        if _beyond(per_stack, bounds) > 1 + TOLERANCE:
            low, high = (render(bound, Kind.BANDWIDTH) for bound in bounds)
            yield Finding(
                chip.id,
                "hbm-per-stack",
                f"{chip.memory_bandwidth.text} over {stacks:g} stacks is {render(per_stack, Kind.BANDWIDTH)} "
                f"a stack; {chip.memory_type} gives {low} to {high}",
                "error",
            )


def bandwidth_per_capacity(chip: Chip) -> Iterator[Finding]:
    """HBM's bandwidth per byte of capacity, which every generation and stack height kept in one band."""
    generation = _memory_generation(chip)
    if generation.startswith("hbm") and chip.memory_bandwidth and chip.memory_capacity:
        bounds = BANDWIDTH_PER_CAPACITY.get(generation, USUAL_BANDWIDTH_PER_CAPACITY)
        ratio = chip.memory_bandwidth.value / chip.memory_capacity.value
        factor = _beyond(ratio, bounds)
        if factor > 1:
            yield Finding(
                chip.id,
                "bandwidth-per-capacity",
                f"{chip.memory_bandwidth.text} for {chip.memory_capacity.text} is {ratio:.3g} GB/s per GB; "
                f"{chip.memory_type} has {bounds[0]:g} to {bounds[1]:g}",
                _envelope(factor),
            )


def dtype_ratio(chip: Chip) -> Iterator[Finding]:
    """8-bit peaks are once or twice the 16-bit peak; four times with microscaled fp8 units of their own."""
    sixteen = chip.peak.get("bf16") or chip.peak.get("fp16")
    allowed = {"fp8": (1, 2, 4), "mxfp8": (1, 2, 4), "int8": (1, 2)}
    for dtype, ratios in allowed.items():
        if sixteen and dtype in chip.peak:
            ratio = chip.peak[dtype].value / sixteen.value
            if all(abs(ratio / usual - 1) > RATIO_TOLERANCE for usual in ratios):
                yield Finding(
                    chip.id,
                    "dtype-ratio",
                    f"{dtype} {chip.peak[dtype].text} is {ratio:.3g} times the 16-bit peak {sixteen.text}; "
                    f"expected {' or '.join(map(str, ratios))}",
                    "error",
                )


def tpp(chip: Chip) -> Iterator[Finding]:
    """The published TPP is the largest dense TOPS x bits; tf32, told with 19 or 32 bits, is left out."""
    products = {d: peak.value / 1e12 * int(bits(d)) for d, peak in chip.peak.items() if d != "tf32"}
    if chip.tpp and products:
        dtype = max(products, key=products.__getitem__)
        if abs(products[dtype] / chip.tpp.value - 1) > TOLERANCE:
            yield Finding(
                chip.id,
                "tpp",
                f"{dtype} {chip.peak[dtype].text} x {int(bits(dtype))} bit is a TPP of "
                f"{products[dtype]:,.0f}; published {chip.tpp.value:,.0f}",
                "error",
            )


def flop_per_watt(chip: Chip) -> Iterator[Finding]:
    """16-bit FLOP/s per W (or half the 8-bit ones) against a ceiling: 1.12e12 in 2018, and 14 % more a year.

    The ceiling is drawn just above the best parts known: TPU v4 (2021), BR100 (2022), TPU v6e (2024).
    """
    sixteen = chip.peak.get("bf16") or chip.peak.get("fp16")
    eight = chip.peak.get("fp8") or chip.peak.get("int8")
    rate = sixteen.value if sixteen else eight.value / 2 if eight else None
    if rate and chip.tdp:
        ceiling = 1.12e12 * 1.14 ** (chip.year - 2018)
        efficiency = rate / chip.tdp.value
        if efficiency > ceiling:
            yield Finding(
                chip.id,
                "flop-per-watt",
                f"{efficiency / 1e12:.3g} TFLOP/s per W in 16 bit at {chip.tdp.text}; parts of {chip.year} "
                f"reach {ceiling / 1e12:.3g}: a sparse peak, or too low a power?",
                _envelope(efficiency / ceiling),
            )


def link_rate(chip: Chip) -> Iterator[Finding]:
    """Units and directions of links: against NVLink's generations, the memory bandwidth, and adapters."""
    up, out = chip.scale_up_bandwidth, chip.scale_out_bandwidth
    nvlink = re.match(r"NVLink(\d)", chip.scale_up_technology)
    full = NVLINK.get(int(nvlink[1])) if nvlink else None
    if up and full:
        partial = re.search(r"cut|bridge", chip.scale_up_technology)
        if up.value > full * (1 + TOLERANCE) or (up.value < full * (1 - TOLERANCE) and not partial):
            hint = f"{chip.scale_up_technology} is {render(full, Kind.BANDWIDTH)} per direction"
            yield _link(chip, up, hint, "error")
    if up and chip.memory_bandwidth:
        share = up.value / chip.memory_bandwidth.value
        if share > LARGEST_SCALE_UP_SHARE:
            in_bits = render(up.value / 8, Kind.BANDWIDTH)
            hint = f"{share:.2g} times the memory bandwidth; was that in bits, so {in_bits}?"
            yield _link(chip, up, hint, _envelope(share / LARGEST_SCALE_UP_SHARE))
    if out:
        factor = _beyond(out.value, SCALE_OUT)
        if factor > 1:
            hint = "adapters give a chip 24 Gb/s to 1.6 Tb/s; are bits and bytes mixed?"
            yield _link(chip, out, hint, _envelope(factor))


def sparse_as_dense(chip: Chip, known: Iterable[Chip]) -> Iterator[Finding]:
    """Twice the peak of a chip of the same vendor, generation and number of dies, and above all of those."""
    kin = [
        other
        for other in known
        if (other.vendor, other.generation) == (chip.vendor, chip.generation) and _same_dies(chip, other)
    ]
    for dtype, peak in chip.peak.items():
        rivals = {other.id: other.peak[dtype].value for other in kin if dtype in other.peak}
        half = next((name for name, rival in rivals.items() if abs(peak.value / rival / 2 - 1) < 0.01), None)
        if half and peak.value > 1.01 * max(rivals.values()):
            yield Finding(
                chip.id,
                "sparse-as-dense",
                f"{dtype} {peak.text} is twice the dense peak of {half}: sparse, or two chips as one?",
                "error",
            )


_CHECKS: tuple[Callable[[Chip], Iterator[Finding]], ...] = (
    hbm_per_stack,
    bandwidth_per_capacity,
    dtype_ratio,
    tpp,
    flop_per_watt,
    link_rate,
)


def plausibility_of(chips: Mapping[str, Chip]) -> list[Finding]:
    """All findings on a catalog."""
    return [finding for chip in chips.values() for finding in plausibility(chip, chips.values())]


def _with_exception(finding: Finding, chip: Chip) -> Finding:
    if finding.check not in chip.exceptions:
        return finding
    message = f"{finding.message}; excepted: {chip.exceptions[finding.check]}"
    return replace(finding, message=message, severity="excepted")


def _memory_generation(chip: Chip) -> str:
    """`hbm3e` of `HBM3e 12-Hi`; empty for memory of no stated generation."""
    return (chip.memory_type.lower().split() or [""])[0]


def _beyond(value: float, bounds: tuple[float, float]) -> float:
    """How many times a positive value lies outside its bounds; below 1 within."""
    return max(bounds[0] / value, value / bounds[1]) if value > 0 else float("inf")


def _envelope(factor: float) -> Severity:
    return "warning" if factor <= WARN_UP_TO else "error"


def _same_dies(chip: Chip, other: Chip) -> bool:
    return chip.dies is None or other.dies is None or chip.dies.value == other.dies.value


def _link(chip: Chip, rate: Figure, hint: str, severity: Severity) -> Finding:
    return Finding(chip.id, "link-rate", f"{rate.text}: {hint}", severity)

"""A calibrated chip as a file that `petaday catalog add` takes: the chip, its efficiencies, and their provenance."""

from __future__ import annotations

import json
import os
import re
import tempfile
from datetime import date
from pathlib import Path

from petaday.calibration.fit import SIZES, Fitted
from petaday.calibration.session import Calibration
from petaday.catalog.chip import Chip
from petaday.catalog.figure import Figure
from petaday.catalog.strict_yaml import loads
from petaday.errors import InputError, Place

_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")
_KEPT = ("conflicts", "status", "availability", "memory_type", "scale_up_technology", "process", "foundry")

PCIE = 32e9
"""B/s per direction of a card without links of its own: PCIe 4.0 x16."""


def part_id(out: Path) -> str:
    """The chip's id, which is the file's name. Raises InputError: the name is no id, or no `.yaml`."""
    if out.suffix != ".yaml" or not _ID.fullmatch(out.stem):
        raise InputError(f"`{out.name}` names no chip", field="--out", expected="a file name such as my-gpu.yaml")
    return out.stem


def refuse_existing(out: Path, force: bool) -> None:
    """Told before hours of measuring, not after. Raises InputError: the file is there, or its folder is not."""
    if out.exists() and not force:
        raise InputError(f"{out} exists", field="--out", expected="another name, or --force to replace it")
    if not out.parent.is_dir():
        raise InputError(f"no folder {out.parent}", field="--out")


def write(calibration: Calibration, out: Path, command: str, *, force: bool = False) -> None:
    """Write the whole file or nothing of it. Raises InputError: it exists and force is not given, or the disk says no."""
    write_text(out, catalog_text(calibration, part_id(out), command), force=force)


def write_text(out: Path, text: str, *, force: bool = False) -> None:
    """Write a catalog file whole or not at all. Raises InputError: it exists without force, or the disk says no."""
    refuse_existing(out, force)
    loads(text, str(out))
    try:
        descriptor, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.stem}-", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            part.chmod(0o644)
            part.replace(out)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", place=Place(str(out))) from None


def catalog_text(calibration: Calibration, id_: str, command: str) -> str:
    """The file's text."""
    device, today = calibration.device, date.today().isoformat()
    versions = ", ".join(f"{name} {version}" for name, version in device.versions.items())
    where = f"{device.name}, {versions}, {today}"
    points = sum(fitted.points for fitted in calibration.fits)
    lines = [
        f"# Measured on {_plain(where)}: {points} points.",
        f"# {_plain(command)}",
        "chips:",
        *_chip(calibration, id_, where),
        "efficiencies:",
    ]
    for fitted in calibration.fits:
        lines += [
            f"  - chip: {quoted(id_)}",
            f"    dtype: {fitted.dtype}",
            "    figures:",
            *(f"      {line}" for line in _figures(fitted, where)),
            f"    fit: {{rows: {fitted.points}, loss: {fitted.loss:.4f}, date: {quoted(today)}, "
            f"command: {quoted(command)}}}",
        ]
    return "\n".join(lines) + "\n"


def _chip(calibration: Calibration, id_: str, where: str) -> list[str]:
    known, device = calibration.known, calibration.device
    fields = {
        "id": id_,
        "name": f"{device.name} as {id_}",
        "vendor": known.vendor if known else "unknown",
        "generation": known.generation if known else id_,
        "class": known.class_ if known else "gpu" if device.kind == "cuda" else "other",
        "verified": "partial",
        "notes": f"measured: {where}",
    }
    lines = [f"{name}: {quoted(value)}" for name, value in fields.items()]
    lines.append(f"year: {known.year if known else date.today().year}")
    lines += from_catalog(known) if known else _from_measurements(calibration, where)
    return [f"  {'- ' if number == 0 else '  '}{line}" for number, line in enumerate(lines)]


def from_catalog(known: Chip) -> list[str]:
    """A catalog chip's own figures, line by line, for a chip that takes after it."""
    lines = [f"{name}: {quoted(getattr(known, name))}" for name in _KEPT if getattr(known, name)]
    lines += [
        f"{name}: {figure_text(figure.text, figure.source, figure.estimate)}"
        for name in Chip.model_fields
        if isinstance(figure := getattr(known, name), Figure)
    ]
    lines += ["peak:", *(f"  {d}: {figure_text(p.text, p.source, p.estimate)}" for d, p in known.peak.items())]
    if known.exceptions:
        lines += ["exceptions:", *(f"  {check}: {quoted(why)}" for check, why in known.exceptions.items())]
    return lines


def _from_measurements(calibration: Calibration, where: str) -> list[str]:
    lines = [
        f"memory_capacity: {figure_text(f'{calibration.device.memory / 1e9:.3f} GB', f'told by the device: {where}')}",
        f"memory_bandwidth: {figure_text(f'{calibration.bandwidth / 1e9:.4f} GB/s', f'best measured: {where}', True)}",
    ]
    if calibration.exchanges:
        fastest = max(calibration.exchanges, key=lambda exchange: exchange.rate)
        source = f"best measured, {fastest.name} of {fastest.ranks}: {where}"
        lines.append(f"scale_up_bandwidth: {figure_text(f'{fastest.rate / 1e9:.4f} GB/s', source, True)}")
    else:
        # No plan can be priced without a link; half the memory bandwidth keeps a slow host's plausible.
        link = min(PCIE, 0.5 * calibration.bandwidth)
        source = "PCIe 4.0 x16, at most half the memory bandwidth; not measured, as no second GPU was there"
        lines.append(f"scale_up_bandwidth: {figure_text(f'{link / 1e9:.4f} GB/s', source, True)}")
    joined = max((exchange.ranks for exchange in calibration.exchanges), default=1)
    lines.append(f"scale_up_domain: {figure_text(str(joined), f'chips measured together: {where}', True)}")
    lines.append("peak:")
    for dtype, peak in calibration.peaks.items():
        lines.append(f"  {dtype}: {figure_text(f'{peak / 1e12:.6f} TFLOP/s', f'best measured GEMM: {where}', True)}")
    return lines


def _figures(fitted: Fitted, where: str) -> list[str]:
    lines = []
    for name, value in fitted.figures().items():
        if name == "launch":
            text, error = f"{value * 1e6:.4f} us", f"{fitted.errors[name] * 1e6:.4f} us"
        else:
            digits = 1 if name in SIZES else 4
            text, error = f"{value:.{digits}f}", f"{fitted.errors[name]:.{digits}f}"
        forced = name in fitted.forced
        # A size that nothing saturates has no error worth the name; any other figure within its error is a guess.
        unsure = forced or (name not in SIZES and fitted.errors[name] > value)
        note = ", kept by --force" if forced else ""
        source = f"fitted to {fitted.points} points, standard error {error}{note}: {where}"
        lines.append(f"{name}: {figure_text(text, source, unsure)}")
    alone = "taken to run in a step as alone: kernels were measured, no training run"
    return [*lines, f"sustained: {figure_text('1', alone, True)}"]


def figure_text(value: str, source: str, estimate: bool = False) -> str:
    """A figure with its source, in one line."""
    marked = ", estimate: true" if estimate else ""
    return f"{{value: {quoted(value)}, source: {quoted(source)}{marked}}}"


def quoted(text: str) -> str:
    """Quoted as JSON does, which YAML reads alike."""
    return json.dumps(text)


def _plain(text: str) -> str:
    return " ".join(text.split())

"""A calibration as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from petaday.calibration.session import Calibration


def calibration_data(calibration: Calibration, out: Path) -> dict[str, Any]:
    """What was measured and fitted, in SI units; shares of the datasheet are None where there is none."""
    device, known = calibration.device, calibration.known
    return {
        "file": str(out),
        "device": device.name,
        "versions": device.versions,
        "chip": known.id if known else None,
        "peaks": [
            {
                "name": dtype,
                "best": best,
                "datasheet": known.peak[dtype].value if known and dtype in known.peak else None,
                "unit": "FLOP/s",
            }
            for dtype, best in calibration.best.items()
        ]
        + [
            {
                "name": "memory",
                "best": calibration.best_bandwidth,
                "datasheet": calibration.bandwidth if known and known.memory_bandwidth else None,
                "unit": "B/s",
            }
        ],
        "fits": [
            {
                "dtype": fitted.dtype,
                "points": fitted.points,
                "loss": fitted.loss,
                "forced": list(fitted.forced),
                "figures": {
                    name: {"value": value, "error": fitted.errors[name]} for name, value in fitted.figures().items()
                },
            }
            for fitted in calibration.fits
        ],
        "collectives": [
            {"name": e.name, "ranks": e.ranks, "bytes": e.size, "seconds": e.seconds, "rate": e.rate}
            for e in calibration.exchanges
        ],
    }

"""Fit the kernel laws to the record and write the catalog's `kernels.yaml`: python benchmarks/fit_kernel_laws.py"""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import numpy as np
from numpy.typing import NDArray

from petaday.catalog.load import DATA
from petaday.chip.calibrate import fit_kernel
from petaday.chip.kernels import law_of
from petaday.validation.kernel_record import Measured, read_record, silicon_of

HEAD = """# Written by `python benchmarks/fit_kernel_laws.py` on {day} from the record of measured kernels. Figures in SI
# units by the names of the operation's law; loss, p90 and held_out are shares of the measured time.
kernels:
"""


def main() -> None:
    """Fit every chip, operation, dtype, framework and version; print the errors by operation and dtype."""
    lines = []
    errors: dict[tuple[str, str], list[float]] = defaultdict(list)
    held: dict[tuple[str, str], list[float]] = defaultdict(list)
    for key, measured in sorted(read_record().items()):
        chip, operation, dtype, framework, version = key
        silicon = silicon_of(chip, dtype)
        law = law_of(operation, silicon)
        figures, all_errors = fit_kernel(law, measured.sizes, silicon, measured.seconds)
        out = []
        first_half = halves(measured)
        for seen in (first_half, ~first_half):
            part = {name: column[seen] for name, column in measured.sizes.items()}
            half, _ = fit_kernel(law, part, silicon, measured.seconds[seen])
            predicted = law.seconds(measured.sizes, silicon, half) / measured.seconds - 1
            out += np.abs(predicted[~seen]).tolist()
        size = np.abs(all_errors)
        errors[operation, dtype] += size.tolist()
        held[operation, dtype] += out
        told = ", ".join(f"{name}: {value:.12f}".rstrip("0").rstrip(".") for name, value in figures.items())
        lines.append(
            f"  - {{chip: {chip}, operation: {operation}, dtype: {dtype}, framework: {framework}, "
            f'version: "{version}",\n     figures: {{{told}}},\n     rows: {len(size)}, loss: {np.median(size):.4f}, '
            f"p90: {np.quantile(size, 0.9):.4f}, held_out: {np.median(out):.4f}}}\n"
        )
    (DATA / "kernels.yaml").write_text(HEAD.format(day=date.today()) + "".join(lines), encoding="utf-8")
    for name, sizes in errors.items():
        print(*name, len(sizes), *(f"{100 * x:.1f}" for x in (np.median(sizes), np.quantile(sizes, 0.9))),
              f"held out {100 * np.median(held[name]):.1f}")  # fmt: skip


def halves(measured: Measured) -> NDArray[np.bool_]:
    """Rows of every other shape: all sizes but the first, which counts tokens or sequences."""
    shapes = np.array(list(measured.sizes.values())[1:]).T
    return np.unique(shapes, axis=0, return_inverse=True)[1].ravel() % 2 == 0


if __name__ == "__main__":
    main()

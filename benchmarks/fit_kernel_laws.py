"""Fit the kernel laws to their record and write the catalog's `kernels.yaml`: python benchmarks/fit_kernel_laws.py

Printed in percent, by operation and dtype: median and 90th percentile of the errors on the rows of the fits and on
rows of other shapes, and the median of other chips' rows under the figures of an H100 with the same framework.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import numpy as np

from petaday.catalog.kernels import Key
from petaday.catalog.load import DATA
from petaday.chip.calibrate import fit_kernel
from petaday.chip.kernel import Floats
from petaday.chip.kernels import law_of
from petaday.validation.kernel_record import FITTED, Measured, read_record, silicon_of

HEAD = """# Written by `python benchmarks/fit_kernel_laws.py` on {day} from the record of measured kernels. Figures in SI
# units by the names of the operation's law; loss, p90 and held_out are shares of the measured time, held_out's on
# shapes that the fit did not see.
kernels:
"""
DONOR = "h100-sxm-80"


def main() -> None:
    """Fit every chip, operation, dtype, framework and version; print the errors by operation and dtype."""
    lines = []
    figures: dict[Key, dict[str, float]] = {}
    errors: dict[tuple[str, str], dict[str, list[Floats]]] = defaultdict(lambda: defaultdict(list))
    checked = read_record()
    for key, measured in sorted(read_record(FITTED).items()):
        chip, operation, dtype, framework, version = key
        silicon = silicon_of(chip, dtype)
        figures[key], signed = fit_kernel(law_of(operation, silicon), measured.sizes, silicon, measured.seconds)
        fitted, held_out = np.abs(signed), errors_of(key, figures[key], checked[key])
        errors[operation, dtype]["fitted"].append(fitted)
        errors[operation, dtype]["held out"].append(held_out)
        told = ", ".join(f"{name}: {plain(value)}" for name, value in figures[key].items())
        lines.append(
            f"  - {{chip: {chip}, operation: {operation}, dtype: {dtype}, framework: {framework}, "
            f'version: "{version}",\n     figures: {{{told}}},\n     rows: {len(fitted)}, loss: {np.median(fitted):.4f}, '
            f"p90: {np.quantile(fitted, 0.9):.4f}, held_out: {np.median(held_out):.4f}}}\n"
        )
    for key, measured in checked.items():
        chip, operation, dtype, framework, _ = key
        donor = next((of for other, of in figures.items() if other[:4] == (DONOR, *key[1:4])), None)
        if donor and chip != DONOR:
            errors[operation, dtype]["of H100"].append(errors_of(key, donor, measured))
    (DATA / "kernels.yaml").write_text(HEAD.format(day=date.today()) + "".join(lines), encoding="utf-8")
    for name, kinds in sorted(errors.items()):
        for kind, parts in kinds.items():
            size = np.concatenate(parts)
            print(*name, kind, len(size), *(f"{100 * np.quantile(size, share):.1f}" for share in (0.5, 0.9)))


def errors_of(key: Key, figures: dict[str, float], measured: Measured) -> Floats:
    """|predicted/measured - 1| under these figures."""
    silicon = silicon_of(key[0], key[2])
    predicted = law_of(key[1], silicon).seconds(measured.sizes, silicon, figures)
    return np.asarray(np.abs(predicted / measured.seconds - 1))


def plain(value: float) -> str:
    """Five digits without an exponent, which a strict reader takes for text."""
    return np.format_float_positional(value, precision=5, fractional=False, trim="-")


if __name__ == "__main__":
    main()

"""Single kernels against measurements, by operation and dtype: figures fitted to a chip, framework and version.

Every row is of a shape that no fit has seen."""

from __future__ import annotations

from collections.abc import Iterator

from petaday.catalog.kernels import Key
from petaday.catalog.load import kernel_fits
from petaday.chip.kernels import law_of
from petaday.validation.kernel_record import Measured, read_record, silicon_of
from petaday.validation.suite import Checked, Suite


def kernel_suites() -> list[Suite]:
    """One suite for each operation and dtype; its groups are GPU, framework and version."""
    suites: dict[str, list[Checked]] = {}
    for key, measured in read_record().items():
        _, operation, dtype, _, _ = key
        suites.setdefault(f"kernels {operation} {dtype}".replace("_", " "), []).extend(_checked(key, measured))
    return [Suite(name, tuple(rows)) for name, rows in suites.items()]


def _checked(key: Key, measured: Measured) -> Iterator[Checked]:
    chip, operation, dtype, framework, version = key
    fit = kernel_fits().get(key)
    columns = [column.astype(int) if (column % 1 == 0).all() else column for column in measured.sizes.values()]
    silicon = silicon_of(chip, dtype)
    predicted = (
        [None] * len(measured.seconds)
        if fit is None
        else law_of(operation, silicon).seconds(measured.sizes, silicon, fit.figures).tolist()
    )
    for seconds, told, *sizes in zip(measured.seconds.tolist(), predicted, *columns, strict=True):
        yield Checked(
            id=f"{chip} {framework} {dtype} {operation} {'x'.join(str(size) for size in sizes)}",
            group=f"{chip} {framework} {version}",
            metric="seconds",
            measured=seconds,
            predicted=told,
            skipped="" if fit else "no fit for this version",
        )

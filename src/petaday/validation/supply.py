"""Dies, bills, carbon and flows of chips against what others publish. Each row names its source.

What the catalog's figures were set from stands apart, as set: that says only that the arithmetic is right. Where a source
gives a range, the row's interval is that range, carried from the published middle to the prediction: the middle lies inside
it exactly where the prediction lies inside the published range.
"""

from __future__ import annotations

from collections.abc import Iterator

from petaday.catalog import silicon_load as silicon
from petaday.study.supply_parts import behind
from petaday.supply.bom import bom
from petaday.supply.carbon import carbon
from petaday.supply.package import Made
from petaday.supply.silicon import Floats, perfect_yield
from petaday.units.kinds import DAY
from petaday.validation.suite import Checked, Suite
from petaday.validation.supply_units import nvidia_units

WEEK = 7 * DAY
Band = tuple[float, float]

SET_BILLS: dict[str, tuple[float, Band | None, str]] = {
    "h100-sxm-80": (3320, None, "siliconanalysts; its rest, packaging and price of memory are this source's"),
    "b200-sxm": (6400, (5700, 7300), "Epoch AI; its rest, and the yield of packages by its loss, are this source's"),
}
"""Dollars of a chip by id, its range and source, of bills that figures of the recipe were taken from."""

BILLS: dict[str, tuple[float, Band | None, str]] = {
    "mi300x": (5300, None, "siliconanalysts"),
    "mi355x": (8000, None, "siliconanalysts"),
    "tpu-v5e": (1175, (950, 1400), "Epoch AI, TPU estimates: 90 % interval"),
    "tpu-v5p": (2600, (2300, 2900), "Epoch AI, TPU estimates: 90 % interval"),
    "tpu-v6e": (1750, (1600, 1900), "Epoch AI, TPU estimates: 90 % interval"),
    "tpu-v7": (5050, (4600, 5500), "Epoch AI, TPU estimates: 90 % interval"),
}
"""Of bills that no figure was taken from."""

BOARDS = {"h100-sxm-80": 1312.0, "b200-sxm": 2274.0}
"""kg CO2e of a board of eight: NVIDIA's footprints of HGX H100 and HGX B200."""


def supply_suites() -> list[Suite]:
    """Rows as set; wafers, bills, carbon; and NVIDIA's units by fiscal quarter."""
    return [
        Suite("supply, figures as they were set", tuple(_set())),
        Suite("supply, dies and packages on a wafer", tuple(_packing())),
        Suite("supply, bills", tuple(_bills())),
        Suite("supply, embodied carbon", tuple(_carbon())),
        Suite("supply, NVIDIA units by fiscal quarter (settings chosen with them in view)", tuple(nvidia_units())),
    ]


def checked(
    id_: str, group: str, metric: str, measured: float, predicted: float, band: Band | None = None
) -> Checked:
    """A row with the published range as its interval."""
    if band is None:
        return Checked(id_, group, metric, measured, predicted, labels={"published range": "none"})
    low, high = band
    return Checked(
        id_,
        group,
        metric,
        measured,
        predicted,
        low=predicted * measured / high,
        high=predicted * measured / low,
        labels={"published range": "inside" if low <= predicted <= high else "outside"},
    )


def _made(chip: str) -> Made:
    return behind(chip).made()


def _set() -> Iterator[Checked]:
    """Sides of interposers that were chosen for the count, bills that figures were taken from, and bare arithmetic."""
    yield checked("H100 packages (press)", "as set", "packages", 29, _packages(_made("h100-sxm-80")))
    yield checked("B200 packages (press: 16 at most)", "as set", "packages", 16, _packages(_made("b200-sxm")))
    for chip, (middle, band, source) in SET_BILLS.items():
        yield checked(f"{chip} ({source})", "as set", "USD", middle, float(bom(_made(chip)).total), band)
    line = silicon.line("tsmc-n5").knots[0].given[0].value
    weeks = float(_five_million() / (0.30 * line)) / WEEK + silicon.node("n4").fab_time.value / WEEK
    yield checked(
        "5M H100-like at 30 % of 5 nm (ttm-cas; the line and 20 weeks of fab are its own)",
        "as set", "weeks", 40, weeks,
    )  # fmt: skip
    stacks = _made("ascend-910c").stacks
    yield checked("910C of 13M stacks (SemiAnalysis)", "arithmetic", "chips", 1.6e6, 13e6 / stacks)


def _five_million() -> Floats:
    """Wafers of 5 million dies of an H100's size without a defect, as Princeton's ttm-cas (BSD-3) has them made."""
    return 5e6 / _perfect()


def _perfect() -> Floats:
    """Dies of an H100's size without a defect on a wafer."""
    die = behind("h100-sxm-80")
    area = die.recipe.dies[0].width.value * die.recipe.dies[0].height.value
    node = die.nodes[0]
    return die.made().dies[0].gross * perfect_yield(area, node.defect_density.value, node.cluster.value)


def _packing() -> Iterator[Checked]:
    h100, ascend, b200, rubin = (_made(chip) for chip in ("h100-sxm-80", "ascend-910b3", "b200-sxm", "vr200-nvl72"))
    yield checked("910B dies (Morgan Stanley)", "gross", "dies", 78, ascend.dies[0].gross)
    # Its 86 whole dies are the wafer's area over the die's, which no wafer holds.
    yield checked("H100 good dies (szyunze: 65 of 86)", "good", "dies", 65, float(h100.dies[0].good))
    yield checked("H100 perfect dies (press: 30 GPUs a wafer)", "perfect", "dies", 30, float(_perfect()))
    # Morgan Stanley, July 2025: 5.4 million chips of 2026, 2.4 million of them Rubin, on 595,000 wafers.
    wafers = 3.0e6 / (_packages(b200) * b200.assembled) + 2.4e6 / (_packages(rubin) * rubin.assembled)
    yield checked("NVIDIA 2026, 5.4M chips on 595k wafers", "packages", "good packages", 9.1, 5.4e6 / float(wafers))


def _packages(made: Made) -> int:
    assert made.gross is not None
    return made.gross


def _bills() -> Iterator[Checked]:
    die = _made("h100-sxm-80").dies[0]
    yield checked("H100 die (bills of others: $200 to $300)", "die", "USD", 250, float(die.cost), (200, 300))
    price = die.node.wafer_price.value
    yield checked("wafers of 5M H100-like (ttm-cas)", "wafers", "USD", 2.6e9, float(_five_million()) * price)
    for chip, (middle, band, source) in BILLS.items():
        yield checked(f"{chip} ({source})", "bill", "USD", middle, float(bom(_made(chip)).total), band)


def _carbon() -> Iterator[Checked]:
    for chip, kilograms in BOARDS.items():
        parts = behind(chip)
        total = parts.board.chips * carbon(parts.made(), parts.board, parts.switch_node).total
        yield checked(
            f"{parts.board.name} (NVIDIA, product carbon footprint)", "board", "kg", kilograms, float(total)
        )

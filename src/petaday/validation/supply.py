"""Dies, bills, carbon and flows of chips against what others publish. Each row names its source.

Where a source gives a range, the row's interval is that range, carried from the published middle to the prediction: the
middle lies inside it exactly where the prediction lies inside the published range.
"""

from __future__ import annotations

from collections.abc import Iterator

from petaday.catalog import silicon_load as silicon
from petaday.study.supply import made_of
from petaday.supply.bom import bom
from petaday.supply.carbon import carbon
from petaday.supply.package import Made
from petaday.supply.silicon import gross_dies, perfect_yield
from petaday.units.kinds import DAY, YEAR
from petaday.validation.suite import Checked, Suite
from petaday.validation.supply_units import nvidia_units

WEEK = 7 * DAY
BILLS = {
    "h100-sxm-80": (3320, 2656, 3984, "siliconanalysts $3,320, and 20 % on either side"),
    "b200-sxm": (6400, 5700, 7300, "Epoch AI: $5,700 to $7,300"),
    "mi300x": (5300, None, None, "siliconanalysts $5,300"),
    "mi355x": (8000, None, None, "siliconanalysts $8,000"),
    "tpu-v5e": (1175, 950, 1400, "Epoch AI, TPU estimates: 90 % interval"),
    "tpu-v5p": (2600, 2300, 2900, "Epoch AI, TPU estimates: 90 % interval"),
    "tpu-v6e": (1750, 1600, 1900, "Epoch AI, TPU estimates: 90 % interval"),
    "tpu-v7": (5050, 4600, 5500, "Epoch AI, TPU estimates: 90 % interval"),
}
"""Dollars of a chip by id: what is published, its range, its source. H100's rest of $770 is taken from that source."""

BOARDS = {"h100-sxm-80": 1312.0, "b200-sxm": 2274.0}
"""kg CO2e of a board of eight: NVIDIA's footprints of HGX H100 and HGX B200."""


def supply_suites() -> list[Suite]:
    """Wafers, bills, carbon and flows, and NVIDIA's units by fiscal quarter."""
    return [
        Suite("supply, dies and packages on a wafer", tuple(_packing())),
        Suite("supply, bills", tuple(_bills())),
        Suite("supply, embodied carbon", tuple(_carbon())),
        Suite("supply, flows and times", tuple(_flows())),
        Suite("supply, NVIDIA units by fiscal quarter", tuple(nvidia_units())),
    ]


def checked(
    id_: str, group: str, metric: str, measured: float, predicted: float, band: tuple[float, float] | None = None
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


def _packing() -> Iterator[Checked]:
    h100, ascend, b200, rubin = (made_of(chip) for chip in ("h100-sxm-80", "ascend-910b3", "b200-sxm", "vr200-nvl72"))
    yield checked("H100 dies (szyunze)", "gross", "dies", 65, h100.dies[0].gross)
    yield checked(
        "910B dies (Morgan Stanley 78, exact exact 81 to 85)", "gross", "dies", 78, ascend.dies[0].gross, (78, 85)
    )
    yield checked(
        "910 dies, 3 mm of rim (exact grid)", "gross", "dies", 123, gross_dies(14.6e-3, 31.25e-3, edge=3e-3)
    )
    perfect = float(h100.dies[0].gross * perfect_yield(814e-6, 1050.0, 3))
    yield checked("H100 perfect dies (press: 30 GPUs a wafer)", "perfect", "dies", 30, perfect)
    yield checked("H100 packages (press)", "packages", "packages", 29, _packages(h100))
    yield checked("B200 packages (press: 16 at most)", "packages", "packages", 16, _packages(b200))
    # Morgan Stanley, July 2025: 5.4 million chips of 2026, 2.4 million of them Rubin, on 595,000 wafers.
    wafers = 3.0e6 / (_packages(b200) * b200.assembled) + 2.4e6 / (_packages(rubin) * rubin.assembled)
    yield checked("NVIDIA 2026, 5.4M chips on 595k wafers", "packages", "good packages", 9.1, 5.4e6 / float(wafers))


def _packages(made: Made) -> int:
    assert made.gross is not None
    return made.gross


def _bills() -> Iterator[Checked]:
    yield checked("H100 die", "die", "USD", 355, float(made_of("h100-sxm-80").dies[0].cost), (300, 420))
    for chip, (middle, low, high, source) in BILLS.items():
        band = (low, high) if low is not None and high is not None else None
        yield checked(f"{chip} ({source})", "bill", "USD", middle, float(bom(made_of(chip)).total), band)


def _carbon() -> Iterator[Checked]:
    for chip, kilograms in BOARDS.items():
        board = silicon.baseboard_of(chip)
        assert board is not None
        total = board.chips * carbon(made_of(chip), board, silicon.node(board.switches.node)).total
        band = (0.85 * kilograms, 1.15 * kilograms)
        yield checked(
            f"{board.name} (NVIDIA, product carbon footprint)", "board", "kg", kilograms, float(total), band
        )


def _flows() -> Iterator[Checked]:
    """Identities of stocks and flows, and the time to market of Princeton's ttm-cas (BSD-3)."""
    h100, b200, ascend = (made_of(chip) for chip in ("h100-sxm-80", "b200-sxm", "ascend-910c"))
    node, line = h100.dies[0].node, silicon.line("tsmc-n5")
    # ttm-cas: 5 million dies of an H100's size, perfect ones, at 30 % of 5 nm in 2023.
    wafers = 5e6 / float(67 * perfect_yield(814e-6, node.defect_density.value, node.cluster.value))
    weeks = wafers / (0.30 * line.knots[0].given[0].value) / WEEK + node.fab_time.value / WEEK
    yield checked("5M H100-like at 30 % of 5 nm (ttm-cas)", "time", "weeks of fab", 40, weeks)
    yield checked("their wafers (ttm-cas)", "money", "USD", 2.6e9, wafers * (node.wafer_price.high or 0.0))
    yield checked("910C of 13M stacks (SemiAnalysis)", "stock", "chips", 1.6e6, 13e6 / ascend.stacks)
    yield checked("dies of HBM's 910C (SemiAnalysis: 2.9M dies)", "stock", "dies", 2.9e6, 13e6 / ascend.stacks * 2)
    perfect = float(h100.dies[0].gross * perfect_yield(814e-6, 1050.0, 3))
    once = 7e6 / perfect
    yield checked("7M H100 once (press: 233k wafers)", "stock", "wafers", 233e3, once)
    yield checked("7M H100 replaced in 5 years", "flow", "wafers a day", 128, once / (5 * YEAR / DAY))
    # The quarter to 25 January 2026: 443k B200 and 777k B300, of two dies each, in 91 days.
    daily = 1.22e6 * 2 / float(b200.assembled * b200.dies[0].good) / 91
    yield checked("NVIDIA's wafers, quarter to January 2026 (own count)", "flow", "wafers a day", 600, daily)

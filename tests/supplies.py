"""Supply scenarios that tests share, and two values of every field between which some number of the answer differs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from petaday.catalog.strict_yaml import loads
from petaday.catalog.validate import validated
from petaday.report.data import Data
from petaday.report.supply import supply_data
from petaday.study.manifest import manifest
from petaday.study.supply import Supplied, supplied
from petaday.study.supply_scenario import SupplyScenario
from scenarios import DROPPED, changed

EXAMPLES = Path(__file__).parents[1] / "examples"

H100: dict[str, Any] = {
    "order": {"chip": "h100-sxm-80", "chips": "1M"},
    "supply": {"start": "2024Q1", "shares": {"logic": "30 %", "hbm": "60 %", "packaging": "60 %"}},
}
ASCEND: dict[str, Any] = {
    "order": {"chip": "ascend-910c", "chips": "500k"},
    "supply": {"start": "2025Q1", "stock": {"dies": "200k", "hbm": "20 PB"}},
}
"""An order that no stock covers, at the end of whose stocks the lines bind."""


@dataclass(frozen=True)
class Move:
    """Two values of a field (DROPPED: left out), the scenario they stand in, and what else has to change there."""

    first: Any
    second: Any
    base: dict[str, Any] = field(default_factory=lambda: H100)
    also: dict[str, Any] = field(default_factory=dict)

    def scenarios(self, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
        base = changed(self.base, **self.also)
        return changed(base, **{path: self.first}), changed(base, **{path: self.second})


def embargo(**changes: Any) -> list[dict[str, Any]]:
    return [{"what": "hbm", "start": "2024Q3", "end": "2025Q1", "left": "10 %"} | changes]


def second(**changes: Any) -> list[dict[str, Any]]:
    return [{"what": "hbm", "line": "hbm-world", "share": "50 %"} | changes]


def ramp(**changes: Any) -> list[dict[str, Any]]:
    return [{"what": "packaging", "start": "2024Q1", "end": "2025Q1", "wafers": "10k wpm"} | changes]


SCARCE_HBM = {"supply__shares__hbm": "10 %"}
SCARCE_LOGIC = {"supply__shares__logic": "5 %"}
SCARCE_PACKAGING = {"supply__shares__packaging": "10 %"}
LEARNING = {"first": "0.3 /cm2", "last": "0.1 /cm2", "time": "1 years"}

MOVES: dict[str, Move] = {
    "order__chip": Move("h100-sxm-80", "h200-sxm"),
    "order__chips": Move("1M", "2M"),
    "supply__start": Move("2024Q1", "2024Q3"),
    "supply__running": Move(False, True),
    "supply__shares__logic": Move("3 %", "6 %"),
    "supply__shares__hbm": Move("5 %", "10 %"),
    "supply__shares__packaging": Move("30 %", "60 %"),
    "supply__stock__dies": Move("0", "300k", ASCEND),
    "supply__stock__hbm": Move("0 PB", "20 PB", ASCEND),
    "supply__stock__chips": Move("0", "100k"),
    "supply__substrates": Move("20k chips/month", "200k chips/month"),
    "supply__embargo__what": Move(embargo(), embargo(what="packaging"), also=SCARCE_HBM),
    "supply__embargo__start": Move(embargo(), embargo(start="2024Q4"), also=SCARCE_HBM),
    "supply__embargo__end": Move(embargo(), embargo(end="2025Q3"), also=SCARCE_HBM),
    "supply__embargo__left": Move(embargo(), embargo(left="50 %"), also=SCARCE_HBM),
    "supply__second__what": Move(second(), second(what="logic", line="tsmc-n5"), also=SCARCE_HBM),
    "supply__second__line": Move(second(), second(line="hbm-china"), also=SCARCE_HBM),
    "supply__second__share": Move(second(), second(share="1 %"), also=SCARCE_HBM),
    "supply__ramps__what": Move(ramp(), ramp(what="logic"), also=SCARCE_LOGIC),
    "supply__ramps__start": Move(ramp(), ramp(start="2024Q2")),
    "supply__ramps__end": Move(ramp(), ramp(end="2024Q3"), also=SCARCE_PACKAGING),
    "supply__ramps__wafers": Move(ramp(), ramp(wafers="20k wpm"), also=SCARCE_PACKAGING),
    "supply__ramps__packages": Move(
        [{"what": "packaging", "start": "2024Q1", "end": "2025Q1", "packages": "50k chips/month"}],
        [{"what": "packaging", "start": "2024Q1", "end": "2025Q1", "packages": "90k chips/month"}],
    ),
    "supply__ramps__bytes": Move(
        [{"what": "hbm", "start": "2024Q1", "end": "2025Q1", "bytes": "10 PB"}],
        [{"what": "hbm", "start": "2024Q1", "end": "2025Q1", "bytes": "30 PB"}],
        also=SCARCE_HBM,
    ),
    "supply__learning__first": Move(LEARNING, LEARNING | {"first": "0.4 /cm2"}, also=SCARCE_LOGIC),
    "supply__learning__last": Move(LEARNING, LEARNING | {"last": "0.05 /cm2"}, also=SCARCE_LOGIC),
    "supply__learning__time": Move(LEARNING, LEARNING | {"time": "3 years"}, also=SCARCE_LOGIC),
    "supply__life": Move("5 years", "3 years"),
}
"""By path, dots written as two underscores."""

LISTS = ("embargo", "second", "ramps", "learning")


def target(path: str) -> str:
    """The path that a move replaces: the whole of a list or mapping."""
    steps = path.split("__")
    return "__".join(steps[:2]) if len(steps) > 2 and steps[1] in LISTS else path


def read(scenario: dict[str, Any] | str) -> SupplyScenario:
    import yaml

    text = scenario if isinstance(scenario, str) else yaml.safe_dump(scenario, sort_keys=False)
    return validated(SupplyScenario, loads(text, "order.yaml"))


def answered(scenario: dict[str, Any]) -> tuple[Supplied, Data]:
    """A scenario's answer and its plain data."""
    asked = read(scenario)
    answer = supplied(asked.order, asked.supply)
    return answer, supply_data(answer, manifest(asked, "petaday supply"))


def without(scenario: dict[str, Any], path: str) -> dict[str, Any]:
    return changed(scenario, **{path: DROPPED})

"""Measured runs ready to be priced again and again under other figures, as a fit needs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import log

from petaday.chip.law import ChipLaw
from petaday.errors import InputError
from petaday.study.interval import plan_known
from petaday.study.job import Joined
from petaday.study.parts import wide_dtype
from petaday.training.job import Job
from petaday.training.plan import Plans
from petaday.training.pricer import Pricer
from petaday.validation.rows import best_plan, joined_of
from petaday.validation.table import Row, number

Owner = tuple[str, ...]
"""Whose figure it is: ("software", id) or ("chip", id, dtype)."""


@dataclass(frozen=True)
class Case:
    """A measured run with its job and plan; `owners` are those whose figures move its time."""

    row: Row
    joined: Joined
    plans: Plans
    measured: float

    @property
    def job(self) -> Job:
        """The job with the catalog's figures."""
        return self.joined.job

    @property
    def group(self) -> str:
        """Runs of one configuration share it."""
        return self.row.get("config_group") or self.row["id"]

    @property
    def cell(self) -> tuple[str, str]:
        """Source and accelerator."""
        return self.row.get("source_family") or "", self.joined.parts.chip.id

    @property
    def plan_known(self) -> bool:
        """Whether no column of the plan that matters was searched."""
        return plan_known(self.joined)

    @property
    def software(self) -> Owner:
        """The profile it ran under."""
        return "software", self.joined.parts.software.id

    @property
    def chip(self) -> Owner:
        """The chip in the dtype of its GEMMs."""
        return "chip", self.joined.parts.chip.id, self.job.precisions[0].dtype

    @property
    def wide_chip(self) -> Owner:
        """The chip in the dtype of what stays in 16 bit."""
        return "chip", self.joined.parts.chip.id, wide_dtype(self.joined.parts.chip, self.job.precisions[0].dtype)


def cases_of(rows: Iterable[Row]) -> tuple[list[Case], dict[str, str]]:
    """Rows that can be predicted, and for the others by id the reason why not."""
    cases: list[Case] = []
    skipped: dict[str, str] = {}
    for row in rows:
        try:
            measured = number(row, "step_time_s")
            if not measured:
                raise InputError("no step time", field="step_time_s")
            joined = joined_of(row)
            cases.append(Case(row, joined, best_plan(joined.job, joined)[0], measured))
        except InputError as error:
            skipped[row.get("id", "")] = str(error)
    return cases, skipped


Figures = Mapping[str, float]


def log_step_time(case: Case, software: Figures, chip: Figures, wide: Figures) -> float:
    """ln of the predicted seconds per step, with some figures in place of the catalog's."""
    job, profile = case.job, case.joined.parts.software
    attention = software.get("attention_rate", profile.attention_rate.value) / profile.attention_rate.value
    of_chip = case.joined.parts.efficiencies

    def under(law: ChipLaw, owner: Owner, figures: Figures) -> ChipLaw:
        known = of_chip[owner[-1]].figures
        clock = figures.get("sustained", known.sustained.value) / known.sustained.value
        return replace(
            law,
            gemm=law.gemm * clock,
            attention_forward=law.attention_forward * clock * attention,
            attention_backward=law.attention_backward * clock * attention,
            memory=figures.get("memory", law.memory),
        )

    precisions = tuple(
        replace(
            each,
            law=under(each.law, case.chip, chip),
            wide_law=under(each.wide_law, case.wide_chip, wide),
        )
        for each in job.precisions
    )
    own = {name: value for name, value in software.items() if name != "attention_rate"}
    changed = replace(job, precisions=precisions, software=replace(job.software, **own))  # type: ignore[arg-type]
    return log(float(Pricer(changed).price(case.plans).step_time[0]))

"""A serving engine at a date: what its own code adds to the chip's kernels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from petaday.catalog.chip import Count
from petaday.catalog.figure import Figure
from petaday.catalog.first_token import Errors, Share
from petaday.catalog.network import Ratio, Time
from petaday.catalog.part import Part
from petaday.units import Kind, render

Flag = Annotated[bool, Field(strict=True)]


class EngineFit(Errors):
    """What was fitted to measurements of one engine profile; of throughputs the errors are by the rows' weight.

    measured: what the rows are; figures: fitted values in SI units
    unseen: the median over groups (model, chip and version) that a fit to the others did not see at all
    """

    measured: Literal["latencies", "throughputs"] = "latencies"
    figures: dict[str, Annotated[float, Field(ge=0)]]
    unseen: Share | None = None

    def as_figures(self) -> dict[str, Figure]:
        """The fitted values as figures that say where they come from."""
        source = f"fitted to {self.rows} measured {self.measured} under {self.engine}"
        return {
            name: Figure(
                value=value,
                text=f"{value:.4g}" if name in RATIOS else render(value, Kind.TIME),
                source=source,
            )
            for name, value in self.figures.items()
        }


RATIOS = ("launch", "exposed", "arithmetic", "grouped", "decode_bandwidth")
"""Figures that are ratios; the other ones that a fit may move are times."""


class Engine(Part):
    """A profile.

    frameworks: words that tables of measurements call this engine by; versions: how the versions that it stands for
        begin; chunk: most prompt tokens an iteration computes; running: most sequences that run together
    iteration: seconds of host time that no kernel hides, for each iteration
    layer: seconds a layer takes beside its GEMMs, attention and collectives: norms, rotation, activation
    routing: the same of the experts of a layer: routing, sorting, gathering
    sequence: seconds that an iteration takes for each sequence: scheduling, sampling, detokenising
    rank: seconds of an iteration for each further tensor rank that the scheduler hands its work to
    mixes: whether decodes join the iterations that compute prompts
    launch: share of the chip's launch time that a kernel keeps in a replayed graph
    reduce_start: seconds of a small all-reduce by the engine's own kernels
    exposed: seconds of collectives that the iteration waits for over those that they take; above 1 ranks wait for
        each other
    arithmetic: share that GEMMs and prefill attention reach, between other work and on a warm chip, of what they
        reach alone
    grouped: share that GEMMs grouped by expert reach of the rate of plain ones
    decode_bandwidth: share that decode attention reaches of what streaming reaches of the memory bandwidth
    memory: share of a chip's memory that weights, activations and KV cache may take
    fits: the figures, four at most, that a fit to measurements moves
    """

    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    frameworks: tuple[str, ...]
    versions: tuple[str, ...]
    source: str
    mixes: Flag
    chunk: Count
    running: Count
    iteration: Time
    layer: Time
    routing: Time
    sequence: Time
    rank: Time
    launch: Ratio
    reduce_start: Time
    exposed: Count
    arithmetic: Ratio
    grouped: Ratio
    decode_bandwidth: Ratio
    memory: Ratio
    fits: Annotated[tuple[str, ...], Field(max_length=4)] = ()
    fit: EngineFit | None = None

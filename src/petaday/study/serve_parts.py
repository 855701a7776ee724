"""The pools of a service: the catalog's parts, the engine's laws and what a replica of each layout holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from petaday.catalog import load as catalog
from petaday.catalog.chip import Chip
from petaday.catalog.engine import Engine as Profile
from petaday.catalog.model import Model
from petaday.chip.power import Draws
from petaday.errors import InputError
from petaday.serving.capacity import Load, Points, aggregated, decoders, prefillers
from petaday.serving.engine import Engine
from petaday.serving.layout import Floats, Layout
from petaday.serving.memory import room_tokens, token_bytes
from petaday.serving.speculation import PLAIN, Speculation
from petaday.study.engines import Precision, board_draws, board_memory, engine_of
from petaday.study.job import HOST_BANDWIDTH
from petaday.study.parts import Assumption, find_chip, find_model, named
from petaday.study.rent import owned_rent
from petaday.study.service_scenario import Formats, PoolOf, Served, ServiceScenario
from petaday.units import Kind, render


@dataclass(frozen=True)
class Stack:
    """A pool's parts. capacity: bytes of a chip that the engine may take; chunk: tokens of a group's iteration
    running: most sequences of a replica by its engine or the scenario; price: dollars of a chip and second, None unknown
    answer: seconds of a request outside the iterations
    board_watts: power limit of a chip, None unknown; draws: shares of it
    """

    spec: PoolOf
    name: str
    field: str
    chip: Chip
    profile: Profile
    engine: Engine
    capacity: float
    chunk: int
    running: int
    speculation: Speculation
    price: float | None
    answer: float
    board_watts: float | None
    draws: Draws

    @property
    def idle_watts(self) -> float | None:
        """What a chip draws while it waits."""
        return None if self.board_watts is None else self.board_watts * self.draws.idle

    @property
    def most_watts(self) -> float:
        """What its work can add to that."""
        return (self.board_watts or 0.0) * (1 - self.draws.idle)

    def room(self, layout: Layout) -> Floats:
        """Tokens that a replica's caches hold."""
        return room_tokens(self.engine, layout, self.capacity, np.full_like(np.asarray(layout.tp, float), self.chunk))

    def together(self, layout: Layout, load: Load) -> Points:
        """What layouts give whose replicas compute prompts and decode."""
        return aggregated(
            self.engine,
            layout,
            self.room(layout),
            load,
            chunk=self.chunk,
            running=self.running,
            mixes=self.profile.mixes,
            speculation=self.speculation,
        )

    def prefill(self, layout: Layout, load: Load) -> Points:
        """What layouts give that only compute prompts."""
        return prefillers(self.engine, layout, self.room(layout), load, chunk=self.chunk)

    def decode(self, layout: Layout, load: Load) -> Points:
        """What layouts give that only decode."""
        room, drafts = self.room(layout), self.speculation
        return decoders(self.engine, layout, room, load, running=self.running, speculation=drafts)

    def points(self, layout: Layout, load: Load) -> Points:
        """What layouts give in the pool's role."""
        by_role = {"both": self.together, "prefill": self.prefill, "decode": self.decode}
        return by_role[self.spec.role](layout, load)

    def cached_token(self, layout: Layout) -> float:
        """Bytes of a token in the caches of one attention group's chips together."""
        copies = layout.pp if self.engine.model.mla else layout.pp * layout.tp
        return float(token_bytes(self.engine, layout) * copies)


@dataclass
class Notes:
    """What the scenario left open and what of it moves nothing."""

    assumptions: list[Assumption] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)

    def assume(self, where: str, value: str, source: str, estimate: bool = False) -> None:
        """Note a value that the scenario did not give."""
        self.assumptions.append(Assumption(where, value, source, estimate))


def stacks_of(scenario: ServiceScenario, folder: Path, allow_unverified: bool, notes: Notes) -> list[Stack]:
    """The stack of each pool. Raises InputError with the scenario's field."""
    model = find_model(scenario.serve.model, folder, "serve.model")
    return [
        _stack(scenario.serve, model, pool, f"pools.{place}", allow_unverified, notes)
        for place, pool in enumerate(scenario.pools)
    ]


def _stack(serve: Served, model: Model, spec: PoolOf, where: str, allow_unverified: bool, notes: Notes) -> Stack:
    chip = find_chip(spec.chip, allow_unverified, f"{where}.chip")
    at = f"{where}.engine" if spec.engine else "serve.engine"
    profile: Profile = named(at, catalog.engine, spec.engine or serve.engine)
    formats = spec.precision or serve.precision
    try:
        engine = engine_of(model, chip, profile, _precision(formats, serve.cache))
    except InputError as error:
        raise _moved(error, where) from None
    memory = board_memory(chip)
    if spec.memory_reserve is None:
        capacity = profile.memory.value * memory
        notes.assume(
            f"{where}.memory_reserve", f"{1 - profile.memory.value:.0%} of the memory", profile.memory.source
        )
    else:
        capacity = memory - spec.memory_reserve
    if spec.chunk is None:
        notes.assume(f"{where}.chunk", f"{profile.chunk.value:,.0f} tokens", profile.chunk.source)
    if spec.sequences is None:
        notes.assume(f"{where}.sequences", f"{profile.running.value:,.0f}", profile.running.source)
    drafts = serve.speculation
    speculation = PLAIN if drafts is None else Speculation(drafts.drafted, drafts.accepted, drafts.layers)
    return Stack(
        spec=spec,
        name=spec.name or (chip.id if spec.role == "both" else f"{chip.id} {spec.role}"),
        field=where,
        chip=chip,
        profile=profile,
        engine=replace(engine, chunk=float(spec.chunk or profile.chunk.value)),
        capacity=capacity,
        chunk=spec.chunk or int(profile.chunk.value),
        running=spec.sequences or int(profile.running.value),
        speculation=speculation,
        price=_price(spec, chip, where, notes),
        answer=_answer(profile, where, notes),
        board_watts=chip.tdp.value if chip.tdp else None,
        draws=board_draws(chip),
    )


def _moved(error: InputError, where: str) -> InputError:
    """An error of a cluster's chip at the pool where it stands."""
    inner = error.field.removeprefix("cluster.") if error.field.startswith("cluster.") else "chip"
    error.field = f"{where}.{inner}"
    return error


def _precision(formats: str | Formats, cache: str) -> Precision:
    if isinstance(formats, str):
        formats = Formats(ffn=formats)  # type: ignore[arg-type]
    return Precision(
        projections=formats.projections or formats.ffn,
        ffn=formats.ffn,
        experts=formats.experts or formats.ffn,
        cache_bytes=2.0 if cache == "16 bit" else 1.0,
    )


def _answer(profile: Profile, where: str, notes: Notes) -> float:
    """Seconds that the stack adds to a request's first token."""
    fitted = catalog.first_tokens().get(profile.id)
    if fitted is None:
        notes.assume(
            f"{where}.engine: answer", "0 s", f"no first token was measured under {profile.id}", estimate=True
        )
        return 0.0
    source = f"fitted to {fitted.rows} measured first tokens under {profile.id}"
    notes.assume(f"{where}.engine: answer", render(fitted.answer, Kind.TIME), source)
    return fitted.answer


def _price(spec: PoolOf, chip: Chip, where: str, notes: Notes) -> float | None:
    """Dollars of a chip and second."""
    if spec.price is not None:
        return spec.price / 3600
    owned = owned_rent(chip)
    if owned is None:
        notes.assume(f"{where}.price", "unknown", f"the catalog knows no price of {chip.id}")
        return None
    notes.assume(f"{where}.price", f"${owned.price * 3600:.2f} a chip-hour", owned.words, estimate=True)
    return owned.price


def host_bandwidth(serve: Served, notes: Notes) -> float:
    """B/s of a chip to its host, over which caches are swapped; 0 where they are not."""
    if serve.preemption == "recompute":
        if serve.host_bandwidth is not None:
            notes.unused["serve.host_bandwidth"] = "preempted requests are computed again"
        return 0.0
    if serve.host_bandwidth is None:
        source = "PCIe 4.0 x16 as it is reached in practice, a round number"
        notes.assume("serve.host_bandwidth", render(HOST_BANDWIDTH, Kind.BANDWIDTH), source, estimate=True)
    return serve.host_bandwidth or HOST_BANDWIDTH

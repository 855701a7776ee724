"""The figures behind an answer by name, each as text with its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from petaday.catalog.figure import Figure
from petaday.catalog.validate import Strict
from petaday.fabric.network import NCCL_NETWORK_SOFTWARE, NCCL_RING_BASE
from petaday.study.answer import Answer
from petaday.study.money import Priced
from petaday.study.parts import SCENARIO
from petaday.units import Kind, Span, render


@dataclass(frozen=True)
class Input:
    """One figure: its name, its value as text, where it comes from, and whether nobody has measured it."""

    name: str
    value: str
    source: str
    estimate: bool = False


def inputs_of(answer: Answer) -> dict[str, Input]:
    """Every figure that can stand behind a field of this answer, by name."""
    found = [*_parts(answer), *_scenario(answer), *_sections(answer), *_plan(answer), *_constants()]
    assumed = {each.field: each for each in answer.joined.assumptions}
    named = {each.name: each for each in found}
    for name, each in assumed.items():
        named[name] = Input(name, each.value, f"assumed: {each.source}", each.estimate)
    return named


def _figures(prefix: str, part: Strict) -> Iterator[Input]:
    """The figures of a catalog part, of its sub-mappings too."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, Figure):
            yield Input(f"{prefix}.{name}", value.text, value.source, value.estimate)
        elif isinstance(value, dict):
            for key, figure in value.items():
                if isinstance(figure, Figure):
                    yield Input(f"{prefix}.{name}.{key}", figure.text, figure.source, figure.estimate)


def _parts(answer: Answer) -> Iterator[Input]:
    parts = answer.joined.parts
    trained = {each.dtype for each in answer.job.precisions} | {"bf16"}
    for each in _figures("chip", parts.chip):
        # Peaks of dtypes that the run does not use say nothing about it.
        if not each.name.startswith("chip.peak.") or each.name.removeprefix("chip.peak.") in trained:
            yield each
    yield from _figures("network", parts.network)
    yield from _figures("scale_up", parts.scale_up)
    yield from _figures("software", parts.software)
    yield Input("software.attention", parts.software.attention, parts.software.source)
    for dtype, efficiency in parts.efficiencies.items():
        yield from _figures(f"efficiency.{dtype}", efficiency.figures)
    model = parts.model
    for name in ("layers", "hidden", "heads", "kv_heads", "head_dim", "ffn", "vocab", "moe", "mla", "sliding_window"):
        value = getattr(model, name)
        if value is not None:
            text = value.model_dump_json(exclude_defaults=True) if isinstance(value, Strict) else str(value)
            yield Input(f"model.{name}", text, model.source)


def _scenario(answer: Answer) -> Iterator[Input]:
    train, cluster = answer.joined.scenario.train, answer.joined.scenario.cluster
    yield Input("train.model", answer.joined.parts.model.id, SCENARIO)
    yield Input("train.tokens", render(train.tokens, Kind.TOKENS), SCENARIO)
    yield Input("train.sequence_length", f"{train.sequence_length} tokens", SCENARIO)
    yield Input("train.global_batch", f"{train.sequences} sequences", SCENARIO)
    for name in ("precision", "optimizer", "software", "expert_imbalance"):
        yield Input(f"train.{name}", str(getattr(train, name)), SCENARIO)
    chosen = "fewest chips that meet the deadline" if cluster.chips == "auto" else SCENARIO
    yield Input("cluster.chips", str(answer.job.chips), chosen)
    if cluster.deadline is not None:
        yield Input("cluster.deadline", render(cluster.deadline, Kind.TIME), SCENARIO)
    yield Input("cluster.scale_up_domain", f"{answer.job.network.domain} chips", SCENARIO)
    yield Input("cluster.memory_reserve", render(answer.job.reserve, Kind.BYTES), SCENARIO)
    yield Input("cluster.host_bandwidth", render(answer.job.host_bandwidth, Kind.BANDWIDTH), SCENARIO)


def _sections(answer: Answer) -> Iterator[Input]:
    """What the scenario gives of failures, site, supply and money."""
    for name in ("reliability", "site", "supply", "cost"):
        section = getattr(answer.joined.scenario, name)
        for field in section.model_fields_set if section is not None else ():
            yield Input(f"{name}.{field}", _words(getattr(section, field)), SCENARIO)


def _words(value: object) -> str:
    if isinstance(value, Strict):
        return value.model_dump_json(exclude_defaults=True)
    if isinstance(value, Priced):
        return f"{_words(value.span)} {value.currency}"
    if isinstance(value, Span):
        return f"{value.value:.6g}" if value.is_known else f"{value.low:.6g} to {value.high:.6g}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _plan(answer: Answer) -> Iterator[Input]:
    if answer.best is not None:
        for name, value in answer.best.plan.texts(0).items():
            source = SCENARIO if name in answer.joined.given else "chosen by the search"
            yield Input(f"plan.{name}", str(value), source)


def _constants() -> Iterator[Input]:
    source = "NCCL, src/graph/tuning.cc (NVIDIA/nccl@5067397c)"
    yield Input("nccl.ring_base", render(NCCL_RING_BASE, Kind.TIME), source)
    yield Input("nccl.network_software", render(NCCL_NETWORK_SOFTWARE, Kind.TIME), source)

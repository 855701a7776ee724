"""A model served by an engine on a chip of the catalog, joined into what the serving formulas need."""

from __future__ import annotations

from dataclasses import dataclass, replace

from petaday.catalog import load
from petaday.catalog.chip import Chip
from petaday.catalog.efficiency import efficiency_for
from petaday.catalog.engine import Engine as Profile
from petaday.catalog.kernels import FORMATS
from petaday.catalog.model import Model
from petaday.catalog.power import board_power_of
from petaday.chip.law import ChipLaw
from petaday.chip.power import Draws
from petaday.errors import InputError
from petaday.fabric.network import Network
from petaday.serving.engine import Engine, Overheads
from petaday.serving.products import Weights
from petaday.study.parts import find_network, needed
from petaday.study.scenario import Cluster


@dataclass(frozen=True)
class Precision:
    """Formats (keys of the kernel formats) of the weights of a served model; bytes of an element of the KV cache."""

    projections: str
    ffn: str
    experts: str
    cache_bytes: float


REPORTED = 1.069
"""Bytes that drivers report over the decimal gigabytes that boards with HBM are sold by, which are nearer binary ones:
81,559 MiB on an H100 of 80 GB, 143,771 on an H200 of 141, 183,359 on a B200 of 180, 196,592 on an MI300X of 192."""


def board_memory(chip: Chip) -> float:
    """Bytes of a chip's memory as its driver reports them, of which an engine takes its share."""
    binary = chip.class_ == "gpu" and chip.memory_type.startswith("HBM")
    return needed(chip.memory_capacity, chip, "memory_capacity").value * (REPORTED if binary else 1.0)


def board_draws(chip: Chip) -> Draws:
    """The catalog's shares of the power limit of a chip's boards."""
    power = board_power_of(chip, load.board_powers())
    return Draws(power.idle, power.arithmetic, power.memory, power.rest)


def serving_law(chip: Chip, dtype: str) -> ChipLaw:
    """A chip's law at a GEMM dtype as its kernels reach it alone; attention runs in 16 bit."""
    figures = efficiency_for(chip, dtype, load.efficiencies()).figures
    return ChipLaw(
        peak=chip.dense_peak(dtype).value,
        attention_peak=chip.dense_peak("bf16").value,
        memory_bandwidth=needed(chip.memory_bandwidth, chip, "memory_bandwidth").value,
        element_bytes=2.0,
        gemm=figures.gemm.value,
        gemm_m=figures.gemm_m.value,
        gemm_n=figures.gemm_n.value,
        gemm_k=figures.gemm_k.value,
        memory=figures.memory.value,
        attention_forward=figures.attention_forward.value,
        attention_backward=figures.attention_backward.value,
        attention_sequence=figures.attention_sequence.value,
        launch=figures.launch.value,
    )


def weights_in(chip: Chip, stored: str, profile: Profile) -> Weights:
    """Weights stored in a format and multiplied in its dtype, or in 16 bit where the chip does not multiply in that."""
    dtype, weight, activation = FORMATS[stored]
    try:
        chip.dense_peak(dtype)
    except InputError:
        dtype, activation = "bf16", 2.0
    law, share = serving_law(chip, dtype), profile.arithmetic.value
    law = replace(
        law,
        element_bytes=activation,
        launch=law.launch * profile.launch.value,
        gemm=law.gemm * share,
        attention_forward=law.attention_forward * share,
    )
    return Weights(weight, law)


def overheads(profile: Profile) -> Overheads:
    """The figures of a profile as numbers."""
    return Overheads(
        iteration=profile.iteration.value,
        layer=profile.layer.value,
        routing=profile.routing.value,
        sequence=profile.sequence.value,
        rank=profile.rank.value,
        reduce_start=profile.reduce_start.value,
        exposed=profile.exposed.value,
        decode_bandwidth=profile.decode_bandwidth.value,
    )


def engine_of(model: Model, chip: Chip, profile: Profile, precision: Precision) -> Engine:
    """The model in this precision under the engine, on replicas of the chip in its usual network."""
    experts = weights_in(chip, precision.experts, profile)
    return Engine(
        model=model,
        network=usual_network(chip),
        overheads=overheads(profile),
        projections=weights_in(chip, precision.projections, profile),
        ffn=weights_in(chip, precision.ffn, profile),
        experts=replace(experts, law=replace(experts.law, gemm=experts.law.gemm * profile.grouped.value)),
        wide=weights_in(chip, "bf16", profile),
        cache_bytes=precision.cache_bytes,
        chunk=profile.chunk.value,
    )


def usual_network(chip: Chip) -> Network:
    """The chip's scale-up domain and the network that it usually comes with."""
    return find_network(chip, load.scale_up_of(chip), Cluster(chip=chip.id, chips=1), [])[1]

"""The parts a scenario names, looked up in the catalog or changed by the scenario's what-ifs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TypeVar

import numpy as np

from petaday.catalog import load
from petaday.catalog.chip import Chip
from petaday.catalog.curves import curves_of
from petaday.catalog.efficiency import Efficiency
from petaday.catalog.figure import Figure
from petaday.catalog.huggingface import import_config
from petaday.catalog.model import Model
from petaday.catalog.network import Network as NetworkPart
from petaday.catalog.scale_up import ScaleUp
from petaday.catalog.software import Software as SoftwarePart
from petaday.chip.law import ChipLaw
from petaday.errors import InputError
from petaday.fabric.contention import worst_flow_share
from petaday.fabric.network import NCCL_NETWORK_SOFTWARE, NCCL_RING_BASE, MeasuredCurve, Network
from petaday.fabric.topology.clos import fewest_tiers
from petaday.study.scenario import Cluster, WhatIfChip, WhatIfNetwork
from petaday.units import FlopRate, Kind, bits, check_training_rate, parse_flop_rate, render

T = TypeVar("T")

SCENARIO = "the scenario"
"""The source of a figure that a scenario puts in place of the catalog's."""

AMPERE_AND_BEFORE = ("volta", "ampere", "ada")
AMPERE_CODE = 0.57
"""Rate on Hopper of attention written for Ampere over attention written for Hopper: FlashAttention-3 is 1.5 to 2 times
as fast as FlashAttention-2 there (Shah et al. 2024, arXiv:2407.08608, abstract)."""

ATTENTION_DTYPES = ("bf16", "fp16", "fp32")


@dataclass(frozen=True)
class Assumption:
    """A value that the scenario did not give: its field, the value as text, and where it comes from."""

    field: str
    value: str
    source: str
    estimate: bool = False


@dataclass(frozen=True)
class Parts:
    """The catalog parts behind a job."""

    model: Model
    chip: Chip
    scale_up: ScaleUp
    network: NetworkPart
    software: SoftwarePart
    efficiencies: Mapping[str, Efficiency]


def named(field: str, look_up: Callable[[str], T], name: str) -> T:
    """A catalog part by name; an unknown name carries the scenario's field."""
    try:
        return look_up(name)
    except InputError as error:
        raise error.at(field=field) from None


def find_model(written: str | Model, folder: Path, field: str = "train.model") -> Model:
    """A model of the catalog, of a Hugging Face config.json, or as the scenario describes it; `field` is where."""
    if isinstance(written, Model):
        return written
    if written.endswith(".json"):
        return named(field, lambda name: import_config(folder / name), written)
    return named(field, load.model, written)


def find_chip(written: str | WhatIfChip, allow_unverified: bool, where: str = "cluster.chip") -> Chip:
    """A chip of the catalog, or one with the scenario's figures in place of some of its own; `where`: its field."""

    def look_up(name: str) -> Chip:
        return load.chip(name, allow_unverified=allow_unverified)

    if isinstance(written, str):
        return named(where, look_up, written)
    base: Chip = named(f"{where}.like", look_up, written.like)
    changes: dict[str, object] = {
        name: Figure(value=value, text=f"{value:g}", source=SCENARIO)
        for name in ("memory_capacity", "memory_bandwidth", "scale_up_bandwidth")
        if (value := getattr(written, name)) is not None
    }
    peaks = dict(base.peak)
    dense: dict[str, float] = {dtype: figure.value for dtype, figure in base.peak.items()}
    for dtype, text in written.peak.items():
        field = f"{where}.peak.{dtype}"
        rate: FlopRate = named(field, parse_flop_rate, text)
        if rate.value <= 0:
            raise InputError(f"`{text}` is no rate", field=field, expected="more than 0 FLOP/s")
        if rate.dtype not in (None, dtype):
            raise InputError(f"`{text}` is a {rate.dtype} rate", field=field, expected=f"{dtype}")
        known: dict[str, float] = {dtype: dense[dtype]} if dtype in dense else {}
        try:
            value = check_training_rate(replace(rate, dtype=dtype if known else None), known, base.id)
        except InputError as error:
            raise error.at(field=field) from None
        peaks[dtype] = Figure(value=value, text=text, source=SCENARIO)
    return base.model_copy(update={**changes, "peak": peaks})


def needed(figure: Figure | None, chip: Chip, name: str, instead: str = "") -> Figure:
    """A figure that a job cannot do without; `instead` says what else would do."""
    if figure is None:
        raise InputError(
            f"the catalog knows no {name.replace('_', ' ')} of {chip.id}",
            field="cluster.chip",
            expected=f"a chip with that figure, or {instead or f'`chip: {{like: {chip.id}, {name}: …}}`'}",
        )
    return figure


def wide_dtype(chip: Chip, dtype: str) -> str:
    """What stays in 16 bit runs in: the dtype of the layers, or 16 bit where that is narrower and the chip has it."""
    return next((name for name in ("bf16", "fp16") if bits(dtype) < 16 and name in chip.peak), dtype)


def chip_law(chip: Chip, dtype: str, efficiency: Efficiency, software: SoftwarePart) -> ChipLaw:
    """A chip's law at one dtype under a software; attention runs in 16 bit whatever the GEMMs do."""
    peak = named("train.precision", chip.dense_peak, dtype).value
    in_16_bit = next((chip.peak[name].value for name in ATTENTION_DTYPES if name in chip.peak), peak)
    figures = efficiency.figures
    sustained = figures.sustained.value
    attention = sustained * software.attention_rate.value
    if software.attention == "flash" and chip.vendor == "NVIDIA" and chip.generation not in AMPERE_AND_BEFORE:
        attention *= AMPERE_CODE
    return ChipLaw(
        peak=peak,
        attention_peak=in_16_bit,
        memory_bandwidth=needed(chip.memory_bandwidth, chip, "memory_bandwidth").value,
        element_bytes=bits(dtype) / 8,
        gemm=figures.gemm.value * sustained,
        gemm_m=figures.gemm_m.value,
        gemm_n=figures.gemm_n.value,
        gemm_k=figures.gemm_k.value,
        memory=figures.memory.value,
        attention_forward=figures.attention_forward.value * attention,
        attention_backward=figures.attention_backward.value * attention,
        attention_sequence=figures.attention_sequence.value,
        launch=figures.launch.value,
    )


def find_network(
    chip: Chip, scale_up: ScaleUp, cluster: Cluster, notes: list[Assumption]
) -> tuple[NetworkPart, Network]:
    """The cluster's two networks; what the scenario leaves out is the chip's, and noted."""
    usual = load.network("ib-ndr")
    written = cluster.network
    if isinstance(written, str):
        part: NetworkPart = named("cluster.network", load.network, written)
    elif isinstance(written, WhatIfNetwork):
        own = {
            name: Figure(value=value, text=f"{value:g}", source=SCENARIO)
            for name in ("bandwidth", "latency", "efficiency")
            if (value := getattr(written, name)) is not None
        }
        part = usual.model_copy(update={"id": "scenario", "name": "network of the scenario", **own})
        for name in {"latency", "efficiency"} - own.keys():
            source = f"as {usual.id}"
            notes.append(Assumption(f"cluster.network.{name}", getattr(part, name).text, source, estimate=True))
    else:
        rate = chip.scale_out_bandwidth
        if rate is None and _inside_one_domain(chip, cluster):
            rate = usual.bandwidth
        rate = needed(rate, chip, "scale_out_bandwidth", "a named cluster.network")
        part = usual.model_copy(update={"id": "usual", "name": f"the usual network of {chip.id}", "bandwidth": rate})
        source = f"usual for {chip.id}: {rate.source}; latency and efficiency as {usual.id}"
        notes.append(Assumption("cluster.network", render(rate.value, Kind.BANDWIDTH), source, estimate=True))
    domain = cluster.scale_up_domain
    if domain is None:
        figure = needed(chip.scale_up_domain, chip, "scale_up_domain", "a cluster.scale_up_domain")
        domain = int(figure.value)
        notes.append(Assumption("cluster.scale_up_domain", f"{domain} chips", figure.source, figure.estimate))
    link = needed(chip.scale_up_bandwidth, chip, "scale_up_bandwidth")
    return part, Network(
        domain=domain,
        scale_up_bandwidth=link.value,
        scale_up_efficiency=scale_up.efficiency.value,
        scale_up_latency=scale_up.latency.value,
        scale_out_bandwidth=part.bandwidth.value,
        scale_out_efficiency=part.efficiency.value,
        scale_out_latency=NCCL_NETWORK_SOFTWARE + part.latency.value,
        base_latency=NCCL_RING_BASE,
        in_switch_reduction=scale_up.in_switch_reduction,
        most_nics=scale_up.most_nics.value if scale_up.most_nics else inf,
        curves=measured_curves(chip) if link.source != SCENARIO else (),
    )


def _inside_one_domain(chip: Chip, cluster: Cluster) -> bool:
    """Whether the cluster is one scale-up domain, whose scale-out network carries nothing."""
    domain = cluster.scale_up_domain or (chip.scale_up_domain.value if chip.scale_up_domain else 1)
    return cluster.chips != "auto" and cluster.chips <= domain


SWITCH_PORTS = 64
"""Ports of the switches that a fabric is taken to have where only its number of chips is known."""


def routed(network: Network, cluster: Cluster, chips: int) -> Network:
    """The network with what the worst flow of a collective keeps under the cluster's routing.

    Without a routing the efficiency of the network part stands for all of it.
    """
    if cluster.routing is None:
        return network
    tiers = min(max(fewest_tiers(chips, SWITCH_PORTS), 2), 3)
    share = worst_flow_share(cluster.paths or 1, cluster.routing, hosts=max(chips, 2), tiers=tiers)
    return replace(network, path_share=share)


def measured_curves(chip: Chip, library: str = "") -> tuple[MeasuredCurve, ...]:
    """A chip's measured collectives under one library, the newest where none is named, as the fabric reads them."""
    return tuple(
        MeasuredCurve(curve.operation, curve.ranks, np.log(curve.sizes), np.log(curve.seconds))
        for curve in curves_of(chip.id, library)
    )

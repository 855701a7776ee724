"""Collectives against measurements: single-node curves on sizes held out of the catalog, and runs over several nodes.

The record (`data/collectives.csv.gz`): NVIDIA AIConfigurator's nccl-tests (Apache-2.0 data), the reduce-scatter and
all-gather efficiencies published with SimAI, and nccl-tests logs of AWS, CoreWeave and MLPerf submitters.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from petaday.catalog import load
from petaday.catalog.curves import Curve, curves_of
from petaday.fabric.collective import COLLECTIVES
from petaday.fabric.network import Network, group
from petaday.study.parts import find_network, measured_curves
from petaday.study.scenario import Cluster
from petaday.validation.suite import Checked, Suite

RECORD = Path(__file__).parent / "data" / "collectives.csv.gz"
SIMAI_NICS = 8 * 48.5e9
"""B/s of a node's NICs in SimAI's table, whose entries are shares of it."""

NETWORKS = {
    ("AWS", "a100-sxm-80"): "efa-v1",
    ("AWS", "h100-sxm-80"): "efa-v3",
    ("MLENG", "b200-sxm"): "efa-v4",
    ("MLPERF", "h200-sxm"): "roce-400",
}
"""The networks of the runs by source and chip, as their logs name them; InfiniBand NDR elsewhere."""


def collective_suites() -> list[Suite]:
    """Single-node curves by chip and operation; several nodes by source and operation."""
    with gzip.open(RECORD, "rt", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    one, many = ([row for row in rows if (int(row["nodes"]) == 1) is single] for single in (True, False))
    return [
        Suite("collectives inside a node, held-out sizes", tuple(_single_node(one))),
        Suite("all-gather and reduce-scatter over nodes", tuple(_shares(many))),
        Suite("all-reduce over nodes", tuple(_times(many))),
    ]


def _single_node(rows: Iterable[dict[str, str]]) -> Iterator[Checked]:
    for row in rows:
        known = _curve(row["chip"], row["library"], row["operation"], int(row["ranks"]))
        size = float(row["bytes"])
        # Sizes of the catalog have been seen, and beyond its ends nothing is claimed.
        if known is None or size in known.sizes or not known.sizes[0] < size < known.sizes[-1]:
            continue
        network = _network(row["chip"], "ib-ndr", row["library"])
        yield Checked(
            id=f"{row['chip']} {row['library']} {row['operation']} {row['ranks']} {row['bytes']}",
            group=f"{row['chip']} {row['operation']}",
            metric="seconds",
            measured=float(row["microseconds"]) * 1e-6,
            predicted=_seconds(row, network),
        )


def _shares(rows: Iterable[dict[str, str]]) -> Iterator[Checked]:
    for row in rows:
        if row["share_of_nics"]:
            ranks = int(row["ranks"])
            seconds = _seconds(row, _network(row["chip"], NETWORKS.get((row["source"], row["chip"]), "ib-ndr"), ""))
            bus = float(row["bytes"]) * (ranks - 1) / ranks / seconds
            yield Checked(
                id=f"{row['source']} {row['operation']} {ranks} {row['bytes']}",
                group=f"{row['source']} {row['nodes']} nodes",
                metric="share of NICs",
                measured=float(row["share_of_nics"]),
                predicted=bus / SIMAI_NICS,
            )


def _times(rows: Iterable[dict[str, str]]) -> Iterator[Checked]:
    for row in rows:
        if not row["share_of_nics"]:
            network = _network(row["chip"], NETWORKS.get((row["source"], row["chip"]), "ib-ndr"), "")
            yield Checked(
                id=f"{row['source']} {row['chip']} {row['operation']} {row['ranks']} {row['bytes']}",
                group=f"{row['source']} {row['chip']} {row['ranks']} ranks",
                metric="seconds",
                measured=float(row["microseconds"]) * 1e-6,
                predicted=_seconds(row, network),
            )


def _seconds(row: dict[str, str], network: Network) -> float:
    domain = int(row["ranks"]) // int(row["nodes"])
    ranks = group(np.array([int(row["ranks"])]), np.array([1]), replace(network, domain=domain))
    return float(COLLECTIVES[row["operation"]](np.array([float(row["bytes"])]), ranks, network)[0])


@cache
def _network(chip_id: str, network: str, library: str) -> Network:
    """A chip's networks with its curves under one library (the newest where none is named)."""
    chip = load.chip(chip_id)
    _, built = find_network(chip, load.scale_up_of(chip), Cluster(chip=chip_id, chips=1, network=network), [])
    return replace(built, curves=measured_curves(chip, library))


@cache
def _curve(chip: str, library: str, operation: str, ranks: int) -> Curve | None:
    return next(
        (each for each in curves_of(chip, library) if (each.operation, each.ranks) == (operation, ranks)), None
    )

"""Speed of one collective in closed form, at any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from petaday.catalog import load
from petaday.fabric import collective
from petaday.fabric.network import group
from petaday.study.parts import find_network
from petaday.study.scenario import Cluster


@pytest.mark.parametrize("ranks", [1024, 131_072])
def test_one_all_reduce(benchmark: BenchmarkFixture, ranks: int) -> None:
    chip = load.chip("h100-sxm-80")
    cluster = Cluster(chip=chip.id, chips=ranks, network="ib-ndr")
    _, network = find_network(chip, load.scale_up_of(chip), cluster, [])
    members = group(np.array([ranks]), np.array([1]), network)
    seconds = benchmark(collective.all_reduce, np.array([2.0**30]), members, network)
    assert seconds[0] > 0

"""A network from its scenario, the one behind a training run, and what optics, collectives and flows say of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from petaday.catalog.strict_yaml import loads
from petaday.catalog.validate import validated
from petaday.errors import InputError
from petaday.study.fabric import (
    FabricScenario,
    Wired,
    collective_times,
    fabric_of,
    optics_changes,
    read_fabric,
    simulate,
    wire,
)
from petaday.study.job import join
from petaday.study.scenario import Scenario

EXAMPLES = Path(__file__).parents[1] / "examples"


def wired(text: str) -> Wired:
    return wire(validated(FabricScenario, loads(text, "fabric.yaml")))


def small(**fabric: object) -> Wired:
    keys = ", ".join(f"{name}: {value}" for name, value in {"endpoints": 128, **fabric}.items())
    return wired(f"fabric: {{{keys}}}\ncluster: {{chip: h100-sxm-80, chips: 128, network: ib-ndr}}")


@pytest.mark.parametrize(("name", "switches"), [("fabric-1k", 24), ("fabric-16k", 1280), ("fabric-131k", 4554)])
def test_examples_count_by_the_closed_forms(name: str, switches: int) -> None:
    """2N/k and 2N/k and N/k switches of three full tiers, up to whole leaves, rails and bundles."""
    assert wire(read_fabric(EXAMPLES / f"{name}.yaml")).topology.switches == pytest.approx(switches, rel=0.01)


def test_each_choice_left_open_is_named() -> None:
    assumed = {each.field for each in small().assumptions}
    assert assumed == {"cluster.scale_up_domain", "fabric.switch", "fabric.nic", "fabric.optics"}
    assert "fabric.optics" not in {each.field for each in small(optics="lpo-800g").assumptions}


def test_copper_takes_the_short_links() -> None:
    far, near = small(), small(reaches="[2 m, 50 m]")
    assert far.bill.copper_cables == 0
    assert near.bill.copper_cables == 128
    assert near.bill.link_watts.typical < far.bill.link_watts.typical


def test_optics_side_by_side() -> None:
    base = wire(read_fabric(EXAMPLES / "fabric-16k.yaml"))
    changes = {change.bill.optics: change.bill for change in optics_changes(base) if not change.copper}
    watts = {name: bill.link_watts.typical for name, bill in changes.items()}
    assert watts["cpo-nvidia"] < watts["npo-3.2t"] < watts["lpo-800g"] < watts["lro-800g"] < watts["dsp-800g"]
    # The adapters keep their pluggables, so a network saves less than its optics do.
    assert watts["dsp-800g"] / watts["cpo-nvidia"] < 3.5


def test_the_network_behind_a_run() -> None:
    text = """
train: {model: llama-3.1-8b, tokens: 1T, sequence_length: 8192, global_batch: 512}
cluster: {chip: h100-sxm-80, chips: CHIPS, network: ib-ndr}
"""

    def behind(chips: int) -> Wired | None:
        scenario = validated(Scenario, loads(text.replace("CHIPS", str(chips)), "s.yaml"))
        return fabric_of(join(scenario, Path()))

    assert behind(8) is None
    network = behind(1024)
    assert network is not None
    assert (network.topology.endpoints, network.switch.id) == (1024, "qm9700")


def test_an_all_reduce_of_all_chips_costs_no_simulation() -> None:
    times = collective_times(wire(read_fabric(EXAMPLES / "fabric-131k.yaml")), "all-reduce", 1e9, 131_072)
    assert min(times.values()) < times["ring"]
    inside = collective_times(small(), "all-reduce", 1e9, 8)
    assert set(inside) == {"as measured"}


def test_permutations_collide_less_over_more_paths() -> None:
    shares = simulate(small(radix=16, tiers=2), "permutation", (1, 4, 16))
    assert [each.worst for each in shares] == sorted(each.worst for each in shares)
    assert shares[-1].scheme == "adaptive"
    assert shares[-1].worst == pytest.approx(1)


@pytest.mark.parametrize(
    ("fabric", "said"),
    [
        ({"radix": 8, "tiers": 2}, "cannot join 128 endpoints"),
        ({"oversubscription": "[100]", "radix": 64}, "leaves no uplink"),
        ({"optics": "lpo-900g"}, "did you mean"),
        ({"kind": "nvl72"}, "72"),
        ({"kind": "torus", "endpoints": 100}, "64"),
    ],
)
def test_impossible_networks_name_what_is_possible(fabric: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as caught:
        small(**fabric)
    assert said in str(caught.value)


@pytest.mark.parametrize(("pattern", "group"), [("gossip", 8), ("permutation", 4096)])
def test_wrong_questions_are_refused(pattern: str, group: int) -> None:
    with pytest.raises(InputError):
        simulate(small(radix=16, tiers=2), pattern, (1,), fail_links=0 if pattern == "gossip" else 10**6)
    with pytest.raises(InputError, match="no collective" if pattern == "gossip" else "a group of"):
        collective_times(small(), "gossip" if pattern == "gossip" else "all-reduce", 1e6, group)

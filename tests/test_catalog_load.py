"""Loading, finding and adding catalog parts: what is read, how fast, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petaday.catalog import load, strict_yaml
from petaday.catalog.chip import Chip
from petaday.catalog.edit import add
from petaday.catalog.huggingface import model_to_yaml
from petaday.catalog.network import Network
from petaday.catalog.strict_yaml import Document
from petaday.errors import InputError
from petaday.validation.fitting import PRIORS

X1 = """\
sources:
  - &sheet "X1 datasheet"
chips:
  - id: x1
    name: X1
    vendor: X
    aliases: [Accelerator X1]
    generation: x
    class: gpu
    year: 2025
    verified: "yes"
    peak:
      bf16: {value: 1000 TFLOP/s, source: *sheet}
      fp8: {value: 2000 TFLOP/s, source: *sheet}
    memory_capacity: {value: 128 GB, source: *sheet}
    memory_bandwidth: {value: 4 TB/s, source: *sheet}
    memory_type: HBM3e
    memory_stacks: {value: 4, source: *sheet}
    scale_up_bandwidth: {value: 400 GB/s, source: *sheet}
    scale_out_bandwidth: {value: 400 Gb/s, source: *sheet}
    tdp: {value: 750 W, source: *sheet}
"""


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for the user's parts, and nothing cached before or after."""
    folder = tmp_path / "catalog"
    monkeypatch.setenv("PETADAY_CATALOG", str(folder))
    load.refresh()
    yield folder
    load.refresh()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are read from now on."""
    paths: list[Path] = []

    def spy(path: Path) -> Document:
        paths.append(path)
        return strict_yaml.load(path)

    monkeypatch.setattr(load, "load", spy)
    return paths


def written(folder: Path, text: str = X1, name: str = "x1.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("ask", "folder"),
    [
        (load.chips, "chips"),
        (load.models, "models"),
        (load.networks, "networks.yaml"),
        (load.fits, "fits"),
        (load.intervals, "intervals.yaml"),
        (load.engine_fits, "engine_fits.yaml"),
        (load.throughput_fits, "throughput_fits.yaml"),
        (load.board_powers, "board_power.yaml"),
        (load.scale_ups, "scale_ups.yaml"),
        (load.efficiencies, "efficiencies.yaml"),
    ],
)
def test_a_kind_reads_its_own_files_once(ask: Callable[[], object], folder: str, read: list[Path]) -> None:
    assert ask()
    first = list(read)
    assert {path.relative_to(load.DATA).parts[0] for path in first} == {folder}
    ask()
    assert read == first


@pytest.mark.parametrize("kind", [load.chips, load.models, load.networks, load.software])
def test_every_id_and_alias_finds_its_part(kind: Callable[[], dict[str, Chip]]) -> None:
    for id_, part in kind().items():
        assert part.id == id_
        for spelling in (part.id, *part.aliases, part.id.upper(), part.id.replace("-", " ")):
            assert load.find(spelling, kind(), "part").id == id_


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_name_is_found_or_refused(name: str) -> None:
    for ask in (load.chip, load.model, load.network, load.software_profile):
        try:
            assert ask(name).id
        except InputError as error:
            assert error.expected


def test_a_mistyped_name_gets_the_nearest_ids() -> None:
    with pytest.raises(InputError) as error:
        load.chip("H100-SXM-08")
    assert error.value.nearest[0] == "h100-sxm-80"
    assert len(error.value.nearest) == len(set(error.value.nearest))
    with pytest.raises(InputError, match=r"no network `ib-ndx` .*did you mean ib-ndr"):
        load.network("ib-ndx")
    with pytest.raises(InputError, match="no software profile `megatron-2012`"):
        load.software_profile("megatron-2012")


def test_unverified_chips_are_asked_for() -> None:
    assert "dcu-z100" not in load.chips()
    assert "dcu-z100" in load.chips(allow_unverified=True)
    with pytest.raises(InputError, match="--allow-unverified"):
        load.chip("Hygon DCU Z100")
    assert load.chip("Hygon DCU Z100", allow_unverified=True).verified == "no"


def test_catalogs_cannot_be_written_to() -> None:
    with pytest.raises(TypeError):
        load.networks()["mine"] = load.network("ib-ndr")  # type: ignore[index]


@pytest.mark.parametrize(
    ("network", "gigabits"),
    [("ib-hdr", 200), ("NDR", 400), ("ib-xdr", 800), ("roce-100", 100), ("roce-800", 800), ("dcn-tpu", 50)],
)
def test_line_rates(network: str, gigabits: float) -> None:
    assert load.network(network).bandwidth.value == pytest.approx(gigabits * 1e9 / 8)


@pytest.mark.parametrize(("network", "microseconds"), [("ib-ndr", 2.8), ("roce-400", 3.6)])
def test_latencies_within_a_leaf(network: str, microseconds: float) -> None:
    """DeepSeek-V3 hardware paper (ISCA 2025), table 5."""
    assert load.network(network).latency.value == pytest.approx(microseconds * 1e-6)


@pytest.mark.parametrize("network", load.networks().values(), ids=lambda network: network.id)
def test_networks_reach_part_of_their_line_rate(network: Network) -> None:
    assert 0.5 < network.efficiency.value < 1
    assert 1e-6 < network.latency.value < 1e-4


def test_software_profiles_say_what_their_stacks_do() -> None:
    profiles = load.software()
    assert set(profiles) >= {
        "megatron-2021",
        "megatron-2022-sp",
        "megatron-deepspeed-2023",
        "megatron-core-2024",
        "fsdp-2024",
        "maxtext-tpu",
    }
    assert profiles["megatron-2021"].attention == "unfused"
    assert profiles["megatron-core-2024"].dp_overlap
    assert not profiles["megatron-2021"].tp_overlap.value
    assert load.software_profile("torchtitan").id == "fsdp-2024"
    for profile in profiles.values():
        assert 0 <= profile.tp_overlap.value <= 1
        assert 0.85 <= profile.slowdown.value < 2
        assert set(profile.fits) <= set(PRIORS)
        assert (profile.fit is not None) == bool(profile.fits)
        if profile.fit:
            assert set(profile.fit.figures) == set(profile.fits)


def test_scale_up_of_a_chip_is_the_longest_prefix() -> None:
    assert load.scale_up_of(load.chip("h100-pcie-80")).id == "nvlink4-bridge"
    assert load.scale_up_of(load.chip("h100-sxm-80")).id == "nvlink4"
    assert load.scale_up_of(load.chip("ascend-910c")).id == "generic"


def test_the_hash_follows_the_users_files(own: Path) -> None:
    shipped = load.catalog_hash()
    assert shipped == load.catalog_hash()
    assert len(shipped) == 64
    path = written(own / "chips")
    with_own = load.catalog_hash()
    path.rename(path.with_name("x2.yaml"))
    assert len({shipped, with_own, load.catalog_hash()}) == 3


def test_the_users_folder_is_read(own: Path) -> None:
    written(own / "chips")
    assert load.chip("accelerator x1").memory_bandwidth == load.chips()["x1"].memory_bandwidth


def test_without_a_variable_the_folder_is_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PETADAY_CATALOG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load.user_folder() == tmp_path / ".config" / "petaday" / "catalog"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no list `chips`"),
        ("chips: {}", "no list `chips`"),
        ("chps: []", "no list `chips`"),
        ("chips: []\nsource: []", "unknown key `source`.*sources"),
        ("chips: [7]", "mapping"),
        (X1.replace("id: x1", "id: h100-sxm-80"), "`h100-sxm-80` already names `h100-sxm-80`"),
        (X1.replace("Accelerator X1", "A100"), "`A100` of `x1` already names `a100-sxm-80`"),
        (X1.replace("X1 datasheet", ""), "source is empty"),
    ],
)
def test_a_wrong_file_of_the_user_is_named(own: Path, text: str, message: str) -> None:
    path = written(own / "chips", text)
    with pytest.raises(InputError, match=message) as error:
        load.chips()
    assert error.value.place is not None
    assert error.value.place.file == str(path)


def test_add_copies_a_checked_file(own: Path, tmp_path: Path) -> None:
    source = written(tmp_path)
    added = add(source)
    assert (added.kind, added.ids, added.replaced, added.findings) == ("chips", ("x1",), False, ())
    assert added.path == own / "chips" / "x1.yaml"
    assert added.path.read_bytes() == source.read_bytes()
    assert list(added.path.parent.iterdir()) == [added.path]
    assert load.chip("x1").tdp is not None


def test_add_again_replaces(tmp_path: Path) -> None:
    assert not add(written(tmp_path)).replaced
    assert add(written(tmp_path, X1.replace("750 W", "800 W"))).replaced
    assert load.chip("x1").model_dump()["tdp"]["value"] == 800


def test_add_takes_models(own: Path, tmp_path: Path) -> None:
    llama = load.model("llama-2-7b")
    with pytest.raises(InputError, match="`llama-2-7b` of `llama-2-7b` already names"):
        add(written(tmp_path, model_to_yaml(llama)))
    ours = llama.model_copy(update={"id": "ours-7b", "name": "Ours 7B", "aliases": ()})
    added = add(written(tmp_path, model_to_yaml(ours), "ours.yml"))
    assert (added.kind, added.ids, added.path) == ("models", ("ours-7b",), own / "models" / "ours.yaml")
    assert load.model("Ours 7B") == ours


def test_add_refuses_an_implausible_chip_and_says_how_to_insist(own: Path, tmp_path: Path) -> None:
    wrong = X1.replace("4 TB/s", "40 TB/s")
    with pytest.raises(InputError, match=r"hbm-per-stack.*10 TB/s a stack.*exceptions") as error:
        add(written(tmp_path, wrong))
    assert error.value.field == "x1"
    assert not own.exists()
    reasons = "    exceptions:\n      hbm-per-stack: a test\n      bandwidth-per-capacity: a test\n"
    added = add(written(tmp_path, wrong + reasons))
    assert {finding.severity for finding in added.findings} == {"excepted"}


def test_add_tells_its_warnings(tmp_path: Path) -> None:
    added = add(written(tmp_path, X1.replace("750 W", "300 W")))
    assert [(finding.check, finding.severity) for finding in added.findings] == [("flop-per-watt", "warning")]


@pytest.mark.parametrize("text", ["", "chips: []\nmodels: []\n", "- 1\n", "networks: []\n"])
def test_add_wants_chips_or_models(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a list `chips` or a list `models`"):
        add(written(tmp_path, text))


def test_a_failed_copy_leaves_nothing_behind(own: Path, tmp_path: Path) -> None:
    (own / "chips" / "x1.yaml").mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be"):
        add(written(tmp_path))
    assert [path.name for path in (own / "chips").iterdir()] == ["x1.yaml"]

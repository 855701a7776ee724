"""The shipped chips: published figures by name, spellings that people write, and sources of figures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from petaday.catalog import load
from petaday.catalog.chip import Chip
from petaday.catalog.efficiency import EfficiencyFigures, Entry, efficiency_for
from petaday.catalog.figure import Figure
from petaday.catalog.strict_yaml import loads
from petaday.catalog.validate import validated
from petaday.errors import InputError
from petaday.units import Kind, parse

CHIPS = load.chips(allow_unverified=True)

KINDS = {
    "tpp": Kind.COUNT,
    "memory_capacity": Kind.BYTES,
    "memory_bandwidth": Kind.BANDWIDTH,
    "memory_stacks": Kind.COUNT,
    "scale_up_bandwidth": Kind.BANDWIDTH,
    "scale_up_domain": Kind.COUNT,
    "scale_out_bandwidth": Kind.BANDWIDTH,
    "tdp": Kind.POWER,
    "price_low": Kind.MONEY,
    "price_high": Kind.MONEY,
    "die_area": Kind.AREA,
    "dies": Kind.COUNT,
    "transistors": Kind.COUNT,
}


def figures(chip: Chip) -> Iterator[tuple[Kind, Figure]]:
    """Every figure of a chip with the kind of what it measures."""
    yield from ((Kind.FLOP_RATE, peak) for peak in chip.peak.values())
    yield from ((kind, getattr(chip, name)) for name, kind in KINDS.items() if getattr(chip, name))


def chip_of(**changes: object) -> Chip:
    """A chip as a file would give it, with one line changed or added."""
    fields = {
        "id": "x1",
        "name": "X1",
        "vendor": "X",
        "generation": "x",
        "class": "gpu",
        "year": "2025",
        "verified": '"yes"',
    }
    lines = [f"  {key}: {value}" for key, value in (fields | changes).items()]
    return validated(Chip, loads("chip:\n" + "\n".join(lines), "x.yaml"), at=("chip",))


@pytest.mark.parametrize(
    ("chip", "dtype", "tflops"),
    [
        ("v100-sxm2-32", "fp16", 125),
        ("a100-sxm-80", "bf16", 312),
        ("a100-sxm-80", "int8", 624),
        ("h100-sxm-80", "bf16", 989.4),
        ("h100-sxm-80", "fp8", 1978.9),
        ("h20-96", "bf16", 148),
        ("b200-sxm", "nvfp4", 9000),
        ("gb300-nvl72", "fp4", 15000),
        ("mi300x", "bf16", 1307.4),
        ("tpu-v5p", "bf16", 459),
        ("tpu-v6e", "int8", 1836),
        ("tpu-v7", "fp8", 4614),
        ("trn2", "bf16", 667),
        ("gaudi3", "fp8", 1835),
        ("ascend-910b3", "fp16", 313),
    ],
)
def test_dense_peaks_of_the_datasheets(chip: str, dtype: str, tflops: float) -> None:
    assert load.chip(chip).dense_peak(dtype).value == pytest.approx(tflops * 1e12)


@pytest.mark.parametrize(
    ("chip", "field", "value"),
    [
        ("a100-sxm-80", "memory_bandwidth", 2039e9),
        ("a100-sxm-40", "memory_capacity", 40e9),
        ("a100-sxm-80", "scale_up_bandwidth", 300e9),  # NVLink3: 600 GB/s both ways
        ("h100-sxm-80", "scale_up_bandwidth", 450e9),
        ("h100-sxm-80", "scale_out_bandwidth", 50e9),  # 400 Gb/s
        ("h100-sxm-80", "die_area", 814e-6),
        ("h100-sxm-80", "transistors", 80e9),
        ("h800-sxm-80", "scale_up_bandwidth", 200e9),
        ("h200-sxm", "memory_bandwidth", 4.8e12),
        ("h200-sxm", "tpp", 15831),
        ("gb200-nvl72", "scale_up_domain", 72),
        ("b200-sxm", "tdp", 1000),
        ("tpu-v5p", "scale_up_bandwidth", 600e9),  # 4,800 Gb/s one way
        ("tpu-v5p", "scale_up_domain", 8960),
        ("ascend-910c", "memory_stacks", 8),
        ("h100-sxm-96-500w", "memory_bandwidth", 2.4e12),
        ("wse3", "memory_bandwidth", 21e15),
    ],
)
def test_figures_are_si(chip: str, field: str, value: float) -> None:
    assert getattr(load.chip(chip), field).value == pytest.approx(value)


@pytest.mark.parametrize("chip", ["v100-sxm2-32", "ascend-910a", "groq-lpu1"])
def test_parts_without_bf16(chip: str) -> None:
    assert "fp16" in CHIPS[chip].peak
    assert "bf16" not in CHIPS[chip].peak


# Left: as written in published training, kernel, collective and serving measurements.
SPELLINGS = {
    "NVIDIA A100-SXM4-80GB": "a100-sxm-80",
    "NVIDIA A100-SXM4-40GB": "a100-sxm-40",
    "NVIDIA H100-SXM5-80GB": "h100-sxm-80",
    "NVIDIA H100-SXM5-96GB (500W, HBM2e)": "h100-sxm-96-500w",
    "NVIDIA H200-SXM5-141GB": "h200-sxm",
    "NVIDIA H800-SXM5": "h800-sxm-80",
    "NVIDIA B200-SXM-180GB": "b200-sxm",
    "NVIDIA B300-SXM-270GB": "b300-sxm",
    "NVIDIA GB200 (NVL72)": "gb200-nvl72",
    "Huawei Ascend 910B (Atlas 900 A2)": "ascend-910b3",
    "Google TPU v5e": "tpu-v5e",
    "Google TPU v5p": "tpu-v5p",
    "Google TPU v6e (Trillium)": "tpu-v6e",
    "AMD MI300X": "mi300x",
    "AMD MI325X": "mi325x",
    "Intel Gaudi2": "gaudi2",
    "A100-SXM": "a100-sxm-80",
    "H100-SXM": "h100-sxm-80",
    "H200-SXM": "h200-sxm",
    "H800": "h800-sxm-80",
    "B200-SXM": "b200-sxm",
    "B200 (SM100)": "b200-sxm",
    "B300-SXM": "b300-sxm",
    "GB200": "gb200-nvl72",
    "GB300": "gb300-nvl72",
    "L40S": "l40s",
    "RTX-PRO-6000": "rtx-pro-6000",
    "Intel-B60": "arc-pro-b60",
    "a100_sxm": "a100-sxm-80",
    "h100_sxm": "h100-sxm-80",
    "h200_sxm": "h200-sxm",
    "b200_sxm": "b200-sxm",
    "b300_sxm": "b300-sxm",
    "gb200": "gb200-nvl72",
    "gb300": "gb300-nvl72",
    "l40s": "l40s",
    "b60": "arc-pro-b60",
    "H100-SXM-80GB": "h100-sxm-80",
    "H100-PCIe-80GB": "h100-pcie-80",
    "H20-96GB": "h20-96",
    "A100-SXM-80GB": "a100-sxm-80",
    "A100-SXM-40GB": "a100-sxm-40",
    "GB200-186GB": "gb200-nvl72",
    "MI300X-192GB": "mi300x",
    "MI355X-288GB": "mi355x",
    "Gaudi2-96GB": "gaudi2",
    "Gaudi3-128GB": "gaudi3",
    "TPUv5e": "tpu-v5e",
    "TPUv6e": "tpu-v6e",
    "TPU7x-Ironwood": "tpu-v7",
    "Trainium1": "trn1",
    "L40S-48GB": "l40s",
    "RTX-PRO-6000-BSE": "rtx-pro-6000",
    "Arc-Pro-B60-24GB": "arc-pro-b60",
    "Ascend-910B": "ascend-910b3",
    "Ascend-910C": "ascend-910c",
    "A100 80GB": "a100-sxm-80",
    "a100": "a100-sxm-80",
}


@pytest.mark.parametrize(("spelling", "chip"), SPELLINGS.items())
def test_measurements_name_their_chip(spelling: str, chip: str) -> None:
    assert load.chip(spelling).id == chip


@pytest.mark.parametrize("vague", ["NVIDIA Hopper (unspecified)", "Hopper-class (not stated)", "H800/H100 (SM90)"])
def test_vague_names_are_no_chip(vague: str) -> None:
    with pytest.raises(InputError, match="no chip"):
        load.chip(vague)


@pytest.mark.parametrize("chip", CHIPS.values(), ids=lambda chip: chip.id)
def test_every_figure_says_what_it_is(chip: Chip) -> None:
    for kind, figure in figures(chip):
        assert parse(figure.text, kind) == figure.value > 0
        assert figure.source
        if chip.verified == "no" or "unverified" in figure.source:
            assert figure.estimate
    if chip.price_low and chip.price_high:
        assert chip.price_low.value <= chip.price_high.value


def test_the_catalog_is_broad() -> None:
    assert len(CHIPS) >= 64
    assert len({chip.vendor for chip in CHIPS.values()}) >= 20
    assert {chip.class_ for chip in CHIPS.values()} == {"gpu", "tpu", "npu", "other"}


def test_scaled_formats_share_the_plain_peak() -> None:
    h100 = load.chip("h100")
    assert h100.dense_peak("mxfp8") == h100.dense_peak("fp8")
    with pytest.raises(InputError, match="h100-sxm-80 has no known nvfp4 peak") as error:
        h100.dense_peak("nvfp4")
    assert "bf16" in error.value.expected


def test_an_unknown_peak_is_an_error_not_a_zero() -> None:
    with pytest.raises(InputError, match="published peaks"):
        load.chip("enflame-s60").dense_peak("bf16")


def test_a_figure_keeps_text_source_and_range() -> None:
    chip = chip_of(tdp="{value: 700 W, source: datasheet, estimate: true, low: 650 W, high: 0.8 kW}")
    assert chip.tdp is not None
    assert isinstance(chip.tdp, Figure)
    assert chip.tdp.model_dump() == {
        "value": 700,
        "text": "700 W",
        "source": "datasheet",
        "estimate": True,
        "low": 650,
        "high": 800,
    }


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"tdp": "{value: 700 GB, source: s}"}, "chip.tdp.value", "bytes"),
        ({"tdp": "{value: 700, source: s}"}, "chip.tdp.value", "no unit"),
        ({"tdp": "{value: 700 W}"}, "chip.tdp.source", "missing"),
        ({"tdp": "{value: 700 W, source: ''}"}, "chip.tdp", "source is empty"),
        ({"tdp": "{value: 700 W, source: s, low: 800 W}"}, "chip.tdp", "between"),
        ({"tdp": "{value: -700 W, source: s}"}, "chip.tdp", "negative"),
        ({"tdp": "{value: 700 W, source: s, text: 9 W}"}, "chip.tdp", "leave it out"),
        ({"tdp": "700 W"}, "chip.tdp", ""),
        ({"tpd": "{value: 700 W, source: s}"}, "chip.tpd", ", tdp?"),
        ({"peak": "{bf61: {value: 1 TFLOP/s, source: s}}"}, "chip.peak.bf61", "bf16"),
        ({"class": "cpu"}, "chip.class", "one of gpu, tpu, npu, other"),
        ({"verified": "true"}, "chip.verified", "one of yes, partial, no"),
        ({"id": "X 1"}, "chip.id", "matches"),
    ],
)
def test_errors_name_the_field(changes: dict[str, object], field: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        chip_of(**changes)
    assert error.value.field == field
    assert error.value.place is not None
    assert error.value.place.line > 1
    assert message in str(error.value)


# The three-figure fits to measured GEMMs: share of peak, share of bandwidth, launch time in us.
@pytest.mark.parametrize(
    ("chip", "dtype", "gemm", "memory", "launch"),
    [
        ("a100", "bf16", 0.891, 0.754, 5.7),
        ("h100", "bf16", 0.796, 0.832, 3.7),
        ("b200", "nvfp4", 0.757, 0.98, 7.7),
    ],
)
def test_efficiencies_of_measured_chips(chip: str, dtype: str, gemm: float, memory: float, launch: float) -> None:
    efficiency = efficiency_for(load.chip(chip), dtype, load.efficiencies())
    assert efficiency.inherited == ""
    assert not efficiency.figures.gemm.estimate
    assert efficiency.figures.gemm.value == pytest.approx(gemm)
    assert efficiency.figures.memory.value == pytest.approx(memory)
    assert efficiency.figures.launch.value == pytest.approx(launch * 1e-6)


@pytest.mark.parametrize(
    ("chip", "dtype", "inherited"),
    [
        ("h20-96", "bf16", "generation hopper, bf16"),
        ("h20-96", "mxfp8", "generation hopper, fp8"),
        ("a100-sxm-80", "int8", "chip a100-sxm-80, bf16"),
        ("mi300x", "fp8", "vendor AMD, bf16"),
        ("l40s", "bf16", "generation ada, bf16"),
        ("tpu-v5p", "int8", "class tpu, bf16"),
        ("ascend-910c", "fp16", "class npu, bf16"),
        ("wse3", "bf16", "class other, bf16"),
    ],
)
def test_unmeasured_chips_inherit_and_say_so(chip: str, dtype: str, inherited: str) -> None:
    efficiency = efficiency_for(load.chip(chip), dtype, load.efficiencies())
    assert efficiency.inherited == inherited
    for name in EfficiencyFigures.model_fields:
        figure = getattr(efficiency.figures, name)
        assert figure.estimate
        assert figure.source.startswith(f"inherited from {inherited}: ")


@pytest.mark.parametrize("chip", CHIPS.values(), ids=lambda chip: chip.id)
def test_every_chip_has_efficiencies(chip: Chip) -> None:
    for dtype in chip.peak or ("bf16",):
        figures_used = efficiency_for(chip, dtype, load.efficiencies()).figures
        assert 0 < figures_used.gemm.value <= 1
        assert 0 < figures_used.memory.value <= 1


def test_efficiency_errors() -> None:
    with pytest.raises(InputError, match="unknown dtype `bf61`"):
        efficiency_for(load.chip("a100"), "bf61", load.efficiencies())
    with pytest.raises(InputError, match="no efficiencies for a100-sxm-80"):
        efficiency_for(load.chip("a100"), "bf16", [])


def test_an_efficiency_speaks_for_exactly_one_scope() -> None:
    figure = load.efficiencies()[0].figures
    with pytest.raises(ValueError, match="one of chip, generation, vendor, class"):
        Entry(chip="a100-sxm-80", generation="ampere", dtype="bf16", figures=figure)
    with pytest.raises(ValueError, match="one of chip, generation, vendor, class"):
        Entry(dtype="bf16", figures=figure)


def test_entries_name_known_chips_and_do_not_repeat() -> None:
    scopes = [(*entry.scope, entry.dtype) for entry in load.efficiencies()]
    assert len(scopes) == len(set(scopes))
    known: dict[str, set[str]] = {
        "chip": set(CHIPS),
        "generation": {chip.generation for chip in CHIPS.values()},
        "vendor": {chip.vendor for chip in CHIPS.values()},
        "class": {chip.class_ for chip in CHIPS.values()},
    }
    assert all(name in known[kind] for kind, name, _ in scopes)

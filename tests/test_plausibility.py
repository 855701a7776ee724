"""Plausibility checks: silent on the shipped chips, loud on errors that published catalogs contain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.catalog import load
from petaday.catalog.chip import Chip
from petaday.catalog.figure import Figure
from petaday.catalog.plausibility import Finding, plausibility, plausibility_of
from petaday.units import Kind, parse, render

CHIPS = load.chips(allow_unverified=True)
EXCEPTIONS = [(chip, check) for chip in CHIPS.values() for check in chip.exceptions]


def figure(text: str, kind: Kind) -> Figure:
    return Figure(value=parse(text, kind), text=text, source="another catalog")


def flop_rate(text: str) -> Figure:
    return figure(text, Kind.FLOP_RATE)


def bandwidth(text: str) -> Figure:
    return figure(text, Kind.BANDWIDTH)


def count(number: int) -> Figure:
    return figure(str(number), Kind.COUNT)


def changed(chip: str, peak: dict[str, str] | None = None, **changes: object) -> Chip:
    """A shipped chip with some figures as another catalog has them."""
    original = CHIPS[chip]
    peaks = original.peak | {dtype: flop_rate(text) for dtype, text in (peak or {}).items()}
    return original.model_copy(update={"peak": peaks, "exceptions": {}, **changes})


def checks(findings: list[Finding]) -> set[str]:
    return {finding.check for finding in findings}


def test_the_shipped_chips_are_plausible_or_say_why_not() -> None:
    assert [finding for finding in plausibility_of(CHIPS) if finding.severity != "excepted"] == []


@pytest.mark.parametrize(("chip", "check"), EXCEPTIONS, ids=lambda part: getattr(part, "id", part))
def test_every_recorded_exception_is_still_needed(chip: Chip, check: str) -> None:
    assert check in checks(plausibility(changed(chip.id), CHIPS.values()))
    assert len(chip.exceptions[check]) > 20  # a reason, not a word


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        # 128 TF and 256 TF are the fp32 rates; 8-bit is then four or eight times them
        (changed("br100", {"bf16": "256 TFLOP/s"}), "dtype-ratio"),
        (changed("br104", {"bf16": "128 TFLOP/s"}), "dtype-ratio"),
        (changed("metax-c500", {"bf16": "128 TFLOP/s", "fp16": "128 TFLOP/s"}), "dtype-ratio"),
        (changed("bi-v150", {"bf16": "240 TFLOP/s", "fp16": "240 TFLOP/s"}), "tpp"),
        (changed("b300-sxm", {"bf16": "3750 TFLOP/s", "fp16": "3750 TFLOP/s"}), "tpp"),
        (changed("b300-sxm", {"bf16": "3750 TFLOP/s", "fp16": "3750 TFLOP/s"}), "flop-per-watt"),
        (changed("metax-c500", memory_bandwidth=bandwidth("18 TB/s")), "bandwidth-per-capacity"),
        (changed("trn1", memory_bandwidth=bandwidth("9.8 TB/s")), "bandwidth-per-capacity"),
        (changed("mtt-s5000", memory_bandwidth=bandwidth("240 GB/s")), "bandwidth-per-capacity"),
        (changed("ascend-910c", memory_stacks=count(4)), "hbm-per-stack"),
        (changed("ascend-910c", tdp=figure("310 W", Kind.POWER)), "flop-per-watt"),
        (changed("mlu370-x8", memory_type="HBM2e", memory_stacks=count(2)), "hbm-per-stack"),
        (changed("tpu-v5p", scale_up_bandwidth=bandwidth("4800 GB/s")), "link-rate"),  # 4,800 Gb/s
        (changed("a100-sxm-80", scale_up_bandwidth=bandwidth("150 GB/s")), "link-rate"),
        (changed("h100-sxm-80", scale_up_bandwidth=bandwidth("900 GB/s")), "link-rate"),  # both ways
        (changed("a800-sxm-80", scale_up_bandwidth=bandwidth("400 GB/s")), "link-rate"),
        (changed("h100-sxm-80", scale_out_bandwidth=bandwidth("400 GB/s")), "link-rate"),
        (changed("h200-sxm", {"bf16": "1970 TFLOP/s", "fp8": "3940 TFLOP/s"}), "sparse-as-dense"),
        (changed("h200-sxm", {"bf16": "1970 TFLOP/s", "fp8": "3940 TFLOP/s"}), "flop-per-watt"),
        (changed("b200-sxm", {"fp8": "9000 TFLOP/s"}), "tpp"),
        (changed("b200-sxm", {"fp8": "9000 TFLOP/s"}, id="our-b200", tpp=None), "sparse-as-dense"),
        (changed("a100-sxm-80", {"bf16": "624 TFLOP/s"}), "sparse-as-dense"),
    ],
    ids=lambda part: getattr(part, "id", part),
)
def test_errors_of_published_catalogs_are_caught(wrong: Chip, check: str) -> None:
    findings = [finding for finding in plausibility(wrong, CHIPS.values()) if finding.check == check]
    assert findings
    assert all(finding.chip == wrong.id and finding.severity != "excepted" for finding in findings)


def test_messages_say_what_it_probably_is() -> None:
    (finding,) = plausibility(changed("tpu-v5p", scale_up_bandwidth=bandwidth("4800 GB/s")))
    assert "600 GB/s" in finding.message
    findings = plausibility(changed("a100-sxm-80", {"bf16": "624 TFLOP/s"}), CHIPS.values())
    assert any("twice the dense peak of a100-sxm-40: sparse" in finding.message for finding in findings)


def test_envelopes_warn_before_they_refuse() -> None:
    def severity(tdp: str) -> list[str]:
        findings = plausibility(changed("ascend-910c", tdp=figure(tdp, Kind.POWER)))
        return [finding.severity for finding in findings]

    assert severity("700 W") == []
    assert severity("310 W") == ["warning"]
    assert severity("150 W") == ["error"]


def test_an_exception_keeps_the_finding_and_its_reason() -> None:
    findings = plausibility(CHIPS["v100-sxm2-32"])
    assert [(finding.check, finding.severity) for finding in findings] == [("dtype-ratio", "excepted")]
    assert findings[0].message.endswith("excepted: no int8 tensor cores: int8 runs as DP4A on the CUDA cores")


def test_a_needless_or_misspelt_exception_is_an_error() -> None:
    chip = CHIPS["a100-sxm-80"].model_copy(update={"exceptions": {"dtype-ratios": "because"}})
    (finding,) = plausibility(chip)
    assert (finding.check, finding.severity) == ("dtype-ratios", "error")


def test_chips_without_figures_are_plausible() -> None:
    bare = CHIPS["a100-sxm-80"].model_copy(
        update={"peak": {}, "tpp": None, "memory_bandwidth": None, "scale_up_bandwidth": None, "tdp": None}
    )
    assert plausibility(bare, CHIPS.values()) == []


WITH_STACKS = [chip for chip in CHIPS.values() if chip.memory_stacks and chip.memory_type.startswith("HBM")]
WITH_BANDWIDTH = [chip for chip in CHIPS.values() if chip.memory_bandwidth and chip.memory_type.startswith("HBM")]
WITH_TPP = [chip for chip in CHIPS.values() if chip.tpp and chip.peak]


@given(chip=st.sampled_from(WITH_STACKS), factor=st.floats(2.5, 1e4))
def test_a_memory_beyond_its_pins_is_an_error(chip: Chip, factor: float) -> None:
    assert chip.memory_bandwidth is not None
    text = render(chip.memory_bandwidth.value * factor, Kind.BANDWIDTH)
    findings = plausibility(changed(chip.id, memory_bandwidth=bandwidth(text)))
    assert ("hbm-per-stack", "error") in {(finding.check, finding.severity) for finding in findings}


@given(chip=st.sampled_from(WITH_BANDWIDTH), factor=st.sampled_from([1 / 8, 10, 1000]))
def test_a_factor_of_ten_or_of_bits_in_the_memory_is_seen(chip: Chip, factor: float) -> None:
    assert chip.memory_bandwidth is not None
    text = render(chip.memory_bandwidth.value * factor, Kind.BANDWIDTH)
    assert "bandwidth-per-capacity" in checks(plausibility(changed(chip.id, memory_bandwidth=bandwidth(text))))


@given(chip=st.sampled_from(WITH_TPP), factor=st.floats(1.05, 10))
def test_peaks_that_disagree_with_the_published_tpp_are_errors(chip: Chip, factor: float) -> None:
    scaled = {
        dtype: Figure(value=peak.value * factor, text=peak.text, source=peak.source)
        for dtype, peak in chip.peak.items()
    }
    assert "tpp" in checks(plausibility(chip.model_copy(update={"peak": scaled, "exceptions": {}})))


@given(chip=st.sampled_from(list(CHIPS.values())), factor=st.floats(1, 1.02))
def test_rounding_alone_is_no_finding(chip: Chip, factor: float) -> None:
    """Two sources that round the power differently must not refuse a chip."""
    if chip.tdp:
        tdp = Figure(value=chip.tdp.value * factor, text=chip.tdp.text, source=chip.tdp.source)
        found = plausibility(chip.model_copy(update={"tdp": tdp}))
        assert all(finding.severity == "excepted" for finding in found)

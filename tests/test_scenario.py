"""The scenario file as its writer meets it: what is wrong, where, what was expected and what is nearest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.errors import InputError
from petaday.study.examples import copy_example
from petaday.study.scenario import LARGEST_ROUNDING, divisible_batch, read_scenario
from scenarios import EXAMPLES, SMALL, changed, planned, written

TEXT = """\
train:
  model: llama-3.2-1b
  tokens: 1B
  sequence_length: 2048
  global_batch: 16
cluster:
  chip: a100-sxm-80
  chips: 8
plan:
  tp: 2
"""


@dataclass(frozen=True)
class Wrong:
    """An edit of TEXT (every `old` becomes `new`) and what its error has to say."""

    old: str
    new: str
    line: int
    column: int
    field: str
    says: str
    expected: str = ""
    nearest: tuple[str, ...] = ()


CASES = {
    "unknown key": Wrong("chips: 8", "chips: 8\n  nework: ib-ndr", 9, 3, "cluster.nework", "unknown key",
                         nearest=("network",)),
    "unknown section": Wrong("plan:", "plans:", 9, 1, "plans", "unknown key", nearest=("plan",)),
    "duplicate key": Wrong("tokens: 1B", "tokens: 1B\n  tokens: 2B", 4, 3, "", "`tokens` is written twice"),
    "unknown unit": Wrong("chips: 8", "chips: 8\n  memory_reserve: 80 GBs", 9, 19, "cluster.memory_reserve",
                          "unknown unit `GBs`", "an amount of bytes"),
    "bytes for tokens": Wrong("1B", "80 GB", 3, 11, "train.tokens", "`80 GB` is an amount of bytes",
                              "a number of tokens"),
    "time for bandwidth": Wrong("chips: 8", "chips: 8\n  network: {bandwidth: 5 us}", 9, 24,
                                "cluster.network.bandwidth", "`5 us`", "B/s"),
    "no unit": Wrong("chips: 8", "chips: 8\n  memory_reserve: 4", 9, 19, "cluster.memory_reserve", "`4`", "bytes"),
    "missing field": Wrong("  tokens: 1B\n", "", 2, 3, "train.tokens", "missing"),
    "missing section": Wrong("cluster:\n  chip: a100-sxm-80\n  chips: 8\n", "", 1, 1, "cluster", "missing"),
    "missing bandwidth": Wrong("chips: 8", "chips: 8\n  network: {efficiency: 90 %}", 9, 12,
                               "cluster.network.bandwidth", "missing"),
    "no tokens": Wrong("1B", "0", 3, 11, "train.tokens", "`0`", "more than 0"),
    "negative tokens": Wrong("1B", "-1B", 3, 11, "train.tokens", "`-1B`", "more than 0"),
    "no chips": Wrong("chips: 8", "chips: 0", 8, 10, "cluster.chips", "`0`", "from 1 to"),
    "half a chip": Wrong("chips: 8", "chips: 7.5", 8, 10, "cluster.chips", "`7.5`", "a whole number"),
    "mistyped auto": Wrong("chips: 8", "chips: autto", 8, 10, "cluster.chips", "autto", "auto", ("auto",)),
    "share above 1": Wrong("chips: 8", "chips: 8\n  network: {bandwidth: 100 Gb/s, efficiency: 120 %}", 9, 46,
                           "cluster.network.efficiency", "120 %", "1 or less"),
    "imbalance below 1": Wrong("1B", "1B\n  expert_imbalance: 0.5", 4, 21, "train.expert_imbalance", "0.5",
                               "1 or more"),
    "unknown model": Wrong("llama-3.2-1b", "lama-3.2-1b", 2, 10, "train.model", "no model `lama-3.2-1b`",
                           "an id, name or alias", ("llama-3.2-1b",)),
    "unknown chip": Wrong("a100-sxm-80", "a100-smx-80", 7, 9, "cluster.chip", "no chip `a100-smx-80`",
                          "an id, name or alias", ("a100-sxm-80",)),
    "unknown software": Wrong("1B", "1B\n  software: megatron-2012", 4, 13, "train.software",
                              "no software profile `megatron-2012`", nearest=("megatron-2021",)),
    "unknown network": Wrong("chips: 8", "chips: 8\n  network: ib-ndrr", 9, 12, "cluster.network",
                             "no network `ib-ndrr`", nearest=("ib-ndr",)),
    "unknown like": Wrong("a100-sxm-80", "{like: a100-smx-80}", 7, 16, "cluster.chip.like", "no chip `a100-smx-80`",
                          nearest=("a100-sxm-80",)),
    "unknown dtype": Wrong("1B", "1B\n  precision: fp9", 4, 14, "train.precision", "`fp9`", "fp8", ("fp8",)),
    "unknown optimizer": Wrong("1B", "1B\n  optimizer: adamm", 4, 14, "train.optimizer", "`adamm`", "muon", ("adam",)),
    "sparse peak": Wrong("a100-sxm-80", "{like: a100-sxm-80, peak: {bf16: 624 TFLOPS}}", 7, 42,
                         "cluster.chip.peak.bf16",
                         "`624 TFLOP/s` is a100-sxm-80's sparse bf16 peak; training uses dense: 312 TFLOP/s"),
    "a sparse rate": Wrong("a100-sxm-80", "{like: a100-sxm-80, peak: {bf16: 500 TFLOPS sparse}}", 7, 42,
                           "cluster.chip.peak.bf16", "is a sparse rate", "312 TFLOP/s"),
    "more than the peak": Wrong("a100-sxm-80", "{like: a100-sxm-80, peak: {bf16: 400 TFLOPS}}", 7, 42,
                                "cluster.chip.peak.bf16", "more than a100-sxm-80's dense peak", "at most 312 TFLOP/s"),
    "another dtype's peak": Wrong("a100-sxm-80", "{like: a100-sxm-80, peak: {bf16: 300 TFLOPS fp16}}", 7, 42,
                                  "cluster.chip.peak.bf16", "is a fp16 rate", "bf16"),
    "no such peak": Wrong("a100-sxm-80", "{like: a100-sxm-80, peak: {bf17: 300 TFLOPS}}", 7, 36,
                          "cluster.chip.peak.bf17", "`bf17`", "bf16", ("bf16",)),
    "a dtype the chip lacks": Wrong("1B", "1B\n  precision: fp8", 4, 14, "train.precision",
                                    "a100-sxm-80 has no known fp8 peak", "bf16"),
    "an unverified chip": Wrong("a100-sxm-80", "kunlun-p800", 7, 9, "cluster.chip", "unverified",
                                "--allow-unverified"),
    "tp splits no heads": Wrong("tp: 2", "tp: 7", 10, 7, "plan.tp", "7 does not divide 32 heads", "4, 8"),
    "dp splits no batch": Wrong("tp: 2", "dp: 3", 10, 7, "plan.dp", "3 does not divide a global batch of 16", "2, 4"),
    "pp splits no chips": Wrong("tp: 2", "pp: 5", 10, 3, "plan", "5 does not divide 8 chips", "a multiple of 5"),
    "more stages than layers": Wrong("tp: 2", "pp: 99", 10, 7, "plan.pp", "more than 16 layers", "16"),
    "experts of a dense model": Wrong("tp: 2", "ep: 2", 10, 7, "plan.ep", "llama-3.2-1b has none", "1"),
    "a list for a section": Wrong("plan:\n  tp: 2", "plan: []", 9, 7, "plan", "a list", "a mapping"),
    "an empty section": Wrong("plan:\n  tp: 2", "plan:", 9, 6, "plan", "null", "a mapping"),
    "a number for a model": Wrong("llama-3.2-1b", "5", 2, 10, "train.model", "`5`", "text in quotes or a mapping"),
    "open bracket": Wrong("1B", "[1B", 4, 18, "", "is not valid YAML"),
    "a tab": Wrong("  tokens", "\ttokens", 3, 1, "", "is not valid YAML"),
    "no is not false": Wrong("tp: 2", "sequence_parallel: no", 10, 22, "", "means different things", "`false`"),
    "1e9 is not a number": Wrong("1B", "1e9", 3, 11, "", "means different things", "1.0e+9"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_an_error_says_what_where_and_what_instead(case: Wrong, tmp_path: Path) -> None:
    assert case.old in TEXT
    path = written(TEXT.replace(case.old, case.new), tmp_path)
    with pytest.raises(InputError) as caught:
        planned(path)
    error = caught.value
    assert case.says in error.message
    assert error.field == case.field
    assert case.expected in error.expected
    assert error.nearest[: len(case.nearest)] == case.nearest
    assert error.place is not None
    assert (error.place.file, error.place.line, error.place.column) == (str(path), case.line, case.column)
    assert str(error).startswith(f"{path}:{case.line}:{case.column}: ")


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("chips: 8", "chips: auto", 7, "`chips: auto` needs a deadline"),
        ("global_batch: 16", "global_batch: 16\n  global_batch_tokens: 4M", 2, "give one of global_batch"),
        ("  global_batch: 16\n", "", 2, "give one of global_batch"),
        ("global_batch: 16", "global_batch_tokens: 100", 2, "less than one sequence of 2048 tokens"),
        ("1B", "1B\n  precision: [{dtype: bf16, share: 50 %}]", 2, "the shares add up to 0.5"),
        ("1B", "1B\n  precision: []", 2, "the shares add up to 0"),
    ],
)
def test_fields_that_do_not_go_together_are_told_in_their_section(
    old: str, new: str, line: int, says: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        read_scenario(written(TEXT.replace(old, new), tmp_path))
    assert says in caught.value.message
    assert caught.value.place is not None
    assert caught.value.place.line == line


@pytest.mark.parametrize("text", ["", "- a\n", "hello\n", "null\n"])
def test_a_file_that_is_no_mapping(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a mapping"):
        read_scenario(written(text, tmp_path))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    not_text = tmp_path / "binary.yaml"
    not_text.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path, tmp_path / "none.yaml", not_text):
        with pytest.raises(InputError) as caught:
            read_scenario(path)
        assert caught.value.place is not None
        assert caught.value.place.file == str(path)


def test_the_first_of_several_errors_is_told_and_the_rest_counted(tmp_path: Path) -> None:
    wrong = TEXT.replace("1B", "80 GB").replace("chips: 8", "chips: 0")
    with pytest.raises(InputError, match=r"train.tokens.*and 1 more error"):
        read_scenario(written(wrong, tmp_path))


def test_an_unverified_chip_still_needs_its_figures(tmp_path: Path) -> None:
    base = changed(SMALL, cluster__chip="kunlun-p800", train__precision="fp16")
    with pytest.raises(InputError, match=r"the catalog knows no .* bandwidth of kunlun-p800"):
        planned(written(base, tmp_path), allow_unverified=True)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_reads_the_same_from_its_copy(name: str, tmp_path: Path) -> None:
    assert read_scenario(copy_example(name, tmp_path))[0] == read_scenario(EXAMPLES[name])[0]
    with pytest.raises(InputError, match="is there already"):
        copy_example(name, tmp_path)


def test_an_unknown_example_tells_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        copy_example("gpt3-175", Path("nowhere"))
    assert caught.value.nearest[0] == "gpt3-175b"


# A batch given in tokens


def test_16m_tokens_of_8192_are_2048_sequences() -> None:
    assert divisible_batch(16e6 / 8192) == 2048  # arXiv:2407.21783, table 4: 128 replicas of 16 sequences
    assert divisible_batch(8e6 / 8192) == 1024
    assert divisible_batch(3.2e6 / 2048) == 1536  # GPT-3's 3.2M tokens, Brown et al. 2020, table 2.1


@given(st.integers(0, 40))
def test_a_power_of_two_stays(power: int) -> None:
    assert divisible_batch(float(2**power)) == 2**power


@given(st.floats(10, 1e5))
def test_the_batch_with_most_factors_of_two_within_the_tolerance(sequences: float) -> None:
    rounded = divisible_batch(sequences)
    low, high = sequences * (1 - LARGEST_ROUNDING), sequences * (1 + LARGEST_ROUNDING)
    near = [number for number in range(int(low), int(high) + 2) if low * (1 + 1e-12) <= number <= high * (1 - 1e-12)]
    assert low * (1 - 1e-12) <= rounded <= high * (1 + 1e-12)
    assert all(_twos(rounded) >= _twos(number) for number in near)
    for number in near:
        if _twos(number) == _twos(rounded):
            assert abs(rounded - sequences) <= abs(number - sequences) * (1 + 1e-9)


def _twos(number: int) -> int:
    return (number & -number).bit_length()

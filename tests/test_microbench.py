"""Microbenchmarks: a machine of known law gives its figures back, and the file written is used by plans."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from petaday import cli
from petaday.calibration import torch_gpu
from petaday.calibration.collectives import NAMES, Exchange, measure_exchanges
from petaday.calibration.fit import PLAUSIBLE, START, predicted
from petaday.calibration.microbench import SIZES, Device, Point, Sizes, Work, measure
from petaday.calibration.payload import calibration_data
from petaday.calibration.session import calibrate
from petaday.calibration.timing import LONG_ENOUGH, median_seconds
from petaday.calibration.write import catalog_text, write
from petaday.catalog import load
from petaday.catalog.edit import add
from petaday.chip.law import ChipLaw
from petaday.errors import InputError
from petaday.units import bits

FIGURES = {
    "gemm": 0.79, "gemm_m": 60.0, "gemm_n": 90.0, "gemm_k": 82.0, "memory": 0.83, "attention_forward": 0.62,
    "attention_backward": 0.48, "attention_sequence": 500.0, "launch": 3.7e-6,
}  # fmt: skip
H100 = Device("cuda", "NVIDIA H100 80GB HBM3", 85e9, {"torch": "2.9", "cuda": "12.9", "driver": "580.1"})
UNKNOWN = replace(H100, name="Accelerator 9000")
FEW = Sizes((64, 1024, 8192), (512, 2048, 8192), ("bf16", "fp8"), (512, 2048, 8192), 32,
            tuple(2**power for power in range(14, 31, 4)))  # fmt: skip


class Fake:
    """A machine that follows the law, with noise, and lacks some dtypes."""

    def __init__(self, device: Device = H100, noise: float = 0.0, dtypes: tuple[str, ...] = ("bf16", "fp8")) -> None:
        self.device, self.dtypes, self.asked = device, dtypes, 0
        self.noise, self.random = noise, np.random.default_rng(7)
        self.peaks = {"bf16": 989.4e12, "fp8": 1978.9e12}

    @property
    def gpus(self) -> int:
        return 0

    def seconds(self, work: Work) -> float | None:
        self.asked += 1
        if work.dtype not in self.dtypes:
            return None
        peak = self.peaks[work.dtype]
        law = ChipLaw(peak, 989.4e12, 3350e9, bits(work.dtype) / 8, **FIGURES)
        return float(predicted([Point(work, 1.0)], law)[0] * np.exp(self.noise * self.random.normal()))


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "catalog"
    monkeypatch.setenv("PETADAY_CATALOG", str(folder))
    load.refresh()
    yield folder
    load.refresh()


def test_the_fit_recovers_a_known_law() -> None:
    pytest.importorskip("scipy")
    found = calibrate(H100, measure(Fake(), FEW))
    assert found.known is not None
    assert found.known.id == "h100-sxm-80"
    assert [fitted.dtype for fitted in found.fits] == ["bf16", "fp8"]
    for fitted in found.fits:
        assert fitted.figures() == pytest.approx(FIGURES, rel=1e-3)
        assert fitted.loss < 1e-4


def test_standard_errors_cover_the_truth() -> None:
    pytest.importorskip("scipy")
    (fitted, _) = calibrate(H100, measure(Fake(noise=0.03), FEW)).fits
    for name, value in fitted.figures().items():
        assert abs(value - FIGURES[name]) < 4 * fitted.errors[name]
        assert fitted.errors[name] < 0.5 * value
    assert 0.005 < fitted.loss < 0.05


def test_a_figure_at_an_edge_is_refused_unless_forced() -> None:
    pytest.importorskip("scipy")
    slow = [replace(p, seconds=p.seconds * 50) if p.work.kind == "gemm" else p for p in measure(Fake(), FEW)]
    with pytest.raises(InputError, match=r"edge of what is plausible for gemm \(0\.2") as error:
        calibrate(H100, slow)
    assert error.value.field == "gemm"
    forced = calibrate(H100, slow, force=True)
    assert "gemm" in forced.fits[0].forced
    assert "kept by --force" in catalog_text(forced, "x", "")


def test_a_machine_that_follows_no_law_is_refused_unless_forced() -> None:
    pytest.importorskip("scipy")
    restless = measure(Fake(noise=0.7), FEW)
    with pytest.raises(InputError, match=r"bf16 fit leaves a median error of \d+%"):
        calibrate(H100, restless)
    forced = calibrate(H100, restless, force=True).fits[0]
    assert set(forced.forced) == set(PLAUSIBLE)


def test_a_figure_smaller_than_its_error_is_an_estimate() -> None:
    pytest.importorskip("scipy")
    found = calibrate(H100, measure(Fake(), FEW))
    blurred = replace(found.fits[0], errors={**found.fits[0].errors, "launch": 1.0, "gemm_n": 1e4})
    first, second = (catalog_text(replace(found, fits=(fit,)), "x", "") for fit in (found.fits[0], blurred))
    assert second.count("estimate: true") == first.count("estimate: true") + 1


def test_an_unknown_chip_has_its_best_rates_as_peaks() -> None:
    pytest.importorskip("scipy")
    found = calibrate(UNKNOWN, measure(Fake(UNKNOWN), FEW), force=True)
    assert found.known is None
    assert found.peaks == found.best
    assert found.peaks["bf16"] < 989.4e12
    assert calibrate(UNKNOWN, measure(Fake(UNKNOWN), FEW), chip="h100").peaks["bf16"] == 989.4e12


def test_a_dtype_that_the_machine_lacks_is_asked_for_once() -> None:
    fake = Fake(dtypes=("bf16",))
    points = measure(fake, FEW)
    assert {point.work.dtype for point in points} == {"bf16"}
    assert fake.asked == len(points) + 1
    halves = measure(Fake(dtypes=("fp8",)), FEW)
    assert {point.work.dtype for point in halves if point.work.kind == "copy"} == {"fp8"}
    with pytest.raises(InputError, match="nothing could be measured"):
        calibrate(H100, [])


def test_work_counts_what_the_law_counts() -> None:
    assert Work("gemm", "bf16", 2, 3, 4).flops == 48
    assert Work("gemm", "fp8", 2, 3, 4).moved == 8 + 12 + 12
    forward, backward = (Work(kind, "bf16", 8, 1024) for kind in ("attention_forward", "attention_backward"))
    assert backward.flops == 2.5 * forward.flops == 2.5 * 4 * 128 * 8 * 1024**2 / 2
    assert Work("add", "fp32", 1000).moved == 12000
    assert set(START) == set(PLAUSIBLE) == set(FIGURES)
    assert {16384, 512} <= set(SIZES["cuda"].tokens)


def test_medians_of_long_enough_samples() -> None:
    asked: list[int] = []

    def clock(call: object, times: int) -> float:
        asked.append(times)
        return times * (1e-4 if len(asked) != 3 else 1.0)

    assert median_seconds(lambda _: None, clock) == pytest.approx(1e-4)
    assert asked[-1] == round(LONG_ENOUGH / 1e-4)


def test_the_rate_of_a_ring() -> None:
    assert Exchange("all-reduce", 8, 800, 1.0).rate == 1400
    assert Exchange("all-gather", 8, 800, 1.0).rate == 700


@pytest.mark.parametrize("device", [H100, UNKNOWN])
def test_the_file_is_added_and_used(device: Device, tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    exchanges = [Exchange("all-reduce", 8, 2**30, 0.005)]
    found = calibrate(device, measure(Fake(device), FEW), exchanges=exchanges, force=True)
    out = tmp_path / "my-gpu.yaml"
    write(found, out, "petaday calibrate --microbench --out my-gpu.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["my-gpu.yaml"]
    added = add(out)
    assert added.ids == ("my-gpu",)
    chip = load.chip("my-gpu")
    efficiency = load.efficiency_of(chip, "bf16")
    fitted = found.fits[0]
    assert efficiency.inherited == ""
    assert efficiency.fit is not None
    assert efficiency.fit.rows == fitted.points
    for name, value in fitted.figures().items():
        figure = getattr(efficiency.figures, name)
        assert figure.value == pytest.approx(value, abs=0.06, rel=2e-3)
        assert figure.estimate == (name in fitted.forced)
        assert device.name in figure.source
        assert "driver 580.1" in figure.source
    assert efficiency.figures.sustained.estimate
    assert chip.peak["bf16"].estimate == (device is UNKNOWN)


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    found = calibrate(H100, measure(Fake(), FEW))
    out = tmp_path / "my-gpu.yaml"
    out.write_text("mine")
    with pytest.raises(InputError, match="exists"):
        write(found, out, "")
    assert out.read_text() == "mine"
    write(found, out, "", force=True)
    assert "chips:" in out.read_text()
    with pytest.raises(InputError, match="no folder"):
        write(found, tmp_path / "nowhere" / "x.yaml", "")
    with pytest.raises(InputError, match="names no chip"):
        write(found, tmp_path / "My GPU.yaml", "")
    assert "e-0" not in catalog_text(found, "x", "")
    json.dumps(calibration_data(found, out), allow_nan=False)


def test_own_efficiencies_come_first_and_name_known_chips(own: Path, tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    text = catalog_text(calibrate(H100, measure(Fake(), FEW)), "my-gpu", "")
    stranger = tmp_path / "my-gpu.yaml"
    stranger.write_text(text.replace('- chip: "my-gpu"', '- chip: "my-gpv"'))
    with pytest.raises(InputError, match=r"my-gpv.*did you mean my-gpu"):
        add(stranger)
    assert not own.exists()
    shipped = load.efficiencies()
    stranger.write_text(text.replace('- chip: "my-gpu"', '- chip: "h100-sxm-80"'))
    add(stranger)
    assert load.efficiencies()[2:] == shipped
    assert load.efficiency_of(load.chip("h100-sxm-80"), "bf16").figures.gemm_n.value == pytest.approx(90, rel=1e-2)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["petaday", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch_gpu, "torch_machine", lambda device: Fake())
    monkeypatch.setitem(SIZES, "cuda", FEW)
    assert run(monkeypatch, "calibrate", "--microbench", "--out", "my-gpu.yaml") == 0
    out = capsys.readouterr().out
    for word in ("standard error", "1.979 PFLOP/s", "loss", "share", "gemm_k"):
        assert word in out
    assert run(monkeypatch, "calibrate", "--microbench", "--out", "my-gpu.yaml") == 2
    assert "exists" in capsys.readouterr().err
    assert run(monkeypatch, "calibrate", "--microbench", "--out", "my-gpu.yaml", "--force", "--json") == 0
    assert json.loads(capsys.readouterr().out)["chip"] == "h100-sxm-80"
    assert run(monkeypatch, "catalog", "add", "my-gpu.yaml") == 0
    Path("s.yaml").write_text(
        "train: {model: llama-3.1-8b, tokens: 1T, sequence_length: 8192, global_batch: 512}\n"
        "cluster: {chip: my-gpu, chips: 64}\n"
    )
    capsys.readouterr()
    assert run(monkeypatch, "plan", "s.yaml") == 0
    assert "efficiencies inherited" not in capsys.readouterr().out


def test_a_plan_on_an_unknown_chip_measured_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("scipy")
    monkeypatch.chdir(tmp_path)
    write(calibrate(UNKNOWN, measure(Fake(UNKNOWN), FEW), force=True), Path("my-gpu.yaml"), "")
    assert run(monkeypatch, "catalog", "add", "my-gpu.yaml") == 0
    Path("s.yaml").write_text(
        "train: {model: llama-3.1-8b, tokens: 1T, sequence_length: 8192, global_batch: 512}\n"
        "cluster: {chip: my-gpu, chips: 64, network: ib-ndr}\n"
    )
    assert run(monkeypatch, "plan", "s.yaml") == 0
    assert "MFU" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [(), ("--microbench", "--data", "runs.csv")])
def test_one_source_of_measurements(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "calibrate", "--out", "x.yaml", *arguments) == 2
    assert "give one of --data and --microbench" in capsys.readouterr().err
    assert not Path("x.yaml").exists()


def test_without_pytorch_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert run(monkeypatch, "calibrate", "--microbench", "--out", str(tmp_path / "x.yaml")) == 2
    assert 'pip install "petaday[microbench]"' in capsys.readouterr().err


@pytest.mark.filterwarnings("default")
def test_pytorch_on_the_cpu() -> None:
    pytest.importorskip("torch")
    machine = torch_gpu.torch_machine("cpu")
    assert machine.device.kind == "cpu"
    few = Sizes((16, 64), (64, 128), ("bf16", "fp32"), (64, 128), 1, (2**14, 2**18))
    points = measure(machine, few)
    assert {point.work.kind for point in points} == {
        "gemm", "attention_forward", "attention_backward", "copy", "add", "softmax"
    }  # fmt: skip
    assert all(point.seconds > 0 for point in points)
    with pytest.raises(InputError, match="no device `abacus`"):
        torch_gpu.torch_machine("abacus")


@pytest.mark.filterwarnings("default")
def test_collectives_between_processes() -> None:
    assert measure_exchanges(1) == []
    pytest.importorskip("torch")
    exchanges = measure_exchanges(2, sizes=(2**16,), backend="gloo")
    assert tuple(exchange.name for exchange in exchanges) == NAMES
    assert all(exchange.rate > 0 for exchange in exchanges)
    with pytest.raises(InputError, match="collectives over 2 GPUs failed"):
        measure_exchanges(2, sizes=(2**16,), backend="pigeons")

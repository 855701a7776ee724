"""Fit the few figures of the A100 training profiles and print them with errors in and out of sample.

    python benchmarks/fit_software.py --data training_measurements.csv

What is fitted on what, and nothing else:
  megatron-deepspeed-2023  slowdown, host_launch   every second vTrain run; held out: the others
  ib-hdr, ib-edr           efficiency              the same runs
  megatron-2021            straggling              Megatron-LM runs of the scaling paper; held out: a model at a time
  deepspeed-2021           shard_bandwidth         ZeRO-3 runs of the same paper; held out: a model at a time
  megatron-2022-sp         straggling              Megatron-LM runs of May 2022; held out: a model at a time
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from petaday.training.job import Job
from petaday.validation.rows import Row, predict, read_rows, software_of
from petaday.validation.suite import errors_of

START = {"slowdown": 1.05, "straggling": 0.01, "host_launch": 1e-4, "efficiency": 0.9, "shard_bandwidth": 0.3}


def adjusted(figures: dict[str, float]) -> Callable[[Job], Job]:
    """A change of a job's fitted figures."""
    own = {name: value for name, value in figures.items() if name != "efficiency"}

    def change(job: Job) -> Job:
        network = job.network
        if "efficiency" in figures:
            network = replace(network, scale_out_efficiency=figures["efficiency"])
        return replace(job, software=replace(job.software, **own), network=network)

    return change


def log_errors(rows: list[Row], figures: dict[str, float]) -> np.ndarray:
    """ln(predicted/measured) of every row."""
    return np.log([(each := predict(row, adjusted(figures))).predicted / each.measured for row in rows])


def fit(rows: list[Row], names: tuple[str, ...]) -> dict[str, float]:
    """Figures that minimise a robust loss of the log errors, in units of their starting values."""
    start = np.array([START[name] for name in names])

    def figures(scaled: np.ndarray) -> dict[str, float]:
        return dict(zip(names, (scaled * start).tolist(), strict=True))

    solution = least_squares(
        lambda scaled: log_errors(rows, figures(scaled)),
        np.ones(len(names)),
        bounds=(0, 10),
        loss="soft_l1",
        f_scale=0.03,
        diff_step=0.02,
    )
    return figures(solution.x)


def report(name: str, errors: np.ndarray) -> None:
    """Print the statistics of some log errors."""
    told = errors_of(np.exp(errors) - 1)
    print(f"  {name}: {told.n} rows, median {told.median:.1%}, p90 {told.p90:.1%}, bias {told.bias:+.1%}")


def fit_and_hold_out(profile: str, rows: list[Row], names: tuple[str, ...]) -> None:
    """Fit on all rows for the figures to ship, and on all but one model at a time for the honest error."""
    figures = fit(rows, names)
    print(f"{profile}: " + ", ".join(f"{name} {value:.4g}" for name, value in figures.items()))
    report("fitted", log_errors(rows, figures))
    held_out = []
    for model in sorted({row["model"] for row in rows}):
        rest = [row for row in rows if row["model"] != model]
        held_out.append(log_errors([row for row in rows if row["model"] == model], fit(rest, names)))
    report("held out by model", np.concatenate(held_out))


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    rows = [row for row in read_rows(parser.parse_args().data) if row["step_time_s"] and row["n_accelerators"]]

    vtrain = [row for row in rows if row["source_family"] == "vtrain"]
    figures = fit(vtrain[::2], ("slowdown", "host_launch", "efficiency"))
    print("megatron-deepspeed-2023 and ib-hdr, ib-edr: " + ", ".join(f"{n} {v:.4g}" for n, v in figures.items()))
    report("fitted", log_errors(vtrain[::2], figures))
    report("held out", log_errors(vtrain[1::2], figures))

    scaling = [row for row in rows if "(Megatron 2021)" in row["model"]]
    for profile, names in (("megatron-2021", ("straggling",)), ("deepspeed-2021", ("shard_bandwidth",))):
        fit_and_hold_out(profile, [row for row in scaling if software_of(row) == profile], names)
    recompute = [
        row
        for row in rows
        if software_of(row) == "megatron-2022-sp" and row["date"] == "2022-05" and row["global_batch"]
    ]
    fit_and_hold_out("megatron-2022-sp", recompute, ("straggling",))


if __name__ == "__main__":
    main()

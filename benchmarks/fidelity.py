"""Write docs/fidelity.md, its plots and the READMEs' table: all errors, what was held out, the worst rows and why.

python benchmarks/fidelity.py
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from petaday.catalog import load
from petaday.report.error_page import plots
from petaday.validation.payload import validation_data
from petaday.validation.table import read_rows
from petaday.validation.training import RECORD

Data = dict[str, Any]
DOCS = Path(__file__).parents[1] / "docs"
WORST = 10

REASONS: tuple[tuple[Callable[[dict[str, str]], bool], str], ...] = (
    (
        lambda row: row["family"] == "moe" and row["source_family"] in ("dgxc-benchmarking", "megatron-bridge"),
        "the expert path of NeMo and Megatron-Bridge doubled its speed within a year; a profile is one date's average",
    ),
    (
        lambda row: row["source_family"] == "automodel" and row["task"] == "lora",
        "adapters over sharded frozen weights: this stack gathers every weight in each micro-batch and hides little of it",
    ),
    (
        lambda row: row["source_family"] == "automodel",
        "few runs of a stack whose expert path differs from Megatron's",
    ),
    (
        lambda row: row["source_family"] == "torchtitan" and row["pp"] not in ("", "1"),
        "the table leaves interleaving and micro-batch open, and the search takes the best; the runs did not",
    ),
    (lambda row: row["source_family"] == "torchtitan", "eager, compiled and asynchronous runs share all columns"),
    (
        lambda row: row["source_family"] == "bloom",
        "4 Omni-Path ports a node shared by 8 GPUs, and rows that differ in nothing but the day are 20 % apart",
    ),
    (
        lambda row: row["source_family"] == "ascend",
        "one stack, but attention masks and norms of each model run unfused or fused",
    ),
    (
        lambda row: row["accelerator"].startswith("Google"),
        "slices joined by a data-centre network whose share is estimated",
    ),
    (
        lambda row: row["source_family"] == "vtrain",
        "one run of a sweep at twice the time of its neighbours, which are predicted within a few per cent",
    ),
    (lambda row: row["task"] == "lora", "packing and adapters differ between submitters and are not in the columns"),
    (lambda row: "" in (row["recompute"], row["micro_batch"]), "part of the plan is not in the table"),
)
"""Why rows like these are missed; the first that fits is told."""


def main() -> None:
    """Predict, and write the page."""
    data = validation_data()
    rows = {row["id"]: row for row in read_rows(RECORD)}
    (DOCS / "fidelity").mkdir(exist_ok=True)
    images = plots(data)
    for name, svg in images.items():
        (DOCS / "fidelity" / f"{name}.svg").write_text(svg, encoding="utf-8")
    page = [INTRODUCTION, _summary(data), _held_out(data), _verdicts(data), _ranking(data), "## Plots\n"]
    page += [f"![{name.replace('-', ' ')}](fidelity/{name}.svg)\n" for name in images]
    page += [_breakdown(data), _worst(data, rows), _fits(), COLUMNS]
    (DOCS / "fidelity.md").write_text("\n".join(page), encoding="utf-8")
    short = _short(data)
    for name in ("README.md", "README.zh.md"):
        readme = DOCS.parent / name
        text = readme.read_text(encoding="utf-8")
        block = re.compile(r"(<!-- fidelity -->\n).*?(<!-- end of fidelity -->)", re.DOTALL)
        readme.write_text(block.sub(lambda match: match[1] + short + match[2], text), encoding="utf-8")


INTRODUCTION = """# Fidelity

How far petaday's predictions lie from published measurements, made by `python benchmarks/fidelity.py`; `petaday validate`
prints the same and more. Nothing in the package branches on being validated: a row of the record becomes a scenario, and
`plan` answers it.

Errors of training runs are |ln(predicted/measured)| of configurations: runs of one configuration count once. "Median" and
"p90" are averaged over cells, a cell being what one source measured on one accelerator, so that a long table counts no more
than a short one; "pooled" is over all configurations alike. Rows of tier A and B are scored; a plan is known where tensor,
pipeline and data ranks, micro-batch and recomputation are all given, and is searched otherwise.
"""


def _table(head: list[str], lines: list[list[str]]) -> str:
    marks = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, marks, *lines)) + "\n"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} %"


def _summary(data: Data) -> str:
    lines = []
    for suite in data["suites"]:
        lines.append(
            [
                suite["name"],
                f"{suite['predicted']:,} of {suite['n']:,}",
                *(_percent(suite[key]) for key in ("median_abs_pct", "p90_abs_pct", "bias_pct")),
                _percent(suite.get("pooled_median_abs_pct")),
                _percent(suite.get("inside_80_pct_interval_pct")),
            ]
        )
    head = ["suite", "rows predicted", "median", "p90", "bias", "pooled median", "inside the 80 % interval"]
    return "## Suites\n\n" + _table(head, lines)


def _short(data: Data) -> str:
    """A line for each suite, and for each operation of the kernels: all dtypes together."""
    lines = []
    kernels: dict[str, list[str]] = {}
    for suite in data["suites"]:
        name = suite["name"]
        if name.startswith("kernels "):
            kernels.setdefault(name.rpartition(" ")[0], []).append(name)
            continue
        numbers = (_percent(suite[key]) for key in ("median_abs_pct", "p90_abs_pct", "bias_pct"))
        lines.append([name, f"{suite['predicted']:,} of {suite['n']:,}", *numbers])
    for operation, names in kernels.items():
        rows = [row for row in data["rows"] if row["suite"] in names]
        errors = np.array([row["error_pct"] for row in rows if row["error_pct"] is not None])
        numbers = (np.median(np.abs(errors)), np.quantile(np.abs(errors), 0.9), np.median(errors))
        label = f"{operation}, {len(names)} dtypes"
        lines.append([label, f"{len(errors):,} of {len(rows):,}", *(_percent(float(number)) for number in numbers)])
    return _table(["suite", "rows predicted", "median error", "p90", "bias"], lines)


def _verdicts(data: Data) -> str:
    told = data["verdicts"]
    cells = [str(told["plans"]), *(_percent(told[name]) for name in ("right_pct", "recall_pct", "false_alarms_pct"))]
    return "## Verdicts on memory\n\nPlans of nanotron's sweep that ran or ran out of memory.\n\n" + _table(
        ["plans", "right", "failures that we call failures", "runs that we call failures"], [cells]
    )


def _ranking(data: Data) -> str:
    lines = [
        [
            line["name"], str(line["groups"]), str(line["plans"]),
            *("" if line[key] is None else f"{line[key]:.2f}" for key in ("spearman", "regret", "worst")),
            f"{line['near_pct']:.0f} %",
        ]
        for line in data["ranking"]["statistics"]
    ]  # fmt: skip
    head = ["groups of", "groups", "plans", "median Spearman", "median regret", "worst", "choices within 5 %"]
    return (
        "## Ranking of plans\n\nGroups of at least four plans of one model on one number of chips. Regret is the measured "
        "time of the plan that we would have chosen over the best measured one.\n\n" + _table(head, lines)
    )


def _held_out(data: Data) -> str:
    inside = data["held_out"][0]["median_abs_pct"]
    lines = [
        [
            line["held_out"],
            str(line["configurations"]),
            *(_percent(line[key]) for key in ("median_abs_pct", "p90_abs_pct", "bias_pct")),
            f"{line['median_abs_pct'] / inside:.2f}",
        ]
        for line in data["held_out"]
    ]
    head = ["held out of the fit", "configurations", "pooled median", "p90", "bias", "over in-sample"]
    return (
        "## Held out\n\nFits without a whole source, chip, scale, or a fifth of the configurations at a time. Without its "
        "source most profiles are as unknown as a stack nobody measured; without its runs a chip has the figures of its "
        "generation, vendor or class.\n\n" + _table(head, lines)
    )


def _breakdown(data: Data) -> str:
    """Tables by label of the suites that have labels; of those that were fitted the held-out half is enough."""
    parts = []
    for suite in data["suites"]:
        for label in ("scenario", "chip", "scale", "family", "dtype", "software", "engine"):
            if label in suite["by"] and not suite["name"].endswith("fitted") and suite["predicted"]:
                pooled = "configurations" in suite["by"][label][0]
                count, keys = ("configurations", BROKEN_DOWN) if pooled else ("n", PLAIN)
                lines = [
                    [line["name"], str(line[count]), *(_percent(line[key]) for key in keys)]
                    for line in suite["by"][label]
                ]
                words = ["pooled median", "pooled p90", "pooled bias"] if pooled else ["median", "p90", "bias"]
                head = [label, "configurations" if pooled else "rows", *words]
                parts.append(f"### {suite['name']}, by {label}\n\n" + _table(head, lines))
    return "## Broken down\n\n" + "\n".join(parts)


PLAIN = ("median_abs_pct", "p90_abs_pct", "bias_pct")
BROKEN_DOWN = ("pooled_median_abs_pct", "pooled_p90_abs_pct", "pooled_bias_pct")


def _worst(data: Data, rows: dict[str, dict[str, str]]) -> str:
    told = [row for row in data["rows"] if row["suite"].startswith("training, plan") and row["predicted"] is not None]
    told.sort(key=lambda row: -abs(row["error_pct"]))
    seen: set[str] = set()
    lines = []
    for row in told:
        known = rows[row["id"]]
        if known["config_group"] not in seen and len(lines) < WORST:
            seen.add(known["config_group"])
            reason = next((text for fits, text in REASONS if fits(known)), "not explained")
            lines.append(
                [
                    row["id"],
                    f"{row['measured']:.4g} s",
                    f"{row['predicted']:.4g} s",
                    f"{row['error_pct']:+.0f} %",
                    reason,
                ]
            )
    return "## The worst ten, and why\n\n" + _table(["row", "measured", "predicted", "error", "why"], lines)


def _fits() -> str:
    lines = []
    for record in load.fits():
        kind, name = record.scope
        if kind in ("software", "chip"):
            figures = ", ".join(
                f"{figure} {each.value:.3g} ± {each.error:.2g}" for figure, each in record.figures.items()
            )
            whose = name if kind == "software" else f"{name} in {record.dtype}"
            lines.append([whose, figures, str(record.runs), f"{record.loss:.1%}", f"{record.held_out:.1%}"])
    return (
        "## What was fitted\n\nAt most four figures a software profile and two a chip and dtype, jointly "
        "(`python benchmarks/fit_training.py`).\n\n"
        + _table(["whose", "figures ± standard error", "runs", "median error", "held out"], lines)
    )


COLUMNS = """## The columns of a table of runs

`petaday validate --data my-runs.csv` reads any CSV table with these columns. Required: `model`, `accelerator` (any
spelling the catalog knows), `n_accelerators`, `seq_len` (tokens), `global_batch` (sequences), `step_time_s` (seconds per
optimizer step), `dtype` (of the GEMMs). Used where given: `id`, `framework`, `layers`,
`hidden`, `ffn`, `gated_ffn`, `heads`,
`kv_heads`, `head_dim`, `vocab`, `experts`, `topk`, `moe_ffn`, `shared_experts` (a model the catalog knows by name may leave
them out), `task` (`pretrain`, `sft`, `lora`), `micro_batch`, `tp`, `pp`, `vpp`, `cp`, `ep`, `etp`, `dp`,
`sequence_parallel`, `sharding`, `recompute`, `scale_up_domain`, `scale_out_Gbps_per_gpu`, `net_source`, `date`, `tier`,
`config_group`, `source_family`. A row that cannot be predicted is listed with the reason.
"""


if __name__ == "__main__":
    main()

"""Take the lengths of prompts and outputs from recorded traces and write the catalog's `lengths.yaml`.

python benchmarks/fit_lengths.py --data folder
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from petaday.catalog import load
from petaday.catalog.lengths import LengthLaw, Marginal
from petaday.serving.lengths import measured
from petaday.study.traces import open_trace

COMMAND = "python benchmarks/fit_lengths.py"

TRACES = {
    "azure-conv-2023": (
        "Azure conversation 2023",
        ("azure-conv",),
        "AzureLLMInferenceTrace_conv.csv",
        "github.com/Azure/AzurePublicDataset, one hour of 2023-11-16 (Patel et al. 2024, Splitwise, arXiv:2311.18677)",
        "CC-BY-4.0",
    ),
    "azure-code-2023": (
        "Azure code completion 2023",
        ("azure-code",),
        "AzureLLMInferenceTrace_code.csv",
        "github.com/Azure/AzurePublicDataset, one hour of 2023-11-16 (Patel et al. 2024, Splitwise, arXiv:2311.18677)",
        "CC-BY-4.0",
    ),
    "mooncake-conversation": (
        "Mooncake conversation",
        (),
        "mooncake_conversation_trace.jsonl.gz",
        "github.com/kvcache-ai/Mooncake, FAST'25 release, one hour (Qin et al. 2025, arXiv:2407.00079)",
        "Apache-2.0",
    ),
    "mooncake-synthetic": (
        "Mooncake synthetic",
        (),
        "mooncake_synthetic_trace.jsonl.gz",
        "github.com/kvcache-ai/Mooncake, FAST'25 release, 17 minutes (Qin et al. 2025, arXiv:2407.00079)",
        "Apache-2.0",
    ),
}
"""Id, name, aliases, file, source and licence."""

PROBABILITIES = (
    0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, *np.arange(0.1, 0.9, 0.025),
    0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995, 0.9975, 0.999, 0.9995, 1.0,
)  # fmt: skip

DRAWN = 1_000_000
"""Requests drawn for the distance: sampling adds less than 0.002 to it."""

HEAD = f"""# Written by `{COMMAND}` from public traces: quantiles in tokens (see docs/traces.md).
lengths:
"""


def main() -> None:
    """Print and write each trace's law with its distance from the trace."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, required=True, help="folder of the traces")
    folder = options.parse_args().data
    written = [entry(id_, folder) for id_ in TRACES]
    (load.DATA / "lengths.yaml").write_text(HEAD + "".join(written), encoding="utf-8")


def entry(id_: str, folder: Path) -> str:
    """The law of one trace as YAML."""
    name, aliases, file, source, licence = TRACES[id_]
    chunks = list(open_trace(folder / file).chunks)
    columns = [np.concatenate([getattr(chunk, part) for chunk in chunks]) for part in ("prompt", "output")]
    probabilities = tuple(round(float(each), 6) for each in PROBABILITIES)
    own = [
        Marginal(
            mean=round(float(column.mean()), 3),
            quantiles=tuple(np.round(np.quantile(column, probabilities), 2).tolist()),
            distance=0.0,
        )
        for column in columns
    ]
    law = LengthLaw(
        id=id_, name=name, aliases=aliases, rows=len(columns[0]), probabilities=probabilities, prompt=own[0], output=own[1],
        rank_correlation=round(float(spearmanr(*columns).statistic), 4), source=source, licence=licence, command=COMMAND,
    )  # fmt: skip
    drawn = measured(law).draw(np.random.default_rng(0), DRAWN)
    lines = [
        f"  - id: {id_}\n    name: {name}\n    aliases: [{', '.join(aliases)}]\n    rows: {law.rows}\n",
        f"    probabilities: {listed(probabilities)}\n",
    ]
    for part, column, sample, told in zip(("prompt", "output"), columns, drawn, own, strict=True):
        distance = farthest(column, sample)
        lines.append(
            f"    {part}:\n      mean: {told.mean}\n      distance: {distance:.4f}\n"
            f"      quantiles: {listed(told.quantiles)}\n"
        )
        print(f"{id_:24}{part:8}mean {sample.mean() / column.mean() - 1:+.2%}  distance {distance:.4f}")
    lines.append(f'    rank_correlation: {law.rank_correlation}\n    source: "{source}"\n    licence: {licence}\n')
    lines.append(f'    command: "{COMMAND}"\n')
    return "".join(lines)


def farthest(trace: np.ndarray, sample: np.ndarray) -> float:
    """Largest distance between the cumulated shares of two sets of whole numbers."""
    values = np.unique(trace)
    shares = [np.searchsorted(np.sort(each), values, side="right") / len(each) for each in (trace, sample)]
    return float(np.abs(shares[0] - shares[1]).max())


def listed(values: tuple[float, ...]) -> str:
    """Numbers in brackets as strict YAML reads them, over as many lines as they take."""
    text = ", ".join(f"{value:.6f}".rstrip("0").rstrip(".") for value in values)
    return textwrap.fill(f"[{text}]", 116, initial_indent="        ", subsequent_indent="         ").lstrip()


if __name__ == "__main__":
    main()

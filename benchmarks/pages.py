"""Write what the pages show: real output in the READMEs and the pages of docs/ that have some, and docs/fields.md.

    python benchmarks/pages.py

A block after `<!-- output: COMMAND -->` is replaced by the command's output; `accuracy` stands for the table of
errors against other simulators. `<!-- output: COMMAND | without: TITLE; TITLE -->` leaves tables out, `only:` all others.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from accuracy import SETS
from petaday.report.fields import fields
from petaday.validation.rows import predict
from petaday.validation.suite import errors_of
from petaday.validation.table import read_rows
from petaday.validation.training import RECORD

ROOT = Path(__file__).parents[1]
PEERS = {
    "Megatron scaling paper (Narayanan et al. 2021)": ("3.3 %", "10.7 %"),
    "selective recompute paper (Korthikanti et al. 2022)": ("5.9 %", "2.5 % (fitted there)"),
    "vTrain (Megatron-DeepSpeed, 2023)": ("8.5 %", "9.7 %"),
}
"""Median errors of SimuMax 1.2 and Calculon on the same sets, as measured when they were run beside each other."""


def output_of(command: str) -> str:
    """A petaday command and what it prints, or some of it."""
    command, _, parts = command.partition(" | ")
    program = [sys.executable, "-c", "from petaday.cli import main; main()", *shlex.split(command)[1:]]
    text = subprocess.run(program, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    lines = "\n".join(line.rstrip() for line in text.rstrip().splitlines())
    return f"```console\n$ {command}\n{chosen(lines, parts)}\n```\n"


def chosen(text: str, parts: str) -> str:
    """Blocks of an output, which blank lines part and titles begin; what is left out is named."""
    how, _, listed = parts.partition(":")
    titles = tuple(title.strip() for title in listed.split(";") if title.strip())
    kept: list[str] = []
    for block in text.split("\n\n"):
        title = block.lstrip("\n").partition("\n")[0]
        if not titles or title.startswith(titles) == (how == "only"):
            kept.append(block)
        elif how == "without":
            kept.append(f"… {title.strip()}")
    return "\n\n".join(kept)


def accuracy_table(data: Path) -> str:
    """Median errors by set, beside peers and the one-constant baseline."""
    rows = read_rows(data)
    lines = [
        "| published runs | rows | petaday, median | 90th percentile | bias | SimuMax | Calculon | one constant |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, pattern in SETS.items():
        predictions = [predict(row) for row in rows if re.match(pattern, row["id"])]
        own = errors_of(each.error for each in predictions)
        base = errors_of(each.baseline / each.measured - 1 for each in predictions)
        simumax, calculon = PEERS[name]
        lines.append(
            f"| {name} | {own.n} | **{own.median * 100:.1f} %** | {own.p90 * 100:.1f} % | {own.bias * 100:+.1f} % "
            f"| {simumax} | {calculon} | {base.median * 100:.1f} % |"
        )
    return "\n".join(lines) + "\n"


def rewritten(page: str, accuracy: Callable[[], str]) -> str:
    """A page with the output under its markers made anew."""

    def replace(match: re.Match[str]) -> str:
        command = match["command"]
        if command != "accuracy":
            return f"{match['marker']}\n{output_of(command)}"
        return f"{match['marker']}\n{accuracy()}"

    block = r"(?P<marker><!-- output: (?P<command>[^>]+?) -->)\n(?:```console\n.*?\n```\n|(?:\|[^\n]*\n)*)"
    return re.sub(block, replace, page, flags=re.DOTALL)


def fields_page() -> str:
    """Every field of an answer, as a table."""
    lines = [
        "# Fields of an answer",
        "",
        "What `petaday plan --json` prints, by path with list positions left out; `petaday explain` takes any of",
        "them apart. Units stand in the keys. Made by `python benchmarks/pages.py` from the table of `explain`.",
        "",
        "| field | unit | meaning | formula | source |",
        "| --- | --- | --- | --- | --- |",
    ]
    for field in fields():
        cells = (f"`{field.path}`", field.unit, field.meaning, field.formula, field.source)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Rewrite the pages."""
    for page in (*sorted(ROOT.glob("README*.md")), *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text()
        if "<!-- output: " in text:
            page.write_text(rewritten(text, lambda: accuracy_table(RECORD)))
    (ROOT / "docs" / "fields.md").write_text(fields_page())


if __name__ == "__main__":
    main()

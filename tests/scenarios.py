"""Scenarios that the tests of the faces share: a small run to change, the shipped examples, and their answers."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from petaday.report.payload import Data, payload
from petaday.study.answer import Answer
from petaday.study.chain.build import followed
from petaday.study.manifest import manifest
from petaday.study.scenario import read_scenario

ROOT = Path(__file__).parents[1]
EXAMPLES = {path.stem: path for path in sorted((ROOT / "examples").glob("*.yaml")) if "\ntrain:" in path.read_text()}
"""The shipped training scenarios by name."""

SMALL: dict[str, Any] = {
    "train": {"model": "llama-3.2-1b", "tokens": "1B", "sequence_length": 2048, "global_batch": 16},
    "cluster": {"chip": "a100-sxm-80", "chips": 8, "scale_up_domain": 8, "network": "ib-hdr"},
    "plan": {"tp": 2, "pp": 1},
}
"""One billion tokens on one domain of 8 A100; few plans are left open, so that an answer takes some milliseconds."""

DROPPED = object()
"""In place of a value: the field is left out."""


def changed(base: dict[str, Any], **values: object) -> dict[str, Any]:
    """A copy of a scenario with fields replaced; `train__tokens` is `train.tokens`."""
    scenario = copy.deepcopy(base)
    for path, value in values.items():
        *parents, last = path.split("__")
        part = scenario
        for name in parents:
            part = part.setdefault(name, {})
        if value is DROPPED:
            part.pop(last, None)
        else:
            part[last] = value
    return scenario


def written(scenario: dict[str, Any] | str, folder: Path) -> Path:
    """A scenario as a file."""
    path = folder / "scenario.yaml"
    text = scenario if isinstance(scenario, str) else yaml.safe_dump(scenario, sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")
    return path


def planned(path: Path, **options: Any) -> tuple[Answer, Data]:
    """A scenario file's answer and its payload; an error has its place, as on the command line."""
    scenario, locate = read_scenario(path)
    try:
        found, chain = followed(scenario, path.parent, **options)
    except Exception as error:
        raise locate(error) from None
    return found, payload(found, manifest(scenario, "petaday plan"), chain)


@cache
def example(name: str) -> tuple[Answer, Data]:
    """A shipped example's answer with a Pareto front of memory and step time, worked out once."""
    return planned(EXAMPLES[name], top=3, objectives=("memory", "step_time"))

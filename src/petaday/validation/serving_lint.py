"""What cannot be true of published serving results: rates beyond what the chips' datasheets allow, and copied rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from petaday.catalog import load
from petaday.serving.memory import most_sequences, weight_bytes
from petaday.validation.serving import measured_of
from petaday.validation.serving_cells import Row, cells_of
from petaday.validation.serving_predict import service_of

ROUNDED = 1.02
"""Values are published rounded; a bound is broken beyond this."""

WEIGHTS, BANDWIDTH, ARITHMETIC = "its weights do not fit", "faster than its memory", "faster than its arithmetic"
POWER, COPIED = "more power than its limit", "digits of another model or chip"


def problems(rows: Sequence[Row]) -> dict[int, set[str]]:
    """What is wrong with each of the comparable rows, by its place; rows without fault are left out.

    Bounds are those of the friendliest layout that a row may have had: weights within the whole memory, and the bytes and
    FLOP of an output token, with its share of the prompt's, at the datasheet's rates.
    """
    found: dict[int, set[str]] = defaultdict(set)
    for cell in cells_of(rows):
        profile = load.engine(cell.profile)
        service, chip = service_of(cell, profile), load.chip(cell.chip)
        # What an engine lets run together is a habit: a bound takes all that were asked for or that the memory holds.
        length = cell.loads.prompt + cell.loads.output / 2
        held = most_sequences(service.engine, cell.layout, cell.memory, length, np.ones_like(length))
        asked = np.where(np.isnan(cell.loads.sequences), held, cell.loads.sequences)
        service = replace(service, most=np.maximum(service.most, asked))
        measured = np.array([measured_of(rows[place]) for place in cell.row])
        seconds = cell.replicas / measured * ROUNDED
        broken = {WEIGHTS: weight_bytes(service.engine, cell.layout) > cell.memory}
        if cell.scenario != "prefill":
            # Equal prompts may meet fewer experts than chance has it.
            dense = load.model(cell.model).moe is None
            broken[BANDWIDTH] = dense & (service.token_work("traffic") > seconds)
            broken[ARITHMETIC] = dense & (service.token_work("arithmetic") > seconds)
        if chip.tdp:
            joules = np.array([float(rows[place]["joules"] or 0) for place in cell.row])
            boards = np.array([rows[place]["scope"] == "gpus" for place in cell.row])
            limit = np.array([float(rows[place]["chips"]) for place in cell.row]) * chip.tdp.value * ROUNDED
            broken[POWER] = boards & (joules * measured > limit)
        for place in np.unique(cell.row).tolist():
            own = cell.row == place
            found[place] |= {name for name, which in broken.items() if which[own].all()}
    for place in _copies(rows):
        found[place].add(COPIED)
    return {place: names for place, names in sorted(found.items()) if names}


def _copies(rows: Sequence[Row]) -> list[int]:
    """Rows whose value and lengths another row of the source has for another model or chip, four digits at least."""
    together: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        if len(row["value"].replace(".", "").strip("0")) >= 4:
            together[
                row["source"], row["engine"], row["scenario"], row["value"], row["prompt"], row["output"]
            ].append(place)
    return [
        place
        for places in together.values()
        for place in places
        if any(
            (rows[other]["model"], rows[other]["chip"]) != (rows[place]["model"], rows[place]["chip"])
            for other in places
        )
    ]

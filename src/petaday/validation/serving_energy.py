"""Joules of an output token against published measurements: of the boards, or of their whole servers."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from petaday.catalog import load
from petaday.chip.power import Draws, board_joules
from petaday.serving.layout import Floats
from petaday.study.engines import board_draws
from petaday.study.parts import needed
from petaday.validation.serving import held_out, measured_of
from petaday.validation.serving_cells import Cell, Row, cells_of
from petaday.validation.serving_predict import predict, service_of
from petaday.validation.serving_record import read_record
from petaday.validation.suite import Checked, Suite


@dataclass(frozen=True)
class Drawn:
    """Rows with measured energy, as arrays.

    place: in the record; watts: limit of a board; server: whether the server is counted too
    chips: of a replica, times the tokens that it computes for each that counts
    arithmetic, traffic: seconds of an output token's FLOP and bytes at the datasheet's rates, on every board
    predicted, measured: seconds of a computed token of a replica, by our rate and by the row's
    joules: of an output token
    """

    place: tuple[int, ...]
    watts: Floats
    chips: Floats
    server: Floats
    arithmetic: Floats
    traffic: Floats
    predicted: Floats
    measured: Floats
    joules: Floats

    def spend(self, seconds: Floats, draws: Draws) -> Floats:
        """Joules of an output token that takes its replica so many seconds."""
        boards = board_joules(self.arithmetic, self.traffic, seconds, self.watts, draws)
        return self.chips * (boards + self.server * draws.rest * self.watts * seconds)

    def part(self, chosen: Floats) -> Drawn:
        """Some of the rows, by their index."""
        index = np.flatnonzero(chosen)
        arrays = (getattr(self, name)[index] for name in list(self.__dataclass_fields__)[1:])
        return Drawn(tuple(self.place[each] for each in index), *arrays)


@functools.cache
def drawn() -> Drawn:
    """The comparable rows of the record with measured energy."""
    rows = read_record()
    found: list[tuple[float, ...]] = []
    for cell in cells_of(row if row["joules"] else {**row, "skipped": "no energy"} for row in rows):
        found += _of_cell(cell, rows)
    columns = np.array(sorted(found)).T
    return Drawn(tuple(int(place) for place in columns[0]), *columns[1:])


def _of_cell(cell: Cell, rows: list[Row]) -> list[tuple[float, ...]]:
    """A row's numbers in the order of `Drawn`, under the fastest layout that it may have had."""
    profile = load.engine(cell.profile)
    service, rates = service_of(cell, profile), predict(cell, profile)
    chip = load.chip(cell.chip)
    watts = needed(chip.tdp, chip, "tdp").value
    arithmetic, traffic = service.token_work("arithmetic"), service.token_work("traffic")
    found: list[tuple[float, ...]] = []
    for place in np.unique(cell.row).tolist():
        own = np.flatnonzero(cell.row == place)
        best = own[np.argmax(rates[own])]
        if rates[best] > 0:
            found.append((
                place,
                watts,
                cell.layout.chips[best] * float(rows[place]["beams"]),
                float(rows[place]["scope"] == "server"),
                arithmetic[best],
                traffic[best],
                cell.replicas[best] / rates[best],
                cell.replicas[best] / measured_of(rows[place]),
                float(rows[place]["joules"]),
            ))  # fmt: skip
    return found


def energy_suites() -> list[Suite]:
    """Joules of an output token, held out of the fits and fitted, by what was measured; rates are predicted too."""
    rows, table = read_record(), drawn()
    kept = held_out(rows)
    chips = [rows[place]["chip"] for place in table.place]
    joules = np.zeros(len(chips))
    for chip in set(chips):
        own = np.array(chips) == chip
        part = table.part(own)
        joules[own] = part.spend(part.predicted, board_draws(load.chip(chip)))
    suites: dict[str, list[Checked]] = {"energy, held out": [], "energy, fitted": []}
    for place, value in zip(table.place, joules.tolist(), strict=True):
        row = rows[place]
        suites["energy, held out" if kept[place] else "energy, fitted"].append(
            Checked(
                id=row["id"],
                group=f"{row['scope']}, {row['scenario']}",
                metric="joules_per_output_token",
                measured=float(row["joules"]),
                predicted=value,
                config=row["id"],
                labels={"chip": row["chip"], "model": row["model"]},
                chips=int(float(row["chips"])),
                weight=float(row["weight"]),
            )
        )
    return [Suite(name, tuple(checked), weighted=True) for name, checked in suites.items()]

"""The figures of catalog parts as factors, and the function that gives any of them its drawn value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from petaday.catalog.figure import Figure
from petaday.catalog.take import Take, median
from petaday.catalog.validate import Strict
from petaday.study.factor import Factor, Floats, Values, of_figure


class Taken:
    """Figures of some parts by name: a part's own name, then the path inside it, as `supply.n4.wafer_price`.

    Figures are told apart by what they are and not by what they say: the catalog holds each once.
    """

    def __init__(self, figures: Mapping[str, Figure]) -> None:
        self._figures = dict(figures)
        self._names = {id(figure): name for name, figure in figures.items()}

    def used_by(self, use: Callable[[Take], object]) -> Taken:
        """Only the figures that `use` takes when it is called with a function that takes them."""
        seen: set[int] = set()

        def noticed(figure: Figure) -> Floats:
            seen.add(id(figure))
            return median(figure)

        use(noticed)
        return Taken({name: figure for name, figure in self._figures.items() if id(figure) in seen})

    @property
    def factors(self) -> tuple[Factor, ...]:
        """All figures as factors, named in the order of their parts."""
        return tuple(of_figure(name, figure) for name, figure in self._figures.items())

    def take(self, values: Values) -> Take:
        """From a figure to its value among those of the factors."""
        return lambda figure: np.asarray(values.get(self._names.get(id(figure), ""), figure.value))


def figures_in(room: str, parts: Mapping[str, Strict]) -> Taken:
    """All figures of some parts by name."""
    return Taken(
        {f"{room}.{name}.{path}": figure for name, part in parts.items() for path, figure in figures_of(part)}
    )


def figures_of(part: Strict, path: str = "") -> Iterator[tuple[str, Figure]]:
    """Every figure of a part by its path, of the parts inside it too; places of lists count from 0."""
    for name in type(part).model_fields:
        yield from _inside(getattr(part, name), f"{path}{name}")


def _inside(value: object, path: str) -> Iterator[tuple[str, Figure]]:
    if isinstance(value, Figure):
        yield path, value
    elif isinstance(value, Strict):
        yield from figures_of(value, f"{path}.")
    elif isinstance(value, tuple):
        for place, each in enumerate(value):
            yield from _inside(each, f"{path}.{place}")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _inside(each, f"{path}.{key}")

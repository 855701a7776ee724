"""Text with units at the edge, plain SI floats inside; nothing else in the house parses a unit.

`parse` and `render` turn `400 Gb/s` into bytes per second and back, `Quantity` adds like to like only,
`FlopRate` keeps the dtype and sparsity that a peak was quoted for. The vocabulary is closed: see `kinds`.
"""

from petaday.units.flop_rate import DTYPES, FlopRate, bits, check_training_rate, parse_flop_rate
from petaday.units.kinds import Kind
from petaday.units.quantity import Quantity, dimension_of
from petaday.units.span import Span, parse_span
from petaday.units.text import parse, render

__all__ = [
    "DTYPES",
    "FlopRate",
    "Kind",
    "Quantity",
    "Span",
    "bits",
    "check_training_rate",
    "dimension_of",
    "parse",
    "parse_flop_rate",
    "parse_span",
    "render",
]

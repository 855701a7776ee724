"""Scatter and line plots as SVG text: no library, no script, and a tooltip on every point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

WIDTH, HEIGHT, MARGIN, LEGEND = 720, 480, 64, 150
COLOURS = (
    "#2563eb",
    "#d97706",
    "#059669",
    "#dc2626",
    "#7c3aed",
    "#0891b2",
    "#4b5563",
    "#be185d",
    "#65a30d",
    "#9a3412",
)


@dataclass(frozen=True)
class Point:
    """A point in data units, the series it belongs to, and what its tooltip says."""

    x: float
    y: float
    series: str
    tip: str


@dataclass(frozen=True)
class Axis:
    """A logarithmic or linear axis over a range, with its label; `names` stand at the whole numbers from 0 on."""

    label: str
    low: float
    high: float
    log: bool = False
    names: tuple[str, ...] = ()

    def share(self, value: float) -> float:
        """Where a value lies between the ends, 0 to 1."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Round values within the range."""
        if self.names:
            return [float(place) for place in range(len(self.names))]
        if self.log:
            decades = range(floor(log10(self.low)), floor(log10(self.high)) + 1)
            return [10.0**each for each in decades if self.low <= 10.0**each <= self.high]
        step = (self.high - self.low) / 8
        return [self.low + step * i for i in range(9)]


def scatter(title: str, points: Sequence[Point], x: Axis, y: Axis, *, diagonal: bool = False) -> str:
    """A scatter plot with a legend; `diagonal` draws the line where both axes are equal, else the line y = 0."""
    series = list(dict.fromkeys(point.series for point in points))
    colour = _colours(series)
    frame = _Frame(x, y)
    start, end = (frame.at(x.low, x.low), frame.at(x.high, x.high)) if diagonal else (
        frame.at(x.low, 0.0), frame.at(x.high, 0.0))  # fmt: skip
    marks = [_line(start, end, "#9ca3af")]
    for point in points:
        across, down = frame.at(point.x, point.y)
        marks.append(
            f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{colour[point.series]}" fill-opacity="0.6">'
            f"<title>{escape(point.tip)}</title></circle>"
        )
    return frame.drawn(title, marks, colour)


@dataclass(frozen=True)
class Line:
    """A line through points in data units, with its label."""

    label: str
    points: tuple[tuple[float, float], ...]


def lines(title: str, drawn: Sequence[Line], x: Axis, y: Axis) -> str:
    """Lines with a legend."""
    colour, frame = _colours([each.label for each in drawn]), _Frame(x, y)
    marks = []
    for each in drawn:
        places = " ".join(f"{across:.1f},{down:.1f}" for across, down in (frame.at(*point) for point in each.points))
        marks.append(f'<polyline points="{places}" fill="none" stroke="{colour[each.label]}" stroke-width="1.5"/>')
    return frame.drawn(title, marks, colour)


def _colours(series: Sequence[str]) -> dict[str, str]:
    return {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(series)}


@dataclass(frozen=True)
class _Frame:
    """A plot's axes."""

    x: Axis
    y: Axis

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of data stands on the page."""
        across = MARGIN + self.x.share(x) * (WIDTH - 2 * MARGIN)
        return across, HEIGHT - MARGIN - self.y.share(y) * (HEIGHT - 2 * MARGIN)

    def drawn(self, title: str, marks: Sequence[str], colour: dict[str, str]) -> str:
        """The whole plot: title, axes, marks, legend."""
        x, y = self.x, self.y
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + LEGEND} {HEIGHT}" '
            'font-family="sans-serif" font-size="11">',
            f'<rect width="{WIDTH + LEGEND}" height="{HEIGHT}" fill="white"/>',
            f'<text x="{WIDTH / 2}" y="20" text-anchor="middle" font-size="14">{escape(title)}</text>',
            f'<text x="{WIDTH / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x.label)}</text>',
            f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(y.label)}</text>',
        ]
        for tick in x.ticks():
            across, down = self.at(tick, y.low)
            parts.append(_line((across, down), (across, down + 4), "#4b5563"))
            if x.names:
                turned = f'transform="translate({across:.1f} {down + 10:.1f}) rotate(-35)" text-anchor="end"'
                parts.append(f"<text {turned}>{escape(x.names[int(tick)])}</text>")
            else:
                parts.append(f'<text x="{across:.1f}" y="{down + 16:.1f}" text-anchor="middle">{tick:g}</text>')
        for tick in y.ticks():
            across, down = self.at(x.low, tick)
            parts.append(_line((across - 4, down), (across, down), "#4b5563"))
            parts.append(f'<text x="{across - 8:.1f}" y="{down + 4:.1f}" text-anchor="end">{tick:g}</text>')
        parts += marks
        for place, (name, stroke) in enumerate(colour.items()):
            parts.append(f'<circle cx="{WIDTH - MARGIN + 20}" cy="{40 + 15 * place}" r="4" fill="{stroke}"/>')
            parts.append(f'<text x="{WIDTH - MARGIN + 30}" y="{44 + 15 * place}">{escape(name)}</text>')
        return "\n".join([*parts, "</svg>"]) + "\n"


def _line(start: tuple[float, float], end: tuple[float, float], colour: str) -> str:
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        f'stroke="{colour}" stroke-width="1"/>'
    )

"""A service over time as one HTML page: queue, latency and refusals, readable without a network."""

from __future__ import annotations

from html import escape

from petaday.report.data import Data
from petaday.report.svg import Axis, Line, lines


def service_page(data: Data, name: str) -> str:
    """The page of a simulation that kept its curves."""
    curves = data["curves"]
    step, samples = curves["interval_s"], curves["sample_s"]
    arrivals = [step * (place + 0.5) for place in range(len(curves["arrived"]))]
    end = max([*samples, *arrivals, step])
    axis = Axis("seconds", 0.0, end)

    def plot(title: str, unit: str, series: dict[str, tuple[list[float], list[float]]]) -> str:
        highest = max((value for _, values in series.values() for value in values), default=0.0)
        drawn = [Line(label, tuple(zip(*each, strict=True))) for label, each in series.items()]
        return lines(title, drawn, axis, Axis(unit, 0.0, highest * 1.05 or 1.0))

    per_second = [
        [count / step for count in curves[key]] for key in ("arrived", "within_limits", "refused", "timed_out")
    ]
    sections = [
        plot(
            "Requests by their arrival",
            "requests/s",
            dict(
                zip(
                    ("arrived", "served within the limits", "refused", "gave up"),
                    ((arrivals, values) for values in per_second),
                    strict=True,
                )
            ),
        ),
        plot(
            "Requests in the system",
            "requests",
            {"waiting": (samples, curves["waiting"]), "running": (samples, curves["running"])},
        ),
        plot(
            "Time to first token, by arrival",
            "seconds",
            {"mean": (arrivals, curves["mean_ttft_s"]), "largest": (arrivals, curves["largest_ttft_s"])},
        ),
        plot("Replicas that serve", "replicas", {"replicas": (samples, curves["replicas"])}),
        plot("Share of the caches in use", "share", {"caches": (samples, curves["cache_share"])}),
    ]
    style = "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto}"
    title = escape(name or "Service")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>petaday: {title}</title><style>{style}</style>'
        f"<h1>{title}</h1>\n{chr(10).join(sections)}</html>\n"
    )

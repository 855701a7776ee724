"""Plots of errors: well-formed SVG whose points lie where the numbers say, and a page that needs no network."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petaday.cli import app
from petaday.report.error_page import error_page, plots
from petaday.report.svg import HEIGHT, LEGEND, MARGIN, WIDTH, Axis, Point, scatter

SVG = "{http://www.w3.org/2000/svg}"


def circles(svg: str) -> list[tuple[float, float, str]]:
    """Points of a plot with their tooltips; those of the legend have none."""
    found = []
    for circle in ElementTree.fromstring(svg).iter(f"{SVG}circle"):
        tip = circle.find(f"{SVG}title")
        if tip is not None:
            found.append((float(circle.get("cx", "")), float(circle.get("cy", "")), tip.text or ""))
    return found


def test_points_lie_at_their_shares_of_the_axes() -> None:
    axis = Axis("s", 1.0, 100.0, log=True)
    svg = scatter(
        "t", [Point(10.0, 10.0, "a", "middle"), Point(1.0, 100.0, "b", "corner")], axis, axis, diagonal=True
    )
    (middle_x, middle_y, _), (corner_x, corner_y, tip) = circles(svg)
    assert (middle_x, middle_y) == pytest.approx((WIDTH / 2, HEIGHT / 2))
    assert (corner_x, corner_y, tip) == (MARGIN, MARGIN, "corner")


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)), min_size=1, max_size=20), st.text(max_size=20))
def test_any_points_and_names_make_a_well_formed_plot(values: list[tuple[float, float]], name: str) -> None:
    printable = re.sub(r"[^\x20-\x7e<>&\"']", "", name)
    points = [Point(x, y, printable, printable) for x, y in values]
    svg = scatter(printable, points, Axis(printable, -1.0, 1.0), Axis("y", -5.0, 5.0))
    for x, y, _ in circles(svg):
        assert 0 <= x <= WIDTH + LEGEND
        assert 0 <= y <= HEIGHT


def test_names_stand_along_an_axis() -> None:
    svg = scatter("t", [Point(1.0, 0.0, "s", "p")], Axis("", -0.5, 1.5, names=("one", "two")), Axis("y", -1.0, 1.0))
    assert [text for text in ("one", "two") if text in svg] == ["one", "two"]


def row(**changes: object) -> dict[str, object]:
    plain = {
        "id": "<run>", "suite": "training, plan known", "measured": 2.0, "predicted": 2.2, "error_pct": 10.0,
        "plan_known": True, "labels": {"chip": "h100", "dtype": "bf16"}, "chips": 64, "skipped": None,
    }  # fmt: skip
    return {**plain, **changes}


def test_a_page_stands_alone() -> None:
    line = {"name": "a", "n": 1, "predicted": 1, "median_abs_pct": 10.0, "p90_abs_pct": None, "bias_pct": 10.0}
    data = {"suites": [{**line, "groups": [line], "by": {}}], "rows": [row(), row(id="b", predicted=None)]}
    page = error_page(data)
    assert "&lt;run&gt;" in page
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="http', page)
    assert plots(data).keys() == {"predicted-measured", "error-chips", "error-scale"}
    assert plots({"rows": [row(predicted=None)]}) == {}


def test_the_command_writes_the_page_or_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "error.html"
    with pytest.raises(SystemExit) as left:
        app(["validate", "--suite", "collectives", "--plot", str(page)])
    assert not left.value.code
    assert "all-reduce over nodes" in page.read_text(encoding="utf-8")
    assert "rows predicted" in capsys.readouterr().out

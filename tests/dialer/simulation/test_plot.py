"""The picture of a comparison is well-formed, and shows every number it was given."""

from xml.etree import ElementTree

import pytest

from dialer.simulation.plot import plotted

SVG = "{http://www.w3.org/2000/svg}"
BUSY = [(8, 0.7), (10, 0.75), (12, 0.8), (15, 0.82)]
HOURS = [(8, 140.0), (10, 101.5), (12, 80.0), (15, 61.0)]


def read(*given):
    root = ElementTree.fromstring(plotted(*given))
    return root, [text.text for text in root.iter(f"{SVG}text")]


def test_two_curves_with_labels_units_and_a_point_for_each_number():
    root, texts = read("spring", BUSY, HOURS)
    assert len(list(root.iter(f"{SVG}circle"))) == 8
    for curve in root.iter(f"{SVG}polyline"):
        assert len(curve.get("points").split()) == 4
    assert {"spring", "agents", "agents busy (%)", "time until done (hours)", "8", "15", "75.0", "140"} <= set(texts)


def test_more_is_higher_and_further_right():
    root, _ = read("spring", BUSY, HOURS)
    places = [(float(circle.get("cx")), float(circle.get("cy"))) for circle in root.iter(f"{SVG}circle")]
    busy, hours = places[:4], places[4:]
    assert [x for x, _ in busy] == sorted(x for x, _ in busy) == [x for x, _ in hours]
    assert [y for _, y in busy] == sorted((y for _, y in busy), reverse=True)
    assert [y for _, y in hours] == sorted(y for _, y in hours)
    height, width = float(root.get("height")), float(root.get("width"))
    assert all(0 < x < width and 0 < y < height for x, y in places)


@pytest.mark.parametrize(
    ("busy", "hours", "points"),
    [([(1, 0.5)], [(1, 3.0)], 2), ([(1, 0.0), (2, 0.0)], [], 2), (BUSY, [(8, 0.0)], 5), (BUSY, [(8, 12345.6)], 5)],
)
def test_any_numbers_can_be_drawn(busy, hours, points):
    root, _ = read("a < b & c", busy, hours)
    assert len(list(root.iter(f"{SVG}circle"))) == points


def test_crowded_teams_keep_their_numbers_apart():
    teams = range(1, 401)
    root, texts = read("spring", [(count, 0.9) for count in teams], [(count, 1.0) for count in teams])
    assert len(list(root.iter(f"{SVG}circle"))) == 800
    assert len(texts) < 100

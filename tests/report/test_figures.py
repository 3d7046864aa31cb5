import re
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from boxsup.report.shared.figures import Line, line_chart, smoothed

LINES = [
    Line("a", np.arange(4.0), np.array([1.0, np.nan, 3.0, 2.0]), "blue"),
    Line("b", np.arange(4.0), np.arange(4.0), "orange"),
]


def test_a_chart_is_well_formed_themed_and_has_ids_of_its_own() -> None:
    svg = line_chart("loss", LINES, "iteration", "training loss")
    ElementTree.fromstring(svg)
    assert not re.search(r"#[0-9a-f]{6}\b", svg)
    assert "var(--blue)" in svg
    assert "currentColor" in svg
    assert "training loss</text>" in svg
    ids = re.findall(r' id="([^"]+)"', svg)
    assert all(name.startswith("loss-") for name in ids)
    referenced = re.findall(r'(?:href="#|url\(#)([^")]+)', svg)
    assert referenced
    assert set(referenced) <= set(ids)


def test_a_chart_is_the_same_whatever_the_user_has_set() -> None:
    plain = line_chart("loss", LINES, "x", "y")
    with mpl.rc_context({"lines.linestyle": ":", "font.size": 30, "svg.fonttype": "path"}):
        assert line_chart("loss", LINES, "x", "y") == plain


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=60), st.integers(1, 20))
def test_smoothing_keeps_the_mean_and_the_order(values: list[float], bins: int) -> None:
    positions, means = smoothed(np.array(values), bins)
    assert len(positions) == len(means) == min(bins, len(values))
    assert (np.diff(positions) > 0).all()
    sizes = np.array([len(part) for part in np.array_split(values, len(means))])
    np.testing.assert_allclose((means * sizes).sum() / len(values), np.mean(values), atol=1e-9)
    assert 1 <= positions[0] <= positions[-1] <= len(values)


def test_a_single_point_is_seen_and_has_a_tick_of_its_own() -> None:
    """A run of one iteration had an empty chart, with ticks from 0.945 to 1.050."""
    svg, dotted = (
        line_chart("loss", [Line("", np.ones(1), np.ones(1), "blue", dots=dots)], "iteration", "training loss")
        for dots in (False, True)
    )
    assert svg == dotted
    x_axis = svg[svg.index('id="loss-matplotlib.axis_1"') : svg.index('id="loss-matplotlib.axis_2"')]
    assert re.findall(r">([\d.]+)</text>", x_axis) == ["1"]

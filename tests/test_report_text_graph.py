"""Graphs of letters put every value where it belongs, in 80 columns, in ASCII too."""

import numpy as np
import pytest

from roomcal.report.text_graph import NEEDED, Letters, bar, level_graph, sparkline

RICH, PLAIN = Letters(), Letters(plain=True)
BOTH = pytest.mark.parametrize("letters", [RICH, PLAIN], ids=["rich", "plain"])
F_HZ = np.geomspace(20.0, 20000.0, 400)
MARGIN = 6


def dots(lines):
    """Columns of a graph with the height of their dots, in dots from the top; braille."""
    found = {}
    for row, line in enumerate(lines):
        for column, letter in enumerate(line[MARGIN:]):
            code = ord(letter) - 0x2800
            if 0 < code < 256:
                for bit, (y, x) in enumerate(
                    [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1)]
                ):
                    if code & (1 << bit):
                        found.setdefault(2 * column + x, []).append(4 * row + y)
    return found


def test_a_slope_falls_as_it_should():
    """From 0 dB to -30 dB: the ceiling is 10 dB, a dot is 40 dB / 32."""
    level = np.interp(np.log(F_HZ), np.log([20.0, 20000.0]), [0.0, -30.0])

    found = dots(level_graph(F_HZ, level, RICH, n_rows=8)[:8])

    columns = sorted(found)
    for share, level_db in ((0.0, 0.0), (0.5, -15.0), (1.0, -30.0)):
        column = columns[round(share * (len(columns) - 1))]
        assert np.mean(found[column]) == pytest.approx((10.0 - level_db) / 1.25, abs=1.0)


@BOTH
def test_a_graph_fits_and_names_its_scale(letters):
    lines = level_graph(F_HZ, np.sin(F_HZ / 100.0), letters)

    assert max(len(line) for line in lines) <= 80
    assert lines[0].startswith("  10 ")
    assert lines[-2].startswith(" -30 ")
    assert lines[-1].split() == ["20", "50", "100", "200", "500", "1k", "2k", "5k", "10k", "20k"]
    assert all(not line.endswith(" ") for line in lines)


def test_plain_letters_are_ascii():
    text = "".join(level_graph(F_HZ, np.cos(F_HZ), PLAIN))
    text += sparkline([0.0, 5.0, 10.0], PLAIN, low=0.0, high=10.0)
    text += bar(0.4, PLAIN, top=1.0, width=10)

    assert text.isascii()


@pytest.mark.parametrize(
    ("encoding", "plain"),
    [("utf-8", False), ("ascii", True), ("cp1252", True), (None, True), ("no-such", True)],
)
def test_the_encoding_decides(encoding, plain):
    assert Letters.of(encoding).plain is plain
    if not plain:
        NEEDED.encode(encoding)


@BOTH
def test_a_gap_stays_empty(letters):
    level = np.where((F_HZ > 100.0) & (F_HZ < 1000.0), np.nan, 0.0)

    lines = level_graph(F_HZ, level, letters)[:8]

    middle = [line[MARGIN + 30 : MARGIN + 34] for line in lines]
    assert all(not part.strip() for part in middle)
    assert any(line[MARGIN : MARGIN + 5].strip() for line in lines)
    level_graph(F_HZ, np.full(F_HZ.size, np.nan), letters)


@BOTH
def test_blocks_rise_with_their_values(letters):
    line = sparkline([-50.0, 0.0, 5.0, 10.0, np.nan], letters, low=0.0, high=10.0)

    order = (" .:-=+*#%" if letters.plain else " ▁▂▃▄▅▆▇█").index
    assert [order(c) for c in line[:4]] == sorted(order(c) for c in line[:4])
    assert order(line[0]) == order(line[1]) == 1  # the floor is not a blank
    assert order(line[3]) == 8
    assert line[4] == " "


def test_a_bar_is_as_long_as_its_value():
    assert bar(0.5, RICH, top=1.0, width=10) == "█████"
    assert bar(0.55, RICH, top=1.0, width=10) == "█████▌"
    assert bar(0.5, PLAIN, top=1.0, width=10) == "#####"
    assert bar(9.0, RICH, top=1.0, width=4) == "████"
    assert bar(float("nan"), RICH, top=1.0, width=10) == ""

"""The report on paper: every word of the page, sheets of A4, the same bytes each time."""

import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from roomcal.model.curve import Curve
from roomcal.report.figures import overlay_figure, response_figure
from roomcal.report.page import Advice, Notes, Page, Picture, Section, Table, Tile
from roomcal.report.pdf import HEIGHT_IN, WIDTH_IN, broken, render_pdf, text_sheets
from roomcal.report.traces import Trace

HOSTILE = "$x_{a}$ <b> \\frac \x00 é"
A4_SHAPE = HEIGHT_IN / WIDTH_IN


def picture(n_speakers):
    f = np.geomspace(20.0, 20000.0, 100)
    traces = [Trace(Curve(f, np.zeros(f.size)), "before")]
    return Picture(
        response_figure({f"S{i}": traces for i in range(n_speakers)}), "Caption", "What it shows"
    )


def page(n_rows=3, n_speakers=2):
    rows = tuple((f"row {i}", float(i), "a long reason, " * 12) for i in range(n_rows))
    return Page(
        "Title",
        "The correction keeps its promise.",
        True,
        tiles=(Tile("Bass", "3.7 dB", "6.0", "rms"),),
        tables=(Table("Numbers", ("", "Level (dB)", "Why"), rows),),
        sections=(
            Section(
                "What to treat",
                "An intro.",
                (Notes("L", ("Cuts 7 dB.",)),),
                (Advice("38 Hz", "L", "Absorb", HOSTILE),),
            ),
        ),
        figures=(picture(n_speakers),),
        provenance=(("Session", "before"),),
    )


def words(sheets):
    return " ".join(text.get_text() for sheet in sheets for text in sheet.texts)


def boxes(pdf):
    found = re.findall(rb"/MediaBox \[ ([\d. ]+) \]", pdf)
    return [tuple(float(v) for v in box.split()) for box in found]


def test_every_word_is_on_the_sheets():
    text = words(text_sheets(page()))

    for part in ("Passed. The correction keeps", "6.0 \u2192 3.7 dB", "Level (dB)", "Cuts 7 dB."):
        assert part in text
    assert "38 Hz, L: Absorb" in text
    assert "$x_{a}$" in text


def test_long_tables_go_on_over_sheets_and_lose_no_row():
    sheets = text_sheets(page(n_rows=120))

    assert len(sheets) > 2
    assert all(f"row {i}" in words(sheets) for i in range(120))
    for sheet in sheets:
        assert all(0.0 < text.get_position()[1] < 1.0 for text in sheet.texts)


def test_the_same_page_is_the_same_file_without_a_date():
    first, second = render_pdf(page()), render_pdf(page())

    assert first == second
    assert first.startswith(b"%PDF")
    assert b"CreationDate" not in first


@pytest.mark.parametrize("n_speakers", [1, 12])
def test_sheets_have_the_shape_of_a4_or_of_half_of_it(n_speakers):
    shapes = [
        (y1 - y0) / (x1 - x0) for x0, y0, x1, y1 in boxes(render_pdf(page(n_speakers=n_speakers)))
    ]

    assert len(shapes) >= 3
    for shape in shapes:
        assert min(abs(shape - A4_SHAPE), abs(shape - 1.0 / A4_SHAPE)) < 0.01


def test_a_legend_stays_below_its_axes():
    from roomcal.report.pdf import fix_layout

    f = np.geomspace(20.0, 20000.0, 100)
    figure: Figure = overlay_figure([Trace(Curve(f, np.zeros(f.size)), label="L")], title="")
    fix_layout(figure)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height)
    figure.draw_without_rendering()

    assert figure.legends[0].get_window_extent().y1 < figure.axes[0].get_window_extent().y0


def test_lines_are_broken_between_words():
    lines = broken("one two three " * 20, 2.0, 10.0)

    assert " ".join(lines) == ("one two three " * 20).strip()
    assert all(len(line) <= 2.0 * 72 / 5.6 for line in lines)

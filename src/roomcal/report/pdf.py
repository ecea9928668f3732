"""The page on paper: the same words, tables and pictures as PDF, page after page of A4."""

import io
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from roomcal.files.atomic import write_bytes
from roomcal.report.page import Page
from roomcal.report.style import LIGHT, styled
from roomcal.report.table import Table, cell_text, printable

WIDTH_IN, HEIGHT_IN = 8.27, 11.69  # ISO 216, A4
HALF_IN = 5.83  # A5 on its side, for a picture that needs no more
_MARGIN_IN = 0.75
_PT_PER_IN = 72.0
_TEXT_PT, _SMALL_PT, _HEADING_PT, _VERDICT_PT = 9.5, 8.0, 13.0, 17.0
_LEADING = 1.45  # of a line, re its size
# Mean width of DejaVu Sans' letters re their size: lines are broken where they would be full.
_LETTER, _BOLD_LETTER = 0.56, 0.62
_GAP_IN = 0.14
_MOST_COLUMN_IN = 3.6  # of a table; longer cells are broken
_TILES = 4  # in a row


class _Paper:
    """Sheets that fill from the top; a new one is begun where the room ends."""

    def __init__(self) -> None:
        self.sheets: list[Figure] = []
        self._y_in = 0.0

    @property
    def sheet(self) -> Figure:
        return self.sheets[-1]

    def room(self, height_in: float) -> float:
        """Take room of a height, on a new sheet if need be; where its top is."""
        if not self.sheets or self._y_in - height_in < _MARGIN_IN:
            figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
            FigureCanvasAgg(figure)
            self.sheets.append(figure)
            self._y_in = HEIGHT_IN - _MARGIN_IN
        top = self._y_in
        self._y_in -= height_in
        return top

    def keep(self, height_in: float) -> None:
        """Begin a new sheet unless so much room is left: a heading stays with what follows."""
        if self.sheets and self._y_in - height_in < _MARGIN_IN:
            self._y_in = 0.0

    def write(
        self,
        text: str,
        *,
        size: float = _TEXT_PT,
        bold: bool = False,
        colour: str = LIGHT.text,
        indent_in: float = 0.0,
    ) -> None:
        """Write a paragraph."""
        width = WIDTH_IN - 2 * _MARGIN_IN - indent_in
        for line in broken(text, width, size, bold=bold):
            top = self.room(size * _LEADING / _PT_PER_IN)
            self.put(line, _MARGIN_IN + indent_in, top, size=size, bold=bold, colour=colour)

    def put(
        self,
        text: str,
        x_in: float,
        top_in: float,
        *,
        size: float = _TEXT_PT,
        bold: bool = False,
        colour: str = LIGHT.text,
        align: str = "left",
    ) -> None:
        """Put one line where it is wanted."""
        self.sheet.text(
            x_in / WIDTH_IN,
            top_in / HEIGHT_IN,
            printable(text),
            fontsize=size,
            fontweight="bold" if bold else "normal",
            color=colour,
            horizontalalignment=align,
            verticalalignment="top",
        )

    def rule(self, y_in: float, x_in: Sequence[float], colour: str) -> None:
        """Draw a thin line across."""
        y = y_in / HEIGHT_IN
        self.sheet.add_artist(
            Line2D([x_in[0] / WIDTH_IN, x_in[1] / WIDTH_IN], [y, y], color=colour, linewidth=0.6)
        )

    def gap(self, height_in: float = _GAP_IN) -> None:
        """Leave some room."""
        self._y_in -= height_in


def write_pdf(page: Page, path: Path) -> None:
    """Write a page as a PDF file; the same page is the same file, byte for byte."""
    write_bytes(path, render_pdf(page))


def render_pdf(page: Page) -> bytes:
    """Lay a page out on sheets of A4.

    Parameters
    ----------
    page : Page

    Returns
    -------
    pdf : bytes
    """
    with io.BytesIO() as file:
        metadata = {"Title": page.title, "Creator": None, "Producer": None, "CreationDate": None}
        with styled(LIGHT), PdfPages(file, metadata=metadata) as pdf:
            for sheet in text_sheets(page):
                pdf.savefig(sheet)
            for title, caption, figure in _pictures(page):
                _save_picture(pdf, title, caption, figure)
            for sheet in _last_sheets(page):
                pdf.savefig(sheet)
        return file.getvalue()


def broken(text: str, width_in: float, size: float, *, bold: bool = False) -> list[str]:
    """Break a text into lines of a width."""
    letter = size * (_BOLD_LETTER if bold else _LETTER) / _PT_PER_IN
    return textwrap.wrap(printable(text), max(int(width_in / letter), 8)) or [""]


def text_sheets(page: Page) -> list[Figure]:
    """Lay out verdict, numbers and advice."""
    paper = _Paper()
    paper.write(page.title, size=_TEXT_PT, bold=True, colour=LIGHT.muted)
    paper.gap(0.08)
    mark = {None: "", True: "Passed. ", False: "Failed. "}[page.passed]
    paper.write(mark + page.verdict, size=_VERDICT_PT, bold=True)
    _tiles(paper, page)
    for table in page.tables:
        _table(paper, table)
    for section in page.sections:
        if not section.notes and not section.advice and not section.tables:
            continue
        _heading(paper, section.heading)
        if section.intro:
            paper.write(section.intro, colour=LIGHT.muted)
        for notes in section.notes:
            paper.gap(0.06)
            paper.write(notes.heading, bold=True)
            for item in notes.items:
                paper.write(f"\u2022 {item}", indent_in=0.12)
        paper.gap(0.06)
        for advice in section.advice:
            paper.keep(0.7)
            paper.gap(0.06)
            paper.write(f"{advice.where}, {advice.who}: {advice.deed}", bold=True)
            paper.write(advice.why, colour=LIGHT.muted)
        for table in section.tables:
            _table(paper, table)
    return paper.sheets


def _last_sheets(page: Page) -> list[Figure]:
    """Lay out long tables, exports and provenance."""
    paper = _Paper()
    for table in page.details:
        _table(paper, table, size=_SMALL_PT)
    for heading, pairs in (("Exports", page.exports), ("Where this comes from", page.provenance)):
        if pairs:
            _heading(paper, heading)
            for name, value in pairs:
                paper.write(f"{name}: {value}")
    return paper.sheets


def _heading(paper: _Paper, text: str) -> None:
    paper.keep(1.2)
    paper.gap(0.22)
    paper.write(text, size=_HEADING_PT, bold=True)
    paper.gap(0.03)


def _tiles(paper: _Paper, page: Page) -> None:
    """Put the numbers that count in rows."""
    width = (WIDTH_IN - 2 * _MARGIN_IN) / _TILES
    for first in range(0, len(page.tiles), _TILES):
        paper.gap(0.12)
        top = paper.room(0.62)
        for i, tile in enumerate(page.tiles[first : first + _TILES]):
            x = _MARGIN_IN + i * width
            paper.put(tile.what, x, top, size=_SMALL_PT, colour=LIGHT.muted)
            value = f"{tile.before} \u2192 {tile.value}" if tile.before else tile.value
            paper.put(value, x, top - 0.16, size=13.0, bold=True)
            paper.put(tile.detail, x, top - 0.41, size=_SMALL_PT, colour=LIGHT.muted)


def _table(paper: _Paper, table: Table, *, size: float = _TEXT_PT) -> None:
    """Set a table; every column is as wide as its longest line, and no wider than the sheet."""
    rows = [[cell_text(cell, table.digits) or "\u2013" for cell in row] for row in table.rows]
    if not rows:
        return
    numeric = [
        all(isinstance(row[i], int | float) for row in table.rows)
        for i in range(len(table.columns))
    ]
    letter = size * _BOLD_LETTER / _PT_PER_IN
    longest = [
        max(*(len(row[i]) for row in rows), max(len(word) for word in f"{name} ".split(" ")))
        for i, name in enumerate(table.columns)
    ]
    widths = [min((n + 1) * letter, _MOST_COLUMN_IN) for n in longest]
    total = WIDTH_IN - 2 * _MARGIN_IN - _GAP_IN * (len(widths) - 1)
    if sum(widths) > total:  # the widest, which hold sentences, give way
        narrow = sum(w for w in widths if w < _MOST_COLUMN_IN)
        n_wide = sum(w >= _MOST_COLUMN_IN for w in widths)
        if n_wide and total - narrow > n_wide:
            widths = [w if w < _MOST_COLUMN_IN else (total - narrow) / n_wide for w in widths]
        else:
            widths = [w * total / sum(widths) for w in widths]
    paper.keep(1.0)
    paper.gap()
    paper.write(table.caption, bold=True)
    line_in = size * _LEADING / _PT_PER_IN
    for number, row in enumerate([list(table.columns), *rows]):
        head = number == 0
        cells = [broken(t, w, size, bold=head) for t, w in zip(row, widths, strict=True)]
        height = max(len(lines) for lines in cells) * line_in + 0.04
        top = paper.room(height)
        x = _MARGIN_IN
        for lines, width, right in zip(cells, widths, numeric, strict=True):
            for k, line in enumerate(lines):
                paper.put(
                    line,
                    x + width if right else x,
                    top - k * line_in,
                    size=size,
                    bold=head,
                    colour=LIGHT.muted if head else LIGHT.text,
                    align="right" if right else "left",
                )
            x += width + _GAP_IN
        edge = LIGHT.muted if head else LIGHT.grid
        paper.rule(top - height + 0.02, (_MARGIN_IN, x - _GAP_IN), edge)
    if table.note:
        paper.write(table.note, size=_SMALL_PT, colour=LIGHT.muted)


def _pictures(page: Page) -> Iterator[tuple[str, str, Figure]]:
    """Yield title, caption and figure of everything that is drawn."""
    for chart in page.charts:
        yield chart.title, chart.caption, chart.figure
    for picture in page.figures:
        yield "", picture.caption, picture.figure


def _save_picture(pdf: PdfPages, title: str, caption: str, figure: Figure) -> None:
    """Put a figure at the top of a sheet; a higher one gets a larger sheet of the same shape."""
    width, height = (float(v) for v in figure.get_size_inches())
    head = 0.5 if title else 0.0
    lines = broken(caption, width, _TEXT_PT)
    needed = height + head + 0.3 * len(lines) + 2 * _MARGIN_IN
    shape = HALF_IN if needed <= HALF_IN * width / (WIDTH_IN - 0.77) else HEIGHT_IN
    scale = max((width + 0.77) / WIDTH_IN, needed / shape)
    sheet_w, sheet_h = WIDTH_IN * scale, shape * scale
    left = 0.5 * (sheet_w - width)
    extra = []
    if title:
        extra.append(
            figure.text(
                0.01,
                1.0 + 0.3 / height,
                title,
                fontsize=_HEADING_PT,
                fontweight="bold",
                in_layout=False,
            )
        )
    extra += [
        figure.text(
            0.01,
            -(0.12 + 0.2 * k) / height,
            line,
            color=LIGHT.muted,
            verticalalignment="top",
            in_layout=False,
        )
        for k, line in enumerate(lines)
    ]
    box = Bbox.from_bounds(-left, height + head + _MARGIN_IN - sheet_h, sheet_w, sheet_h)
    fix_layout(figure)
    pdf.savefig(figure, bbox_inches=box)  # type: ignore[no-untyped-call]
    for text in extra:
        text.remove()


def fix_layout(figure: Figure) -> None:
    """Keep everything where it is: legends outside of axes would move to the edge of the sheet."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for legend in figure.legends:
        at = legend.get_window_extent().transformed(figure.transFigure.inverted())
        legend.set_bbox_to_anchor((0.0, 0.0, 1.0, 1.0), transform=figure.transFigure)
        legend.set_loc((at.x0, at.y0))

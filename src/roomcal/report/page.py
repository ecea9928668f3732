"""One page that says it all: a self-contained HTML file, made from what others found out.

The page loads nothing: style and pictures are inside, a content security policy forbids the rest.
Text from users is escaped here and nowhere else.
"""

import math
import re
from dataclasses import dataclass
from html import escape

from matplotlib.figure import Figure

from roomcal.report.page_css import colour_names, style_sheet
from roomcal.report.rendering import svg_text
from roomcal.report.style import LIGHT

Cell = str | float  # a number that cannot be had is NaN

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_DIGITS = 2  # of numbers in tables
_MISSING = "\u2013"
_SWIPE = '<p class="swipe">Swipe a picture sideways to see all of it.</p>\n'  # on phones alone
_IDENTIFIER = re.compile(r'(\bid="|url\(#|href="#)')
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class Table:
    """Numbers in rows; the first column names the row. Units stand in the column heads."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""  # small print below
    digits: int = _DIGITS

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of {self.caption!r} does not have {len(self.columns)} cells")


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure, drawn in the light theme, with what it shows in words."""

    figure: Figure
    caption: str
    alt: str  # for those who cannot see it: the finding, not the colours


@dataclass(frozen=True)
class Notes:
    """Plain sentences under one heading, for example one speaker's filter."""

    heading: str
    items: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Page:
    """Everything on a page, in the order in which it is read."""

    title: str
    verdict: str  # one sentence
    passed: bool | None = None  # None: nothing was to be proved
    tables: tuple[Table, ...] = ()
    notes: tuple[Notes, ...] = ()
    notes_heading: str = "What the filters do"
    figures: tuple[Picture, ...] = ()
    details: tuple[Table, ...] = ()  # long tables, after the figures
    exports: tuple[tuple[str, str], ...] = ()  # what, where
    provenance: tuple[tuple[str, str], ...] = ()  # name, value
    language: str = "en"


def render_page(page: Page) -> str:
    """Write a page as HTML.

    Parameters
    ----------
    page : Page

    Returns
    -------
    html : str
        The same for the same page, byte for byte.
    """
    parts = [_section("Summary", "".join(_table(table) for table in page.tables))]
    parts.append(_section(page.notes_heading, "".join(_notes(notes) for notes in page.notes)))
    pictures = "".join(_picture(picture, i) for i, picture in enumerate(page.figures))
    parts.append(_section("Pictures", _SWIPE + pictures if pictures else ""))
    parts.append(_section("In detail", "".join(_table(table) for table in page.details)))
    parts.append(_section("Exports", _pairs(page.exports)))
    parts.append(_section("Where this comes from", _pairs(page.provenance)))
    return (
        f'<!doctype html>\n<html lang="{_text(page.language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(page.title)}</title>\n<style>\n{style_sheet()}\n</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{_text(page.title)}</h1>\n{_verdict(page)}\n</header>\n"
        f"<main>\n{''.join(parts)}</main>\n"
        "<footer>Made by roomcal. The pictures follow the light or dark setting of this screen."
        "</footer>\n</body>\n</html>\n"
    )


def _verdict(page: Page) -> str:
    """Say the verdict; its mark is a word as well as a colour."""
    if page.passed is None:
        return f'<p class="verdict">{_text(page.verdict)}</p>'
    kind, mark = ("passed", "Passed.") if page.passed else ("failed", "Failed.")
    return f'<p class="verdict {kind}"><span class="mark">{mark}</span> {_text(page.verdict)}</p>'


def _section(heading: str, body: str) -> str:
    """Give a body its heading; nothing for an empty body."""
    return f"<section>\n<h2>{_text(heading)}</h2>\n{body}</section>\n" if body else ""


def _table(table: Table) -> str:
    """Write one table; columns of numbers are set flush right."""
    numeric = [
        bool(table.rows) and all(isinstance(row[i], int | float) for row in table.rows)
        for i in range(len(table.columns))
    ]
    head = "".join(
        f'<th scope="col"{_class(is_number)}>{_text(name)}</th>'
        for name, is_number in zip(table.columns, numeric, strict=True)
    )
    body = "".join(
        "<tr>"
        + f'<th scope="row"{_class(numeric[0])}>{_cell(row[0], table.digits)}</th>'
        + "".join(
            f"<td{_class(is_number)}>{_cell(cell, table.digits)}</td>"
            for cell, is_number in zip(row[1:], numeric[1:], strict=True)
        )
        + "</tr>\n"
        for row in table.rows
    )
    note = f'<p class="hint">{_text(table.note)}</p>\n' if table.note else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{_text(table.caption)}">\n'
        f"<table>\n<caption>{_text(table.caption)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}</tbody>\n</table>\n</div>\n{note}"
    )


def _class(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _cell(cell: Cell, digits: int) -> str:
    """Write one cell; a number that cannot be had is a dash that says so."""
    if isinstance(cell, str):
        return _text(cell)
    if not math.isfinite(cell):
        return f'<span aria-label="not available">{_MISSING}</span>'
    rounded = f"{cell:.{digits}f}" if isinstance(cell, float) else str(cell)
    return rounded.replace("-", "\u2212")


def _notes(notes: Notes) -> str:
    items = "".join(f"<li>{_text(item)}</li>\n" for item in notes.items)
    return f"<h3>{_text(notes.heading)}</h3>\n<ul>\n{items}</ul>\n" if items else ""


def _picture(picture: Picture, index: int) -> str:
    """Put a figure into the page, its colours bound to the style sheet."""
    svg = page_svg(picture.figure, prefix=f"figure-{index + 1}-")
    label = f'<svg role="img" aria-label="{_text(picture.alt)}"'
    return (
        '<figure>\n<div class="scroll" role="region" tabindex="0" '
        f'aria-label="{_text(picture.caption)}">\n{svg.replace("<svg", label, 1)}</div>\n'
        f"<figcaption>{_text(picture.caption)}</figcaption>\n</figure>\n"
    )


def page_svg(figure: Figure, *, prefix: str) -> str:
    """Turn a figure of the light theme into SVG that follows the colours of the page.

    Parameters
    ----------
    figure : Figure
    prefix : str
        Put before every identifier: several figures on one page share none.
    """
    svg = _IDENTIFIER.sub(lambda found: found.group() + prefix, svg_text(figure))
    for name, colour in colour_names(LIGHT).items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg


def _pairs(pairs: tuple[tuple[str, str], ...]) -> str:
    items = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>\n" for name, value in pairs)
    return f"<dl>\n{items}</dl>\n" if items else ""


def _text(text: str) -> str:
    """Escape what users wrote, for text and for attributes."""
    return escape(_UNPRINTABLE.sub("\ufffd", text), quote=True)

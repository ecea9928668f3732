"""The parts of the page as HTML: tables, lists, advice, tiles, graphs and pictures.

What users wrote is escaped here.
"""

import base64
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from matplotlib.figure import Figure
from PIL import Image

from roomcal.report.chart import Chart
from roomcal.report.page_css import colour_names
from roomcal.report.rendering import svg_text
from roomcal.report.style import LIGHT
from roomcal.report.table import Cell, Mark, Table, cell_text, printable

_MISSING = "\u2013"
_IDENTIFIER = re.compile(r'(\bid="|url\(#|href="#)')
_IMAGE = re.compile(r"(data:image/png;base64,)([A-Za-z0-9+/=\s]+)")
_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")
_COLOURS = 256  # of an image: maps of one colour range need no more


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


@dataclass(frozen=True)
class Tile:
    """One number that counts, and what it was before."""

    what: str
    value: str
    before: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Advice:
    """One thing to do or to leave, and why."""

    where: str  # a frequency, or a time
    who: str  # the speakers
    deed: str
    why: str


def text_html(text: str) -> str:
    """Escape what users wrote, for text and for attributes."""
    return escape(printable(text), quote=True)


def prose_html(text: str) -> str:
    """Escape a sentence for the page; an option like --room is not broken at its dashes."""
    return _OPTION.sub(r'<span class="whole">\g<0></span>', text_html(text))


def section_html(heading: str, body: str, index: int) -> str:
    """Give a body its heading, to which the list of contents leads."""
    return (
        f'<section id="part-{index}" aria-labelledby="head-{index}">\n'
        f'<h2 id="head-{index}">{text_html(heading)}</h2>\n{body}</section>\n'
    )


def table_html(table: Table) -> str:
    """Write one table; columns of numbers are set flush right."""
    numeric = [
        bool(table.rows) and all(isinstance(row[i], int | float) for row in table.rows)
        for i in range(len(table.columns))
    ]
    head = "".join(
        f'<th scope="col"{_class(is_number)}>{text_html(name)}</th>'
        if name
        else "<td></td>"  # the corner heads nothing
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
    note = f'<p class="hint">{text_html(table.note)}</p>\n' if table.note else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{text_html(table.caption)}">\n'
        f"<table>\n<caption>{text_html(table.caption)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}</tbody>\n</table>\n</div>\n{note}"
    )


def notes_html(notes: Notes) -> str:
    """Write sentences as a list."""
    items = "".join(f"<li>{prose_html(item)}</li>\n" for item in notes.items)
    return f"<h3>{text_html(notes.heading)}</h3>\n<ul>\n{items}</ul>\n" if items else ""


def advice_html(advice: Sequence[Advice]) -> str:
    """Write advice as a list of cards."""
    items = "".join(
        f'<li><div><div class="where">{text_html(a.where)}</div>'
        f'<div class="who">{text_html(a.who)}</div></div>'
        f'<div><div class="deed">{text_html(a.deed)}</div>'
        f'<div class="why">{text_html(a.why)}</div></div></li>\n'
        for a in advice
    )
    return f'<ul class="advice">\n{items}</ul>\n' if items else ""


def tiles_html(tiles: Sequence[Tile]) -> str:
    """Write the numbers that count, large."""
    items = "".join(
        f'<li><div class="what">{text_html(t.what)}</div><div class="value">'
        + (f'<span class="from">{text_html(t.before)} \u2192 </span>' if t.before else "")
        + f"{text_html(t.value)}</div>"
        + (f'<div class="detail">{text_html(t.detail)}</div>' if t.detail else "")
        + "</li>\n"
        for t in tiles
    )
    return f'<ul class="tiles">\n{items}</ul>\n' if items else ""


def pairs_html(pairs: Sequence[tuple[str, str]]) -> str:
    """Write names with their values."""
    items = "".join(
        f"<dt>{text_html(name)}</dt><dd>{text_html(value)}</dd>\n" for name, value in pairs
    )
    return f"<dl>\n{items}</dl>\n" if items else ""


def picture_html(picture: Picture, index: int) -> str:
    """Put a figure into the page, its colours bound to the style sheet."""
    prefix = f"figure-{index + 1}-"
    return (
        f"<figure>\n{_svg(picture.figure, picture.caption, picture.alt, prefix=prefix)}"
        f"<figcaption>{text_html(picture.caption)}</figcaption>\n</figure>\n"
    )


def chart_html(chart: Chart) -> str:
    """Put a graph into the page: its picture, the place where the script draws, its values."""
    tables = "".join(table_html(table) for table in chart.tables)
    if tables:
        tables = (
            f"<details>\n<summary>Values of {text_html(chart.title)}</summary>\n"
            f'<div class="tables">\n{tables}</div>\n</details>\n'
        )
    svg = _svg(chart.figure, chart.title, chart.alt, prefix=f"{chart.identifier}-")
    return (
        f'<figure id="chart-{chart.identifier}">\n<h3>{text_html(chart.title)}</h3>\n'
        f'<div class="live" role="group" aria-label="{text_html(chart.alt)}"></div>\n'
        f'<div class="static">\n{svg}</div>\n'
        f"<figcaption>{text_html(chart.caption)}</figcaption>\n{tables}</figure>\n"
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
    svg = _IMAGE.sub(lambda found: f"{found[1]}{_few_colours(found[2])}", svg)
    for name, colour in colour_names(LIGHT).items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg


def _svg(figure: Figure, caption: str, alt: str, *, prefix: str) -> str:
    """Return a figure that scrolls on narrow screens and is described."""
    label = f'<svg class="picture" role="img" aria-label="{text_html(alt)}"'
    svg = page_svg(figure, prefix=prefix).replace("<svg", label, 1)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{text_html(caption)}">\n'
        f"{svg}</div>\n"
    )


def _few_colours(png: str) -> str:
    """Shrink a PNG in base64 to a palette: a third of its bytes."""
    with Image.open(io.BytesIO(base64.b64decode(png))) as image, io.BytesIO() as file:
        palette = image.convert("RGBA").quantize(
            _COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        )
        palette.save(file, format="png", optimize=True)
        return base64.b64encode(file.getvalue()).decode("ascii")


def _class(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _cell(cell: Cell, digits: int) -> str:
    """Write one cell; a number that cannot be had is a dash that says so."""
    if isinstance(cell, float) and not math.isfinite(cell):
        return (
            f'<span class="unseen">not available</span><span aria-hidden="true">{_MISSING}</span>'
        )
    text = cell_text(cell, digits)
    if not isinstance(cell, Mark):
        return prose_html(text)
    rest = text.removeprefix(cell.text)
    return f'<span class="mark {cell.kind}">{text_html(cell.text)}</span>{prose_html(rest)}'

"""One page that says it all: a self-contained HTML file, made from what others found out.

The page loads nothing: style, script, pictures and data are inside, and a content security policy
forbids the rest. Text from users is escaped in `markup` and in `charts_json`, and nowhere else.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from roomcal.report.assets import asset_text, uplot_licence
from roomcal.report.chart import Chart, charts_json
from roomcal.report.markup import (
    Advice,
    Notes,
    Picture,
    Tile,
    advice_html,
    chart_html,
    notes_html,
    pairs_html,
    picture_html,
    section_html,
    table_html,
    text_html,
    tiles_html,
)
from roomcal.report.page_css import style_sheet
from roomcal.report.table import Table

__all__ = ["Advice", "Notes", "Page", "Picture", "Section", "Table", "Tile", "render_page"]

_SWIPE = '<p class="swipe">Swipe a picture sideways to see all of it.</p>\n'  # on phones alone
_HOW_TO = (
    "Drag over a graph to zoom, double-click or press 0 to see all of it again; the line under it "
    "reads the values at the cursor. With the keyboard, arrows move the cursor and plus and minus "
    "zoom."
)


@dataclass(frozen=True)
class Section:
    """What is said under one heading."""

    heading: str
    intro: str = ""
    notes: tuple[Notes, ...] = ()
    advice: tuple[Advice, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, eq=False)
class Page:
    """Everything on a page, in the order in which it is read."""

    title: str
    verdict: str  # one sentence
    passed: bool | None = None  # None: nothing was to be proved
    tiles: tuple[Tile, ...] = ()
    tables: tuple[Table, ...] = ()
    sections: tuple[Section, ...] = ()
    charts: tuple[Chart, ...] = ()
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
    charts = "".join(chart_html(chart) for chart in page.charts)
    pictures = "".join(picture_html(picture, i) for i, picture in enumerate(page.figures))
    bodies = [
        ("Summary", tiles_html(page.tiles) + "".join(table_html(table) for table in page.tables)),
        *((section.heading, _section_body(section)) for section in page.sections),
        ("Graphs", f'<p class="intro">{_HOW_TO}</p>\n{charts}' if charts else ""),
        ("Pictures", _SWIPE + pictures if pictures else ""),
        ("In detail", "".join(table_html(table) for table in page.details)),
        ("Exports", pairs_html(page.exports)),
        ("Where this comes from", pairs_html(page.provenance)),
    ]
    shown = [(heading, body) for heading, body in bodies if body]
    parts = [section_html(heading, body, i) for i, (heading, body) in enumerate(shown)]
    script = _script(page.charts) if page.charts else ""
    licence = f"<!--\nThe graphs are drawn by uPlot.\n{uplot_licence()}\n-->\n" if script else ""
    style = style_sheet(with_charts=bool(page.charts))
    return (
        f'<!doctype html>\n<html lang="{text_html(page.language)}">\n<head>\n'
        f'<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(page.charts)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text_html(page.title)}</title>\n<style>\n{style}\n</style>\n</head>\n<body>\n"
        '<a class="skip" href="#part-0">To the summary</a>\n'
        f"<header>\n<h1>{text_html(page.title)}</h1>\n{_verdict(page)}\n</header>\n"
        f"{_contents([heading for heading, _ in shown])}"
        f"<main>\n{''.join(parts)}</main>\n<footer>Made by roomcal.</footer>\n"
        f"{licence}{script}</body>\n</html>\n"
    )


def _policy(charts: Sequence[Chart]) -> str:
    """Allow the style that is inside, and the one script that is inside, by its digest."""
    rules = [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    if charts:
        digest = base64.b64encode(hashlib.sha256(_code().encode()).digest()).decode("ascii")
        rules.insert(1, f"script-src 'sha256-{digest}'")
    return "; ".join(rules)


def _code() -> str:
    """Return uPlot and what we draw with it, as one script."""
    code = f"{asset_text('vendor/uPlot.iife.min.js').strip()}\n{asset_text('own/charts.js')}"
    if "</script" in code.lower():
        raise ValueError("a script that ends its own element cannot stand in a page")
    return code


def _script(charts: Sequence[Chart]) -> str:
    return (
        f'<script type="application/json" id="chart-data">{charts_json(charts)}</script>\n'
        f"<script>{_code()}</script>\n"
    )


def _verdict(page: Page) -> str:
    """Say the verdict; its mark is a word as well as a colour."""
    if page.passed is None:
        return f'<p class="verdict">{text_html(page.verdict)}</p>'
    kind, mark = ("passed", "Passed.") if page.passed else ("failed", "Failed.")
    verdict = text_html(page.verdict)
    return f'<p class="verdict {kind}"><span class="mark">{mark}</span> {verdict}</p>'


def _contents(headings: Sequence[str]) -> str:
    """Link to each section; a page of one needs no list."""
    if len(headings) < 2:
        return ""
    items = "".join(
        f'<li><a href="#part-{i}">{text_html(heading)}</a></li>\n'
        for i, heading in enumerate(headings)
    )
    return f'<nav aria-label="On this page">\n<ul>\n{items}</ul>\n</nav>\n'


def _section_body(section: Section) -> str:
    body = (
        "".join(notes_html(notes) for notes in section.notes)
        + advice_html(section.advice)
        + "".join(table_html(table) for table in section.tables)
    )
    intro = f'<p class="intro">{text_html(section.intro)}</p>\n' if section.intro else ""
    return intro + body if body else ""

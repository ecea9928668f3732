import base64
import hashlib
import json
import math
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest

from roomcal.model.curve import Curve
from roomcal.report.chart import Chart, Key, Line, Panel, charts_json
from roomcal.report.figures import Trace, response_figure
from roomcal.report.markup import page_svg
from roomcal.report.page import (
    Advice,
    Notes,
    Page,
    Picture,
    Section,
    Table,
    Tile,
    render_page,
)
from roomcal.report.style import LIGHT

HOSTILE = '<script>alert("x")</script>&\'"\x00'
VOID = {"meta", "link", "br", "hr", "img", "input"}
LARGEST_BYTES = 1_500_000  # issue 6


class Reader(HTMLParser):
    """Collects tags, attributes and text; complains about tags that do not match."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def read(html):
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


def figure(n_speakers=2):
    f = np.geomspace(20.0, 20000.0, 480)
    rng = np.random.default_rng(3)
    curve = Curve(f, rng.standard_normal(f.size))
    roles = ("before", "predicted", "verified")
    return response_figure({f"S{i}": [Trace(curve, r) for r in roles] for i in range(n_speakers)})


def chart(name="Response", level_db=None):
    f = np.geomspace(20.0, 20000.0, 64)
    level = np.linspace(0.0, -10.0, f.size) if level_db is None else level_db
    return Chart(
        "response",
        name,
        name,
        name,
        f,
        (Panel(name, (Line("before", np.stack([level, level - 1.0]), band=True),)),),
        (Key("before", name, LIGHT.line("before")),),
        figure(1),
        "Level (dB)",
        (-40.0, 10.0),
        "dB",
        (20.0, 20000.0),
        smoothing=True,
        views=((name, (20.0, 300.0)),),
    )


def page(**kwargs):
    table = Table("Deviation (dB)", ("Speaker", "Stage", "Bass"), (("L", "before", -6.126),))
    defaults = {
        "title": "Demo",
        "verdict": "The correction keeps its promise.",
        "passed": True,
        "tables": (table,),
        "tiles": (Tile("Bass", "3.7 dB", "6.0"),),
        "sections": (
            Section(
                "What the filters do",
                notes=(Notes("L", ("Cuts 7 dB at 38 Hz.",)),),
                advice=(Advice("38 Hz", "L", "Cut by 7 dB", "It rings."),),
            ),
        ),
        "charts": (chart(),),
        "figures": (Picture(figure(), "Response", "Both speakers are flat"),),
        "exports": (("DAW WAV", "exports/daw-wav"),),
        "provenance": (("Session", "before"),),
    }
    return Page(**(defaults | kwargs))


def test_the_verdict_comes_first():
    html = render_page(page())

    headings = [tag for tag, _ in read(html).tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == "h1"
    assert html.index("keeps its promise") < html.index("<h2")


@pytest.mark.parametrize(("passed", "word"), [(True, "Passed."), (False, "Failed."), (None, None)])
def test_the_verdict_is_a_word_as_well_as_a_colour(passed, word):
    html = render_page(page(passed=passed))

    assert (word in html) if word else ("Passed." not in html and "Failed." not in html)


def test_nothing_is_loaded_from_anywhere():
    html = render_page(page())

    # The names of XML namespaces are addresses that nobody visits.
    rest = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", html)
    rest = rest.replace("https://github.com/leeoniya/uPlot", "")  # where uPlot says it is from
    assert "http:" not in rest
    assert "https:" not in rest
    for tag, attributes in read(html).tags:
        assert tag not in {"link", "iframe", "object", "embed", "img", "base"}
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        for name in ("href", "xlink:href"):
            assert attributes.get(name, "#").startswith("#")
    assert "@import" not in html
    assert re.findall(r"url\((?!#)", html) == []
    assert "default-src 'none'" in html


def test_only_the_script_inside_may_run():
    html = render_page(page())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    code = re.search(r"<script>(.*?)</script>", html, re.DOTALL)[1]

    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert html.count("<script") == 2  # the data, and the code


def test_the_licence_of_uplot_is_where_uplot_is():
    assert "Copyright (c) 2022 Leon Sorokin" in render_page(page())
    without = render_page(page(charts=()))
    assert "uPlot" not in without
    assert "<script" not in without


def test_data_of_a_chart_come_back_as_they_went_in():
    level = np.array([-12.34, 0.0, np.nan, 5.678])
    f = np.array([20.0, 200.0, 2000.0, 20000.0])
    lines = (Line("before", level[None]),)
    one = chart()
    sent = Chart(
        **{
            **{name: getattr(one, name) for name in one.__dataclass_fields__},
            "x": f,
            "panels": (Panel("L", lines),),
        }
    )

    row = json.loads(charts_json([sent]))["charts"][0]["panels"][0]["lines"][0]["rows"][0]

    steps = np.frombuffer(base64.b64decode(row), dtype="<i2")
    assert steps.tolist() == [-1234, 0, -32768, 568]


def test_a_line_that_does_not_fit_its_chart_is_a_mistake():
    one = {name: getattr(chart(), name) for name in chart().__dataclass_fields__}
    with pytest.raises(ValueError, match="axis"):
        Chart(**(one | {"panels": (Panel("L", (Line("before", np.zeros((1, 3))),)),)}))
    with pytest.raises(ValueError, match="key"):
        Chart(**(one | {"keys": ()}))


def test_hostile_names_stay_text():
    notes = (Notes(HOSTILE, (HOSTILE,)),)
    table = Table(HOSTILE, (HOSTILE, HOSTILE), ((HOSTILE, HOSTILE),), note=HOSTILE)
    html = render_page(
        page(
            title=HOSTILE,
            verdict=HOSTILE,
            tables=(table,),
            tiles=(Tile(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
            sections=(
                Section(HOSTILE, HOSTILE, notes, (Advice(HOSTILE, HOSTILE, HOSTILE, HOSTILE),)),
            ),
            charts=(chart(HOSTILE),),
            details=(table,),
            figures=(Picture(figure(1), HOSTILE, HOSTILE),),
            exports=((HOSTILE, HOSTILE),),
            provenance=((HOSTILE, HOSTILE),),
        )
    )

    assert html.count("<script") == 2
    assert "\x00" not in html
    reader = read(html)
    assert [tag for tag, _ in reader.tags].count("script") == 2
    assert "".join(reader.texts).count('<script>alert("x")</script>') >= 10


def test_a_missing_number_is_a_dash_that_is_read_out():
    table = Table("T", ("Band", "T30 (s)"), (("63 Hz", math.nan), ("125 Hz", 0.456)))

    html = render_page(page(tables=(table,)))

    assert '<span class="unseen">not available</span>' in html
    assert "0.46" in html
    assert ">nan" not in html


def test_numbers_have_a_true_minus_and_two_decimals():
    assert ">\u22126.13<" in render_page(page())


def test_figures_have_a_description_and_follow_the_page_colours():
    html = render_page(page())
    svg = next(attributes for tag, attributes in read(html).tags if tag == "svg")

    assert svg["role"] == "img"
    assert svg["aria-label"] == "Response"
    assert "Both speakers are flat" in html
    inner = html[html.index("<svg") : html.index("</svg>")]
    assert "var(--background)" in inner
    assert set(re.findall(r"var\(--([\w-]+)\)", inner)) <= set(re.findall(r"--([\w-]+):", html))
    assert "prefers-color-scheme: dark" in html
    assert "data-theme=dark" in html


def test_two_figures_share_no_identifier():
    one, two = (page_svg(figure(1), prefix=p) for p in ("a-", "b-"))

    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (one, two)]
    assert not ids[0] & ids[1]
    for svg, own in zip((one, two), ids, strict=True):
        ET.fromstring(svg)
        assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= own
        assert set(re.findall(r'href="#([^"]+)"', svg)) <= own


def test_tables_have_captions_and_heads():
    html = render_page(page())

    assert "<caption>Deviation (dB)</caption>" in html
    assert '<th scope="col" class="number">Bass</th>' in html
    assert '<th scope="row">L</th>' in html


def test_empty_parts_leave_no_heading():
    html = render_page(Page(title="T", verdict="V"))

    assert "<h2" not in html
    read(html)


def test_the_same_page_is_the_same_text():
    assert render_page(page()) == render_page(page())


def test_a_page_of_twelve_speakers_stays_small():
    pictures = tuple(Picture(figure(12), f"Figure {i}", "alt") for i in range(2))

    assert len(render_page(page(figures=pictures)).encode()) < LARGEST_BYTES


def test_rows_have_as_many_cells_as_columns():
    with pytest.raises(ValueError, match="3 cells"):
        Table("T", ("a", "b", "c"), (("x", 1.0),))

"""The page says of the room what `analyze` says: the overview, the noise, every clause."""

import json
import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from roomcal.cli.main import cli
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.jobs.conversation import Silent
from roomcal.jobs.measure import MeasureRequest, measure
from roomcal.jobs.page import tell
from roomcal.jobs.report import gather
from roomcal.jobs.room_page import sentence
from roomcal.jobs.studio import Place
from roomcal.report.page import render_page
from roomcal.report.pdf import text_sheets
from roomcal.report.table import Mark

FS = 48000
STATUS = {"Missed": "fail", "Kept": "pass", "Not measurable": "not measurable"}


class Tables(HTMLParser):
    """The tables of a page by their captions, as rows of text."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.found, self.caption, self.row, self.cell = {}, None, [], None
        self.feed(html)

    def handle_starttag(self, tag, _attrs):
        if tag in ("caption", "td", "th"):
            self.cell = ""
        elif tag == "tr":
            self.row = []

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if tag == "caption":
            self.caption, self.cell = self.cell, None
            self.found[self.caption] = []
        elif tag in ("td", "th"):
            self.row.append(self.cell or "")
            self.cell = None
        elif tag == "tr":
            self.found[self.caption].append(self.row)


def plain(text):
    """Undo what the page does to signs."""
    for sign, ascii_text in {
        "\u00a0": " ",
        "\u2212": "-",
        "\u00b1": "+-",
        "\u2264": "<=",
        "\u00b2": "2",
        "\u00b3": "3",
    }.items():
        text = text.replace(sign, ascii_text)
    return " ".join(text.split())


def answer(root, *arguments):
    done = CliRunner().invoke(cli, ["-C", str(root), *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """`known` in a room whose sound pressure is known, `unknown` in one where it is not."""
    root = tmp_path_factory.mktemp("studio")
    for room, name in (("control-room", "known"), ("bedroom", "unknown")):
        studio = VirtualStudio(ROOMS[room])
        place = Place(studio.default_studio(), studio, f"virtual:{room}")
        request = MeasureRequest(
            place.studio.speakers,
            place.studio.positions[:1],
            sweeps=1,
            length_s=1.0,
            level_dbfs=-20.0,
            check_wiring=False,
            use_calibration=False,
        )
        measure(root, name, place, request, Silent())
    h = np.zeros(FS // 2)
    h[480] = 1.0
    soundfile.write(root / "L-p1.wav", h, FS, subtype="FLOAT")
    answer(root, "import", str(root / "L-p1.wav"), "--session", "imported")
    return root


@pytest.fixture(scope="module", params=["known", "unknown", "imported"])
def both(request, root):
    """The page of a session, and what `analyze --json` says of it."""
    page = tell(gather(root, request.param), title="x")
    return page, json.loads(answer(root, "analyze", request.param, "--json"))


def test_every_clause_stands_on_the_page_with_its_answer(both):
    page, said = both
    clauses = said["standards"]
    tables = Tables(render_page(page)).found

    assert len(clauses) > 20
    for standard in dict.fromkeys(c["standard"] for c in clauses):
        rows = tables[standard][1:]
        expected = [c for c in clauses if c["standard"] == standard]
        shown = set()
        for asks, found, clause in rows:
            status, why = found.split(": ", 1)
            number = clause.split(" [")[0]
            shown.add((plain(asks), STATUS[status], plain(why).rstrip("."), number))
        assert shown == {(c["asks"], c["status"], c["found"], c["clause"]) for c in expected}
        assert len(rows) == len(expected)
        statuses = [found.split(":")[0] for _, found, _ in rows]
        assert statuses == sorted(statuses, key=list(STATUS).index)  # what is missed comes first


def test_every_clause_has_its_source(both):
    page, said = both

    notes = {t.caption: t.note for t in page.details}
    for c in said["standards"]:
        assert c["source"] in notes[c["standard"]]


def test_the_clauses_are_counted_before_the_graphs(both):
    page, said = both
    html = render_page(page)

    counted = Tables(html).found["Clauses of standards"]
    order = [STATUS[name] for name in counted[0][1:]]
    expected = Counter((c["standard"], c["status"]) for c in said["standards"])
    assert {
        (standard, status): int(n)
        for standard, *numbers in counted[1:]
        for status, n in zip(order, numbers, strict=True)
        if int(n)
    } == expected
    assert html.index("Clauses of standards") < html.index(">Graphs</h2>")


def test_what_a_filter_can_mend_and_what_it_cannot_is_what_analyze_says(both):
    page, said = both

    (section,) = [s for s in page.sections if s.heading == "What the room does"] or [None]
    shown = {n.heading: n.items for n in section.notes} if section else {}
    assert shown.get("A filter can mend", ()) == tuple(map(sentence, said["can"]))
    assert shown.get("A filter cannot mend", ()) == tuple(map(sentence, said["cannot"]))
    assert said["verdict"] in plain(page.verdict)


def test_noise_is_rated_or_says_why_not(both):
    page, said = both

    (section,) = [s for s in page.sections if s.heading == "Noise of the room"]
    text = plain(" ".join(item for n in section.notes for item in n.items))
    if said["noise"] is None:
        assert "no raw take" in text.lower()
        return
    noise = said["noise"]
    if noise["sensitivity"] == "unknown":
        assert "sound pressure is not known" in text
        assert "NC" not in text
        levels = noise["level_dbfs"]
    else:
        assert f"{noise['a_db_spl']:.0f} dB(A)" in text
        assert [r["name"] for r in noise["ratings"]] == ["NC", "NR"]
        for r in noise["ratings"]:
            expected = r["reason"] or f"{r['name']} {r['rating']:.0f} "
            assert expected in text
        levels = noise["level_db_spl"]
    (row,) = section.tables[0].rows
    assert row[1:] == pytest.approx(levels)


def test_the_sheets_of_paper_have_it_all(both):
    page, said = both

    text = " ".join(t.get_text() for sheet in text_sheets(page) for t in sheet.texts)
    assert ("What the room does" in text) == bool(said["can"] or said["cannot"])
    assert "Noise of the room" in text
    assert "Clauses of standards" in text
    assert all(c["standard"] in text for c in said["standards"])


def test_a_status_is_a_word_whatever_its_colour(both):
    page, _ = both
    marks = [c for t in page.details for row in t.rows for c in row if isinstance(c, Mark)]

    assert {m.text for m in marks} <= set(STATUS)
    assert all(m.why for m in marks)
    shown = re.findall(r'class="mark (good|bad|plain)">([^<]*)<', render_page(page))
    assert Counter(shown) == Counter((m.kind, m.text) for m in marks)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the limit is -0.2 dB", "The limit is \u22120.2\u00a0dB."),
        ("1-8 kHz", "1-8\u00a0kHz."),
        ("85 - 10 log10(n)", "85 - 10 log10(n)."),
        ("+-3 dB, 300 m3", "\u00b13\u00a0dB, 300\u00a0m\u00b3."),
    ],
)
def test_signs_are_set_as_in_print(text, expected):
    assert sentence(text) == expected

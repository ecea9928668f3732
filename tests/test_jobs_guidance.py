"""Guidance while measuring: where the microphone goes, how a take was, what about a bad one."""

import dataclasses
import re
import sys

import click
import numpy as np
import pytest
from rich.console import Console

from roomcal.cli import terminal
from roomcal.cli.terminal import Terminal
from roomcal.devices.interruption import Interrupted
from roomcal.devices.virtual.faults_clock import Interruption
from roomcal.devices.virtual.faults_input import HardClip
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.errors import MeasurementError
from roomcal.jobs.conversation import Silent
from roomcal.jobs.guidance import input_level_text, offsets_m, placement_text, verdict_text
from roomcal.jobs.measure import MeasureRequest, measure
from roomcal.jobs.studio import Place
from roomcal.measure.plan import plan_take
from roomcal.model.capture import Capture
from roomcal.model.impulse_response import BandSnr, ImpulseResponse
from roomcal.model.studio import Position, Speaker, Studio
from roomcal.model.sweep import Sweep

L, R = Speaker("L", 1), Speaker("R", 2)
# The box of the issue: +-22 cm, +-25 cm, +-12 cm around the head.
BOX_M = (0.22, 0.25, 0.12)


class Person(Silent):
    """Remembers what is said and answers as told."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.places, self.verdicts, self.warnings, self.notes = [], [], [], []
        self.levels = []

    def place_microphone(self, position, number, total, *, how=()):
        self.places.append((position.name, number, total, *how[:1]))

    def listening(self, text):
        self.levels.append(text)

    def verdict(self, text):
        self.verdicts.append(text)

    def warn(self, text):
        self.warnings.append(text)

    def note(self, text):
        self.notes.append(text)

    def after_bad_take(self, *_question):
        return self.answers.pop(0)


class ByHand:
    """A studio in which a person moves the microphone."""

    def __init__(self, studio):
        self._studio = studio

    def __getattr__(self, name):
        return getattr(self._studio, name)

    def place_microphone(self, position):
        self._studio.place_microphone(position)
        return False


def place_of(studio):
    room = studio.room.name
    return Place(
        studio.default_studio(), ByHand(studio), f"virtual:{room}", studio.microphone_calibration()
    )


def request_of(place, **changes):
    request = MeasureRequest(
        place.studio.speakers,
        place.studio.positions[:2],
        sweeps=1,
        length_s=1.0,
        check_wiring=False,
    )
    return dataclasses.replace(request, **changes)


# --- where ---


def test_positions_without_coordinates_are_the_corners_of_a_box_around_the_head():
    offsets = offsets_m(Studio("attic", (L, R)))

    assert list(offsets) == [f"p{n}" for n in range(1, 10)]
    np.testing.assert_array_equal(offsets["p1"], 0.0)
    corners = np.array([offsets[f"p{n}"] for n in range(2, 10)])
    np.testing.assert_allclose(np.abs(corners), np.tile(BOX_M, (8, 1)))
    assert len(np.unique(corners, axis=0)) == 8


def test_coordinates_are_said_as_seen_from_the_chair():
    """The speakers stand at larger x, the left one at larger y: one looks along x."""
    studio = Studio(
        "attic",
        (Speaker("L", 1, position_m=(3.0, 2.0, 1.2)), Speaker("R", 2, position_m=(3.0, 1.0, 1.2))),
        positions=(
            Position("chair", (1.0, 1.5, 1.2)),
            Position("ahead", (1.3, 1.5, 1.2)),
            Position("left", (1.0, 1.75, 1.32)),
        ),
    )

    assert placement_text(studio, studio.positions[1])[0] == "30 cm to the front"
    assert placement_text(studio, studio.positions[2])[0] == "25 cm to the left, 12 cm up"


def test_the_drawing_shows_the_next_position_from_above():
    studio = Studio("attic", (L, R))
    _, front, *rows = placement_text(studio, Position("p2"))  # to the left and the front

    assert front.startswith("[L]")
    assert front.endswith("[R]")
    marks = {(row, m.start()): m[0] for row, t in enumerate(rows) for m in re.finditer(r"\S", t)}
    (here,) = [at for at, mark in marks.items() if mark == "X"]
    (head,) = [at for at, mark in marks.items() if mark == "+"]
    assert here[0] < head[0]
    assert here[1] < head[1]
    assert list(marks.values()).count("o") == 3


def test_a_position_that_nobody_described_is_not_explained():
    assert placement_text(Studio("attic", (L, R)), Position("sofa")) == ()


def test_the_person_is_sent_to_each_position_once(tmp_path):
    place = place_of(VirtualStudio(ROOMS["bedroom"]))
    person = Person()

    measure(tmp_path, "before", place, request_of(place), person)

    assert [p[:3] for p in person.places] == [("p1", 1, 2), ("p2", 2, 2)]
    assert person.places[0][3] == "the middle of your head, where you listen"
    assert re.fullmatch(r"\d+ cm to the left, \d+ cm to the front, 12 cm down", person.places[1][3])


# --- how it was ---


def test_the_verdict_names_peak_and_noise():
    plan = plan_take(Sweep(48000, 1.0))
    capture = Capture(np.array([0.0, 0.1]), None, 48000, plan, "L", "L", "p1")
    snr = BandSnr(np.array([20.0, 100.0, 1000.0, 5000.0]), np.array([3.0, 30.0, 50.0, 60.0]))
    response = ImpulseResponse(np.ones(4), 48000, "L", "p1", snr=snr)

    text = verdict_text(capture, response)

    assert text == "L at p1: good, peak -20.0 dBFS, 50 dB above the noise (30 at 100 Hz)"


def test_every_good_take_gets_a_line(tmp_path):
    place = place_of(VirtualStudio(ROOMS["bedroom"]))
    person = Person()

    measure(tmp_path, "before", place, request_of(place), person)

    assert [v.split(":")[0] for v in person.verdicts] == [
        f"{s} at {p}" for p in ("p1", "p2") for s in ("L", "R")
    ]


# --- a bad take ---


# The first take clips: repeating it without turning anything is no help, so the person is asked.
CLIPS_ONCE, CLIPS_ALWAYS = HardClip(takes=(0,)), HardClip()


def place_with(fault):
    return place_of(VirtualStudio(ROOMS["bedroom"], faults=[fault]))


def test_a_take_that_stays_bad_can_be_skipped(tmp_path):
    place = place_with(CLIPS_ONCE)
    person = Person("skip")

    store = measure(tmp_path, "before", place, request_of(place), person)

    assert len(store.session.responses) == 3
    assert person.warnings[-1].startswith("skipped: L at p1; the same command")


def test_a_take_that_stays_bad_can_be_taken_again(tmp_path):
    place = place_with(CLIPS_ONCE)
    person = Person("retake")

    store = measure(tmp_path, "before", place, request_of(place), person)

    assert len(store.session.responses) == 4
    assert person.answers == []


@pytest.mark.parametrize("person", [Person("stop"), Silent()])
def test_a_take_that_stays_bad_stops_where_nobody_says_otherwise(tmp_path, person):
    place = place_with(CLIPS_ALWAYS)

    with pytest.raises(MeasurementError):
        measure(tmp_path, "before", place, request_of(place), person)


# --- and on ---


def test_a_measurement_goes_on_after_ctrl_c(tmp_path):
    room = ROOMS["bedroom"]
    place = place_of(VirtualStudio(room, faults=[Interruption(takes=(2,))]))
    with pytest.raises(Interrupted):
        measure(tmp_path, "before", place, request_of(place), Person())
    person = Person()
    place = place_of(VirtualStudio(room))

    store = measure(tmp_path, "before", place, request_of(place), person)

    assert "2 of 4 paths are measured already; going on" in person.notes
    assert [p[0] for p in person.places] == ["p2"]
    assert len(store.session.responses) == 4
    interrupted = [t for t in store.session.takes if t.status == "rejected"]
    assert [t.reason.split(" at")[0] for t in interrupted] == ["ended by Ctrl-C"]


def test_the_input_level_is_shown_while_a_take_plays(tmp_path):
    place = place_of(VirtualStudio(ROOMS["bedroom"]))
    person = Person()
    store = measure(
        tmp_path, "s", place, request_of(place, positions=place.studio.positions[:1]), person
    )

    takes = [store.load_capture(t).microphone for t in store.session.takes]
    shown_db = [int(re.search(r"(-?\d+) dBFS", text)[1]) for text in person.levels]
    seconds = sum(x.size for x in takes) / 48000
    # Ten a second; blocks of the device make each a little longer than that.
    assert 0.6 * 10 * seconds < len(shown_db) <= 10 * seconds
    loudest_db = 20 * np.log10(max(np.abs(x).max() for x in takes))
    assert max(shown_db) == pytest.approx(loudest_db, abs=0.5 + 1e-9)  # whole decibels


@pytest.mark.parametrize(
    ("peak_dbfs", "text"),
    [
        (-120.0, "----------  -99 dBFS"),
        (-60.0, "----------  -60 dBFS"),
        (-24.0, "######----  -24 dBFS"),
        (-0.4, "#########-   -0 dBFS TOO LOUD"),
        (3.0, "##########    3 dBFS TOO LOUD"),
    ],
)
def test_the_input_level_is_drawn_in_cells_of_6_db(peak_dbfs, text):
    assert input_level_text(peak_dbfs) == text


# --- in the terminal ---


@pytest.fixture
def at_terminal(monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    slept = []
    monkeypatch.setattr(terminal.time, "sleep", slept.append)
    return slept


def test_the_terminal_draws_asks_and_counts_down(monkeypatch, at_terminal, capsys):
    asked = []
    monkeypatch.setattr(click, "prompt", lambda text, **_: asked.append(text))
    how = placement_text(Studio("attic", (L, R)), Position("p2"))

    Terminal(Console(stderr=True), quiet=False).place_microphone(Position("p2"), 2, 9, how=how)

    shown = capsys.readouterr().err
    assert "[L]" in shown
    assert "X" in shown
    assert "sound in 3" in shown
    assert at_terminal == [1.0] * terminal.COUNTDOWN_S
    assert shown.startswith("Microphone to p2 (2 of 9): 22 cm to the left, 25 cm to the front")
    assert asked == ["Enter when it is at p2"]


@pytest.mark.usefixtures("at_terminal")
@pytest.mark.parametrize(("key", "answer"), [("r", "retake"), ("s", "skip"), ("q", "stop")])
def test_the_terminal_asks_what_to_do_about_a_bad_take(monkeypatch, key, answer):
    monkeypatch.setattr(click, "prompt", lambda *_, **__: key)

    assert Terminal(Console(stderr=True), quiet=False).after_bad_take("clipped", "turn") == answer


def test_without_a_terminal_nobody_is_asked(monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)

    assert Terminal(Console(stderr=True), quiet=False).after_bad_take("clipped", "") == "stop"
    assert Terminal(Console(stderr=True), quiet=False).confirm("Did you hear it?") is True


@pytest.mark.usefixtures("at_terminal")
@pytest.mark.parametrize("answer", [True, False])
def test_the_terminal_asks_what_only_ears_can_tell(monkeypatch, answer):
    monkeypatch.setattr(click, "confirm", lambda *_, **__: answer)

    assert Terminal(Console(stderr=True), quiet=False).confirm("Did you hear it?") is answer

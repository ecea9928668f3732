"""`roomcal analyze` shows what the room does, and names what it is given."""

import json

import numpy as np
import pytest
import soundfile

from roomcal.cli.main import cli

FS = 48000
MODE_HZ, DAMPING = 40.8, 8.5  # a room 4.2 m long: 343 / 2 / 4.2 Hz


@pytest.fixture
def session(runner):
    t = np.arange(FS) / FS
    h = 1e-3 * np.exp(-DAMPING * t) * np.sin(2.0 * np.pi * MODE_HZ * t)
    h[10] = 1.0
    soundfile.write("L-p1.wav", h, FS, subtype="FLOAT")
    assert runner.invoke(cli, ["import", "L-p1.wav", "--session", "before"]).exit_code == 0
    return "before"


def test_a_mode_is_shown_with_its_decay_and_half_waves(runner, session):
    answer = runner.invoke(cli, ["analyze", session, "--only", "modes", "--room", "4.2x3.4x2.5"])

    assert answer.exit_code == 0
    assert "40.8" in answer.stdout
    assert "1 0 0" in answer.stdout
    assert "0.81" in answer.stdout  # 3 ln 10 / 8.5
    assert max(len(line) for line in answer.stdout.splitlines()) <= 80


def test_modes_stand_in_the_json_of_every_response(runner, session):
    answer = runner.invoke(cli, ["analyze", session, "--json"])

    modes = json.loads(answer.stdout)["responses"][0]["modes"]
    assert [round(m["f_hz"], 1) for m in modes] == [MODE_HZ]
    assert modes[0]["half_waves"] is None


@pytest.mark.parametrize("size", ["4x5", "4x5xhigh", "0x5x3", "4x5x3x2", ""])
def test_a_size_that_is_no_room_is_refused_with_an_example(runner, session, size):
    answer = runner.invoke(cli, ["analyze", session, "--room", size])

    assert answer.exit_code == 2
    assert "4.4x5.6x2.8" in answer.stderr


@pytest.fixture
def dozen(runner, session):
    assert session
    h = soundfile.read("L-p1.wav")[0]
    names = ["L", "R", "C", "LFE", "Ls", "Rs", "Lrs", "Rrs", "Ltf", "Rtf", "Ltr", "Rtr"]
    for k, name in enumerate(names):
        tail = np.zeros(h.size)
        tail[200 + 37 * k] = 0.5  # 4 ms and more after the direct sound, at -6 dB
        soundfile.write(f"{name}-p1.wav", h + tail, FS, subtype="FLOAT")
    files = [f"{name}-p1.wav" for name in names]
    assert runner.invoke(cli, ["import", *files, "--session", "dozen"]).exit_code == 0
    return "dozen"


def test_the_verdict_comes_first_and_names_what_a_filter_cannot_mend(runner, session):
    lines = runner.invoke(cli, ["analyze", session]).stdout.splitlines()

    assert lines[0].startswith("before: ")
    assert max(len(line) for line in lines) <= 80


def test_a_dozen_speakers_fit_the_terminal(runner, dozen):
    answer = runner.invoke(cli, ["analyze", dozen, "--room", "5.1x6.0x2.5"])

    lines = answer.stdout.splitlines()
    assert answer.exit_code == 0
    assert max(len(line) for line in lines) <= 80
    first = lines.index("A filter cannot mend:")
    sentences = "\n".join(lines[first : lines.index("", first)])
    assert sentences.count(" absorb") == 3
    assert "- 9 more like these" in lines


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("distortion", "Distortion of L: there is no raw take of it"),
        ("noise", "Noise of the room: no raw take with its noise is there."),
        ("pair", "Left and right: there is no pair of speakers at one position."),
    ],
)
def test_what_a_response_does_not_hold_is_said_in_a_sentence(runner, session, kind, expected):
    answer = runner.invoke(cli, ["analyze", session, "--only", kind])

    assert answer.exit_code == 0
    assert expected in answer.stdout


def test_standards_are_shown_clause_by_clause(runner, session):
    answer = runner.invoke(
        cli, ["analyze", session, "--only", "standards", "--room", "4.2x3.4x2.5"]
    )

    assert answer.exit_code == 0
    for text in ("EBU Tech 3276", "ITU-R BS.1116-3", "Dolby Atmos Music", "FAIL", "pass", " -  "):
        assert text in answer.stdout
    assert "as they are remembered" in answer.stdout
    assert max(len(line) for line in answer.stdout.splitlines()) <= 80


def lines_of(answer):
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    return lines


def test_the_response_is_drawn_with_its_scale(runner, session):
    lines = lines_of(runner.invoke(cli, ["analyze", session, "--only", "response"]))

    first = lines.index("Level of L in dB, over Hz")
    assert lines[first + 1].startswith("  10 ")
    assert any(0x2800 < ord(letter) <= 0x28FF for line in lines[first:] for letter in line)
    assert "20k" in lines[first + 10]


def test_a_terminal_of_ascii_gets_ascii(runner, session):
    runner.charset = "ascii"

    lines = lines_of(runner.invoke(cli, ["analyze", session, "--only", "response"]))

    assert "".join(lines[lines.index("Level of L in dB, over Hz") :]).isascii()


def test_twelve_speakers_fit_into_80_columns(runner):
    t = np.arange(FS // 2) / FS
    names = [f"S{i}-p1.wav" for i in range(12)]
    for i, name in enumerate(names):
        h = 1e-3 * np.exp(-DAMPING * t) * np.sin(2.0 * np.pi * MODE_HZ * t)
        h[10 + i] = 1.0
        soundfile.write(name, h, FS, subtype="FLOAT")
    assert runner.invoke(cli, ["import", *names, "--session", "many"]).exit_code == 0

    lines = lines_of(runner.invoke(cli, ["analyze", "many"]))

    assert sum("\u2588" in line for line in lines) >= 12


ECHO_S = 0.002
# Bins of at most a quarter of the window at 20 Hz, 0.15 Hz at 1/24 octave: next to a null the mean
# over a window that narrow still moves by this much.
COMB_TOLERANCE_DB = 0.1


@pytest.fixture
def comb(runner):
    h = np.zeros(FS)
    h[480] = h[480 + round(ECHO_S * FS)] = 1.0
    soundfile.write("L-p1.wav", h, FS, subtype="FLOAT")
    assert runner.invoke(cli, ["import", "L-p1.wav", "--session", "comb"]).exit_code == 0
    return "comb"


def comb_level_db(f_hz, per_octave):
    """Mean of |1 + exp(-i w t)|^2 = 2 + 2 cos(w t) over a window of a fraction of an octave."""
    low, high = (2.0 * np.pi * ECHO_S * f_hz * 2.0 ** (s / per_octave) for s in (-0.5, 0.5))
    return 10.0 * np.log10(2.0 + 2.0 * (np.sin(high) - np.sin(low)) / (high - low))


@pytest.mark.parametrize("per_octave", [1, 3, 24])
def test_smoothing_is_that_of_the_levels(runner, comb, per_octave):
    answer = runner.invoke(cli, ["analyze", comb, "--json", "--smoothing", f"1/{per_octave}"])

    response = json.loads(answer.stdout)["responses"][0]["response"]
    f_hz, level_db = (np.array(response[key]) for key in ("f_hz", "level_db"))
    inside = (f_hz > 40.0) & (f_hz < 8000.0)
    assert response["smoothing"] == f"1/{per_octave}"
    assert level_db[inside] == pytest.approx(
        comb_level_db(f_hz[inside], per_octave), abs=COMB_TOLERANCE_DB
    )


def test_smoothing_changes_what_is_drawn_and_not_what_is_said(runner, comb):
    shown = {
        width: lines_of(runner.invoke(cli, ["analyze", comb, "--smoothing", width]))
        for width in ("1/6", "1/1", "psychoacoustic")
    }
    plain = lines_of(runner.invoke(cli, ["analyze", comb]))

    assert plain == shown["1/6"]
    parts = {}
    for width, lines in shown.items():
        table = next(i for i, line in enumerate(lines) if line.startswith("Responses: "))
        first = lines.index("Level of L in dB, over Hz")
        notes = [line for line in lines[table:first] if line.startswith("- smoothing: ")]
        parts[width] = (lines[:table], notes, lines[first : first + 11])
    said, notes, graphs = zip(*parts.values(), strict=True)
    assert len(set(map(tuple, said))) == 1
    assert notes == (
        ["- smoothing: 1/6 octave"],
        ["- smoothing: 1/1 octave"],
        ["- smoothing: psychoacoustic"],
    )
    assert len(set(map(tuple, graphs))) == 3


def test_a_smoothing_that_there_is_not_is_refused_with_those_that_there_are(runner, comb):
    answer = runner.invoke(cli, ["analyze", comb, "--smoothing", "1/100"])

    assert answer.exit_code == 2
    assert "psychoacoustic" in answer.stderr

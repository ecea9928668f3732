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

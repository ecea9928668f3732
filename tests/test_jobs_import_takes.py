"""Recordings of a sweep file, several at a time: what is wrong with one does not keep the others.

And what is said is of the DAW that played, not of a measurement that roomcal makes itself.
"""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from roomcal.cli.main import cli
from roomcal.devices.virtual.faults_clock import ZeroedSamples
from roomcal.devices.virtual.faults_input import AutomaticGain
from roomcal.devices.virtual.faults_output import SameSpeaker
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.files.session_store import SessionStore
from roomcal.files.wav import read_wav, write_wav
from roomcal.measure.take_file import plan_of_file

FS = 48000
LEAD = 20000


@pytest.fixture
def run(runner):
    def run(command, code=0):
        result = runner.invoke(cli, command.split())
        assert result.exit_code == code, result.output
        return " ".join(result.stderr.split())

    return run


def played(*faults, sweep="s.wav"):
    """What the microphone records of the sweep file; the recorder starts earlier, stops later."""
    rows = np.pad(read_wav(Path(sweep)).samples, ((0, 0), (LEAD, 30000)))
    device = VirtualStudio(ROOMS["bedroom"], faults=faults)
    outputs = list(range(1, len(rows) + 1))
    return device.play_record(rows, fs=FS, output_channels=outputs, input_channels=[1]).samples


def record(name, *faults, **kwargs):
    write_wav(Path(name), played(*faults, **kwargs), FS)


def paths(session):
    return {(r.speaker, r.position) for r in SessionStore.open(Path(), session).session.responses}


def test_a_bad_file_keeps_no_other_from_being_judged_and_is_mended_by_the_same_command(run):
    run("sweep -o s.wav --sweeps 1 --length 1")
    rows = read_wav(Path("s.wav")).samples
    within = plan_of_file(rows, FS).sweep_starts[0] + FS // 2  # of the take of L
    record("a-p1.wav", ZeroedSamples((LEAD + within) / FS, 400))
    write_wav(Path("a-p2.wav"), played()[:, : LEAD + rows.shape[1] // 2], FS)
    record("a-p3.wav")
    command = "import a-p1.wav a-p2.wav a-p3.wav --sweep s.wav --session a"

    told = run(command, code=3)

    assert "a-p2.wav" in told
    assert "RC-306" in told
    assert "L at p1" in told
    assert told.count("are exactly zero") == 1
    assert paths("a") == {("R", "p1"), ("L", "p3"), ("R", "p3")}

    record("a-p1.wav")
    record("a-p2.wav")
    again = run(command)
    assert "R at p1 is there already and left alone" in again
    assert "L, R at p3 are there already and left alone" in again
    assert paths("a") == {(s, p) for s in "LR" for p in ("p1", "p2", "p3")}
    assert "RC-602" in run(command, code=6)


def test_two_channels_to_one_speaker_are_told_once(run):
    run("sweep -o s.wav --sweeps 1 --length 2")
    record("a.wav", SameSpeaker())

    told = run("import a.wav --sweep s.wav --session a", code=5)

    assert "RC-526" in told
    assert told.count("the same response") == 1
    assert "DAW" in told
    assert "studio.toml" not in told


def test_what_to_do_is_said_of_the_daw(run):
    run("sweep -o s.wav --sweeps 1 --length 2")
    record("gain.wav", AutomaticGain())
    rng = np.random.default_rng(1)
    noise = 0.01 * rng.standard_normal((1, played().shape[1]))
    write_wav(Path("other.wav"), noise, FS)

    gain = run("import gain.wav --sweep s.wav --session a", code=5)
    other = run("import other.wav --sweep s.wav --session a --channel 1", code=5)

    assert "RC-522" in gain
    assert "plug-ins" in gain
    assert "RC-501" in other
    assert "--channel" in other
    assert "sweep file" in other


def test_speakers_are_counted_and_have_a_channel_each(run):
    run("sweep -o s.wav --sweeps 1 --length 1")
    record("a.wav")

    assert "1 speaker is known (A)" in run("import a.wav --sweep s.wav --speaker A", code=3)
    assert "RC-309" in run("import a.wav --sweep s.wav --speaker L,L", code=3)


def test_what_is_imported_and_what_is_measured_do_not_mix_without_a_word(run):
    run("sweep -o s.wav --sweeps 1 --length 1")
    record("a-p2.wav")
    measure = "measure --device virtual:bedroom --sweeps 1 --length 1 --positions 1"
    run(f"{measure} measured")

    into_measured = run("import a-p2.wav --sweep s.wav --session measured")
    run("import a-p2.wav --sweep s.wav --session imported")
    into_imported = run(f"{measure} imported")

    assert "the session measured was measured with virtual:bedroom" in into_measured
    assert "the session imported was imported" in into_imported
    assert len(paths("measured")) == len(paths("imported")) == 4


def test_the_sweep_file_says_itself_which_speaker_plays_first(run):
    """The first channel goes to the left output, and its speaker is called R here."""
    run("sweep -o s.wav --sweeps 1 --length 1 --speakers R,L")
    run("sweep -o t.wav --sweeps 1 --length 1 --speakers L,R")
    record("a.wav")

    run("import a.wav --sweep s.wav --session turned")
    run("import a.wav --sweep s.wav --session told --speaker L,R")

    turned, told = (
        {r.speaker: r.samples for r in SessionStore.open(Path(), n).load_responses()}
        for n in ("turned", "told")
    )
    np.testing.assert_array_equal(turned["R"], told["L"])
    np.testing.assert_array_equal(turned["L"], told["R"])
    assert np.abs(turned["R"] - told["R"]).max() > 0.01 * np.abs(told["R"]).max()
    (samples, _), (same, _) = (soundfile.read(n) for n in ("s.wav", "t.wav"))
    np.testing.assert_array_equal(samples, same)  # the names are no part of the sound

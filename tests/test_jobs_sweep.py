"""The take as a file: recognised by its samples, played elsewhere, recorded and judged."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roomcal.cli.main import cli
from roomcal.devices.virtual.faults_clock import ClockDrift, DroppedSamples
from roomcal.devices.virtual.room import with_perfect_equipment
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.files.session_store import SessionStore
from roomcal.files.wav import read_wav, write_wav
from roomcal.measure.plan import plan_take
from roomcal.measure.take_file import plan_of_file, render_take_file
from roomcal.model.sweep import Sweep

FS = 48000
ROOM = ROOMS["bedroom"]
# 24-bit dither in the file and the noise of the room, at SNR 50 and above 100 Hz.
RESPONSE_TOLERANCE_DB = 0.15


@pytest.fixture
def run(runner):
    def run(command, code=0):
        result = runner.invoke(cli, command.split())
        assert result.exit_code == code, result.output
        return result

    return run


def recorded(file, *faults, lead=20000, room=ROOM):
    """Play the file in the virtual studio; the recorder starts earlier and stops later."""
    played = np.pad(read_wav(Path(file)).samples, ((0, 0), (lead, 30000)))
    device = VirtualStudio(room, faults=faults)
    channels = list(range(1, len(played) + 1))
    return device.play_record(played, fs=FS, output_channels=channels, input_channels=[1]).samples


@pytest.mark.parametrize("bits", [16, 24, None])
@pytest.mark.parametrize(
    ("fs", "length_s", "repeats", "n_speakers", "level_dbfs"),
    [(48000, 5.5, 3, 2, -20.0), (44100, 2.0, 1, 1, -12.0), (48000, 0.5, 5, 3, -6.0)],
)
def test_a_file_is_recognised_by_its_samples(
    rng, bits, fs, length_s, repeats, n_speakers, level_dbfs
):
    plan = plan_take(Sweep(fs=fs, length_s=length_s, level_dbfs=level_dbfs), repeats=repeats)
    x = render_take_file(plan, n_speakers)
    if bits:
        lsb = 2.0 ** (1 - bits)
        x = np.round(x / lsb + rng.triangular(-1, 0, 1, x.shape)) * lsb

    found = plan_of_file(x, fs)

    assert found.mark_starts == plan.mark_starts
    assert found.sweep_starts == plan.sweep_starts
    assert found.n_samples == plan.n_samples
    assert found.sweep.rate_s == plan.sweep.rate_s
    assert found.sweep.n_samples == plan.sweep.n_samples
    assert found.sweep.level_dbfs == pytest.approx(level_dbfs, abs=0.005)


def test_other_files_are_not_taken_for_a_take(rng):
    plan = plan_take(Sweep(fs=FS, length_s=1.0), repeats=1)
    x = render_take_file(plan, 1)
    wrong = x.copy()
    wrong[0, plan.sweep_starts[0] + 20000 :] *= 0.9

    assert plan_of_file(wrong, FS) is None
    assert plan_of_file(x[:, ::-1], FS) is None
    assert plan_of_file(rng.standard_normal((2, FS)), FS) is None
    assert plan_of_file(np.zeros((1, FS)), FS) is None


def test_the_file_has_a_channel_a_speaker_and_its_level(run):
    told = json.loads(run("sweep -o s.wav --speakers L,R,Sub --sweeps 1 --length 1 --json").stdout)

    info = soundfile.info("s.wav")
    assert (info.channels, info.subtype, info.samplerate) == (3, "PCM_24", FS)
    assert info.frames / FS == pytest.approx(told["duration_s"])
    peak_dbfs = 20 * np.log10(np.abs(read_wav(Path("s.wav")).samples).max())
    assert peak_dbfs == pytest.approx(-20.0, abs=0.01)
    run("sweep -o s.wav", code=6)  # it exists
    run("sweep -o t.wav --level -6", code=2)
    run("sweep -o t.wav --level 0 --i-know-it-is-loud", code=2)


def test_a_recording_becomes_responses_on_one_clock(run):
    room = with_perfect_equipment(ROOM)
    run("sweep -o s.wav --sweeps 2 --length 2")
    write_wav(Path("rec-p1.wav"), recorded("s.wav", ClockDrift(ppm=40.0), room=room), FS)

    result = run("import rec-p1.wav --sweep s.wav --session a")

    store = SessionStore.open(Path(), "a")
    assert "-40.0" in result.stderr  # the recorder takes fewer samples
    assert [(t.speaker, t.status) for t in store.session.takes] == [
        ("L", "accepted"),
        ("R", "accepted"),
    ]
    assert all(r.time_reference == "marks" for r in store.session.responses)
    device = VirtualStudio(room)
    f = np.fft.rfftfreq(1 << 17, 1 / FS)
    band = (f > 100) & (f < 16000)
    for response in store.load_responses():
        truth = device.true_response(response.speaker, "p1", FS).samples
        microphone = np.abs(np.fft.rfft(truth, 1 << 17))
        found = np.abs(np.fft.rfft(response.samples, 1 << 17))
        error_db = 20 * np.log10(found[band] / microphone[band])
        assert np.sqrt(np.mean(error_db**2)) < RESPONSE_TOLERANCE_DB


def test_a_recording_is_judged_like_any_take(run):
    run("sweep -o s.wav --sweeps 1 --length 2")
    lost = DroppedSamples(at_s=3.5, n_samples=256)
    write_wav(Path("rec.wav"), recorded("s.wav", lost), FS)

    result = run("import rec.wav --sweep s.wav --session a", code=5)

    assert "256 samples" in " ".join(result.stderr.split())
    take = SessionStore.open(Path(), "a").session.takes[0]
    assert take.status == "rejected"
    assert "256 samples" in take.reason
    assert (Path("measurements/a") / take.capture.name).exists()


def test_a_recording_that_is_not_whole_is_refused(run):
    run("sweep -o s.wav --sweeps 1 --length 1")
    x = recorded("s.wav")
    write_wav(Path("late.wav"), x[:, 20000 + FS :], FS)
    write_wav(Path("short.wav"), x[:, : -30000 - FS - 20000], FS)
    write_wav(Path("other.wav"), x[:, ::2], FS // 2)

    assert "start the recorder" in run("import late.wav --sweep s.wav", code=3).stderr
    assert "RC-501" in run("import short.wav --sweep s.wav", code=5).stderr
    assert "24000 Hz" in run("import other.wav --sweep s.wav", code=3).stderr
    assert not Path("measurements").exists()


def test_the_speakers_of_the_channels_are_asked_for(run):
    run("sweep -o s.wav --sweeps 1 --length 1 --speakers A")
    write_wav(Path("rec.wav"), recorded("s.wav"), FS)

    assert "--speaker" in run("import rec.wav --sweep s.wav --session a", code=3).stderr
    run("import rec.wav --sweep s.wav --session a --speaker A --position p3")
    (response,) = SessionStore.open(Path(), "a").session.responses
    assert (response.speaker, response.position) == ("A", "p3")
    assert dataclasses.asdict(response)["origin"].endswith(".capture.wav")


def test_what_cannot_be_kept_is_refused_before_it_is_written(run):
    """A path that is known already, and a sweep at another rate than the session."""
    run("sweep -o s.wav --sweeps 1 --length 1 --speakers L")
    run("sweep -o s96.wav --sweeps 1 --length 1 --speakers L --fs 96000")
    write_wav(Path("rec.wav"), recorded("s.wav"), FS)
    played = np.pad(read_wav(Path("s96.wav")).samples, ((0, 0), (20000, 30000)))
    write_wav(Path("rec96.wav"), played, 2 * FS)
    run("import rec.wav --sweep s.wav --session a --speaker L --position p1")
    there = sorted(Path("measurements/a").iterdir())

    again = run("import rec.wav --sweep s.wav --session a --speaker L --position p1", code=6)
    other = run("import rec96.wav --sweep s96.wav --session a --speaker L --position p2", code=3)

    assert "RC-602" in again.stderr
    assert "RC-304" in other.stderr
    assert "96000" in other.stderr
    assert sorted(Path("measurements/a").iterdir()) == there
    later = run("import rec.wav --sweep s.wav --session a --speaker L --position p3")
    assert "recovered" not in later.stderr

"""The take as a file: recognised by its samples, played elsewhere, recorded and judged."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
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


def test_the_next_command_names_the_speakers_that_the_import_would_not_take(run):
    """Channel 1 is R, and the import takes it for L unless it is told."""
    turned = run("sweep -o s.wav --speakers R,L --sweeps 1 --length 1").stderr
    usual = run("sweep -o t.wav --speakers L,R --sweeps 1 --length 1").stderr

    assert "--sweep s.wav --speaker R,L" in " ".join(turned.split())
    assert "--speaker" not in usual


def test_a_speaker_twice_and_a_file_that_is_no_wav_are_refused(run):
    for wrong in ("s.wav --speakers L,L", "s.flac", "s"):
        run(f"sweep -o {wrong} --sweeps 1 --length 1", code=2)

    assert not list(Path().iterdir())


@pytest.mark.parametrize("missing_s", [0.1, 0.3, 0.5, 0.65])
def test_a_recording_that_begins_within_the_first_silence_gives_the_same(run, missing_s):
    run("sweep -o s.wav --sweeps 2 --length 2")
    x = recorded("s.wav", room=with_perfect_equipment(ROOM))
    write_wav(Path("whole-p1.wav"), x, FS)
    write_wav(Path("late-p1.wav"), x[:, 20000 + round(missing_s * FS) :], FS)

    run("import whole-p1.wav --sweep s.wav --session whole")
    run("import late-p1.wav --sweep s.wav --session late")

    whole, late = (SessionStore.open(Path(), n).load_responses() for n in ("whole", "late"))
    assert len(late) == 2
    for one, other in zip(whole, late, strict=True):
        moved = round(other.time_zero - one.time_zero)
        n = one.samples.size - abs(moved)
        a, b = one.samples[max(0, -moved) :][:n], other.samples[max(0, moved) :][:n]
        assert np.linalg.norm(a - b) < 0.01 * np.linalg.norm(a)


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
    short = " ".join(run("import short.wav --sweep s.wav", code=3).stderr.split())
    assert "RC-306" in short
    assert "a part is missing" in short
    assert "24000 Hz" in run("import other.wav --sweep s.wav", code=3).stderr
    assert not Path("measurements").exists()


def test_the_speakers_of_the_channels_are_asked_for(run):
    run("sweep -o s.wav --sweeps 1 --length 1 --speakers A")
    write_wav(Path("rec.wav"), recorded("s.wav"), FS)
    write_wav(Path("s.wav"), read_wav(Path("s.wav")).samples, FS)  # without its comment

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


def test_a_recording_that_a_daw_has_normalised_is_not_clipped(run):
    run("sweep -o s.wav --sweeps 1 --length 1")
    x = recorded("s.wav")
    write_wav(Path("one-p1.wav"), x / np.abs(x).max(), FS)
    write_wav(Path("two-p2.wav"), 2.0 * x / np.abs(x).max(), FS)

    run("import one-p1.wav two-p2.wav --sweep s.wav --session a")

    assert len(SessionStore.open(Path(), "a").session.responses) == 4


def test_a_recording_at_another_rate_than_it_says_is_named(run):
    """44.1 kHz that the header calls 48 kHz: the marks come at other times."""
    run("sweep -o s.wav --sweeps 1 --length 2")
    x = recorded("s.wav")
    slow = scipy.signal.resample_poly(x, 147, 160, axis=1)
    write_wav(Path("rec.wav"), slow, FS)

    told = " ".join(run("import rec.wav --sweep s.wav --session a", code=5).stderr.split())

    assert "RC-519" in told
    assert "runs at 44.1 kHz and is taken for 48 kHz" in told
    assert not Path("measurements").exists()


def test_a_silent_recording_and_one_that_holds_the_file_twice_are_named(run):
    run("sweep -o s.wav --sweeps 1 --length 1 --speakers L")
    x = recorded("s.wav")
    write_wav(Path("silent.wav"), 0.0 * x, FS)
    write_wav(Path("twice.wav"), np.concatenate([x, x], axis=1), FS)

    assert "every sample is zero" in " ".join(
        run("import silent.wav --sweep s.wav --speaker L", code=5).stderr.split()
    )
    told = " ".join(run("import twice.wav --sweep s.wav --speaker L", code=3).stderr.split())
    first_s, second_s = sorted(
        float(n) for n in re.findall(r"([0-9.]+) s and ([0-9.]+) s", told)[0]
    )
    assert second_s - first_s == pytest.approx(x.shape[1] / FS, abs=0.15)
    assert not Path("measurements").exists()


def test_a_mono_track_that_was_written_as_stereo_is_mono(run):
    run("sweep -o s.wav --sweeps 1 --length 1 --speakers L")
    (x,) = recorded("s.wav")
    write_wav(Path("same-p1.wav"), np.stack([x, x]), FS)
    write_wav(Path("left-p2.wav"), np.stack([x, 0.0 * x]), FS)
    write_wav(Path("other-p3.wav"), np.stack([0.3 * x[::-1], x]), FS)

    run("import same-p1.wav left-p2.wav --sweep s.wav --session a --speaker L")
    told = run("import other-p3.wav --sweep s.wav --session a --speaker L", code=3).stderr
    assert "--channel" in told
    run("import other-p3.wav --sweep s.wav --session a --speaker L --channel 2")
    run("import other-p3.wav --sweep s.wav --session a --speaker L --channel 3", code=3)
    run("import other-p3.wav --session a --speaker L --channel 2", code=2)

    first, *others = SessionStore.open(Path(), "a").load_responses()
    assert [r.position for r in (first, *others)] == ["p1", "p2", "p3"]
    for other in others:
        np.testing.assert_allclose(other.samples, first.samples, atol=1e-9)


def test_sixteen_bits_are_warned_of(run):
    run("sweep -o s.wav --sweeps 1 --length 1 --speakers L")
    soundfile.write("rec.wav", recorded("s.wav")[0], FS, subtype="PCM_16")

    told = run("import rec.wav --sweep s.wav --session a --speaker L").stderr

    assert "16 bits" in told


def test_what_was_good_in_a_spoilt_recording_stays_and_the_rest_is_taken_anew(run):
    run("sweep -o s.wav --sweeps 1 --length 2")
    n = read_wav(Path("s.wav")).samples.shape[1]
    lost = DroppedSamples(at_s=(20000 + 0.75 * n) / FS, n_samples=256)
    write_wav(Path("bad.wav"), recorded("s.wav", lost), FS)
    write_wav(Path("good.wav"), recorded("s.wav"), FS)

    told = " ".join(run("import bad.wav --sweep s.wav --session a", code=5).stderr.split())
    # The take of R begins where the file's second half does, and the DAW has no --block.
    begin_s = float(re.search(r"R at p1, from ([0-9.]+) s of bad.wav on", told)[1])
    assert begin_s == pytest.approx((20000 + n / 2) / FS, abs=0.2)
    assert "--block" not in told
    assert "DAW" in told

    again = " ".join(run("import good.wav --sweep s.wav --session a").stderr.split())
    assert "L at p1 is there already" in again
    session = SessionStore.open(Path(), "a").session
    assert {r.speaker for r in session.responses} == {"L", "R"}
    assert "RC-602" in run("import good.wav --sweep s.wav --session a", code=6).stderr

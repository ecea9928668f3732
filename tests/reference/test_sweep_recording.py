"""A real room, recorded with a USB microphone; another program recovered the same responses."""

import numpy as np
import pytest

from roomcal.files.wav import read_mono, read_wav
from roomcal.measure.recording import sweeps_in_recording

pytestmark = pytest.mark.reference

SWEEP = "sweep-6.15s-48000Hz-32bit-2.93Hz-24000Hz.wav"
# Order of the six channels of room-responses-0-5.wav, found by correlation: the others reach 0.79.
CHANNELS = ["FL-left", "FL-right", "FR-left", "FR-right", "FC-left", "FC-right"]
PEAK = 50  # sample at which that file has every peak
CORRELATION = 0.99999
# The player's list: each sweep of 295270 samples is followed by 2 s of silence. Recorder and
# player have clocks of their own, and a head turns by less than 1 ms of flight.
PLAYED_APART = 295270 + 2 * 48000
FLIGHT_SAMPLES = 48


def found_in(reference_data, speakers, position):
    folder = reference_data / "sweep-recording"
    recording = read_mono(folder / f"room-{speakers}-{position}.wav")
    sweep = read_mono(folder / SWEEP)
    return sweeps_in_recording(
        recording.samples[0],
        sweep.samples[0],
        recording.fs,
        speakers=speakers.split(","),
        position=position,
    )


@pytest.mark.parametrize("position", ["left", "right"])
@pytest.mark.parametrize("speakers", ["FL,FR", "FC"])
def test_each_response_equals_that_of_another_program(reference_data, speakers, position):
    truth = read_wav(reference_data / "sweep-recording" / "room-responses-0-5.wav").samples

    for sweep in found_in(reference_data, speakers, position):
        h = sweep.response.samples
        first = int(np.argmax(np.abs(h))) - PEAK
        h = h[first : first + truth.shape[1]]
        cosines = [
            np.dot(h, g[: h.size]) / np.linalg.norm(h) / np.linalg.norm(g[: h.size]) for g in truth
        ]
        channel = CHANNELS.index(f"{sweep.response.speaker}-{position}")
        assert np.argmax(cosines) == channel
        assert cosines[channel] >= CORRELATION


@pytest.mark.parametrize("position", ["left", "right"])
def test_the_spacing_of_two_speakers_comes_out_to_the_sample(reference_data, position):
    left, right = found_in(reference_data, "FL,FR", position)
    spacing = right.arrival_sample - left.arrival_sample

    assert abs(spacing - PLAYED_APART) < FLIGHT_SAMPLES
    # Truth: the plain cross-correlation of the recording with the sweep above 1 kHz, where the
    # direct sound stands alone, read at its first rise (NumPy only).
    folder = reference_data / "sweep-recording"
    recording = read_mono(folder / f"room-FL,FR-{position}.wav").samples[0]
    sweep = read_mono(folder / SWEEP).samples[0]
    n_fft = 1 << 21
    f = np.fft.rfftfreq(n_fft, 1 / 48000)
    cross = np.fft.rfft(recording, n_fft) * np.fft.rfft(sweep, n_fft).conj() * (f > 1000)
    envelope = np.abs(np.fft.ifft(np.concatenate([cross, np.zeros(n_fft // 2 - 1)])))
    middle = int((left.arrival_sample + right.arrival_sample) / 2)
    rises = [
        start + int(np.argmax(part > 0.5 * part.max()))
        for start, part in ((0, envelope[:middle]), (middle, envelope[middle : recording.size]))
    ]
    assert spacing == pytest.approx(rises[1] - rises[0], abs=1.0)


def test_the_arrivals_of_one_recording_do_not_depend_on_what_precedes_it(reference_data):
    folder = reference_data / "sweep-recording"
    recording = read_mono(folder / "room-FC-left.wav").samples[0]
    sweep = read_mono(folder / SWEEP).samples[0]
    cut = 100_003

    (whole,) = sweeps_in_recording(recording, sweep, 48000, speakers=["FC"], position="left")
    (late,) = sweeps_in_recording(recording[cut:], sweep, 48000, speakers=["FC"], position="left")

    assert whole.arrival_sample - late.arrival_sample == pytest.approx(cut, abs=0.01)

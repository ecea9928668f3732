"""The whole way from sweep to response in the virtual studio, held against its own truth."""

import dataclasses

import numpy as np
import pytest

from roomcal.devices.virtual.room import VirtualRoom, with_perfect_equipment
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.measure.plan import plan_take, render_take
from roomcal.measure.responses import response_from_capture
from roomcal.model.capture import Capture
from roomcal.model.studio import Loopback
from roomcal.model.sweep import Sweep

FS = 48000
N_FFT = 1 << 18
PLAN = plan_take(Sweep(fs=FS), repeats=1)
# The issue: noiseless, drift and distortion off, at 1/24 octave from 20 Hz to 20 kHz.
LEVEL_TOLERANCE_DB = 0.005
PHASE_TOLERANCE_DEG = 0.05
DELAY_TOLERANCE = 0.01
CABLE = Loopback(output_channel=4, input_channel=2)


def perfect(name, *, loopback) -> VirtualRoom:
    room = with_perfect_equipment(ROOMS[name])
    return dataclasses.replace(room, loopback=CABLE if loopback else None)


def measured(studio, speaker):
    room = studio.room
    reference = room.speakers[0]
    marks, sweeps = render_take(PLAN, same_speaker=speaker == reference.name)
    rows, outputs, inputs = [sweeps], [room.speaker(speaker).output_channel], [1]
    if speaker != reference.name:
        rows.append(marks)
        outputs.append(reference.output_channel)
    if room.loopback:
        rows.append(marks + sweeps)
        outputs.append(room.loopback.output_channel)
        inputs.append(room.loopback.input_channel)
    recording = studio.play_record(
        np.stack(rows), fs=FS, output_channels=outputs, input_channels=inputs
    )
    return response_from_capture(
        Capture(
            microphone=recording.samples[0],
            loopback=recording.samples[1] if room.loopback else None,
            fs=FS,
            plan=PLAN,
            speaker=speaker,
            reference_speaker=reference.name,
            position="p1",
        )
    )


def spectra(response, truth):
    f = np.fft.rfftfreq(N_FFT, 1 / FS)
    turn = np.exp(2j * np.pi * f * response.time_zero / FS)
    return f, np.fft.rfft(response.samples, N_FFT) * turn, np.fft.rfft(truth.samples, N_FFT)


def late_samples(response, truth):
    """Delay of a response behind its truth: the best fit of a pure delay above 500 Hz."""
    f, H, T = spectra(response, truth)
    band = (f > 500) & (f < 18000)
    cross, w = H[band] * T[band].conj(), 2 * np.pi * f[band] / FS
    steps = np.arange(-1000.0, 50.0, 0.25)
    envelope = [abs(np.sum(cross * np.exp(1j * w * d))) for d in steps[::4]]
    near = steps[::4][np.argmax(envelope)] + np.arange(-2.0, 2.0, 0.25)
    delay = near[np.argmax([np.sum(cross * np.exp(1j * w * d)).real for d in near])]
    for _ in range(8):
        turned = cross * np.exp(1j * w * delay)
        delay -= np.sum(w * turned.imag) / np.sum(w**2 * turned.real)
    return delay


def errors(response, truth, late=0.0):
    f, H, T = spectra(response, truth)
    H = H * np.exp(2j * np.pi * f * late / FS)
    centres = 20 * 2 ** np.arange(0, np.log2(1000), 1 / 48)
    low = np.ceil(centres * 2 ** (-1 / 48) / f[1]).astype(int)
    high = np.floor(centres * 2 ** (1 / 48) / f[1]).astype(int) + 1
    bands = [slice(a, b) for a, b in zip(low, high, strict=True)]
    level = [10 * np.log10(np.sum(abs(H[b]) ** 2) / np.sum(abs(T[b]) ** 2)) for b in bands]
    phase = [np.degrees(np.angle(np.sum(H[b] * T[b].conj()))) for b in bands]
    return np.abs(level).max(), np.abs(phase).max()


@pytest.mark.parametrize("name", sorted(ROOMS))
def test_the_truth_is_recovered_with_a_loopback_cable(name):
    room = perfect(name, loopback=True)
    studio = VirtualStudio(room)
    lates = []
    for speaker in (s.name for s in room.speakers):
        truth = studio.true_response(speaker, "p1", FS)
        response = measured(studio, speaker)
        level_db, phase_deg = errors(response, truth)

        assert level_db <= LEVEL_TOLERANCE_DB
        assert phase_deg <= PHASE_TOLERANCE_DEG
        lates.append(late_samples(response, truth))
    assert lates[1] - lates[0] == pytest.approx(0.0, abs=DELAY_TOLERANCE)


@pytest.mark.parametrize("name", sorted(ROOMS))
def test_the_truth_is_recovered_with_timing_marks(name):
    room = perfect(name, loopback=False)
    studio = VirtualStudio(room)
    lates = []
    for speaker in ("L", "R"):
        truth = studio.true_response(speaker, "p1", FS)
        response = measured(studio, speaker)
        lates.append(late_samples(response, truth))
        level_db, phase_deg = errors(response, truth, lates[-1])

        assert level_db <= LEVEL_TOLERANCE_DB
        assert phase_deg <= PHASE_TOLERANCE_DEG
    assert lates[1] - lates[0] == pytest.approx(0.0, abs=DELAY_TOLERANCE)

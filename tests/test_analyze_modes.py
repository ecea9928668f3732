"""Modes of rooms whose own frequencies and damping are known."""

import numpy as np
import pytest

from roomcal.analyze.modes import fit_modes, name_modes, schroeder_hz
from roomcal.devices.virtual.enclosure import Enclosure
from roomcal.devices.virtual.microphone import FLAT_MICROPHONE
from roomcal.devices.virtual.modes import modes_of
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.sound_field import SoundField
from roomcal.devices.virtual.speaker import SpeakerModel
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import speed_of_sound_m_s

FS = 48000
C = speed_of_sound_m_s(20.0)
TO_T60 = 3.0 * np.log(10.0)
# Goals of the issue, for modes whose bandwidth is below the distance to the next.
FREQUENCY_TOLERANCE = 0.005
DECAY_TOLERANCE = 0.10
SNR_DB = 60.0
# Crossover of the virtual rooms from modes to images: above, no mode is the whole truth.
TRUE_BELOW_HZ = 175.0
LEVEL_TOLERANCE_DB = 0.1  # the fit of one sinusoid in noise 60 dB below is good to 0.01 dB
# Modes whose shape is 0 near speakers or listener: 40 dB below the loudest, so about 20 dB above
# the noise; they may be missed.
FAINT = {"living-room": {81.2, 119.3}}


def with_noise(h, rng):
    """Add noise 60 dB below the energy of the response in the range of the modes."""
    n = rng.standard_normal(h.size)
    f = np.fft.rfftfreq(h.size, 1.0 / FS)
    low = (f > 20.0) & (f < 200.0)
    H, N = np.abs(np.fft.rfft(h))[low], np.abs(np.fft.rfft(n))[low]
    return h + n * np.sqrt(np.sum(H**2) / np.sum(N**2)) * 10.0 ** (-SNR_DB / 20.0)


def measured(name, rng):
    from roomcal.devices.virtual.studio import VirtualStudio

    room = ROOMS[name]
    studio = VirtualStudio(room)
    responses = []
    for speaker in room.speakers:
        for position in room.positions:
            h = np.array(studio.true_response(speaker.name, position.name, FS).samples)
            responses.append(ImpulseResponse(with_noise(h, rng), FS, speaker.name, position.name))
    return responses


def isolated(modes):
    """Frequency and T60 of modes narrower than their distance to the next."""
    order = np.argsort(modes.f_hz)
    f, damping = modes.f_hz[order], modes.damping_per_s[order]
    gap = np.minimum(np.diff(f, prepend=-np.inf), np.diff(f, append=np.inf))
    alone = (damping / np.pi < gap) & (f > 25.0) & (f < TRUE_BELOW_HZ)
    return list(zip(f[alone], TO_T60 / damping[alone], strict=True))


@pytest.mark.parametrize("name", ["bedroom", "bedroom-treated", "living-room", "control-room"])
def test_isolated_modes_of_a_virtual_room_are_found_in_noise(name, rng):
    room = ROOMS[name]
    truth = modes_of(room.enclosure, C)

    found = fit_modes(measured(name, rng)).modes

    f_hz = np.array([m.f_hz for m in found])
    for expected_hz, t60_s in isolated(truth):
        if round(expected_hz, 1) in FAINT.get(name, ()):
            continue
        nearest = found[int(np.argmin(np.abs(f_hz - expected_hz)))]
        assert nearest.f_hz == pytest.approx(expected_hz, rel=FREQUENCY_TOLERANCE)
        assert nearest.t60_s == pytest.approx(t60_s, rel=DECAY_TOLERANCE)


def test_nothing_is_reported_that_the_room_does_not_have(rng):
    truth = modes_of(ROOMS["living-room"].enclosure, C)

    for mode in fit_modes(measured("living-room", rng)).modes:
        distance = np.abs(truth.f_hz - mode.f_hz)
        assert distance.min() < FREQUENCY_TOLERANCE * mode.f_hz


def test_modes_of_a_rigid_box_are_its_half_waves(rng):
    # Two hertz of bandwidth: what damps is the air alone.
    size_m, damping = (4.2, 3.4, 2.5), 6.0
    walls = dict.fromkeys(("left", "right", "front", "back", "floor", "ceiling"), (0.02,) * 8)
    box = Enclosure(size_m, walls)
    field = SoundField(
        box,
        FLAT_MICROPHONE,
        reference_m=(4.1, 3.3, 2.4),
        modes=modes_of(box, C, damping_per_s=damping),
    )
    speaker = SpeakerModel("S", 1, (0.05, 0.06, 0.04), (2.0, 1.5, 1.2), highpass_hz=10.0)
    points = [(4.13, 3.35, 2.44), (3.1, 2.5, 1.9), (0.9, 3.2, 2.1)]
    responses = [
        ImpulseResponse(with_noise(np.array(field.response(speaker, p, FS)), rng), FS, "S", f"p{i}")
        for i, p in enumerate(points)
    ]

    found = {m.numbers: m for m in fit_modes(responses, size_m=size_m).modes}

    for numbers in [(1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1), (2, 0, 0), (0, 1, 1)]:
        waves = np.array(numbers) / np.array(size_m)
        expected_hz = C / 2.0 * np.linalg.norm(waves)
        assert found[numbers].f_hz == pytest.approx(expected_hz, rel=FREQUENCY_TOLERANCE)
        assert found[numbers].t60_s == pytest.approx(TO_T60 / damping, rel=DECAY_TOLERANCE)
        assert found[numbers].box_hz == pytest.approx(expected_hz, rel=1e-9)


def test_the_level_is_the_height_of_the_resonance():
    t = np.arange(round(1.4 * FS)) / FS
    damping, f_hz = 9.0, 47.0
    h = 1e-3 * np.exp(-damping * t) * np.sin(2.0 * np.pi * f_hz * t)
    h[0] = 1.0  # a direct sound to begin with
    height = np.abs(np.sum(h[1:] * np.exp(-2j * np.pi * f_hz * t[1:])))

    mode = fit_modes([ImpulseResponse(h, FS, "L", "p1")]).modes[0]

    assert mode.f_hz == pytest.approx(f_hz, rel=1e-3)
    assert mode.level_db[0] == pytest.approx(20.0 * np.log10(height), abs=LEVEL_TOLERANCE_DB)
    assert mode.q == pytest.approx(np.pi * f_hz / damping, rel=0.01)


def test_responses_of_two_sample_rates_are_fitted_together():
    responses = []
    for fs in (44100, 48000):
        t = np.arange(fs) / fs
        h = np.exp(-8.0 * t) * np.cos(2.0 * np.pi * 63.0 * t) * 1e-2
        h[0] = 1.0
        responses.append(ImpulseResponse(h, fs, "L", f"p{fs}"))

    mode = fit_modes(responses).modes[0]

    assert mode.f_hz == pytest.approx(63.0, rel=1e-3)
    assert mode.t60_s == pytest.approx(TO_T60 / 8.0, rel=0.01)


def test_noise_has_no_modes(rng):
    h = rng.standard_normal(FS)
    h[100] = 100.0

    found = fit_modes([ImpulseResponse(h, FS, "L", "p1")])

    assert not found.modes
    assert found.reason == "no resonance stands out of the noise"


def test_a_response_that_ends_too_early_says_so():
    h = np.zeros(4800)
    h[0] = 1.0

    found = fit_modes([ImpulseResponse(h, FS, "L", "p1")])

    assert not found.modes
    assert found.reason.startswith("0.25 s of decay are needed")


def test_schroeder_frequency_of_a_small_room():
    # 2000 sqrt(0.4 s / 40 m3)
    assert schroeder_hz(0.4, 40.0) == pytest.approx(200.0)


def test_a_mode_far_from_every_half_wave_stays_unnamed(rng):
    modes = fit_modes(measured("bedroom", rng)).modes

    named = name_modes(modes[:1], (2.0, 2.1, 2.2))  # its lowest lies at 78 Hz

    assert named[0].numbers is None

"""Reflections whose delay, level and surface are known."""

import numpy as np
import pytest

from roomcal.analyze.reflections import energy_time_curve, find_reflections
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import speed_of_sound_m_s

FS = 48000
C = speed_of_sound_m_s(20.0)
# Goals of the issue, for reflections more than 1 ms apart.
DELAY_TOLERANCE_S = 0.0001
LEVEL_TOLERANCE_DB = 1.0


def speaker_pulse(f_hz):
    """A two-way monitor: roll-offs, and the all-pass of its crossover at 2.2 kHz."""
    s = 1j * f_hz / 2200.0
    H = (s**2 - np.sqrt(2.0) * s + 1.0) / (s**2 + np.sqrt(2.0) * s + 1.0)
    low = 1j * np.maximum(f_hz, 1e-3) / 50.0
    return H * low**2 / (low**2 + 1.4 * low + 1.0) / (1.0 + 1j * f_hz / 22000.0)


def response(reflections, *, fs=FS, noise_db=None, arrival_s=0.00637, rng=None):
    n = fs // 2
    f = np.fft.rfftfreq(n, 1.0 / fs)
    H = np.exp(-2j * np.pi * f * arrival_s)
    for delay_s, level_db in reflections:
        H = H + 10.0 ** (level_db / 20.0) * np.exp(-2j * np.pi * f * (arrival_s + delay_s))
    h = np.fft.irfft(H * speaker_pulse(f), n)
    if noise_db is not None:
        h = h + np.abs(h).max() * 10.0 ** (noise_db / 20.0) * rng.standard_normal(n)
    return ImpulseResponse(h, fs, "L", "p1")


@pytest.mark.parametrize("fs", [44100, 48000, 96000])
@pytest.mark.parametrize("apart_s", [0.00101, 0.00137, 0.0023])
@pytest.mark.parametrize("second_db", [-8.0, -12.0, -18.0])
def test_two_reflections_more_than_a_millisecond_apart(fs, apart_s, second_db):
    expected = [(0.00312, -10.0), (0.00312 + apart_s, second_db)]

    found = find_reflections(response(expected, fs=fs)).found

    assert len(found) == 2
    for reflection, (delay_s, level_db) in zip(found, expected, strict=True):
        assert reflection.delay_s == pytest.approx(delay_s, abs=DELAY_TOLERANCE_S)
        assert reflection.level_db == pytest.approx(level_db, abs=LEVEL_TOLERANCE_DB)
        assert reflection.path_m == pytest.approx(delay_s * C, abs=DELAY_TOLERANCE_S * C)


def test_a_dozen_reflections_in_noise(rng):
    delays = 0.002 + np.cumsum(rng.uniform(0.0011, 0.004, 12))
    expected = list(zip(delays, rng.uniform(-20.0, -6.0, 12), strict=True))

    found = find_reflections(response(expected, noise_db=-50.0, rng=rng)).found

    inside = [(t, level) for t, level in expected if t < 0.040]
    assert len(found) == len(inside)
    for reflection, (delay_s, level_db) in zip(found, inside, strict=True):
        assert reflection.delay_s == pytest.approx(delay_s, abs=DELAY_TOLERANCE_S)
        assert reflection.level_db == pytest.approx(level_db, abs=LEVEL_TOLERANCE_DB)


def test_a_free_field_has_none(rng):
    assert find_reflections(response([])).found == ()
    assert find_reflections(response([], noise_db=-45.0, rng=rng)).found == ()


@pytest.mark.parametrize("noise_db", [-30.0, -20.0])
def test_noise_is_not_taken_for_reflections(noise_db, rng):
    assert find_reflections(response([], noise_db=noise_db, rng=rng)).found == ()


def test_a_response_that_drowns_says_so(rng):
    early = find_reflections(response([(0.005, -8.0)], noise_db=-3.0, rng=rng))

    assert early.found == ()
    assert early.reason == "the direct sound does not stand out of the noise"


def test_the_curve_is_0_db_at_the_direct_sound():
    curve = energy_time_curve(response([(0.005, -12.0)]))

    assert curve.level_db.max() == pytest.approx(0.0, abs=0.1)
    assert abs(curve.t_s[np.argmax(curve.level_db)]) < 1.0 / FS


def test_the_criterion_looks_at_the_first_15_ms():
    found = find_reflections(response([(0.004, -15.0), (0.012, -11.0), (0.020, -7.0)]))

    assert found.strongest.delay_s == pytest.approx(0.012, abs=DELAY_TOLERANCE_S)
    assert find_reflections(response([])).strongest is None


def test_a_sub_and_silence_have_no_reflections_but_a_reason():
    t = np.arange(FS) / FS
    sub = np.exp(-60.0 * t) * np.sin(2.0 * np.pi * 45.0 * t) * (1.0 - np.exp(-300.0 * t))
    for h in (np.zeros(FS), sub):
        early = find_reflections(ImpulseResponse(h, FS, "LFE", "p1"))

        assert early.found == ()
        assert early.reason == "the speaker does not play 1-8 kHz"


def test_surfaces_of_a_virtual_room_are_named():
    room = ROOMS["bedroom"]
    studio = VirtualStudio(room)
    speaker, position = room.speakers[0], room.positions[0]
    source, receiver = np.array(speaker.position_m), np.array(position.position_m)
    floor = np.linalg.norm(receiver - source * [1, 1, -1]) - np.linalg.norm(receiver - source)

    found = find_reflections(
        studio.true_response(speaker.name, position.name, FS),
        speaker_m=speaker.position_m,
        position_m=position.position_m,
        size_m=room.enclosure.size_m,
    )

    named = {surface: r for r in found.found for surface in r.surface.split(" or ") if surface}
    assert named["floor"].delay_s == pytest.approx(floor / C, abs=DELAY_TOLERANCE_S)
    assert len(named) >= 3


def test_without_a_layout_no_surface_is_named():
    assert all(not r.surface for r in find_reflections(response([(0.004, -10.0)])).found)


def test_the_floor_needs_no_size_of_the_room():
    source, receiver = (1.0, 0.5, 1.2), (1.5, 2.5, 1.2)
    direct = np.linalg.norm(np.subtract(receiver, source))
    detour = np.hypot(direct, 2.4) - direct

    found = find_reflections(response([(detour / C, -9.0)]), speaker_m=source, position_m=receiver)

    assert [r.surface for r in found.found] == ["floor"]

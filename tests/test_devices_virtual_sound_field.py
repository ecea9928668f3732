"""The virtual room above the bass: arrivals, reflections, tail and their energy."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.fft

from roomcal.devices.virtual.enclosure import (
    BROADBAND_PANEL,
    WALLS,
    Absorber,
    Enclosure,
    eyring_time_s,
    wall_absorption,
)
from roomcal.devices.virtual.grid import band_limit
from roomcal.devices.virtual.microphone import FLAT_MICROPHONE
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.sound_field import SoundField
from roomcal.devices.virtual.speaker import SpeakerModel
from roomcal.devices.virtual.tail import TAIL_FS, tail_of, tail_response
from roomcal.dsp.delay import delay_samples
from roomcal.units import db_from_power, speed_of_sound_m_s

C = speed_of_sound_m_s(20.0)
HALL_M = (10.0, 9.0, 8.0)
ROOM_M = (5.0, 4.0, 2.8)
DEAD = (0.99,) * 8

ARRIVAL_TOLERANCE_SAMPLES = 0.01  # goal of the issue
DECAY_TOLERANCE = 0.05  # goal of the issue
# The mean of 20 draws in a band of 60 Hz over 10 ms scatters by 1 dB; the rest is the geometry of
# one room, which the diffuse field does not know.
ENERGY_TOLERANCE_DB = 1.5


def uniform(size_m, absorption):
    return Enclosure(size_m, dict.fromkeys(WALLS, absorption))


def flat_speaker(at_m, aim_m=(2.0, 1.5, 1.2), **kwargs):
    options = {
        "gain_db": 0.0,
        "highpass_hz": 10.0,
        "highpass_order": 2,
        "crossover_hz": 0.0,
        "lowpass_hz": 1e9,
        "directivity_hz": 0.0,
    } | kwargs
    return SpeakerModel("S", 1, at_m, aim_m, **options)


def field_in(room, reference_m, **kwargs):
    return SoundField(room, FLAT_MICROPHONE, reference_m=reference_m, **kwargs)


def eyring_s(mean_absorption, air_per_m):
    """Eyring's time for `ROOM_M`, written out."""
    volume, area = 5 * 4 * 2.8, 2 * (5 * 4 + 5 * 2.8 + 4 * 2.8)
    return 55.26 / C * volume / (-area * np.log(1 - mean_absorption) + 4 * air_per_m * volume)


def gated(h, centre, half):
    out = np.zeros_like(h)
    out[centre - half : centre + half] = h[centre - half : centre + half] * np.hanning(2 * half)
    return out


def ideal_impulse(n, fs):
    """A unit impulse at sample 0, as the converters pass it; what rings ahead is at the end."""
    return scipy.fft.irfft(band_limit(np.arange(n // 2 + 1) * fs / n, fs), n)


@pytest.mark.parametrize("fs", [44100, 48000, 96000])
@pytest.mark.parametrize("receiver", [(5.0, 5.0, 4.0), (5.123, 6.377, 4.211)])
def test_the_direct_sound_arrives_when_sound_does_and_as_loud(receiver, fs):
    source = (4.9, 3.4, 3.9)
    distance = np.linalg.norm(np.array(receiver) - source)
    h = field_in(uniform(HALL_M, DEAD), receiver).response(flat_speaker(source), receiver, fs)
    # No reflection comes within 7 ms of the direct sound.
    direct = gated(h, round(distance / C * fs), round(0.002 * fs))
    reference = np.roll(ideal_impulse(h.size, fs), 1000)

    delay = delay_samples(reference, direct, fs, low_hz=3000.0, high_hz=20000.0) + 1000

    level = np.abs(scipy.fft.rfft(direct))[round(h.size * 2000 / fs)]
    assert delay == pytest.approx(distance / C * fs, abs=ARRIVAL_TOLERANCE_SAMPLES)
    assert level == pytest.approx(1.0 / distance, rel=0.01)  # air takes 0.3 %


def test_a_floor_reflection_arrives_with_what_the_floor_leaves_of_it():
    fs, source, receiver = 48000, np.array([5.0, 3.5, 1.2]), np.array([5.0, 6.5, 1.5])
    floor = {"floor": (0.19,) * 8}
    room = Enclosure(HALL_M, dict.fromkeys(WALLS, DEAD) | floor)
    h = field_in(room, tuple(receiver)).response(flat_speaker(tuple(source)), tuple(receiver), fs)
    image = source * [1, 1, -1]
    distance = np.linalg.norm(receiver - image)
    reflection = gated(h, round(distance / C * fs), round(0.0015 * fs))
    reference = np.roll(ideal_impulse(h.size, fs), 1000)

    delay = delay_samples(reference, reflection, fs, low_hz=3000.0, high_hz=20000.0) + 1000
    level = np.abs(scipy.fft.rfft(reflection))[round(h.size * 4000 / fs)]

    assert delay == pytest.approx(distance / C * fs, abs=ARRIVAL_TOLERANCE_SAMPLES)
    # R = sqrt(1 - 0.19) = 0.9; air takes 1.3 % at 4 kHz over 4 m.
    assert level == pytest.approx(0.9 / distance, rel=0.03)


def test_nothing_arrives_before_the_direct_sound():
    room = ROOMS["bedroom"]
    at = room.positions[0].position_m
    field = SoundField(room.enclosure, room.microphone, reference_m=at)
    for speaker in room.speakers:
        h = field.response(speaker, at, 48000)
        direct = np.linalg.norm(np.array(at) - speaker.position_m) / C * 48000
        # Beyond 1.2 ms exact silence, beyond 1 ms 65 dB below the peak.
        assert not np.any(h[: int(direct) - 58])
        assert np.max(np.abs(h[: int(direct) - 48])) < 10 ** (-65 / 20) * np.max(np.abs(h))


def band(h, fs, low_hz, high_hz):
    n_fft = 2 * h.size
    f = np.arange(n_fft // 2 + 1) * fs / n_fft
    inside = (f >= low_hz) & (f < high_hz)
    return scipy.fft.irfft(scipy.fft.rfft(h, n_fft) * inside, n_fft)[: h.size]


def decay_time_s(room, octave_hz, seeds):
    """Decay time of the mean energy of several draws and points, between -2 and -27 dB."""
    centre = np.array([2.5, 2.0, 1.2])
    points = centre + np.random.default_rng(5).uniform(-0.5, 0.5, (4, 3))
    n_fft = 2 * round(2.8 * TAIL_FS)
    f = np.arange(n_fft // 2 + 1) * TAIL_FS / n_fft
    # Gaussian over log frequency: the tails of a rectangular band would outlast the decay.
    weight = np.exp(-0.5 * (np.log2(np.maximum(f, 1.0) / np.array(octave_hz)[:, None]) / 0.22) ** 2)
    energy = 0.0
    for seed in seeds:
        tail = tail_of(room, centre, handover_s=(0.03, 0.045), seed=(seed,))
        for point in points:
            H = scipy.fft.rfft(tail_response(tail, point, c_m_s=C), n_fft)
            energy = energy + scipy.fft.irfft(weight * H, n_fft, axis=1)[:, : n_fft // 4] ** 2
    times = []
    for row in energy[:, round(0.05 * TAIL_FS) :]:
        decay_db = db_from_power(np.cumsum(row[::-1])[::-1] / np.sum(row))
        inside = np.flatnonzero((decay_db <= -2.0) & (decay_db >= -27.0))
        times.append(-60.0 / np.polyfit(inside / TAIL_FS, decay_db[inside], 1)[0])
    return times


@pytest.mark.parametrize(
    "absorption",
    [(0.25,) * 8, (0.12, 0.15, 0.2, 0.25, 0.3, 0.34, 0.36, 0.38)],
    ids=["even", "rising"],
)
def test_the_tail_decays_as_eyring_says(absorption):
    octaves_hz = (250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
    air = np.array([3e-4, 6.3e-4, 1.07e-3, 2.28e-3, 6.84e-3, 2.42e-2])  # ISO 9613-1

    found = decay_time_s(uniform(ROOM_M, absorption), octaves_hz, range(16))

    expected = eyring_s(np.array(absorption[2:]), air)
    assert found == pytest.approx(expected, rel=DECAY_TOLERANCE)


def test_the_energy_is_the_same_before_and_after_the_hand_over_to_the_tail():
    fs, alpha = 48000, 0.2
    room = uniform(ROOM_M, (alpha,) * 8)
    source, centre = (1.1, 0.9, 1.3), (3.2, 2.7, 1.1)
    field = field_in(room, centre)
    points = np.array(centre) + np.random.default_rng(2).uniform(-0.4, 0.4, (20, 3))
    energy = sum(
        band(field.response(flat_speaker(source), tuple(p), fs), fs, 500, 2000) ** 2 for p in points
    ) / len(points)
    time_s = eyring_s(alpha, 1.07e-3)
    direct_s = np.linalg.norm(np.array(centre) - source) / C
    for begin_s, end_s in ((0.012, 0.025), (0.025, 0.040), (0.040, 0.060), (0.06, 0.12)):
        begin, end = direct_s + begin_s, direct_s + end_s
        t = np.arange(round(begin * fs), round(end * fs)) / fs
        # The diffuse field's 4 pi c / V per second, in the band's share of half the rate.
        expected = np.sum(4 * np.pi * C / 56.0 * np.exp(-13.816 * t / time_s)) / fs * 1500 / 24000
        found = np.sum(energy[round(begin * fs) : round(end * fs)])
        assert db_from_power(found / expected) == pytest.approx(0.0, abs=ENERGY_TOLERANCE_DB), (
            begin_s
        )


def test_modes_and_images_carry_the_same_energy_where_they_are_blended():
    fs, alpha, n_fft = 48000, 0.2, 1 << 17
    room = uniform(ROOM_M, (alpha,) * 8)
    rng = np.random.default_rng(2)
    field = field_in(room, (2.5, 2.0, 1.4))
    time_s = eyring_s(alpha, 5e-4)
    # Bass is stronger along the walls: only points from the whole room have the diffuse mean.
    sources = rng.uniform(0.0, 1.0, (8, 3)) * ROOM_M
    points = rng.uniform(0.0, 1.0, (8, 3)) * ROOM_M
    power = np.zeros(n_fft // 2 + 1)
    expected = 0.0
    for i, source in enumerate(sources):
        speaker = replace(flat_speaker(tuple(source)), name=f"S{i}")
        for point in points:
            distance = np.linalg.norm(point - source)
            if distance > 1.0:
                H = scipy.fft.rfft(field.response(speaker, tuple(point), fs), n_fft)
                power += np.abs(H) ** 2
                # Direct sound, and the diffuse field from then on (Barron and Lee, 1988).
                late = np.exp(-13.816 * distance / C / time_s) * time_s / 13.816
                expected += 1.0 / distance**2 + 4 * np.pi * C / 56.0 * late
    f = np.arange(n_fft // 2 + 1) * fs / n_fft
    for low_hz, high_hz in ((120, 180), (180, 255), (255, 360), (360, 510), (510, 1000)):
        found = power[(f >= low_hz) & (f < high_hz)].mean()
        level_db = db_from_power(found / expected)
        assert level_db == pytest.approx(0.0, abs=ENERGY_TOLERANCE_DB), low_hz


def test_a_microphone_moved_by_five_millimetres_hears_nearly_the_same():
    room = ROOMS["living-room"]
    at = np.array(room.positions[0].position_m)
    field = SoundField(room.enclosure, room.microphone, reference_m=tuple(at))
    first, second = (
        field.response(room.speakers[0], tuple(p), 48000)
        for p in (at, at + np.array([0.003, 0.004, 0.0]))
    )
    start = round(0.06 * 48000)  # the tail alone
    for low_hz, high_hz, least in ((200, 500, 0.995), (500, 1000, 0.97), (6000, 12000, -0.1)):
        a, b = (band(h, 48000, low_hz, high_hz)[start:] for h in (first, second))
        correlation = np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b))
        # sin(k r) / (k r) of a diffuse field with r = 5 mm, a little less for one draw.
        k = 2 * np.pi * high_hz / C
        assert correlation > min(least, np.sinc(k * 0.005 / np.pi)) - 0.01
        assert correlation < 0.99999


def test_absorbers_shorten_the_decay_as_eyring_says():
    before = uniform(ROOM_M, (0.1,) * 8)
    after = before.with_absorbers(
        Absorber("back", 8.0, BROADBAND_PANEL), Absorber("ceiling", 8.0, BROADBAND_PANEL)
    )

    found = [decay_time_s(room, (1000.0,), range(4))[0] for room in (before, after)]

    # Mean absorption at 1 kHz: 0.1 everywhere, 0.97 on 16 of 90.4 m2.
    mean = np.array([0.1, 0.1 + 16.0 / 90.4 * (0.97 - 0.1)])
    assert found == pytest.approx(eyring_s(mean, 1.07e-3), rel=DECAY_TOLERANCE)


def test_absorbers_have_to_fit_on_their_wall():
    with pytest.raises(ValueError, match="do not fit on the ceiling"):
        uniform(ROOM_M, (0.1,) * 8).with_absorbers(Absorber("ceiling", 21.0, BROADBAND_PANEL))


def test_absorption_between_octaves_is_interpolated_over_log_frequency():
    room = uniform(ROOM_M, (0.1, 0.1, 0.2, 0.4, 0.4, 0.4, 0.4, 0.4))
    f = np.array([1.0, 250.0, 250.0 * 2**0.5, 500.0, 20000.0])
    assert wall_absorption(room, f)[0] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4])


def test_the_treated_bedroom_decays_faster_than_the_bedroom_at_every_octave():
    f = np.array([63.0, 125, 250, 500, 1000, 2000, 4000, 8000])
    before, after = (eyring_time_s(ROOMS[n].enclosure, f) for n in ("bedroom", "bedroom-treated"))
    assert (after < 0.8 * before).all()


def test_a_room_is_the_same_room_at_every_sample_rate():
    room = ROOMS["bedroom"]
    at = room.positions[3].position_m
    field = SoundField(room.enclosure, room.microphone, reference_m=at)
    one, other = (
        scipy.fft.rfft(field.response(room.speakers[0], at, fs), fs * 14 // 5)[: 20000 * 14 // 5]
        for fs in (44100, 96000)
    )
    # The onset's window cuts a little of what the band limits ring.
    assert np.linalg.norm(one - other) < 5e-3 * np.linalg.norm(one)


def test_warmer_air_moves_the_whole_response_to_earlier_times():
    room = ROOMS["bedroom"]
    at = room.positions[0].position_m
    cold, warm = (
        SoundField(room.enclosure, room.microphone, reference_m=at, temperature_c=t).response(
            room.speakers[0], at, 48000
        )
        for t in (20.0, 21.0)
    )
    scale = np.sqrt(294.15 / 293.15)
    for begin_s, end_s in ((0.0, 0.02), (0.06, 0.1), (0.14, 0.18)):
        part = slice(round(begin_s * 48000), round(end_s * 48000))
        shift = delay_samples(warm[part], cold[part], 48000, low_hz=500, high_hz=4000)
        middle = 0.5 * (begin_s + end_s) if begin_s else 0.006
        # Sounds within the part shift by different amounts: 0.2 % of its half length.
        assert shift == pytest.approx(48000 * middle * (scale - 1.0), abs=1.7)


def test_a_directional_speaker_is_weaker_to_the_back_only_where_it_is_directional():
    room = uniform(HALL_M, DEAD)
    at, ahead, behind = (5.0, 4.5, 4.0), (5.0, 6.0, 4.0), (5.0, 3.0, 4.0)
    speaker = flat_speaker(at, aim_m=ahead, directivity_hz=1500.0)
    field = field_in(room, ahead)
    front, back = (
        np.abs(scipy.fft.rfft(field.response(speaker, p, 48000))) for p in (ahead, behind)
    )
    level_db = db_from_power(back**2 / front**2)
    f = np.arange(level_db.size) * 48000 / (2 * (level_db.size - 1))
    for f_hz in (400.0, 1500.0, 8000.0):
        near = (f > 0.9 * f_hz) & (f < 1.1 * f_hz)
        # 1 - j x / (1 + j x) in the far field; echoes of the dead hall add up to 1 dB at the low
        # end, and more where the back is weak.
        expected = -10.0 * np.log10(1.0 + (f_hz / 1500.0) ** 2)
        assert np.median(level_db[near]) == pytest.approx(expected, abs=1.0)

"""The virtual studio as a device: what comes in is what went out, through a known path."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal

from roomcal.devices.virtual.clock import read_uniformly
from roomcal.devices.virtual.room import with_perfect_equipment
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.speaker import Distortion
from roomcal.devices.virtual.studio import DISPLACEMENT_M, VirtualStudio
from roomcal.dsp.delay import delay_samples
from roomcal.errors import DeviceError, InputError

FS = 48000


def perfect(name="control-room", **converters):
    room = with_perfect_equipment(ROOMS[name])
    return replace(room, converters=replace(room.converters, **converters))


def burst(rng, n=4800, level=0.1):
    """Noise within 1-8 kHz, which every path and converter passes."""
    taps = scipy.signal.butter(4, [1000, 8000], "bandpass", fs=FS, output="sos")
    return level * scipy.signal.sosfilt(taps, rng.standard_normal(n))


def record(studio, output, *, outputs=(1,), inputs=(1,), **kwargs):
    return studio.play_record(
        np.atleast_2d(output), fs=FS, output_channels=outputs, input_channels=inputs, **kwargs
    )


def test_the_device_applies_exactly_its_true_response(rng):
    studio = VirtualStudio(perfect(latency_samples=700.0))
    x = np.concatenate([burst(rng), np.zeros(24000), burst(rng, 9600), np.zeros(80000)])

    y = record(studio, x).samples[0]

    h = studio.true_response("L", "p1", FS).samples
    expected = np.concatenate([np.zeros(700), scipy.signal.fftconvolve(x, h)])[: x.size]
    assert y.shape == x.shape
    assert np.max(np.abs(y - expected)) < 1e-12


def test_several_speakers_superpose(rng):
    x = np.concatenate([burst(rng), np.zeros(30000)])
    room = perfect("control-room-2.1")
    left, right, sub = (record(VirtualStudio(room), x, outputs=(c,)).samples for c in (1, 2, 3))

    together = record(VirtualStudio(room), [x, x, x], outputs=(1, 2, 3)).samples

    assert np.max(np.abs(together - left - right - sub)) < 1e-12


@pytest.mark.parametrize("latency", [700.0, 700.25, 1500.9])
def test_the_loopback_measures_the_latency(rng, latency):
    x = np.concatenate([burst(rng), np.zeros(30000)])
    studio = VirtualStudio(perfect(latency_samples=latency))

    loop = record(studio, x, outputs=(3,), inputs=(2,)).samples[0]

    # A converter's clock has no noise here: rounding is all that is left.
    assert delay_samples(x, loop, FS, low_hz=1000, high_hz=8000) == pytest.approx(latency, abs=1e-5)


@pytest.mark.parametrize("drift_ppm", [-100.0, 17.0, 300.0])
def test_a_slow_input_clock_hears_sounds_too_soon_by_its_drift(rng, drift_ppm):
    x = np.zeros(10 * FS)
    sound = burst(rng)
    starts = (FS // 2, 9 * FS)
    for start in starts:
        x[start : start + sound.size] = sound
    studio = VirtualStudio(perfect(latency_samples=0.0, drift_ppm=drift_ppm))

    loop = record(studio, x, outputs=(3,), inputs=(2,)).samples[0]

    delays = [
        delay_samples(
            x[s - 2000 : s + 8000], loop[s - 2000 : s + 8000], FS, low_hz=1e3, high_hz=8e3
        )
        for s in starts
    ]
    # The burst itself shrinks, which moves its centre, alike for both: nothing is left.
    measured_ppm = -(delays[1] - delays[0]) / (starts[1] - starts[0]) * 1e6
    assert measured_ppm == pytest.approx(drift_ppm / (1.0 + drift_ppm * 1e-6), abs=0.001)


@pytest.mark.parametrize("step", [1.0, 1.0 + 4e-6, 1.0 - 45e-6, 1.0 + 300e-6, 1.0 + 2e-3])
def test_reading_between_samples_gives_the_value_of_the_sine(step):
    n = 60000

    def tone(at, f_hz):
        inside = (at > 0) & (at < n)
        return np.where(inside, 0.5 - 0.5 * np.cos(2 * np.pi * at / n), 0.0) * np.sin(
            2 * np.pi * f_hz / FS * at
        )

    for f_hz in (100.0, 5000.0, 20000.0):
        y = read_uniformly(tone(np.arange(n), f_hz), 30.3, step, n)
        # The interpolation is good for -120 dB.
        assert np.max(np.abs(y - tone(30.3 + step * np.arange(n), f_hz))) < 1e-6, f_hz


def test_reading_before_and_after_the_signal_gives_silence():
    x = np.hanning(2000)
    for step in (1.0, 1.0 + 50e-6):
        y = read_uniformly(x, -3000.0, step, 9000)
        assert np.max(np.abs(y[:2900])) < 1e-9
        assert np.max(np.abs(y[5100:])) < 1e-9
        assert np.max(y) == pytest.approx(1.0, abs=1e-5)


def test_the_speaker_distorts_by_what_its_data_say():
    # 0.25 s of a 1 kHz sine at -12 dBFS, analysed where the room has settled.
    room = perfect()
    speaker = replace(room.speakers[0], distortion=Distortion(-40.0, -50.0, -12.0))
    room = replace(room, speakers=(speaker, *room.speakers[1:]))
    n = 3 * FS
    x = 10 ** (-12 / 20) * np.sin(2 * np.pi * 1000 * np.arange(n) / FS)

    y = record(VirtualStudio(room), x).samples[0]

    spectrum = np.abs(np.fft.rfft(y[2 * FS : 3 * FS] * np.hanning(FS)))
    H = np.abs(np.fft.rfft(VirtualStudio(room).true_response("L", "p1", FS).samples, 2 * FS)[::2])
    for order, level_db in ((2, -40.0), (3, -50.0)):
        found = spectrum[order * 1000] / spectrum[1000] * H[1000] / H[order * 1000]
        # The cubic term also adds 3 b A^2 / 4 to the fundamental: 0.08 dB here.
        assert 20 * np.log10(found) == pytest.approx(level_db, abs=0.2)


def test_full_scale_is_where_the_converters_clip(rng):
    room = perfect()
    room = replace(room, speakers=tuple(replace(s, gain_db=20.0) for s in room.speakers))

    y = record(VirtualStudio(room), burst(rng, 9600, 1.0)).samples[0]

    assert np.max(np.abs(y)) == 1.0


def test_noise_hum_and_quantisation_are_as_loud_as_said():
    room = perfect(noise_dbfs=-60.0, hum_dbfs=-50.0, bits=16)

    y = record(VirtualStudio(room), np.zeros(8 * FS)).samples[0]

    spectrum = np.abs(np.fft.rfft(y * np.hanning(y.size))) ** 2
    f = np.arange(spectrum.size) / 8.0
    hum = spectrum[(f > 49) & (f < 51)].sum() / (0.375 * y.size**2) * 2
    third = [spectrum[(f > c / 1.12) & (f < c * 1.12)].sum() for c in (420.0, 6730.0)]
    assert 10 * np.log10(hum) == pytest.approx(-50.0, abs=0.3)
    assert 10 * np.log10(third[1] / third[0]) == pytest.approx(0.0, abs=0.7)  # pink
    assert np.all(y * 2**15 == np.round(y * 2**15))


def test_the_same_measurement_is_the_same_to_the_bit_and_its_takes_differ(rng):
    x = np.concatenate([burst(rng), np.zeros(20000)])
    one, other = VirtualStudio(ROOMS["bedroom"]), VirtualStudio(ROOMS["bedroom"])

    takes = [record(one, x).samples, record(one, x).samples]

    np.testing.assert_array_equal(record(other, x).samples, takes[0])
    assert not np.array_equal(takes[0], takes[1])


def test_another_occasion_has_other_noise_a_moved_microphone_and_warmer_air():
    first, second = (VirtualStudio(ROOMS["bedroom"], occasion=k) for k in (0, 1))
    silence = np.zeros(FS)
    assert not np.array_equal(record(first, silence).samples, record(second, silence).samples)

    moved = [
        np.linalg.norm(np.subtract(second.microphone_point_m(p), first.microphone_point_m(p)))
        for p in ("p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9")
    ]
    assert 0.0 < min(moved) < max(moved) <= DISPLACEMENT_M

    one, other = (s.true_response("L", "p1", FS).samples for s in (first, second))
    speaker = np.array(ROOMS["bedroom"].speakers[0].position_m)
    distance = [
        np.linalg.norm(np.subtract(s.microphone_point_m("p1"), speaker)) for s in (first, second)
    ]
    expected = FS * (
        distance[1] / (331.3 * np.sqrt(1 + 21 / 273.15))
        - distance[0] / (331.3 * np.sqrt(1 + 20 / 273.15))
    )
    # Until the first reflection; the sound's edge at the end of the gate costs the tolerance.
    gate = np.hanning(160)[80:]
    direct = round(distance[0] / 343.2 * FS)
    parts = [h[: direct + 80] * np.r_[np.ones(direct), gate] for h in (one, other)]
    found = delay_samples(*parts, FS, low_hz=2000, high_hz=20000)
    assert found == pytest.approx(expected, abs=0.05)


def test_an_occasion_is_the_same_every_time():
    points = [
        VirtualStudio(ROOMS["bedroom"], occasion=3).microphone_point_m("p4") for _ in range(2)
    ]
    assert points[0] == points[1]
    assert points[0] != VirtualStudio(ROOMS["bedroom"], occasion=4).microphone_point_m("p4")


def test_the_watch_sees_all_blocks_and_its_no_fades_out_within_20_ms(rng):
    seen = []
    x = burst(rng, 4 * FS)
    studio = VirtualStudio(perfect(latency_samples=1200.0))

    def watch(block):
        seen.append(block)
        return sum(b.shape[1] for b in seen) < FS

    recording = record(studio, x, outputs=(3,), inputs=(2,), watch=watch)

    stopped = sum(b.shape[1] for b in seen)
    assert recording.stopped
    assert FS <= stopped < FS + 1100
    assert recording.samples.shape[1] == stopped + round(0.020 * FS) + 1200
    np.testing.assert_allclose(recording.samples[:, :stopped], np.hstack(seen), atol=1e-9)
    assert np.max(np.abs(recording.samples[:, -30:])) < 0.01 * np.max(np.abs(x))


def test_a_watch_that_is_content_changes_nothing(rng):
    x = burst(rng, FS)
    one, other = (VirtualStudio(perfect()) for _ in range(2))
    watched = record(one, x, watch=lambda _: True)
    assert not watched.stopped
    np.testing.assert_array_equal(watched.samples, record(other, x).samples)


def test_channels_rates_and_positions_that_do_not_exist_are_refused():
    studio = VirtualStudio(ROOMS["bedroom"])
    x = np.zeros((1, 100))
    with pytest.raises(DeviceError, match="no output 9") as fault:
        studio.play_record(x, fs=FS, output_channels=[9], input_channels=[1])
    assert fault.value.fault == "RC-402"
    with pytest.raises(DeviceError, match="no input 3"):
        studio.play_record(x, fs=FS, output_channels=[1], input_channels=[3])
    with pytest.raises(DeviceError, match="does not run at 22050 Hz"):
        studio.play_record(x, fs=22050, output_channels=[1], input_channels=[1])
    with pytest.raises(InputError, match="no position 'p10'") as fault:
        studio.place_microphone("p10")
    assert "p1" in fault.value.hint


@pytest.mark.parametrize("name", ROOMS)
def test_every_room_has_a_studio_whose_paths_sound(name):
    room = ROOMS[name]
    studio = VirtualStudio(room)
    described = studio.default_studio()
    assert [s.name for s in described.speakers] == [s.name for s in room.speakers]
    assert [p.name for p in described.positions] == [f"p{i}" for i in range(1, 10)]
    size = room.enclosure.size_m
    for item in (*described.speakers, *described.positions):
        assert all(0.1 < x < length - 0.1 for x, length in zip(item.position_m, size, strict=True))
    for speaker in described.speakers:
        response = studio.true_response(speaker.name, "p1", FS)
        assert response.time_zero == 0.0
        assert response.time_reference == "loopback"
        assert 0.01 < np.max(np.abs(response.samples)) < 1.0 or speaker.is_sub
    assert any(s.is_sub for s in described.speakers) == (name == "control-room-2.1")


def test_the_microphone_comes_with_its_calibration():
    studio = VirtualStudio(ROOMS["bedroom"])
    curve = studio.microphone_calibration()
    assert float(curve.level_at(1000.0)) == pytest.approx(0.0, abs=1e-3)
    assert float(curve.level_at(11000.0)) == pytest.approx(1.2, abs=0.3)

"""Each scripted fault does what its row of the fault matrix says, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal

from roomcal.devices.interruption import Interrupted
from roomcal.devices.virtual import faults_clock, faults_input, faults_output
from roomcal.devices.virtual.fault import Fault
from roomcal.devices.virtual.faults_clock import (
    AdaptiveResampler,
    ClockDrift,
    DeviceVanishes,
    DroppedSamples,
    Interruption,
    LatencyJump,
    RateMixUp,
    RepeatedBlock,
    Xrun,
    ZeroedSamples,
)
from roomcal.devices.virtual.faults_input import (
    AutomaticGain,
    GainStep,
    HardClip,
    Hum,
    MicrophoneMuted,
    Noise,
    NoiseSuppression,
    ResampledBand,
    Slam,
    SoftClip,
    Speech,
    VoicePath,
    WrongInput,
)
from roomcal.devices.virtual.faults_output import (
    AmplifierGain,
    MonoDownmix,
    PolarityFlip,
    SameSpeaker,
    SpeakerLimiter,
    SpeakerSilent,
    SwappedOutputs,
)
from roomcal.devices.virtual.room import with_perfect_equipment
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.dsp.delay import delay_samples
from roomcal.errors import DeviceError

FS = 48000
EXACT = 1e-12


def level_db(x):
    return 10 * np.log10(np.mean(np.asarray(x) ** 2) + 1e-40)


@pytest.fixture(scope="module")
def rooms():
    # Rooms are built once: only what a fault changes differs between tests.
    room = with_perfect_equipment(ROOMS["control-room"])
    return replace(room, converters=replace(room.converters, latency_samples=1000.0))


@pytest.fixture(scope="module")
def signal():
    """Two outputs with other noise on each, in bursts, 4 s."""
    rng = np.random.default_rng(7)
    x = np.zeros((2, 4 * FS))
    sos = scipy.signal.butter(4, [60, 18000], "bandpass", fs=FS, output="sos")
    for start in (FS // 2, 2 * FS, 3 * FS):
        part = scipy.signal.sosfilt(sos, rng.standard_normal((2, FS // 2)), axis=1)
        x[:, start : start + FS // 2] = 0.05 * part
    return x


def play(room, x, *faults, **kwargs):
    studio = VirtualStudio(room, faults=faults)
    options = {"output_channels": [1, 2], "input_channels": [1, 2]} | kwargs
    return studio.play_record(x, fs=FS, **options)


@pytest.fixture(scope="module")
def clean(rooms, signal):
    return play(rooms, signal).samples


def microphone(room, x, *faults):
    return play(room, x, *faults).samples[0]


def test_a_muted_microphone_delivers_exact_zeros(rooms, signal):
    assert not np.any(play(rooms, signal, MicrophoneMuted()).samples)


def test_a_silent_speaker_leaves_the_noise_and_the_other_speaker(rooms, signal):
    noisy = replace(rooms, converters=replace(rooms.converters, noise_dbfs=-90.0))
    assert level_db(microphone(noisy, signal, SpeakerSilent())) == pytest.approx(-90.0, abs=0.5)
    right_only = microphone(rooms, signal * [[0], [1]])
    found = microphone(rooms, signal, SpeakerSilent(channel=1))
    assert np.max(np.abs(found - right_only)) < EXACT


def test_the_wrong_input_holds_the_microphone(rooms, signal, clean):
    found = play(rooms, signal, WrongInput()).samples
    np.testing.assert_array_equal(found, clean[::-1])


def test_swapped_outputs_play_each_others_signal(rooms, signal):
    found = microphone(rooms, signal, SwappedOutputs())
    assert np.max(np.abs(found - microphone(rooms, signal[::-1]))) < EXACT


def test_a_mono_downmix_plays_both_speakers_for_one(rooms, signal):
    left = signal * [[1], [0]]
    expected = microphone(rooms, np.stack([left[0], left[0]]) / 2)
    assert np.max(np.abs(microphone(rooms, left, MonoDownmix()) - expected)) < EXACT


def test_the_same_speaker_plays_for_both_outputs(rooms, signal):
    found = microphone(rooms, signal * [[0], [1]], SameSpeaker())
    expected = microphone(rooms, np.stack([signal[1], 0 * signal[1]]))
    assert np.max(np.abs(found - expected)) < EXACT


def test_hard_clip_flattens_the_peaks(rooms, signal, clean):
    found = microphone(rooms, signal, HardClip(below_peak_db=6.0))
    limit = np.max(np.abs(clean[0])) * 10 ** (-6 / 20)
    np.testing.assert_allclose(found, np.clip(clean[0], -limit, limit), atol=EXACT)
    assert np.sum(np.abs(found) >= limit * 0.99999) >= 2


def test_soft_clip_bends_below_full_scale(rooms, signal, clean):
    found = microphone(rooms, signal, SoftClip(at_dbfs=-40.0))
    np.testing.assert_allclose(found, 0.01 * np.tanh(clean[0] / 0.01), atol=EXACT)


def test_noise_and_hum_are_added_at_their_level(rooms, signal, clean):
    noise = microphone(rooms, signal, Noise(level_dbfs=-40.0)) - clean[0]
    hum = microphone(rooms, signal, Hum(level_dbfs=-50.0, f_hz=49.97)) - clean[0]
    assert level_db(noise) == pytest.approx(-40.0, abs=0.5)
    spectrum = np.abs(np.fft.rfft(hum * np.hanning(hum.size), 1 << 21))
    peak_hz = np.argmax(spectrum) * FS / (1 << 21)
    assert peak_hz == pytest.approx(49.97, abs=0.05)
    assert 20 * np.log10(4 * np.max(spectrum) / hum.size / 2**0.5) == pytest.approx(-50, abs=0.2)


def test_a_slam_is_short_low_and_as_loud_as_said(rooms, signal, clean):
    slam = microphone(rooms, signal, Slam(at_s=2.1, peak_dbfs=-20.0)) - clean[0]
    assert not np.any(slam[: round(2.1 * FS)])
    assert np.max(np.abs(slam)) == pytest.approx(0.1, rel=1e-6)
    assert np.max(np.abs(slam[round(2.6 * FS) :])) < 1e-4
    thud = np.abs(np.fft.rfft(slam[round(2.13 * FS) : round(2.5 * FS)], FS))
    assert np.argmax(thud) == pytest.approx(210, abs=5)


def test_speech_lasts_as_long_as_said_and_is_harmonic(rooms, signal, clean):
    speech = microphone(rooms, signal, Speech(at_s=1.0, duration_s=1.0, level_dbfs=-40)) - clean[0]
    assert np.flatnonzero(speech)[[0, -1]] == pytest.approx([FS, 2 * FS], abs=100)
    assert level_db(speech[FS : 2 * FS]) == pytest.approx(-40.0, abs=0.1)
    power = np.abs(np.fft.rfft(speech[FS : 2 * FS])) ** 2
    assert power[:5000].sum() > 0.99 * power.sum()


def test_zeroed_samples_keep_the_time(rooms, signal, clean):
    found = play(rooms, signal, ZeroedSamples(at_s=2.08, n_samples=64)).samples
    start = round(2.08 * FS)
    assert not np.any(found[:, start : start + 64])
    found = np.delete(found, np.s_[start : start + 64], axis=1)
    np.testing.assert_array_equal(found, np.delete(clean, np.s_[start : start + 64], axis=1))


@pytest.mark.parametrize("n", [1, 256])
def test_dropped_samples_make_the_rest_come_too_soon(rooms, signal, clean, n):
    found = play(rooms, signal, DroppedSamples(at_s=1.5, n_samples=n)).samples
    start = round(1.5 * FS)
    np.testing.assert_array_equal(found[:, :start], clean[:, :start])
    np.testing.assert_array_equal(found[:, start:-n], clean[:, start + n :])


def test_a_repeated_block_makes_the_rest_come_too_late(rooms, signal, clean):
    found = play(rooms, signal, RepeatedBlock(at_s=1.5, n_samples=128)).samples
    start = round(1.5 * FS)
    np.testing.assert_array_equal(found[:, : start + 128], clean[:, : start + 128])
    np.testing.assert_array_equal(found[:, start + 128 :], clean[:, start:-128])


def test_an_xrun_is_reported_and_the_data_are_whole(rooms, signal, clean):
    recording = play(rooms, signal, Xrun(count=2))
    assert recording.xruns == 2
    np.testing.assert_array_equal(recording.samples, clean)


def delays_of(room, x, *faults):
    """Delay of each burst of the first output, over the cable: nothing but the clock."""
    sent = np.zeros((1, x.shape[1]))
    sent[0] = x[0]
    found = play(room, sent, *faults, output_channels=[3], input_channels=[2]).samples[0]
    parts = [slice(s - 4000, s + FS // 2 + 4000) for s in (FS // 2, 2 * FS, 3 * FS)]
    return np.array(
        [delay_samples(sent[0, p], found[p], FS, low_hz=100, high_hz=8000) for p in parts]
    )


@pytest.mark.parametrize("ppm", [-100.0, 100.0])
def test_clock_drift_moves_later_sounds_by_more(rooms, signal, ppm):
    delays = delays_of(rooms, signal, ClockDrift(ppm=ppm))
    # From the first burst to the second 1.5 s, to the third 2.5 s.
    moved = -(delays - delays[0])[1:] / (np.array([1.5, 2.5]) * FS) * 1e6
    # Each burst is other noise of 0.5 s: where its weight lies within it is known to some ms.
    assert moved == pytest.approx([ppm, ppm], abs=0.5)


def test_an_adaptive_resampler_bends_the_line_of_delays(rooms, signal):
    delays = delays_of(rooms, signal, AdaptiveResampler(ramp_ppm=40.0, period_s=4.0))
    centres = np.array([0.75, 2.25, 3.25])
    bend = 40e-6 * (centres**2 / 8.0 - centres / 2.0) * FS
    line = np.polyval(np.polyfit(centres[[0, 2]], delays[[0, 2]], 1), centres)
    bent = np.polyval(np.polyfit(centres[[0, 2]], bend[[0, 2]], 1), centres)
    assert (delays - line)[1] == pytest.approx(-(bend - bent)[1], abs=0.05)
    assert abs((delays - line)[1]) > 0.2


def test_a_rate_mix_up_plays_everything_at_another_speed(rooms):
    x = np.zeros((2, 2 * FS))
    x[0] = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(2 * FS) / FS)
    found = microphone(rooms, x, RateMixUp(actual_fs=44100))[FS:]
    peak = np.argmax(np.abs(np.fft.rfft(found * np.hanning(FS))))
    assert peak == pytest.approx(1000 * 48000 / 44100, abs=1)


def test_a_latency_jump_strikes_the_take_that_it_names(rooms, signal):
    studio = VirtualStudio(rooms, faults=[LatencyJump(samples=512.0, takes=(1,))])
    takes = [
        studio.play_record(signal, fs=FS, output_channels=[1, 2], input_channels=[1]).samples[0]
        for _ in range(3)
    ]
    np.testing.assert_array_equal(takes[0], takes[2])
    assert np.max(np.abs(takes[1][512:] - takes[0][:-512])) < 1e-6


@pytest.mark.parametrize(
    ("fault", "kept_hz", "lost_hz"),
    [(ResampledBand(), 19000, 22100), (VoicePath(), 7000, 8100)],
)
def test_a_narrow_path_loses_what_lies_above_it(rooms, signal, clean, fault, kept_hz, lost_hz):
    found = microphone(rooms, signal, fault)
    before, after = (np.abs(np.fft.rfft(y)) for y in (clean[0], found))
    kept, lost = (round(f * found.size / FS) for f in (kept_hz, lost_hz))
    assert after[:kept] == pytest.approx(before[:kept], rel=1e-3, abs=1e-3)
    assert np.max(after[lost:]) < 1e-3 * np.max(before[:kept])


def test_automatic_gain_lifts_quiet_sounds_more_than_loud_ones(rooms, signal):
    x = signal.copy()
    x[:, 2 * FS :] *= 10.0  # the later bursts are 20 dB louder
    before, after = microphone(rooms, x), microphone(rooms, x, AutomaticGain())
    steps = [level_db(y[3 * FS :]) - level_db(y[FS // 2 : 3 * FS // 2]) for y in (before, after)]
    assert steps[0] > 15.0
    assert steps[1] < steps[0] - 6.0


def test_noise_suppression_takes_the_noise_out_of_the_pauses(rooms, signal):
    noisy = replace(rooms, converters=replace(rooms.converters, noise_dbfs=-60.0))
    before, after = microphone(noisy, signal), microphone(noisy, signal, NoiseSuppression())
    start, pause = slice(2000, 16000), slice(round(1.6 * FS), round(1.95 * FS))
    assert level_db(after[start]) == pytest.approx(level_db(before[start]), abs=0.5)
    assert level_db(after[pause]) < level_db(before[pause]) - 8.0


def test_a_limiter_makes_louder_sounds_grow_less(rooms, signal):
    quiet, loud = (
        level_db(microphone(rooms, signal * gain, SpeakerLimiter(threshold_dbfs=-26.0)))
        for gain in (0.5, 4.0)
    )
    assert loud - quiet < 20 * np.log10(8.0) - 3.0


def test_a_gain_step_scales_the_rest_of_the_take(rooms, signal, clean):
    found = microphone(rooms, signal, GainStep(at_s=2.0, gain_db=-1.0))
    np.testing.assert_array_equal(found[: 2 * FS], clean[0, : 2 * FS])
    np.testing.assert_allclose(found[2 * FS :], 10 ** (-1 / 20) * clean[0, 2 * FS :], rtol=1e-12)


def test_an_amplifier_turned_up_is_louder_by_that(rooms, signal):
    before = microphone(rooms, signal * 0.02)
    after = microphone(rooms, signal * 0.02, AmplifierGain(gain_db=30.0))
    assert level_db(after) - level_db(before) == pytest.approx(30.0, abs=1e-6)


def test_flipped_polarity_inverts_one_speaker_for_as_long_as_said(rooms, signal, clean):
    right = signal * [[0], [1]]
    assert (
        np.max(np.abs(microphone(rooms, right, PolarityFlip(2)) + microphone(rooms, right))) < EXACT
    )
    part = signal.copy()
    part[1, 2 * FS : round(2.6 * FS)] *= -1.0
    found = microphone(rooms, signal, PolarityFlip(2, from_s=2.0, to_s=2.6))
    assert np.max(np.abs(found - microphone(rooms, part))) < EXACT
    assert not np.array_equal(found, clean[0])


def test_a_vanishing_device_raises_after_its_last_block(rooms, signal):
    seen = []

    def watch(block):
        seen.append(block.shape[1])
        return True

    with pytest.raises(DeviceError, match=r"vanished at 3\.0 s") as fault:
        play(rooms, signal, DeviceVanishes(at_s=3.0), watch=watch)
    assert fault.value.fault == "RC-403"
    assert sum(seen) == 3 * FS


def test_every_fault_leaves_the_takes_alone_that_it_does_not_name(rooms, signal, clean):
    kinds = [
        kind
        for module in (faults_output, faults_clock, faults_input)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Fault) and kind is not Fault
    ]
    assert len(set(kinds)) == 30
    found = play(rooms, signal, *(kind(takes=(5,)) for kind in set(kinds))).samples
    np.testing.assert_array_equal(found, clean)


def test_an_interruption_fades_out_and_hands_over_what_was_recorded(rooms, signal):
    with pytest.raises(Interrupted) as end:
        play(rooms, signal, Interruption(at_s=2.0))
    n_frames = end.value.recording.samples.shape[1]
    # 20 ms of fade and the latency of the converters, which is below 0.1 s.
    assert 2.02 * FS <= n_frames < 2.12 * FS

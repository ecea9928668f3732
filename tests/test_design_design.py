"""What a designed bank does, held against responses whose truth is known."""

import numpy as np
import pytest
import scipy.fft
import scipy.signal as sg
from hypothesis import given, settings
from hypothesis import strategies as st

from roomcal.design.design import design
from roomcal.design.targets import target_curve
from roomcal.errors import InputError
from roomcal.model.curve import Curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Speaker, Studio

FS = 48000
FLAT = target_curve("flat")
SPEC = DesignSpec(taps=16384, phase="minimum")
LONG = DesignSpec(taps=65536, phase="minimum")
MIXED = DesignSpec(taps=16384)
# A resonance against its inverse, at the resolution of the smoothing (1/12 octave).
INVERSION_DB = 0.2
# The touch-up makes the mean over a sixth of an octave whole with a Hann bump of that width, whose
# own mean over it is 0.6 to 0.8 of its height.
OVERFILL = 1.0 / 0.6
# The filters of one response at several gains and delays are one filter, but for rounding.
SAME_FILTER = 1e-9
GAIN_DB = 0.01
DELAY_SAMPLES = 0.01
CAP_DB = 0.3
# The same correction drawn at two rates: other bins, other smoothing windows.
RATE_DB = 0.3


def biquad(f0, q, gain_db, fs=FS):
    """Peaking section of the Audio EQ Cookbook."""
    a, w = 10 ** (gain_db / 40), 2 * np.pi * f0 / fs
    alpha = np.sin(w) / (2 * q)
    b = [1 + alpha * a, -2 * np.cos(w), 1 - alpha * a]
    d = [1 + alpha / a, -2 * np.cos(w), 1 - alpha / a]
    return np.array([[*b, *d]]) / d[0]


def response(*sections, fs=FS, seconds=1.0, at=0.01, speaker="L", position="p1", **kwargs):
    x = np.zeros(round(seconds * fs))
    x[round(at * fs)] = 1.0
    if sections:
        x = sg.sosfilt(np.vstack(sections), x)
    return ImpulseResponse(x, fs, speaker, position, **kwargs)


def room(seed, *, speaker="L", position="p1", fs=FS, gain=1.0, delay=0.0, **kwargs):
    """Direct sound and a decaying tail, delayed by a fraction of a sample without error."""
    rng = np.random.default_rng(seed)
    n = round(0.4 * fs)
    t = np.arange(n) / fs
    x = 0.05 * rng.standard_normal(n) * np.exp(-t / 0.05)
    x[0] = 1.0
    x = np.r_[np.zeros(round(0.02 * fs)), x, np.zeros(round(0.05 * fs))]
    sos = sg.butter(4, [30.0, 0.35 * fs], "band", fs=fs, output="sos")
    x = sg.sosfilt(sos, x)
    w = 2j * np.pi * np.arange(x.size // 2 + 1) / x.size
    x = np.fft.irfft(np.fft.rfft(x) * np.exp(-w * delay), x.size) * gain
    return ImpulseResponse(x, fs, speaker, position, **kwargs)


def level_db(taps, f, fs=FS):
    return 20 * np.log10(np.abs(sg.freqz(taps, worN=f, fs=fs)[1]))


def nine(*sections):
    return [response(*sections, position=f"p{i + 1}") for i in range(9)]


@pytest.mark.parametrize(
    ("f0", "q", "gain_db"), [(63, 4, 8), (120, 3, 10), (900, 2, -4), (40, 3, 6)]
)
def test_a_known_resonance_is_inverted(f0, q, gain_db):
    section = biquad(f0, q, gain_db)
    result = design(nine(section), FLAT, LONG, name="x", fs=FS)

    f = np.geomspace(30, 12000, 200)
    both = level_db(result.filters.taps[0, 0], f) + 20 * np.log10(
        np.abs(sg.sosfreqz(section, worN=f, fs=FS)[1])
    )
    # Away from the flanks, where smoothing rounds a slope of a filter this sharp.
    gentle = np.abs(np.log2(f / f0)) > 1.0 / q
    peak = np.argmin(np.abs(f - f0))
    reference = np.median(both)
    assert np.abs(both[gentle] - reference).max() < INVERSION_DB
    smoothed = np.mean(both[max(peak - 1, 0) : peak + 2]) - reference
    assert abs(smoothed) < 3 * INVERSION_DB


def test_a_narrow_dip_is_not_filled():
    f0, q = 80.0, 100.0
    notch = biquad(f0, q, -20.0)
    result = design(nine(notch), FLAT, LONG, name="x", fs=FS)

    boost = level_db(result.filters.taps[0, 0], np.geomspace(40, 160, 200)).max()
    # A sixth of an octave holds what the dip takes out of its mean power, and no more.
    f = np.linspace(f0 / 2 ** (1 / 12), f0 * 2 ** (1 / 12), 1001)
    lost_db = -10 * np.log10(np.mean(np.abs(sg.sosfreqz(notch, worN=f, fs=FS)[1]) ** 2))
    assert lost_db < 2.0
    assert boost - np.median(level_db(result.filters.taps[0, 0], f * 10)) < lost_db * OVERFILL


def test_the_filter_is_of_minimum_phase():
    result = design([room(i, position=f"p{i}") for i in range(5)], FLAT, SPEC, name="x", fs=FS)

    # Argument principle: each zero outside of the unit circle takes pi off the phase at Nyquist.
    phase = np.unwrap(np.angle(scipy.fft.rfft(result.filters.taps[0, 0], 1 << 19)))
    assert abs(phase[-1] - phase[0]) < 1e-3
    assert result.filters.latency_samples == 0


@pytest.mark.parametrize("max_boost_db", [0.0, 3.0, 6.0, 9.0])
def test_the_gain_never_passes_the_boost_limit(max_boost_db):
    spec = DesignSpec(taps=16384, max_boost_db=max_boost_db)
    dips = [biquad(60, 1, -12), biquad(150, 1, -15), biquad(5000, 1, -12)]
    result = design([response(*dips)], FLAT, spec, name="x", fs=FS)

    f = np.arange(1, 1 << 16) * FS / (1 << 17)
    gain = level_db(result.filters.taps[0, 0], f)
    assert (gain - np.median(gain[(f > 200) & (f < 2000)])).max() < max_boost_db + CAP_DB


def test_below_its_own_roll_off_a_speaker_is_not_boosted():
    high_pass = sg.butter(4, 60.0, "high", fs=FS, output="sos")
    result = design(nine(high_pass), FLAT, LONG, name="x", fs=FS)

    gain = level_db(result.filters.taps[0, 0], np.array([20.0, 25.0, 32.0, 55.0, 1000.0]))
    assert np.abs(gain[:3] - gain[4]).max() < 0.5
    assert gain[3] - gain[4] > 1.5
    assert any("rolls off" in note for note in result.explanations[0].notes)


def test_level_and_delay_are_matched_exactly():
    clock = {"time_reference": "marks"}
    responses = [
        room(1, speaker="L", gain=0.5, delay=0.0, time_zero=100.0, **clock),
        room(1, speaker="R", gain=0.5 * 10 ** (3.21 / 20), delay=10.37, time_zero=100.0, **clock),
    ]
    result = design(responses, FLAT, SPEC, name="x", fs=FS)

    left, right = result.explanations
    assert left.gain_db == pytest.approx(0.0, abs=GAIN_DB)
    assert right.gain_db == pytest.approx(-3.21, abs=GAIN_DB)
    assert left.delay_s * FS == pytest.approx(10.37, abs=DELAY_SAMPLES)
    assert right.delay_s == 0.0
    f = np.linspace(500, 15000, 50)
    ratio = (
        sg.freqz(result.filters.path("L", "L"), worN=f, fs=FS)[1]
        / sg.freqz(result.filters.path("R", "R"), worN=f, fs=FS)[1]
    )
    wanted = 10 ** (3.21 / 20) * np.exp(-2j * np.pi * f * 10.37 / FS)
    np.testing.assert_allclose(ratio, wanted, rtol=0.01)
    assert result.filters.paths[0].delay_s == left.delay_s


def test_arrivals_are_counted_from_time_zero():
    clock = {"time_reference": "loopback"}
    responses = [
        room(1, speaker="L", delay=30.25, time_zero=100.0, **clock),
        room(1, speaker="R", delay=0.0, time_zero=80.5, **clock),
    ]
    left, right = design(responses, FLAT, SPEC, name="x", fs=FS).explanations

    assert left.delay_s == 0.0
    assert right.delay_s * FS == pytest.approx(30.25 - 100.0 + 80.5, abs=DELAY_SAMPLES)


def test_delays_are_left_alone_without_a_time_reference():
    responses = [room(1, speaker="L"), room(1, speaker="R", delay=20.0)]
    result = design(responses, FLAT, SPEC, name="x", fs=FS)

    assert all(e.delay_s == 0.0 for e in result.explanations)
    assert all(any("time reference" in n for n in e.notes) for e in result.explanations)


def test_arrivals_that_nobody_tells_apart_are_left_alone():
    clock = {"time_reference": "loopback"}
    responses = [room(1, speaker="L", **clock), room(1, speaker="R", delay=0.5, **clock)]
    result = design(responses, FLAT, SPEC, name="x", fs=FS)

    assert all(e.delay_s == 0.0 for e in result.explanations)
    assert result.filters.latency_samples == 0


def test_no_sine_at_full_scale_clips():
    result = design([response(biquad(60, 1, -10))], FLAT, SPEC, name="x", fs=FS)

    gain = np.abs(scipy.fft.rfft(result.filters.taps[0, 0], 1 << 18)).max()
    assert result.filters.headroom_db > 1.0
    assert gain <= 1.0 + 1e-3


def test_a_sub_is_matched_in_its_own_band():
    low_pass = sg.butter(4, 100.0, fs=FS, output="sos")
    main = response(sg.butter(2, 80.0, "high", fs=FS, output="sos"), speaker="L")
    sub = response(low_pass, speaker="S")
    loud = ImpulseResponse(2.0 * sub.samples, FS, "S", "p1")
    studio = Studio("s", (Speaker("L", 1), Speaker("S", 2, role="LFE")))
    result = design([main, loud], FLAT, SPEC, name="x", fs=FS, studio=studio)

    assert result.filters.outputs == ("L", "S")
    joined = 20 * np.log10(2.0) + level_db(result.filters.path("S", "S"), np.array([40.0, 60.0]))
    alone = level_db(result.filters.path("L", "L"), np.array([500.0, 1000.0, 3000.0]))
    assert np.mean(joined) == pytest.approx(np.mean(alone), abs=1.0)
    gain = level_db(result.filters.path("S", "S"), np.array([50.0, 1000.0]))
    assert abs(gain[1] - gain[0]) < 3.0  # nothing is done where the sub does not play


@pytest.mark.parametrize("fs", [44100, 88200, 96000, 192000])
def test_another_rate_gets_the_same_correction(fs):
    responses = [room(i, position=f"p{i}") for i in range(4)]
    here = design(responses, FLAT, SPEC, name="x", fs=FS)
    there = design(responses, FLAT, SPEC, name="x", fs=fs)

    f = np.geomspace(40, 15000, 200)
    difference = level_db(there.filters.taps[0, 0], f, fs) - level_db(here.filters.taps[0, 0], f)
    assert there.filters.n_taps == round(SPEC.taps * fs / 48000)
    assert np.abs(difference - np.median(difference)).max() < RATE_DB


def test_scale_delay_and_order_do_not_change_the_filter():
    plain = [room(i, position=f"p{i}") for i in range(4)]
    moved = [
        ImpulseResponse(np.r_[np.zeros(777), 0.01 * r.samples], FS, "L", r.position)
        for r in [plain[0], *plain[:0:-1]]
    ]
    a = design(plain, FLAT, SPEC, name="x", fs=FS)
    b = design(moved, FLAT, SPEC, name="x", fs=FS)

    np.testing.assert_allclose(b.filters.taps, a.filters.taps, atol=SAME_FILTER)


def test_the_same_responses_give_the_same_bits():
    responses = [room(3), room(4, speaker="R")]
    a, b = (design(responses, FLAT, SPEC, name="x", fs=FS) for _ in range(2))

    np.testing.assert_array_equal(a.filters.taps, b.filters.taps)


def test_no_strength_is_no_correction():
    spec = DesignSpec(taps=4096, strength=0.0, phase="minimum")
    result = design([room(1)], FLAT, spec, name="x", fs=FS)

    wanted = np.zeros(4096)
    wanted[0] = 1.0
    np.testing.assert_allclose(result.filters.taps[0, 0], wanted, atol=SAME_FILTER)


def test_outside_of_its_range_nothing_is_corrected():
    spec = DesignSpec(taps=65536, low_hz=50.0, high_hz=300.0, phase="minimum")
    sections = [biquad(30, 2, 8), biquad(100, 3, 8), biquad(1000, 2, 8)]
    result = design(nine(*sections), FLAT, spec, name="x", fs=FS)

    gain = level_db(result.filters.taps[0, 0], np.array([25.0, 100.0, 400.0, 1000.0, 10000.0]))
    gain -= gain[4]
    assert np.abs(gain[[0, 2, 3]]).max() < INVERSION_DB
    assert gain[1] < -6.0


def test_the_prediction_is_what_the_filter_does():
    responses = [room(i, position=f"p{i}") for i in range(4)]
    result = design(responses, FLAT, LONG, name="x", fs=FS)

    curves = result.explanations[0].curves
    moved = curves["predicted"].level_db - curves["before"].level_db
    middle = (curves["before"].f_hz > 60) & (curves["before"].f_hz < 15000)
    assert all(np.isfinite(c.level_db).all() for c in curves.values())
    # Smoothing before and after the filter differ by the slope of the filter within a window; a
    # filter that follows 1/12 octave has slopes of 1.5 dB across it.
    assert np.abs(moved - curves["correction"].level_db)[middle].max() < 2.0


def test_mixed_rates_are_refused():
    with pytest.raises(InputError, match="44100 Hz") as error:
        design([room(1), room(1, fs=44100, position="p2")], FLAT, SPEC, name="x", fs=FS)
    assert error.value.fault == "RC-304"


def test_nothing_to_design_from_is_refused():
    with pytest.raises(InputError, match="no response") as error:
        design([], FLAT, SPEC, name="x", fs=FS)
    assert error.value.fault == "RC-315"


def test_taps_too_short_for_the_delay_are_refused():
    clock = {"time_reference": "marks"}
    responses = [room(1, speaker="L", **clock), room(1, speaker="R", delay=200.0, **clock)]
    with pytest.raises(InputError, match="too short") as error:
        design(responses, FLAT, DesignSpec(taps=128), name="x", fs=FS)
    assert error.value.fault == "RC-316"


def test_speakers_may_be_measured_at_different_positions():
    responses = [room(1), room(2, position="p2"), room(3, speaker="R", position="p2")]
    result = design(responses, FLAT, SPEC, name="x", fs=FS)

    assert result.filters.outputs == ("L", "R")


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 3000),
    target_db=st.lists(st.floats(-60, 60), min_size=2, max_size=6),
    taps=st.sampled_from([64, 1000, 8192]),
    boost=st.floats(0.0, 20.0),
)
def test_no_response_and_no_target_makes_nan(seed, n, target_db, taps, boost):
    rng = np.random.default_rng(seed)
    h = rng.standard_normal(n) * 10.0 ** rng.uniform(-6, 2)
    target = Curve(np.geomspace(20, 20000, len(target_db)), np.array(target_db))
    spec = DesignSpec(taps=taps, max_boost_db=boost)
    result = design([ImpulseResponse(h, FS, "L", "p1")], target, spec, name="x", fs=FS)

    assert np.isfinite(result.filters.taps).all()
    f = np.arange(1, 1 << 13) * FS / (1 << 14)
    gain = level_db(result.filters.taps[0, 0], f)
    assert gain.max() < 0.01
    assert (gain - np.median(gain[(f > 200) & (f < 2000)])).max() < boost + CAP_DB


@pytest.mark.parametrize("seconds", [0.005, 0.02])
def test_what_a_short_response_does_not_hold_is_not_corrected(seconds):
    """Below one cycle in its length nothing is known: neither raised nor lowered."""
    rng = np.random.default_rng(5)
    h = np.zeros(480 + round(seconds * FS))
    h[480] = 1.0
    h[500:] += 0.1 * rng.standard_normal(h.size - 500)
    one = ImpulseResponse(h, FS, "L", "p1")
    result = design([one], FLAT, MIXED, name="x", fs=FS)

    curves = result.explanations[0].curves
    f = np.geomspace(20.0, 0.9 / seconds, 50)
    assert np.abs(curves["granted"].level_at(f)).max() == 0.0
    # Half a cycle more: a dip there may come from the cut.
    assert curves["boost limit"].level_at(1.4 / seconds * np.ones(1))[0] == 0.0
    assert any("not at all" in note for note in result.explanations[0].notes)

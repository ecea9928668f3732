"""A verification says yes to the promised correction and no to every real mistake."""

import dataclasses

import numpy as np
import pytest

from roomcal.dsp.prediction import predict
from roomcal.model.impulse_response import BandSnr, ImpulseResponse
from roomcal.units import band_centres_hz, ratio_from_db
from roomcal.verify.promise import hold_against

FS = 48000
POSITIONS = ("p1", "p2", "p3")
BANDS = band_centres_hz(20, 20000, bands_per_octave=3)


def a_room(seed, n=24000):
    """Decaying noise after a pulse: a third-octave spectrum as uneven as a room's."""
    rng = np.random.default_rng(seed)
    t = np.arange(n) / FS
    h = 0.2 * rng.standard_normal(n) * 10 ** (-3 * t / 0.3)
    h[0] = 1.0
    return np.pad(h, (300, 0))


def responses(*, snr_db=60.0, shift=None, gain_db=None):
    shift, gain_db = shift or {}, gain_db or {}
    return [
        ImpulseResponse(
            np.roll(a_room(10 * s + p), shift.get(speaker, 0))
            * ratio_from_db(gain_db.get(speaker, 0.0)),
            FS,
            speaker,
            position,
            time_zero=100.0,
            time_reference="loopback",
            snr=BandSnr(BANDS, np.full(BANDS.size, snr_db)),
        )
        for s, speaker in enumerate("LR")
        for p, position in enumerate(POSITIONS)
    ]


def renamed(found, names):
    return [dataclasses.replace(r, speaker=names[r.speaker]) for r in found]


def filtered(found, taps):
    return [dataclasses.replace(r, samples=predict(r.samples, taps)) for r in found]


def test_a_noise_that_nobody_knows_hides_nothing():
    """Digital silence before a sweep: the bands are compared, and a real mistake is found."""
    unknown = responses(snr_db=np.nan)

    assert hold_against(unknown, unknown).passed
    assert not hold_against(unknown, responses(snr_db=np.nan, gain_db={"L": -1.0})).passed


def test_what_was_promised_passes():
    verification = hold_against(responses(), responses())

    assert verification.passed
    for speaker in verification.speakers:
        assert speaker.rms_error_db == pytest.approx(0, abs=1e-9)
        assert speaker.arrival_error_s == pytest.approx(0, abs=1e-12)


def test_a_volume_knob_is_no_broken_promise():
    verification = hold_against(responses(), responses(gain_db={"L": -7.0, "R": -7.0}))

    assert verification.passed
    assert verification.common_gain_db == pytest.approx(-7.0, abs=1e-9)


def test_one_decibel_less_on_one_side_fails():
    verification = hold_against(responses(), responses(gain_db={"R": -1.0}))

    assert not verification.passed
    assert any(
        "against L, R plays 1.0 dB quieter than predicted" in text for text in verification.failures
    )


def test_swapped_speakers_fail_and_are_named():
    swapped = renamed(responses(), {"L": "R", "R": "L"})

    verification = hold_against(responses(), swapped)

    assert any("L sounds like R" in text for text in verification.failures)
    assert any("R sounds like L" in text for text in verification.failures)


def test_another_filter_fails_with_its_band():
    # A resonance of 4 dB around 1 kHz that nobody promised (RBJ peaking biquad, Q 2).
    w, A, alpha = 2 * np.pi * 1000 / FS, 10 ** (4 / 40), np.sin(2 * np.pi * 1000 / FS) / 4
    b = np.array([1 + alpha * A, -2 * np.cos(w), 1 - alpha * A]) / (1 + alpha / A)
    a = np.array([1, -2 * np.cos(w) / (1 + alpha / A), (1 - alpha / A) / (1 + alpha / A)])
    taps = np.zeros(512)
    for n in range(512):
        taps[n] = (b[n] if n < 3 else 0) - sum(a[k] * taps[n - k] for k in (1, 2) if n >= k)

    verification = hold_against(responses(), filtered(responses(), taps))

    assert any("at 1 kHz: +" in text for text in verification.failures)


def test_a_speaker_that_comes_late_fails():
    verification = hold_against(responses(), responses(shift={"R": 12}))

    assert any(
        "against L, R arrives 0.25 ms later than predicted" in text
        for text in verification.failures
    )


def test_without_a_clock_arrivals_are_not_judged():
    late = [dataclasses.replace(r, time_reference="none") for r in responses(shift={"R": 12})]

    verification = hold_against(responses(), late)

    assert verification.passed
    assert np.isnan(verification.speakers[1].arrival_error_s)


def test_noise_widens_the_tolerance_and_then_hides_the_band():
    uncertain = hold_against(responses(snr_db=16), responses(snr_db=16)).speakers[0]
    hidden = hold_against(responses(snr_db=10), responses(snr_db=10))

    # 16 dB: 8.7 dB * 10**(-16/20) / sqrt 2 a side, two sides, three positions, twice.
    expected = 2 * np.sqrt(2) * 8.686 * 10 ** (-16 / 20) / np.sqrt(2) / np.sqrt(3)
    assert uncertain.tolerance_db[10] == pytest.approx(expected, rel=0.05)
    assert any("not heard above the noise" in text for text in hidden.failures)


def test_paths_that_only_one_side_has_are_left_out():
    one_place = [r for r in responses() if r.position == "p2"]

    assert hold_against(responses(), one_place).passed
    with pytest.raises(ValueError, match="share no path"):
        hold_against(responses(), renamed(one_place, {"L": "X", "R": "Y"}))

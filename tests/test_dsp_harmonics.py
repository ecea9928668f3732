"""Harmonics of a polynomial, whose levels are known by trigonometry."""

import numpy as np
import pytest
import scipy.fft

from roomcal.dsp.deconvolution import inverse_spectrum
from roomcal.dsp.harmonics import harmonic_floor_db, harmonic_levels_db
from roomcal.dsp.sweep_signal import sweep_samples
from roomcal.model.sweep import Sweep

FS = 48000
SWEEP = Sweep(fs=FS, length_s=4.0, level_dbfs=-6.0)
F_HZ = np.array([60.0, 125.0, 500.0, 1000.0, 3000.0])
TOLERANCE_DB = 0.2  # MEASURING.md, goal 6
PAD = FS  # silence before and after


def circular(y):
    x = sweep_samples(SWEEP)
    n_fft = scipy.fft.next_fast_len(y.size + x.size, real=True)
    G = inverse_spectrum(x, FS, n_fft, low_hz=10.0, outside_db=-70.0)
    return np.roll(scipy.fft.irfft(scipy.fft.rfft(y, n_fft) * G, n_fft), -PAD), G


def recorded(second_db, third_db):
    """x + a x^2 + b x^3: a sine of amplitude A gives harmonics of a A / 2 and b A^2 / 4."""
    x = np.pad(sweep_samples(SWEEP), PAD)
    amplitude = 10 ** (SWEEP.level_dbfs / 20)
    X = scipy.fft.rfft(x)
    X[round(X.size * 0.3) :] = 0.0  # nothing aliases
    low = scipy.fft.irfft(X, x.size)
    second = 2 * 10 ** (second_db / 20) / amplitude
    third = 4 * 10 ** (third_db / 20) / amplitude**2
    return x + second * low**2 + third * low**3


@pytest.mark.parametrize(("second_db", "third_db"), [(-40.0, -40.0), (-60.0, -46.0)])
def test_the_harmonics_of_a_polynomial_are_found(second_db, third_db):
    h, _ = circular(recorded(second_db, third_db))

    for order, expected_db in ((2, second_db), (3, third_db)):
        found = harmonic_levels_db(h, SWEEP, F_HZ[:4], order=order, linear_s=0.2)

        # The third power also adds to the fundamental: 3 b A^2 / 4 of it, 0.26 dB at -40 dB.
        fundamental_db = 20 * np.log10(1 + 3 * 10 ** (third_db / 20))
        assert found == pytest.approx(expected_db - fundamental_db, abs=TOLERANCE_DB)


def test_a_harmonic_above_half_the_sample_rate_is_none():
    h, _ = circular(recorded(-40.0, -40.0))
    found = harmonic_levels_db(h, SWEEP, np.array([1000.0, 9000.0]), order=3, linear_s=0.2)
    assert np.isnan(found).tolist() == [False, True]


def test_noise_alone_reads_as_the_floor(rng):
    y = np.pad(sweep_samples(SWEEP), PAD)
    noise = 1e-3 * rng.standard_normal(y.size)
    h, inverse = circular(y + noise)

    floor = harmonic_floor_db(
        1e-3 * rng.standard_normal(FS), inverse, h, SWEEP, F_HZ, order=3, linear_s=0.2
    )
    found = harmonic_levels_db(h, SWEEP, F_HZ, order=3, linear_s=0.2)

    # A sixth of an octave at 180 Hz holds a handful of independent values: 3 dB rms.
    assert np.abs(found - floor).max() < 8.0
    assert np.abs(np.mean(found - floor)) < 3.0

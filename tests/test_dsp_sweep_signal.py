import numpy as np
import pytest
import scipy.signal

from roomcal.dsp.sweep_signal import MARK_DURATION_S, mark_band_hz, mark_samples, sweep_samples
from roomcal.model.sweep import Sweep

FS = 48000
# The derivative of the phase is taken over +-2 samples of the analytic signal, whose Hilbert
# transform leaks at the fades: 0.1 % in the middle of the sweep.
FREQUENCY_TOLERANCE = 1e-3
# Phase of a harmonic, read at one bin of a noiseless response of a finite window.
HARMONIC_TOLERANCE_DEG = 1.0


def test_the_instantaneous_frequency_grows_exponentially():
    sweep = Sweep(fs=FS, length_s=2.0)
    phase = np.unwrap(np.angle(scipy.signal.hilbert(sweep_samples(sweep))))
    t = np.array([0.4, 0.8, 1.2, 1.6])
    n = np.round(t * FS).astype(int)

    found_hz = (phase[n + 2] - phase[n - 2]) / 4 * FS / (2 * np.pi)

    expected_hz = sweep.start_hz * np.exp(n / FS / sweep.rate_s)
    np.testing.assert_allclose(found_hz, expected_hz, rtol=FREQUENCY_TOLERANCE)


def test_the_sweep_starts_and_ends_in_silence_and_reaches_its_level():
    sweep = Sweep(fs=FS, level_dbfs=-20.0)
    x = sweep_samples(sweep)

    assert x.shape == (sweep.n_samples,)
    assert x[0] == 0.0
    assert abs(x[-1]) < 1e-6
    assert np.abs(x).max() == pytest.approx(0.1, rel=1e-3)
    # Half of the level in the middle of an octave: half-way up a raised cosine.
    half_way = round(sweep.rate_s * np.log(2.0) * 0.5 * FS)
    around = np.abs(x[half_way - 2500 : half_way + 2500]).max()
    assert 0.04 < around < 0.07


def test_the_same_sweep_is_the_same_to_the_bit():
    np.testing.assert_array_equal(
        sweep_samples(Sweep(fs=FS, length_s=1.0)), sweep_samples(Sweep(fs=FS, length_s=1.0))
    )


@pytest.mark.parametrize("order", [2, 3])
def test_harmonics_start_in_phase_with_the_sweep(order):
    # Closed form: the k-th harmonic of the sweep at t is the sweep at t + L ln k, without fades.
    sweep = Sweep(fs=FS, length_s=2.0, fade_in_octaves=0.0, fade_out_octaves=0.0, level_dbfs=-20)
    t = np.arange(sweep.n_samples) / FS
    phase = 2 * np.pi * sweep.start_hz * sweep.rate_s * np.exp(t / sweep.rate_s)
    later = t + sweep.harmonic_advance_s(order)
    moved = 2 * np.pi * sweep.start_hz * sweep.rate_s * np.exp(later / sweep.rate_s)

    np.testing.assert_allclose(np.sin(order * phase), np.sin(moved), atol=1e-9)
    np.testing.assert_allclose(sweep_samples(sweep)[1:-1], 0.1 * np.sin(phase)[1:-1], atol=1e-12)


@pytest.mark.parametrize("fs", [16000, 44100, 48000, 96000, 192000])
def test_the_mark_stays_within_its_band_and_fades_at_both_ends(fs):
    x = mark_samples(fs, level_dbfs=-6.0)
    low_hz, high_hz = mark_band_hz(fs)
    power = np.abs(np.fft.rfft(x, 4 * x.size)) ** 2
    f = np.fft.rfftfreq(4 * x.size, 1 / fs)
    outside = power[(f < low_hz / 1.2) | (f > min(high_hz * 1.2, 0.49 * fs))]

    assert x.size == round(MARK_DURATION_S * fs)
    assert abs(x[0]) < 1e-6
    assert abs(x[-1]) < 1e-6
    assert np.abs(x).max() <= 10 ** (-6 / 20) + 1e-12
    assert outside.sum() < 1e-3 * power.sum()  # -30 dB


def test_the_mark_is_not_mistaken_for_the_sweep():
    mark = mark_samples(FS, level_dbfs=-20.0)
    sweep = sweep_samples(Sweep(fs=FS, level_dbfs=-20.0))
    of_sweep = np.abs(scipy.signal.correlate(sweep, mark, method="fft")).max()

    assert of_sweep < 0.1 * np.sum(mark**2)  # 20 dB below the mark itself

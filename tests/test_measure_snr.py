import numpy as np
import pytest

from roomcal.dsp.deconvolution import deconvolve
from roomcal.dsp.sweep_signal import sweep_samples
from roomcal.measure.snr import band_snr
from roomcal.model.sweep import Sweep

FS = 48000
N = 24000
# The spread of a third octave of noise at 100 Hz, 23 Hz wide, over half a second and ten draws.
TOLERANCE_DB = 3.0


def test_the_figure_is_what_repetition_of_the_noise_shows(rng):
    x = sweep_samples(Sweep(fs=FS, length_s=2.0))
    silence = np.zeros(x.size + N)
    level = 2e-3
    clean = deconvolve(np.concatenate([x, np.zeros(N)]), x, FS, pre_samples=100, n_samples=N)

    snr = band_snr(clean, level * rng.standard_normal(FS), x, FS, repeats=1)

    # Truth: the energy in the same band of responses that hold noise alone.
    f = np.fft.rfftfreq(N, 1 / FS)
    power = np.mean(
        [
            np.abs(
                np.fft.rfft(
                    deconvolve(
                        level * rng.standard_normal(silence.size), x, FS, n_samples=N, pre_samples=0
                    )
                )
            )
            ** 2
            for _ in range(10)
        ],
        axis=0,
    )
    signal = np.abs(np.fft.rfft(clean)) ** 2
    for centre, snr_db in zip(snr.f_hz, snr.snr_db, strict=True):
        if 100.0 <= centre <= 10000.0:
            band = (f >= centre * 10**-0.05) & (f <= centre * 10**0.05)
            expected_db = 10 * np.log10(signal[band].sum() / power[band].sum())
            assert snr_db == pytest.approx(expected_db, abs=TOLERANCE_DB)


def test_repeats_gain_what_averaging_gains(rng):
    x = sweep_samples(Sweep(fs=FS, length_s=2.0))
    noise = 1e-3 * rng.standard_normal(FS)
    h = np.zeros(N)
    h[100] = 1.0

    one, four = (band_snr(h, noise, x, FS, repeats=n).snr_db for n in (1, 4))

    np.testing.assert_allclose(four - one, 6.02, atol=0.2)


def test_without_noise_the_ratio_is_not_a_number():
    x = sweep_samples(Sweep(fs=FS, length_s=1.0))
    h = np.zeros(N)
    h[100] = 1.0

    assert np.isnan(band_snr(h, np.zeros(FS), x, FS, repeats=1).snr_db).all()

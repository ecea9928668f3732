"""How far each third octave of a response stands above the noise."""

import numpy as np
import scipy.fft

from roomcal.dsp.deconvolution import inverse_spectrum, stimulus_band_hz
from roomcal.model.impulse_response import BandSnr
from roomcal.units import FloatArray, band_centres_hz, db_from_power

_LOWEST_HZ, _HIGHEST_HZ = 20.0, 20000.0  # bands that are looked at
_HALF_BAND = 10.0**0.05  # third octave, base ten (IEC 61260-1)
_LEAST_RATIO = 1e-3  # power; nothing is said about a signal deeper in the noise


def band_snr(
    h: FloatArray, noise: FloatArray, stimulus: FloatArray, fs: int, *, repeats: int
) -> BandSnr:
    """Signal-to-noise ratio of a deconvolved response per third octave.

    Parameters
    ----------
    h : (n_samples,) float array
        The response, with the noise that is in it.
    noise : (n_noise,) float array
        Recorded while nothing played.
    stimulus : (n_stimulus,) float array
    fs : int
    repeats : int
        Takes that were averaged.

    Notes
    -----
    The noise passes through the same deconvolution, and its energy is scaled to the length of the
    response. So the figure says what the response is worth: longer sweeps, more repeats and
    shorter responses raise it. NaN where there is no noise to measure.
    """
    covered_low_hz, covered_high_hz = stimulus_band_hz(stimulus, fs)
    f_hz = band_centres_hz(
        max(_LOWEST_HZ, covered_low_hz), min(_HIGHEST_HZ, covered_high_hz), bands_per_octave=3
    )
    window = np.hanning(noise.size)
    n_fft = scipy.fft.next_fast_len(max(noise.size, h.size) + stimulus.size, real=True)
    inverse = inverse_spectrum(stimulus, fs, n_fft)
    noise_spectrum = scipy.fft.rfft((noise - noise.mean()) * window, n_fft) * inverse
    noise_power = np.abs(noise_spectrum) ** 2 * h.size / (np.sum(window**2) * repeats)
    signal = _band_sums(np.abs(scipy.fft.rfft(h, n_fft)) ** 2, f_hz, fs / n_fft)
    in_band = _band_sums(noise_power, f_hz, fs / n_fft)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(in_band > 0.0, signal / in_band - 1.0, np.nan)
    return BandSnr(f_hz=f_hz, snr_db=db_from_power(np.maximum(ratio, _LEAST_RATIO)))


def band_energies(h: FloatArray, fs: int, f_hz: FloatArray) -> FloatArray:
    """Energy of a response in each third octave, (n_bands,).

    Parameters
    ----------
    h : (n_samples,) float array
    fs : int
    f_hz : (n_bands,) float array
        Mid-band frequencies.
    """
    n_fft = scipy.fft.next_fast_len(h.size, real=True)
    return _band_sums(np.abs(scipy.fft.rfft(h, n_fft)) ** 2, f_hz, fs / n_fft)


def _band_sums(power: FloatArray, f_hz: FloatArray, bin_hz: float) -> FloatArray:
    """Sum of a power spectrum over each third octave."""
    total = np.concatenate([[0.0], np.cumsum(power)])
    low = np.round(f_hz / _HALF_BAND / bin_hz).astype(np.intp)
    high = np.round(f_hz * _HALF_BAND / bin_hz).astype(np.intp)
    return np.asarray(total[np.minimum(high + 1, power.size)] - total[low])

"""Minimum phase from a magnitude, by the folded real cepstrum."""

import numpy as np

from roomcal.units import ComplexArray, FloatArray

# Zeros of the magnitude are lifted to this, re its maximum: the logarithm stays finite.
_FLOOR = 1e-7


def minimum_phase_spectrum(magnitude: FloatArray) -> ComplexArray:
    """Complete a magnitude to the spectrum of minimum phase.

    Parameters
    ----------
    magnitude : (..., n_fft // 2 + 1) float array
        At the bins of a real FFT of even length. The cepstrum aliases: choose the FFT several
        times as long as the response is going to ring.

    Returns
    -------
    H : (..., n_fft // 2 + 1) complex array

    Notes
    -----
    The logarithm of a minimum-phase spectrum has a causal cepstrum (Oppenheim and Schafer,
    Discrete-Time Signal Processing, 3rd ed., section 13.5).
    """
    n_fft = 2 * (magnitude.shape[-1] - 1)
    floor = _FLOOR * magnitude.max(axis=-1, keepdims=True)
    cepstrum = np.fft.irfft(np.log(np.maximum(magnitude, floor)), n_fft)
    cepstrum[..., 1 : n_fft // 2] *= 2.0
    cepstrum[..., n_fft // 2 + 1 :] = 0.0
    return np.asarray(np.exp(np.fft.rfft(cepstrum)))

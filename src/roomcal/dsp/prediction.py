"""Filter times response: what will be measured when a filter plays through a room."""

import numpy as np
import scipy.fft

from roomcal.units import FloatArray


def predict(h: FloatArray, taps: FloatArray) -> FloatArray:
    """Convolve one or several responses with a filter, whole and without wrapping.

    Parameters
    ----------
    h : (..., n_samples) float array
    taps : (n_taps,) float array

    Returns
    -------
    predicted : (..., n_samples + n_taps - 1) float array
        Index 0 is the index 0 of `h`.
    """
    if taps.ndim != 1 or taps.size == 0 or h.shape[-1] == 0:
        raise ValueError(f"one filter and a response are needed, got {taps.shape=} {h.shape=}")
    n = h.shape[-1] + taps.size - 1
    n_fft = scipy.fft.next_fast_len(n, real=True)
    H = scipy.fft.rfft(h, n_fft, axis=-1)
    H *= scipy.fft.rfft(taps, n_fft)
    return np.asarray(scipy.fft.irfft(H, n_fft, axis=-1)[..., :n])

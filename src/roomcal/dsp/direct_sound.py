"""The direct sound of a response: what arrives within a few cycles, at every frequency."""

import numpy as np
import scipy.fft

from roomcal.units import ComplexArray, FloatArray

# Two passes of a rectangle make a triangle over frequency: a smooth window over time.
_PASSES = 2
_SPAN_S = 16384 / 48000.0  # five cycles at 20 Hz last 0.25 s
_FADE_OUT_SHARE = 1.0 / 8.0


def span_samples(fs: int) -> int:
    """Length of a transform that holds the direct sound at every frequency; a power of two."""
    return 1 << int(np.ceil(np.log2(_SPAN_S * fs)))


def direct_spectrum(
    h: FloatArray, arrival: float, fs: int, *, n_fft: int, cycles: float
) -> ComplexArray:
    """Spectrum of responses within a window that shortens with frequency, arrival at time 0.

    Parameters
    ----------
    h : (..., n_samples) float array
    arrival : float
        Index of the direct sound.
    fs : int
    n_fft : int
        Shorter than `h`: the end is faded out.
    cycles : float
        Length of the window.

    Returns
    -------
    C : (..., n_fft // 2 + 1) complex array

    Notes
    -----
    Smoothing a complex spectrum over a width that is proportional to frequency is windowing with
    a length that is inversely proportional to it.
    """
    x = np.zeros((*h.shape[:-1], n_fft))
    n = min(h.shape[-1], n_fft)
    x[..., :n] = h[..., :n]
    if h.shape[-1] > n_fft:
        fall = round(_FADE_OUT_SHARE * n_fft)
        x[..., -fall:] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(fall) + 0.5) / fall)
    f = np.arange(n_fft // 2 + 1) * (fs / n_fft)
    C = scipy.fft.rfft(x, axis=-1) * np.exp(2j * np.pi * f * arrival / fs)
    return smoothed_spectrum(C, cycles)


def smoothed_spectrum(C: ComplexArray, cycles: float) -> ComplexArray:
    """Smooth complex spectra over frequency: what is farther than `cycles` from time 0 goes.

    Parameters
    ----------
    C : (..., n_bins) complex array
    cycles : float

    Returns
    -------
    C : (..., n_bins) complex array
    """
    n = C.shape[-1]
    half = 1.0 / (3.0 * cycles)
    k = np.arange(n)
    low = np.floor(k * (1.0 - half)).astype(np.intp)
    high = np.minimum(np.ceil(k * (1.0 + half)).astype(np.intp) + 1, n)
    for _ in range(_PASSES):
        total = np.concatenate([np.zeros((*C.shape[:-1], 1)), np.cumsum(C, axis=-1)], axis=-1)
        C = (total[..., high] - total[..., low]) / (high - low)
    return C

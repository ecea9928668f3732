"""The same response at another sample rate."""

import math

import numpy as np
import scipy.fft

from roomcal.units import FloatArray

# Silence behind the response, so that what a band limit rings does not wrap onto its start.
_PAD_S = 0.02


def at_rate(h: FloatArray, fs: int, new_fs: int) -> FloatArray:
    """Resample responses so that their transfer functions stay what they are.

    Parameters
    ----------
    h : (..., n_samples) float array
    fs, new_fs : int

    Returns
    -------
    h_new : (..., n_new) float array
        Index 0 is the same time; the gain at every frequency below both Nyquist frequencies is
        that of `h`, above there is none.

    Notes
    -----
    The spectrum of a response of finite length is cut or extended with zeros at a transform
    length that is a whole number of samples at both rates: exact below the lower Nyquist
    frequency. A filter is a response, so its sum is kept and not its sample values.
    """
    if fs == new_fs:
        return h
    common = math.gcd(fs, new_fs)
    up, down = new_fs // common, fs // common
    n_even = 2 * math.ceil((h.shape[-1] + _PAD_S * fs) / (2 * down))  # whole and even at both
    n_old, n_new = n_even * down, n_even * up
    H = scipy.fft.rfft(h, n_old, axis=-1)
    H_new = np.zeros((*h.shape[:-1], n_new // 2 + 1), dtype=np.complex128)
    n_kept = min(n_old, n_new) // 2  # the Nyquist bin itself is dropped: it has no phase
    H_new[..., :n_kept] = H[..., :n_kept]
    n_wanted = math.ceil(h.shape[-1] * up / down)
    return np.asarray(scipy.fft.irfft(H_new, n_new, axis=-1)[..., :n_wanted])

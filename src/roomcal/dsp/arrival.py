"""When the direct sound arrives."""

import numpy as np
import scipy.fft

from roomcal.units import FloatArray

# The direct sound is looked for where speakers are loud and rooms decay quickly.
_CENTRE_HZ = 2800.0
_WIDTH_OCTAVES = 0.8
_THRESHOLD = 0.5  # of the envelope's peak


def arrival_sample(h: FloatArray, fs: int) -> float:
    """Index of the direct sound, to a fraction of a sample.

    Parameters
    ----------
    h : (n_samples,) float array
    fs : int

    Returns
    -------
    index : float
        Where the envelope of the band around 1-8 kHz first rises through half of its maximum.
        A speaker without that band (a sub) is searched over all it plays.
    """
    n_fft = scipy.fft.next_fast_len(2 * h.size, real=True)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    H = scipy.fft.rfft(h, n_fft)
    weight = np.exp(-0.5 * (np.log2(np.maximum(f, 1.0) / _CENTRE_HZ) / _WIDTH_OCTAVES) ** 2)
    if np.sum(np.abs(weight * H) ** 2) < 1e-4 * np.sum(np.abs(H) ** 2):
        weight = np.ones_like(f)
    analytic = np.zeros(n_fft, dtype=np.complex128)
    analytic[: f.size] = H * weight
    envelope = np.abs(scipy.fft.ifft(analytic))[: h.size]
    limit = _THRESHOLD * envelope.max()
    first = int(np.argmax(envelope >= limit))
    if first == 0 or envelope[first] == envelope[first - 1]:
        return float(first)
    step = envelope[first] - envelope[first - 1]
    return float(first - (envelope[first] - limit) / step)

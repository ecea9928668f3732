"""When the direct sound arrives."""

import numpy as np
import scipy.fft

from roomcal.units import ComplexArray, FloatArray

# The direct sound is looked for where speakers are loud and rooms decay quickly.
_CENTRE_HZ = 2800.0
_WIDTH_OCTAVES = 0.8
_THRESHOLD = 0.5  # of the envelope's peak
# Of its energy: below the first a response has nothing in that band; below the second (a flat
# speaker has a tenth there) it may have noise alone, whose envelope stays below this multiple of
# its own rms: noise passes it in one of 10^6 responses (N exp(-5^2), N = 76,800 samples).
_ABSENT = 1e-4
_DOUBTFUL = 1e-2
_LEAST_CREST = 5.0
# The end of a response says how strong its noise is, if it lasts this long after the arrival.
_END_SHARE = 1.0 / 4.0
_LONG_ENOUGH_S = 0.25


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
    envelope = _envelope_of_direct(h, fs)
    limit = _THRESHOLD * envelope.max()
    first = int(np.argmax(envelope >= limit))
    if first == 0 or envelope[first] == envelope[first - 1]:
        return float(first)
    step = envelope[first] - envelope[first - 1]
    return float(first - (envelope[first] - limit) / step)


def arrival_crest(h: FloatArray, fs: int) -> float:
    """How far the envelope in which the arrival is found stands out of the end of a response.

    Parameters
    ----------
    h : (n_samples,) float array
    fs : int

    Returns
    -------
    crest : float
        Peak over the rms of the last quarter; infinite where the response is too short to tell
        noise from what still decays.
    """
    envelope = _envelope_of_direct(h, fs)
    after = envelope.size - int(np.argmax(envelope >= _THRESHOLD * envelope.max()))
    if after < _LONG_ENOUGH_S * fs:
        return np.inf
    end = envelope[envelope.size - round(_END_SHARE * after) :]
    rms = float(np.sqrt(np.mean(end**2)))
    return float(envelope.max()) / rms if rms > 0.0 else np.inf


def _envelope_of_direct(h: FloatArray, fs: int) -> FloatArray:
    """Envelope of the band in which the arrival is looked for."""
    n_fft = scipy.fft.next_fast_len(2 * h.size, real=True)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    H = scipy.fft.rfft(h, n_fft)
    weight = np.exp(-0.5 * (np.log2(np.maximum(f, 1.0) / _CENTRE_HZ) / _WIDTH_OCTAVES) ** 2)
    share = np.sum(np.abs(weight * H) ** 2) / max(np.sum(np.abs(H) ** 2), np.finfo(float).tiny)
    envelope = _envelope(H * weight, n_fft)[: h.size]
    noise = envelope.max() < _LEAST_CREST * np.sqrt(np.mean(envelope**2))
    if share < _ABSENT or (share < _DOUBTFUL and noise):
        envelope = _envelope(H, n_fft)[: h.size]
    return envelope


def _envelope(spectrum: ComplexArray, n_fft: int) -> FloatArray:
    """Half the magnitude of the analytic signal of a half spectrum."""
    analytic = np.zeros(n_fft, dtype=np.complex128)
    analytic[: spectrum.size] = spectrum
    return np.abs(scipy.fft.ifft(analytic))

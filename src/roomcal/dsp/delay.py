"""Delay between two recordings of the same waveform, to a thousandth of a sample."""

import numpy as np
import scipy.fft

from roomcal.units import ComplexArray, FloatArray

_NEWTON_STEPS = 30
_CONVERGED_SAMPLES = 1e-9


def delay_samples(
    reference: FloatArray, x: FloatArray, fs: int, *, low_hz: float, high_hz: float
) -> float:
    """Maximum-likelihood delay of `x` behind `reference` within a band.

    Parameters
    ----------
    reference, x : (n,) float array
        May differ in length; index 0 is the same time in both.
    fs : int
    low_hz, high_hz : float
        Band in which both are alike.

    Returns
    -------
    delay : float
        In samples, positive when `x` is later.

    Notes
    -----
    In white noise the most likely delay is the maximum of the band-limited cross-correlation
    (Knapp and Carter, IEEE Trans. ASSP 24(4), 1976); Newton's method finds it between samples.
    """
    n_fft = 2 * scipy.fft.next_fast_len((reference.size + x.size + 1) // 2, real=True)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    cross = scipy.fft.rfft(x, n_fft) * np.conj(scipy.fft.rfft(reference, n_fft))
    cross *= (f >= low_hz) & (f <= high_hz)
    peak = int(np.argmax(scipy.fft.irfft(cross, n_fft)))
    delay = float(peak - n_fft if peak > n_fft // 2 else peak)
    return refined_delay(cross, delay)


def refined_delay(cross: ComplexArray, delay: float) -> float:
    """Maximum of a cross-correlation near a first guess, to a thousandth of a sample.

    Parameters
    ----------
    cross : (n_fft // 2 + 1,) complex array
        Cross-spectrum; multiplied by -1 when the polarity is inverted.
    delay : float
        First guess in samples, within the main lobe.

    Returns
    -------
    delay : float
    """
    w = np.pi * np.arange(cross.size) / (cross.size - 1)
    for _ in range(_NEWTON_STEPS):
        rotated = cross * np.exp(1j * w * delay)
        slope = np.sum((1j * w * rotated).real)
        curvature = np.sum((-(w**2) * rotated).real)
        if curvature >= 0.0:
            break
        step = float(np.clip(-slope / curvature, -0.5, 0.5))
        delay += step
        if abs(step) < _CONVERGED_SAMPLES:
            break
    return delay

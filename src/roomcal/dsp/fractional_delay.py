"""Delay a filter by a fraction of a sample with hardly any ringing."""

import numpy as np

from roomcal.units import FloatArray

# A sinc under a Kaiser window: 2 * 32 taps and beta 10 hold 0.001 dB up to 0.45 of the sample
# rate (Oppenheim and Schafer, 3rd ed., section 7.5.3: 100 dB over a transition of 0.1 fs). What
# rings before the delayed impulse lies above that and lasts at most 32 samples.
HALF_WIDTH = 32
_KAISER_BETA = 10.0
# Nearer to a whole sample than this, no kernel is needed: -100 dB of error at Nyquist.
WHOLE_SAMPLE = 3e-6


def delayed(taps: FloatArray, delay_samples: float) -> FloatArray:
    """Delay a filter inside its own length.

    Parameters
    ----------
    taps : (n_taps,) float array
    delay_samples : float
        0 or more; a fraction needs at least `HALF_WIDTH` to have room for its kernel.

    Returns
    -------
    y : (n_taps,) float array
        What is moved beyond the end is dropped.
    """
    whole = round(delay_samples)
    if abs(delay_samples - whole) < WHOLE_SAMPLE:
        if whole < 0:
            raise ValueError(f"a filter cannot be advanced, got {delay_samples=}")
        return np.concatenate([np.zeros(whole), taps])[: taps.size]
    if delay_samples < HALF_WIDTH:
        raise ValueError(f"a fractional delay needs {HALF_WIDTH} samples, got {delay_samples=}")
    base = int(np.floor(delay_samples))
    n = np.arange(-HALF_WIDTH + 1, HALF_WIDTH + 1)
    u = n - (delay_samples - base)
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(1.0 - (u / HALF_WIDTH) ** 2, 0.0)))
    kernel = np.sinc(u) * window / np.i0(_KAISER_BETA)
    kernel /= kernel.sum()
    y = np.convolve(taps, kernel)
    start = base - HALF_WIDTH + 1
    return np.concatenate([np.zeros(start), y])[: taps.size]

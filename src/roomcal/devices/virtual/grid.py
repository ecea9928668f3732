"""The frequency grid that the whole virtual room is written on, and its limits in time.

The grid has the same spacing at every sample rate, so that a room is the same room at each.
"""

import numpy as np

from roomcal.units import FloatArray

# 2.8 s holds a whole and even number of samples at every rate below; nothing that rings as long
# as a living room's bass wraps around it above -130 dB.
GRID_S = 2.8
SHORT_GRID_S = GRID_S / 28.0  # for the early reflections, which end long before

SAMPLE_RATES = (44100, 48000, 88200, 96000, 176400, 192000)

# The truth is a finite array: this long, the last part faded.
TRUTH_S = 1.4
_FADE_OUT_S = 0.2
# The crossfades are of zero phase: what they let ring ahead of the direct sound is faded in here.
_BEFORE_DIRECT_S = 0.0012
_FADE_IN_S = 0.0006

# Converters pass everything up to this part of half the sample rate, and nothing at the end.
_PASSBAND = 0.96


def n_grid(fs: int) -> int:
    """Length of the long grid in samples."""
    return round(GRID_S * fs)


def n_short_grid(fs: int) -> int:
    """Length of the short grid in samples."""
    return round(SHORT_GRID_S * fs)


def frequencies_hz(n_fft: int, fs: int) -> FloatArray:
    """Frequencies of the bins of a real FFT, (n_fft // 2 + 1,)."""
    return np.arange(n_fft // 2 + 1, dtype=np.float64) * (fs / n_fft)


def fade(x: FloatArray) -> FloatArray:
    """Rise as a raised cosine from 0 at x <= 0 to 1 at x >= 1."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(x, 0.0, 1.0))


def band_limit(f_hz: FloatArray, fs: int) -> FloatArray:
    """Zero-phase response of the converters, which end at half the sample rate."""
    return 1.0 - fade((f_hz / (fs / 2.0) - _PASSBAND) / (1.0 - _PASSBAND))


def truth_window(direct_s: float, fs: int) -> FloatArray:
    """Window that makes a response causal and finite, (n_truth,)."""
    t = np.arange(round(TRUTH_S * fs)) / fs
    start = fade((t - direct_s + _BEFORE_DIRECT_S) / _FADE_IN_S)
    return start * fade((TRUTH_S - t) / _FADE_OUT_S)

"""The direct sounds of speakers side by side: what the detectors across takes share."""

import numpy as np
import scipy.fft

from roomcal.dsp.arrival import arrival_sample
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray

# The woofer's range above the room's modes: tweeters are wired either way, and arrive elsewhere
# in two rooms' corners.
BAND_HZ = (200.0, 3000.0)
_BEFORE_S, _AFTER_S = 0.001, 0.004
_FADE_S = 0.0015


def direct_sound(response: ImpulseResponse) -> FloatArray:
    """Cut the direct sound out of a response, band-limited, (n,)."""
    fs = response.fs
    h = response.samples
    n_fft = scipy.fft.next_fast_len(h.size, real=True)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    octaves = np.log2(np.maximum(f, 1.0))
    low, high = np.log2(BAND_HZ[0]), np.log2(BAND_HZ[1])
    gain = np.clip(np.minimum(octaves - low, high - octaves) + 0.5, 0.0, 1.0)
    limited = scipy.fft.irfft(scipy.fft.rfft(h, n_fft) * gain, n_fft)[: h.size]
    at = round(arrival_sample(h, fs))
    index = np.arange(at - round(_BEFORE_S * fs), at + round((_AFTER_S + _FADE_S) * fs))
    inside = (index >= 0) & (index < h.size)
    piece = np.where(inside, limited[np.clip(index, 0, h.size - 1)], 0.0)
    n_fade = round(_FADE_S * fs)
    piece[-n_fade:] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(n_fade) + 0.5) / n_fade)
    return piece


def likeness(first: FloatArray, second: FloatArray, *, reach: int) -> float:
    """Correlation coefficient of largest size within some lags: negative when inverted."""
    size = float(np.sqrt(np.sum(first**2) * np.sum(second**2)))
    if size == 0.0:
        return 0.0
    n_fft = scipy.fft.next_fast_len(first.size + second.size, real=True)
    cross = np.conj(scipy.fft.rfft(first, n_fft)) * scipy.fft.rfft(second, n_fft)
    lags = scipy.fft.irfft(cross, n_fft)
    near = np.concatenate([lags[-reach:], lags[: reach + 1]])
    return float(near[np.argmax(np.abs(near))] / size)

"""How the bass dies away: the spectrum of what is left of a response, later and later."""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.analyze.arrival import arrival_index
from roomcal.model.arrays import frozen_array
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray, db_from_ratio, log_grid_hz

LOW_HZ, HIGH_HZ = 20.0, 300.0
LAST_S, STEP_S = 0.5, 0.01
# Every slice sees this much of the response: 4 Hz of resolution. It rises before its time, or
# the cut itself would be heard, and falls slowly, or it would ring beside every mode.
WINDOW_S, RISE_S = 0.4, 0.05
PER_OCTAVE = 48
_RATE_HZ = 2000.0  # enough for 300 Hz and the edge of the low-pass
_EDGE_HZ = (500.0, 900.0)
_FRAME_S = 1.2  # rise, last slice and window, with room to spare
_END_FADE = 1.0 / 16.0  # of a response: what deconvolution fades out


@dataclass(frozen=True, eq=False)
class Waterfall:
    """Slices of one response.

    Attributes
    ----------
    t_s : (n_slices,) float array
        After the direct sound.
    f_hz : (n_frequencies,) float array
    level_db : (n_slices, n_frequencies) float array
        Re the loudest of the first slice; NaN where the response has ended.
    """

    t_s: FloatArray
    f_hz: FloatArray
    level_db: FloatArray

    def __post_init__(self) -> None:
        for name, ndim in (("t_s", 1), ("f_hz", 1), ("level_db", 2)):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=ndim, name=name))


def waterfall(response: ImpulseResponse) -> Waterfall:
    """Cut a response into slices of `WINDOW_S`, one every `STEP_S`.

    All slices have the same window, so that a mode falls from slice to slice by just what it
    decays in between: 60 dB in its T60.
    """
    h, fs = response.samples, response.fs
    first = round(arrival_index(response)) - round(RISE_S * fs)
    frame = np.zeros(round(_FRAME_S * fs))
    lead = max(-first, 0)
    part = h[max(first, 0) : first + frame.size]
    frame[lead : lead + part.size] = part
    low = _decimated(frame, fs)
    t = np.arange(round(LAST_S / STEP_S) + 1, dtype=np.float64) * STEP_S
    f = log_grid_hz(LOW_HZ, HIGH_HZ, PER_OCTAVE)
    n_rise, n = round(RISE_S * _RATE_HZ), round((RISE_S + WINDOW_S) * _RATE_HZ)
    window = np.cos(0.5 * np.pi * (np.arange(n) + 1.0 - n_rise) / (n - n_rise + 1.0)) ** 2
    window[:n_rise] = np.sin(0.5 * np.pi * (np.arange(n_rise) + 0.5) / n_rise) ** 2
    slices = np.lib.stride_tricks.sliding_window_view(low, n)[:: round(STEP_S * _RATE_HZ)]
    turns = np.exp(-2j * np.pi * np.outer(np.arange(n) / _RATE_HZ, f))
    level = db_from_ratio((slices[: t.size] * window) @ turns)
    ends_s = (h.size * (1.0 - _END_FADE) - first) / fs - RISE_S
    level[t + WINDOW_S > ends_s] = np.nan
    top = level[0].max()
    return Waterfall(t, f, level - top if np.isfinite(top) else level)


def _decimated(frame: FloatArray, fs: int) -> FloatArray:
    """Low frequencies of a frame at `_RATE_HZ`."""
    H = scipy.fft.rfft(frame)
    n = round(frame.size / fs * _RATE_HZ)
    f = np.arange(n // 2 + 1) * fs / frame.size
    beyond = np.clip((f - _EDGE_HZ[0]) / (_EDGE_HZ[1] - _EDGE_HZ[0]), 0.0, 1.0)
    kept = H[: n // 2 + 1] * np.cos(0.5 * np.pi * beyond) ** 2
    return np.asarray(scipy.fft.irfft(kept, n))

"""Cumulative spectral decay: the spectrum of what is still to come, later and later.

All slices end at the same time, so that each holds all that rings on: the picture of a speaker's
own resonances, in the few milliseconds before the room answers.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.analyze.arrival import arrival_index
from roomcal.dsp.smoothing import smoothed_power
from roomcal.model.arrays import frozen_array
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray, db_from_power, log_grid_hz

LOW_HZ, HIGH_HZ = 1000.0, 20000.0  # a window of 3 ms knows nothing of the bass
LAST_S = 0.002
STEP_S = 0.00005
END_S = 0.003  # then reflections arrive in most rooms
RISE_S = 0.0002  # of the window: its edge must not ring itself
PER_OCTAVE = 24
_SMOOTHING = 24
_FADE_SHARE = 0.25  # of the window, at its end


@dataclass(frozen=True, eq=False)
class CumulativeDecay:
    """Slices of one response.

    Attributes
    ----------
    t_s : (n_slices,) float array
        Beginning of each slice, after the direct sound.
    f_hz : (n_frequencies,) float array
    level_db : (n_slices, n_frequencies) float array
        Re the loudest of the first slice.
    """

    t_s: FloatArray
    f_hz: FloatArray
    level_db: FloatArray

    def __post_init__(self) -> None:
        for name, ndim in (("t_s", 1), ("f_hz", 1), ("level_db", 2)):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=ndim, name=name))


def cumulative_decay(response: ImpulseResponse) -> CumulativeDecay:
    """Cut a response into slices that begin one `STEP_S` after the other and end together.

    Notes
    -----
    Berman and Fincham, The application of digital techniques to the measurement of loudspeakers,
    J. Audio Eng. Soc. 25(6), 1977; the rising edge is rounded (Bunton and Small, J. Audio Eng.
    Soc. 30(3), 1982).
    """
    h, fs = response.samples, response.fs
    rise = max(round(RISE_S * fs), 1)
    first = round(arrival_index(response)) - rise
    n = rise + round(END_S * fs)
    frame = np.zeros(n)
    lead = max(-first, 0)
    part = h[max(first, 0) : max(first + n, 0)]
    frame[lead : lead + part.size] = part
    fade = round(_FADE_SHARE * n)
    frame[n - fade :] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
    t = np.arange(round(LAST_S / STEP_S) + 1, dtype=np.float64) * STEP_S
    index = np.arange(n)[None, :] - t[:, None] * fs
    edge = np.sin(0.5 * np.pi * np.clip((index + 0.5) / rise, 0.0, 1.0)) ** 2
    n_fft = scipy.fft.next_fast_len(4 * n, real=True)
    power = np.abs(scipy.fft.rfft(frame * edge, n_fft, axis=-1)) ** 2
    f = log_grid_hz(LOW_HZ, min(HIGH_HZ, 0.45 * fs), PER_OCTAVE)
    level = db_from_power(smoothed_power(power, fs / n_fft, f, _SMOOTHING))
    return CumulativeDecay(t, f, level - level[0].max())

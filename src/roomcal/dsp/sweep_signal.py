"""The two test signals as samples: the synchronised sweep and the timing mark."""

import numpy as np

from roomcal.model.sweep import Sweep
from roomcal.units import FloatArray, ratio_from_db

# The timing mark falls where the sweep rises, so that neither is taken for the other.
MARK_DURATION_S = 0.275
MARK_LOW_HZ = 500.0  # below, a room's modes blur the time
MARK_HIGH_HZ = 18000.0  # above, microphones and converters differ
MARK_HIGH_OF_FS = 0.42  # and never closer to the Nyquist frequency than this part of fs
# It is the first sound of a take: nothing begins faster than this.
_MARK_RISE_S = 0.05
_MARK_FALL_S = 0.025


def sweep_samples(sweep: Sweep) -> FloatArray:
    """Render a synchronised exponential sweep.

    Returns
    -------
    x : (sweep.n_samples,) float array
        Full scale is 1.

    Notes
    -----
    x(t) = a sin(2 pi f1 L exp(t / L)) (Novak, Lotton and Simon, J. Audio Eng. Soc. 63(10), 2015,
    equation 49). Raised-cosine fades, measured in octaves, keep the spectrum free of ripple: the
    fade-in lies below the band that is used.
    """
    rate_s = sweep.rate_s
    t = np.arange(sweep.n_samples) / sweep.fs
    x = np.sin(2.0 * np.pi * sweep.start_hz * rate_s * np.exp(t / rate_s))
    fade_in_s = rate_s * np.log(2.0) * sweep.fade_in_octaves
    fade_out_s = rate_s * np.log(2.0) * sweep.fade_out_octaves
    x *= _raised_cosine(t, fade_in_s) * _raised_cosine(sweep.duration_s - t, fade_out_s)
    return x * ratio_from_db(sweep.level_dbfs)


def mark_band_hz(fs: int) -> tuple[float, float]:
    """Lowest and highest frequency of the timing mark."""
    return MARK_LOW_HZ, min(MARK_HIGH_HZ, MARK_HIGH_OF_FS * fs)


def mark_samples(fs: int, *, level_dbfs: float) -> FloatArray:
    """Render the timing mark: a short exponential sweep downwards.

    Parameters
    ----------
    fs : int
    level_dbfs : float
        Of the peak.

    Returns
    -------
    x : (n_samples,) float array
        Lasts `MARK_DURATION_S`; starts and ends at zero.
    """
    low_hz, high_hz = mark_band_hz(fs)
    n_samples = round(MARK_DURATION_S * fs)
    t = np.arange(n_samples) / fs
    end_s = (n_samples - 1) / fs
    rate_s = end_s / np.log(high_hz / low_hz)
    x = np.sin(2.0 * np.pi * low_hz * rate_s * np.exp((end_s - t) / rate_s))
    x *= _raised_cosine(t, _MARK_RISE_S) * _raised_cosine(end_s - t, _MARK_FALL_S)
    return x * ratio_from_db(level_dbfs)


def _raised_cosine(t: FloatArray, rise_s: float) -> FloatArray:
    """Rise from 0 at `t` = 0 to 1 at `rise_s`."""
    if rise_s <= 0.0:
        return (t >= 0.0).astype(np.float64)
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(t / rise_s, 0.0, 1.0))

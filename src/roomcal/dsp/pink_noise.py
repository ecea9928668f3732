"""Band-limited pink noise that has the same level in every period."""

import numpy as np
import scipy.fft

from roomcal.units import FloatArray, ratio_from_db

_EDGE_OCTAVES = 1.0 / 6.0  # over which the band fades at each end


def pink_noise_period(
    n_samples: int, fs: int, *, low_hz: float, high_hz: float, level_dbfs: float, seed: int
) -> FloatArray:
    """One period of noise with equal energy in every octave of its band.

    Parameters
    ----------
    n_samples : int
        Length of the period.
    fs : int
    low_hz, high_hz : float
        Edges of the band, faded over a sixth of an octave outside of it.
    level_dbfs : float
        Of the root mean square.
    seed : int
        Of the phases.

    Returns
    -------
    x : (n_samples,) float array

    Notes
    -----
    Every bin has the amplitude that it should have and a random phase, so a level that is taken
    over one whole period of a room that has settled has no statistical error.
    """
    f = np.maximum(scipy.fft.rfftfreq(n_samples, 1.0 / fs), 0.5 * fs / n_samples)
    outside = np.maximum(np.log2(low_hz / f), np.log2(f / high_hz))
    fade = np.cos(0.5 * np.pi * np.clip(outside / _EDGE_OCTAVES, 0.0, 1.0))
    rng = np.random.default_rng(seed)
    phase = np.exp(2j * np.pi * rng.uniform(size=f.size))
    x = scipy.fft.irfft(fade / np.sqrt(f) * phase, n_samples)
    return np.asarray(x * (float(ratio_from_db(level_dbfs)) / np.sqrt(np.mean(x**2))))

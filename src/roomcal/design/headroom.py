"""How much room the loudest tone needs above 0 dBFS, so that no output clips."""

import numpy as np
import scipy.fft

from roomcal.units import FloatArray, db_from_ratio

# The transform is this many times as long as the taps, and never shorter than the second number:
# peaks between bins are missed by less than 0.005 dB for filters that decay within their length.
_OVERSAMPLING = 4
_SHORTEST_TRANSFORM = 1 << 17


def worst_sine_gain_db(taps: FloatArray) -> float:
    """Largest level of any output when every input carries a full-scale sine of one frequency.

    Parameters
    ----------
    taps : (n_outputs, n_inputs, n_taps) float array

    Returns
    -------
    gain_db : float
        The phases of the inputs are the worst that can be: the gains of the paths add.
    """
    n = max(_OVERSAMPLING * taps.shape[-1], _SHORTEST_TRANSFORM)
    n_fft = scipy.fft.next_fast_len(n, real=True)
    worst = 0.0
    for paths in taps:
        gain = np.zeros(n_fft // 2 + 1)
        for h in paths:
            if np.any(h):
                gain += np.abs(scipy.fft.rfft(h, n_fft))
        worst = max(worst, float(gain.max()))
    return float(db_from_ratio(worst))


def headroom_db(taps: FloatArray) -> float:
    """Attenuation that keeps every output at or below full scale; 0 when it is so already."""
    return max(0.0, worst_sine_gain_db(taps))

"""Step 5: the promise on gain, kept by the taps themselves and not by the curve they came from."""

import numpy as np
import scipy.fft

from roomcal.design.grid import Band, transform_length
from roomcal.dsp.minimum_phase import minimum_phase_spectrum
from roomcal.units import FloatArray, db_from_ratio, ratio_from_db

# The cut follows the peaks themselves: cut a whole band, and the bass that needs its boost loses.
_CUT_PASSES = 12
# A filter too short for its correction may never get there by cuts: then all of it is scaled
# down in dB, which ends in no correction at the latest.
_FLATTEN_PASSES = 6
_DONE_DB = 0.02  # above the limit


def capped(
    taps: FloatArray, fs: int, *, max_boost_db: float, middle: Band, latency_samples: int = 0
) -> FloatArray:
    """Cut a filter where its actual gain exceeds the limit.

    Parameters
    ----------
    taps : (n_taps,) float array
    fs : int
    max_boost_db : float
        Above the median gain in `middle`.
    middle : Band
    latency_samples : int
        Where time 0 of the filter lies.

    Returns
    -------
    taps : (n_taps,) float array
        Multiplied by a cut of minimum phase, so that nothing is delayed; where no cut gets there
        (far too few taps), the filter itself becomes one of minimum phase.
    """
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    n_fft = transform_length(fs, taps.size)
    f = np.arange(n_fft // 2 + 1) * (fs / n_fft)
    late = np.exp(-2j * np.pi * np.arange(f.size) * latency_samples / n_fft)
    # What is finer than the filter resolves would be lost again with the end of its taps.
    width = 2 * (n_fft // taps.size) + 1
    for i in range(_CUT_PASSES + _FLATTEN_PASSES):
        H = scipy.fft.rfft(taps, n_fft)
        level_db = db_from_ratio(H)
        level_db -= np.median(level_db[middle.covers(f)])
        excess_db = np.maximum(level_db - max_boost_db, 0.0)
        if excess_db.max() <= _DONE_DB:
            break
        if i < _CUT_PASSES:
            cut_db = uniform_filter1d(maximum_filter1d(excess_db, width), width)
            H = H * minimum_phase_spectrum(ratio_from_db(-cut_db))
        else:
            share = max_boost_db / (max_boost_db + excess_db.max())
            H = minimum_phase_spectrum(np.abs(H) ** share) * late
        taps = np.asarray(scipy.fft.irfft(H, n_fft)[: taps.size])
    return taps

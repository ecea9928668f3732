"""How much louder a filter plays: at its loudest frequency, and on average over music."""

import numpy as np

from roomcal.dsp.smoothing import smoothed_power
from roomcal.model.filter_bank import FilterBank
from roomcal.units import FloatArray, db_from_power, db_from_ratio, log_grid_hz

_PINK_RANGE_HZ = (40.0, 16000.0)  # where music has its energy


def peak_gain_db(taps: FloatArray, *, n_fft: int | None = None) -> float:
    """Largest gain for a sine, in dB.

    Parameters
    ----------
    taps : (n_taps,) float array
    n_fft : int, optional
        By default four times the length, so that no peak hides between two bins.
    """
    return float(db_from_ratio(np.abs(np.fft.rfft(taps, n_fft or 4 * taps.size)).max()))


def pink_gain_db(taps: FloatArray, fs: int) -> float:
    """Gain for pink noise in dB: the power gain averaged over log frequency.

    Parameters
    ----------
    taps : (n_taps,) float array
    fs : int
    """
    n_fft = max(taps.size, fs)
    f_hz = log_grid_hz(_PINK_RANGE_HZ[0], min(_PINK_RANGE_HZ[1], 0.4 * fs), 12)
    power = np.abs(np.fft.rfft(taps, n_fft)) ** 2
    return float(db_from_power(np.mean(smoothed_power(power, fs / n_fft, f_hz, 12))))


def quieter_db(filters: FilterBank) -> float:
    """By how much pink noise, and about music, plays quieter through the loudest path of a bank."""
    return -max(
        pink_gain_db(filters.path(out, inp), filters.fs) for out, inp in filters.active_paths
    )

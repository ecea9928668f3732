"""Frequency weightings A and C: what a sound level meter makes of a spectrum."""

from typing import Literal

import numpy as np
import scipy.fft

from roomcal.dsp.microphone import microphone_db
from roomcal.model.curve import Curve
from roomcal.units import FloatArray, db_from_power, db_from_ratio, power_from_db

Weighting = Literal["A", "C"]

# The four double and single poles of the analogue filters, from the design goals of the standard:
# C is 3 dB down at 10^1.5 and 10^3.9 Hz, A adds a high-pass that is 3 dB down at 10^2.45 Hz
# (IEC 61672-1:2013, annex E, equations E.2 to E.6).
_REFERENCE_HZ = 1000.0
_LOW_HZ = 10.0**1.5
_HIGH_HZ = 10.0**3.9
_A_HZ = 10.0**2.45


def weighting_db(f_hz: FloatArray, weighting: Weighting) -> FloatArray:
    """Gain of a weighting, 0 dB at 1 kHz.

    Parameters
    ----------
    f_hz : (n,) float array
        Above 0.
    weighting : "A" or "C"

    Returns
    -------
    gain_db : (n,) float array
    """
    f = np.asarray(f_hz, dtype=np.float64)
    reference = np.array([_REFERENCE_HZ])
    return db_from_ratio(_gain(f, weighting)) - db_from_ratio(_gain(reference, weighting))


def weighted_level_db(
    x: FloatArray, fs: int, weighting: Weighting, *, calibration: Curve | None = None
) -> float:
    """Level of a signal's root mean square after a weighting, in dB re 1.

    Parameters
    ----------
    x : (n_samples,) float array
    fs : int
    weighting : "A" or "C"
    calibration : Curve, optional
        Of the microphone: what it adds by itself is taken out.
    """
    n_fft = scipy.fft.next_fast_len(x.size, real=True)
    power = 2.0 * np.abs(scipy.fft.rfft(x, n_fft)[1:]) ** 2  # nothing of 0 Hz passes
    f_hz = scipy.fft.rfftfreq(n_fft, 1.0 / fs)[1:]
    gain_db = weighting_db(f_hz, weighting)
    if calibration is not None:
        gain_db -= microphone_db(calibration, f_hz)
    total = np.sum(power * power_from_db(gain_db))
    return float(db_from_power(total / (n_fft * x.size)))


def _gain(f: FloatArray, weighting: Weighting) -> FloatArray:
    """Amplitude gain before it is set to 1 at 1 kHz (IEC 61672-1:2013, equations E.1 and E.8)."""
    low, high, root = _LOW_HZ**2, _HIGH_HZ**2, np.sqrt(0.5)
    b = (_REFERENCE_HZ**2 + low * high / _REFERENCE_HZ**2 - root * (low + high)) / (1.0 - root)
    c = low * high
    split = np.sqrt(b * b - 4.0 * c)
    f1_squared, f4_squared = (-b - split) / 2.0, (-b + split) / 2.0
    f_squared = f**2
    gain = f4_squared * f_squared / ((f_squared + f1_squared) * (f_squared + f4_squared))
    if weighting == "A":
        f2 = (3.0 - np.sqrt(5.0)) / 2.0 * _A_HZ
        f3 = (3.0 + np.sqrt(5.0)) / 2.0 * _A_HZ
        gain = gain * f_squared / np.sqrt((f_squared + f2**2) * (f_squared + f3**2))
    return np.asarray(gain)

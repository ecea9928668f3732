"""Decibels, ratios and frequency grids: the only place that takes `20 * log10`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

# A level below this is not distinguished from silence; it keeps logarithms finite.
FLOOR_DB = -400.0
_FLOOR_RATIO = 10.0 ** (FLOOR_DB / 20.0)
_FLOOR_POWER = 10.0 ** (FLOOR_DB / 10.0)

# Nominal frequencies of one decade (IEC 61260-1:2014, annex E; ISO 266).
_NOMINAL_THIRD_OCTAVE = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)


def db_from_ratio(ratio: ArrayLike) -> FloatArray:
    """Level in dB of an amplitude ratio; nothing falls below `FLOOR_DB`."""
    return 20.0 * np.log10(np.maximum(np.abs(ratio), _FLOOR_RATIO))


def db_from_power(power: ArrayLike) -> FloatArray:
    """Level in dB of a power ratio; nothing falls below `FLOOR_DB`."""
    return 10.0 * np.log10(np.maximum(power, _FLOOR_POWER))


def ratio_from_db(level_db: ArrayLike) -> FloatArray:
    """Amplitude ratio of a level in dB."""
    return np.asarray(10.0 ** (np.asarray(level_db, dtype=np.float64) / 20.0))


def power_from_db(level_db: ArrayLike) -> FloatArray:
    """Power ratio of a level in dB."""
    return np.asarray(10.0 ** (np.asarray(level_db, dtype=np.float64) / 10.0))


def log_grid_hz(low_hz: float, high_hz: float, per_octave: int) -> FloatArray:
    """Frequencies from `low_hz` up to at most `high_hz`, evenly spaced in octaves.

    Returns
    -------
    f_hz : (n,) float array
    """
    n = int(np.floor(np.log2(high_hz / low_hz) * per_octave + 1e-9)) + 1
    return low_hz * 2.0 ** (np.arange(n) / per_octave)


def log_ramp(f_hz: FloatArray, edges_hz: tuple[float, float]) -> FloatArray:
    """Rise from 0 at the lower edge to 1 at the upper one, straight over log frequency."""
    low, high = np.log(edges_hz[0]), np.log(edges_hz[1])
    f = np.maximum(f_hz, np.finfo(np.float64).tiny)
    return np.clip((np.log(f) - low) / (high - low), 0.0, 1.0)


def band_centres_hz(low_hz: float, high_hz: float, *, bands_per_octave: int) -> FloatArray:
    """Exact mid-band frequencies of the octave or third-octave bands within a range.

    Notes
    -----
    Base-ten system, f_m = 1000 * 10**(3 n / (10 b)) (IEC 61260-1:2014, equation 2).
    """
    if bands_per_octave not in (1, 3):
        raise ValueError(f"octave or third-octave bands only, got {bands_per_octave=}")
    step = 3.0 / (10.0 * bands_per_octave)
    first = int(np.ceil(np.log10(low_hz / 1000.0) / step - 0.25))
    last = int(np.floor(np.log10(high_hz / 1000.0) / step + 0.25))
    return np.asarray(1000.0 * 10.0 ** (step * np.arange(first, last + 1)))


def nominal_hz(f_hz: float) -> float:
    """Nominal frequency of an exact third-octave or octave centre: 1258.9 is called 1250."""
    n = round(10.0 * np.log10(f_hz))
    return float(_NOMINAL_THIRD_OCTAVE[n % 10] * 10.0 ** (n // 10))


def frequency_text(f_hz: float) -> str:
    """Write a frequency as people read it: 63 Hz, 1.25 kHz."""
    return f"{f_hz:.3g} Hz" if f_hz < 999.5 else f"{f_hz / 1000.0:.3g} kHz"


def louder_text(level_db: float) -> str:
    """Write a difference in level as people say it: 0.7 dB louder, 0.7 dB quieter."""
    return f"{abs(level_db):.1f} dB {'quieter' if level_db < 0.0 else 'louder'}"


def counted(n: int, noun: str) -> str:
    """Write a number of things: 1 file, 2 files."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def speed_of_sound_m_s(temperature_c: float) -> float:
    """Speed of sound in dry air, 331.3 m/s at 0 degrees Celsius and rising with the root of T.

    Notes
    -----
    c = 331.3 sqrt(1 + theta / 273.15) (ideal gas).
    """
    return float(331.3 * np.sqrt(1.0 + temperature_c / 273.15))


def percent_text(share: float) -> str:
    """Write a share as a percentage: 0.4 %, 12.0 %."""
    return f"{100.0 * share:.1f} %"

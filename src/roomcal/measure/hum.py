"""Mains hum in a take: found in its silences, followed through it, and taken out of it.

Hum is a few steady tones, so the silence before and after the sweeps tells all about it. What is
subtracted is the same whatever plays, so nothing of the sweep is touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.model.arrays import frozen_array
from roomcal.units import FloatArray, db_from_power

_MAINS_HZ = (45.0, 65.0)
_STEP_HZ = 0.1
_HARMONICS = 12
# A tone is hum when it stands this far out of the noise around it in a second of silence. Chance
# reaches 11 dB in the 200 bins that are searched, and rarely twice at a harmonic distance.
_FOUND_DB = 14.0
_TOGETHER_DB = 10.0
_LEAST_TONES = 2
_FINE = 4  # zero padding of the spectrum
# Noise is read at these distances, in widths of a bin without padding: beyond the window's lobe.
_AROUND = (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
_MEDIAN_TO_MEAN_DB = 1.6  # of the power of a bin of noise: 1 / ln 2
_WINDOW_S = 1.0  # in which the phase is read
_BENDS = 3  # order of the polynomial that the phase follows: mains wander by 0.02 Hz
# A sweep hides a tone from a third of its frequency (distortion) to half an octave above it, and
# until its decay is over.
_HIDES_BELOW, _HIDES_ABOVE = 3.0, 1.4
_DECAY_S = 1.0


@dataclass(frozen=True)
class SweepTime:
    """When a sweep in a recording plays which frequency."""

    start_s: float
    start_hz: float
    rate_s: float

    def time_of_s(self, f_hz: float) -> float:
        """Return the time at which it plays a frequency; before its start for lower ones."""
        return self.start_s + self.rate_s * float(np.log(f_hz / self.start_hz))


@dataclass(frozen=True, eq=False)
class Hum:
    """Steady tones of the mains.

    Attributes
    ----------
    f_hz : float
        Mean frequency of the fundamental.
    orders : tuple of int
        Harmonics that were found; 1 is the fundamental.
    rms : float
        Of all of them, full scale is 1.
    signal : (n_samples,) float array
        The hum itself, through the whole take.
    """

    f_hz: float
    orders: tuple[int, ...]
    rms: float
    signal: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "signal", frozen_array(self.signal, ndim=1, name="signal"))


def find_hum(
    x: FloatArray, fs: int, *, silences: Sequence[slice], sweeps: Sequence[SweepTime]
) -> Hum | None:
    """Find hum and follow it.

    Parameters
    ----------
    x : (n_samples,) float array
    fs : int
    silences : sequence of slice
        Where nothing plays; the first is searched for hum.
    sweeps : sequence of SweepTime
        When a sweep is near a tone, that moment says nothing about the tone.

    Returns
    -------
    hum : Hum or None
        None when no tone stands out of the noise.
    """
    found = _tones(x[silences[0]], fs)
    if found is None:
        return None
    f_hz, orders = found
    phase = _phase(x, fs, f_hz, order=orders[0], sweeps=sweeps)
    turning = np.exp(1j * phase)
    quiet = np.concatenate([np.arange(x.size)[part] for part in silences])
    rows = np.concatenate([[t.real, t.imag] for t in (turning[quiet] ** k for k in orders)])
    weights = np.linalg.solve(rows @ rows.T, rows @ x[quiet])
    signal = np.zeros(x.size)
    for k, (a, b) in zip(orders, weights.reshape(-1, 2), strict=True):
        tone = turning**k
        signal += a * tone.real + b * tone.imag
    mean_hz = float(phase[-1] - phase[0]) * fs / (2.0 * np.pi * (x.size - 1))
    return Hum(mean_hz, tuple(sorted(orders)), float(np.sqrt(0.5 * np.sum(weights**2))), signal)


def _tones(silence: FloatArray, fs: int) -> tuple[float, list[int]] | None:
    """Fundamental and the harmonics that stand out of the noise, the strongest first."""
    n_fft = scipy.fft.next_fast_len(_FINE * silence.size, real=True)
    centred = (silence - silence.mean()) * np.hanning(silence.size)
    power_db = db_from_power(np.abs(scipy.fft.rfft(centred, n_fft)) ** 2)
    bin_hz = fs / n_fft
    around = np.round(np.array(_AROUND) * fs / silence.size / bin_hz).astype(np.intp)
    around = np.concatenate([-around[::-1], around])
    candidates = np.arange(*_MAINS_HZ, _STEP_HZ)
    at = np.round(np.arange(1, _HARMONICS + 1) * candidates[:, None] / bin_hz).astype(np.intp)
    floor_db = np.median(power_db[at[..., None] + around], axis=-1) + _MEDIAN_TO_MEAN_DB
    above_db = power_db[at] - floor_db
    stands = np.where(above_db >= _TOGETHER_DB, above_db, 0.0)
    best = int(np.argmax(stands.sum(axis=1)))
    if above_db[best].max() < _FOUND_DB or np.count_nonzero(stands[best]) < _LEAST_TONES:
        return None
    orders = [int(k) + 1 for k in np.flatnonzero(stands[best])]
    orders.sort(key=lambda k: -power_db[at[best, k - 1]])
    # The strongest tone says the frequency best.
    reach = round(_STEP_HZ * orders[0] / bin_hz) + 1
    first = at[best, orders[0] - 1] - reach
    peak = first + int(np.argmax(power_db[first : first + 2 * reach + 1]))
    left, top, right = power_db[peak - 1 : peak + 2]
    offset = 0.5 * (left - right) / (left - 2.0 * top + right)
    return float((peak + offset) * bin_hz / orders[0]), orders


def _phase(
    x: FloatArray, fs: int, f_hz: float, *, order: int, sweeps: Sequence[SweepTime]
) -> FloatArray:
    """Phase of the fundamental at every sample: a line, bent as its strongest tone bends."""
    size = round(_WINDOW_S * fs)
    starts = np.arange(0, x.size - size + 1, size // 4)
    window = np.hanning(size)
    tone_hz = order * f_hz
    n = np.arange(size)
    carrier = window * np.exp(-2j * np.pi * tone_hz * n / fs)
    heard = [
        np.dot(x[s : s + size], carrier) * np.exp(-2j * np.pi * tone_hz * s / fs) for s in starts
    ]
    z = np.array(heard)
    centre_s = (starts + 0.5 * size) / fs
    free = np.ones(starts.size, dtype=bool)
    for sweep in sweeps:
        first_s = sweep.time_of_s(tone_hz / _HIDES_BELOW) - 0.5 * _WINDOW_S
        last_s = sweep.time_of_s(tone_hz * _HIDES_ABOVE) + _DECAY_S + 0.5 * _WINDOW_S
        free &= (centre_s < first_s) | (centre_s > last_s)
    t = np.arange(x.size) / fs
    if np.count_nonzero(free) <= 2 * _BENDS:
        return 2.0 * np.pi * f_hz * t
    bend = np.unwrap(np.angle(z[free]))
    scale_s = x.size / fs
    fit = np.polynomial.Polynomial.fit(
        centre_s[free], bend, _BENDS, w=np.abs(z[free]), domain=[0.0, scale_s]
    )
    return 2.0 * np.pi * f_hz * t + fit(t) / order

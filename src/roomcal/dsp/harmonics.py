"""The responses of a speaker's harmonics, which a synchronised sweep parts from the linear one."""

import numpy as np
import scipy.fft

from roomcal.dsp.smoothing import smoothed_power
from roomcal.model.sweep import Sweep
from roomcal.units import ComplexArray, FloatArray, db_from_power

# A harmonic's response is cut out from this part of the way to the next higher one onwards.
_LEAD_SHARE = 0.25
_FADE_SHARE = 0.1
_PER_OCTAVE = 6  # the levels are averages over this part of an octave


def harmonic_levels_db(
    h: FloatArray, sweep: Sweep, f_hz: FloatArray, *, order: int, linear_s: float
) -> FloatArray:
    """Level of one harmonic re the fundamental, at frequencies of the fundamental.

    Parameters
    ----------
    h : (n_fft,) float array
        Circular response: time 0 at index 0, what precedes it at the end.
    sweep : Sweep
    f_hz : (n,) float array
    order : int
        2 or more.
    linear_s : float
        Length of the linear response that counts.

    Returns
    -------
    level_db : (n,) float array
        NaN where the harmonic lies above half the sample rate.

    Notes
    -----
    The k-th harmonic of an exponential sweep of rate L is the sweep itself, earlier by L ln k;
    with f1 L a whole number also in phase (Novak, Lotton and Simon, J. Audio Eng. Soc. 63(10),
    2015, equation 42). So the k-th response at the frequency k f, over the first at f, is the
    k-th harmonic of a sine of the frequency f. Noise in it is not subtracted: see
    `harmonic_floor_db`.
    """
    gate = _gate(h.size, sweep, order)
    power, bin_hz = _power(h, sweep, gate)
    linear, _ = _power(h, sweep, (-_lead(sweep, 1), round(linear_s * sweep.fs)))
    inside = order * f_hz < 0.5 * sweep.fs
    at = np.where(inside, order * f_hz, 0.25 * sweep.fs)
    harmonic_db = db_from_power(smoothed_power(power, bin_hz, at, _PER_OCTAVE))
    level_db = harmonic_db - db_from_power(smoothed_power(linear, bin_hz, f_hz, _PER_OCTAVE))
    return np.where(inside, level_db, np.nan)


def harmonic_floor_db(
    noise: FloatArray,
    inverse: ComplexArray,
    h: FloatArray,
    sweep: Sweep,
    f_hz: FloatArray,
    *,
    order: int,
    linear_s: float,
) -> FloatArray:
    """Level that noise alone reads as a harmonic: one below it is not told from noise.

    Parameters
    ----------
    noise : (n_noise,) float array
        Recorded while nothing played.
    inverse : (n_fft // 2 + 1,) complex array
        What the recording was multiplied with to become `h`.
    h, sweep, f_hz, order, linear_s
        See `harmonic_levels_db`.

    Returns
    -------
    floor_db : (n,) float array
    """
    window = np.hanning(noise.size)
    centred = (noise - noise.mean()) * window
    # Noise longer than the transform is folded: its power stays.
    folded = np.pad(centred, (0, -noise.size % h.size)).reshape(-1, h.size).sum(axis=0)
    density = np.abs(scipy.fft.rfft(folded)) ** 2 / np.sum(window**2)
    first, last = _gate(h.size, sweep, order)
    power = density * np.abs(inverse) ** 2 * (last - first)
    linear, bin_hz = _power(h, sweep, (-_lead(sweep, 1), round(linear_s * sweep.fs)))
    inside = order * f_hz < 0.5 * sweep.fs
    at = np.where(inside, order * f_hz, 0.25 * sweep.fs)
    level_db = db_from_power(smoothed_power(power, bin_hz, at, _PER_OCTAVE))
    level_db -= db_from_power(smoothed_power(linear, bin_hz, f_hz, _PER_OCTAVE))
    return np.where(inside, level_db, np.nan)


def _lead(sweep: Sweep, order: int) -> int:
    """Return by how many samples a response may begin before its time."""
    apart_s = sweep.harmonic_advance_s(order + 1) - sweep.harmonic_advance_s(order)
    return round(_LEAD_SHARE * apart_s * sweep.fs)


def _gate(n_fft: int, sweep: Sweep, order: int) -> tuple[int, int]:
    """First and last sample of a harmonic's response: up to where the lower one begins."""
    at = -round(sweep.harmonic_advance_s(order) * sweep.fs)
    lower = -round(sweep.harmonic_advance_s(order - 1) * sweep.fs)
    first = at - _lead(sweep, order)
    if -first > n_fft // 2:
        raise ValueError(f"the response is too short for {order=}")
    return first, lower - _lead(sweep, order - 1)


def _power(h: FloatArray, sweep: Sweep, gate: tuple[int, int]) -> tuple[FloatArray, float]:
    """Power spectrum of the part of a circular response inside a gate, and its bin width."""
    index = np.arange(*gate)
    window = np.ones(index.size)
    n_fade = max(1, round(_FADE_SHARE * index.size))
    fade = np.sin(0.5 * np.pi * (np.arange(n_fade) + 0.5) / n_fade) ** 2
    window[: n_fade // 2] *= fade[: 2 * (n_fade // 2) : 2]
    window[-n_fade:] *= fade[::-1]
    part = np.zeros(h.size)
    part[: index.size] = h[index % h.size] * window
    return np.abs(scipy.fft.rfft(part)) ** 2, sweep.fs / h.size

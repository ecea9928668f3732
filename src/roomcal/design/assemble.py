"""Taps out of the parts of a filter: joined, delayed, cut to length and faded."""

import numpy as np
import scipy.fft

from roomcal.design.align import AlignedSet
from roomcal.design.grid import on_bins, transform_length
from roomcal.design.phase_plan import PhasePlan
from roomcal.dsp.minimum_phase import minimum_phase_spectrum
from roomcal.units import ComplexArray, FloatArray, frequency_text, ratio_from_db

# The last part of the taps fades out, so that a cut tail does not ripple the response; of what
# lies before the direct sound the first third fades in.
_FADE_OUT_SHARE = 1.0 / 8.0
_FADE_IN_SHARE = 1.0 / 3.0
# A filter resolves about this many cycles per its length; below, it is only a level.
CYCLES_PER_FILTER = 4.0


def minimum_phase_taps(
    f_hz: FloatArray, level_db: FloatArray, fs: int, *, n_taps: int
) -> FloatArray:
    """Taps of minimum phase with a level that is given on a grid, held flat beyond its ends."""
    n_fft = transform_length(fs, n_taps)
    F = minimum_phase_spectrum(ratio_from_db(on_bins(f_hz, level_db, n_fft, fs)))
    return _faded(scipy.fft.irfft(F, n_fft)[:n_taps], 0)


def joined_taps(
    f: FloatArray,
    correction_db: FloatArray,
    others: ComplexArray | None,
    aligned: AlignedSet,
    *,
    plan: PhasePlan,
    n_taps: int,
) -> FloatArray:
    """Multiply the parts of a filter, delay it by its latency and cut it to its length.

    Parameters
    ----------
    f, correction_db : (n,) float array
        Level of the part of minimum phase, on the design grid.
    others : (n_fft // 2 + 1,) complex array or None
        The other parts, time 0 at index 0, at the bins of `aligned`.
    """
    fs = aligned.fs
    n_fft = transform_length(fs, n_taps)
    F = minimum_phase_spectrum(ratio_from_db(on_bins(f, correction_db, n_fft, fs)))
    if others is not None:
        if n_fft != aligned.n_fft:
            short = scipy.fft.irfft(others, aligned.n_fft)
            half = aligned.n_fft // 2
            long = np.zeros(n_fft)
            long[:half], long[n_fft - half :] = short[:half], short[half:]
            others = scipy.fft.rfft(long)
        F = F * others
    taps = np.roll(scipy.fft.irfft(F, n_fft), plan.latency_samples)[:n_taps]
    return _faded(taps, plan.latency_samples)


def _faded(taps: FloatArray, latency_samples: int) -> FloatArray:
    """Fade in over the start of the latency and out over the end of the taps."""
    taps = np.array(taps)
    fall = int(_FADE_OUT_SHARE * taps.size)
    taps[taps.size - fall :] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(fall) + 0.5) / fall)
    rise = int(_FADE_IN_SHARE * latency_samples)
    if rise > 0:
        taps[:rise] *= 0.5 - 0.5 * np.cos(np.pi * (np.arange(rise) + 0.5) / rise)
    return taps


def symmetric(taps: FloatArray, fs: int, latency_samples: int) -> FloatArray:
    """Turn a filter into one of linear phase that fits into twice its latency."""
    n_fft = transform_length(fs, taps.size)
    h = np.roll(scipy.fft.irfft(np.abs(scipy.fft.rfft(taps, n_fft)), n_fft), latency_samples)
    y = np.zeros(taps.size)
    n = min(2 * latency_samples + 1, taps.size)
    y[:n] = h[:n]
    u = (np.arange(n) - latency_samples) / max(latency_samples, 1)
    y[:n] *= np.clip(2.0 * (0.5 + 0.5 * np.cos(np.pi * u)), 0.0, 1.0)
    return y


def linear_note(latency_samples: int, fs: int) -> str:
    """Say what linear phase costs."""
    text = f"linear phase: {1000.0 * latency_samples / fs:.0f} ms of latency"
    lowest_hz = CYCLES_PER_FILTER * fs / max(2 * latency_samples, 1)
    if lowest_hz > 20.0:
        text += f", coarse below {frequency_text(lowest_hz)}"
    return f"{text}; every correction rings before the sound as long as after it"

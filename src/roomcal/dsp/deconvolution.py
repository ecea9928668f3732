"""From a recorded stimulus to the impulse response: spectral division, exact inside the band."""

import numpy as np
import scipy.fft

from roomcal.dsp.smoothing import smoothed_power
from roomcal.units import ComplexArray, FloatArray, db_from_power, log_grid_hz, power_from_db

# The response is not corrected below: nothing in a studio plays there, and noise is loudest.
LOWEST_HZ = 16.0
# Regularisation, re the stimulus' own power at the edge of its band: rounding noise alone inside,
# and rising outside over these widths. Steeper or stronger, and the response rings before time
# zero; weaker, and noise from below the band leaks into it.
_INSIDE_DB = -100.0
OUTSIDE_DB = -40.0
_LOW_RISE_OCTAVES = 1.0
_HIGH_RISE_OCTAVES = 1.0 / 6.0
# A stimulus covers the frequencies where its energy per octave is this close to its median.
_COVERED_DB = -6.0
_COVERAGE_STEPS = 24  # per octave
# Ends that fade: of the part after the stimulus or after time zero, and of the response's part
# before time zero.
_TAIL_FADE = 1.0 / 16.0
_HEAD_FADE = 0.8


def stimulus_band_hz(stimulus: FloatArray, fs: int) -> tuple[float, float]:
    """Lowest and highest frequency that a stimulus covers well enough to be divided by.

    Parameters
    ----------
    stimulus : (n_samples,) float array
        Any sweep: its energy per octave is about constant within its band.
    fs : int

    Returns
    -------
    low_hz, high_hz : float
    """
    n_fft = scipy.fft.next_fast_len(2 * stimulus.size, real=True)
    power = np.abs(scipy.fft.rfft(stimulus, n_fft)) ** 2
    f_hz = log_grid_hz(2.0 * fs / stimulus.size, fs / 2.0, _COVERAGE_STEPS)
    per_octave_db = db_from_power(smoothed_power(power, fs / n_fft, f_hz, 12) * f_hz)
    loud = per_octave_db >= per_octave_db.max() - 20.0
    covered = np.flatnonzero(per_octave_db >= np.median(per_octave_db[loud]) + _COVERED_DB)
    return float(f_hz[covered[0]]), float(min(f_hz[covered[-1]], fs / 2.0))


def inverse_spectrum(
    stimulus: FloatArray,
    fs: int,
    n_fft: int,
    *,
    low_hz: float = LOWEST_HZ,
    high_hz: float = 0.0,
    outside_db: float = OUTSIDE_DB,
) -> ComplexArray:
    """Spectrum that turns a recorded stimulus into the impulse response.

    Parameters
    ----------
    stimulus : (n_samples,) float array
    fs : int
    n_fft : int
    low_hz : float
        Below, and below what the stimulus covers, the division is regularised.
    high_hz : float
        The same at the top; 0 takes what the stimulus covers.
    outside_db : float
        Regularisation reached an octave below the band: higher against noise, lower for
        precision at the edge.

    Returns
    -------
    G : (n_fft // 2 + 1,) complex array

    Notes
    -----
    G = X* / (|X|^2 + e(f)) (Kirkeby and Nelson, J. Audio Eng. Soc. 47(7/8), 1999). Inside the
    band e is negligible: no error of level, phase or delay. The band limit that remains is of
    zero phase; one of minimum phase would shift the phase far into the band.
    """
    covered_low_hz, covered_high_hz = stimulus_band_hz(stimulus, fs)
    low_hz = max(low_hz, covered_low_hz)
    high_hz = min(high_hz or covered_high_hz, covered_high_hz)
    if not low_hz < high_hz:
        raise ValueError(f"the stimulus covers nothing between {low_hz=} and {high_hz=}")
    X = scipy.fft.rfft(stimulus, n_fft)
    power = np.abs(X) ** 2
    bin_hz = fs / n_fft
    f = np.maximum(np.arange(X.size) * bin_hz, bin_hz / 2.0)
    edges_hz = np.array([low_hz, high_hz])
    at_low, at_high = smoothed_power(power, bin_hz, edges_hz, _COVERAGE_STEPS)
    below = np.sin(0.5 * np.pi * np.clip(np.log2(low_hz / f) / _LOW_RISE_OCTAVES, 0.0, 1.0)) ** 2
    above = np.sin(0.5 * np.pi * np.clip(np.log2(f / high_hz) / _HIGH_RISE_OCTAVES, 0.0, 1.0)) ** 2
    rise_db = outside_db - _INSIDE_DB
    weakest = min(at_low, at_high)
    e = np.where(
        f < high_hz,
        weakest ** (1.0 - below) * at_low**below * power_from_db(_INSIDE_DB + rise_db * below),
        weakest ** (1.0 - above) * at_high**above * power_from_db(_INSIDE_DB + rise_db * above),
    )
    return np.asarray(np.conj(X) / (power + e))


def deconvolve(
    recording: FloatArray,
    stimulus: FloatArray,
    fs: int,
    *,
    low_hz: float = LOWEST_HZ,
    high_hz: float = 0.0,
    outside_db: float = OUTSIDE_DB,
    start_sample: int = 0,
    pre_samples: int = 0,
    n_samples: int,
) -> FloatArray:
    """Impulse response of what lies between a stimulus and its recording.

    Parameters
    ----------
    recording : (n_recorded,) float array
        Covers the stimulus and the decay after it.
    stimulus : (n_stimulus,) float array
    fs : int
    low_hz, high_hz, outside_db : float
        See `inverse_spectrum`.
    start_sample : int
        Index of the recording that is time zero: where the stimulus started. What lies before is
        left over from something else: it fades in, so that no step is deconvolved.
    pre_samples : int
        Samples kept before time zero, which becomes index `pre_samples`.
    n_samples : int
        Length of the result. Its last sixteenth, and most of what lies before time zero, fade
        as a cosine.

    Returns
    -------
    h : (n_samples,) float array
    """
    if n_samples <= pre_samples:
        raise ValueError(f"nothing is left after time zero: {n_samples=} {pre_samples=}")
    # Long enough that neither the decay nor harmonic products wrap around into the response.
    n_fft = scipy.fft.next_fast_len(recording.size + stimulus.size + n_samples, real=True)
    G = inverse_spectrum(stimulus, fs, n_fft, low_hz=low_hz, high_hz=high_hz, outside_db=outside_db)
    after = max(0, recording.size - start_sample - stimulus.size)
    faded = recording * _fades(recording.size, start_sample, round(_TAIL_FADE * after))
    around = scipy.fft.irfft(scipy.fft.rfft(faded, n_fft) * G, n_fft)
    first = start_sample - pre_samples
    h = np.take(around, np.arange(first, first + n_samples), mode="wrap")
    return h * end_fades(n_samples, pre_samples)


def end_fades(n_samples: int, pre_samples: int) -> FloatArray:
    """Window that is 1 but for a cosine fade at both ends.

    Returns
    -------
    window : (n_samples,) float array
    """
    n_tail = round(_TAIL_FADE * (n_samples - pre_samples))
    return _fades(n_samples, round(_HEAD_FADE * pre_samples), n_tail)


def _fades(n_samples: int, n_head: int, n_tail: int) -> FloatArray:
    """Rise over the first `n_head` samples, fall over the last `n_tail`, 1 in between."""
    window = np.ones(n_samples)
    window[:n_head] = np.sin(0.5 * np.pi * (np.arange(n_head) + 1.0) / (n_head + 1.0)) ** 2
    if n_tail:
        window[-n_tail:] = np.cos(0.5 * np.pi * (np.arange(n_tail) + 1.0) / (n_tail + 1.0)) ** 2
    return window

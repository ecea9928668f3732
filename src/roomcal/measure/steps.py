"""Lost and inserted samples: whole steps of the delay, told from clocks and from moving air.

A clock bends nothing and moving air bends smoothly; a lost sample is a step by a whole number.
With four marks a smooth bend of 0.3 sample can look like a step of one sample, so a small step
counts only where the sweep between its marks shows it too: at one moment and not little by little.
"""

from dataclasses import dataclass

import numpy as np

from roomcal.measure.clock import ClockLine, fit_clock
from roomcal.units import ComplexArray, FloatArray

# FAULTS.md, mark line: steps of at least half a sample; smooth deviations up to 0.3 sample are air.
LEAST_STEP = 0.7
_WHOLE_WITHIN = 0.3  # air may bend the step by this much
_STILL_LINE = 0.02  # deviations below are no step whatever the fit says
# A step larger than this is no air: the air of a room moves by half of it, peak to peak.
CERTAIN_STEP = 1.5
# Frequencies at which the delay inside of a sweep is looked at.
_LOW_HZ, _HIGH_HZ, _PER_OCTAVE = 250.0, 16000.0, 2
_FLAT = 0.2  # of the step: rms that its two sides may bend


@dataclass(frozen=True)
class Step:
    """Samples that were lost or inserted between two marks of a take.

    Attributes
    ----------
    after_mark : int
        Index of the last mark before it.
    samples : float
        Positive when the rest comes later (samples were inserted), negative when they were lost.
    clock : ClockLine
        What the clocks do, without the step: right before it.
    """

    after_mark: int
    samples: float
    clock: ClockLine

    @property
    def whole_samples(self) -> int:
        """The number of samples that it is."""
        return round(self.samples)


def find_step(clock: ClockLine) -> Step | None:
    """Find the one step that explains why the marks are on no line.

    Returns
    -------
    step : Step or None
        None when the marks are on a line, when no whole number of samples explains them, or when
        a bend explains them as well.
    """
    t, late = clock.mark_starts, clock.mark_samples - clock.mark_starts
    if t.size < 3 or clock.residual_samples < _STILL_LINE:
        return None
    found = [_step_after(k, t, late) for k in range(t.size - 1)]
    if t.size == 3:
        # Each of two steps explains three marks: the likelier one needs the slower clock.
        fits = [step for step, _ in found if _is_whole(step)]
        return min(fits, key=lambda step: abs(step.clock.slope_ppm), default=None)
    step, left = min(found, key=lambda pair: pair[1])
    if not _is_whole(step) or left > 0.5 * clock.residual_samples:
        return None
    return step


def without_step(clock: ClockLine, step: Step) -> ClockLine:
    """Clock line of the marks after the samples have been put back."""
    moved = clock.mark_samples.copy()
    moved[step.after_mark + 1 :] -= step.whole_samples
    return fit_clock(clock.mark_starts, moved)


def _is_whole(step: Step) -> bool:
    return (
        abs(step.samples) >= LEAST_STEP
        and abs(step.samples - step.whole_samples) <= _WHOLE_WITHIN
        and step.whole_samples != 0
    )


def _step_after(k: int, t: FloatArray, late: FloatArray) -> tuple[Step, float]:
    """Fit a line with a step after mark `k`; also the largest distance that is left."""
    centred = (t - t.mean()) / max(float(np.ptp(t)), 1.0)
    after = (np.arange(t.size) > k).astype(np.float64)
    A = np.stack([np.ones(t.size), centred, after], axis=1)
    solution, *_ = np.linalg.lstsq(A, late, rcond=None)
    left = float(np.abs(late - A @ solution).max())
    size = float(solution[2])
    clock = fit_clock(t, t + late - size * after)
    return Step(k, size, clock), left


def step_frequency(cross: ComplexArray, fs: int, samples: float) -> float | None:
    """Find what a sweep played when its samples were lost, or that it bends smoothly.

    Parameters
    ----------
    cross : (n_bins,) complex array
        Spectrum of the suspected sweep times the conjugate of a good one, on the time base from
        before the step.
    fs : int
    samples : float
        Delay after the step.

    Returns
    -------
    f_hz : float or None
        0 when it was before the sweep, infinite when after; None when the delay grows little by
        little: that is moving air.

    Notes
    -----
    An exponential sweep plays each frequency once, evenly over the logarithm of the frequency: a
    delay from one moment on is a delay above one frequency.
    """
    bin_hz = 0.5 * fs / (cross.size - 1)
    n_bands = int(np.log2(min(_HIGH_HZ, 0.4 * fs) / _LOW_HZ) * _PER_OCTAVE)
    edges = _LOW_HZ * 2.0 ** (np.arange(n_bands + 1) / _PER_OCTAVE)
    index = np.round(edges / bin_hz).astype(np.intp)
    total = np.add.reduceat(cross, index)[:-1]
    loudness = np.add.reduceat(np.abs(cross), index)[:-1]
    centre = np.sqrt(edges[1:] * edges[:-1])
    late = -np.angle(total) * fs / (2.0 * np.pi * centre)
    # A delay is known the better the higher the frequency and the less noise there is.
    weight = (np.abs(total) / np.maximum(loudness, np.finfo(np.float64).tiny)) ** 4
    weight *= np.minimum(centre / _HIGH_HZ, 0.25) ** 2
    bands = np.arange(n_bands)
    # Band k is the one in which it happens, so it may show anything; -1 and n_bands lie outside.
    error = [
        np.average((late - samples * (bands > k)) ** 2, weights=weight * (bands != k))
        for k in range(-1, n_bands + 1)
    ]
    k = int(np.argmin(error)) - 1
    if error[k + 1] > (_FLAT * samples) ** 2:
        return None
    if k in (-1, n_bands):
        return 0.0 if k < 0 else float("inf")
    return float(centre[k])

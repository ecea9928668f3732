"""Lost and inserted samples: whole steps of the delay, told from clocks and from moving air.

A clock bends nothing and moving air bends smoothly; a lost sample is a step by a whole number.
With four marks a smooth bend of 0.3 sample can look like a step of one sample, so a small step
counts only where the sweep between its marks shows it too: at one moment and not little by little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roomcal.measure.clock import ClockLine, air_samples, fit_clock
from roomcal.units import ComplexArray, FloatArray

# FAULTS.md, mark line: steps of at least half a sample; smooth deviations up to 0.3 sample are air.
LEAST_STEP = 0.7
_WHOLE_WITHIN = 0.3  # air may bend the step by this much
_STILL_LINE = 0.02  # deviations below are no step whatever the fit says
# A step larger than this is no air: the air of a room moves by half of it, peak to peak.
CERTAIN_STEP = 1.5
_LEAST_MARKS = 3
_USUAL_PPM = 100.0  # crystals differ by less
# Frequencies at which the delay inside of a sweep is looked at.
_LOW_HZ, _HIGH_HZ, _PER_OCTAVE = 250.0, 16000.0, 2
_FLAT = 0.2  # of the step: rms that its two sides may bend
_SURELY_FLAT = 0.1
_STILL_ERROR = 0.05  # of a step that moving air could reach: it shows in air that stands still
_AIR_BETWEEN_SWEEPS = 0.3  # moves a whole sweep, beside the step
# An error counts this often if the air has to help: a slow bend would be helped most.
_FREEDOM = 4.0
_BAND_SPREAD = 0.05  # samples by which bands of one sweep differ anyway


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


@dataclass(frozen=True)
class StepInSweep:
    """Where in a sweep samples are missing."""

    f_hz: float  # what it played then: 0 before the sweep, infinite after it
    error: float  # what a step leaves unexplained, rms, of the step
    moved_samples: float  # by the air, since the other sweeps

    @property
    def in_still_air(self) -> bool:
        """Whether so little else moves that a step can be told from air which moves as far."""
        return max(self.error, abs(self.moved_samples)) < _STILL_ERROR


def find_steps(clock: ClockLine, fs: int) -> list[Step]:
    """Find the step that explains why the marks are on no line.

    Parameters
    ----------
    clock : ClockLine
        Of all marks.
    fs : int

    Returns
    -------
    steps : list of Step
        Empty when the marks are on a line, when no whole number of samples explains them, or when
        a bend explains them as well. Two for three marks, each of which explains them: the
        likelier first.
    """
    t, late = clock.mark_starts, clock.mark_samples - clock.mark_starts
    if t.size < 3 or clock.residual_samples < _STILL_LINE:
        return []
    found = [_step_after(k, t, late) for k in range(t.size - 1)]
    if t.size == 3:
        whole = [step for step, _ in found if _is_whole(step, fs)]
        return sorted(whole, key=_unlikeliness)
    step, left = min(found, key=lambda pair: pair[1])
    if not _is_whole(step, fs) or left > 0.5 * clock.residual_samples:
        return []
    return [step]


def step_within_mark(clock: ClockLine, mark: int, others: Sequence[int], fs: int) -> Step | None:
    """Find the step that struck while a mark played, which then has no time of its own.

    Parameters
    ----------
    clock : ClockLine
        Of all marks.
    mark : int
    others : sequence of int
        Marks that are whole, three at least, some on either side.

    Returns
    -------
    step : Step or None
        Counted as right before the mark; None when no whole number of samples fits.
    """
    before = sum(k < mark for k in others)
    if len(others) < _LEAST_MARKS or before in (0, len(others)):
        return None
    t = clock.mark_starts[list(others)]
    late = clock.mark_samples[list(others)] - t
    found, _ = _step_after(before - 1, t, late)
    step = Step(mark - 1, found.samples, found.clock)
    return step if _is_whole(step, fs) else None


def _unlikeliness(step: Step) -> tuple[bool, bool, float]:
    """Order of steps: usual clocks before odd ones, lost samples before inserted ones."""
    slope_ppm = abs(step.clock.slope_ppm)
    return slope_ppm > _USUAL_PPM, step.samples > 0.0, slope_ppm


def without_step(clock: ClockLine, step: Step) -> ClockLine:
    """Clock line of the marks after the samples have been put back."""
    moved = clock.mark_samples.copy()
    moved[step.after_mark + 1 :] -= step.whole_samples
    return fit_clock(clock.mark_starts, moved)


def _is_whole(step: Step, fs: int) -> bool:
    return (
        abs(step.samples) >= LEAST_STEP
        and abs(step.samples - step.whole_samples) <= air_samples(_WHOLE_WITHIN, fs)
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


def locate_step(cross: ComplexArray, fs: int, samples: float) -> StepInSweep | None:
    """Find what a sweep played when its samples were lost.

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
    found : StepInSweep or None
        None when the delay grows little by little: that is moving air.

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
    coherence = np.clip(np.abs(total) / np.maximum(loudness, 1e-300), 1e-6, 1.0)
    scatter = (1.0 - coherence**2) / (2.0 * coherence**2 * np.diff(index))
    weight = 1.0 / (scatter * (fs / (2.0 * np.pi * centre)) ** 2 + _BAND_SPREAD**2)
    bands = np.arange(n_bands)
    # Band k is the one in which it happens, so it may show anything; -1 and n_bands lie outside.
    most = air_samples(_AIR_BETWEEN_SWEEPS, fs)
    error, moved = np.empty(n_bands + 2), np.zeros(n_bands + 2)
    for i, k in enumerate(range(-1, n_bands + 1)):
        left, weights = late - samples * (bands > k), weight * (bands != k)
        error[i] = np.sqrt(np.average(left**2, weights=weights)) / abs(samples)
        if k >= n_bands - 1:  # "after the sweep" is shown by one that stands still
            continue
        by_air = float(np.clip(np.average(left, weights=weights), -most, most))
        beside = np.sqrt(np.average((left - by_air) ** 2, weights=weights)) / abs(samples)
        if _FREEDOM * beside < error[i]:
            error[i], moved[i] = _FREEDOM * beside, by_air
    k = int(np.argmin(error)) - 1
    outside = -1 if error[0] < error[-1] else n_bands
    if error[outside + 1] < _SURELY_FLAT:
        k = outside
    if error[k + 1] > _FLAT:
        return None
    f_hz = (0.0 if k < 0 else float("inf")) if k in (-1, n_bands) else float(centre[k])
    return StepInSweep(f_hz, float(error[k + 1]), float(moved[k + 1]))

"""Whether a recording runs at another sample rate than it says."""

import numpy as np
import scipy.fft

from roomcal.dsp.resample import sample_at
from roomcal.dsp.sweep_signal import mark_band_hz, mark_samples
from roomcal.measure.clock import ClockLine, fit_clock
from roomcal.model.take import TakePlan
from roomcal.units import FloatArray

# Rates that devices have; one taken for another stretches everything.
RATES_HZ = (16000, 22050, 32000, 44100, 48000, 88200, 96000, 176400, 192000)
_RATIOS = (0.3, 3.4)  # beyond, a mark has nothing left of its band
_APART_OF_NEAREST = 0.4  # marks are looked for this far apart, of their nearest distance
_STANDS_OUT = 8.0  # a peak re the median of the envelope, as in `marks`
_LEAST_MARKS = 2
_ON_LINE_S = 0.02  # lost samples, moving air: on no account more


def stretched_clock(x: FloatArray, plan: TakePlan) -> ClockLine | None:
    """Look for the marks of a take at all rates that the recorder may have run at.

    Parameters
    ----------
    x : (n_samples,) float array
    plan : TakePlan

    Returns
    -------
    clock : ClockLine or None
        Its slope says how much faster the recorder took its samples; None if no rate fits.
    """
    fs = plan.sweep.fs
    ratios = [1.0, *(r / fs for r in RATES_HZ if r != fs and _RATIOS[0] < r / fs < _RATIOS[1])]
    best: tuple[float, ClockLine] | None = None
    for ratio in ratios:
        found = _at_ratio(x, plan, ratio)
        if found is not None and (best is None or found[0] > best[0]):
            best = found
    return None if best is None else best[1]


def _at_ratio(x: FloatArray, plan: TakePlan, ratio: float) -> tuple[float, ClockLine] | None:
    """How far the marks stand out at one rate, and the line through them."""
    fs = plan.sweep.fs
    mark = mark_samples(fs, level_dbfs=0.0)
    if ratio != 1.0:
        mark = sample_at(mark, np.arange(np.ceil(mark.size * ratio)) / ratio)
    n_fft = scipy.fft.next_fast_len(x.size + mark.size, real=True)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    low_hz, high_hz = mark_band_hz(fs)
    cross = scipy.fft.rfft(x, n_fft) * np.conj(scipy.fft.rfft(mark, n_fft))
    analytic = np.zeros(n_fft, dtype=np.complex128)
    analytic[: cross.size] = 2.0 * cross * ((f >= low_hz / ratio) & (f <= high_hz / ratio))
    envelope = np.abs(scipy.fft.ifft(analytic))[: x.size]
    # A fast recorder stops before the last marks have come.
    starts = np.array([s for s in plan.mark_starts if ratio * s + mark.size < x.size], np.float64)
    if starts.size < _LEAST_MARKS:
        return None
    apart = int(_APART_OF_NEAREST * ratio * np.diff(starts).min())
    left = envelope.copy()
    times = []
    for _ in range(starts.size):
        peak = int(np.argmax(left))
        times.append(peak)
        left[max(0, peak - apart) : peak + apart] = 0.0
    times.sort()
    stands_out = float(envelope[times].min() / max(np.median(envelope), np.finfo(float).tiny))
    clock = fit_clock(starts, np.array(times, dtype=np.float64))
    if stands_out < _STANDS_OUT or clock.residual_samples > _ON_LINE_S * fs:
        return None
    return stands_out, clock

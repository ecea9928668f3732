"""When the timing marks were heard: found by matched filter, timed against each other.

A mark that comes through the room is a mark smeared by the room. All marks of a position take
the same path, so the smear is the same for all of them: times are compared between received
marks, and only one common offset comes from the mark as it was sent.
"""

import numpy as np
import scipy.fft

from roomcal.dsp.delay import delay_samples, refined_delay
from roomcal.dsp.resample import sample_at
from roomcal.dsp.sweep_signal import mark_band_hz, mark_samples
from roomcal.errors import MeasurementError
from roomcal.measure.clock import ClockLine, fit_clock
from roomcal.model.take import TakePlan
from roomcal.units import ComplexArray, FloatArray, db_from_ratio

# A mark stands out of what surrounds it by this ratio: noise alone reaches 4 in a million samples,
# a sweep that is taken for a mark 3.
_HEARD_RATIO = 8.0
_SEARCH_STEP_S = 0.01  # marks may be this far off their places: lost samples, wrong clocks
_EARLIEST_S = -0.05  # devices that compensate their latency may be early
# A recording of 10 minutes at once would take gigabytes. So far from its ends, a part that cuts
# a bass tone rings by 85 dB less than a mark that is 40 dB below that tone.
_PART_SAMPLES = 1 << 21
_RING_SAMPLES = 1 << 14
# The mark arrives where its correlation first reaches this part of the maximum.
_FIRST_ARRIVAL = 0.5
# What is compared between marks: the mark, and the room's first answer to it.
_LEAD_S = 0.01
_ROOM_S = 0.03


def locate_marks(x: FloatArray, plan: TakePlan, *, source: str) -> ClockLine:
    """Find when the marks of a take arrive in one channel of its recording.

    Parameters
    ----------
    x : (n_samples,) float array
        Microphone or loopback.
    plan : TakePlan
    source : str
        Where the marks come from, for the message: "speaker L", "the loopback cable".

    Raises
    ------
    MeasurementError
        RC-501 when they are not heard.
    """
    fs = plan.sweep.fs
    mark = mark_samples(fs, level_dbfs=0.0)
    starts = np.array(plan.mark_starts)
    coarse = _coarse_times(_matched_envelope(x, mark, fs), plan, mark.size, source)
    lead = round(_LEAD_S * fs)
    received = _cut(x, coarse - lead, lead + mark.size + round(_ROOM_S * fs))
    late = _mutual_delays(received, fs)
    clock = fit_clock(starts.astype(np.float64), coarse + late)
    # A fast recorder stretches the mark; the one it is compared with is stretched alike.
    stretched = sample_at(mark, np.arange(np.ceil(mark.size * clock.ratio)) / clock.ratio)
    offset = _arrival_in(_common_waveform(received, late), stretched, fs) - lead
    return fit_clock(starts.astype(np.float64), coarse + late + offset)


def _matched_envelope(x: FloatArray, mark: FloatArray, fs: int) -> FloatArray:
    """Envelope of the correlation with the mark; index is the mark's start.

    Long recordings are taken in parts that overlap.
    """
    if x.size <= _PART_SAMPLES:
        return _envelope_at_once(x, mark, fs)
    whole = np.empty(x.size)
    step = _PART_SAMPLES - mark.size - 2 * _RING_SAMPLES
    for begin in range(0, x.size, step):
        first = max(0, begin - _RING_SAMPLES)
        part = x[first : begin + step + mark.size + _RING_SAMPLES]
        whole[begin : begin + step] = _envelope_at_once(part, mark, fs)[begin - first :][:step]
    return whole


def _envelope_at_once(x: FloatArray, mark: FloatArray, fs: int) -> FloatArray:
    """Envelope of the correlation with the mark, out of one transform."""
    n_fft = scipy.fft.next_fast_len(x.size + mark.size, real=True)
    cross = scipy.fft.rfft(x, n_fft) * np.conj(scipy.fft.rfft(mark, n_fft))
    return _envelope(_in_band(cross, n_fft, fs), n_fft)[: x.size]


def _in_band(cross: ComplexArray, n_fft: int, fs: int) -> ComplexArray:
    """Zero a cross-spectrum outside of the mark's band."""
    low_hz, high_hz = mark_band_hz(fs)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    return np.asarray(cross * ((f >= low_hz) & (f <= high_hz)))


def _envelope(cross: ComplexArray, n_fft: int) -> FloatArray:
    """Magnitude of the analytic signal of a spectrum."""
    analytic = np.zeros(n_fft, dtype=np.complex128)
    analytic[: cross.size] = 2.0 * cross
    return np.abs(scipy.fft.ifft(analytic))


def _coarse_times(
    envelope: FloatArray, plan: TakePlan, mark_size: int, source: str
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Whole samples at which the marks start: the lag at which the weakest is strongest."""
    fs = plan.sweep.fs
    step = round(_SEARCH_STEP_S * fs)
    n_blocks = envelope.size // step
    blocks = envelope[: n_blocks * step].reshape(n_blocks, step).max(axis=1)
    padded = np.concatenate([[0.0], blocks, [0.0]])
    near = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    at = np.round(np.array(plan.mark_starts) / step).astype(np.int64)
    lags = np.arange(int(_EARLIEST_S / _SEARCH_STEP_S), n_blocks - at[-1])
    if lags.size == 0:
        raise _not_heard(source, plan, heard=0, best_ratio=0.0)
    index = at[:, None] + lags
    weakest = np.where(index >= 0, near[np.maximum(index, 0)], 0.0).min(axis=0)
    lag = int(lags[np.argmax(weakest)])
    times = np.empty(at.size, dtype=np.int64)
    ratios = np.empty(at.size)
    for k, block in enumerate(at + lag):
        first = max(0, (block - 1) * step)
        times[k] = first + int(np.argmax(envelope[first : (block + 2) * step]))
        around = envelope[max(0, times[k] - mark_size) : times[k] + mark_size]
        ratios[k] = envelope[times[k]] / max(float(np.median(around)), np.finfo(np.float64).tiny)
    heard = int(np.sum(ratios >= _HEARD_RATIO))
    if heard < at.size:
        raise _not_heard(source, plan, heard=heard, best_ratio=float(ratios.max()))
    return times


def _not_heard(source: str, plan: TakePlan, *, heard: int, best_ratio: float) -> MeasurementError:
    """Say which marks are missing, and what to look at."""
    n_marks = len(plan.mark_starts)
    if heard == 0:
        message = f"heard no timing mark from {source}"
        hint = "check that it is on, its cable, its output channel, and the microphone's gain"
    else:
        message = f"heard only {heard} of {n_marks} timing marks from {source}"
        hint = "the recording stopped early, samples were lost, or a noise covered them: repeat it"
    return MeasurementError(
        "RC-501",
        message,
        hint=hint,
        heard=heard,
        expected=n_marks,
        best_above_surroundings_db=round(float(db_from_ratio(best_ratio)), 1),
        needed_db=round(float(db_from_ratio(_HEARD_RATIO)), 1),
    )


def _cut(
    x: FloatArray, starts: np.ndarray[tuple[int], np.dtype[np.int64]], n_samples: int
) -> FloatArray:
    """Pieces of equal length, with silence beyond the ends and faded edges.

    Returns
    -------
    pieces : (n_starts, n_samples) float array
    """
    index = starts[:, None] + np.arange(n_samples)
    inside = (index >= 0) & (index < x.size)
    pieces = np.where(inside, x[np.clip(index, 0, x.size - 1)], 0.0)
    n_fade = n_samples // 64
    fade = np.sin(0.5 * np.pi * (np.arange(n_fade) + 0.5) / n_fade) ** 2
    pieces[:, :n_fade] *= fade
    pieces[:, -n_fade:] *= fade[::-1]
    return pieces


def _mutual_delays(received: FloatArray, fs: int) -> FloatArray:
    """Delay of each received mark behind the mean of all, from all pairs (least squares).

    Returns
    -------
    late : (n_marks,) float array
        In samples; their sum is 0.
    """
    low_hz, high_hz = mark_band_hz(fs)
    n = len(received)
    pairs = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1, n):
            late = delay_samples(received[i], received[j], fs, low_hz=low_hz, high_hz=high_hz)
            pairs[j, i], pairs[i, j] = late, -late
    return pairs.mean(axis=1)


def _common_waveform(received: FloatArray, late: FloatArray) -> FloatArray:
    """Mean of the received marks, each moved back by its delay."""
    n_fft = scipy.fft.next_fast_len(2 * received.shape[1], real=True)
    w = 2.0 * np.pi * np.arange(n_fft // 2 + 1) / n_fft
    moved = scipy.fft.rfft(received, n_fft) * np.exp(1j * w * late[:, None])
    return np.asarray(scipy.fft.irfft(moved.mean(axis=0), n_fft)[: received.shape[1]])


def _arrival_in(waveform: FloatArray, mark: FloatArray, fs: int) -> float:
    """Where the mark as it was sent first arrives in a received one, to a fraction of a sample."""
    n_fft = 2 * scipy.fft.next_fast_len((waveform.size + mark.size + 1) // 2, real=True)
    cross = scipy.fft.rfft(waveform, n_fft) * np.conj(scipy.fft.rfft(mark, n_fft))
    # The mark has equal energy per octave: made flat, its correlation is a response with a sharp
    # peak, whose time noise hardly moves.
    cross = _in_band(cross, n_fft, fs) * np.linspace(0.0, 1.0, cross.size)
    envelope = _envelope(cross, n_fft)[: waveform.size]
    loud = envelope >= _FIRST_ARRIVAL * envelope.max()
    top = loud[1:-1] & (envelope[1:-1] >= envelope[:-2]) & (envelope[1:-1] >= envelope[2:])
    first = int(np.argmax(top)) + 1
    correlation = scipy.fft.irfft(cross, n_fft)
    around = np.arange(max(0, first - 2), first + 3)
    peak = int(around[np.argmax(np.abs(correlation[around]))])
    return refined_delay(cross * np.sign(correlation[peak]), float(peak))

"""The input was overdriven: the tops of the signal are flat (FAULTS.md, row 7)."""

import numpy as np

from roomcal.measure.evidence import Evidence
from roomcal.measure.steps_of_rounding import smallest_step
from roomcal.model.verdict import Verdict
from roomcal.units import FloatArray, counted, db_from_ratio, frequency_text

# FAULTS.md: a run of samples within 1e-4 of the maximum; 1 or 2 are clean, 4 are flagged.
PLATEAU = 1e-4
FLAGGED_RUN = 4
# A top that was cut, scaled and then rounded with dither (triangular) is spread over 3 steps.
_PLATEAU_STEPS = 3.5
FULL_SCALE = 0.9999
# Tops of the same height, by which a recording is clipped whose full scale is not known. Of 120
# clean takes, normalised and rounded to 16 bits with dither or without, none has more than 2; at
# -24 dBFS, 10.
SAME_TOPS = 24
# The top of a slow sine is as flat. In a window 16 times as high its run is four times as long, and
# twice where its harmonics flatten it; a cut top hardly grows. So do the samples of many tops: in
# clean takes that have 12 or more, at least 12-fold.
_WIDER = 16.0
_GROWS = 1.5
HEADROOM_DB = 6.0  # wanted above the highest peak


def detect(evidence: Evidence) -> list[Verdict]:
    """Reject a take whose highest peaks are flat, or reach full scale."""
    x = evidence.capture.microphone
    top = float(np.max(np.abs(x)))
    if top == 0.0:
        return []
    size = np.abs(x)
    window = max(PLATEAU, _PLATEAU_STEPS * smallest_step(x) / top)
    start, length = _longest_run(size, top, window)
    _, wider = _longest_run(size, top, _WIDER * window)
    clipped = length >= FLAGGED_RUN and wider < _GROWS * length
    if evidence.full_scale_known:
        clipped |= top >= FULL_SCALE
    else:  # above some kHz a cut top has fewer samples, but there are many, and all the same
        clipped |= _has_same_tops(size, top, window)
    if not clipped:
        return []
    f_hz = _frequency_hz(evidence, start)
    over_db = _over_db(length, f_hz, evidence.fs)
    lower_db = int(np.ceil(over_db + HEADROOM_DB))
    where = f" ({frequency_text(f_hz)})" if f_hz else ""
    n = int(np.count_nonzero(size >= top * (1.0 - window)))
    return [
        Verdict(
            "clip",
            "rejection",
            "RC-510",
            f"the input clipped: {counted(length, 'sample')} at {start / evidence.fs:.2f} s"
            f"{where}, {n} in all, at {float(db_from_ratio(top)):.1f} dBFS",
            hint=f"lower the microphone's gain by at least {lower_db} dB",
            time_s=start / evidence.fs,
            evidence={
                "run_samples": length,
                "clipped_samples": n,
                "top_dbfs": round(float(db_from_ratio(top)), 2),
                "lower_by_db": lower_db,
            },
        )
    ]


def _longest_run(size: FloatArray, top: float, window: float) -> tuple[int, int]:
    """Start and length of the longest run of samples within a window below the top."""
    high = size >= top * (1.0 - window)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], high, [False]]).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    longest = int(np.argmax(stops - starts))
    return int(starts[longest]), int(stops[longest] - starts[longest])


def _has_same_tops(size: FloatArray, top: float, window: float) -> bool:
    """Whether many tops end at the same height, and hardly any just below it."""
    high = size >= top * (1.0 - window)
    below = size >= top * (1.0 - _WIDER * window)
    grows = np.count_nonzero(below) >= _GROWS * np.count_nonzero(high)
    return _n_runs(high) >= SAME_TOPS and not grows


def _n_runs(high: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    """Count the runs of true values."""
    return int(np.count_nonzero(high[1:] & ~high[:-1])) + int(high[0])


def _frequency_hz(evidence: Evidence, sample: int) -> float:
    """Frequency that the sweep plays at a sample of the recording; 0 outside of sweeps."""
    sweep = evidence.capture.plan.sweep
    for start in evidence.capture.plan.sweep_starts:
        into_s = (sample - evidence.time.all_marks.recorded_at(start)) / evidence.fs
        if 0.0 <= into_s <= sweep.duration_s:
            return float(sweep.start_hz * np.exp(into_s / sweep.rate_s))
    return 0.0


def _over_db(run: int, f_hz: float, fs: int) -> float:
    """How much higher a sine would have risen above its cut, from the length of the cut."""
    half_angle = min(np.pi * f_hz * run / fs, 1.4)
    return float(-db_from_ratio(np.cos(half_angle)))

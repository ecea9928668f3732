"""What the recording holds besides the sweep: slams, voices, dropouts (FAULTS.md, 12 to 15)."""

import numpy as np

from roomcal.measure.disturbances import Disturbance, overlapping
from roomcal.measure.evidence import Evidence
from roomcal.measure.steps_of_rounding import smallest_step
from roomcal.model.verdict import Verdict
from roomcal.units import FloatArray, db_from_ratio, frequency_text

# A disturbance below this, re the recorded sweep, changes no third octave by 0.03 dB.
RELEVANT_DB = -50.0
# What is masked is flagged at 10 dB; it is worth a word from here on. Moving air reaches 10 dB.
TOLD_DB = 13.0
# An asymmetric speaker moves while it plays and springs back when the sweep ends: a thump that is
# as loud as its second harmonic. Every sweep has it; one sweep alone cannot tell it from a slam.
SYSTEMATIC_DB = -40.0
_END_S = (-0.1, 0.3)
_WITHIN_SWEEP = 0.5  # of what the air moves from sweep to sweep
_OF_THE_PAUSE = 0.8  # after this the response fades out
# A dropout: zeros in a row where the signal around is far from zero.
LEAST_ZEROS = 8
_AROUND_S = 0.01
_LOUD = 3e-3  # re the highest peak
# Rounding makes zeros where a signal crosses zero slowly: 8 in a row below 34 steps of rms, at
# 20 Hz and 48 kHz. More at higher rates.
_LOUD_STEPS = 128.0
_LOUD_STEPS_FS = 48000


def detect(evidence: Evidence) -> list[Verdict]:
    """Locate disturbances; reject a take only if nothing can stand in for what they spoil."""
    zeros = dropouts(evidence)
    if zeros:
        return zeros
    if len(evidence.segments) == 1:
        return [
            _verdict(evidence, e, "rejection", "in the only sweep")
            for e in evidence.own_events[0]
            if e.level_db >= (SYSTEMATIC_DB if _at_the_end(evidence, e) else RELEVANT_DB)
        ]
    verdicts = [
        _verdict(evidence, e, "warning", f"in sweep {e.sweep + 1}, masked")
        for e in evidence.combined.masked
        if e.level_db >= RELEVANT_DB and e.excess_db >= TOLD_DB and not _is_air(evidence, e)
    ]
    verdicts += [
        _verdict(evidence, e, "rejection", "in more than one sweep")
        for e in evidence.left_events
        if e.level_db >= RELEVANT_DB and e.excess_db >= TOLD_DB
    ]
    return verdicts + [
        _ringing(evidence, e)
        if _rings_on(evidence, e)
        else _verdict(
            evidence,
            e,
            "warning",
            "in every sweep at the same moment: something rattles, distorts or resamples",
        )
        for e in _earliest_sweep(evidence)
        if e.level_db >= SYSTEMATIC_DB
    ]


def _at_the_end(evidence: Evidence, event: Disturbance) -> bool:
    """Whether an event happens where the sweep ends."""
    into_s = (0.5 * event.peak_block * evidence.block - evidence.pre_samples) / evidence.fs
    after_s = into_s - evidence.capture.plan.sweep.duration_s
    return _END_S[0] <= after_s <= _END_S[1]


def _is_air(evidence: Evidence, event: Disturbance) -> bool:
    """Whether what sets a sweep apart from the others is no more than moving air makes.

    A slam or a voice shows in its own sweep as well.
    """
    if overlapping(event, evidence.own_events[event.sweep]):
        return False
    moved = _WITHIN_SWEEP * float(np.ptp(evidence.repeats.delays_samples))
    turned = 2.0 * np.pi * event.f_hz * moved / evidence.fs
    return bool(event.level_db <= db_from_ratio(max(turned, 1e-12)))


def _rings_on(evidence: Evidence, event: Disturbance) -> bool:
    """Whether an event is what the room still plays when its response has been cut off."""
    sweep = evidence.capture.plan.sweep
    into_s = (0.5 * event.peak_block * evidence.block - evidence.pre_samples) / evidence.fs
    since_s = into_s - sweep.rate_s * float(np.log(event.f_hz / sweep.start_hz))
    return since_s >= _OF_THE_PAUSE * evidence.capture.plan.tail_samples / evidence.fs


def _ringing(evidence: Evidence, event: Disturbance) -> Verdict:
    """Say that the pause is too short for the room."""
    pause_s = evidence.capture.plan.tail_samples / evidence.fs
    return Verdict(
        "residual",
        "warning",
        "RC-514",
        f"the room still rings around {frequency_text(event.f_hz)} when the pause of "
        f"{pause_s:g} s ends ({event.excess_db:.0f} dB above the noise)",
        hint=f"measure with a longer --pause, like {np.ceil(2.0 * pause_s):g}",
        time_s=evidence.time_s(event),
        evidence={"f_hz": round(event.f_hz, 1), "residual_db": round(event.excess_db, 1)},
    )


def _earliest_sweep(evidence: Evidence) -> list[Disturbance]:
    """Events of every sweep, told once."""
    common = [e for e in evidence.combined.common if e.sweep == evidence.repeats.kept[0]]
    return common or evidence.systematic_events


def _verdict(evidence: Evidence, event: Disturbance, severity: str, where: str) -> Verdict:
    """Describe one event."""
    time_s = evidence.time_s(event)
    rejected = severity == "rejection"
    return Verdict(
        "residual",
        "rejection" if rejected else "warning",
        "RC-514",
        f"disturbance at {time_s:.2f} s around {frequency_text(event.f_hz)} {where} "
        f"({event.excess_db:.0f} dB above the noise)",
        hint="keep quiet while the measurement runs"
        + ("; three sweeps or more can do without one" if rejected else "")
        + ("; or the room rings longer than its --pause" if _rings_on(evidence, event) else ""),
        time_s=time_s,
        evidence={
            "residual_db": round(event.excess_db, 1),
            "f_hz": round(event.f_hz, 1),
            "re_sweep_db": round(event.level_db, 1),
            "sweep": event.sweep + 1,
        },
    )


def dropouts(evidence: Evidence) -> list[Verdict]:
    """Find samples that are exactly zero in the middle of a signal (row 15)."""
    x = evidence.capture.microphone
    first = int(evidence.time.all_marks.mark_samples[0])
    last = int(evidence.time.all_marks.mark_samples[-1])
    steps = _LOUD_STEPS * max(1.0, evidence.fs / _LOUD_STEPS_FS)
    loud = max(_LOUD * float(np.max(np.abs(x))), steps * smallest_step(x))
    verdicts = []
    for begin, end in _zero_runs(x[first:last], LEAST_ZEROS):
        start, stop = begin + first, end + first
        reach = round(_AROUND_S * evidence.fs)
        before, after = x[max(0, start - reach) : start], x[stop : stop + reach]
        if min(np.sqrt(np.mean(before**2)), np.sqrt(np.mean(after**2))) < loud:
            continue
        time_s = start / evidence.fs
        verdicts.append(
            Verdict(
                "residual",
                "rejection",
                "RC-515",
                f"dropout at {time_s:.2f} s: {stop - start} samples are exactly zero",
                hint="the audio system was too slow: raise --block, close other programs",
                time_s=time_s,
                evidence={"n_samples": stop - start},
            )
        )
    return verdicts


def _zero_runs(x: FloatArray, least: int) -> list[tuple[int, int]]:
    """Start and end of every run of zeros."""
    zero = np.concatenate([[False], x == 0.0, [False]])
    edges = np.flatnonzero(np.diff(zero.astype(np.int8)))
    runs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [(a, b) for a, b in runs if b - a >= least]

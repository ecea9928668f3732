"""Whether the timing marks lie on a line (FAULTS.md, rows 16, 17 and 21).

Whole steps are lost or inserted samples, a bend is a resampler of the system, and a slight one is
the air that moves in every room.
"""

from roomcal.measure.clock import air_samples
from roomcal.measure.evidence import Evidence
from roomcal.model.verdict import Verdict

# FAULTS.md: smooth deviations of up to 0.3 sample are moving air: 0.1 m/s over 3 m is 0.12. They
# are counted from the air's own line; from that through four or five marks it may be a third more.
AIR_SAMPLES = 0.4
# Two marks that are neighbours say little about the slope: a line through three marks, two of
# them neighbours, is bent by the air's own change between them.
AIR_SAMPLES_PREDICTED = 1.5
NOTED_SAMPLES = 0.02  # clean takes stay below 0.0014 at SNR 20
_THREE_MARKS = 3


def detect(evidence: Evidence) -> list[Verdict]:
    """Judge what the marks of a take do besides keeping time."""
    verdicts = _covered(evidence)
    step = evidence.time.step
    if step is not None:
        return [*verdicts, _lost(evidence)]
    clock = evidence.time.clock
    bend = clock.residual_samples
    if clock.mark_starts.size == _THREE_MARKS:
        limit = air_samples(AIR_SAMPLES_PREDICTED, evidence.fs)
        gaps = (clock.mark_starts[1:] - clock.mark_starts[:-1]).tolist()
        # Deviation of the far mark from the line of the two that are neighbours.
        late = clock.mark_samples - clock.mark_starts
        near = 1 if gaps[1] < gaps[0] else 0
        slope = (late[near + 1] - late[near]) / gaps[near]
        far = 1 - near
        bend = float(abs(late[far + 1] - late[far] - slope * gaps[far]))
    else:
        limit = air_samples(AIR_SAMPLES, evidence.fs)
    numbers = {"deviation_samples": round(bend, 4)}
    if bend > limit:
        return [
            *verdicts,
            Verdict(
                "mark_line",
                "rejection",
                "RC-520",
                f"the delay is not a straight line over the take: it bends by {bend:.1f} samples",
                hint="the system resamples to follow two clocks, or lost samples in several "
                "places: use the device exclusively (WASAPI exclusive, ALSA hw, ASIO), with a "
                "larger block",
                evidence=numbers,
            ),
        ]
    if bend > NOTED_SAMPLES and clock.mark_starts.size > _THREE_MARKS:
        message = f"the air moves: the marks deviate by up to {bend:.2f} sample; the sweeps are "
        return [
            *verdicts,
            Verdict("mark_line", "note", "RC-530", message + "aligned", evidence=numbers),
        ]
    return verdicts


def _lost(evidence: Evidence) -> Verdict:
    """Name the samples that were lost or inserted."""
    step = evidence.time.step
    if step is None:
        raise ValueError("no samples are missing")
    n = abs(step.whole_samples)
    what = f"{n} sample{'' if n == 1 else 's'}"
    were = f"{'was' if n == 1 else 'were'} {'lost' if step.samples < 0 else 'inserted'}"
    first, last = (
        evidence.time.clock.recorded_at(evidence.capture.plan.mark_starts[k]) / evidence.fs
        for k in (step.after_mark, step.after_mark + 1)
    )
    near = "" if evidence.time.step_time_s is None else f", near {evidence.time.step_time_s:.1f} s"
    return Verdict(
        "mark_line",
        "rejection",
        "RC-516",
        f"{what} {were} between marks {step.after_mark + 1} and {step.after_mark + 2} "
        f"({first:.1f} s to {last:.1f} s{near})",
        hint="the audio system was too slow: raise --block, close other programs",
        time_s=evidence.time.step_time_s if evidence.time.step_time_s is not None else first,
        evidence={"samples": step.whole_samples, "step_samples": round(step.samples, 4)},
    )


def _covered(evidence: Evidence) -> list[Verdict]:
    """Name the marks that something else covered."""
    verdicts = []
    for k in evidence.time.covered_marks:
        time_s = float(evidence.time.all_marks.mark_samples[k]) / evidence.fs
        level_db = float(evidence.time.marks.disturbance_db[k])
        verdicts.append(
            Verdict(
                "mark_line",
                "warning",
                "RC-514",
                f"a disturbance covered timing mark {k + 1} at {time_s:.2f} s ({level_db:.0f} dB "
                "re the mark): left out",
                hint="keep quiet while the measurement runs",
                time_s=time_s,
                evidence={"level_db": round(level_db, 1)},
            )
        )
    return verdicts

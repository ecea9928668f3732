"""Whether somebody turned a knob during the take (FAULTS.md, row 27)."""

import numpy as np

from roomcal.measure.evidence import Evidence
from roomcal.model.verdict import Verdict

# FAULTS.md: between marks, clean takes vary by 0.003 dB at SNR 40 and 0.03 dB at SNR 20.
WARNED_DB = 0.1
REJECTED_DB = 0.5
# A change between the loudest and the softest mark, re the uncertainty of one: by chance five of
# them reach that in 1 of 100,000 takes (10 pairs that differ by 4.95 standard deviations).
_TIMES_NOISE = 7.0


def detect(evidence: Evidence) -> list[Verdict]:
    """Compare the levels of the marks."""
    marks = evidence.time.marks
    good = [k for k in range(marks.level_db.size) if k not in evidence.time.covered_marks]
    if len(good) < 2:
        return []
    level_db = marks.level_db[good]
    change_db = float(np.ptp(level_db))
    if change_db <= max(WARNED_DB, _TIMES_NOISE * marks.uncertainty_db):
        return []
    steps = np.diff(level_db)
    largest = int(np.argmax(np.abs(steps)))
    sign = np.sign(level_db[-1] - level_db[0]) or np.sign(steps[largest])
    first, last = good[largest], good[largest + 1]
    rejected = change_db > REJECTED_DB
    return [
        Verdict(
            "level",
            "rejection" if rejected else "warning",
            "RC-517",
            f"the level changed by {sign * change_db:+.2f} dB during the take, most between marks "
            f"{first + 1} and {last + 1}",
            hint="leave the gain of the microphone and the volume alone while measuring"
            if rejected
            else "let the equipment warm up; leave gain and volume alone",
            time_s=float(evidence.time.all_marks.mark_samples[last]) / evidence.fs,
            evidence={"change_db": round(float(sign * change_db), 3)},
        )
    ]

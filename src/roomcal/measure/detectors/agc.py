"""A microphone that turns itself up and down (FAULTS.md, row 24).

Level marks alone do not see it: each of them meets the same gain. The noise does: it is turned
down while something plays and up again in the pauses. And a mark that comes from the speaker under
test is predicted by its sweep.
"""

import math

from roomcal.measure.evidence import Evidence
from roomcal.measure.noise_track import track_noise
from roomcal.model.verdict import Verdict

FLAGGED_NOISE_DB = 2.5
FLAGGED_MARK_DB = 0.5  # clean takes stay below 0.05


def detect(evidence: Evidence) -> list[Verdict]:
    """Reject a take whose gain depends on its level."""
    track = track_noise(evidence)
    reasons, numbers = [], {}
    if not math.isnan(track.sweeping_db) and not math.isnan(track.pause_db):
        down_db = min(track.before_db, track.pause_db) - track.sweeping_db
        numbers["noise_down_db"] = round(down_db, 2)
        if down_db > FLAGGED_NOISE_DB:
            reasons.append(f"the noise is {down_db:.1f} dB lower while a sweep plays")
    mark_db = evidence.mark_gain_db
    if not math.isnan(mark_db):
        numbers["mark_gain_db"] = round(mark_db, 2)
        if abs(mark_db) > FLAGGED_MARK_DB:
            reasons.append(f"a timing mark is {mark_db:+.1f} dB re what the sweep predicts")
    if not reasons:
        return []
    return [
        Verdict(
            "agc",
            "rejection",
            "RC-522",
            f"the gain changes with the level: {', '.join(reasons)}",
            hint="turn off automatic gain control (AGC) of the microphone, in the system's sound "
            "settings and in the driver",
            evidence=numbers,
        )
    ]

"""Speech enhancement in the way: it learns the noise and takes it away (FAULTS.md, row 25)."""

import math

from roomcal.measure.evidence import Evidence
from roomcal.measure.noise_track import track_noise
from roomcal.model.verdict import Verdict

# A fair chain keeps its noise within 1 dB in the treble; rooms may change by some dB. Suppressors
# take away 10 to 20 dB.
FLAGGED_DB = 6.0


def detect(evidence: Evidence) -> list[Verdict]:
    """Reject a take whose noise vanishes after its start, or in its pauses."""
    track = track_noise(evidence)
    if math.isnan(track.pause_db) or math.isnan(track.sweeping_db):
        return []
    learnt_db = max(track.pause_db, track.sweeping_db)
    gated_db = track.pause_db - track.sweeping_db
    if learnt_db > -FLAGGED_DB and gated_db > -FLAGGED_DB:
        return []
    less_db = -learnt_db if learnt_db <= -FLAGGED_DB else -gated_db
    when = "than at the start of the take" if learnt_db <= -FLAGGED_DB else "in the pauses"
    return [
        Verdict(
            "noise_suppression",
            "rejection",
            "RC-523",
            f"a noise suppressor is active: the noise is {less_db:.0f} dB lower {when}",
            hint="switch off noise suppression, speech enhancement and echo cancellation in the "
            "system's sound settings and in the driver",
            evidence={
                "pause_db": round(track.pause_db, 1),
                "sweeping_db": round(track.sweeping_db, 1),
            },
        )
    ]

"""A microphone that delivers the same number all the time (FAULTS.md, row 1)."""

import numpy as np

from roomcal.measure.evidence import Evidence
from roomcal.model.verdict import Verdict


def detect(evidence: Evidence) -> list[Verdict]:
    """Reject a take in which the microphone's samples never change."""
    x = evidence.capture.microphone
    if x.size and np.ptp(x) > 0.0:
        return []
    value = float(x[0]) if x.size else 0.0
    return [
        Verdict(
            "silence",
            "rejection",
            "RC-502",
            f"the microphone is silent: {x.size} samples of exactly {value:g}",
            hint="it is muted, the wrong input is chosen, or the system denies access to it "
            "(privacy settings of macOS and Windows)",
            evidence={"n_samples": x.size, "value": value},
        )
    ]

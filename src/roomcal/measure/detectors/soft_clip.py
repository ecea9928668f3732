"""An input that bends before full scale, or a speaker driven too far (FAULTS.md, row 8)."""

import numpy as np

from roomcal.dsp.harmonics import harmonic_floor_db, harmonic_levels_db
from roomcal.measure.evidence import Evidence
from roomcal.model.verdict import Verdict
from roomcal.units import log_grid_hz

# FAULTS.md: a bending input shows a third harmonic of -26 dB. Monitors at working level stay
# below -40 dB above their bass.
FLAGGED_DB = -30.0
_ABOVE_FLOOR_DB = 6.0
_BAND_HZ = (150.0, 3000.0)
_PER_OCTAVE = 6
_LEAST_BANDS = 6


def detect(evidence: Evidence) -> list[Verdict]:
    """Reject a take whose third harmonic is that of an overloaded input."""
    sweep = evidence.capture.plan.sweep
    fs = evidence.fs
    f_hz = log_grid_hz(_BAND_HZ[0], min(_BAND_HZ[1], fs / 8.0), _PER_OCTAVE)
    linear_s = min(evidence.capture.plan.tail_samples / fs, 1.0)
    h = evidence.model.response(evidence.combined.segment, evidence.pre_samples)
    level_db = harmonic_levels_db(h, sweep, f_hz, order=3, linear_s=linear_s)
    floor_db = harmonic_floor_db(
        evidence.noise, evidence.model.inverse, h, sweep, f_hz, order=3, linear_s=linear_s
    )
    heard = level_db > floor_db + _ABOVE_FLOOR_DB
    if np.count_nonzero(heard) < _LEAST_BANDS:
        return []
    third_db = float(np.median(level_db[heard]))
    if third_db < FLAGGED_DB:
        return []
    # An input bends what it receives, room and all: its third harmonic goes with the cube of the
    # received level. That of a speaker is as loud as the speaker makes it, and meets the room.
    f = f_hz[heard]
    spectrum_db = evidence.level_at_db(f)
    received_db = level_db[heard] + spectrum_db
    as_input = float(np.std(received_db - 3.0 * spectrum_db))
    as_speaker = float(np.std(received_db - evidence.level_at_db(3.0 * f)))
    numbers = {"third_harmonic_db": round(third_db, 1), "from_hz": float(f[0])}
    if as_speaker < as_input:
        return [
            Verdict(
                "soft_clip",
                "warning",
                "RC-511",
                f"the speaker distorts: its third harmonic is at {third_db:.0f} dB (median from "
                f"{f[0]:.0f} to {f[-1]:.0f} Hz)",
                hint="lower the level",
                channel=evidence.capture.speaker,
                evidence=numbers,
            )
        ]
    return [
        Verdict(
            "soft_clip",
            "rejection",
            "RC-511",
            f"the input overloads before full scale: third harmonic at {third_db:.0f} dB (median "
            f"from {f[0]:.0f} to {f[-1]:.0f} Hz)",
            hint="lower the gain of the microphone's preamplifier, or the level",
            evidence=numbers,
        )
    ]

"""Where the treble ends: voice modes and hidden resamplers (FAULTS.md, rows 22 and 23)."""

from itertools import pairwise

import numpy as np

from roomcal.measure.evidence import Evidence
from roomcal.model.verdict import Verdict
from roomcal.units import db_from_power

# FAULTS.md: the first band of 250 Hz that is 30 dB below 2-8 kHz; above 22 kHz in clean takes
# with 48 kHz, flagged below 18 kHz.
BAND_HZ = 250.0
DOWN_DB = -30.0
REFERENCE_HZ = (2000.0, 8000.0)
REJECTED_BELOW_HZ = 18000.0
CLEAN_OF_NYQUIST = 0.915
_SEARCHED_FROM_HZ = 3000.0
# An edge of electronics falls within this part of its frequency; speakers fall more slowly.
_STEEP_FROM = 0.85
_STEEP_DB = -15.0
_PLAYED_DB = -30.0  # a speaker without treble (a sub) is not judged


def detect(evidence: Evidence) -> list[Verdict]:
    """Find the upper edge of the recorded band."""
    fs = evidence.fs
    h = evidence.response[0]
    power = np.abs(np.fft.rfft(h)) ** 2
    f = np.arange(power.size) * fs / h.size
    n_bands = int(0.5 * fs / BAND_HZ)
    edges = np.searchsorted(f, BAND_HZ * np.arange(n_bands + 1))
    band = np.array([power[a:b].mean() for a, b in pairwise(edges)])
    centre = BAND_HZ * (np.arange(n_bands) + 0.5)
    reference = float(np.mean(band[(centre >= REFERENCE_HZ[0]) & (centre < REFERENCE_HZ[1])]))
    if 10.0 * np.log10(reference / band.max()) < _PLAYED_DB:
        return []
    level_db = db_from_power(band / reference)
    low = np.flatnonzero((level_db < DOWN_DB) & (centre > _SEARCHED_FROM_HZ))
    if low.size == 0:
        return []
    edge_hz = float(centre[low[0]] - 0.5 * BAND_HZ)
    if edge_hz >= CLEAN_OF_NYQUIST * fs / 2.0 or level_db[low[0] :].max() > DOWN_DB + 5.0:
        return []
    before_db = float(np.interp(_STEEP_FROM * edge_hz, centre, level_db))
    steep = before_db > _STEEP_DB
    numbers = {"edge_hz": edge_hz, "before_edge_db": round(before_db, 1)}
    khz = f"{edge_hz / 1000.0:.3g} kHz"
    if edge_hz < REJECTED_BELOW_HZ and steep:
        return [
            Verdict(
                "bandwidth",
                "rejection",
                "RC-521",
                f"the input has no signal above {khz}: a voice or Bluetooth headset mode",
                hint="choose the microphone's full-band mode, not a headset profile, and a "
                "sample rate of 44.1 kHz or more",
                evidence=numbers,
            )
        ]
    if edge_hz < REJECTED_BELOW_HZ:
        return [
            Verdict(
                "bandwidth",
                "warning",
                "RC-521",
                f"{evidence.capture.speaker} plays little above {khz}",
                hint="check the tweeter, and that nothing stands before the speaker",
                channel=evidence.capture.speaker,
                evidence=numbers,
            )
        ]
    if not steep:
        return []
    return [
        Verdict(
            "bandwidth",
            "warning",
            "RC-521",
            f"band edge at {khz}: something on the way converts the sample rate (44.1 kHz)",
            hint=f"set the device and the system to {fs / 1000:g} kHz throughout",
            evidence=numbers,
        )
    ]

"""How one speaker differs from what it was: gain, bands, arrival, fine structure, distortion."""

from dataclasses import dataclass, replace

import numpy as np

from roomcal.dsp.arrival import arrival_sample
from roomcal.units import FloatArray
from roomcal.verify.checkup import BANDS_HZ, Checkup
from roomcal.verify.fine_structure import FineStructure, compare_fine_structure

# A microphone that is put back by hand stands within 5 mm, which reads as up to 10 mm.
MOVED_M = 0.018
DRIVER_DB = 6.0  # a band that loses more has lost its driver
# Bands this far below a speaker's loudest are not what it is made for.
_SPEAKER_RANGE_DB = 25.0
DISTORTION_RISE_DB = 6.0
DISTORTION_DB = -50.0  # 0.3 %: what is below is of no concern
_DISTORTION_BANDS = 6  # the width over which distortion is averaged: an octave


@dataclass(frozen=True, eq=False)
class SpeakerChange:
    """One speaker, now against then.

    Attributes
    ----------
    gain_db : float
    band_db : (n_bands,) float array
        Beyond the gain, per octave of `BANDS_HZ`; NaN where the speaker plays nothing.
    arrival_s : float
        Later than then; NaN without a common clock.
    """

    speaker: str
    gain_db: float
    band_db: FloatArray
    arrival_s: float
    fine: FineStructure
    distortion_db: float = float("nan")  # largest, now
    distortion_rise_db: float = float("nan")  # there, re then
    distortion_hz: float = float("nan")  # there

    @property
    def lost(self) -> tuple[float, ...]:
        """Octaves in which the speaker has all but fallen silent, Hz."""
        return tuple(float(f) for f in BANDS_HZ[self.band_db < -DRIVER_DB])

    @property
    def moved(self) -> bool:
        """Whether its place, or the microphone's, is another."""
        return not self.lost and self.fine.displacement_m > MOVED_M


def speaker_change(then: Checkup, now: Checkup) -> SpeakerChange:
    """Compare two check-ups of one speaker."""
    difference_db = now.level_db - then.level_db
    plays = then.level_db > then.level_db.max() - _SPEAKER_RANGE_DB
    # A driver that fails takes level away; the rest of the speaker tells the gain.
    whole = plays & (difference_db >= difference_db[plays].max() - DRIVER_DB)
    gain_db = float(np.median(difference_db[whole]))
    arrivals = [
        (arrival_sample(r.samples, r.fs) - r.time_zero) / r.fs
        if r.time_reference != "none"
        else float("nan")
        for r in (then.response, now.response)
    ]
    change = SpeakerChange(
        then.response.speaker,
        gain_db,
        np.where(plays, difference_db - gain_db, np.nan),
        arrivals[1] - arrivals[0],
        compare_fine_structure(then.response, now.response),
    )
    return _with_distortion(change, then, now)


def _with_distortion(change: SpeakerChange, then: Checkup, now: Checkup) -> SpeakerChange:
    """Add where the distortion has risen most, averaged over an octave."""
    if then.distortion_db is None or now.distortion_db is None or now.distortion_hz is None:
        return change
    floors = [np.zeros(0) if c.distortion_floor_db is None else c.distortion_floor_db
              for c in (then, now)]  # fmt: skip
    before = np.maximum(then.distortion_db, np.maximum(*floors))
    after = np.where(now.distortion_db > floors[1] + DISTORTION_RISE_DB, now.distortion_db, before)
    width = np.ones(_DISTORTION_BANDS) / _DISTORTION_BANDS
    rise = np.convolve(after - before, width, mode="valid")
    mean = np.convolve(after, width, mode="valid")
    hz = np.convolve(np.log(now.distortion_hz), width, mode="valid")
    at = int(np.argmax(np.where(mean > DISTORTION_DB, rise, -np.inf)))
    return replace(
        change,
        distortion_db=float(mean[at]),
        distortion_rise_db=float(rise[at]),
        distortion_hz=float(np.exp(hz[at])),
    )

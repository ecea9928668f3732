"""How loud the noise was in each part of a take: a fair chain does not touch it.

Noise is read in the treble: before the first mark, while a sweep is still in the bass, and after
the last mark. Automatic gain turns it down while something plays, a noise suppressor when it has
learnt it, a gate in the pauses.
"""

from dataclasses import dataclass

import numpy as np

from roomcal.dsp.short_time import short_time_spectra
from roomcal.measure.evidence import Evidence
from roomcal.units import FloatArray, db_from_power

_BAND_HZ = (6000.0, 16000.0)
_HIGHEST_OF_FS = 0.4
# Until here a sweep and its harmonics are far from that band.
_SWEEP_BELOW_HZ = 500.0
_LEAST_BLOCKS = 4
_LEAST_DBFS = -92.0  # below, the steps of a converter with 16 bits are the noise


@dataclass(frozen=True)
class NoiseTrack:
    """Level of the noise in dB re its level at the start of the recording; NaN if unknown."""

    before_db: float  # just before the first mark
    sweeping_db: float  # while the sweeps are in the bass
    pause_db: float  # after the last mark


def track_noise(evidence: Evidence) -> NoiseTrack:
    """Read the noise of a take in its parts."""
    fs, block = evidence.fs, evidence.block
    bins = slice(
        round(_BAND_HZ[0] * block / fs), round(min(_BAND_HZ[1], _HIGHEST_OF_FS * fs) * block / fs)
    )

    def level(power: FloatArray) -> float:
        if power.shape[0] < _LEAST_BLOCKS:
            return float("nan")
        return float(db_from_power(np.median(power[:, bins].mean(axis=1))))

    before = np.abs(short_time_spectra(evidence.noise, block)) ** 2
    before = before[2:-2]
    half = len(before) // 3
    start = level(before[:half])
    full_scale = db_from_power((bins.stop - bins.start) ** -1.0 * (block / 2) ** 2)
    if not start - full_scale > _LEAST_DBFS:
        return NoiseTrack(float("nan"), float("nan"), float("nan"))
    sweep = evidence.capture.plan.sweep
    at_s = sweep.rate_s * float(np.log(_SWEEP_BELOW_HZ / sweep.start_hz))
    last = int((evidence.pre_samples + at_s * fs) / (0.5 * block))
    # The mark before has decayed by half of that.
    first = last // 2
    sweeping = evidence.residual_power[:, first:last].reshape(-1, block // 2 + 1)
    # The response of a sweep takes the noise of its own pause with it: only the end is left.
    pause = np.empty((0, block // 2 + 1))
    if len(evidence.time.silences) > 1:
        after = short_time_spectra(evidence.microphone[evidence.time.silences[1]], block)
        pause = np.abs(after[2:-2]) ** 2
    return NoiseTrack(level(before[-half:]) - start, level(sweeping) - start, level(pause) - start)
